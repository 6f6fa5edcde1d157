package verify

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
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
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) && !c.isWide(in.Name) {
				return false
			}
		}
	}
	return true
}

// isWide reports whether an input is of float32 in 16-bit files.
func (c *Golden) isWide(input string) bool {
	p, err := c.Request.Resolve()
	if err != nil {
		return false // said where the case is run
	}
	return slices.ContainsFunc(p.Ports, func(port losses.Port) bool { return port.Name == input && port.Wide })
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
