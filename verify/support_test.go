package verify

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

var update = flag.Bool("update", false, "write docs/support.md again")

const supportPath = "../docs/support.md"

// consumersMark begins what conformance/consumers writes.
const consumersMark = "<!-- consumers -->\n"

const supportIntroduction = `# What runs where

Every loss, with its defaults, as a file of each dtype and each opset from %d to %d: it is emitted, checked, opened, run on random data, and has to give what the Go engine computes in float64. A cell says at which opsets that holds; this page is made by the test that runs them (` + "`make generate`" + `). Labels: the types of integer inputs, of which each is run at float32 and the default opset.

16-bit files compute in float32 and round inputs and outputs. The column of ONNX Runtime is version 1.32 on the processor; the command takes versions from 1.24 on, with one hole: **before 1.32 a 16-bit loss of rank 0 cannot be run from Go**, since the binding has no rank-0 value of a 16-bit type and older versions refuse its stand-in. From Python and other languages they run.

| loss | labels | engine | float32 | float64 | float16 | bfloat16 |
| --- | --- | --- | --- | --- | --- | --- |
`

// support is what one loss can do on one engine.
type support struct {
	loss, labels, engine string
	cells                []string
}

func (s support) row() string {
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", s.loss, s.labels, s.engine, strings.Join(s.cells, " | "))
}

// TestSupport keeps docs/support.md equal to what runs. Without an ONNX Runtime the
// rows of the Go engine are compared alone.
func TestSupport(t *testing.T) {
	engines := allEngines(t)
	rows := make([][]support, len(losses.All))
	reasons := &footnotes{}
	for i, l := range losses.All {
		rows[i] = supportOf(t, l, engines, reasons)
	}
	var table strings.Builder
	for _, list := range rows {
		for _, s := range list {
			table.WriteString(s.row())
		}
	}
	const first, last int64 = ir.MinOpset, ir.MaxOpset
	want := fmt.Sprintf(supportIntroduction, first, last) + table.String() + reasons.text()
	data, err := os.ReadFile(supportPath)
	if err != nil {
		t.Fatal(err)
	}
	own, others, _ := strings.Cut(string(data), consumersMark)
	if *update {
		if len(engines) < 2 {
			t.Fatal("the table needs both engines")
		}
		if err := os.WriteFile(supportPath, []byte(want+consumersMark+others), 0o666); err != nil {
			t.Fatal(err)
		}
		own = want
	}
	if len(engines) > 1 && own != want {
		t.Errorf("%s is not what runs: run make generate", supportPath)
	}
	for line := range strings.Lines(table.String()) {
		if !strings.Contains(own, line) {
			t.Errorf("%s lacks the line %s", supportPath, line)
		}
	}
}

// footnotes are the reasons of holes, in the order of their first use.
type footnotes struct{ list []string }

func (f *footnotes) mark(reason string) string {
	if !slices.Contains(f.list, reason) {
		f.list = append(f.list, reason)
	}
	return fmt.Sprintf("no [%d]", slices.Index(f.list, reason)+1)
}

func (f *footnotes) text() string {
	var s strings.Builder
	for i, reason := range f.list {
		fmt.Fprintf(&s, "\n[%d] %s\n", i+1, reason)
	}
	return s.String()
}

// supportOf runs a loss in every dtype and opset on each engine.
func supportOf(t *testing.T, l losses.Loss, engines []Engine, reasons *footnotes) []support {
	name := l.Declaration().Name
	labels := labelsOf(t, name, engines)
	const first, last int64 = ir.MinOpset, ir.MaxOpset
	var out []support
	for _, e := range engines {
		s := support{loss: name, labels: labels, engine: e.Name()}
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16} {
			cell := fmt.Sprintf("%d–%d", first, last)
			for opset := first; opset <= last; opset++ {
				if err := runs(t, losses.Request{Loss: name, DType: dtype, Opset: opset}, e); err != nil {
					cell = reasons.mark(err.Error())
				}
			}
			s.cells = append(s.cells, cell)
		}
		out = append(out, s)
	}
	return out
}

// labelsOf lists the types that a loss takes labels in.
func labelsOf(t *testing.T, name string, engines []Engine) string {
	p, err := losses.Request{Loss: name}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Ports, func(p losses.Port) bool { return p.Domain.IsIndex() }) {
		return "none"
	}
	for _, e := range engines {
		f, _ := readFile(emitted(t, losses.Request{Loss: name}))
		if f.reads(e) != nil {
			continue
		}
		if err := runs(t, losses.Request{Loss: name, IndexDType: tensor.Int32}, e); err != nil {
			t.Errorf("%s with int32 labels on %s: %v", name, e.Name(), err)
		}
	}
	return "int64, int32"
}

// reads reports why an engine cannot open the file.
func (f *file) reads(e Engine) error {
	s, err := e.Backend.Open(f.data, e.Options)
	if err == nil {
		s.Close()
	}
	return err
}

// runs reports why an engine cannot run the file of a request. Outputs that are not
// those of the Go engine end the test: they are no hole, but wrong.
func runs(t *testing.T, r losses.Request, e Engine) error {
	f, c := readFile(emitted(t, r))
	if f == nil {
		t.Fatalf("%+v: %v", r, c.Failures)
	}
	if err := f.reads(e); err != nil {
		return err
	}
	inputs := f.draw(0)
	got, err := e.run(t.Context(), f.data, inputs)
	if err != nil {
		t.Fatalf("%+v on %s: %v", r, e.Name(), err)
	}
	judge := f.judges(nil)
	if len(judge) == 0 {
		return nil // nobody else can run it; its golden cases can
	}
	want, err := judge[0].run(t.Context(), f.data, inputs)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		if d := Compare(got[name], w, e.tolerance(got[name].DType)); !d.OK() {
			t.Errorf("%+v on %s: %s: %v", r, e.Name(), name, d)
		}
	}
	return nil
}
