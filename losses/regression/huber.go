package regression

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// HuberOptions configures [Huber].
type HuberOptions struct {
	Delta     *float64         `opt:"delta" doc:"half-width of the quadratic region" bounds:"(0,inf]" try:"0.5;2;inf"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SmoothL1Options configures [SmoothL1].
type SmoothL1Options struct {
	Beta      *float64         `opt:"beta" doc:"half-width of the quadratic region; 0 is l1" bounds:"[0,inf)" try:"0;0.5;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Huber is quadratic within Delta of the target and linear beyond.
var Huber = &losses.Def[HuberOptions]{
	Spec: losses.Spec{
		Name: "huber", Class: "HuberLoss", Family: "regression",
		Title:   "quadratic near the target, linear far from it",
		Formula: "d = input - target; c = clip(d, -delta, delta); c·(d - c/2)",
		Torch:   "F.huber_loss(input, target, reduction={reduction}, delta={delta}, weight={weight})",
		Inputs:  parts.Regression(parts.ElementWeight()), Shapes: parts.Elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements, also with weight (l1 and mse divide by the sum of the weights).",
			"Far from the target the slope is delta; smooth_l1 divides by beta, so the two differ unless both are 1.",
		},
	},
	Defaults: HuberOptions{Delta: new(1.0), Reduction: losses.Mean},
	Body: func(c *losses.Call, o HuberOptions) losses.Term {
		loss := parts.Huber(c.In("input").Sub(c.In("target")), *o.Delta)
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		return losses.Each(loss)
	},
}

// SmoothL1 is [Huber] divided by its half-width.
var SmoothL1 = &losses.Def[SmoothL1Options]{
	Spec: losses.Spec{
		Name: "smooth_l1", Class: "SmoothL1Loss", Family: "regression",
		Title:   "l1 that is quadratic near the target",
		Formula: "d = input - target; d^2/(2 beta) if |d| < beta, else |d| - beta/2",
		Torch:   "F.smooth_l1_loss(input, target, reduction={reduction}, beta={beta})",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements.",
			"beta 0 is exactly l1. For other values than 1 it is not huber: the slope far from the target is 1 for every beta.",
		},
	},
	Defaults: SmoothL1Options{Beta: new(1.0), Reduction: losses.Mean},
	Body: func(c *losses.Call, o SmoothL1Options) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		if *o.Beta == 0 {
			return losses.Each(d.Abs())
		}
		return losses.Each(parts.SmoothL1(d, *o.Beta))
	},
}
