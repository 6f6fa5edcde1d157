package robust

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses whose differences count by the size of a whole series.

// WMAPEOptions configures [WMAPE].
type WMAPEOptions struct {
	Floor *float64 `opt:"floor" doc:"least sum of targets to divide by" bounds:"[0,inf)" try:"0;20"`
}

// WMAPE is the sum of absolute differences as a share of the sum of targets.
var WMAPE = &losses.Def[WMAPEOptions]{
	Spec: losses.Spec{
		Name: "wmape", Family: family,
		Title:   "sum of absolute differences as a share of the sum of targets",
		Formula: "(sum |input - target|) / max(sum |target|, floor)",
		Witness: "torchmetrics 1.9.0",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"It is a ratio of two sums over all elements: the mean of such ratios of batches is not that of all data.",
			"The floor of 1.17e-6 is torchmetrics'.",
		},
	},
	Defaults: WMAPEOptions{Floor: new(1.17e-6)},
	Reference: func(c *losses.Call, o WMAPEOptions) string {
		return fmt.Sprintf("(input - target).abs().sum() / target.abs().sum().clamp_min(%s)", losses.Python(*o.Floor))
	},
	Body: func(c *losses.Call, o WMAPEOptions) losses.Term {
		t := c.In("target")
		size := t.Abs().Sum().Clip(*o.Floor, math.Inf(1))
		return losses.Term{Each: c.In("input").Sub(t).Abs().Sum().Div(size), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "zero_targets", Fill: map[string]string{"target": "constant:0"}},
		{Name: "zero_targets_unfloored", Options: losses.Values{"floor": 0.0}, Fill: map[string]string{"target": "constant:0"}},
	},
}

// MASEOptions configures [MASE].
type MASEOptions struct {
	M         *int64           `opt:"m" doc:"length of a season, in steps" bounds:"[1,1000]" try:"1;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MASE scales differences by those of the forecast that repeats the last season
// (Hyndman and Koehler, Another look at measures of forecast accuracy, 2006).
var MASE = &losses.Def[MASEOptions]{
	Spec: losses.Spec{
		Name: "mase", Family: family,
		Title:   "absolute difference by that of a seasonal forecast in sample",
		Formula: "s = mean |insample[:, m:] - insample[:, :-m]|; |target - pred|/s, 0 where s is 0",
		Witness: "neuralforecast 3.3.0",
		Inputs: append(predicted(losses.Real),
			losses.Input{Name: "insample", Doc: "what was seen before the forecast, of each series", Domain: losses.Real}),
		Shapes: []losses.Shapes{{"pred": "N,D", "target": "N,D", "insample": "N,L"}},
		Traps: []string{
			"A series whose seasons repeat exactly has a scale of 0, and its loss is 0, as in neuralforecast.",
			"One of at most m steps has no scale: NaN.",
			"pytorch-forecasting takes the scale over encoder and decoder, divides it by the number of steps instead of differences, and adds 1e-6.",
			"In neuralforecast an insample of [N,L,1] broadcasts to another number; here it is refused.",
		},
	},
	Defaults: MASEOptions{M: new(int64(1)), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MASEOptions) string {
		return losses.Reduced(fmt.Sprintf("(lambda s: torch.where(s == 0, 0, (target - pred).abs() / torch.where(s == 0, 1, s)))((insample[:, %[1]d:] - insample[:, :-%[1]d]).abs().mean(1, keepdim=True))", *o.M), o.Reduction)
	},
	Body: func(c *losses.Call, o MASEOptions) losses.Term {
		seen, m := c.In("insample"), *o.M
		s := parts.MeanOver(seen.Slice(1, m, tensor.MaxSize).Sub(seen.Slice(1, 0, -m)).Abs(), 1).Unsqueeze(1)
		flat := s.Equal(s.Like(0))
		each := c.In("target").Sub(c.In("pred")).Abs().Div(builder.Where(flat, s.Like(1), s))
		return losses.Each(builder.Where(flat, each.Like(0), each))
	},
	Golden: []losses.Case{
		{Name: "flat_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"insample": "constant:2"}, Set: map[string]losses.Edge{"insample": {0: 1}}, Sizes: map[string]int64{"L": 4}},
		{Name: "seasons_none", Options: losses.Values{"reduction": "none", "m": int64(3)}, Sizes: map[string]int64{"L": 7}},
		{Name: "too_short_mean", Options: losses.Values{"m": int64(3)}, Sizes: map[string]int64{"L": 3}},
	},
}
