package verify

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// dtypes are those of the files that golden cases are run with.
func dtypes() []tensor.DType {
	return []tensor.DType{tensor.Float64, tensor.Float32, tensor.Float16, tensor.BFloat16}
}

// isHalf tells the 16-bit dtypes. Their files compute in float32, so that what
// holds for a float32 file holds for them, up to the rounding of the outputs.
func isHalf(d tensor.DType) bool { return d == tensor.Float16 || d == tensor.BFloat16 }

// isFor reports whether files of a dtype are meant to serve the case.
func (c *Golden) isFor(dtype tensor.DType) bool {
	if isHalf(dtype) {
		dtype = tensor.Float32
	}
	return slices.Contains(c.DTypes, dtype)
}

// fits reports whether a dtype can hold the case's inputs. One that is rounded on
// its way in is another input, whose outputs PyTorch has not computed. Outputs
// beyond the dtype's range are infinite, and are compared like any.
func (c *Golden) fits(dtype tensor.DType) bool {
	if !isHalf(dtype) {
		return true
	}
	for _, in := range c.Inputs {
		if !in.Tensor.DType.IsFloat() {
			continue
		}
		rounded := in.Tensor.Cast(dtype)
		for i := range rounded.Len() {
			got, want := rounded.Float(i), in.Tensor.Float(i)
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				return false
			}
		}
	}
	return true
}

// unfit counts the cases whose inputs a dtype cannot hold.
func unfit(cases []*Golden, dtype tensor.DType) int {
	n := 0
	for _, c := range cases {
		if c.isFor(dtype) && !c.fits(dtype) {
			n++
		}
	}
	return n
}
