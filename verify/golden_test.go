package verify

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// tiny is one golden case: the mean of (1-0)² and (3-1)², and its gradient.
func tiny(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{"mse/tiny/case.json": {Data: []byte(`{"loss": "mse", "case": "tiny", "dtypes": ["float32", "float64"], "grad": ["input"],
		"producer": "torch 0", "request": {"loss": "mse", "options": {"reduction": "mean"}, "grad": ["input"], "shape": {"input": "N"}}}`)}}
	for path, n := range map[string]Named{
		"input_0":  {"input", floats([]int64{2}, 1, 3)},
		"input_1":  {"target", floats([]int64{2}, 0, 1)},
		"output_0": {"loss", floats(nil, 2.5)},
		"output_1": {"grad_input", floats([]int64{2}, 1, 2)},
	} {
		data, err := export.MarshalTensor(n.Name, n.Tensor)
		if err != nil {
			t.Fatal(err)
		}
		files["mse/tiny/test_data_set_0/"+path+".pb"] = &fstest.MapFile{Data: data}
	}
	return files
}

func floats(dims []int64, values ...float64) *tensor.Tensor {
	return tensor.FromFloats(tensor.Float64, dims, values)
}

func TestLossOnTinyGoldens(t *testing.T) {
	files := tiny(t)
	if r := Loss(t.Context(), losses.MSE, allEngines(t), Options{Goldens: newGoldens(files)}); !r.Passed() || len(r.Checks) < 2 {
		t.Errorf("right outputs:\n%s", text(t, r))
	}
	data, _ := export.MarshalTensor("grad_input", floats([]int64{2}, 1, 2.001))
	files["mse/tiny/test_data_set_0/output_1.pb"] = &fstest.MapFile{Data: data}
	r := Loss(t.Context(), losses.MSE, allEngines(t), Options{Goldens: newGoldens(files)})
	if r.Passed() || !strings.Contains(text(t, r), "tiny: grad_input: 1 of 2 wrong, first [1]: got 2, want 2.001") {
		t.Errorf("a wrong gradient:\n%s", text(t, r))
	}
}

// TestFloat32Override: what PyTorch does in float32 holds for ONNX Runtime, not
// for the reference engine, which never rounds to float32.
func TestFloat32Override(t *testing.T) {
	files := tiny(t)
	data, _ := export.MarshalTensor("loss", tensor.FromFloats(tensor.Float32, nil, []float64{math.Inf(1)}))
	files["mse/tiny/float32/output_0.pb"] = &fstest.MapFile{Data: data}
	engines := allEngines(t)
	r := Loss(t.Context(), losses.MSE, engines, Options{Goldens: newGoldens(files)})
	for _, c := range r.Checks {
		if want := c.Engine == "reference" || c.DType == "float64"; c.Pass != want {
			t.Errorf("%s %s: pass %v, want %v", c.Engine, c.DType, c.Pass, want)
		}
	}
}

func TestDamagedGoldens(t *testing.T) {
	for path, data := range map[string]string{
		"mse/tiny/case.json":                   "{",
		"mse/tiny/test_data_set_0/input_1.pb":  "damaged",
		"mse/tiny/test_data_set_0/output_0.pb": "",
	} {
		files := tiny(t)
		files[path] = &fstest.MapFile{Data: []byte(data)}
		r := Loss(t.Context(), losses.MSE, referenceOnly(), Options{Goldens: newGoldens(files)})
		if r.Passed() || !strings.Contains(text(t, r), "mse/tiny") {
			t.Errorf("%s: %s", path, text(t, r))
		}
	}
}

func TestOpenGoldens(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenGoldens(dir); err == nil {
		t.Error("an empty folder opens")
	}
	if _, err := OpenGoldens(filepath.Join(dir, "no")); err == nil {
		t.Error("no folder opens")
	}
	for path, f := range tiny(t) {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g, err := OpenGoldens(dir)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := g.Losses(); err != nil || len(list) != 1 || list[0] != "mse" {
		t.Errorf("losses %v, %v", list, err)
	}
	if r := Loss(t.Context(), losses.L1, referenceOnly(), Options{Goldens: g}); r.Passed() {
		t.Error("a loss without cases passes")
	}
}

func TestEmbeddedGoldens(t *testing.T) {
	g, err := EmbeddedGoldens()
	if err != nil {
		t.Fatal(err)
	}
	list, err := g.Losses()
	if err != nil || len(list) == 0 {
		t.Errorf("%d losses, %v", len(list), err)
	}
}
