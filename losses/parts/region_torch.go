package parts

import (
	"fmt"
	"strings"

	"github.com/lossgen/lossgen/losses"
)

// This file writes the PyTorch expressions of losses that compare regions.

// The names of a region's sums in them.
const (
	torchBoth, torchPredicted, torchTrue = "i", "a", "b"
)

// TorchRatio is [RegionOptions.Ratio].
func (o RegionOptions) TorchRatio(numerator, denominator string) string {
	return fmt.Sprintf("(%s + %s) / %s", numerator, losses.Python(*o.SmoothNr), TorchAtLeast(fmt.Sprintf("(%s + %s)", denominator, losses.Python(*o.SmoothDr)), o.Eps))
}

// TorchAtLeast is [AtLeast].
func TorchAtLeast(text string, least float64) string {
	if least == 0 {
		return text
	}
	return fmt.Sprintf("%s.clamp(min=%s)", losses.Operand(text), losses.Python(least))
}

// TorchRegions writes a loss of the sums i = Σpt, a = Σp and b = Σt.
func TorchRegions(c *losses.Call, o RegionOptions, loss string) string {
	p := map[string]string{"softmax": "input.softmax(1)", "sigmoid": "input.sigmoid()", "none": "input"}[o.Activation]
	t := "target"
	if o.Target == "indices" {
		ignored := losses.Python(*o.IgnoreIndex)
		kept := fmt.Sprintf("torch.where(({target} != %s).unsqueeze(1), ", ignored)
		t = kept + fmt.Sprintf("F.one_hot(torch.where({target} == %s, 0, {target}), input.size(1)).movedim(-1, 1), 0).to(input.dtype)", ignored)
		p = kept + p + ", 0)"
	}
	both, predicted, truth := "(p * t)", "p", "t"
	if o.Squared {
		predicted, truth = "(p * p)", "(t * t)"
	}
	sum := o.torchSum(len(c.Shape("input")))
	return c.Expand(fmt.Sprintf("(lambda p, t: (lambda i, a, b: %s)(%s, %s, %s))(%s, %s)", loss, both+sum, predicted+sum, truth+sum, p, t), nil)
}

// torchSum is [RegionOptions.sum], as what follows the summed.
func (o RegionOptions) torchSum(rank int) string {
	var axes []string
	if o.Batch {
		axes = append(axes, "0")
	}
	for axis := 2; axis < rank; axis++ {
		axes = append(axes, fmt.Sprint(axis))
	}
	text := ""
	switch len(axes) {
	case 0: // none to sum over, for which PyTorch takes all
	case 1:
		text = ".sum(" + axes[0] + ")"
	default:
		text = ".sum((" + strings.Join(axes, ", ") + "))"
	}
	if !*o.IncludeBackground {
		text += "[..., 1:]"
	}
	return text
}

// torchWeight is the weight of each class that counts.
func (o RegionOptions) torchWeight() string {
	if *o.IncludeBackground {
		return "weight"
	}
	return "weight[1:]"
}

// TorchPooled is [Region.Pooled] with the weights of an expression, "" for none, around
// a loss of the pooled sums.
func TorchPooled(weight, loss string) string {
	var sums []string
	for _, name := range []string{torchBoth, torchPredicted, torchTrue} {
		if weight != "" {
			name = fmt.Sprintf("(%s * %s)", name, weight)
		}
		sums = append(sums, name+".sum(-1)")
	}
	return fmt.Sprintf("(lambda i, a, b: %s)(%s)", loss, strings.Join(sums, ", "))
}

// TorchPerClass is [Region.PerClass] of a loss of the sums i, a and b.
func TorchPerClass(c *losses.Call, o RegionOptions, classes ClassOptions, loss string) string {
	weight := ""
	if c.Has("weight") {
		weight = o.torchWeight()
	}
	micro := classes.Average == "micro"
	if weight != "" && !micro {
		loss = losses.Operand(loss) + " * " + weight
	}
	if classes.Absent != "count" {
		loss = "torch.where(b > 0, " + loss + ", 0)"
	}
	if classes.Absent == "skip" && !micro {
		loss += ".sum(-1) / (b > 0).sum(-1).clamp(min=1)"
	}
	if micro {
		return TorchPooled(weight, loss)
	}
	return loss
}
