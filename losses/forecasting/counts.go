package forecasting

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares a likelihood of counts.

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
		none := logAddExp(zero.LogSigmoid(), count.Sub(rate)).Neg()
		some := rate.Sub(count).Sub(t.Mul(log)).Add(t.LogFactorial())
		return losses.Each(builder.Where(t.Equal(t.Like(0)), none, some))
	},
	Golden: []losses.Case{
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "class:3"}, Set: map[string]losses.Edge{"log_rate": {0: 5, 1: -50}, "zero_logit": {2: 100, 3: -100}, "target": {0: 0, 1: 0, 2: 0, 3: 0}}},
	},
}

// logAddExp is log(exp(a) + exp(b)).
func logAddExp(a, b losses.Value) losses.Value {
	d := b.Sub(a)
	value := a.Max(b).Add(d.SoftplusOfAbs())
	return builder.WithGradient("log_add_exp", value, []losses.Value{a, b}, func(dy losses.Value) []losses.Value {
		return []losses.Value{d.Neg().Sigmoid().Mul(dy), d.Sigmoid().Mul(dy)}
	})
}
