package graft

import (
	"math"

	"github.com/lossgen/lossgen/builder"
)

// This file has the operators that work element by element.

var arithmeticRules = map[string]rule{
	"Add": binary(builder.Value.Add), "Sub": binary(builder.Value.Sub), "Mul": binary(builder.Value.Mul), "Div": binary(builder.Value.Div),
	"Sum": binary(builder.Value.Add), "Mean": mean, "Max": binary(builder.Value.Max), "Min": binary(builder.Value.Min), "Pow": power,
	"Where": where, "Clip": clip, "Identity": unary(func(x builder.Value) builder.Value { return x }), "Cast": cast, "CastLike": cast,

	"Neg": unary(builder.Value.Neg), "Abs": unary(builder.Value.Abs), "Exp": unary(builder.Value.Exp), "Log": unary(builder.Value.Log),
	"Sqrt": unary(builder.Value.Sqrt), "Relu": unary(builder.Value.Relu), "Tanh": unary(builder.Value.Tanh),
	"Sin": unary(builder.Value.Sin), "Cos": unary(builder.Value.Cos),
	"Sign": flat, "Floor": flat, "Ceil": flat, "Round": flat,

	"Reciprocal": slope(func(_ *call, _, y builder.Value) builder.Value { return y.Square().Neg() }),
	"Sigmoid":    slope(func(_ *call, _, y builder.Value) builder.Value { return y.Neg().Shift(1).Mul(y) }),
	"Erf": slope(func(_ *call, x, _ builder.Value) builder.Value {
		return x.Square().Neg().Exp().Scale(2 / math.Sqrt(math.Pi))
	}),
}

func mean(c *call) []builder.Value {
	sum := binary(builder.Value.Add)(c)[0]
	return one(sum.Scale(1 / float64(len(c.in))))
}

func cast(c *call) []builder.Value {
	return one(c.in[0].Cast(c.typeOf(c.node.Outputs[0]).DType))
}

// power is x to the power p. Where p is 0 the gradient of x is 0, also at 0; that of p is
// 0 where x is 0 and p is not negative, as in PyTorch.
func power(c *call) []builder.Value {
	x := c.in[0]
	if p, ok := c.scalar(1); ok && c.in[1].Rank() <= x.Rank() && x.DType().IsFloat() && p != 0 {
		return one(x.Pow(p))
	}
	in := c.aligned(c.in...)
	x, p := in[0], in[1].Cast(in[0].DType())
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		less := c.run("Pow", y, []builder.Value{x, p.Shift(-1)})
		zero := p.Equal(p.Like(0))
		dx := builder.Where(zero, y.Like(0), p.Mul(less)).Mul(full).SumTo(x)
		if !c.in[1].DType().IsFloat() {
			return one(dx)
		}
		none := x.Equal(x.Like(0)).And(p.GreaterOrEqual(p.Like(0)))
		dp := builder.Where(none, y.Like(0), y.Mul(x.Log())).Mul(full).SumTo(p)
		return []builder.Value{dx, dp}
	}))
}

// where multiplies the gradient with the condition: a choice among all elements takes
// ONNX Runtime six times as long.
func where(c *call) []builder.Value {
	in := c.aligned(c.in...)
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		chosen := in[0].Cast(y.DType())
		return []builder.Value{{}, full.Mul(chosen).SumTo(in[1]), full.Mul(chosen.Neg().Shift(1)).SumTo(in[2])}
	}))
}

// clip has the gradient 0 at and beyond its bounds, as PyTorch's clamp, and none for the
// bounds.
func clip(c *call) []builder.Value {
	x := c.in[0]
	return c.with(func(dy builder.Value) []builder.Value {
		if c.has(1) {
			dy = dy.Mul(x.Greater(c.in[1]).Cast(x.DType()))
		}
		if c.has(2) {
			dy = dy.Mul(x.Less(c.in[2]).Cast(x.DType()))
		}
		return one(dy)
	})
}
