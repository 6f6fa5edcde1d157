package classification

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SoftNLL is the negative log-likelihood of a distribution of classes.
var SoftNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "soft_nll", Family: "classification", Classes: "C",
		Title:   "negative log-likelihood of class probabilities, from log-probabilities",
		Formula: "-sum over c of target_c·input_c",
		Inputs: []losses.Input{
			{Name: "input", Doc: "log-probabilities, classes along axis 1 (axis 0 at rank 1)", Domain: losses.LogProb, Of: losses.Of{Axis: "C"}, Grad: losses.Default},
			parts.ClassProbabilities(),
		},
		Shapes: []losses.Shapes{{"input": "N,C,*", "target": "N,C,*"}, {"input": "C", "target": "C"}},
		Traps: []string{
			"The input must hold log-probabilities: for logits use cross_entropy --target probabilities.",
			"A log-probability of minus infinity with a target of 0 gives NaN, as in PyTorch.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-(target * input).sum(1 if input.dim() > 1 else 0)", o.Reduction)
	},
	Golden: []losses.Case{
		{Name: "map_smooth_mean", Map: map[string]string{"input": "normalize,clip:1e-7:0.9999999,log", "target": "smooth:0.1"}},
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x := c.In("input")
		return losses.Each(c.In("target").Mul(x).SumOver(c.ClassAxis(x)).Neg())
	},
}
