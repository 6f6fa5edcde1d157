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

// CRPSLogistic is the score of a logistic distribution.
var CRPSLogistic = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "crps_logistic", Family: family, Witness: "scoringrules 0.10.0",
		Title:   "continuous ranked probability score of a logistic distribution",
		Formula: "d = |target - loc|; d + scale·(2·log(1 + exp(-d/scale)) - 1)",
		Inputs: []losses.Input{
			parameter("loc", "means", losses.Real),
			parameter("scale", "scales: standard deviations times sqrt(3)/pi", losses.Positive),
			observed(losses.Real),
		},
		Shapes: parts.Elementwise("loc", "scale", "target"), Star: "N,D",
		Traps: []string{
			"It has the unit of target, and goes to the absolute difference as scale goes to 0; a scale of 0 gives NaN gradients.",
			"Written with z - 2·log(sigmoid(z)) the gradient of scale has no digits left in float32 far from loc; here it has.",
		},
	},
	Defaults:  mean,
	Reference: plain("(lambda d: d + scale * (2 * F.softplus(-d / scale) - 1))((target - loc).abs())"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		d, scale := c.In("target").Sub(c.In("loc")).Abs(), c.In("scale")
		return losses.Each(d.Add(scale.Mul(d.Div(scale).SoftplusOfAbs().Scale(2).Shift(-1))))
	},
	Golden: []losses.Case{
		{Name: "far_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"loc": {0: 0, 1: 0, 2: 0}, "target": {0: 300, 1: -40, 2: 0}, "scale": {0: 0.5, 1: 1, 2: 1}}},
	},
}
