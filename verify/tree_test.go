package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// TestBackendTests: the cases of every loss are backend tests, whose files have the
// model's names, order and dtypes. One case of each set of inputs and outputs is taken
// here; the runner of the onnx package takes all, in each dtype.
func TestBackendTests(t *testing.T) {
	goldens := oneOfEach(t)
	for _, l := range all.Losses() {
		for _, dtype := range []tensor.DType{tensor.BFloat16} {
			written, left, err := goldens.BackendTests(l, dtype, 21, "", func(name string, files map[string][]byte) error {
				m, err := export.Unmarshal(files["model.onnx"])
				if err != nil {
					return err
				}
				if m.Opset != 21 {
					t.Errorf("%s: opset %d", name, m.Opset)
				}
				for i, p := range m.Graph.Outputs {
					got, x, err := export.UnmarshalTensor(files[fmt.Sprintf("test_data_set_0/output_%d.pb", i)])
					if err != nil || got != p.Name || x.DType != p.DType || len(x.Dims) != len(p.Shape) {
						t.Errorf("%s: output %d is %s %v, want %s %v%v (%v)", name, i, got, x, p.Name, p.DType, p.Shape, err)
					}
				}
				return nil
			})
			if err != nil || written == 0 || left > written {
				t.Errorf("%s %v: %d written, %d left out, %v", l.Declaration().Name, dtype, written, left, err)
			}
		}
	}
}

// oneOfEach are the golden cases in the program, of those whose inputs and outputs have
// the same names and ranks the first.
func oneOfEach(t *testing.T) *Goldens {
	t.Helper()
	catalog := all.Losses()
	whole, err := EmbeddedGoldens(catalog)
	if err != nil {
		t.Fatal(err)
	}
	some := newGoldens(catalog, whole.files, whole.ending)
	for _, l := range catalog {
		name := l.Declaration().Name
		cases, err := whole.Cases(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, c := range cases {
			key := ""
			for _, n := range slices.Concat(c.Inputs, c.Outputs) {
				key += fmt.Sprint(n.Name, len(n.Tensor.Dims), " ")
			}
			if !seen[key] {
				seen[key] = true
				some.read[name] = append(some.read[name], c)
			}
		}
	}
	return some
}

// TestBackendTestRuns takes a test apart and runs it, as another harness would.
func TestBackendTestRuns(t *testing.T) {
	g := goldensOf(tiny)
	cases, err := g.Cases("mse")
	if err != nil {
		t.Fatal(err)
	}
	files, err := cases[0].BackendTest(tensor.Float32, 13, "")
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]*tensor.Tensor{}
	for _, file := range []string{"input_0", "input_1"} {
		name, x, err := export.UnmarshalTensor(files["test_data_set_0/"+file+".pb"])
		if err != nil {
			t.Fatal(err)
		}
		inputs[name] = x
	}
	out, err := Engine{Backend: reference.Backend{}, Options: runtime.Options{}}.run(t.Context(), files["model.onnx"], inputs)
	if err != nil {
		t.Fatal(err)
	}
	if got := out["loss"].Float(0); got != 2.5 {
		t.Errorf("the loss is %g, want 2.5", got)
	}
	var tolerance struct{ RTol, ATol float64 }
	if err := json.Unmarshal(files["data.json"], &tolerance); err != nil || tolerance.RTol != 1.3e-5 || tolerance.ATol != 1e-6 {
		t.Errorf("%s: %v", files["data.json"], err)
	}
}

// TestNoBackendTest: inputs that a dtype cannot hold make no test.
func TestNoBackendTest(t *testing.T) {
	file := with(t, tiny, "input input float64 [2]", "1e6 0")
	cases, err := goldensOf(file).Cases("mse")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cases[0].BackendTest(tensor.Float16, 17, ""); !errors.Is(err, ErrNoTest) {
		t.Errorf("got %v", err)
	}
}
