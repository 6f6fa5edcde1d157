package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// draws is how many sets of random inputs engines are compared on.
const draws = 3

// File judges the bytes of an .onnx file that lossgen has written. The request
// is read from its metadata and emitted again, and has to give the same bytes: a
// file of another version of lossgen is not proven, unless
// [Options.AllowVersion] lets it be judged by what it computes. The golden cases
// of the request have to come out. The engines have to agree on random data; the
// reference engine is always one of them. Gradients have to be those of the loss
// by central finite differences. A file of large sizes is judged by its request
// at small ones, and runs once as it is. A file of `lossgen grad` or `lossgen attach` has no
// request: its gradients have to be those of what it computes by differences in float64,
// and the engines have to agree.
func File(ctx context.Context, data []byte, engines []Engine, o Options) *Report {
	if m, err := export.Unmarshal(data); err == nil && isTraining(m) {
		return training(ctx, data, engines, o)
	}
	r := &Report{Subject: "file"}
	f, c := readFile(o.Catalog, data)
	r.Checks = append(r.Checks, c)
	if f == nil {
		return r
	}
	defer f.close()
	r.Loss, f.options = f.plan.Loss, o
	r.Checks = append(r.Checks, f.sameFile(ctx, engines)...)
	if !r.Passed() { // whoever wrote the graph: it runs where memory is bounded
		engines = []Engine{f.reference()}
	}
	whole := f
	if f, c = whole.smaller(ctx, engines); c.Name != "" {
		r.Checks = append(r.Checks, c)
		whole.close() // what it took is free for the other
	}
	if f == nil {
		return r
	}
	defer f.close()
	r.Checks = append(r.Checks, f.goldens(ctx, engines, o)...)
	o.progress(1, 3)
	r.Checks = append(r.Checks, f.engines(ctx, engines)...)
	o.progress(2, 3)
	r.Checks = append(r.Checks, f.differences(ctx, engines)...)
	o.progress(3, 3)
	return r
}

// file is a file under judgment.
type file struct {
	data    []byte
	model   *ir.Model
	plan    *losses.Plan // of the request that the metadata tells
	rebuilt []byte       // the request emitted again
	options Options
	opened  map[opening]opened
}

// opening is how a file was opened.
type opening struct {
	backend string
	options runtime.Options
}

// opened is a file on an engine, or why the engine does not open it.
type opened struct {
	session runtime.Session
	err     error
}

// on returns the file on an engine, which opens it once for all checks.
func (f *file) on(e Engine) (runtime.Session, error) {
	how := opening{e.Backend.Name(), e.Options}
	o, ok := f.opened[how]
	if !ok {
		if f.opened == nil {
			f.opened = map[opening]opened{}
		}
		o.session, o.err = e.Backend.Open(f.data, e.Options)
		f.opened[how] = o
	}
	return o.session, o.err
}

// close closes what checks have opened.
func (f *file) close() {
	for _, o := range f.opened {
		if o.err == nil {
			o.session.Close()
		}
	}
	f.opened = nil
}

// run runs the file for a check.
func (f *file) run(ctx context.Context, e Engine, check, where string, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	s, err := f.on(e)
	if err != nil {
		return nil, err
	}
	outputs, err := s.Run(ctx, inputs)
	if err == nil {
		f.options.observe(Observation{check, f.plan.Loss, where, e.Name(), f.plan.DType, inputs, outputs})
	}
	return outputs, err
}

// readFile reads the request from a file's metadata and emits it again.
func readFile(all losses.Catalog, data []byte) (*file, Check) {
	c := Check{Name: "metadata", Cases: 1}
	f := &file{data: data}
	err := func() error {
		var err error
		if f.model, err = export.Unmarshal(data); err != nil {
			return err
		}
		if err := export.Check(f.model); err != nil {
			return fmt.Errorf("the model is not valid: %w", err)
		}
		request, err := all.FromModel(f.model)
		if err != nil {
			return err
		}
		if f.plan, err = request.Resolve(); err != nil {
			return fmt.Errorf("its metadata and ports are no request: %w", err)
		}
		f.rebuilt, err = export.Encode(request.Model())
		return err
	}()
	if err != nil {
		c.fail("%v", err)
		return nil, c.done()
	}
	return f, c.done()
}

// sameFile compares the file with its request emitted again.
func (f *file) sameFile(ctx context.Context, engines []Engine) []Check {
	if version, _ := f.model.Meta(versionKey); version != losses.Version {
		return f.otherVersion(ctx, engines, version)
	}
	c := Check{Name: "bytes", Cases: 1}
	if !bytes.Equal(f.data, f.rebuilt) {
		c.fail("the file is not what its request gives: %s", f.firstDifference())
	}
	return []Check{c.done()}
}

// firstDifference says where the file is not the rebuilt one.
func (f *file) firstDifference() string {
	want, err := export.Unmarshal(f.rebuilt)
	if err != nil {
		return err.Error()
	}
	if text := partDifference(f.model, want); text != "" {
		return text
	}
	got := f.model.Graph
	for _, text := range []string{
		listDifference("constant", got.Initializers, want.Graph.Initializers),
		listDifference("node", got.Nodes, want.Graph.Nodes),
		listDifference("declaration", got.Values, want.Graph.Values),
	} {
		if text != "" {
			return text
		}
	}
	return fmt.Sprintf("%d bytes, want %d: they differ in what has no meaning", len(f.data), len(f.rebuilt))
}

