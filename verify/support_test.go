package verify

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

var update = flag.Bool("update", false, "write docs/support.md again")

// every is set where tests judge what is like another case, too: each opset, each
// mutation. The conformance runner does so.
var every = os.Getenv("LOSSGEN_TEST_EVERY") != ""

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
	rows := make([][]support, len(all.Losses()))
	reasons := &footnotes{}
	for i, l := range all.Losses() {
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
	holes := map[tensor.DType][][]string{} // why each engine cannot
	dtypes := []tensor.DType{tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16}
	for _, dtype := range dtypes {
		holes[dtype] = holesOf(t, losses.Request{Catalog: all.Losses(), Loss: name, DType: dtype}, engines)
	}
	var out []support
	for i, e := range engines {
		s := support{loss: name, labels: labels, engine: e.Name()}
		for _, dtype := range dtypes {
			cell := fmt.Sprintf("%d–%d", first, last)
			for _, reason := range holes[dtype][i] {
				cell = reasons.mark(reason)
			}
			s.cells = append(s.cells, cell)
		}
		out = append(out, s)
	}
	return out
}

// holesOf runs a request at the opsets and lists for each engine why it cannot. It
// runs where an opset has other nodes than the one before, and with every set at each: but
// for 16-bit files, which have the nodes of float32 files between their casts.
func holesOf(t *testing.T, r losses.Request, engines []Engine) [][]string {
	holes := make([][]string, len(engines))
	c := newTrial(t, r, engines)
	g := graphOf(t, r)
	var before *ir.Graph
	for opset := int64(ir.MinOpset); opset <= ir.MaxOpset; opset++ {
		nodes := g.Lower(opset)
		if before != nil && reflect.DeepEqual(before, nodes) && (isHalf(r.DType) || !every) {
			continue
		}
		before, r.Opset = nodes, opset
		c.request = r
		data := emitted(t, r)
		for i, e := range engines {
			if err := c.runs(t, e, data); err != nil {
				holes[i] = append(holes[i], err.Error())
			}
		}
	}
	return holes
}

func graphOf(t *testing.T, r losses.Request) *builder.Graph {
	t.Helper()
	p, err := r.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// labelsOf lists the types that a loss takes labels in.
func labelsOf(t *testing.T, name string, engines []Engine) string {
	p, err := losses.Request{Catalog: all.Losses(), Loss: name}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Ports, func(p losses.Port) bool { return p.Domain.IsIndex() }) {
		return "none"
	}
	r := losses.Request{Catalog: all.Losses(), Loss: name, IndexDType: tensor.Int32}
	c := newTrial(t, r, engines)
	for _, e := range engines {
		s, err := e.open(losses.Request{Catalog: all.Losses(), Loss: name})
		if err != nil {
			continue // it has no labels of any type there
		}
		s.Close()
		if err := c.runs(t, e, emitted(t, r)); err != nil {
			t.Errorf("%s with int32 labels on %s: %v", name, e.Name(), err)
		}
	}
	return "int64, int32"
}

// trial is random inputs for the files of a request, and what comes out.
type trial struct {
	request losses.Request
	inputs  map[string]*tensor.Tensor
	want    map[string]*tensor.Tensor
	first   map[string]map[string]*tensor.Tensor // of the first file on each engine
}

// newTrial runs the request as it is on the reference engine, or else on one that
// can.
func newTrial(t *testing.T, r losses.Request, engines []Engine) trial {
	t.Helper()
	f, c := readFile(all.Losses(), emitted(t, r))
	if f == nil {
		t.Fatalf("%+v: %v", r, c.Failures)
	}
	defer f.close()
	one := trial{request: r, inputs: f.draw(0), first: map[string]map[string]*tensor.Tensor{}}
	for _, judge := range f.judges(engines) {
		if _, err := f.on(judge); err != nil {
			continue
		}
		var err error
		if one.want, err = f.run(t.Context(), judge, "support", "draw 0", one.inputs); err != nil {
			t.Fatalf("%+v on %s: %v", r, judge.Name(), err)
		}
		break
	}
	return one
}

// runs reports why an engine cannot run a file of the request. Outputs that are not
// those wanted, or in float32 not those of another opset, are no hole, but wrong.
func (c trial) runs(t *testing.T, e Engine, data []byte) error {
	t.Helper()
	s, err := e.Backend.Open(data, e.Options)
	if err != nil {
		return err
	}
	defer s.Close()
	got, err := s.Run(t.Context(), c.inputs)
	if err != nil {
		t.Fatalf("%+v on %s: %v", c.request, e.Name(), err)
	}
	if c.first[e.Name()] == nil {
		c.first[e.Name()] = got
	}
	for name, w := range c.want {
		if d := Compare(got[name], w, e.tolerance(got[name].DType)); !d.OK() {
			t.Errorf("%+v on %s: %s: %v", c.request, e.Name(), name, d)
		}
		if d := Compare(got[name], c.first[e.Name()][name], Tolerance{Rel: 1e-6, Abs: 1e-7}); w.DType == tensor.Float32 && !d.OK() {
			t.Errorf("%+v on %s: %s differs between opsets: %v", c.request, e.Name(), name, d)
		}
	}
	return nil
}
