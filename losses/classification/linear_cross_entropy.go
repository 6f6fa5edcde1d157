package classification

import (
	"errors"
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// LinearCrossEntropyOptions configures [LinearCrossEntropy].
type LinearCrossEntropyOptions struct {
	Target         string           `opt:"target" doc:"what target holds: class indices, or a probability for each class" choices:"indices,probabilities"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
	IgnoreIndex    *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0.1"`
}

// LinearCrossEntropy is a linear layer followed by [CrossEntropy].
var LinearCrossEntropy = &losses.Def[LinearCrossEntropyOptions]{
	Spec: losses.Spec{
		Name: "linear_cross_entropy", Class: "LinearCrossEntropyLoss", Aliases: []string{"linear_ce"}, Family: "classification",
		Title:       "cross entropy of a linear layer's output",
		Formula:     "cross_entropy(input·linear_weight^T + linear_bias, target)",
		LabelPolicy: parts.GatherPolicy,
		EmptyOpset:  14,
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights. With --target probabilities it divides by the number of rows, whatever the weights.",
			"Opset 13 cannot reshape to a size of 0: a trailing axis that may be empty needs opset 14.",
			"The logits exist in full: PyTorch's chunked form saves that memory and gives the same numbers.",
		},
	},
	Defaults: LinearCrossEntropyOptions{Target: "indices", Reduction: losses.Mean, IgnoreIndex: new(int64(-100))},
	Ports:    linearPorts,
	Validate: func(o LinearCrossEntropyOptions) error {
		if o.Target == "probabilities" && *o.IgnoreIndex != -100 {
			return errors.New("ignore_index does not go with --target probabilities, where no label can be ignored")
		}
		return nil
	},
	Reference: func(c *losses.Call, o LinearCrossEntropyOptions) string {
		ignore := fmt.Sprintf("ignore_index=%d, ", *o.IgnoreIndex)
		if o.Target == "probabilities" {
			ignore = "" // PyTorch refuses any
		}
		return c.Expand("F.linear_cross_entropy(input, linear_weight, {target}, linear_bias={linear_bias}, weight={weight}, reduction={reduction}, "+
			ignore+"label_smoothing={label_smoothing})", losses.Values{"reduction": string(o.Reduction), "label_smoothing": o.LabelSmoothing})
	},
	Body: func(c *losses.Call, o LinearCrossEntropyOptions) losses.Term {
		x := linear(c.In("input"), c.In("linear_weight"), c.In("linear_bias"))
		if o.Target == "probabilities" {
			return softCrossEntropy(c, x, o.LabelSmoothing)
		}
		return classRows(c, x, *o.IgnoreIndex, o.LabelSmoothing)
	},
	Golden: append(linearProbabilities(),
		losses.Case{Name: "behind_mask_of_columns_mean", With: []string{"mask", "weight", "linear_bias"}, Spoiled: true, Shapes: map[string]string{"linear_weight": "C,A,I"}},
		losses.Case{Name: "behind_mask_of_columns_none", With: []string{"mask"}, Spoiled: true, Shapes: map[string]string{"linear_weight": "C,A,I"}, Options: losses.Values{"reduction": "none"}},
	),
}

// linearPorts are the inputs of the layer and the loss.
func linearPorts(o LinearCrossEntropyOptions) ([]losses.Input, []losses.Shapes) {
	target, batch, single := parts.ClassLabels(), "N,*", ""
	if o.Target == "probabilities" {
		target, batch, single = parts.ClassProbabilities(), "N,C,*", "C"
	}
	return []losses.Input{
			{Name: "input", Doc: "features", Domain: losses.Real, Grad: losses.Default},
			{Name: "linear_weight", Doc: "weights of the layer, a row of features per class", Domain: losses.Real, Grad: losses.Default},
			target,
			{Name: "linear_bias", Doc: "bias of the layer", Domain: losses.Real, Optional: true, Grad: losses.Default},
			parts.ClassWeight(),
		}, []losses.Shapes{
			{"input": "N,I", "linear_weight": "C,*,I", "target": batch, "linear_bias": "C,*", "weight": "C"},
			{"input": "I", "linear_weight": "C,I", "target": single, "linear_bias": "C", "weight": "C"},
		}
}

// linearProbabilities are cases with a probability for each class.
func linearProbabilities() []losses.Case {
	var out []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		o := func(smoothing float64) losses.Values {
			return losses.Values{"target": "probabilities", "reduction": string(r), "label_smoothing": smoothing}
		}
		all := []string{"linear_bias", "weight"}
		for _, c := range []losses.Case{
			{Name: "bias_weight", Options: o(0), With: all},
			{Name: "smoothed", Options: o(0.1)},
			{Name: "smoothed_bias_weight", Options: o(0.1), With: all},
			{Name: "all_smooth_weight", Options: o(1), With: []string{"weight"}},
			{Name: "single", Options: o(0.1), With: all, Shapes: map[string]string{"input": "I"}},
			{Name: "image", Options: o(0.1), With: all, Shapes: map[string]string{"linear_weight": "C,A,B,I"}},
			{Name: "empty", Options: o(0), With: all, Sizes: map[string]int64{"N": 0}},
			{Name: "one_class", Options: o(0.1), Sizes: map[string]int64{"C": 1}},
			{Name: "weight_zero", Options: o(0.1), With: all, Fill: map[string]string{"weight": "constant:0"}},
			{Name: "target_zero", Options: o(0), Fill: map[string]string{"target": "constant:0"}},
			{Name: "masked", Options: o(0), With: []string{"mask", "weight"}},
		} {
			c.Name = "probabilities_" + c.Name + "_" + string(r)
			out = append(out, c)
		}
	}
	return out
}

// linear is x·wᵀ + bias for x of [N,I] or [I] and w of [C,*,I]; the result has
// the shape [N,C,*] or [C]. bias may be the zero Value.
func linear(x, w, bias losses.Value) losses.Value {
	batched := x.Rank() == 2
	if !batched {
		x = x.Unsqueeze(0)
	}
	outer := append(tensor.Shape{x.Shape()[0]}, w.Shape()[:w.Rank()-1]...)
	if w.Rank() > 2 {
		w = w.Flatten(w.Rank() - 1)
	}
	z := x.MatMulT(w)
	if len(outer) > 2 {
		z = z.Reshape(outer)
	}
	if !bias.IsZero() {
		z = z.Add(bias)
	}
	if !batched {
		z = z.Squeeze(0)
	}
	return z
}
