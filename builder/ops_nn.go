package builder

import (
	"math"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines the softmax family, products of matrices, and functions
// that are only right when they are computed in a stable form.

func nnOps() map[string]*op {
	return map[string]*op{
		"Softmax": {doc: "exp(x) / sum exp(x) along the last axis", infer: sameFloat,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Softmax", in, ir.Attribute{Name: "axis", Value: int64(v.Rank() - 1)})
			},
			vjp: func(y, dy Value) []Value { return vs(softmaxGrad(y, dy, y.Rank()-1)) }},
		"MatMul": {doc: "product of two matrices", infer: inferMatMul, lower: direct("MatMul"),
			vjp: func(y, dy Value) []Value {
				a, b, full := y.arg(0), y.arg(1), dy.BroadcastTo(y.shape)
				return vs(full.MatMul(b.Transpose(1, 0)), a.Transpose(1, 0).MatMul(full))
			}},
	}
}

func inferMatMul(c *call) (tensor.DType, tensor.Shape) {
	a, b := c.args[0], c.args[1]
	if a.Rank() != 2 || b.Rank() != 2 || a.dtype != b.dtype || !a.dtype.IsFloat() || a.shape[1] != b.shape[0] {
		c.failf("%v and %v are no matrices that multiply", a, b)
	}
	return a.dtype, tensor.Shape{a.shape[0], b.shape[1]}
}

// MatMul returns the product of two matrices.
func (x Value) MatMul(y Value) Value { return emit("MatMul", attr{}, x, y) }

// softmaxGrad is p·(dp - sum(p·dp)).
func softmaxGrad(p, dp Value, axis int) Value {
	return p.Mul(dp.Sub(p.Mul(dp).SumKeep(axis)))
}

// softmaxParts returns p = softmax(x) along an axis, m = max(x) and s =
// log(sum(exp(x-m))), so that log p = x - m - s.
//
// ONNX Runtime's Softmax is fast along the last axis only, and its float64
// kernel hides an infinite logit; elsewhere the steps are written out. s is
// -log(max(p)), which reads p once more, so an update of p in place that needs
// s cannot run before it.
func (x Value) softmaxParts(axis int) (p, m, s Value) {
	m = x.MaxKeep(axis)
	if axis == x.Rank()-1 && x.dtype == tensor.Float32 {
		p = emit("Softmax", attr{}, x)
		return p, m, p.MaxKeep(axis).Log().Neg()
	}
	e := x.Sub(m).Exp()
	sum := e.SumKeep(axis)
	return e.Div(sum), m, sum.Log()
}

// Softmax returns exp(x) / sum(exp(x)) along an axis, in a stable form.
func (x Value) Softmax(axis int) Value {
	axis = x.axis("Softmax", axis)
	p, _, _ := x.softmaxParts(axis)
	return WithGradient("softmax", p, vs(x), func(dp Value) []Value {
		return vs(softmaxGrad(p, dp, axis))
	})
}

// LogSoftmax returns log(softmax(x)) along an axis, in a stable form.
func (x Value) LogSoftmax(axis int) Value {
	axis = x.axis("LogSoftmax", axis)
	p, m, s := x.softmaxParts(axis)
	return WithGradient("log_softmax", x.Sub(m).Sub(s), vs(x), func(dy Value) []Value {
		full := dy.BroadcastTo(x.shape)
		return vs(full.Sub(p.Mul(full.SumKeep(axis)))) // dy - p·sum(dy)
	})
}

// SoftmaxNLL returns -log(softmax(x)) along an axis at the class that index
// names in each row; index and the result have size 1 along the axis.
func (x Value) SoftmaxNLL(axis int, index Value) Value {
	axis = x.axis("SoftmaxNLL", axis)
	p, m, s := x.softmaxParts(axis)
	// (m - x_y) + s keeps the digits of logits with a common offset.
	nll := m.Sub(x.Pick(axis, index)).Add(s)
	return WithGradient("softmax_nll", nll, vs(x, index), func(dy Value) []Value {
		atClass := nll.Neg().Exp().Shift(-1) // p_y - 1
		return vs(p.Put(axis, index, atClass).Mul(dy), Value{})
	})
}

