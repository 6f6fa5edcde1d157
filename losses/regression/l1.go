package regression

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// L1 is the absolute difference.
var L1 = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "l1", Class: "L1Loss", Aliases: []string{"mae"}, Family: "regression",
		Title:   "absolute difference",
		Formula: "|input - target|",
		Torch:   "F.l1_loss(input, target, reduction={reduction}, weight={weight})",
		Inputs:  parts.Regression(parts.ElementWeight()), Shapes: parts.Elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements; with weight, by the sum of the weights.",
			"The gradient is 0 where input equals target.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return parts.Weighted(c, c.In("input").Sub(c.In("target")).Abs())
	},
}
