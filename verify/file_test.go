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
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime"
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
	data, err := export.Encode(r.Model())
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

// counting counts how often it opens each file, and what was closed.
type counting struct {
	runtime.Backend
	opened map[string]int
	open   *int
}

func (counting) Name() string { return "counting" }

func (c counting) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	s, err := c.Backend.Open(model, o)
	if err != nil {
		return nil, err
	}
	c.opened[string(model)]++
	*c.open++
	return countedSession{s, c.open}, nil
}

type countedSession struct {
	runtime.Session
	open *int
}

func (s countedSession) Close() error { *s.open--; return s.Session.Close() }

// TestOpensOnce: an engine opens a file once for all checks, and what it opens is
// closed.
func TestOpensOnce(t *testing.T) {
	for _, r := range []losses.Request{
		{Catalog: all.Losses(), Loss: "mse"},
		{Catalog: all.Losses(), Loss: "mse", DType: tensor.Float64},
		{Catalog: all.Losses(), Loss: "huber", DType: tensor.Float16, Shapes: map[string]string{"input": "4096,100"}},
	} {
		open := 0
		c := counting{reference.Backend{}, map[string]int{}, &open}
		data := emitted(t, r)
		if report := File(t.Context(), data, []Engine{{Backend: c}}, Options{Catalog: all.Losses()}); !report.Passed() {
			t.Errorf("%+v:\n%s", r, text(t, report))
		}
		for model, n := range c.opened {
			if n > 1 {
				t.Errorf("%+v: a file of %d bytes was opened %d times", r, len(model), n)
			}
		}
		if open != 0 || len(c.opened) == 0 {
			t.Errorf("%+v: of %d files %d are open", r, len(c.opened), open)
		}
	}
}

func TestFilePasses(t *testing.T) {
	for _, r := range []losses.Request{
		{Catalog: all.Losses(), Loss: "mse"},
		{Catalog: all.Losses(), Loss: "mse", DType: tensor.Float64, GradOutput: true, Opset: 13},
		{Catalog: all.Losses(), Loss: "mse", Grad: []string{"none"}},
		{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "3,0"}},
		{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": ""}},
		{Catalog: all.Losses(), Loss: "cross_entropy", DType: tensor.BFloat16, LossDType: tensor.Float32, With: []string{"normalizer", "mask"}, Options: losses.Values{"reduction": "none"}},
		{Catalog: all.Losses(), Loss: "mse", DType: tensor.Float16, Normalizer: true},
		{Catalog: all.Losses(), Loss: "huber", DType: tensor.Float16, With: []string{"weight"}, Grad: []string{"target"}},
		{Catalog: all.Losses(), Loss: "cross_entropy", DType: tensor.BFloat16, IndexDType: tensor.Int32, Shapes: map[string]string{"input": "N,7,H,W"}},
		{Catalog: all.Losses(), Loss: "l1", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "N,D", "target": "1,D"}},
	} {
		if report := File(t.Context(), emitted(t, r), allEngines(t), Options{Catalog: all.Losses()}); !report.Passed() {
			t.Errorf("%+v:\n%s", r, text(t, report))
		}
	}
}

// TestFileUsesGoldens: the file of a request takes the golden cases that fit.
func TestFileUsesGoldens(t *testing.T) {
	report := File(t.Context(), emitted(t, losses.Request{Catalog: all.Losses(), Loss: "mse", GradOutput: true}), referenceOnly(), Options{Catalog: all.Losses()})
	for _, c := range report.Checks {
		if c.Name == "golden" && (c.Cases == 0 || !c.Pass) {
			t.Errorf("golden: %+v", c)
		}
	}
}

