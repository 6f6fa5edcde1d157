package forecasting

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares scores of quantiles and of samples.

// QuantileHorizonOptions configures [QuantileHorizon].
type QuantileHorizonOptions struct {
	Quantiles  []float64        `opt:"quantiles" doc:"the quantiles that the last axis of pred predicts" bounds:"[0,1]" try:"0.5;0.05,0.95;0,1"`
	Convention string           `opt:"convention" doc:"mean over the quantiles, double that, or their sum" choices:"mean,double,sum_q" try:"double;sum_q"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// QuantileHorizon is the pinball loss of several quantiles at each step of a forecast.
var QuantileHorizon = &losses.Def[QuantileHorizonOptions]{
	Spec: losses.Spec{
		Name: "quantile_horizon", Aliases: []string{"multi_quantile", "mqloss"}, Family: family, Witness: "pytorch-forecasting 1.8.0",
		Title:   "pinball loss of several quantiles at each step",
		Formula: "e_q = target - pred[..., q]; mean over q of max((q - 1)·e_q, q·e_q); double: twice that; sum_q: their sum",
		Traps: []string{
			"scikit-learn has the mean, pytorch-forecasting's QuantileLoss and GluonTS --convention double, neuralforecast's MQLoss --convention sum_q (a factor in its source has no effect).",
			"Where a prediction is the target the gradient is that of max: 1/2 - q for each quantile; GluonTS has 0 there.",
			"Steps that do not count are left out with --with mask. If none counts the mean is NaN; neuralforecast's is 0.",
		},
	},
	Defaults: QuantileHorizonOptions{Quantiles: []float64{0.1, 0.5, 0.9}, Convention: "mean", Reduction: losses.Mean},
	Ports: func(o QuantileHorizonOptions) ([]losses.Input, []losses.Shapes) {
		return []losses.Input{
			{Name: "pred", Doc: "a prediction of each quantile, which are the last axis", Domain: losses.Real, Grad: losses.Default},
			observed(losses.Real),
		}, []losses.Shapes{{"pred": fmt.Sprintf("*,%d", len(o.Quantiles)), "target": "*"}}
	},
	Adapt: func(s *losses.Spec, o QuantileHorizonOptions) { s.Star = "N,H" },
	Reference: func(c *losses.Call, o QuantileHorizonOptions) string {
		each := fmt.Sprintf("(lambda q, e: torch.max((q - 1) * e, q * e))(pred.new_tensor(%s), target[..., None] - pred)", losses.Python(o.Quantiles))
		end := map[string]string{"mean": ".mean(-1)", "double": ".mean(-1) * 2", "sum_q": ".sum(-1)"}[o.Convention]
		return losses.Reduced(each+end, o.Reduction)
	},
	Body: func(c *losses.Call, o QuantileHorizonOptions) losses.Term {
		x, t, count := c.In("pred"), c.In("target"), len(o.Quantiles)
		row := func(values []float64) losses.Value { // see quantile: such products are the fast way to repeat short rows
			return c.B.Constant(tensor.FromFloats(c.Compute, []int64{1, int64(count)}, values))
		}
		column := t.Unsqueeze(t.Rank())
		target := column.MatMul(row(slices.Repeat([]float64{1}, count)))
		q := c.Const(1).BroadcastTo(column.Shape()).MatMul(row(o.Quantiles))
		open := !slices.Contains(o.Quantiles, 0) && !slices.Contains(o.Quantiles, 1)
		sum := parts.Pinball(target.Sub(x), q, open).SumOver(t.Rank())
		return losses.Each(sum.Scale(map[string]float64{"mean": 1 / float64(count), "double": 2 / float64(count), "sum_q": 1}[o.Convention]))
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none", "convention": "double"}, Fill: map[string]string{"pred": "constant:1", "target": "constant:1"}},
	},
}

// EnsembleOptions configures [CRPSEnsemble] and [EnergyScore].
type EnsembleOptions struct {
	Estimator string           `opt:"estimator" doc:"nrg: the samples are the distribution; fair: they are drawn from it, so that a sample's distance from itself does not count" choices:"nrg,fair" try:"fair"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

var ensembleTraps = []string{
	"scoringrules' default, qd, is nrg. fair divides the second term by M·(M - 1) instead of M^2, and with one sample is NaN.",
	"All pairs of a row's samples are in memory: N·M^2 numbers.",
	"Equal samples, and one that is the target, have gradient 0 against each other.",
}

// CRPSEnsemble is the continuous ranked probability score of samples.
var CRPSEnsemble = &losses.Def[EnsembleOptions]{
	Spec: losses.Spec{
		Name: "crps_ensemble", Family: family, Witness: "scoringrules 0.10.0",
		Title:   "continuous ranked probability score of samples",
		Formula: "mean over m of |samples[m] - target| - (sum over m, k of |samples[m] - samples[k]|)/(2·M^2)",
		Inputs:  []losses.Input{parameter("samples", "samples of the forecast", losses.Real), observed(losses.Real)},
		Shapes:  []losses.Shapes{{"samples": "N,M", "target": "N"}},
		Traps:   ensembleTraps,
	},
	Defaults: EnsembleOptions{Estimator: "nrg", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EnsembleOptions) string {
		pairs := "(samples[:, :, None] - samples[:, None, :]).abs()" + o.torch("(1, 2)")
		return losses.Reduced("(samples - target[:, None]).abs().mean(1) - "+pairs, o.Reduction)
	},
	Body: func(c *losses.Call, o EnsembleOptions) losses.Term {
		x := c.In("samples")
		count := c.B.Count(c.Compute, x.Shape()[1:])
		near := x.Sub(c.In("target").Unsqueeze(1)).Abs().SumOver(1).Div(count)
		return losses.Each(near.Sub(o.spread(x.Unsqueeze(2).Sub(x.Unsqueeze(1)).Abs(), count)))
	},
	Golden: []losses.Case{
		{Name: "ties_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"samples": "constant:1"}, Sizes: map[string]int64{"M": 4}, Set: map[string]losses.Edge{"samples": {1: 2, 2: 2, 5: 3}, "target": {0: 2, 1: 1}}},
		{Name: "one_sample_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"M": 1}},
		{Name: "one_sample_fair_none", Options: losses.Values{"reduction": "none", "estimator": "fair"}, Sizes: map[string]int64{"M": 1}},
	},
}

// EnergyScore is that of samples of vectors.
var EnergyScore = &losses.Def[EnsembleOptions]{
	Spec: losses.Spec{
		Name: "energy_score", Family: family, Witness: "scoringrules 0.10.0",
		NoSecond: "PyTorch's second derivative is NaN at the distance of a sample from itself",
		Title:    "energy score of samples of vectors",
		Formula:  "mean over m of ||samples[m] - target|| - (sum over m, k of ||samples[m] - samples[k]||)/(2·M^2)",
		Inputs:   []losses.Input{parameter("samples", "samples of the forecast", losses.Real), observed(losses.Real)},
		Shapes:   []losses.Shapes{{"samples": "N,M,D", "target": "N,D"}},
		Traps:    append([]string{"It is the CRPS of vectors: one norm for all their elements."}, ensembleTraps...),
	},
	Defaults: EnsembleOptions{Estimator: "nrg", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EnsembleOptions) string {
		pairs := "(samples[:, :, None] - samples[:, None]).norm(dim=3)" + o.torch("(1, 2)")
		return losses.Reduced("(samples - target[:, None]).norm(dim=2).mean(1) - "+pairs, o.Reduction)
	},
	Body: func(c *losses.Call, o EnsembleOptions) losses.Term {
		x := c.In("samples")
		count := c.B.Count(c.Compute, x.Shape()[1:2])
		near := x.Sub(c.In("target").Unsqueeze(1)).Norm(2, 2).Squeeze(2).SumOver(1).Div(count)
		return losses.Each(near.Sub(o.spread(apart(x), count)))
	},
	Golden: []losses.Case{
		{Name: "ties_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"samples": "constant:1"}, Sizes: map[string]int64{"M": 3}, Set: map[string]losses.Edge{"samples": {1: 2, 12: 3}, "target": {0: 1, 1: 1, 2: 1}}},
	},
}

// apart is the distances of all samples [N,M,D] from each other, [N,M,M]. That of a
// sample from itself is 0 times another number, since the slope of a root at 0 is
// infinite.
func apart(x losses.Value) losses.Value {
	n := x.Shape()[1]
	self := x.B().Iota(2, 0, n).Equal(x.B().Iota(2, 1, n)).Cast(x.DType())
	pairs := x.Unsqueeze(2).Sub(x.Unsqueeze(1)).Add(self.Unsqueeze(2))
	return pairs.Norm(2, 3).Squeeze(3).Mul(self.Neg().Shift(1))
}

// spread is half of the mean distance of two samples, given all distances [N,M,M].
func (o EnsembleOptions) spread(distances, count losses.Value) losses.Value {
	pairs := count.Square()
	if o.Estimator == "fair" {
		pairs = count.Mul(count.Shift(-1))
	}
	return distances.SumOver(2).SumOver(1).Div(pairs).Scale(0.5)
}

func (o EnsembleOptions) torch(axes string) string {
	if o.Estimator == "fair" {
		return ".sum(" + axes + ") / (2 * samples.shape[1] * (samples.shape[1] - 1))"
	}
	return ".mean(" + axes + ") / 2"
}
