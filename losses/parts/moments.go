package parts

import (
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file defines means over some axes, and what is built on them.

// MeanOver is the mean over axes, which are removed; over nothing it is NaN.
func MeanOver(v losses.Value, axes ...int) losses.Value {
	var of tensor.Shape
	for _, axis := range axes {
		of = append(of, v.Shape()[axis])
	}
	return v.SumOver(axes...).Div(v.B().Count(v.DType(), of))
}

// Centered is v less its mean over axis 0.
func Centered(v losses.Value) losses.Value { return v.Sub(MeanOver(v, 0).Unsqueeze(0)) }

// From lists the axes of v from the first one given.
func From(first int, v losses.Value) []int {
	var axes []int
	for axis := first; axis < v.Rank(); axis++ {
		axes = append(axes, axis)
	}
	return axes
}
