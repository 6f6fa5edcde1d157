package parts

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file defines what losses share that compare every row of a batch with every
// other: directions, distances, who belongs together, and sums of exponentials over
// those that a mask keeps.

// GroupPolicy is what labels do that only say which rows belong together.
const GroupPolicy = "any integer names a group: whether two are equal is all that counts"

// Unit divides rows by their length, as F.normalize.
func Unit(x losses.Value) losses.Value { return x.Normalize(2, 1e-12, -1) }

// Cosine is F.cosine_similarity along the last axis.
func Cosine(x, y losses.Value) losses.Value {
	x, y = Aligned(x, y) // before the lengths, as in PyTorch
	return direction(x).Mul(direction(y)).SumOver(-1)
}

// direction divides vectors by their length, which PyTorch limits to 1e-8 from below
// outside of differentiation.
func direction(x losses.Value) losses.Value {
	length := x.Norm(2, -1)
	limited := builder.WithGradient("clamped_outside", length.Clip(1e-8, math.Inf(1)), []losses.Value{length}, func(dy losses.Value) []losses.Value {
		return []losses.Value{dy}
	})
	return x.Div(limited)
}

// Distances are the Euclidean distances between all rows of x, with the value and the
// gradient of torch.cdist(x, x), also where two rows are equal. They go through the
// differences of all rows, [N,N,D], since the lengths and the products of rows that are
// near each other do not tell how near.
func Distances(x losses.Value) losses.Value {
	difference := x.Unsqueeze(1).Sub(x.Unsqueeze(0))
	squares := difference.Square().SumOver(2)
	zero := squares.Equal(squares.Like(0))
	value := builder.Where(zero, squares.Like(0), builder.Where(zero, squares.Like(1), squares).Sqrt())
	var d losses.Value // whose own gradient in the rule is the rule's
	d = builder.WithGradient("distances", value, []losses.Value{x}, func(dy losses.Value) []losses.Value {
		pull := dy.BroadcastTo(d.Shape()).DivUnlessZero(d)
		pull = pull.Add(pull.Transpose(1, 0)) // of both rows of a pair
		return []losses.Value{pull.Unsqueeze(1).MatMul(difference).Squeeze(1)}
	})
	return d
}

// Diagonal holds where the number of the row is that of the column.
func Diagonal(b *builder.B, rows, columns tensor.Dim) losses.Value {
	return b.Iota(2, 0, rows).Equal(b.Iota(2, 1, columns))
}

// Groups says of every two rows of a batch, [N,N], how they are related.
type Groups struct {
	Positive, Negative, Other losses.Value // of one group but not the same row; of two groups; not the same row
}

// Grouped tells by the labels of rows which of them belong together.
func Grouped(labels losses.Value) Groups {
	n := labels.Shape()[0]
	same, other := labels.Unsqueeze(1).Equal(labels.Unsqueeze(0)), Diagonal(labels.B(), n, n).Not()
	return Groups{Positive: same.And(other), Negative: same.Not(), Other: other}
}

// TorchGrouped binds what [Grouped] returns to pos, neg and other in an expression.
func TorchGrouped(expression string) string {
	return "(lambda same, other: (lambda pos, neg: " + expression + ")(same & other, ~same))" +
		"({labels}[:, None] == {labels}, ~torch.eye(len({labels}), dtype=torch.bool))"
}

// Count is how many elements of a mask hold along axes, which stay as size 1.
func Count(mask losses.Value, dtype tensor.DType, axes ...int) losses.Value {
	return mask.Cast(dtype).SumKeep(axes...)
}

// Some is whether an element of a mask holds along axes, which stay as size 1.
func Some(mask losses.Value, axes ...int) losses.Value {
	n := Count(mask, tensor.Float32, axes...)
	return n.Greater(n.Like(0))
}

// LogSumExpOf is log(sum(exp(x))) over what a mask keeps along an axis, which stays as
// size 1: 0, with no gradient, where that is nothing.
func LogSumExpOf(x, keep losses.Value, axis int) losses.Value {
	return builder.Where(Some(keep, axis), x.LogSumExpWhere(keep, axis), x.Like(0))
}

// LogOnePlusSumOf is log(1 + sum(exp(x))) over what a mask keeps along axes, which stay
// as size 1: 0 where that is nothing.
func LogOnePlusSumOf(x, keep losses.Value, axes ...int) losses.Value {
	return x.LogSumExpWhere(keep, axes...).Softplus()
}

// LogSoftmaxOf is x less the logsumexp over what a mask keeps along an axis, with all
// digits also where that is near 0: losses that count only what is above 0 ask for them.
// It is meant for what the mask keeps, and the rest has no gradient.
func LogSoftmaxOf(x, keep losses.Value, axis int) losses.Value {
	kept := builder.Where(keep, x, x.Like(math.Inf(-1)))
	m := kept.MaxKeep(axis)
	m = builder.Where(m.Abs().Equal(m.Like(math.Inf(1))), m.Like(0), m)
	e, top := kept.Sub(m).Exp(), kept.Equal(m)
	rest := builder.Where(top, e.Like(0), e).SumKeep(axis).Add(Count(top, x.DType(), axis).Shift(-1)) // beside one largest element
	return builder.WithGradient("log_softmax_of", x.Sub(m).Sub(rest.Log1p()), []losses.Value{x, keep}, func(dy losses.Value) []losses.Value {
		dy = builder.Where(keep, dy, dy.Like(0))
		p := e.Div(rest.Shift(1))
		return []losses.Value{builder.Where(keep, dy.Sub(p.Mul(dy.SumKeep(axis))), dy.Like(0)), {}}
	})
}

// AboveZero is the Term of losses whose mean is that of those which a mask keeps and
// that are above 0; it is 0 where there are none.
func AboveZero(each, keep losses.Value) losses.Term {
	kept := each.Greater(each.Like(0)).And(keep)
	return losses.Term{Each: each, Kept: losses.Both{Value: kept}, Divisor: losses.Both{Value: kept.Cast(each.DType())}, EmptyIsZero: true}
}

// TorchAboveZero is [AboveZero] of an expression that is 0 where the mask is false.
func TorchAboveZero(each string, r losses.Reduction) string {
	total := map[losses.Reduction]string{losses.None: "", losses.Sum: ".sum()", losses.Mean: ".sum() / (r > 0).sum().clamp(min=1)"}[r]
	return "(lambda r: torch.where(r > 0, r, 0)" + total + ")(" + each + ")"
}

// MeanAboveZero is the mean of [AboveZero].
func MeanAboveZero(each, keep losses.Value) losses.Value {
	t := AboveZero(each, keep)
	n := t.Divisor.Sum()
	return builder.Where(t.Kept.Value, each, each.Like(0)).Sum().Div(n.Max(n.Like(1)))
}
