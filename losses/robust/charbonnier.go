package robust

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that are quadratic near the target, linear far from it, and
// smooth in between.

// LogCosh is log(cosh(d)) of the difference d.
var LogCosh = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "log_cosh", Aliases: []string{"logcosh"}, Family: family,
		Title:   "logarithm of the hyperbolic cosine of the difference",
		Formula: "d = input - target; log(cosh(d)) = |d| + log(1 + exp(-2|d|)) - log 2",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"log(cosh(d)) as it is written overflows: torchmetrics' form is inf at a difference of 1e4, the one here has no such limit.",
			"Keras averages over the last axis alone, and its constant of float32 makes equal inputs -1.9e-9 in float64; here they are 0.",
			"The slope far from the target is 1, near it the loss is d^2/2.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced(parts.TorchLogCosh("(input - target)"), o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(parts.LogCosh(c.In("input").Sub(c.In("target"))))
	},
}

// CharbonnierOptions configures [Charbonnier].
type CharbonnierOptions struct {
	Eps       *float64         `opt:"eps" doc:"size of the differences below which the loss is flat; the loss of equal inputs" bounds:"(0,inf)" try:"1e-3;1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Charbonnier is the absolute difference with its corner rounded off (Charbonnier et
// al., Two deterministic half-quadratic regularization algorithms, 1994).
var Charbonnier = &losses.Def[CharbonnierOptions]{
	Spec: losses.Spec{
		Name: "charbonnier", Family: family,
		Title:   "absolute difference with a rounded corner",
		Formula: "sqrt((input - target)^2 + eps^2)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The loss of equal inputs is eps, not 0; its gradient is 0.",
			"eps is squared here, as in the paper: BasicSR's 1e-12 under the root is the default, the classic 1e-6 there is --eps 1e-3.",
			"kornia's charbonnier is pseudo_huber with delta 1, which is 0 for equal inputs.",
		},
	},
	Defaults: CharbonnierOptions{Eps: new(1e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o CharbonnierOptions) string {
		return losses.Reduced(fmt.Sprintf("((input - target) ** 2 + %s ** 2).sqrt()", losses.Python(*o.Eps)), o.Reduction)
	},
	Body: func(c *losses.Call, o CharbonnierOptions) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		return losses.Each(d.Square().Shift(*o.Eps * *o.Eps).Sqrt())
	},
}

// PseudoHuberOptions configures [PseudoHuber].
type PseudoHuberOptions struct {
	Delta     *float64         `opt:"delta" doc:"slope far from the target, and width of the quadratic region" bounds:"(0,inf)" try:"0.5;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// PseudoHuber is a smooth form of the Huber loss.
var PseudoHuber = &losses.Def[PseudoHuberOptions]{
	Spec: losses.Spec{
		Name: "pseudo_huber", Family: family,
		Title:   "huber without corners",
		Formula: "d = input - target; delta^2·(sqrt(1 + (d/delta)^2) - 1)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"It is huber with the same delta only in the limits: d^2/2 near the target, slope delta far from it.",
			"With delta 1 it is what kornia calls charbonnier.",
			"Written with the root minus 1 the loss of small differences is rounded to 0; here it keeps its digits.",
		},
	},
	Defaults: PseudoHuberOptions{Delta: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PseudoHuberOptions) string {
		delta := losses.Python(*o.Delta)
		return losses.Reduced(fmt.Sprintf("%s ** 2 * ((1 + ((input - target) / %s) ** 2).sqrt() - 1)", delta, delta), o.Reduction)
	},
	Body: func(c *losses.Call, o PseudoHuberOptions) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		s := d.Div(d.Like(*o.Delta)).Square()
		root := s.Shift(1).Sqrt()
		// sqrt(1+s) - 1 is s/(sqrt(1+s) + 1), which is exact where s is small.
		value := builder.Where(s.Less(s.Like(1)), s.Div(root.Shift(1)), root.Shift(-1)).Scale(*o.Delta * *o.Delta)
		return losses.Each(builder.WithGradient("pseudo_huber", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
			return []losses.Value{d.Div(root).Mul(dy)}
		}))
	},
}
