package classification

import (
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// MultilabelSoftMargin is the mean over classes of binary cross entropies.
var MultilabelSoftMargin = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "multilabel_soft_margin", Class: "MultiLabelSoftMarginLoss", Family: "classification",
		Title:   "log-loss of the sigmoid of logits, averaged over the classes",
		Formula: "-(sum_c weight_c·(target·log(sigmoid(input)) + (1 - target)·log(sigmoid(-input)))) / C",
		Torch:   "F.multilabel_soft_margin_loss(input, target, weight={weight}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits, classes along the last axis", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1", Domain: losses.Unit, Of: losses.Of{Axis: "C"}, Grad: losses.OnDemand},
			{Name: "weight", Doc: "weight of each class, or of each element", Domain: losses.Weight, Optional: true},
		},
		Shapes: []losses.Shapes{
			{"input": "*,C", "target": "*,C", "weight": "C"},
			{"input": "*,C", "target": "*,C", "weight": "*,C"},
		},
		Star: "N", Broadcast: []string{"target", "weight"}, Logits: "input",
		Traps: []string{
			"none gives one loss per row: the classes are averaged first, by their number also with weight.",
			"weight may also have a value for each element, or any shape that broadcasts (--shape weight=N,C).",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x, t := c.In("input"), c.In("target")
		loss := signedLogSigmoids(parts.Aligned(x, t))
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		last := x.Rank() - 1
		return losses.Each(loss.SumOver(last).Div(c.B.Count(c.Compute, x.Shape()[last:])))
	},
	Golden: append(multilabelShapes(), losses.Case{Name: "hvp_zero", HVP: true, Fill: map[string]string{"input": "constant:0"}}),
}

// multilabelShapes are targets and weights that broadcast.
func multilabelShapes() []losses.Case {
	var out []losses.Case
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
		for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
			out = append(out, losses.Case{Name: "weight_of_" + name + "_" + string(r), Options: losses.Values{"reduction": string(r)}, With: []string{"weight"}, Shapes: shapes})
		}
	}
	slices.SortFunc(out, func(a, b losses.Case) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// signedLogSigmoids is -(t·log(sigmoid(x)) + (1-t)·log(sigmoid(-x))). Unlike
// [logitCrossEntropy], which is equal to it, it keeps the digits of a gradient
// near 0 on both sides, as PyTorch's expression for it does.
func signedLogSigmoids(x, t losses.Value) losses.Value {
	other := t.Neg().Shift(1)
	off := other.Mul(x.Relu()).Sub(t.Mul(x.Clip(math.Inf(-1), 0)))
	rest := x.SoftplusOfAbs()
	value := off.Add(rest).WithParts(off, rest)
	return builder.WithGradient("signed_log_sigmoids", value, []losses.Value{x, t}, func(dy losses.Value) []losses.Value {
		// sigmoid(x) is exp(min(x, 0)) / (1 + exp(-|x|)), and sigmoid(-x) has the same denominator.
		up, down := x.Clip(math.Inf(-1), 0).Exp(), x.Relu().Neg().Exp()
		// The pieces have a kink at 0, their sum has none: d(dx)/dx is sigmoid(x)·sigmoid(-x).
		small := x.Abs().Neg().Exp()
		sum := small.Shift(1)
		dx := builder.WithGradient("signed_sigmoids", other.Mul(up).Sub(t.Mul(down)).Div(sum), []losses.Value{x, t}, func(d losses.Value) []losses.Value {
			return []losses.Value{small.Div(sum.Square()).Mul(d), d.Neg()}
		})
		return []losses.Value{dx.Mul(dy), x.Neg().LogSigmoid().Sub(x.LogSigmoid()).Mul(dy)}
	})
}
