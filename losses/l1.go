package losses

// L1 is the absolute difference.
var L1 = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "l1", Class: "L1Loss", Aliases: []string{"mae"}, Family: "regression",
		Title:   "absolute difference",
		Formula: "|input - target|",
		Torch:   "F.l1_loss(input, target, reduction={reduction}, weight={weight})",
		Inputs:  regression(elementWeight), Shapes: elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements; with weight, by the sum of the weights.",
			"The gradient is 0 where input equals target.",
		},
	},
	Defaults: ReductionOnly{Mean},
	Counts:   weightCounts,
	Body: func(c *Call, o ReductionOnly) Term {
		return weighted(c, c.In("input").Sub(c.In("target")).Abs())
	},
}
