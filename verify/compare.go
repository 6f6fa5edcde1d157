package verify

import (
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Tolerance is how far a number may be from the one that is right: by Rel of it,
// or by Abs.
type Tolerance struct{ Rel, Abs float64 }

// ToleranceOf returns how exact a file of a dtype has to be on an engine.
//
// The reference engine computes in float64, whatever the file's dtype, and so
// differs from PyTorch by rounding only. ONNX Runtime's float64 functions are a
// little less exact. In float32 the tolerance is what PyTorch's own float32 run
// differs from its float64 run by. 16-bit files compute in float32: they differ
// by the rounding of the result, of 11 and 8 bits.
func ToleranceOf(dtype tensor.DType, engine string) Tolerance {
	switch dtype {
	case tensor.Float64:
		if engine == "reference" {
			return Tolerance{Rel: 1e-9, Abs: 1e-12}
		}
		return Tolerance{Rel: 1e-7, Abs: 1e-12}
	case tensor.Float16:
		return Tolerance{Rel: 3e-3, Abs: 1e-6}
	case tensor.BFloat16:
		return Tolerance{Rel: 1.6e-2, Abs: 1e-6}
	default:
		return Tolerance{Rel: 1.3e-5, Abs: 1e-6}
	}
}

// Diff is how two tensors differ.
type Diff struct {
	Elements int
	Wrong    int     // elements outside the tolerance
	MaxAbs   float64 // finite: NaNs and infinities have to be equal
	MaxRel   float64
	MaxULP   float64
	Place    string // "[1,2]" where the error is largest by the tolerance
	// Shape describes tensors whose dtypes or sizes differ, else "".
	Shape string
	// First describes the first wrong element: "[0,1]: got 2, want 3".
	First string
	score float64
}

// OK reports whether every element is within the tolerance.
func (d Diff) OK() bool { return d.Wrong == 0 && d.Shape == "" }

// String describes the difference in a few words.
func (d Diff) String() string {
	switch {
	case d.Shape != "":
		return d.Shape
	case d.Wrong > 0:
		return fmt.Sprintf("%d of %d wrong, first %s", d.Wrong, d.Elements, d.First)
	}
	return fmt.Sprintf("equal within %.1e", d.MaxAbs)
}

// Compare compares a tensor with the right one, which may have a wider dtype and
// is rounded first. NaNs must be where they belong, infinities too, with their
// sign. The absolute tolerance of float64 grows with the largest number, from 1
// on: next to it, the rounding of a sum is as large.
func Compare(got, want *tensor.Tensor, tol Tolerance) Diff {
	return compare(got, want, tol, func(int) bool { return false })
}

// compare is Compare, with elements that may be NaN wherever excused.
func compare(got, want *tensor.Tensor, tol Tolerance, excused func(i int) bool) Diff {
	if got == nil {
		return Diff{Shape: "it is missing", score: math.Inf(1)}
	}
	want = want.Cast(got.DType)
	if !got.Shape().Equal(want.Shape()) {
		return Diff{Shape: fmt.Sprintf("got %v, want %v", got, want), score: math.Inf(1)}
	}
	tol = tol.withFloor(want)
	d := Diff{Elements: got.Len()}
	for i := range got.Len() {
		g, w := got.Float(i), want.Float(i)
		if math.IsNaN(g) && excused(i) {
			continue
		}
		d.element(got, i, g, w, tol.Rel, tol.Abs)
	}
	return d
}

// withFloor returns the tolerance for a tensor: in float64 the absolute one grows
// with the largest number.
func (t Tolerance) withFloor(want *tensor.Tensor) Tolerance {
	if want.DType == tensor.Float64 {
		t.Abs *= largest(1, want)
	}
	return t
}

// cancelling returns the tolerance for an output in float32, or fewer bits, of a loss
// whose gradients cancel, and for products with the Hessian, which are sums that do: the
// absolute one grows with the largest number, by 17 units in its last place.
func (t Tolerance) cancelling(cancels bool, output string, dtype tensor.DType, want *tensor.Tensor) Tolerance {
	cancels = cancels || strings.HasPrefix(output, "hvp_")
	if cancels && dtype != tensor.Float64 && want != nil {
		t.Abs = max(t.Abs, 2e-6*largest(0, want))
	}
	return t
}

// element takes one element into the comparison.
func (d *Diff) element(t *tensor.Tensor, i int, g, w, rel, floor float64) {
	if g == w || math.IsNaN(g) && math.IsNaN(w) {
		return
	}
	score := math.Inf(1)
	if !math.IsNaN(g-w) && !math.IsInf(g-w, 0) {
		err := math.Abs(g - w)
		score = err / (floor + rel*math.Abs(w))
		d.MaxAbs = max(d.MaxAbs, err)
		if rel*math.Abs(w) >= floor {
			d.MaxRel = max(d.MaxRel, min(err/math.Abs(w), math.MaxFloat64))
			d.MaxULP = max(d.MaxULP, err/ulp(t.DType, w))
		}
	}
	if score > d.score {
		d.score, d.Place = score, place(t.Dims, i)
	}
	if score > 1 {
		if d.Wrong == 0 {
			d.First = fmt.Sprintf("%s: got %g, want %g", place(t.Dims, i), g, w)
		}
		d.Wrong++
	}
}

// largest returns the largest finite magnitude, at least m.
func largest(m float64, t *tensor.Tensor) float64 {
	for i := range t.Len() {
		if v := math.Abs(t.Float(i)); !math.IsInf(v, 0) && v > m {
			m = v
		}
	}
	return m
}

// ulp returns the distance from v to the next number of a dtype.
func ulp(dtype tensor.DType, v float64) float64 {
	bits, least := 24, -149
	switch dtype {
	case tensor.Float64:
		bits, least = 53, -1074
	case tensor.Float16:
		bits, least = 11, -24
	case tensor.BFloat16:
		bits, least = 8, -133
	}
	if v == 0 {
		return math.Ldexp(1, least)
	}
	_, e := math.Frexp(v)
	return math.Ldexp(1, max(e-bits, least))
}

// place writes a flat index as one along each axis: "[1,2]", "" at rank 0.
func place(dims []int64, i int) string {
	if len(dims) == 0 {
		return ""
	}
	at := indexOf(dims, i)
	return strings.ReplaceAll(fmt.Sprint(at), " ", ",")
}

// indexOf splits a flat index into one along each axis.
func indexOf(dims []int64, i int) []int64 {
	at := make([]int64, len(dims))
	rest := int64(i)
	for axis := len(dims) - 1; axis >= 0; axis-- {
		at[axis] = rest % dims[axis]
		rest /= dims[axis]
	}
	return at
}
