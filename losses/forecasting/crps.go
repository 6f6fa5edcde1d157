package forecasting

import (
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares continuous ranked probability scores in closed form.

// CRPSGaussian is the score of a normal distribution (Gneiting et al., 2005).
var CRPSGaussian = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "crps_gaussian", Aliases: []string{"crps_normal"}, Family: family,
		Title:   "continuous ranked probability score of a normal distribution",
		Formula: "z = (target - mu)/sigma; sigma·(z·(2·ndtr(z) - 1) + 2·exp(-z^2/2)/sqrt(2·pi) - 1/sqrt(pi))",
		Inputs: []losses.Input{
			parameter("mu", "means", losses.Real),
			parameter("sigma", "standard deviations", losses.Positive),
			observed(losses.Real),
		},
		Shapes: parts.Elementwise("mu", "sigma", "target"), Star: "N,D",
		Traps: []string{
			"It has the unit of target, and goes to the absolute difference as sigma goes to 0; a sigma of 0 gives NaN.",
		},
	},
	Defaults:  mean,
	Reference: plain("(lambda z: sigma * (z * torch.erf(z / math.sqrt(2)) + 2 * torch.exp(-z ** 2 / 2) / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi)))((target - mu) / sigma)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		sigma := c.In("sigma")
		z := c.In("target").Sub(c.In("mu")).Div(sigma)
		density := z.Square().Scale(-0.5).Exp().Scale(2 / math.Sqrt(2*math.Pi))
		return losses.Each(sigma.Mul(z.Mul(z.Scale(1 / math.Sqrt2).Erf()).Add(density).Shift(-1 / math.Sqrt(math.Pi))))
	},
}

// CRPSLaplace is the score of a Laplace distribution.
var CRPSLaplace = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "crps_laplace", Family: family,
		Title:   "continuous ranked probability score of a Laplace distribution",
		Formula: "|target - loc| + scale·(exp(-|target - loc|/scale) - 3/4)",
		Inputs: []losses.Input{
			parameter("loc", "medians", losses.Real),
			parameter("scale", "scales: mean sizes of the differences", losses.Positive),
			observed(losses.Real),
		},
		Shapes: parts.Elementwise("loc", "scale", "target"), Star: "N,D",
		Traps: []string{
			"It has the unit of target, and goes to the absolute difference as scale goes to 0; a scale of 0 gives NaN where target is loc.",
		},
	},
	Defaults:  mean,
	Reference: plain("(target - loc).abs() + scale * (torch.exp(-(target - loc).abs() / scale) - 0.75)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		d, scale := c.In("target").Sub(c.In("loc")).Abs(), c.In("scale")
		return losses.Each(d.Add(scale.Mul(d.Neg().Div(scale).Exp().Shift(-0.75))))
	},
}
