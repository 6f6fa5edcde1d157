package losses

import (
	"github.com/lossgen/lossgen/builder/tensor"
)

// LinearCrossEntropyOptions configures [LinearCrossEntropy].
type LinearCrossEntropyOptions struct {
	Reduction      Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
	IgnoreIndex    *int64    `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	LabelSmoothing float64   `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0.1"`
}

// LinearCrossEntropy is a linear layer followed by [CrossEntropy].
var LinearCrossEntropy = &Def[LinearCrossEntropyOptions]{
	Spec: Spec{
		Name: "linear_cross_entropy", Class: "LinearCrossEntropyLoss", Aliases: []string{"linear_ce"}, Family: "classification",
		Title:   "cross entropy of a linear layer's output",
		Formula: "cross_entropy(input·linear_weight^T + linear_bias, target)",
		Torch:   "F.linear_cross_entropy(input, linear_weight, {target}, linear_bias={linear_bias}, weight={weight}, reduction={reduction}, ignore_index={ignore_index}, label_smoothing={label_smoothing})",
		Inputs: []Input{
			{Name: "input", Doc: "features", Domain: Real, Grad: Default},
			{Name: "linear_weight", Doc: "weights of the layer, a row of features per class", Domain: Real, Grad: Default},
			classLabels,
			{Name: "linear_bias", Doc: "bias of the layer", Domain: Real, Optional: true, Grad: Default},
			classWeight,
		},
		Shapes: []Shapes{
			{"input": "N,I", "linear_weight": "C,*,I", "target": "N,*", "linear_bias": "C,*", "weight": "C"},
			{"input": "I", "linear_weight": "C,I", "target": "", "linear_bias": "C", "weight": "C"},
		},
		LabelPolicy: gatherPolicy,
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights.",
			"Opset 13 cannot reshape to a size of 0: a trailing axis that may be empty needs opset 14.",
			"The logits exist in full: PyTorch's chunked form saves that memory and gives the same numbers.",
		},
	},
	Defaults: LinearCrossEntropyOptions{Reduction: Mean, IgnoreIndex: new(int64(-100))},
	Counts:   func(c *Call, o LinearCrossEntropyOptions) string { return labelCounts(c, *o.IgnoreIndex) },
	Body: func(c *Call, o LinearCrossEntropyOptions) Term {
		return classRows(c, linear(c.In("input"), c.In("linear_weight"), c.In("linear_bias")), *o.IgnoreIndex, o.LabelSmoothing)
	},
}

// linear is x·wᵀ + bias for x of [N,I] or [I] and w of [C,*,I]; the result has
// the shape [N,C,*] or [C]. bias may be the zero Value.
func linear(x, w, bias Value) Value {
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
