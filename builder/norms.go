package builder

import (
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines norms, sums of exponentials and indicators, each a few
// operations.

// LogSumExp returns log(sum(exp(x))) over axes, which stay as size 1, without
// overflow. Infinities give what torch.logsumexp gives, and over nothing it is
// -inf.
func (x Value) LogSumExp(axes ...int) Value {
	// What is subtracted is finite, since inf - inf is NaN; it is a constant to Grad,
	// as the result does not depend on it.
	m := x.MaxKeep(axes...)
	m = Where(m.Abs().Equal(m.Like(math.Inf(1))), m.Like(0), m).StopGradient()
	return x.Sub(m).Exp().SumKeep(axes...).Log().Add(m)
}

// LogSumExpWhere is [Value.LogSumExp] over the elements for which a mask holds, which
// broadcasts to x's shape. Where it holds for none the result is -inf; elements that
// it leaves out have gradient 0, also where they are not finite.
func (x Value) LogSumExpWhere(mask Value, axes ...int) Value {
	if s, err := tensor.Broadcast(x.shape, mask.shape); err != nil || !s.Equal(x.shape) {
		fail("LogSumExpWhere", []Value{x, mask}, "%v does not broadcast to %v", mask, x)
	}
	return Where(mask, x, x.Like(math.Inf(-1))).LogSumExp(axes...)
}

// Amax returns the largest element along axes, which stay as size 1, with the value and
// gradient of torch.amax: NaN where there is one, which the engines' own maximum does not
// promise, and elements that are equally large share the gradient.
func (x Value) Amax(axes ...int) Value {
	value := x.MaxKeep(axes...).Add(x.Clip(0, 0).SumKeep(axes...))
	return WithGradient("amax", value, vs(x), func(dy Value) []Value {
		best := x.Equal(value).Cast(x.dtype)
		return vs(best.Mul(dy.Div(best.SumKeep(axes...)))) // NaN beside a NaN, which nothing equals
	})
}

// Norm returns the p-norm over axes, which stay as size 1, with the value and
// gradient of torch.linalg.vector_norm, also where the norm or an element is 0. p may
// be infinite. The second derivative of the 2-norm at 0 is 0, where PyTorch has NaN.
func (x Value) Norm(p float64, axes ...int) Value {
	if math.IsNaN(p) {
		fail("Norm", []Value{x}, "p is NaN, want a number")
	}
	var n Value // the rule is of the norm itself, so that its own gradient is this rule, too
	n = WithGradient("norm", x.norm(p, axes), vs(x), func(dy Value) []Value {
		return vs(x.normGrad(n, dy, p, axes))
	})
	return n
}

// DivUnlessZero is dy/n, and where n is 0 it and all its derivatives are 0. dy must
// broadcast to n's shape.
func (dy Value) DivUnlessZero(n Value) Value {
	quotient := dy.Div(n)
	value := Where(n.Equal(n.Like(0)), n.Like(0), quotient)
	return WithGradient("div_unless_zero", value, vs(dy, n), func(up Value) []Value {
		dn := up.DivUnlessZero(n)
		return vs(dn.SumTo(dy), dn.Mul(dy.DivUnlessZero(n)).Neg())
	})
}

func (x Value) norm(p float64, axes []int) Value {
	size := x.Abs()
	switch {
	case p == 0:
		return Where(x.Equal(x.Like(0)), x.Like(0), x.Like(1)).SumKeep(axes...)
	case p == 1:
		return size.SumKeep(axes...)
	case p == 2:
		return x.Square().SumKeep(axes...).Sqrt()
	case math.IsInf(p, 1):
		return size.Amax(axes...)
	case math.IsInf(p, -1):
		return size.Neg().Amax(axes...).Neg()
	default:
		return size.Pow(p).SumKeep(axes...).Pow(1 / p)
	}
}

// normGrad is sign(x)·|x|^(p-1)·dy / norm^(p-1).
func (x Value) normGrad(n, dy Value, p float64, axes []int) Value {
	zero := x.Like(0)
	switch {
	case p == 0:
		return zero.Mul(dy)
	case p == 1:
		return x.Sign().Mul(dy)
	case p == 2:
		return x.Mul(dy.DivUnlessZero(n))
	case math.IsInf(p, 0):
		best := x.Abs().Equal(n).Cast(x.dtype)
		ties := best.SumKeep(axes...).Max(x.Like(1)) // none where the norm is NaN
		return x.Sign().Mul(best).Mul(dy.Div(ties))
	case p < 1:
		slope := Where(x.Equal(zero), zero, x.Abs().Pow(p-1).Mul(x.Sign()))
		return slope.Mul(n.Pow(1 - p).Mul(dy))
	case p < 2:
		return x.Abs().Pow(p - 1).Mul(x.Sign()).Mul(dy.DivUnlessZero(n.Pow(p - 1)))
	default:
		return x.Abs().Pow(p - 2).Mul(x).Mul(dy.DivUnlessZero(n.Pow(p - 1)))
	}
}

// Normalize returns x divided by its p-norm over axes, which is limited to eps from
// below, as torch.nn.functional.normalize.
func (x Value) Normalize(p, eps float64, axes ...int) Value {
	return x.Div(x.Norm(p, axes...).Clip(eps, math.Inf(1)))
}

// OneHot returns 1 at the numbers that x holds and 0 elsewhere, along a new axis of
// n elements at this place of the result. A number outside of [0, n) gives zeros.
func (x Value) OneHot(axis int, n tensor.Dim, dtype tensor.DType) Value {
	if !x.dtype.IsInt() {
		fail("OneHot", []Value{x}, "needs int64 or int32, got %v", x)
	}
	if axis < 0 {
		axis += x.Rank() + 1
	}
	column := x.Unsqueeze(axis)
	return column.Equal(x.b.Iota(column.Rank(), axis, n).Cast(x.dtype)).Cast(dtype)
}
