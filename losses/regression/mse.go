package regression

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// MSE is the squared difference.
var MSE = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "mse", Class: "MSELoss", Aliases: []string{"l2"}, Family: "regression",
		Title:   "squared difference",
		Formula: "(input - target)^2",
		Torch:   "F.mse_loss(input, target, reduction={reduction}, weight={weight})",
		Inputs:  parts.Regression(parts.ElementWeight()), Shapes: parts.Elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements; with weight, by the sum of the weights.",
			"The gradient carries the factor 2: 2·(input - target)/numel.",
			"A target of [N,1] for an input of [N,D] is broadcast by PyTorch; here it is refused unless --shape asks for it.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return parts.Weighted(c, c.In("input").Sub(c.In("target")).Square())
	},
}
