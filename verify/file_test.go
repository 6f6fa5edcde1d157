package verify

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
)

func referenceOnly() []Engine { return []Engine{{Backend: reference.Backend{}}} }

// allEngines are the engines that work here.
func allEngines(t *testing.T) []Engine {
	t.Helper()
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Logf("ONNX Runtime is left out: %v", err)
		return referenceOnly()
	}
	return append(referenceOnly(), Engine{Backend: ort.Backend{}})
}

func emitted(t *testing.T, r losses.Request) []byte {
	t.Helper()
	data, err := Emit(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	var s strings.Builder
	if err := r.WriteText(&s); err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func TestFilePasses(t *testing.T) {
	for _, r := range []losses.Request{
		{Loss: "mse"},
		{Loss: "mse", DType: tensor.Float64, GradOutput: true, Opset: 13},
		{Loss: "mse", Grad: []string{"none"}},
		{Loss: "mse", Shapes: map[string]string{"input": "3,0"}},
		{Loss: "mse", Shapes: map[string]string{"input": ""}},
		{Loss: "huber", DType: tensor.Float16, With: []string{"weight"}, Grad: []string{"target"}},
		{Loss: "cross_entropy", DType: tensor.BFloat16, IndexDType: tensor.Int32, Shapes: map[string]string{"input": "N,7,H,W"}},
		{Loss: "l1", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "N,D", "target": "1,D"}},
	} {
		if report := File(t.Context(), emitted(t, r), allEngines(t), Options{}); !report.Passed() {
			t.Errorf("%+v:\n%s", r, text(t, report))
		}
	}
}

// TestFileUsesGoldens: the file of a request takes the golden cases that fit.
func TestFileUsesGoldens(t *testing.T) {
	report := File(t.Context(), emitted(t, losses.Request{Loss: "mse", GradOutput: true}), referenceOnly(), Options{})
	for _, c := range report.Checks {
		if c.Name == "golden" && (c.Cases == 0 || !c.Pass) {
			t.Errorf("golden: %+v", c)
		}
	}
}

func TestFileOfAnotherVersion(t *testing.T) {
	for _, c := range []struct {
		change func(*ir.Model)
		pass   bool
	}{
		{func(*ir.Model) {}, true},
		{func(m *ir.Model) { m.Graph.Nodes[len(m.Graph.Nodes)-1].Op = "Div" }, false},
	} {
		m, err := export.Unmarshal(emitted(t, losses.Request{Loss: "mse"}))
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Metadata {
			if m.Metadata[i].Key == "lossgen.version" {
				m.Metadata[i].Value = "0.0.1"
			}
		}
		c.change(m)
		data, err := export.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		report := File(t.Context(), data, allEngines(t), Options{})
		if report.Passed() != c.pass || !strings.Contains(text(t, report), `the file is of lossgen "0.0.1"`) {
			t.Errorf("passed %v, want %v:\n%s", report.Passed(), c.pass, text(t, report))
		}
	}
}

func TestFileOfSomethingElse(t *testing.T) {
	foreign, err := os.ReadFile("file_test.go")
	if err != nil {
		t.Fatal(err)
	}
	good := emitted(t, losses.Request{Loss: "mse"})
	for name, data := range map[string][]byte{"nothing": nil, "text": foreign, "cut": good[:len(good)/2], "longer": append(good[:len(good):len(good)], 0x20, 1)} {
		report := File(t.Context(), data, referenceOnly(), Options{})
		if report.Passed() {
			t.Errorf("%s passes", name)
		}
	}
}

func TestReportForms(t *testing.T) {
	report := File(t.Context(), emitted(t, losses.Request{Loss: "mse"}), allEngines(t), Options{})
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"checks":[{"check":"metadata","pass":true,"cases":1,"failed":0,"skipped":0}`, `"output":"grad_input"`, `"max_ulp":`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	for _, want := range []string{"check", "largest error", "differences", "grad_input"} {
		if !strings.Contains(text(t, report), want) {
			t.Errorf("no %q in\n%s", want, text(t, report))
		}
	}
}
