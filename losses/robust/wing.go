package robust

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// WingOptions configures [Wing].
type WingOptions struct {
	W         *float64         `opt:"w" doc:"half-width of the region where small differences count more" bounds:"(0,inf)" try:"0.5;10"`
	Epsilon   *float64         `opt:"epsilon" doc:"how strongly: the slope at the target is w/epsilon" bounds:"(0,inf)" try:"2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Wing is for coordinates of landmarks (Feng et al., Wing Loss for Robust Facial
// Landmark Localisation, 2018).
var Wing = &losses.Def[WingOptions]{
	Spec: losses.Spec{
		Name: "wing", Family: family,
		Title:   "logarithmic near the target, linear far from it",
		Formula: "d = |input - target|; w·log(1 + d/epsilon) if d < w, else d - w + w·log(1 + w/epsilon)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The defaults are those of segmentation-models-pytorch and pytorch-toolbelt; the paper and mmpose have w 10 and epsilon 2, for coordinates in pixels.",
			"The slope jumps at w, from w/(epsilon + w) to 1; next to the target it is w/epsilon, at the target 0.",
		},
	},
	Defaults: WingOptions{W: new(5.0), Epsilon: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o WingOptions) string {
		w, epsilon := losses.Python(*o.W), losses.Python(*o.Epsilon)
		return losses.Reduced(fmt.Sprintf("(lambda d: torch.where(d < %[1]s, %[1]s * torch.log1p(d / %[2]s), d - (%[1]s - %[1]s * math.log(1 + %[1]s / %[2]s))))((input - target).abs())", w, epsilon), o.Reduction)
	},
	Body: func(c *losses.Call, o WingOptions) losses.Term {
		d := c.In("input").Sub(c.In("target")).Abs()
		w, epsilon := *o.W, *o.Epsilon
		near := d.Div(d.Like(epsilon)).Log1p().Scale(w)
		return losses.Each(builder.Where(d.Less(d.Like(w)), near, d.Shift(w*math.Log(1+w/epsilon)-w)))
	},
	Golden: []losses.Case{
		{Name: "corner_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 5, 1: -5, 2: 4.9921875, 3: 1e-4, 4: 0}}},
	},
}

// AdaptiveWingOptions configures [AdaptiveWing].
type AdaptiveWingOptions struct {
	Omega     *float64         `opt:"omega" doc:"weight of the region near the target" bounds:"(0,inf)" try:"5"`
	Theta     *float64         `opt:"theta" doc:"half-width of that region" bounds:"(0,inf)" try:"0.25;1"`
	Epsilon   *float64         `opt:"epsilon" doc:"how strongly small differences count there" bounds:"(0,inf)" try:"0.5"`
	Alpha     *float64         `opt:"alpha" doc:"power of the difference where the target is 0; it is alpha - 1 where that is 1" bounds:"(1,inf)" try:"1.5;3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// AdaptiveWing is for heatmaps of landmarks (Wang et al., Adaptive Wing Loss for Robust
// Face Alignment via Heatmap Regression, 2019).
var AdaptiveWing = &losses.Def[AdaptiveWingOptions]{
	Spec: losses.Spec{
		Name: "adaptive_wing", Aliases: []string{"awing"}, Family: family,
		Title:   "wing for heatmaps, steeper on the foreground",
		Formula: "d = |input - target|, q = alpha - target; omega·log(1 + (d/epsilon)^q) if d < theta, else its tangent at theta",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted heatmap", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "true heatmap, from 0 to 1", Domain: losses.Unit, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"A port that many copy divides by omega in place of epsilon near the target: its loss jumps at theta.",
			"The gradient of target goes through the power, too.",
			"With alpha below 2 the power may be below 1, and the gradient then is NaN where input equals target.",
			"The weighted form of the paper multiplies by 10 near the foreground: --with sample_weight.",
		},
	},
	Defaults: AdaptiveWingOptions{Omega: new(14.0), Theta: new(0.5), Epsilon: new(1.0), Alpha: new(2.1), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o AdaptiveWingOptions) string {
		return losses.Reduced(fmt.Sprintf("(lambda d, q: (lambda z: torch.where(d < %[2]s, %[1]s * torch.log1p((d / %[3]s) ** q), "+
			"(lambda s: s * d - (%[2]s * s - %[1]s * torch.log1p(z)))(%[1]s * q * z / (1 + z) / %[2]s)))((%[2]s / %[3]s) ** q))((input - target).abs(), %[4]s - target)",
			losses.Python(*o.Omega), losses.Python(*o.Theta), losses.Python(*o.Epsilon), losses.Python(*o.Alpha)), o.Reduction)
	},
	Body: func(c *losses.Call, o AdaptiveWingOptions) losses.Term {
		omega, theta, epsilon := *o.Omega, *o.Theta, *o.Epsilon
		d, q := c.In("input").Sub(c.In("target")).Abs(), c.In("target").Neg().Shift(*o.Alpha)
		near := power(d.Div(d.Like(epsilon)), q).Log1p().Scale(omega)
		z := q.Scale(math.Log(theta / epsilon)).Exp()
		slope := q.Mul(z).Div(z.Shift(1)).Scale(omega / theta)
		far := slope.Mul(d.Shift(-theta)).Add(z.Log1p().Scale(omega))
		return losses.Each(builder.Where(d.Less(d.Like(theta)), near, far))
	},
	Golden: []losses.Case{
		{Name: "corner_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: 0, 2: 1, 3: 0.5, 4: 1e-3}, "target": {0: 0, 1: 0, 2: 1, 3: 1, 4: 0}}},
		{Name: "equal_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "uniform:0:1", "target": "like:input"}},
		{Name: "equal_powers_none", Options: losses.Values{"reduction": "none", "alpha": 1.5}, Fill: map[string]string{"input": "constant:0", "target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: 1}, "target": {0: 0.5, 1: 1}}},
	},
}

// power is base^exponent of a base that is not negative. The gradients at a base of 0
// are those of PyTorch: 0 for an exponent above 1, 1 for 1, inf below.
func power(base, exponent losses.Value) losses.Value {
	log := base.Log()
	value := exponent.Mul(log).Exp()
	return builder.WithGradient("power", value, []losses.Value{base, exponent}, func(dy losses.Value) []losses.Value {
		less := exponent.Shift(-1)
		less = builder.Where(less.Equal(less.Like(0)), less, less.Mul(log)) // 0^0 is 1
		db := exponent.Mul(less.Exp()).Mul(dy)
		de := builder.Where(base.Equal(base.Like(0)), base.Like(0), value.Mul(log).Mul(dy))
		return []losses.Value{db, de}
	})
}
