package classification

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// AdaptiveOptions configures [AdaptiveLogSoftmax].
type AdaptiveOptions struct {
	NClasses *int64    `opt:"n_classes" doc:"number of classes" bounds:"[2,1e9]" try:"10;23"`
	Cutoffs  []float64 `opt:"cutoffs" doc:"where each tail cluster begins: increasing class numbers below n_classes" bounds:"[1,1e9]" try:"3;2,5,7"`
	DivValue *float64  `opt:"div_value" doc:"tail cluster i works in in_features / div_value^(i+1) dimensions" bounds:"(0,inf)" try:"2"`
	HeadBias bool      `opt:"head_bias" doc:"the head has a bias" try:"true"`
}

// AdaptiveLogSoftmax is the negative log-likelihood under an adaptive softmax
// (Grave et al., Efficient softmax approximation for GPUs, 2017).
var AdaptiveLogSoftmax = &losses.Def[AdaptiveOptions]{
	Spec: losses.Spec{
		Name: "adaptive_log_softmax_with_loss", Class: "AdaptiveLogSoftmaxWithLoss", Aliases: []string{"adaptive_log_softmax"}, Family: "classification",
		Title:       "log-loss of a softmax whose rare classes sit in clusters",
		Formula:     "output = log p(head) + log p(class in its tail cluster); loss = -mean(output)",
		LabelPolicy: parts.RangePolicy,
		Traps: []string{
			"The parameters are inputs with gradients, named as in the module's state dict with underscores: head_weight, tail_0_0_weight, tail_0_1_weight, ...",
			"The output named output is the log-probability of each row's class; the loss is minus its mean. There is no reduction option.",
		},
	},
	Defaults: AdaptiveOptions{NClasses: new(int64(10)), Cutoffs: []float64{4, 7}, DivValue: new(4.0)},
	Ports:    adaptivePorts,
	Validate: func(o AdaptiveOptions) error {
		last := 0.0
		for _, c := range o.Cutoffs {
			if c != math.Trunc(c) || c <= last || c >= float64(*o.NClasses) {
				return errors.New("cutoffs must be increasing whole numbers between 0 and n_classes")
			}
			last = c
		}
		return nil
	},
	Reference: func(c *losses.Call, o AdaptiveOptions) string { return adaptiveTorch(c, o) + ".loss" },
	Body: func(c *losses.Call, o AdaptiveOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		single := x.Rank() == 1
		if single {
			x, y = x.Unsqueeze(0), y.Unsqueeze(0)
		}
		output := adaptiveLogProb(c, x, y, o)
		if single {
			output = output.Squeeze(0)
		}
		return losses.Term{Each: output.Neg(), Extra: []losses.Output{{Name: "output", Value: output, Torch: adaptiveTorch(c, o) + ".output"}}}
	},
}

// adaptiveTorch is the PyTorch module's result, which has the loss and the output.
func adaptiveTorch(c *losses.Call, o AdaptiveOptions) string {
	return c.Expand(fmt.Sprintf("torch.func.functional_call(torch.nn.AdaptiveLogSoftmaxWithLoss(input.size(-1), %d, %s, div_value=%s, head_bias=%s), {%s}, (input, {target}))",
		*o.NClasses, losses.Python(o.Cutoffs), losses.Python(*o.DivValue), losses.Python(c.Has("head_bias")), stateDict(c, o)), nil)
}

// adaptivePorts declares the parameters of the head and of each tail cluster.
func adaptivePorts(o AdaptiveOptions) ([]losses.Input, []losses.Shapes) {
	clusters := len(o.Cutoffs)
	inputs := []losses.Input{
		{Name: "input", Doc: "features", Domain: losses.Real, Grad: losses.Default},
		{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Option: "n_classes"}},
		{Name: "head_weight", Doc: "weights of the head: frequent classes, then one row per cluster", Domain: losses.Real, Grad: losses.Default},
		{Name: "head_bias", Doc: "bias of the head", Domain: losses.Real, Optional: !o.HeadBias, Grad: losses.Default},
	}
	head := fmt.Sprint(o.Cutoffs[0] + float64(clusters))
	batch := losses.Shapes{"input": "N,I", "target": "N", "head_weight": head + ",I", "head_bias": head}
	single := losses.Shapes{"input": "I", "target": "", "head_weight": head + ",I", "head_bias": head}
	for i := range clusters {
		first, second := tailNames(i)
		inputs = append(inputs,
			losses.Input{Name: first, Doc: "projection of a tail cluster", Domain: losses.Real, Grad: losses.Default},
			losses.Input{Name: second, Doc: "weights of a tail cluster's classes", Domain: losses.Real, Grad: losses.Default})
		hidden := fmt.Sprintf("H%d", i)
		for _, s := range []losses.Shapes{batch, single} {
			s[first], s[second] = hidden+",I", fmt.Sprintf("%d,%s", o.clusterEnd(i)-int64(o.Cutoffs[i]), hidden)
		}
	}
	return inputs, []losses.Shapes{batch, single}
}

func tailNames(i int) (first, second string) {
	return fmt.Sprintf("tail_%d_0_weight", i), fmt.Sprintf("tail_%d_1_weight", i)
}

// clusterEnd is the first class after cluster i.
func (o AdaptiveOptions) clusterEnd(i int) int64 {
	if i+1 < len(o.Cutoffs) {
		return int64(o.Cutoffs[i+1])
	}
	return *o.NClasses
}

func stateDict(c *losses.Call, o AdaptiveOptions) string {
	entries := []string{"'head.weight': head_weight"}
	if c.Has("head_bias") {
		entries = append(entries, "'head.bias': head_bias")
	}
	for i := range o.Cutoffs {
		first, second := tailNames(i)
		entries = append(entries, fmt.Sprintf("'tail.%d.0.weight': %s", i, first), fmt.Sprintf("'tail.%d.1.weight': %s", i, second))
	}
	return strings.Join(entries, ", ")
}

// adaptiveLogProb is the log-probability of each row's class.
func adaptiveLogProb(c *losses.Call, x, y losses.Value, o AdaptiveOptions) losses.Value {
	number := func(v float64) losses.Value { return y.Like(v) }
	atLeast := func(v float64) losses.Value { return y.Less(number(v)).Not() }
	y = y.Within(tensor.D(*o.NClasses))
	head := y
	var tails losses.Value
	for i, cutoff := range o.Cutoffs {
		first, second := tailNames(i)
		here := atLeast(cutoff).And(y.Less(number(float64(o.clusterEnd(i)))))
		z := linear(linear(x.Compress(here), c.In(first), losses.Value{}), c.In(second), losses.Value{})
		inside := y.Compress(here).Sub(number(cutoff))
		tail := z.SoftmaxNLL(1, inside.Unsqueeze(1)).Squeeze(1).Uncompress(here)
		if tails.IsZero() {
			tails = tail
		} else {
			tails = tails.Add(tail)
		}
		head = builder.Where(here, number(o.Cutoffs[0]+float64(i)), head)
	}
	z := linear(x, c.In("head_weight"), c.In("head_bias"))
	return z.SoftmaxNLL(1, head.Unsqueeze(1)).Squeeze(1).Add(tails).Neg()
}
