package margin

import (
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Center is the squared distance of embeddings from the center of their class (Wen et
// al., A discriminative feature learning approach for deep face recognition, 2016).
var Center = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "center", Family: "margin",
		Title:   "squared distance from the center of the class",
		Formula: "clamp(sum_d (input - centers[target])^2, 1e-12, 1e12)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "embeddings", Domain: losses.Point, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
			{Name: "centers", Doc: "the center of each class", Domain: losses.Point, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
			{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "C"}},
		},
		Shapes:      []losses.Shapes{{"input": "N,D", "centers": "C,D", "target": "N"}},
		LabelPolicy: parts.RangePolicy,
		Traps: []string{
			"There is no factor of a half, which the paper has: --scale 0.5.",
			"Popular code limits the masked matrix of all classes, not the rows, which adds (C - 1)·1e-12 to the mean.",
			"centers get the ordinary gradient; the paper's update divides it by 1 and the number of the class's rows.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced(c.Expand("((input - F.embedding({target}, centers)) ** 2).sum(1).clamp(1e-12, 1e12)", nil), o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		own := parts.Lookup(c, c.In("centers"), c.In("target"))
		return losses.Each(c.In("input").Sub(own).Square().SumOver(1).Clip(1e-12, 1e12))
	},
	Golden: []losses.Case{
		{Name: "center_of_nobody_masked", With: []string{"mask"}, Spoiled: true, Fill: map[string]string{"target": "constant:1"}, Set: map[string]losses.Edge{"centers": {0: math.Inf(1), 1: math.NaN()}}},
		{Name: "at_center_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:1", "centers": "constant:1"}},
	},
}
