package margin

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SoftMargin is the logistic loss of labels -1 and 1.
var SoftMargin = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "soft_margin", Class: "SoftMarginLoss", Family: "margin",
		Title:   "logistic loss of labels -1 and 1",
		Formula: "log(1 + exp(-target·input))",
		Torch:   "F.soft_margin_loss(input, target, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "scores", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "labels -1 and 1", Domain: losses.Signs},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"}, CheckShapes: parts.Fitting("input", "target"),
		Traps: []string{
			"As in PyTorch, exp overflows where -target·input is above 88.7 (709 in float64): the loss is inf there and the gradient NaN.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(c.In("target").Neg().Mul(c.In("input")).Exp().Log1p())
	},
	Golden: []losses.Case{
		{Name: "overflow_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:1"}, Set: map[string]losses.Edge{"input": {0: -88, 1: -89, 2: -800, 3: 800, 4: 20}}},
	},
}
