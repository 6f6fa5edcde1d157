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
	Golden: []losses.Case{
		{Name: "map_mean_last_weighted_mean", Options: losses.Values{"reduction": "mean"}, With: []string{"sample_weight"}, Map: map[string]string{"loss": "mean_last"}},
		{Name: "map_sum_last_none", Options: losses.Values{"reduction": "none"}, Map: map[string]string{"loss": "sum_last,shift:0.5"}, Shapes: map[string]string{"input": "N,A,B"}},
		{Name: "map_mean_rest_none", Options: losses.Values{"reduction": "none", "scale": 0.5}, Map: map[string]string{"loss": "mean_rest"}, Shapes: map[string]string{"input": "N,A,B"}},
		{Name: "map_sum_rest_mean", Map: map[string]string{"loss": "scale:0.5,sum_rest"}, Shapes: map[string]string{"input": "N,A,B"}, Normalizer: true},
		{Name: "map_root_mean", Map: map[string]string{"result": "sqrt"}, Grad: []string{"input"}, GradOutput: true},
		{Name: "map_masked_mean", With: []string{"mask", "sample_weight"}, Map: map[string]string{"target": "scale:0.8,shift:0.1", "input": "sigmoid", "loss": "shift:-1"}},
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return parts.Weighted(c, c.In("input").Sub(c.In("target")).Square())
	},
}
