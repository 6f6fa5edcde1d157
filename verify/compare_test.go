package verify

import (
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
)

func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		got, want float64
		ok        bool
	}{
		{1, 1, true}, {1, 1 + 5e-6, true}, {1, 1.0001, false}, {0, 5e-7, true}, {0, 5e-6, false},
		{nan, nan, true}, {nan, 1, false}, {1, nan, false},
		{inf, inf, true}, {-inf, inf, false}, {inf, 1e38, false}, {1e38, inf, false},
		{0, math.Copysign(0, -1), true},
	} {
		one := func(v float64) *tensor.Tensor { return tensor.FromFloats(tensor.Float32, []int64{1}, []float64{v}) }
		if d := Compare(one(c.got), one(c.want), ToleranceOf(tensor.Float32, "ort")); d.OK() != c.ok {
			t.Errorf("%v for %v: %v, want ok %v", c.got, c.want, d, c.ok)
		}
	}
	a, b := tensor.New(tensor.Float32, 2, 1), tensor.New(tensor.Float32, 1, 2)
	if Compare(a, b, Tolerance{}).OK() || Compare(nil, b, Tolerance{}).OK() {
		t.Error("other sizes, or nothing, compare equal")
	}
}

func TestComparePlaceAndULP(t *testing.T) {
	want := tensor.FromFloats(tensor.Float32, []int64{2, 2}, []float64{1, 2, 3, 4})
	got := tensor.FromFloats(tensor.Float32, []int64{2, 2}, []float64{1, 2, 3.5, 4})
	d := Compare(got, want, ToleranceOf(tensor.Float32, "ort"))
	if d.Place != "[1,0]" || d.Wrong != 1 || d.MaxAbs != 0.5 || d.MaxULP != 0.5/ulp(tensor.Float32, 3) {
		t.Errorf("%+v", d)
	}
	for _, c := range []struct {
		dtype tensor.DType
		v     float64
		want  float64
	}{
		{tensor.Float64, 1, math.Nextafter(1, 2) - 1}, {tensor.Float32, 1, math.Ldexp(1, -23)}, {tensor.Float16, 1, math.Ldexp(1, -10)},
		{tensor.BFloat16, 1, math.Ldexp(1, -7)}, {tensor.Float32, 0, math.Ldexp(1, -149)}, {tensor.Float64, -3, math.Ldexp(1, -51)},
	} {
		if got := ulp(c.dtype, c.v); got != c.want {
			t.Errorf("ulp of %v in %v is %g, want %g", c.v, c.dtype, got, c.want)
		}
	}
}

// TestExcused: only the gradient of what is NaN itself may be NaN.
func TestExcused(t *testing.T) {
	nan := math.NaN()
	inputs := map[string]*tensor.Tensor{
		"input":  tensor.FromFloats(tensor.Float64, []int64{2, 2}, []float64{nan, 1, 1, 1}),
		"target": tensor.FromFloats(tensor.Float64, []int64{2}, []float64{1, 1}),
	}
	grad := tensor.New(tensor.Float64, 2, 2)
	for i, want := range []bool{true, false, false, false} {
		if got := excused(true, "grad_input", grad, inputs)(i); got != want {
			t.Errorf("element %d: %v, want %v", i, got, want)
		}
	}
	if excused(false, "grad_input", grad, inputs)(0) || excused(true, "loss", grad, inputs)(0) {
		t.Error("a loss without the declaration, or the value, is excused")
	}
	if f := excused(true, "grad_target", inputs["target"], inputs); !f(0) || f(1) {
		t.Error("the row of a NaN is excused, and no other")
	}
}
