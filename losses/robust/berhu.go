package robust

import (
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// BerHuOptions configures [BerHu].
type BerHuOptions struct {
	Threshold *float64         `opt:"threshold" doc:"where the loss becomes quadratic: a share of the largest difference, or fixed" bounds:"(0,inf)" try:"0.5"`
	Over      string           `opt:"over" doc:"the largest difference of what: the batch or each sample; fixed: threshold is a difference itself" choices:"batch,sample,fixed"`
	Detach    *bool            `opt:"detach" doc:"the threshold is a constant in the gradient" try:"false"`
	Floor     float64          `opt:"floor" doc:"least threshold, which keeps the gradient of equal inputs finite" bounds:"[0,inf)" try:"0.25"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BerHu is the reverse of huber (Laina et al., Deeper Depth Prediction with Fully
// Convolutional Residual Networks, 2016).
var BerHu = &losses.Def[BerHuOptions]{
	Spec: losses.Spec{
		Name: "berhu", Aliases: []string{"reverse_huber"}, Family: family,
		Title:   "absolute difference near the target, squared far from it",
		Formula: "d = |input - target|, c = threshold·max(d); d if d <= c, else (d^2 + c^2)/(2c)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D", EmptyOpset: 14,
		NotDerivative: "with detach the threshold is a constant in the gradient",
		Traps: []string{
			"Published code takes the largest difference of the batch or of each image, or a fixed number: --over. Some let the gradient flow into the maximum, too: --detach=false.",
			"Where all inputs of the batch are equal to their targets the threshold is 0 and the gradient NaN (0/0); --floor keeps it finite.",
			"With a threshold of the batch the loss of a sample depends on what else is in it.",
		},
	},
	Defaults: BerHuOptions{Threshold: new(0.2), Over: "batch", Detach: new(true), Reduction: losses.Mean},
	Adapt: func(s *losses.Spec, o BerHuOptions) {
		switch o.Over {
		case "batch":
			s.Inseparable = "the threshold is a share of the largest difference of all"
		case "sample":
			s.Shapes = []losses.Shapes{{"input": "N,*", "target": "N,*"}}
			s.Star = "D"
			s.Inseparable = "the threshold is a share of the largest difference of the sample"
		}
		if !*o.Detach || o.Over == "fixed" {
			s.NotDerivative = ""
		}
	},
	Validate: func(o BerHuOptions) error {
		if o.Over == "fixed" && (o.Floor > 0 || !*o.Detach) {
			return errors.New("floor and detach are about the largest difference, which --over fixed does without")
		}
		return nil
	},
	Reference: func(c *losses.Call, o BerHuOptions) string {
		return losses.Reduced(fmt.Sprintf("(lambda d: (lambda c: torch.where(d <= c, d, (d * d + c * c) / (2 * c)))(%s))((input - target).abs())", berhuThreshold(c, o)), o.Reduction)
	},
	Body: func(c *losses.Call, o BerHuOptions) losses.Term {
		e := c.In("input").Sub(c.In("target"))
		d, corner := e.Abs(), o.corner(c, e)
		far := d.Square().Add(corner.Square()).Div(corner.Scale(2))
		return losses.Each(builder.Where(d.LessOrEqual(corner), d, far))
	},
	Golden: []losses.Case{
		{Name: "corner_none", Options: losses.Values{"reduction": "none", "over": "fixed", "threshold": 0.5}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: -0.5, 2: 0.25, 3: 0, 4: 0.75}}},
		{Name: "tied_maximum_none", Options: losses.Values{"reduction": "none", "detach": false}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 4, 1: -4, 2: 4}}},
		{Name: "samples_none", Options: losses.Values{"reduction": "none", "over": "sample", "detach": false}, Shapes: map[string]string{"input": "N,A,B"}},
		{Name: "equal_floor_none", Options: losses.Values{"reduction": "none", "floor": 0.25}, Fill: map[string]string{"target": "like:input"}},
		{Name: "row_of_samples_none", Options: losses.Values{"reduction": "none", "over": "sample"}, Shapes: map[string]string{"input": "N"}},
	},
}

// corner is where the loss becomes quadratic, of differences e.
func (o BerHuOptions) corner(c *losses.Call, e losses.Value) losses.Value {
	var most losses.Value
	switch o.Over {
	case "fixed":
		return c.Const(*o.Threshold)
	case "batch":
		all, err := tensor.Product(e.Shape()...)
		if err != nil {
			builder.Failf("berhu", "%v", err)
		}
		// The 0 is the largest of none.
		most = e.Reshape(tensor.Shape{all}).Pad(0, tensor.D(0), tensor.D(1), 0).Norm(math.Inf(1), 0).Squeeze(0)
	default:
		most = e.Norm(math.Inf(1), parts.From(1, e)...)
	}
	most = most.Scale(*o.Threshold)
	if *o.Detach {
		most = most.StopGradient()
	}
	if o.Floor > 0 {
		most = most.Clip(o.Floor, math.Inf(1))
	}
	return most
}

// berhuThreshold is [BerHuOptions.corner] of differences d.
func berhuThreshold(c *losses.Call, o BerHuOptions) string {
	threshold, d := losses.Python(*o.Threshold), "d"
	if *o.Detach {
		d = "d.detach()"
	}
	text := ""
	switch rank := len(c.Shape("input")); {
	case o.Over == "fixed":
		return "d.new_tensor(" + threshold + ")"
	case o.Over == "batch":
		text = fmt.Sprintf("F.pad(%s.flatten(), (0, 1)).amax()", d)
	case rank == 1:
		text = d
	default:
		text = fmt.Sprintf("%s.amax(tuple(range(1, d.dim())), keepdim=True)", d)
	}
	return parts.TorchAtLeast(threshold+" * "+text, o.Floor)
}