// SmoothNLL returns (1-eps)·a·nll + (eps/C)·sum_c(b_c·(-log p_c)) per row, where
// nll is SoftmaxNLL and C the number of classes: cross entropy with label
// smoothing. a (size 1 along the axis) and b (broadcast against x, constant
// along all other axes) are class weights, both zero Values for none.
func (x Value) SmoothNLL(axis int, index Value, eps float64, a, b Value) Value {
	axis = x.axis("SmoothNLL", axis)
	p, m, s := x.softmaxParts(axis)
	nll := m.Sub(x.Pick(axis, index)).Add(s)
	share := x.Like(eps).Div(x.b.Count(x.dtype, tensor.Shape{x.shape[axis]})) // eps/C
	z := m.Sub(x)
	if a.IsZero() {
		value := nll.Scale(1 - eps).Add(z.SumKeep(axis).Mul(share).Add(s.Scale(eps)))
		return WithGradient("smooth_nll", value, vs(x, index), func(dy Value) []Value {
			atClass := nll.Neg().Exp().Shift(eps - 1)
			return vs(p.Put(axis, index, atClass).Sub(share).Mul(dy), Value{})
		})
	}
	hard, total := a.Scale(1-eps), b.SumKeep(axis)
	value := nll.Mul(hard).Add(z.Add(s).Mul(b).SumKeep(axis).Mul(share))
	return WithGradient("weighted_smooth_nll", value, vs(x, index), func(dy Value) []Value {
		weight := hard.Add(total.Mul(share)) // of p
		atClass := nll.Neg().Exp().Mul(weight).Sub(hard)
		return vs(p.Mul(weight).Put(axis, index, atClass).Sub(b.Mul(share)).Mul(dy), Value{})
	})
}

// Log1p returns log(1+x) for x >= -1 with all digits also near 0.
func (x Value) Log1p() Value {
	near := x.Clip(math.Inf(-1), 1)
	return WithGradient("log1p", x.Shift(1).Log().Add(near.roundingLoss()), vs(x), func(dy Value) []Value {
		return vs(dy.Div(x.Shift(1)))
	})
}

// roundingLoss returns what 1+x loses of an x in [-1, 1].
func (x Value) roundingLoss() Value { return x.Sub(x.Shift(1).Shift(-1)) }

// expNegAbs returns exp(-|x|), which sigmoid and softplus share.
func (x Value) expNegAbs() Value { return x.Abs().Neg().Exp() }

// logOnePlus returns log(1+x) for x in [0, 1] with all digits.
func (x Value) logOnePlus() Value { return x.Shift(1).Log().Add(x.roundingLoss()) }

// Sigmoid returns 1/(1+exp(-x)) with all digits also where it is small: ONNX
// Runtime's own Sigmoid is 0 below -17.
func (x Value) Sigmoid() Value {
	y := x.Clip(math.Inf(-1), 0).Exp().Div(x.expNegAbs().Shift(1))
	return WithGradient("sigmoid", y, vs(x), func(dy Value) []Value {
		return vs(y.Neg().Shift(1).Mul(y).Mul(dy)) // (1-y)·y
	})
}

// Softplus returns log(1+exp(x)) without overflow and with all digits.
func (x Value) Softplus() Value {
	return WithGradient("softplus", x.Relu().Add(x.expNegAbs().logOnePlus()), vs(x), func(dy Value) []Value {
		return vs(x.Sigmoid().Mul(dy))
	})
}

// LogSigmoid returns log(sigmoid(x)) without overflow and with all digits.
func (x Value) LogSigmoid() Value {
	y := x.Clip(math.Inf(-1), 0).Sub(x.expNegAbs().logOnePlus())
	return WithGradient("log_sigmoid", y, vs(x), func(dy Value) []Value {
		return vs(x.Neg().Sigmoid().Mul(dy))
	})
}

// XLogX returns x·log(x), 0 at 0 and NaN below. The smallest normal number is
// added first: it changes no other x that a dtype resolves.
func (x Value) XLogX() Value {
	tiny := math.Ldexp(1, -126)
	if x.dtype == tensor.Float64 {
		tiny = math.Ldexp(1, -1022)
	}
	return WithGradient("x_log_x", x.Shift(tiny).Log().Mul(x), vs(x), func(dy Value) []Value {
		return vs(x.Log().Shift(1).Mul(dy))
	})
}
