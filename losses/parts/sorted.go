package parts

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines pieces of losses that put pixels in order.

// JaccardExtension is the Lovasz extension of the Jaccard loss: the errors of the
// pixels along the last axis in falling order, each with what the loss of a region
// rises by as the pixel joins those that are wrong. truth is 1 where a pixel is of the
// region and 0 elsewhere; kept is false for pixels that are not there. The axis is
// removed.
//
// With t pixels of the region and f others wrong so far, and n in the region, the loss
// is 1 - (n - t)/(n + f). A pixel of the region raises it by 1/(n + f), another by
// (n - t)/((n + f)(n + f - 1)): written so, float32 keeps digits that the difference
// of two losses has not.
func JaccardExtension(errors, truth, kept losses.Value) losses.Value {
	last := errors.Rank() - 1
	sorted, order := errors.Sort(last, true)
	inside := truth.Pick(last, order)
	outside := kept.Cast(errors.DType()).Pick(last, order).Sub(inside)
	union := truth.LongSum(last).Unsqueeze(last).Add(outside.CumSum(last))
	missing := truth.LongSum(last).Unsqueeze(last).Sub(inside.CumSum(last))
	one := union.Like(1)
	enters := builder.Where(union.Greater(one), missing.Div(union.Mul(union.Shift(-1))), one)
	rise := inside.Div(union.Max(one)).Add(outside.Mul(enters))
	return sorted.Mul(rise.StopGradient()).LongSum(last)
}

// TorchJaccardExtension writes it over the last axis for errors e, truth t and kept k,
// as the difference of two losses.
const TorchJaccardExtension = "(lambda s, i: (lambda f, g: (lambda n: (lambda j: (s * (j - F.pad(j, (1, 0))[..., :-1]) * g).sum(-1))(1 - (n - f.cumsum(-1)) / (n + (g - f).cumsum(-1)).clamp_min(1)))(f.sum(-1, keepdim=True)))(t.gather(-1, i), k.gather(-1, i)))(*e.sort(dim=-1, descending=True, stable=True))"

// Largest is the mean of so many of the largest elements of v as are a percent of all,
// rounded down; NaN for none.
func Largest(c *losses.Call, v losses.Value, percent float64) losses.Value {
	row := OneRow(v)
	sorted, _ := row.Sort(1, true)
	count := row.Numel().Scale(percent).Div(c.Const(100))
	place := c.B.Iota(2, 1, row.Shape()[1]).Cast(c.Compute).Shift(1)
	taken := place.LessOrEqual(count)
	return builder.Where(taken, sorted, sorted.Like(0)).Sum().Div(taken.Cast(c.Compute).Sum())
}
