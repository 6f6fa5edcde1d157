package graft

import (
	"math"

	"github.com/lossgen/lossgen/builder"
)

// This file has activations, and functions of one number that networks seldom have.

var activationRules = map[string]rule{
	"Gelu": gelu, "PRelu": prelu, "Swish": swish,
	"Softplus": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Sigmoid() }),
	"Softsign": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Abs().Shift(1).Square().Reciprocal() }),
	"Mish":     func(c *call) []builder.Value { return c.derived(c.in[0].Mul(c.in[0].Softplus().Tanh())) },
	"Selu": slope(func(c *call, x, _ builder.Value) builder.Value {
		alpha, gamma := c.float("alpha", 1.6732632), c.float("gamma", 1.050701)
		return sides(x, x.Like(gamma), below(x).Exp().Scale(alpha*gamma))
	}),
	"Celu": slope(func(c *call, x, _ builder.Value) builder.Value {
		return sides(x, x.Like(1), below(x).Scale(1/c.float("alpha", 1)).Exp())
	}),
	"ThresholdedRelu": slope(func(c *call, x, _ builder.Value) builder.Value {
		return x.Greater(x.Like(c.float("alpha", 1))).Cast(x.DType())
	}),
	"Shrink": slope(func(c *call, x, _ builder.Value) builder.Value {
		return x.Abs().Greater(x.Like(c.float("lambd", 0.5))).Cast(x.DType())
	}),

	"Tan":  slope(func(_ *call, _, y builder.Value) builder.Value { return y.Square().Shift(1) }),
	"Asin": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Square().Neg().Shift(1).Sqrt().Reciprocal() }),
	"Acos": slope(func(_ *call, x, _ builder.Value) builder.Value {
		return x.Square().Neg().Shift(1).Sqrt().Reciprocal().Neg()
	}),
	"Atan":  slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Square().Shift(1).Reciprocal() }),
	"Sinh":  slope(func(c *call, x, _ builder.Value) builder.Value { return c.run("Cosh", x, one(x)) }),
	"Cosh":  slope(func(c *call, x, _ builder.Value) builder.Value { return c.run("Sinh", x, one(x)) }),
	"Asinh": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Square().Shift(1).Sqrt().Reciprocal() }),
	"Acosh": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Square().Shift(-1).Sqrt().Reciprocal() }),
	"Atanh": slope(func(_ *call, x, _ builder.Value) builder.Value { return x.Square().Neg().Shift(1).Reciprocal() }),
	"Mod":   remainder,
}

// below returns min(x, 0).
func below(x builder.Value) builder.Value { return x.Min(x.Like(0)) }

// sides returns one value where x is above 0 and another elsewhere, without a choice
// among all elements. Both are finite.
func sides(x, above, other builder.Value) builder.Value {
	positive := x.Step()
	return positive.Mul(above).Add(positive.Neg().Shift(1).Mul(other))
}

// gelu has the derivative F(x) + x·F'(x), where F is the normal distribution, or that of
// its approximation by tanh.
func gelu(c *call) []builder.Value {
	x := c.in[0]
	if c.text("approximate", "none") == "tanh" {
		inner := x.Add(x.Pow(3).Scale(0.044715)).Scale(math.Sqrt(2 / math.Pi))
		return c.derived(inner.Tanh().Shift(1).Mul(x).Scale(0.5))
	}
	return slope(func(c *call, x, _ builder.Value) builder.Value {
		part := c.run("Erf", x, one(x.Scale(math.Sqrt2/2))).Shift(1).Scale(0.5)
		return part.Add(x.Square().Scale(-0.5).Exp().Mul(x).Scale(1 / math.Sqrt(2*math.Pi)))
	})(c)
}

func swish(c *call) []builder.Value {
	x := c.in[0]
	return c.derived(x.Mul(x.Scale(c.float("alpha", 1)).Sigmoid()))
}

// prelu multiplies what is not above 0 with a slope.
func prelu(c *call) []builder.Value {
	in := c.aligned(c.in...)
	x, a := in[0], in[1]
	return c.with(func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(x.Shape())
		positive := x.Step()
		rest := positive.Neg().Shift(1)
		return []builder.Value{full.Mul(positive.Add(rest.Mul(a))), full.Mul(rest).Mul(x).SumTo(a)}
	})
}

// remainder is x - trunc(x/z)·z.
func remainder(c *call) []builder.Value {
	in := c.aligned(c.in...)
	x, z, y := in[0], in[1], c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		return []builder.Value{full.SumTo(x), y.Sub(x).Div(z).Mul(full).SumTo(z)}
	}))
}
