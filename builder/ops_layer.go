package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines normalizations by channel, and the activations of layers.

func layerOps() map[string]*op {
	return map[string]*op{
		"BatchNorm": {doc: "scale·(x-mean)/sqrt(variance+epsilon) + bias, of each channel", infer: inferBatchNorm, lower: lowerBatchNorm,
			vjp: func(y, dy Value) []Value {
				x, scale, mean, inv, full := y.arg(0), y.arg(1), y.arg(3), y.deviation(), dy.BroadcastTo(y.shape)
				axes, k := channelAxes(x.Rank()), scale.Mul(inv)
				sum := full.SumOver(axes...)
				t := full.Mul(x.Sub(mean.perChannel(x.Rank()))).SumOver(axes...)
				return vs(full.Mul(k.perChannel(x.Rank())), t.Mul(inv), sum, k.Mul(sum).Neg(), k.Mul(inv.Square()).Mul(t).Scale(-0.5))
			}},
		"InstanceNorm": {doc: "scale·(x-mean)/sqrt(variance+epsilon) + bias, with the moments of each channel of each sample", infer: inferInstanceNorm,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("InstanceNormalization", in, epsilon(v))
			},
			vjp: instanceNormGrad},
		"LeakyRelu": {doc: "x above 0, else alpha·x; the gradient at 0 is alpha", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("LeakyRelu", in, alpha(v))
			},
			vjp: func(y, dy Value) []Value {
				a := y.attr.nums[0]
				return vs(y.arg(0).Step().Scale(1 - a).Shift(a).Mul(dy))
			}},
		"Elu": {doc: "x above 0, else alpha·(exp(x)-1); the gradient at 0 is alpha", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Elu", in, alpha(v))
			},
			vjp: func(y, dy Value) []Value { // below: y + alpha
				a := y.attr.nums[0]
				below := y.Min(y.Like(0)).Shift(a)
				if a < 0 {
					below = y.arg(0).Min(y.Like(0)).Exp().Scale(a)
				}
				return vs(below.Add(y.arg(0).Step().Scale(1 - a)).Mul(dy))
			}},
		"HardSigmoid": {doc: "alpha·x + beta, limited to [0, 1]; the gradient at the limits is 0", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("HardSigmoid", in, alpha(v), ir.Attribute{Name: "beta", Value: float32(v.attr.nums[1])})
			},
			vjp: func(y, dy Value) []Value {
				inside := y.Greater(y.Like(0)).And(y.Less(y.Like(1)))
				return vs(inside.Cast(y.dtype).Scale(y.attr.nums[0]).Mul(dy))
			}},
		"HardSwish": {doc: "x·(x/6 + 1/2), the factor limited to [0, 1]; the gradient is that factor outside of (-3, 3)", infer: sameFloat, elementwise: true, lower: lowerHardSwish,
			vjp: func(y, dy Value) []Value { // x/3 + 1/2 between -3 and 3
				x := y.arg(0)
				above := x.GreaterOrEqual(x.Like(3)).Cast(x.dtype)
				inside := x.Greater(x.Like(-3)).And(x.Less(x.Like(3))).Cast(x.dtype)
				return vs(x.Clip(-3, 3).Scale(1. / 3).Shift(0.5).Mul(inside).Add(above).Mul(dy))
			}},
	}
}

func epsilon(v Value) ir.Attribute {
	return ir.Attribute{Name: "epsilon", Value: float32(v.attr.nums[0])}
}
func alpha(v Value) ir.Attribute {
	return ir.Attribute{Name: "alpha", Value: float32(v.attr.nums[0])}
}

// channelNumbers checks that operands from the second on have a number for each channel
// of the first.
func (c *call) channelNumbers() {
	x := c.args[0]
	for _, v := range c.args[1:] {
		if x.Rank() < 2 || !x.dtype.IsFloat() || v.dtype != x.dtype || !v.shape.Equal(x.shape[1:2]) {
			c.failf("%v are no numbers of the channels of %v", v, x)
		}
	}
}

func inferBatchNorm(c *call) (tensor.DType, tensor.Shape) {
	c.channelNumbers()
	return sameType(c)
}

func inferInstanceNorm(c *call) (tensor.DType, tensor.Shape) {
	c.channelNumbers()
	if c.args[0].Rank() < 3 {
		c.failf("needs axes behind batch and channel, got %v", c.args[0])
	}
	return sameType(c)
}

func lowerBatchNorm(e *emitter, v Value, in []string) string {
	attrs := []ir.Attribute{epsilon(v), {Name: "momentum", Value: float32(0.9)}}
	if e.opset >= 14 {
		attrs = append(attrs, ir.Attribute{Name: "training_mode", Value: int64(0)})
	}
	return e.node("BatchNormalization", in, attrs...)
}

// deviation is 1/sqrt(variance+epsilon) of a BatchNorm.
func (y Value) deviation() Value { return y.arg(4).Shift(y.attr.nums[0]).Sqrt().Reciprocal() }

