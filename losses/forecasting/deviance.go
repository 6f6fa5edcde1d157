package forecasting

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// TweedieOptions configures [Tweedie].
type TweedieOptions struct {
	P         *float64         `opt:"p" doc:"power of the mean in the variance: near 1 Poisson, near 2 gamma" bounds:"(1,2)" try:"1.1;1.75"`
	Form      string           `opt:"form" doc:"log: of log_mean, without constants; deviance: of mean, 0 at the target" choices:"log,deviance" try:"deviance"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Tweedie is for amounts that are often exactly 0.
var Tweedie = &losses.Def[TweedieOptions]{
	Spec: losses.Spec{
		Name: "tweedie", Aliases: []string{"tweedie_nll"}, Family: family,
		Title:   "likelihood of amounts that are often 0",
		Formula: "m = exp(log_mean); -target·m^(1-p)/(1-p) + m^(2-p)/(2-p); deviance: twice that, less its value at m = target",
		Traps: []string{
			"log is that of pytorch-forecasting and neuralforecast, of the logarithm of the mean; deviance is that of scikit-learn, of the mean, and twice as large.",
			"The log form is not 0 for a perfect prediction, it may be negative.",
		},
	},
	Defaults: TweedieOptions{P: new(1.5), Form: "log", Reduction: losses.Mean},
	Ports: func(o TweedieOptions) ([]losses.Input, []losses.Shapes) {
		first := parameter("log_mean", "logarithms of the means", losses.Real)
		if o.Form == "deviance" {
			first = parameter("mean", "means", losses.Positive)
		}
		return []losses.Input{first, observed(losses.Positive)}, parts.Elementwise(first.Name, "target")
	},
	Adapt: func(s *losses.Spec, o TweedieOptions) { s.Star = "N,D" },
	Reference: func(c *losses.Call, o TweedieOptions) string {
		form := "-target * torch.exp(log_mean * (1 - %[1]s)) / (1 - %[1]s) + torch.exp(log_mean * (2 - %[1]s)) / (2 - %[1]s)"
		if o.Form == "deviance" {
			form = "2 * (target.clamp(min=0) ** (2 - %[1]s) / ((1 - %[1]s) * (2 - %[1]s)) - target * mean ** (1 - %[1]s) / (1 - %[1]s) + mean ** (2 - %[1]s) / (2 - %[1]s))"
		}
		return losses.Reduced(fmt.Sprintf(form, losses.Python(*o.P)), o.Reduction)
	},
	Body: func(c *losses.Call, o TweedieOptions) losses.Term {
		p, t := *o.P, c.In("target")
		if o.Form == "log" {
			log := c.In("log_mean")
			return losses.Each(t.Mul(log.Scale(1 - p).Exp()).Scale(1 / (p - 1)).Add(log.Scale(2 - p).Exp().Scale(1 / (2 - p))))
		}
		m := c.In("mean")
		best := t.Clip(0, math.Inf(1)).Pow(2 - p).Scale(1 / ((1 - p) * (2 - p)))
		return losses.Each(best.Add(t.Mul(m.Pow(1 - p)).Scale(1 / (p - 1))).Add(m.Pow(2 - p).Scale(1 / (2 - p))).Scale(2))
	},
}

// GammaDeviance is the deviance of a gamma distribution.
var GammaDeviance = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "gamma_deviance", Family: family,
		Title:   "deviance of a gamma distribution",
		Formula: "2·(log(mean/target) + target/mean - 1)",
		Inputs:  []losses.Input{parameter("mean", "means", losses.Positive), observed(losses.Positive)},
		Shapes:  parts.Elementwise("mean", "target"), Star: "N,D",
		Traps: []string{
			"It is 0 where mean is target, and depends on their ratio alone.",
			"A target of 0 gives inf.",
		},
	},
	Defaults:  mean,
	Reference: plain("2 * ((mean / target).log() + target / mean - 1)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		m, t := c.In("mean"), c.In("target")
		return losses.Each(m.Div(t).Log().Add(t.Div(m)).Shift(-1).Scale(2))
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:mean"}},
	},
}

// PoissonDeviance is the deviance of a Poisson distribution.
var PoissonDeviance = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "poisson_deviance", Family: family,
		Title:   "deviance of a Poisson distribution",
		Formula: "2·(target·log(target) - target·log(mean) - target + mean)",
		Inputs:  []losses.Input{parameter("mean", "means", losses.Positive), observed(losses.Positive)},
		Shapes:  parts.Elementwise("mean", "target"), Star: "N,D",
		Traps: []string{
			"It is 0 where mean is target; poisson_nll is half of it, but for terms of target alone.",
			"A target of 0 counts 2·mean, and one of 0 with a mean of 0 is 0.",
		},
	},
	Defaults:  mean,
	Reference: plain("2 * (torch.xlogy(target, target) - torch.xlogy(target, mean) - target + mean)"),
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		m, t := c.In("mean"), c.In("target")
		return losses.Each(t.XLogX().Sub(xLogY(t, m)).Sub(t).Add(m).Scale(2))
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:mean"}},
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 0, 1: 0, 2: 1}, "mean": {1: 0, 2: 0}}},
	},
}

// xLogY is x·log(y), 0 where x is 0 and y is a number. Its gradient is PyTorch's.
func xLogY(x, y losses.Value) losses.Value {
	log := y.Log()
	none := x.Equal(x.Like(0)).And(y.Equal(y))
	value := builder.Where(none, x.Like(0), x.Mul(log))
	return builder.WithGradient("x_log_y", value, []losses.Value{x, y}, func(dy losses.Value) []losses.Value {
		silent := dy.Equal(dy.Like(0)).And(y.Equal(y))
		return []losses.Value{builder.Where(silent, dy.Like(0), log.Mul(dy)), x.Div(y).Mul(dy)}
	})
}
