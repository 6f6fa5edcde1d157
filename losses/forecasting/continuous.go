package forecasting

import (
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares likelihoods of numbers.

// LaplaceNLL is the negative log-likelihood of a Laplace distribution.
var LaplaceNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "laplace_nll", Family: family,
		Title:   "negative log-likelihood of a Laplace distribution",
		Formula: "|target - loc|/scale + log(2·scale)",
		Inputs: []losses.Input{
			parameter("loc", "medians", losses.Real),
			parameter("scale", "scales: mean sizes of the differences", losses.Positive),
			observed(losses.Real),
		},
		Shapes: parts.Elementwise("loc", "scale", "target"), Star: "N,D",
		Traps: []string{
			"scale is above 0 itself: apply softplus or exp before. A perfect prediction pulls it to 0, and the loss to -inf.",
			"Where target is loc its gradient is 0.",
		},
	},
	Defaults:  mean,
	Reference: plain("(target - loc).abs() / scale + (2 * scale).log()"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		scale := c.In("scale")
		return losses.Each(c.In("target").Sub(c.In("loc")).Abs().Div(scale).Add(scale.Scale(2).Log()))
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:loc"}},
	},
}

// LognormalNLL is the negative log-likelihood of a log-normal distribution.
var LognormalNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "lognormal_nll", Family: family,
		Title:   "negative log-likelihood of a log-normal distribution",
		Formula: "(log(target) - loc)^2/(2·scale^2) + log(scale) + log(target) + log(2·pi)/2",
		Inputs: []losses.Input{
			parameter("loc", "means of the logarithm", losses.Real),
			parameter("scale", "standard deviations of the logarithm", losses.Positive),
			observed(losses.Positive),
		},
		Shapes: parts.Elementwise("loc", "scale", "target"), Star: "N,D",
		Traps: []string{
			"loc and scale are of the logarithm: the mean of target is exp(loc + scale^2/2).",
			"A target of 0 gives inf or NaN, one below it NaN.",
		},
	},
	Defaults:  mean,
	Reference: plain("(lambda log: (log - loc) ** 2 / (2 * scale ** 2) + scale.log() + log + math.log(2 * math.pi) / 2)(target.log())"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		scale, log := c.In("scale"), c.In("target").Log()
		square := log.Sub(c.In("loc")).Square().Div(scale.Square().Scale(2))
		return losses.Each(square.Add(scale.Log()).Add(log).Shift(math.Log(2*math.Pi) / 2))
	},
}

// GammaNLL is the negative log-likelihood of a gamma distribution.
var GammaNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "gamma_nll", Family: family,
		Title:   "negative log-likelihood of a gamma distribution",
		Formula: "k = concentration; k·log(mean/k) + lgamma(k) - (k - 1)·log(target) + k·target/mean",
		Inputs: []losses.Input{
			parameter("mean", "means", losses.Positive),
			parameter("concentration", "shapes", losses.Positive),
			observed(losses.Positive),
		},
		Shapes: parts.Elementwise("mean", "concentration", "target"), Star: "N,D",
		Traps: []string{
			"It is written in the mean; torch.distributions takes the rate, which is concentration/mean.",
			"A target of 0 gives inf, or -inf where concentration is below 1.",
		},
	},
	Defaults:  mean,
	Reference: plain("concentration * (mean / concentration).log() + torch.lgamma(concentration) - (concentration - 1) * target.log() + concentration * target / mean"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		k, m, t := c.In("concentration"), c.In("mean"), c.In("target")
		return losses.Each(k.Mul(m.Div(k).Log()).Add(k.Lgamma()).Sub(k.Shift(-1).Mul(t.Log())).Add(k.Mul(t).Div(m)))
	},
}

// BetaNLLOptions configures [BetaNLL].
type BetaNLLOptions struct {
	Beta      *float64         `opt:"beta" doc:"power of the variance in the weight: 0 is the likelihood, 1 weighs the means as mse does" bounds:"[0,1]" try:"0;1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BetaNLL is a normal likelihood weighted by the variance (Seitzer et al., On the
// Pitfalls of Heteroscedastic Uncertainty Estimation, 2022).
var BetaNLL = &losses.Def[BetaNLLOptions]{
	Spec: losses.Spec{
		Name: "beta_nll", Family: family,
		Title:   "normal log-likelihood, weighted by a power of the variance",
		Formula: "(log(var) + (target - mean)^2/var)/2·stop_gradient(var^beta)",
		Inputs: []losses.Input{
			parameter("mean", "means", losses.Real),
			parameter("var", "variances", losses.Positive),
			observed(losses.Real),
		},
		Shapes: parts.Elementwise("mean", "var", "target"), Star: "N,D",
		Traps: []string{
			"The weight var^beta has no gradient, so the gradient of var is not the derivative of the value.",
			"There is no least variance, as gaussian_nll has it: var is above 0 itself.",
		},
		NotDerivative: "the weight var^beta is taken as a constant",
	},
	Defaults: BetaNLLOptions{Beta: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o BetaNLLOptions) string {
		return losses.Reduced("(var.log() + (target - mean) ** 2 / var) / 2 * var.detach() ** "+losses.Python(*o.Beta), o.Reduction)
	},
	Body: func(c *losses.Call, o BetaNLLOptions) losses.Term {
		v := c.In("var")
		nll := v.Log().Add(c.In("target").Sub(c.In("mean")).Square().Div(v)).Scale(0.5)
		return losses.Each(nll.Mul(v.StopGradient().Pow(*o.Beta)))
	},
}
