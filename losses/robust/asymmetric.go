package robust

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// EpsilonInsensitiveOptions configures [EpsilonInsensitive].
type EpsilonInsensitiveOptions struct {
	Epsilon   *float64         `opt:"epsilon" doc:"size of the differences that cost nothing" bounds:"[0,inf)" try:"0;0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// EpsilonInsensitive is the loss of support vector regression.
var EpsilonInsensitive = &losses.Def[EpsilonInsensitiveOptions]{
	Spec: losses.Spec{
		Name: "epsilon_insensitive", Aliases: []string{"svr"}, Family: family,
		Title:   "absolute difference beyond a tolerance",
		Formula: "max(|input - target| - epsilon, 0)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"Within the tolerance, and at its ends, the gradient is 0.",
			"scikit-learn's convention is the sum with a factor C; squared_epsilon_insensitive there is the square of this.",
		},
	},
	Defaults: EpsilonInsensitiveOptions{Epsilon: new(0.1), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EpsilonInsensitiveOptions) string {
		return losses.Reduced(fmt.Sprintf("F.relu((input - target).abs() - %s)", losses.Python(*o.Epsilon)), o.Reduction)
	},
	Body: func(c *losses.Call, o EpsilonInsensitiveOptions) losses.Term {
		return losses.Each(c.In("input").Sub(c.In("target")).Abs().Shift(-*o.Epsilon).Relu())
	},
	Golden: []losses.Case{
		{Name: "ends_none", Options: losses.Values{"reduction": "none", "epsilon": 0.5}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: -0.5, 2: 0.25, 3: 0, 4: 0.75}}},
	},
}

// ExpectileOptions configures [Expectile].
type ExpectileOptions struct {
	Tau       *float64         `opt:"tau" doc:"which expectile: the weight of targets above the prediction" bounds:"[0,1]" try:"0;0.1;0.9;1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Expectile is asymmetric least squares (Newey and Powell, 1987).
var Expectile = &losses.Def[ExpectileOptions]{
	Spec: losses.Spec{
		Name: "expectile", Family: family,
		Title:   "squared difference, weighted by its side",
		Formula: "(tau if target > pred, else 1 - tau)·(target - pred)^2",
		Inputs:  predicted(losses.Real),
		Shapes:  parts.Elementwise("pred", "target"), Star: "N,D",
		Traps: []string{
			"tau 0.5 is half of mse.",
			"Offline reinforcement learning takes the difference of two networks for target - pred: the larger tau, the nearer to a maximum.",
		},
	},
	Defaults: ExpectileOptions{Tau: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ExpectileOptions) string {
		tau := losses.Python(*o.Tau)
		return losses.Reduced(fmt.Sprintf("torch.where(target > pred, torch.full_like(pred, %s), 1 - %s) * (target - pred) ** 2", tau, tau), o.Reduction)
	},
	Body: func(c *losses.Call, o ExpectileOptions) losses.Term {
		e := c.In("target").Sub(c.In("pred"))
		side := builder.Where(c.In("target").Greater(c.In("pred")), e.Like(*o.Tau), e.Like(1-*o.Tau))
		return losses.Each(side.Mul(e.Square()))
	},
}

// predicted are a prediction and a true value by the names of forecasting.
func predicted(d losses.Domain) []losses.Input {
	return []losses.Input{
		{Name: "pred", Doc: "predictions", Domain: d, Grad: losses.Default},
		{Name: "target", Doc: "true values", Domain: d, Grad: losses.OnDemand},
	}
}
