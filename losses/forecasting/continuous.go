package forecasting

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
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

// StudentTNLL is the negative log-likelihood of Student's t distribution.
var StudentTNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "student_t_nll", Family: family,
		NoSecond: "the second derivative of lgamma has only nine digits here",
		Title:    "negative log-likelihood of Student's t distribution",
		Formula:  "lgamma(df/2) - lgamma((df+1)/2) + log(df·pi)/2 + log(scale) + (df+1)/2·log(1 + ((target - loc)/scale)^2/df)",
		Inputs: []losses.Input{
			parameter("df", "degrees of freedom", losses.Positive),
			parameter("loc", "locations", losses.Real),
			parameter("scale", "scales, which are not standard deviations", losses.Positive),
			observed(losses.Real),
		},
		Shapes: steps("df", "loc", "scale", "target"),
		Traps: []string{
			"df and scale are above 0 themselves: apply softplus or exp before; GluonTS adds 2 to df so that there is a variance.",
			"scale is not the standard deviation, which is scale·sqrt(df/(df - 2)).",
		},
	},
	Defaults:  mean,
	Reference: plain("torch.lgamma(df / 2) - torch.lgamma((df + 1) / 2) + (df * math.pi).log() / 2 + scale.log() + (df + 1) / 2 * torch.log1p(((target - loc) / scale) ** 2 / df)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		df, scale := c.In("df"), c.In("scale")
		z := c.In("target").Sub(c.In("loc")).Div(scale)
		normalizer := df.Scale(math.Pi).Log().Scale(0.5).Sub(df.Scale(0.5).LogRising(df.Like(0.5))).Add(scale.Log())
		return losses.Each(normalizer.Add(df.Shift(1).Scale(0.5).Mul(z.Square().Div(df).Log1p())))
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
		NoSecond: "the second derivative of lgamma has only nine digits here",
		Title:    "negative log-likelihood of a gamma distribution",
		Formula:  "k = concentration; k·log(mean/k) + lgamma(k) - (k - 1)·log(target) + k·target/mean",
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

// MDN is the negative log-likelihood of a mixture of normal distributions (Bishop,
// Mixture Density Networks, 1994).
var MDN = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "mdn", Aliases: []string{"gaussian_mixture_nll"}, Family: family,
		Title:   "negative log-likelihood of a mixture of normal distributions",
		Formula: "-logsumexp over k of log_softmax(logits)[k] - ((target - loc[k])/scale[k])^2/2 - log(scale[k]) - log(2·pi)/2",
		Inputs: []losses.Input{
			parameter("logits", "scores of the components", losses.Real),
			parameter("loc", "means of the components", losses.Real),
			parameter("scale", "standard deviations of the components", losses.Positive),
			observed(losses.Real),
		},
		Shapes: []losses.Shapes{{"logits": "N,K", "loc": "N,K", "scale": "N,K", "target": "N"}}, Logits: "logits",
		Traps: []string{
			"scale is above 0 itself: apply softplus or exp before. A component that sits on one target makes its scale go to 0 and the loss to -inf: give scale a floor.",
			"Targets of several numbers are a row each, with the same logits, or need a mixture of vectors, which this is not.",
		},
	},
	Defaults:  mean,
	Reference: plain("-(logits.log_softmax(1) - ((target[:, None] - loc) / scale) ** 2 / 2 - scale.log() - math.log(2 * math.pi) / 2).logsumexp(1)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		scale := c.In("scale")
		z := c.In("target").Unsqueeze(1).Sub(c.In("loc")).Div(scale)
		joint := c.In("logits").LogSoftmax(1).Sub(z.Square().Scale(0.5)).Sub(scale.Log()).Shift(-math.Log(2*math.Pi) / 2)
		return losses.Each(joint.LogSumExp(1).Squeeze(1).Neg())
	},
	Golden: []losses.Case{
		{Name: "far_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 1e4, 1: -1e3}}},
		{Name: "one_component_mean", Sizes: map[string]int64{"K": 1}},
	},
}

