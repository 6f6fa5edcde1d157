package losses

// HuberOptions configures [Huber].
type HuberOptions struct {
	Delta     *float64  `opt:"delta" doc:"half-width of the quadratic region" bounds:"(0,inf]" try:"0.5;2;inf"`
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SmoothL1Options configures [SmoothL1].
type SmoothL1Options struct {
	Beta      *float64  `opt:"beta" doc:"half-width of the quadratic region; 0 is l1" bounds:"[0,inf)" try:"0;0.5;2"`
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Huber is quadratic within Delta of the target and linear beyond.
var Huber = &Def[HuberOptions]{
	Spec: Spec{
		Name: "huber", Class: "HuberLoss", Family: "regression",
		Title:   "quadratic near the target, linear far from it",
		Formula: "d = input - target; c = clip(d, -delta, delta); c·(d - c/2)",
		Torch:   "F.huber_loss(input, target, reduction={reduction}, delta={delta}, weight={weight})",
		Inputs:  regression(elementWeight), Shapes: elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements, also with weight (l1 and mse divide by the sum of the weights).",
			"Far from the target the slope is delta; smooth_l1 divides by beta, so the two differ unless both are 1.",
		},
	},
	Defaults: HuberOptions{Delta: new(1.0), Reduction: Mean},
	Body: func(c *Call, o HuberOptions) Term {
		loss := clipped(c.In("input").Sub(c.In("target")), *o.Delta)
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		return each(loss)
	},
}

// SmoothL1 is [Huber] divided by its half-width.
var SmoothL1 = &Def[SmoothL1Options]{
	Spec: Spec{
		Name: "smooth_l1", Class: "SmoothL1Loss", Family: "regression",
		Title:   "l1 that is quadratic near the target",
		Formula: "d = input - target; d^2/(2 beta) if |d| < beta, else |d| - beta/2",
		Torch:   "F.smooth_l1_loss(input, target, reduction={reduction}, beta={beta})",
		Inputs:  regression(), Shapes: elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements.",
			"beta 0 is exactly l1. For other values than 1 it is not huber: the slope far from the target is 1 for every beta.",
		},
	},
	Defaults: SmoothL1Options{Beta: new(1.0), Reduction: Mean},
	Body: func(c *Call, o SmoothL1Options) Term {
		d := c.In("input").Sub(c.In("target"))
		if *o.Beta == 0 {
			return each(d.Abs())
		}
		return each(smooth(d, *o.Beta))
	},
}
