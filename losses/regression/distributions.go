package regression

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// PoissonNLLOptions configures [PoissonNLL].
type PoissonNLLOptions struct {
	LogInput  *bool            `opt:"log_input" doc:"input holds the logarithm of the rate" try:"false"`
	Full      bool             `opt:"full" doc:"add the Stirling approximation of log(target!)" try:"true"`
	Eps       *float64         `opt:"eps" doc:"added to the rate inside the logarithm" bounds:"(-inf,inf)" try:"1e-3;-0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// PoissonNLL is the negative log-likelihood of a Poisson distribution.
var PoissonNLL = &losses.Def[PoissonNLLOptions]{
	Spec: losses.Spec{
		Name: "poisson_nll", Class: "PoissonNLLLoss", Family: "regression",
		Title:   "negative log-likelihood of counts",
		Formula: "exp(input) - target·input; log_input false: input - target·log(input + eps)",
		Torch:   "F.poisson_nll_loss(input, target, log_input={log_input}, full={full}, eps={eps}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logarithm of the rate, or the rate", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "observed counts", Domain: losses.Positive, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"input is the logarithm of the rate unless --log_input=false.",
			"full adds its term only where target > 1.",
		},
	},
	Defaults: PoissonNLLOptions{LogInput: new(true), Eps: new(1e-8), Reduction: losses.Mean},
	Body: func(c *losses.Call, o PoissonNLLOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		var loss losses.Value
		if *o.LogInput {
			loss = x.Exp().Sub(t.Mul(x))
		} else {
			loss = x.Sub(t.Mul(x.Shift(*o.Eps).Log()))
		}
		if o.Full {
			loss = loss.Add(stirling(t))
		}
		return losses.Each(loss)
	},
	Golden: []losses.Case{
		{Name: "rate_zero_none", Options: losses.Values{"log_input": false, "reduction": "none"}, Fill: map[string]string{"input": "positive"}, Set: map[string]losses.Edge{"input": {0: 0, 1: 1e4}, "target": {1: 0, 2: 30}}},
		{Name: "full_threshold_none", Options: losses.Values{"full": true, "reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 1, 1: 0, 2: 1.0078125, 3: 100, 4: math.NaN()}}},
	},
}

// stirling is t·log t - t + log(2·pi·t)/2 where t > 1, else 0. A t up to 1 counts
// as 1 in the value, which the step then removes; PyTorch differentiates the
// formula at t itself, so its gradient is NaN at 0 and below.
func stirling(t losses.Value) losses.Value {
	above := t.Shift(-1).Step()
	s := t.Clip(1, math.Inf(1))
	log := s.Log()
	value := log.Mul(s.Shift(0.5)).Sub(s).Shift(math.Log(2*math.Pi) / 2).Mul(above)
	return builder.WithGradient("stirling", value, []losses.Value{t}, func(dy losses.Value) []losses.Value {
		// In PyTorch's order: what is masked stays 0 also where 1/t overflows.
		g := above.Mul(dy)
		slope := g.Mul(t.Log()).Add(g.Mul(t).Div(t)).Sub(g).Add(g.Scale(0.5).Div(t))
		return []losses.Value{slope}
	})
}

// GaussianNLLOptions configures [GaussianNLL].
type GaussianNLLOptions struct {
	Full      bool             `opt:"full" doc:"add the constant log(2·pi)/2" try:"true"`
	Eps       *float64         `opt:"eps" doc:"least variance" bounds:"(-inf,inf)" try:"0.5;0;-0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// varianceShape is what PyTorch accepts for var: input's shape, without its last
// axis, or with one axis of size 1.
func varianceShape(shapes map[string]tensor.Shape) error {
	x, v := shapes["input"], shapes["var"]
	different := 0
	for i := range min(len(x), len(v)) {
		switch {
		case x[i] == v[i]:
		case v[i].Is(1):
			different++
		default:
			different = len(x) + 1
		}
	}
	if len(v) == len(x) && different <= 1 || len(v) == len(x)-1 && different == 0 {
		return nil
	}
	return fmt.Errorf("var %v must have input's shape %v, without its last axis or with one axis of size 1", v, x)
}

// GaussianNLL is the negative log-likelihood of a normal distribution.
var GaussianNLL = &losses.Def[GaussianNLLOptions]{
	Spec: losses.Spec{
		Name: "gaussian_nll", Class: "GaussianNLLLoss", Family: "regression",
		Title:   "negative log-likelihood of a mean and a variance",
		Formula: "v = max(var, eps); (log(v) + (input - target)^2 / v) / 2",
		Torch:   "F.gaussian_nll_loss(input, target, var, full={full}, eps={eps}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted means", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "true values", Domain: losses.Real, Grad: losses.OnDemand},
			{Name: "var", Doc: "predicted variances: one per element, one per row (input's shape with the last axis left out or 1)", Domain: losses.Positive, Grad: losses.Default},
		},
		Shapes: []losses.Shapes{
			{"input": "*", "target": "*", "var": "*"},
			{"input": "*,D", "target": "*,D", "var": "*"},
		},
		Star: "N,D", Broadcast: []string{"target", "var"}, CheckShapes: varianceShape,
		LabelPolicy: "a negative variance, on which PyTorch raises, gives NaN",
		Traps: []string{
			"The gradient of var goes on below eps: PyTorch clamps the variance outside of differentiation.",
			"Mean divides by the number of elements of the input, also with one variance per row.",
		},
		NotDerivative: "PyTorch clamps the variance outside of differentiation",
	},
	Defaults: GaussianNLLOptions{Eps: new(1e-6), Reduction: losses.Mean},
	Body: func(c *losses.Call, o GaussianNLLOptions) losses.Term {
		x, variance := c.In("input"), c.In("var")
		if variance.Rank() == x.Rank()-1 {
			variance = variance.Unsqueeze(variance.Rank())
		}
		v := builder.WithGradient("clamped_outside", variance.Clip(*o.Eps, math.Inf(1)), []losses.Value{variance}, func(dy losses.Value) []losses.Value {
			return []losses.Value{dy}
		})
		loss := v.Log().Add(x.Sub(c.In("target")).Square().Div(v)).Scale(0.5)
		if o.Full {
			loss = loss.Shift(math.Log(2*math.Pi) / 2)
		}
		return losses.Term{Each: loss, Refuse: variance.Sqrt()}
	},
	Golden: []losses.Case{
		{Name: "clamped_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"var": {0: 0, 1: 1e-7, 2: 1e-6}}},
		{Name: "var_per_row_mean", Shapes: map[string]string{"input": "N,D", "var": "N"}},
		{Name: "var_last_one_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "N,D", "var": "N,1"}},
		{Name: "var_middle_one_sum", Options: losses.Values{"reduction": "sum"}, Shapes: map[string]string{"input": "N,A,D", "var": "N,1,D"}},
		{Name: "var_rank0_mean", Shapes: map[string]string{"input": "D", "var": ""}},
	},
}