// EvidentialOptions configures [Evidential].
type EvidentialOptions struct {
	Lam       *float64         `opt:"lam" doc:"factor of the penalty on evidence for wrong predictions" bounds:"[0,inf)" try:"0;0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Evidential is deep evidential regression (Amini et al., 2020).
var Evidential = &losses.Def[EvidentialOptions]{
	Spec: losses.Spec{
		Name: "evidential", Aliases: []string{"evidential_regression"}, Family: family,
		NoSecond: "the second derivative of lgamma has only nine digits here",
		Title:    "likelihood under a normal-inverse-gamma prior, and its penalty",
		Formula:  "e = target - gamma, o = 2·beta·(1 + nu); log(pi/nu)/2 + log(o)/2 + (alpha + 1/2)·log(1 + nu·e^2/o) + lgamma(alpha) - lgamma(alpha + 1/2) + lam·|e|·(2·nu + alpha)",
		Inputs: []losses.Input{
			parameter("gamma", "predicted values", losses.Real),
			parameter("nu", "how many values the prediction is worth", losses.Positive),
			parameter("alpha", "half as many as the variance is worth, above 1", losses.Positive),
			parameter("beta", "scale of the variance", losses.Positive),
			observed(losses.Real),
		},
		Shapes: steps("gamma", "nu", "alpha", "beta", "target"),
		Traps: []string{
			"nu and beta are softplus of a network's output, alpha is 1 more than that.",
			"The likelihood is that of Student's t with 2·alpha degrees of freedom.",
			"The weight of the penalty differs between publications; 0.01 is the author's code.",
			"Where a small alpha meets a large error, the two terms of the gradients of nu and beta all but cancel; here they are one.",
		},
	},
	Defaults: EvidentialOptions{Lam: new(0.01), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EvidentialOptions) string {
		text := fmt.Sprintf("(lambda o, e: 0.5 * (math.pi / nu).log() + 0.5 * o.log() + (alpha + 0.5) * torch.log1p(e ** 2 * nu / o) + torch.lgamma(alpha) - torch.lgamma(alpha + 0.5) + %s * e.abs() * (2 * nu + alpha))(2 * beta * (1 + nu), target - gamma)", losses.Python(*o.Lam))
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o EvidentialOptions) losses.Term {
		nu, alpha, e := c.In("nu"), c.In("alpha"), c.In("target").Sub(c.In("gamma"))
		nll := evidence(nu, alpha, c.In("beta"), e).Sub(alpha.LogRising(alpha.Like(0.5)))
		return losses.Each(nll.Add(e.Abs().Mul(nu.Scale(2).Add(alpha)).Scale(*o.Lam)))
	},
	Golden: []losses.Case{
		// In float32 it is PyTorch that has two digits.
		{Name: "small_alpha_none", Dtypes: []string{"float64"}, Options: losses.Values{"lam": 0.0, "reduction": "none"}, Set: map[string]losses.Edge{"nu": {0: 1e4, 1: 1e4}, "alpha": {0: 1e-6, 1: 1e-4}, "beta": {0: 1e-6, 1: 1e-3}, "gamma": {0: 0, 1: 2}, "target": {0: 0.5, 1: 1}}},
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:gamma"}},
	},
}

// evidence is log(pi/nu)/2 + log(o)/2 + (alpha + 1/2)·log(1 + u) with o = 2·beta·(1 + nu)
// and u = nu·e^2/o. In the gradients of nu and beta what cancels is taken out.
func evidence(nu, alpha, beta, e losses.Value) losses.Value {
	omega := beta.Scale(2).Mul(nu.Shift(1))
	u := e.Square().Mul(nu).Div(omega)
	width := nu.Reciprocal().Scale(math.Pi).Log().Add(omega.Log()).Scale(0.5)
	value := width.Add(alpha.Shift(0.5).Mul(u.Log1p()))
	return builder.WithGradient("evidence", value, []losses.Value{nu, alpha, beta, e}, func(dy losses.Value) []losses.Value {
		share := dy.Div(u.Shift(1))
		excess := alpha.Mul(u).Shift(-0.5).Mul(share)
		infinite := alpha.Add(beta).Add(nu.Reciprocal()) // what cancels is NaN then
		return []losses.Value{
			excess.Div(nu.Mul(nu.Shift(1))).Add(infinite.Sub(infinite)),
			u.Log1p().Mul(dy),
			excess.Neg().Div(beta),
			alpha.Scale(2).Shift(1).Mul(nu).Mul(e).Div(omega).Mul(share),
		}
	})
}
