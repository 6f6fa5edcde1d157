package robust

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses whose slope goes back to 0 far from the target.

// Cauchy is the negative log-likelihood of a Cauchy distribution, up to a constant.
var Cauchy = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "cauchy", Aliases: []string{"lorentzian"}, Family: family,
		Title:   "logarithm of one plus the squared difference",
		Formula: "log(1 + (input - target)^2 / 2)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The loss has no bound, its slope goes to 0.",
			"Squared differences count half, as in kornia; other code leaves out the half, or divides by a scale.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("torch.log1p(0.5 * (input - target) ** 2)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(c.In("input").Sub(c.In("target")).Square().Scale(0.5).Log1p())
	},
}

// GemanMcClure is a ratio of the squared difference.
var GemanMcClure = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "geman_mcclure", Family: family,
		Title:   "squared difference, limited to 2 by a ratio",
		Formula: "s = (input - target)^2; 2s/(s + 4)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The loss is at most 2, and the slope of a large difference nearly 0: a start far from the target does not learn.",
			"This is Barron's form, and kornia's, with d^2/2 near the target; s/(s + 1) is another scale of it.",
			"A difference whose square overflows gives NaN, as in PyTorch: 1.8e19 in float32.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("(lambda s: 2 * s / (s + 4))((input - target) ** 2)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		s := c.In("input").Sub(c.In("target")).Square()
		return losses.Each(s.Scale(2).Div(s.Shift(4)))
	},
}

// Welsch is 1 less a Gaussian of the difference.
var Welsch = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "welsch", Aliases: []string{"leclerc"}, Family: family,
		Title:   "one less a Gaussian of the difference",
		Formula: "1 - exp(-(input - target)^2 / 2)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The loss is at most 1, and the gradient of a large difference is 0: a start far from the target does not learn.",
			"Near the target it is d^2/2, as in kornia; other code leaves out the half, or divides by a scale.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-torch.expm1(-0.5 * (input - target) ** 2)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		return losses.Each(expm1(d.Square().Scale(-0.5)).Neg())
	},
}

// TukeyBiweightOptions configures [TukeyBiweight].
type TukeyBiweightOptions struct {
	C         *float64         `opt:"c" doc:"difference from which on the loss is constant" bounds:"(0,inf)" try:"0.5;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// TukeyBiweight is constant beyond C (Beaton and Tukey, 1974).
var TukeyBiweight = &losses.Def[TukeyBiweightOptions]{
	Spec: losses.Spec{
		Name: "tukey_biweight", Aliases: []string{"tukey", "biweight"}, Family: family,
		Title:   "quadratic near the target, constant far from it",
		Formula: "u = min(((input - target)/c)^2, 1); c^2/6·(1 - (1 - u)^3) = c^2/6·u·(u·(u - 3) + 3)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"Beyond c the gradient is exactly 0: a start far from the target does not learn.",
			"c 4.6851 supposes differences of variance 1; statistics packages first divide them by 1.4826 times their median size, which is not done here.",
		},
	},
	Defaults: TukeyBiweightOptions{C: new(4.6851), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o TukeyBiweightOptions) string {
		limit := losses.Python(*o.C)
		return losses.Reduced(fmt.Sprintf("(lambda u: %s ** 2 / 6 * u * (u * (u - 3) + 3))((((input - target) / %s) ** 2).clamp_max(1))", limit, limit), o.Reduction)
	},
	Body: func(c *losses.Call, o TukeyBiweightOptions) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		u := d.Div(d.Like(*o.C)).Square().Clip(math.Inf(-1), 1)
		// 1 - (1-u)^3 without the difference of nearly equal numbers
		value := u.Mul(u.Mul(u.Shift(-3)).Shift(3)).Scale(*o.C * *o.C / 6)
		return losses.Each(builder.WithGradient("tukey_biweight", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
			return []losses.Value{u.Neg().Shift(1).Square().Mul(d).Mul(dy)}
		}))
	},
	Golden: []losses.Case{
		{Name: "limit_none", Options: losses.Values{"reduction": "none", "c": 2.0}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 2, 1: -2, 2: 1e-4, 3: 1.9990234375, 4: 3, 5: 0}}},
	},
}

// expm1 is exp(x) - 1 without loss near 0: tanh(x/2)·(exp(x) + 1).
func expm1(x losses.Value) losses.Value {
	e := x.Exp()
	return builder.WithGradient("expm1", x.Scale(0.5).Tanh().Mul(e.Shift(1)), []losses.Value{x}, func(dy losses.Value) []losses.Value {
		return []losses.Value{e.Mul(dy)}
	})
}