// partDifference says where two models differ in what they say of themselves, ""
// where they do not.
func partDifference(got, want *ir.Model) string {
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"opset", got.Opset, want.Opset}, {"ir version", got.IRVersion, want.IRVersion},
		{"producer", got.Producer + " " + got.ProducerVersion, want.Producer + " " + want.ProducerVersion},
		{"graph name", got.Graph.Name, want.Graph.Name}, {"doc string", got.Graph.Doc, want.Graph.Doc},
	} {
		if part.got != part.want {
			return fmt.Sprintf("%s is %s, want %s", part.name, brief(part.got), brief(part.want))
		}
	}
	return cmp.Or(
		listDifference("metadata", got.Metadata, want.Metadata),
		listDifference("input", got.Graph.Inputs, want.Graph.Inputs),
		listDifference("output", got.Graph.Outputs, want.Graph.Outputs))
}

// listDifference describes the first items that differ, "" when none do.
func listDifference[T any](kind string, got, want []T) string {
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("%s %d is %s, want %s", kind, i, brief(got[i]), brief(want[i]))
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d of kind %s, want %d", len(got), kind, len(want))
	}
	return ""
}

// brief formats an item of a model on one short line.
func brief(item any) string {
	text := fmt.Sprintf("%v", item)
	if init, ok := item.(ir.Initializer); ok {
		text = fmt.Sprintf("%s %v %v", init.Name, init.Tensor, init.Tensor.Floats())
	}
	text = fmt.Sprintf("%q", text)
	if len(text) > 160 {
		text = text[:160] + "..."
	}
	return text
}

// draw returns random inputs for the file.
func (f *file) draw(seed int) map[string]*tensor.Tensor {
	return Draw(f.plan, f.small(seed), seed, f.upstream())
}

// small returns small sizes for the file. Of many axes most have size 1.
func (f *file) small(seed int) Sizes {
	s, least := SmallSizes(f.plan, seed), f.plan.LeastSizes()
	for _, letter := range slices.Backward(lettersOf(f.plan)) {
		if largestInput(f.plan, s) > wholeElements {
			s[letter] = max(1, least[letter])
		}
	}
	return s
}

// upstream is the shape of the upstream gradient, where the file has one.
func (f *file) upstream() tensor.Shape {
	for _, p := range f.model.Graph.Inputs {
		if p.Name == "grad_output" {
			return p.Shape
		}
	}
	return nil
}

// compareRun runs the file and compares every output.
func (f *file) compareRun(ctx context.Context, e Engine, inputs, want map[string]*tensor.Tensor, where string, c *Check) {
	got, err := f.run(ctx, e, c.Name, where, inputs)
	if err != nil {
		c.fail("%s: %v", where, err)
		return
	}
	f.compareOutputs(e, got, want, where, c)
}

// compareOutputs compares every output of a run on an engine.
func (f *file) compareOutputs(e Engine, got, want map[string]*tensor.Tensor, where string, c *Check) {
	bad := ""
	for _, p := range f.model.Graph.Outputs {
		if want[p.Name] == nil {
			bad = fmt.Sprintf("%s: there is no output %s to compare with", where, p.Name)
			continue
		}
		if d := Compare(got[p.Name], want[p.Name], e.tolerance(p.DType).cancelling(f.plan.Spec.Cancels, p.Name, p.DType, want[p.Name])); !c.add(p.Name, where, d) && bad == "" {
			bad = fmt.Sprintf("%s: %s: %v", where, p.Name, d)
		}
	}
	if bad != "" {
		c.fail("%s", bad)
	}
}

// judges returns the engines that can run the file, the reference engine first:
// it is always asked, but has not every operator.
func (f *file) judges(engines []Engine) []Engine {
	isReference := func(e Engine) bool { return e.Backend.Name() == "reference" }
	rest := slices.DeleteFunc(slices.Clone(engines), isReference)
	if _, err := f.on(f.reference()); errors.Is(err, reference.ErrNoKernel) {
		return rest
	}
	return append([]Engine{f.reference()}, rest...)
}

// reference is the reference engine, with the bound of memory that was asked for.
func (f *file) reference() Engine {
	return Engine{Backend: reference.Backend{}, Options: runtime.Options{Memory: f.options.Memory}}
}

// engines compares each engine with the reference engine.
func (f *file) engines(ctx context.Context, engines []Engine) []Check {
	all := f.judges(engines)
	if len(all) < 2 {
		c := Check{Name: "engines"}
		c.note("there are no two engines to compare that can run the file")
		return []Check{c.done()}
	}
	checks := make([]Check, len(all)-1)
	for i, e := range all[1:] {
		checks[i] = Check{Name: "engines", Engine: e.Name(), DType: f.plan.DType.String()}
	}
	for seed := range draws {
		inputs := f.draw(seed)
		where := fmt.Sprintf("draw %d", seed)
		want, err := f.run(ctx, all[0], "engines", where, inputs)
		for i, e := range all[1:] {
			checks[i].Cases++
			if err != nil {
				checks[i].fail("%s: %s: %v", where, all[0].Name(), err)
				continue
			}
			f.compareRun(ctx, e, inputs, want, where, &checks[i])
		}
	}
	for i := range checks {
		checks[i] = checks[i].done()
	}
	return checks
}
