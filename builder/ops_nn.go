package builder

import (
	"math"
	"slices"

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
		"MatMul": {doc: "products of matrices, each transposed or not; axes before them are broadcast", infer: inferMatMul, lower: lowerMatMul, vjp: matMulGrad},
	}
}

// transposed says which operands of a MatMul are transposed.
func (a attr) transposed() (left, right bool) { return a.ints[0] == 1, a.ints[1] == 1 }

func inferMatMul(c *call) (tensor.DType, tensor.Shape) {
	a, b := c.args[0], c.args[1]
	if a.Rank() < 2 || b.Rank() < 2 || a.dtype != b.dtype || !a.dtype.IsFloat() {
		c.failf("%v and %v are no matrices", a, b)
	}
	i, j := a.Rank()-2, b.Rank()-2
	rows, inner, inner2, columns := a.shape[i], a.shape[i+1], b.shape[j], b.shape[j+1]
	left, right := c.attr.transposed()
	if left {
		rows, inner = inner, rows
	}
	if right {
		inner2, columns = columns, inner2
	}
	if inner != inner2 {
		c.failf("the inner sizes of %v and %v differ: %v and %v", a, b, inner, inner2)
	}
	stack, err := tensor.Broadcast(a.shape[:i], b.shape[:j])
	if err != nil {
		c.failf("%v", err)
	}
	return a.dtype, append(slices.Clone(stack), rows, columns)
}

// lowerMatMul writes Gemm, which multiplies single matrices only, where one is
// transposed. Unlike MatMul it refuses an inner size of 0 in ONNX Runtime before 1.20,
// instead of returning memory that nothing was written to.
func lowerMatMul(e *emitter, v Value, in []string) string {
	left, right := v.attr.transposed()
	single := v.arg(0).Rank() == 2 && v.arg(1).Rank() == 2
	if single && (left || right) {
		return e.node("Gemm", in, ir.Attribute{Name: "alpha", Value: float32(1)}, ir.Attribute{Name: "beta", Value: float32(1)},
			ir.Attribute{Name: "transA", Value: v.attr.ints[0]}, ir.Attribute{Name: "transB", Value: v.attr.ints[1]})
	}
	a, b := in[0], in[1]
	if left {
		a = e.transposed(a, v.arg(0).Rank())
	}
	if right {
		b = e.transposed(b, v.arg(1).Rank())
	}
	if e.target != "" && !left && !right && v.arg(0).shape[v.arg(0).Rank()-1].Is(1) {
		return e.node("Mul", in) // tract knows no product with an inner size of 1
	}
	return e.node("MatMul", []string{a, b})
}

// transposed exchanges the last two axes.
func (e *emitter) transposed(name string, rank int) string {
	order := places(0, rank)
	order[rank-2], order[rank-1] = rank-1, rank-2
	return e.node("Transpose", []string{name}, ir.Attribute{Name: "perm", Value: ints(order)})
}

// matMulGrad: for y = A·B, dA = dy·Bᵀ and dB = Aᵀ·dy; where an operand is
// transposed, so is its gradient. One that was multiplied with several others gets
// the sum.
func matMulGrad(y, dy Value) []Value {
	a, b, g := y.arg(0), y.arg(1), dy.BroadcastTo(y.shape)
	left, right := y.attr.transposed()
	var da, db Value
	if left {
		da = b.matMul(g, right, true)
	} else {
		da = g.matMul(b, false, !right)
	}
	if right {
		db = g.withRow().matMul(a.withRow(), true, left)
	} else {
		db = a.matMul(g, !left, false)
	}
	return vs(sumTo(da, da.shape, a.shape), sumTo(db, db.shape, b.shape))
}

// withRow returns x with a row of zeros behind it where its rows may be none, as those
// that a mask keeps: ONNX Runtime before 1.20 has no product over no rows, or one of
// memory that nothing was written to.
func (x Value) withRow() Value {
	kept := func(n *node) bool { return n.op.code == "Compress" && n.shape[0] == x.shape[0] }
	if x.Rank() != 2 || !slices.ContainsFunc(x.b.nodes, kept) {
		return x
	}
	return Concat(0, x, x.zeros(0, tensor.D(1)))
}

func (x Value) matMul(y Value, left, right bool) Value {
	a := attr{}
	if left {
		a.ints[0] = 1
	}
	if right {
		a.ints[1] = 1
	}
	return emit("MatMul", a, x, y)
}

