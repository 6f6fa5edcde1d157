package forecasting

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares likelihoods of counts.

// ZIPNLL is the negative log-likelihood of counts with too many zeros.
var ZIPNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "zip_nll", Aliases: []string{"zero_inflated_poisson"}, Family: family,
		Title:   "negative log-likelihood of a zero-inflated Poisson distribution",
		Formula: "p = sigmoid(zero_logit), r = exp(log_rate); -log(p + (1-p)·exp(-r)) at 0, else -log(1-p) + r - target·log_rate + log(target!)",
		Inputs: []losses.Input{
			parameter("log_rate", "logarithms of the rates", losses.Real),
			parameter("zero_logit", "logits of a zero that is not the Poisson distribution's", losses.Real),
			{Name: "target", Doc: "observed counts", Domain: losses.Positive},
		},
		Shapes: parts.Elementwise("log_rate", "zero_logit", "target"), Star: "N,D",
		Traps: []string{
			"A target of exactly 0 is a zero, any other number a count; there is no gradient of target.",
			"exp(log_rate) overflows above 88.7 (709 in float64).",
		},
	},
	Defaults:  mean,
	Reference: plain("(lambda rate: torch.where(target == 0, -torch.logaddexp(F.logsigmoid(zero_logit), F.logsigmoid(-zero_logit) - rate), rate - F.logsigmoid(-zero_logit) - target * log_rate + torch.lgamma(target + 1)))(log_rate.exp())"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		log, zero, t := c.In("log_rate"), c.In("zero_logit"), c.In("target")
		rate, count := log.Exp(), zero.Neg().LogSigmoid()
		none := parts.LogAddExp(zero.LogSigmoid(), count.Sub(rate)).Neg()
		some := rate.Sub(count).Sub(t.Mul(log)).Add(t.LogFactorial())
		return losses.Each(builder.Where(t.Equal(t.Like(0)), none, some))
	},
	Golden: []losses.Case{
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "class:3"}, Set: map[string]losses.Edge{"log_rate": {0: 5, 1: -50}, "zero_logit": {2: 100, 3: -100}, "target": {0: 0, 1: 0, 2: 0, 3: 0}}},
	},
}

// NegativeBinomialNLL is the negative log-likelihood of counts that vary more than
// those of a Poisson distribution.
var NegativeBinomialNLL = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "negative_binomial_nll", Aliases: []string{"negative_binomial"}, Family: family, Witness: "pytorch-forecasting 1.8.0",
		NoSecond: "the second derivative of lgamma has only nine digits here",
		Title:    "negative log-likelihood of a negative binomial distribution",
		Formula:  "r = 1/alpha; lgamma(r) + lgamma(target+1) - lgamma(target+r) - target·log(alpha·mean/(1 + alpha·mean)) + r·log(1 + alpha·mean)",
		Inputs: []losses.Input{
			parameter("mean", "means", losses.Positive),
			parameter("alpha", "dispersions: the variance is mean + alpha·mean^2", losses.Positive),
			{Name: "target", Doc: "observed counts", Domain: losses.Positive},
		},
		Shapes: parts.Elementwise("mean", "alpha", "target"), Star: "N,D",
		Undefined: []string{"float32_loss_sum"}, // a mean in it is its target
		Traps: []string{
			"alpha is 1/total_count: pytorch-forecasting has mean and alpha, GluonTS total_count and logits, torch.distributions total_count and probs.",
			"A target below 0 is no count: it gives NaN, where torch.distributions raises.",
			"A mean of 0 gives inf for a target above 0, and the same as torch.xlogy, no NaN, for a target of 0; pytorch-forecasting has NaN there.",
			"Written with lgamma(r) and lgamma(target+r) a small alpha, 1e-4 in float32, has no digits left, since both are then large and nearly equal; here their difference is taken as one function.",
		},
	},
	Defaults:  mean,
	Reference: plain("(lambda r, m, t: torch.lgamma(r) + torch.lgamma(t + 1) - torch.lgamma(t + r) - torch.xlogy(t, m) + (t + r) * torch.log1p(m))(1 / alpha, alpha * mean, torch.where(target >= 0, target, math.nan))"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		alpha, t := c.In("alpha"), c.In("target")
		t = builder.Where(t.GreaterOrEqual(t.Like(0)), t, t.Like(math.NaN()))
		r, m := alpha.Reciprocal(), alpha.Mul(c.In("mean"))
		ways := t.LogFactorial().Sub(r.LogRising(t))
		return losses.Each(ways.Sub(xLogY(t, m)).Add(t.Add(r).Mul(m.Log1p())))
	},
	Golden: []losses.Case{
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "class:5"}, Set: map[string]losses.Edge{"target": {0: 0, 1: 0, 2: 1}, "mean": {1: 0, 2: 0}}},
		{Name: "no_counts_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "class:5"}, Set: map[string]losses.Edge{"target": {0: -1, 1: -0.25, 2: math.Copysign(0, -1), 3: math.NaN()}}},
		{Name: "far_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "class:50"}, Set: map[string]losses.Edge{"alpha": {0: 0.01, 1: 100}, "mean": {0: 20, 1: 1e3}}, Dtypes: []string{"float64"}},
	},
}
