package regression

import (
	"github.com/lossgen/lossgen/builder"
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
		loss := clipped(c.In("input").Sub(c.In("target")), *o.Delta)
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
		return losses.Each(smooth(d, *o.Beta))
	},
}

// clipped is d²/2 within delta of 0 and delta·(|d| - delta/2) beyond. With c = d
// limited to ±delta both are c·(d - c/2), and c is the gradient.
func clipped(d losses.Value, delta float64) losses.Value {
	c := d.Clip(-delta, delta)
	value := c.Mul(d.Sub(c.Scale(0.5)))
	if delta < 1e9 { // else d² may overflow where d²/2 does not
		value = value.WithParts(c.Mul(d), c.Square().Scale(-0.5))
	}
	return builder.WithGradient("huber", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
		return []losses.Value{c.Mul(dy)}
	})
}

// smooth is d²/(2 beta) within beta of 0 and |d| - beta/2 beyond. With c = d/beta
// limited to ±1 both are c·(d - c·beta/2), and c is the gradient.
func smooth(d losses.Value, beta float64) losses.Value {
	c := d.Div(d.Like(beta)).Clip(-1, 1)
	value := c.Mul(d.Sub(c.Scale(beta/2))).WithParts(c.Mul(d), c.Square().Scale(-beta/2))
	return builder.WithGradient("smooth_l1", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
		return []losses.Value{c.Mul(dy)}
	})
}
