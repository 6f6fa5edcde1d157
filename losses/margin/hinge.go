package margin

import (
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// HingeOptions configures [Hinge] and [SquaredHinge].
type HingeOptions struct {
	Binary    bool             `opt:"binary" doc:"target holds 0 and 1, not -1 and 1" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Hinge is what a signed score falls short of 1.
var Hinge = signedHinge(losses.Spec{
	Name:    "hinge",
	Title:   "what the score of the sign falls short of 1",
	Formula: "max(0, 1 - target·input)",
}, func(h losses.Value) losses.Value { return h }, "")

// SquaredHinge is its square.
var SquaredHinge = signedHinge(losses.Spec{
	Name:    "squared_hinge",
	Title:   "square of what the score of the sign falls short of 1",
	Formula: "max(0, 1 - target·input)^2",
	NaNRows: true,
}, losses.Value.Square, " ** 2")

func signedHinge(s losses.Spec, of func(losses.Value) losses.Value, torch string) *losses.Def[HingeOptions] {
	s.Family, s.Witness, s.Star = "margin", "keras 3.15.1", "N,D"
	s.Traps = []string{
		"keras converts targets by itself where all of a batch are 0 or 1, so that a batch of ones is not converted; here --binary says so.",
		"At the margin itself the gradient is 0; keras on PyTorch has half of the slope there.",
	}
	return &losses.Def[HingeOptions]{
		Spec:     s,
		Defaults: HingeOptions{Reduction: losses.Mean},
		Ports: func(o HingeOptions) ([]losses.Input, []losses.Shapes) {
			target := losses.Input{Name: "target", Doc: "-1 or 1", Domain: losses.Signs, Grad: losses.OnDemand}
			if o.Binary {
				target.Doc, target.Domain = "0 or 1", losses.Event
			}
			return []losses.Input{{Name: "input", Doc: "scores", Domain: losses.Real, Grad: losses.Default}, target}, parts.Elementwise("input", "target")
		},
		Reference: func(c *losses.Call, o HingeOptions) string {
			t := "target"
			if o.Binary {
				t = "(2 * target - 1)"
			}
			return losses.Reduced("(1 - "+t+" * input).clamp_min(0)"+torch, o.Reduction)
		},
		Body: func(c *losses.Call, o HingeOptions) losses.Term {
			t := c.In("target")
			if o.Binary {
				t = t.Scale(2).Shift(-1)
			}
			return losses.Each(of(t.Mul(c.In("input")).Neg().Shift(1).Relu()))
		},
	}
}

// CategoricalHinge is the hinge between the true class and the best other one, or 0.
var CategoricalHinge = &losses.Def[parts.RowOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "categorical_hinge", Family: "margin", Witness: "keras 3.15.1",
		Title:   "hinge between the true class and the best other one, or 0",
		Formula: "max(0, 1 + max(0, max over c != target of input_c) - input[target])",
		Traps: []string{
			"keras takes one-hot targets and writes the maximum of (1 - t)·input, in which the true class stands with 0: other classes below 0 count as 0. multi_margin has no such floor.",
		},
	}),
	Defaults: parts.DefaultRows(),
	Reference: func(c *losses.Call, o parts.RowOptions) string {
		return parts.TorchRows(c, o, "(1 + x.scatter(-1, y, 0).amax(-1) - "+parts.TorchPicked("x")+").clamp_min(0)")
	},
	Body: func(c *losses.Call, o parts.RowOptions) losses.Term {
		return parts.RowTerm(c, o, func(x losses.Value, r parts.Rows) losses.Value {
			others := x.Put(r.Axis, r.Index(), x.Like(0).BroadcastTo(r.Index().Shape()))
			return others.Amax(r.Axis).Shift(1).Sub(x.Pick(r.Axis, r.Index())).Relu()
		})
	},
	Golden: append(parts.RowCases(),
		losses.Case{Name: "nan_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 2, "C": 3}, Set: map[string]losses.Edge{"input": {0: 1, 1: math.NaN(), 2: 0}, "target": {0: 0}}}),
}