// meanOver returns means over axes, which stay as size 1.
func (x Value) meanOver(axes ...int) Value {
	var sizes tensor.Shape
	for _, a := range axes {
		sizes = append(sizes, x.shape[a])
	}
	return x.SumKeep(axes...).Div(x.b.Count(x.dtype, sizes))
}

// BatchNorm returns scale·(x-mean)/sqrt(variance+epsilon) + bias with a scale, bias, mean
// and variance for each channel, axis 1.
func (x Value) BatchNorm(scale, bias, mean, variance Value, epsilon float64) Value {
	return emit("BatchNorm", attr{nums: [2]float64{float64(float32(epsilon))}}, x, scale, bias, mean, variance)
}

// BatchNormTraining is [Value.BatchNorm] with the mean and variance of the batch, which
// it returns too: the variance is that of a population, while PyTorch's running
// variance takes in n/(n-1) of it. No gradient flows through the two as they are
// returned. One node normalizes, and the same means serve the gradient: three sums.
func (x Value) BatchNormTraining(scale, bias Value, epsilon float64) (y, mean, variance Value) {
	if x.Rank() < 2 {
		fail("BatchNormTraining", []Value{x}, "%v has no channels", x)
	}
	axes, rank := channelAxes(x.Rank()), x.Rank()
	flat := func(v Value) Value { return v.Squeeze(axes...) }
	mu := x.meanOver(axes...)
	xc := x.Sub(mu)
	mean, variance = flat(mu), flat(xc.Square().meanOver(axes...))
	normal := x.BatchNorm(scale, bias, mean, variance, epsilon)
	y = WithGradient("batch_norm_training", normal, vs(x, scale, bias), func(dy Value) []Value {
		full, inv := dy.BroadcastTo(x.shape), normal.deviation()
		sum, t := full.SumOver(axes...), full.Mul(xc).SumOver(axes...)
		n := x.b.Count(x.dtype, append(tensor.Shape{x.shape[0]}, x.shape[2:]...))
		slope := t.Mul(inv.Square()).Div(n).perChannel(rank)
		dx := full.Sub(sum.Div(n).perChannel(rank)).Sub(xc.Mul(slope)).Mul(scale.Mul(inv).perChannel(rank))
		return vs(dx, t.Mul(inv), sum)
	})
	return y, mean.StopGradient(), variance.StopGradient()
}

// instanceNormGrad: with xh = (x-mean)/deviation and g = scale·dy, that of x is
// (g - mean(g) - xh·mean(g·xh))/deviation.
func instanceNormGrad(y, dy Value) []Value {
	x, scale, full := y.arg(0), y.arg(1), dy.BroadcastTo(y.shape)
	axes := places(2, x.Rank())
	xc := x.Sub(x.meanOver(axes...))
	inv := xc.Square().meanOver(axes...).Shift(y.attr.nums[0]).Sqrt().Reciprocal()
	xh := xc.Mul(inv)
	sum, t := full.SumKeep(axes...), full.Mul(xh).SumKeep(axes...) // [N,C,1,...]
	n := x.b.Count(x.dtype, x.shape[2:])
	k := scale.perChannel(x.Rank()).Mul(inv)
	dx := full.Sub(sum.Div(n)).Sub(xh.Mul(t.Div(n))).Mul(k)
	all := channelAxes(x.Rank())
	return vs(dx, t.SumKeep(0).Squeeze(all...), sum.SumKeep(0).Squeeze(all...))
}

// InstanceNorm normalizes each channel of each sample over the axes behind it, with a
// scale and bias for each channel.
func (x Value) InstanceNorm(scale, bias Value, epsilon float64) Value {
	return emit("InstanceNorm", attr{nums: [2]float64{float64(float32(epsilon))}}, x, scale, bias)
}

// LeakyRelu returns x where it is above 0, else alpha·x.
func (x Value) LeakyRelu(alpha float64) Value {
	return emit("LeakyRelu", attr{nums: [2]float64{float64(float32(alpha))}}, x)
}

// Elu returns x where it is above 0, else alpha·(exp(x)-1).
func (x Value) Elu(alpha float64) Value {
	return emit("Elu", attr{nums: [2]float64{float64(float32(alpha))}}, x)
}

// HardSigmoid returns alpha·x + beta, limited to [0, 1].
func (x Value) HardSigmoid(alpha, beta float64) Value {
	return emit("HardSigmoid", attr{nums: [2]float64{float64(float32(alpha)), float64(float32(beta))}}, x)
}

// HardSwish returns x·(x+3)/6, 0 below -3 and x above 3.
func (x Value) HardSwish() Value { return emit("HardSwish", attr{}, x) }

// lowerHardSwish writes HardSwish, which opset 13 does not have.
func lowerHardSwish(e *emitter, v Value, in []string) string {
	if e.opset >= 14 {
		return e.node("HardSwish", in)
	}
	factor := e.node("HardSigmoid", in, ir.Attribute{Name: "alpha", Value: float32(1. / 6)}, ir.Attribute{Name: "beta", Value: float32(0.5)})
	return e.node("Mul", append(slices.Clone(in), factor))
}
