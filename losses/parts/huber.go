package parts

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines differences that count less than their square far from 0.

// Huber is d²/2 within delta of 0 and delta·(|d| - delta/2) beyond. With c = d
// limited to ±delta both are c·(d - c/2), and c is the gradient.
func Huber(d losses.Value, delta float64) losses.Value {
	c := d.Clip(-delta, delta)
	value := c.Mul(d.Sub(c.Scale(0.5)))
	if delta < 1e9 { // else d² may overflow where d²/2 does not
		value = value.WithParts(c.Mul(d), c.Square().Scale(-0.5))
	}
	return builder.WithGradient("huber", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
		return []losses.Value{c.Mul(dy)}
	})
}

// SmoothL1 is d²/(2 beta) within beta of 0 and |d| - beta/2 beyond. With c = d/beta
// limited to ±1 both are c·(d - c·beta/2), and c is the gradient.
func SmoothL1(d losses.Value, beta float64) losses.Value {
	c := d.Div(d.Like(beta)).Clip(-1, 1)
	value := c.Mul(d.Sub(c.Scale(beta/2))).WithParts(c.Mul(d), c.Square().Scale(-beta/2))
	return builder.WithGradient("smooth_l1", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
		return []losses.Value{c.Mul(dy)}
	})
}

// Pinball is max((q-1)·e, q·e), the product of e with its slope: q for e > 0, q-1
// for e < 0. PyTorch's max gives half of the gradient to each side at a tie and all
// to both at NaN: q - 1/2 at 0, and 2q-1, twice that, at NaN. A q of 0 or 1 makes
// products of 0 and infinity, so max itself is needed where open does not exclude it.
func Pinball(e, q losses.Value, open bool) losses.Value {
	if !open {
		return e.Mul(q.Shift(-1)).Max(e.Mul(q))
	}
	slope := q.Sub(e.Sign().Scale(-0.5).Shift(0.5))
	return builder.WithGradient("pinball", e.Mul(slope), []losses.Value{e}, func(dy losses.Value) []losses.Value {
		sides := e.Equal(e).Cast(e.DType()).Neg().Shift(2)
		return []losses.Value{slope.Mul(sides).Mul(dy)}
	})
}