// MatMul returns products of matrices, the last two axes, as torch.matmul: axes
// before them are broadcast, and a vector is a row on the left and a column on the
// right.
func (x Value) MatMul(y Value) Value {
	if x.Rank() == 1 {
		return x.Unsqueeze(0).MatMul(y).Squeeze(max(y.Rank()-2, 0))
	}
	if y.Rank() == 1 {
		return x.matMul(y.Unsqueeze(1), false, false).Squeeze(-1)
	}
	return x.matMul(y, false, false)
}

// MatMulT returns x·yᵀ, as a linear layer with weights y computes it; axes before
// the last two are broadcast.
func (x Value) MatMulT(y Value) Value { return x.matMul(y, false, true) }

// Product is [Value.MatMul] of matrices, of which either may be transposed.
func (x Value) Product(y Value, left, right bool) Value { return x.matMul(y, left, right) }

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

// SteepNLL is [Value.SoftmaxNLL] of logits that are many times what is differentiated, such
// as cosines divided by a temperature. Its gradient at the class, p - 1, is minus the sum of
// the other probabilities: where p is close to 1 that has the digits which the factor needs.
// It takes a little longer.
func (x Value) SteepNLL(axis int, index Value) Value {
	axis = x.axis("SteepNLL", axis)
	m, own := x.MaxKeep(axis), x.Pick(axis, index)
	others := x.Sub(m).Exp().Put(axis, index, own.Like(0).BroadcastTo(own.shape))
	rest := others.SumKeep(axis)
	sum := rest.Add(own.Sub(m).Exp())
	return WithGradient("steep_nll", m.Sub(own).Add(sum.Log()), vs(x, index), func(dy Value) []Value {
		return vs(others.Put(axis, index, rest.Neg()).Mul(dy.Div(sum)), Value{})
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
	rounded, rest := x.Shift(1).Log(), x.Clip(math.Inf(-1), 1).roundingLoss()
	return WithGradient("log1p", rounded.Add(rest).WithParts(rounded, rest), vs(x), func(dy Value) []Value {
		return vs(dy.Div(x.Shift(1)))
	})
}

// roundingLoss returns what 1+x loses of an x in [-1, 1].
func (x Value) roundingLoss() Value { return x.Sub(x.Shift(1).Shift(-1)) }

// expNegAbs returns exp(-|x|), which sigmoid and softplus share.
func (x Value) expNegAbs() Value { return x.Abs().Neg().Exp() }

// logOnePlus returns log(1+x) for x in [0, 1] with all digits.
func (x Value) logOnePlus() Value {
	rounded, rest := x.Shift(1).Log(), x.roundingLoss()
	return rounded.Add(rest).WithParts(rounded, rest)
}

// SoftplusOfAbs returns log(1+exp(-|x|)) with all digits: what softplus(x) has
// above max(x, 0), and log(sigmoid(x)) below min(x, 0).
func (x Value) SoftplusOfAbs() Value { return x.expNegAbs().logOnePlus() }

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
	return WithGradient("softplus", x.Relu().Add(x.SoftplusOfAbs()), vs(x), func(dy Value) []Value {
		return vs(x.Sigmoid().Mul(dy))
	})
}

// LogSigmoid returns log(sigmoid(x)) without overflow and with all digits.
func (x Value) LogSigmoid() Value {
	y := x.Clip(math.Inf(-1), 0).Sub(x.SoftplusOfAbs())
	return WithGradient("log_sigmoid", y, vs(x), func(dy Value) []Value {
		return vs(x.Neg().Sigmoid().Mul(dy))
	})
}

// XLogX returns x·log(x), 0 at 0 and NaN below. The logarithm is limited to a
// number below that of every positive x, so that 0 times it is 0.
func (x Value) XLogX() Value {
	least := -110.0 // log(2^-149) = -103.3
	if x.dtype == tensor.Float64 {
		least = -800 // log(2^-1074) = -744.4
	}
	value := x.Log().Clip(least, math.Inf(1)).Mul(x)
	return WithGradient("x_log_x", value, vs(x), func(dy Value) []Value {
		// As PyTorch differentiates xlogy(x, x): NaN at 0 and below, but the
		// logarithm's part is 0 where dy is.
		silent := dy.Equal(dy.Like(0)).And(x.Equal(x))
		return vs(Where(silent, dy.Like(0), x.Log().Mul(dy)).Add(x.Div(x).Mul(dy)))
	})
}
