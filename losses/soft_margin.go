package losses

import (
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
)

// SoftMargin is the logistic loss of labels -1 and 1.
var SoftMargin = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "soft_margin", Class: "SoftMarginLoss", Family: "margin",
		Title:   "logistic loss of labels -1 and 1",
		Formula: "log(1 + exp(-target·input))",
		Torch:   "F.soft_margin_loss(input, target, reduction={reduction})",
		Inputs: []Input{
			{Name: "input", Doc: "scores", Domain: Real, Grad: Default},
			{Name: "target", Doc: "labels -1 and 1", Domain: Signs},
		},
		Shapes: elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"}, CheckShapes: fitting("input", "target"),
		Traps: []string{
			"As in PyTorch, exp overflows where -target·input is above 88.7 (709 in float64): the loss is inf there and the gradient NaN.",
		},
	},
	Defaults: ReductionOnly{Mean},
	Body: func(c *Call, o ReductionOnly) Term {
		return each(c.In("target").Neg().Mul(c.In("input")).Exp().Log1p())
	},
	Golden: []Case{
		{Name: "overflow_none", Options: Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:1"}, Set: map[string]Edge{"input": {0: -88, 1: -89, 2: -800, 3: 800, 4: 20}}},
	},
}

// MultilabelSoftMargin is the mean over classes of binary cross entropies.
var MultilabelSoftMargin = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "multilabel_soft_margin", Class: "MultiLabelSoftMarginLoss", Family: "classification",
		Title:   "log-loss of the sigmoid of logits, averaged over the classes",
		Formula: "-(sum_c weight_c·(target·log(sigmoid(input)) + (1 - target)·log(sigmoid(-input)))) / C",
		Torch:   "F.multilabel_soft_margin_loss(input, target, weight={weight}, reduction={reduction})",
		Inputs: []Input{
			{Name: "input", Doc: "logits, classes along the last axis", Domain: Real, Grad: Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1", Domain: Unit, Of: Of{Axis: "C"}, Grad: OnDemand},
			{Name: "weight", Doc: "weight of each class, or of each element", Domain: Weight, Optional: true},
		},
		Shapes: []Shapes{
			{"input": "*,C", "target": "*,C", "weight": "C"},
			{"input": "*,C", "target": "*,C", "weight": "*,C"},
		},
		Star: "N", Broadcast: []string{"target", "weight"}, Logits: "input",
		Traps: []string{
			"none gives one loss per row: the classes are averaged first, by their number also with weight.",
			"weight may also have a value for each element, or any shape that broadcasts (--shape weight=N,C).",
		},
	},
	Defaults: ReductionOnly{Mean},
	Body: func(c *Call, o ReductionOnly) Term {
		x, t := c.In("input"), c.In("target")
		loss := signedLogSigmoids(aligned(x, t))
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		last := x.Rank() - 1
		return each(loss.SumOver(last).Div(c.B.Count(c.Compute, x.Shape()[last:])))
	},
	Golden: multilabelShapes(),
}

// multilabelShapes are targets and weights that broadcast.
func multilabelShapes() []Case {
	var out []Case
	for name, shapes := range map[string]map[string]string{
		"element":    {"weight": "N,C"},
		"fixed":      {"weight": "5,5"},
		"row":        {"input": "N,C", "weight": "N,1"},
		"number":     {"input": "N,C", "weight": ""},
		"one":        {"input": "N,C", "weight": "1"},
		"image":      {"input": "N,A,C", "weight": "A,C"},
		"wide":       {"input": "N,1", "weight": "3"},
		"one_target": {"input": "N,C", "target": "1,C", "weight": "N,1"},
		"all_target": {"input": "N,C", "target": "", "weight": "C"},
		"more_axes":  {"input": "C", "target": "N,C"}, // PyTorch sums axis 0, that of the classes in input
	} {
		for _, r := range []Reduction{None, Mean, Sum} {
			out = append(out, Case{Name: "weight_of_" + name + "_" + string(r), Options: Values{"reduction": string(r)}, With: []string{"weight"}, Shapes: shapes})
		}
	}
	slices.SortFunc(out, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// signedLogSigmoids is -(t·log(sigmoid(x)) + (1-t)·log(sigmoid(-x))). Unlike
// [logitCrossEntropy], which is equal to it, it keeps the digits of a gradient
// near 0 on both sides, as PyTorch's expression for it does.
func signedLogSigmoids(x, t Value) Value {
	other := t.Neg().Shift(1)
	off := other.Mul(x.Relu()).Sub(t.Mul(x.Clip(math.Inf(-1), 0)))
	rest := x.SoftplusOfAbs()
	value := off.Add(rest).WithParts(off, rest)
	return builder.WithGradient("signed_log_sigmoids", value, []Value{x, t}, func(dy Value) []Value {
		// sigmoid(x) is exp(min(x, 0)) / (1 + exp(-|x|)), and sigmoid(-x) has the same denominator.
		up, down := x.Clip(math.Inf(-1), 0).Exp(), x.Relu().Neg().Exp()
		dx := other.Mul(up).Sub(t.Mul(down)).Div(x.Abs().Neg().Exp().Shift(1))
		return []Value{dx.Mul(dy), x.Neg().LogSigmoid().Sub(x.LogSigmoid()).Mul(dy)}
	})
}
