package verify

import (
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/regression"
)

// TestHalfGoldens: cases run in the 16-bit dtypes that hold their inputs, and in
// no other.
func TestHalfGoldens(t *testing.T) {
	file := tiny
	check := func(dtype tensor.DType, cases, skipped int, pass bool) {
		t.Helper()
		r := Loss(t.Context(), regression.MSE, allEngines(t), Options{Catalog: all.Losses(), Goldens: goldensOf(file)})
		for _, c := range r.Checks {
			if c.DType == dtype.String() && (c.Cases != cases || c.Skipped != skipped || c.Pass != pass) {
				t.Errorf("%s %s: %d cases, %d skipped, pass %v; want %d, %d, %v", c.Engine, c.DType, c.Cases, c.Skipped, c.Pass, cases, skipped, pass)
			}
		}
	}
	check(tensor.Float16, 1, 0, true)
	check(tensor.BFloat16, 1, 0, true)
	// 257 has nine bits, one more than bfloat16 holds.
	file = with(t, file, "input input float64 [2]", "257 0")
	file = with(t, file, "output loss []", "33025")
	file = with(t, file, "output grad_input [2]", "257 -1")
	check(tensor.Float16, 1, 0, true)
	check(tensor.BFloat16, 0, 1, true)
	file = with(t, file, "output grad_input [2]", "258 -1")
	check(tensor.Float16, 1, 0, false)
}

// TestWorkerPanics: a panic while cases run is a failure, and ends nothing.
func TestWorkerPanics(t *testing.T) {
	o := Options{Catalog: all.Losses(), Goldens: goldensOf(tiny), Observe: func(Observation) { panic("observer") }}
	r := Loss(t.Context(), regression.MSE, referenceOnly(), o)
	if r.Passed() {
		t.Error("a panic passes")
	}
	for _, c := range r.Checks {
		if len(c.Failures) != 1 || c.Failures[0] != "internal error, please report it: observer" {
			t.Errorf("%s: %q", c.DType, c.Failures)
		}
	}
}

// TestOnly: cases run in the dtypes that are asked for.
func TestOnly(t *testing.T) {
	o := Options{Catalog: all.Losses(), Goldens: goldensOf(tiny), Only: func(g *Golden, dtype tensor.DType) bool { return g.Case == "tiny" && dtype == tensor.Float16 }}
	for _, c := range Loss(t.Context(), regression.MSE, referenceOnly(), o).Checks {
		if want := map[bool]int{true: 1}[c.DType == "float16"]; c.Cases != want {
			t.Errorf("%s: %d cases, want %d", c.DType, c.Cases, want)
		}
	}
}
