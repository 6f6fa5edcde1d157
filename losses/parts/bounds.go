package parts

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines limits, at which the gradient ends as in PyTorch's clamp, and other
// pieces of all families.

// AtLeast is v with a least value, 0 for none.
func AtLeast(v losses.Value, least float64) losses.Value {
	if least == 0 {
		return v
	}
	return v.Clip(least, math.Inf(1))
}

// AtMost is v with a largest value, NaN at NaN.
func AtMost(v, most losses.Value) losses.Value {
	return builder.Where(v.GreaterOrEqual(most), most, v)
}

// Mean is the mean of all elements, NaN where there are none.
func Mean(v losses.Value) losses.Value { return v.Sum().Mul(v.Numel().Reciprocal()) }

// Complement is 1 - v.
func Complement(v losses.Value) losses.Value { return v.Neg().Shift(1) }

// OneRow is all elements of v as a matrix of one row.
func OneRow(v losses.Value) losses.Value {
	if v.Rank() == 0 {
		return v.Unsqueeze(0, 1)
	}
	return v.Flatten(0)
}
