package losses

// MSE is the squared difference.
var MSE = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "mse", Class: "MSELoss", Aliases: []string{"l2"}, Family: "regression",
		Title:   "squared difference",
		Formula: "(input - target)^2",
		Torch:   "F.mse_loss(input, target, reduction={reduction}, weight={weight})",
		Inputs:  regression(elementWeight), Shapes: elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"Mean divides by the number of elements; with weight, by the sum of the weights.",
			"The gradient carries the factor 2: 2·(input - target)/numel.",
			"A target of [N,1] for an input of [N,D] is broadcast by PyTorch; here it is refused unless --shape asks for it.",
		},
	},
	Defaults: ReductionOnly{Mean},
	Counts:   weightCounts,
	Body: func(c *Call, o ReductionOnly) Term {
		return weighted(c, c.In("input").Sub(c.In("target")).Square())
	},
}