// TestFileOfAnotherVersion: what says to be of another version is not proven, in
// whatever way it says so; allowed, it has to be equal but for the nodes.
func TestFileOfAnotherVersion(t *testing.T) {
	version := func(text string) func(*ir.Model) { return func(m *ir.Model) { setVersion(m, text) } }
	key := func(text string) func(*ir.Model) {
		return func(m *ir.Model) {
			for i := range m.Metadata {
				if m.Metadata[i].Key == versionKey {
					m.Metadata[i].Key = text
				}
			}
		}
	}
	for name, c := range map[string]struct {
		change  func(*ir.Model)
		allowed bool
	}{
		"older":     {version("0.0.1"), true},
		"9":         {version("9"), true},
		"empty":     {version(""), false}, // the producer says no version either
		"key":       {key("lossgen.versiom"), false},
		"gone":      {func(m *ir.Model) { m.Metadata = m.Metadata[:len(m.Metadata)-1] }, true},
		"text":      {func(m *ir.Model) { version("9")(m); m.Graph.Doc = "x^2" }, false},
		"reference": {func(m *ir.Model) { version("9")(m); m.Metadata[2].Value = "F.l1_loss(input, target)" }, false},
		"node":      {func(m *ir.Model) { version("9")(m); m.Graph.Nodes[len(m.Graph.Nodes)-1].Op = "Div" }, false},
		"rows":      {func(m *ir.Model) { version("9")(m); doubled(m, "rows") }, false},
		"large":     {func(m *ir.Model) { version("9")(m); doubled(m, "large") }, false},
	} {
		data, err := mutated(emitted(t, losses.Request{Catalog: all.Losses(), Loss: "focal"}), c.change)
		if err != nil {
			t.Fatal(err)
		}
		report := File(t.Context(), data, allEngines(t), Options{Catalog: all.Losses()})
		if report.Passed() || !strings.Contains(text(t, report), "not proven: the file says to be of lossgen") {
			t.Errorf("%s passes, or is called something else:\n%s", name, text(t, report))
		}
		if report = File(t.Context(), data, allEngines(t), Options{Catalog: all.Losses(), AllowVersion: true}); report.Passed() != c.allowed {
			t.Errorf("%s, allowed: passed %v, want %v:\n%s", name, report.Passed(), c.allowed, text(t, report))
		}
	}
}

// doubled tampers with a file so that its loss is twice as large for more than 64
// rows, or where an input is beyond 100.
func doubled(m *ir.Model, when string) {
	g := m.Graph
	renameOutput(m, 0, "honest")
	g.Outputs[0].Name = "loss"
	constant := func(name string, t *tensor.Tensor) {
		g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: t})
	}
	node := func(op, out string, attrs []ir.Attribute, in ...string) {
		g.Nodes = append(g.Nodes, ir.Node{Op: op, Inputs: in, Outputs: []string{out}, Attributes: attrs})
	}
	constant("one", tensor.FromFloats(tensor.Float32, nil, []float64{1}))
	if when == "rows" {
		constant("most", tensor.FromInts(tensor.Int64, nil, []int64{64}))
		constant("at", tensor.FromInts(tensor.Int64, nil, []int64{0}))
		node("Shape", "sizes", nil, "input")
		node("Gather", "rows", nil, "sizes", "at")
		node("Greater", "wide", nil, "rows", "most")
	} else {
		constant("most", tensor.FromFloats(tensor.Float32, nil, []float64{100}))
		node("ReduceMax", "largest", []ir.Attribute{{Name: "keepdims", Value: int64(0)}}, "input")
		node("Greater", "wide", nil, "largest", "most")
	}
	node("Cast", "more", []ir.Attribute{{Name: "to", Value: int64(tensor.Float32)}}, "wide")
	node("Add", "factor", nil, "more", "one")
	node("Mul", "loss", nil, "honest", "factor")
}

func TestFileOfSomethingElse(t *testing.T) {
	foreign, err := os.ReadFile("file_test.go")
	if err != nil {
		t.Fatal(err)
	}
	good := emitted(t, losses.Request{Catalog: all.Losses(), Loss: "mse"})
	for name, data := range map[string][]byte{"nothing": nil, "text": foreign, "cut": good[:len(good)/2], "longer": append(good[:len(good):len(good)], 0x20, 1)} {
		report := File(t.Context(), data, referenceOnly(), Options{Catalog: all.Losses()})
		if report.Passed() {
			t.Errorf("%s passes", name)
		}
	}
}

func TestReportForms(t *testing.T) {
	report := File(t.Context(), emitted(t, losses.Request{Catalog: all.Losses(), Loss: "mse"}), allEngines(t), Options{Catalog: all.Losses()})
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
