package survival

import (
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of times in bins.

// bins are the inputs of such a loss.
func bins(doc string, further ...losses.Input) []losses.Input {
	return append([]losses.Input{
		{Name: "logits", Doc: doc, Domain: losses.Real, Grad: losses.Default},
		{Name: "index", Doc: "bin of the event, or of the last look at a censored row", Domain: losses.Class, Of: losses.Of{Axis: "T"}},
		event(),
	}, further...)
}

const binPolicy = "an index outside [0, T) ends the run with an index error, as PyTorch raises"

// LogisticHazard is the likelihood of hazards in discrete time (Gensheimer and
// Narasimhan, 2019).
var LogisticHazard = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "logistic_hazard", Aliases: []string{"discrete_time_hazard", "nnet_survival"}, Family: family, Witness: "pycox 0.3.0",
		Title:       "likelihood of a hazard in each bin of time",
		Formula:     "sum over t <= index of softplus(logits[t]) - event·logits[index]",
		Inputs:      bins("logits of the event in each bin, if it was not before"),
		Shapes:      []losses.Shapes{{"logits": "N,T", "index": "N", "event": "N"}},
		LabelPolicy: binPolicy,
		Traps: []string{
			"A row that is censored in bin i counts as without the event up to and with that bin.",
			"Mean divides by the rows, not by their bins.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced(c.Expand("(F.binary_cross_entropy_with_logits(logits, (F.one_hot({index}, logits.shape[1]) * event[:, None]).to(logits), reduction='none') * (torch.arange(logits.shape[1], device=logits.device) <= {index}[:, None])).sum(1)", nil), o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x := c.In("logits")
		number := c.In("index").Within(x.Shape()[1]).Unsqueeze(1)
		bin := c.B.Iota(2, 1, x.Shape()[1]).Cast(number.DType())
		target := builder.Where(bin.Equal(number), c.In("event").Unsqueeze(1), c.Const(0))
		alive := bin.Greater(number).Not().Cast(c.Compute)
		return losses.Each(parts.LogitCrossEntropy(x, target, losses.Value{}).Mul(alive).SumOver(1))
	},
	Golden: []losses.Case{
		{Name: "large_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"logits": {0: 1e4, 1: -1e4, 6: -1e4, 12: 1e4}, "index": {0: 1, 1: 0, 2: 0, 3: 5}, "event": {0: 0, 1: 1, 2: 1, 3: 1}}},
		{Name: "all_censored_mean", Fill: map[string]string{"event": "constant:0"}},
	},
}

// PMFOptions configures [SurvivalPMF].
type PMFOptions struct {
	Eps       *float64         `opt:"eps" doc:"added inside the logarithms" bounds:"[0,inf)" try:"0"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SurvivalPMF is the likelihood of a probability for each bin (Kvamme and Borgan,
// 2019).
var SurvivalPMF = &losses.Def[PMFOptions]{
	Spec: losses.Spec{
		Name: "survival_pmf", Aliases: []string{"pmf"}, Family: family, Witness: "pycox 0.3.0",
		Title:       "likelihood of a probability of each bin of time",
		Formula:     "p = softmax([logits, 0]); -log p[index] if event, else -log(sum over t > index of p[t])",
		Inputs:      bins("logits of the event in each bin; that of none of them is 0"),
		Shapes:      []losses.Shapes{{"logits": "N,T", "index": "N", "event": "N"}},
		LabelPolicy: binPolicy,
		Traps: []string{
			"A bin for later than all is added, with logit 0: T logits are T+1 probabilities.",
			"MTLR is this loss of logits that were added up from the last bin to the first.",
			"eps is pycox's, in the sum of exponentials and in the tail, both of which are divided by the largest: an event far below the largest is exact, a tail below eps is cut off.",
		},
	},
	Defaults: PMFOptions{Eps: new(1e-7), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PMFOptions) string {
		return losses.Reduced(pmfTorch(c, *o.Eps), o.Reduction)
	},
	Body: func(c *losses.Call, o PMFOptions) losses.Term {
		return losses.Each(newPMF(c).loss(c.In("event"), *o.Eps))
	},
	Golden: pmfCases(),
}

// pmf is the logits of a batch with that of later than all, and the bins of its rows.
type pmf struct {
	logits losses.Value // [N,T+1]
	index  losses.Value // [N,1]
	later  losses.Value // [N,T+1], which bins are behind that of the row
}

func newPMF(c *losses.Call) pmf {
	x := c.In("logits")
	index := c.In("index").Within(x.Shape()[1]).Unsqueeze(1)
	x = x.Pad(1, tensor.D(0), tensor.D(1), 0)
	bin := c.B.Iota(2, 1, x.Shape()[1]).Cast(index.DType())
	return pmf{x, index, bin.Greater(index)}
}

// loss is the negative log-likelihood. The largest logit has its gradient, since with
// eps the loss depends on it. The tail is added up by itself, which PyTorch's
// expression takes from the whole.
func (p pmf) loss(seen losses.Value, eps float64) losses.Value {
	largest := p.logits.Pick(1, p.logits.ArgMax(1))
	e := p.logits.Sub(largest).Exp()
	own := p.logits.Pick(1, p.index).Sub(largest).Squeeze(1)
	all := e.SumOver(1).Shift(eps).Log()
	tail := builder.Where(p.later, e, e.Like(0)).SumOver(1).Shift(eps).Log()
	return all.Sub(seen.Mul(own)).Sub(seen.Neg().Shift(1).Mul(tail))
}

func pmfTorch(c *losses.Call, eps float64) string {
	text := fmt.Sprintf("(lambda g, x: -event * (logits.gather(1, {index}[:, None]).squeeze(1) - g) + ((x - g[:, None]).exp().sum(1) + %[1]s).log() - (1 - event) * (torch.where(torch.arange(x.shape[1], device=x.device) > {index}[:, None], (x - g[:, None]).exp(), 0).sum(1) + %[1]s).log())(F.pad(logits, (0, 1)).max(1).values, F.pad(logits, (0, 1)))", losses.Python(eps))
	return c.Expand(text, nil)
}

func pmfCases() []losses.Case {
	return []losses.Case{
		{Name: "far_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"logits": {0: 40, 6: 20, 12: -1e4, 18: 300}, "index": {0: 0, 1: 0, 2: 0, 3: 5}, "event": {0: 0, 1: 0, 2: 1, 3: 1}}},
		{Name: "no_tail_none", Options: losses.Values{"eps": 0.0, "reduction": "none"}, Set: map[string]losses.Edge{"logits": {5: 1e4, 11: 1e4}, "index": {0: 5, 1: 5}, "event": {0: 1, 1: 0}}},
		{Name: "all_censored_mean", Fill: map[string]string{"event": "constant:0"}},
	}
}

// DeepHitOptions configures [DeepHit].
type DeepHitOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"share of the likelihood; the rest is of the ranking" bounds:"[0,1]" try:"1;0"`
	Sigma     *float64         `opt:"sigma" doc:"scale of differences of probabilities in the ranking" bounds:"(0,inf)" try:"0.5"`
	Eps       *float64         `opt:"eps" doc:"added inside the logarithms of the likelihood" bounds:"[0,inf)" try:"0"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DeepHit is a likelihood and a ranking of rows (Lee et al., 2018), of one kind of
// event.
var DeepHit = &losses.Def[DeepHitOptions]{
	Spec: losses.Spec{
		Name: "deephit", Aliases: []string{"deephit_single"}, Family: family, Witness: "pycox 0.3.0",
		Title:   "likelihood of bins of time, and ranking of rows",
		Formula: "alpha·survival_pmf + (1 - alpha)·mean over j of rank_mat[i,j]·exp(-(F_i(index[i]) - F_j(index[i]))/sigma), F = cumsum(softmax([logits, 0]))",
		Inputs:  bins("logits of the event in each bin; that of none of them is 0", losses.Input{Name: "rank_mat", Doc: "1 where row i had the event before row j was seen last, else 0", Domain: losses.Event}),
		Shapes:  []losses.Shapes{{"logits": "N,T", "index": "N", "event": "N", "rank_mat": "N,N"}},
		Traps: []string{
			"alpha is pycox's, which multiplies the likelihood; the paper's factor is of the ranking.",
			"rank_mat[i,j] is event[i]·(time[i] < time[j]), or equal where j is censored; pycox's rank_mat function makes it.",
			"With an alpha of 1 it is survival_pmf. Several kinds of events are not there.",
			"All pairs of rows are in memory.",
		},
		LabelPolicy: binPolicy,
		Inseparable: "the loss of a row is about all rows",
	},
	Defaults: DeepHitOptions{Alpha: new(0.2), Sigma: new(0.1), Eps: new(1e-7), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o DeepHitOptions) string {
		rank := c.Expand("(rank_mat * torch.exp(-(lambda c: c.gather(1, {index}[:, None]) - c.T[{index}])(F.pad(logits, (0, 1)).softmax(1).cumsum(1)) / SIGMA)).mean(1)", nil)
		rank = strings.Replace(rank, "SIGMA", losses.Python(*o.Sigma), 1)
		return losses.Reduced(fmt.Sprintf("%s * %s + (1 - %s) * %s", losses.Python(*o.Alpha), losses.Operand(pmfTorch(c, *o.Eps)), losses.Python(*o.Alpha), rank), o.Reduction)
	},
	Body: func(c *losses.Call, o DeepHitOptions) losses.Term {
		p := newPMF(c)
		until := p.logits.Softmax(1).CumSum(1)
		others := until.Transpose(1, 0).Gather(0, p.index.Squeeze(1)) // [i,j]: F_j(index[i])
		ahead := until.Pick(1, p.index).Sub(others)
		rank := c.In("rank_mat").Mul(ahead.Scale(-1 / *o.Sigma).Exp()).SumOver(1).Div(c.B.Count(c.Compute, p.logits.Shape()[:1]))
		return losses.Each(p.loss(c.In("event"), *o.Eps).Scale(*o.Alpha).Add(rank.Scale(1 - *o.Alpha)))
	},
	Golden: pmfCases(),
}

// Weibull is the likelihood of a Weibull distribution, whose logarithms of scale and
// shape a model predicts.
var Weibull = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "weibull", Aliases: []string{"weibull_aft"}, Family: family, Witness: "torchsurv 0.2.0",
		Title:   "likelihood of a Weibull distribution of times",
		Formula: "s, k = log_params; z = log(time) - s; exp(exp(k)·z) - event·(k - s + (exp(k) - 1)·z)",
		Inputs: []losses.Input{
			{Name: "log_params", Doc: "logarithms of the scale and of the shape", Domain: losses.Real, Grad: losses.Default}, times(), event(),
		},
		Shapes: []losses.Shapes{{"log_params": "N,2", "time": "N", "event": "N"}},
		Traps: []string{
			"torchsurv limits the hazard to 1e10 and times to 1e-100 and leaves out rows that are infinite; here a time of 0 gives inf or NaN.",
			"Give times in a unit in which they are near 1: powers of large numbers overflow.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("(lambda s, k: torch.exp(k.exp() * (time.log() - s)) - event * (k - s + torch.expm1(k) * (time.log() - s)))(log_params[:, 0], log_params[:, 1])", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		params := c.In("log_params")
		s, k := params.Slice(1, 0, 1).Squeeze(1), params.Slice(1, 1, 2).Squeeze(1)
		z, shape := c.In("time").Log().Sub(s), k.Exp()
		density := k.Sub(s).Add(expm1(k).Mul(z))
		return losses.Each(shape.Mul(z).Exp().Sub(c.In("event").Mul(density)))
	},
	Golden: []losses.Case{
		{Name: "small_shape_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"log_params": {1: 1e-4, 3: -1e-3, 5: -20}, "time": {0: 2.5, 2: 1e-3}}},
		{Name: "infinite_shape_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"log_params": {1: math.Inf(1), 3: math.Inf(1), 5: math.Inf(-1)}, "event": {0: 0, 1: 1, 2: 0}, "time": {0: 1.75, 1: 0.5, 2: 3}}},
	},
}

// expm1 is exp(x) - 1. Its gradient is a product of its own, so that 0 times infinity is
// NaN there, whatever exp(x) has elsewhere.
func expm1(x losses.Value) losses.Value {
	e := x.Exp()
	return builder.WithGradient("expm1", e.Shift(-1), []losses.Value{x}, func(dy losses.Value) []losses.Value {
		return []losses.Value{e.Mul(dy)}
	})
}
