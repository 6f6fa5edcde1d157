package robust

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of differences that count by the size of the values.

// MSLEOptions configures [MSLE].
type MSLEOptions struct {
	Floor     *float64         `opt:"floor" doc:"least value, that smaller ones count as; none: no such" bounds:"(-1,inf)" try:"1e-7;0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MSLE is the squared difference of logarithms.
var MSLE = &losses.Def[MSLEOptions]{
	Spec: losses.Spec{
		Name: "msle", Family: family,
		Title:   "squared difference of the logarithms of one plus the values",
		Formula: "(log(1 + input) - log(1 + target))^2",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predictions, above -1", Domain: losses.Positive, Grad: losses.Default},
			{Name: "target", Doc: "true values, above -1", Domain: losses.Positive, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"A value of -1 gives inf and one below it NaN, as in torchmetrics.",
			"Keras first raises the values to 1e-7 (--floor 1e-7): predictions below have a gradient of 0, and never come back.",
		},
	},
	Defaults: MSLEOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MSLEOptions) string {
		log := "torch.log1p(input) - torch.log1p(target)"
		if o.Floor != nil {
			floor := losses.Python(*o.Floor)
			log = fmt.Sprintf("torch.log1p(input.clamp_min(%s)) - torch.log1p(target.clamp_min(%s))", floor, floor)
		}
		return losses.Reduced(fmt.Sprintf("(%s) ** 2", log), o.Reduction)
	},
	Body: func(c *losses.Call, o MSLEOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		if o.Floor != nil {
			x, t = x.Clip(*o.Floor, math.Inf(1)), t.Clip(*o.Floor, math.Inf(1))
		}
		return losses.Each(x.Log1p().Sub(t.Log1p()).Square())
	},
	Golden: []losses.Case{
		{Name: "low_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 0, 1: -0.5, 2: -1, 3: -2}, "target": {4: -0.5, 5: -1, 6: -3}}},
		{Name: "floor_low_none", Options: losses.Values{"reduction": "none", "floor": 0.5}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: 0, 2: -5}, "target": {3: 0.5, 4: -2}}},
		{Name: "equal_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:input"}},
	},
}

// MAPEOptions configures [MAPE].
type MAPEOptions struct {
	Floor     *float64         `opt:"floor" doc:"least size of a target to divide by" bounds:"[0,inf)" try:"0;1e-7;0.5"`
	Percent   bool             `opt:"percent" doc:"100 times that" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MAPE is the absolute difference as a share of the target.
var MAPE = &losses.Def[MAPEOptions]{
	Spec: losses.Spec{
		Name: "mape", Family: family,
		Title:   "absolute difference as a share of the target",
		Formula: "|input - target| / max(|target|, floor)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The default is torchmetrics' share, with a floor of 1.17e-6; Keras gives percent, with a floor of 1e-7: --percent --floor 1e-7.",
			"Where the target is 0 the loss is a million times the prediction, and so is the gradient.",
		},
	},
	Defaults: MAPEOptions{Floor: new(1.17e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MAPEOptions) string {
		each := fmt.Sprintf("(input - target).abs() / target.abs().clamp_min(%s)", losses.Python(*o.Floor))
		if o.Percent {
			each = "100 * " + each
		}
		return losses.Reduced(each, o.Reduction)
	},
	Body: func(c *losses.Call, o MAPEOptions) losses.Term {
		t := c.In("target")
		d := c.In("input").Sub(t).Abs()
		if o.Percent {
			d = d.Scale(100)
		}
		return losses.Each(d.Div(t.Abs().Clip(*o.Floor, math.Inf(1))))
	},
	Golden: []losses.Case{
		{Name: "zero_target_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 0, 1: 1e-7, 2: -1e-7}, "input": {3: 0}}},
		{Name: "both_zero_none", Options: losses.Values{"reduction": "none", "floor": 0.0}, Set: map[string]losses.Edge{"target": {0: 0, 1: 0}, "input": {0: 0}}},
	},
}

// SMAPEOptions configures [SMAPE].
type SMAPEOptions struct {
	Floor     *float64         `opt:"floor" doc:"least sum of sizes to divide by" bounds:"[0,inf)" try:"1.17e-6;0.5"`
	Eps       *float64         `opt:"eps" doc:"added to the sum of sizes" bounds:"[0,inf)" try:"1e-8;0.1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SMAPE is the absolute difference as a share of the mean size of both values.
var SMAPE = &losses.Def[SMAPEOptions]{
	Spec: losses.Spec{
		Name: "smape", Family: family,
		Title:   "absolute difference as a share of the mean size of both values",
		Formula: "s = max(|target| + |pred| + eps, floor); 2|target - pred|/s, 0 where s is 0",
		Inputs:  predicted(losses.Positive),
		Shapes:  parts.Elementwise("pred", "target"), Star: "N,D",
		Traps: []string{
			"The loss is from 0 to 2; others say percent, or divide by s/2 and by s alike: half of this.",
			"The default is neuralforecast's, where 0/0 is 0; torchmetrics has --floor 1.17e-6, pytorch-forecasting --eps 1e-8.",
			"It is meant for values above 0. Where one value is 0, or the signs differ, the loss is 2 whatever the other is, and its gradient 0 but for rounding.",
		},
	},
	Defaults: SMAPEOptions{Floor: new(0.0), Eps: new(0.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SMAPEOptions) string {
		sum := "target.abs() + pred.abs()"
		if *o.Eps > 0 {
			sum += " + " + losses.Python(*o.Eps)
		}
		if *o.Floor > 0 {
			sum = fmt.Sprintf("(%s).clamp_min(%s)", sum, losses.Python(*o.Floor))
		}
		return losses.Reduced(fmt.Sprintf("2 * (lambda a, s: torch.where(s == 0, 0, a / torch.where(s == 0, 1, s)))((target - pred).abs(), %s)", sum), o.Reduction)
	},
	Body: func(c *losses.Call, o SMAPEOptions) losses.Term {
		x, t := c.In("pred"), c.In("target")
		s := t.Abs().Add(x.Abs())
		if *o.Eps > 0 {
			s = s.Shift(*o.Eps)
		}
		if *o.Floor > 0 {
			s = s.Clip(*o.Floor, math.Inf(1))
		}
		d := t.Sub(x).Abs().Scale(2)
		if *o.Eps > 0 || *o.Floor > 0 {
			return losses.Each(d.Div(s))
		}
		none := s.Equal(s.Like(0))
		return losses.Each(builder.Where(none, s.Like(0), d.Div(builder.Where(none, s.Like(1), s))))
	},
	Golden: []losses.Case{
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 0, 1: 0, 2: 1}, "pred": {0: 0, 1: 1, 2: 0}}},
		{Name: "negative_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: -1, 1: -2, 2: -0.5}, "pred": {0: -1, 1: -0.5, 2: -2}}},
		{Name: "zeros_floor_none", Options: losses.Values{"reduction": "none", "floor": 0.5}, Set: map[string]losses.Edge{"target": {0: 0, 1: 0.25, 2: 0.125}, "pred": {0: 0, 1: 0.25, 2: 0}}},
	},
}
