package parts

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines pieces of losses that put pixels in order.

// JaccardExtension is the Lovasz extension of the Jaccard loss: the errors of the
// pixels along the last axis in falling order, each with what the loss of a region
// rises by as the pixel joins those that are wrong. truth is 1 where a pixel is of the
// region and 0 elsewhere, or in between; kept is false for pixels that are not there. The axis is
// removed.
//
// With t of n pixels of the region and f others wrong so far, the loss is 1 - m/u with
// m = n - t missing and the union u = n + f, at least 1. From u to v a pixel that is as
// much as i of the region raises it by i/u + m·(v - u)/(u·v): written so, float32 keeps
// digits that the difference of two losses has not. The first pixel raises it from 0.
func JaccardExtension(errors, truth, kept losses.Value) losses.Value {
	last := errors.Rank() - 1
	sorted, order := errors.Sort(last, true)
	inside, there := truth.Pick(last, order), kept.Cast(errors.DType()).Pick(last, order)
	outside, size := there.Sub(inside), truth.LongSum(last).Unsqueeze(last)
	missing, grown := size.Sub(inside.CumSum(last)), size.Add(outside.CumSum(last))
	before, after := AtLeast(grown.Sub(outside), 1), AtLeast(grown, 1)
	first := errors.B().Iota(errors.Rank(), last, errors.Shape()[last])
	inside = builder.Where(first.Equal(first.Like(0)), before.Sub(missing), inside)
	rise := inside.Div(before).Add(missing.Mul(after.Sub(before)).Div(before.Mul(after)))
	return sorted.Mul(rise.Mul(there).StopGradient()).LongSum(last)
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
