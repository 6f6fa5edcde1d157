package verify

import (
	"testing"
	"testing/fstest"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// TestHalfGoldens: cases run in the 16-bit dtypes that hold their inputs, and in
// no other.
func TestHalfGoldens(t *testing.T) {
	files := tiny(t)
	check := func(dtype tensor.DType, cases, skipped int, pass bool) {
		t.Helper()
		r := Loss(t.Context(), losses.MSE, allEngines(t), Options{Goldens: newGoldens(files)})
		for _, c := range r.Checks {
			if c.DType == dtype.String() && (c.Cases != cases || c.Skipped != skipped || c.Pass != pass) {
				t.Errorf("%s %s: %d cases, %d skipped, pass %v; want %d, %d, %v", c.Engine, c.DType, c.Cases, c.Skipped, c.Pass, cases, skipped, pass)
			}
		}
	}
	check(tensor.Float16, 1, 0, true)
	check(tensor.BFloat16, 1, 0, true)
	// 257 has nine bits, one more than bfloat16 holds.
	set(t, files, "input_0", "input", 257, 0)
	set(t, files, "output_0", "loss", 257*257.0/2+0.5)
	set(t, files, "output_1", "grad_input", 257, -1)
	check(tensor.Float16, 1, 0, true)
	check(tensor.BFloat16, 0, 1, true)
	set(t, files, "output_1", "grad_input", 258, -1)
	check(tensor.Float16, 1, 0, false)
}

// set writes the numbers of a tensor of the tiny case; one number is rank 0.
func set(t *testing.T, files fstest.MapFS, file, name string, values ...float64) {
	t.Helper()
	dims := []int64{int64(len(values))}
	if len(values) == 1 {
		dims = nil
	}
	data, err := export.MarshalTensor(name, floats(dims, values...))
	if err != nil {
		t.Fatal(err)
	}
	files["mse/tiny/test_data_set_0/"+file+".pb"] = &fstest.MapFile{Data: data}
}

// TestWorkerPanics: a panic while cases run is a failure, and ends nothing.
func TestWorkerPanics(t *testing.T) {
	o := Options{Goldens: newGoldens(tiny(t)), Observe: func(Observation) { panic("observer") }}
	r := Loss(t.Context(), losses.MSE, referenceOnly(), o)
	if r.Passed() {
		t.Error("a panic passes")
	}
	for _, c := range r.Checks {
		if len(c.Failures) != 1 || c.Failures[0] != "internal error, please report it: observer" {
			t.Errorf("%s: %q", c.DType, c.Failures)
		}
	}
}
