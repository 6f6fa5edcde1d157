package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
)

// This file judges files whose fixed sizes are too large for many runs: by a twin,
// which is the same request with smaller ones, and by one run as they are.

// wholeElements is how many elements the largest input may have, at the smallest
// sizes of the letters, for a file to be judged as it is.
const wholeElements = 1 << 14

// errNoSmaller says that a loss needs large sizes.
var errNoSmaller = errors.New("the loss needs large sizes")

// ones gives every letter of a plan the size 1.
func ones(p *losses.Plan) Sizes {
	s := Sizes{}
	for _, letter := range lettersOf(p) {
		s[letter] = 1
	}
	return s
}

// smaller returns the file to judge in the place of f, f itself where it is not
// large, and else the check of f as it is. Without a twin there is no file.
func (f *file) smaller(ctx context.Context, engines []Engine) (*file, Check) {
	if largestInput(f.plan, ones(f.plan)) <= wholeElements {
		return f, Check{}
	}
	c := f.real(ctx, engines)
	twin, words, err := f.twin()
	switch {
	case errors.Is(err, errNoSmaller):
		c.note("the sizes are too large for many runs, and the loss takes none that are much smaller: this was one run")
		return nil, c.done()
	case err != nil:
		c.fail("its request has no twin of smaller sizes: %v", err)
		return nil, c.done()
	}
	c.note("the sizes are too large for many runs: the further checks are of the same request with %s", words)
	return twin, c.done()
}

// twin builds the request with every large size replaced by a small one: equal ones
// by equal ones, larger ones by larger ones. A size that options dictate stays.
func (f *file) twin() (*file, string, error) {
	var last error
	for _, most := range []int64{32, 16, 8, 4, 3} {
		replaced := f.replacements(most)
		request := f.plan.Request
		request.Shapes = map[string]string{}
		for _, port := range f.plan.Ports {
			request.Shapes[port.Name] = replace(port.Shape, replaced).List()
		}
		twin := &file{options: f.options}
		if twin.plan, last = request.Resolve(); last != nil {
			continue
		}
		if n := largestInput(twin.plan, ones(twin.plan)); n > wholeElements {
			last = fmt.Errorf("%d elements are left", n)
			if len(twin.plan.LeastSizes()) > 0 {
				last = errNoSmaller
			}
			continue
		}
		if twin.data, last = export.Encode(request.Model()); last != nil {
			continue
		}
		twin.rebuilt = twin.data
		twin.model, last = export.Unmarshal(twin.data)
		return twin, words(replaced), last
	}
	return nil, "", last
}

// replacements maps each size beyond most to one next to it, in their order, as far
// as the request allows.
func (f *file) replacements(most int64) map[int64]int64 {
	var large []int64
	for _, port := range f.plan.Ports {
		for _, d := range port.Shape {
			if d.Known() && d.Size > most && !slices.Contains(large, d.Size) {
				large = append(large, d.Size)
			}
		}
	}
	slices.Sort(large)
	out := map[int64]int64{}
	for i, size := range large {
		out[size] = most + 1 + int64(i)
		request := f.plan.Request
		request.Shapes = map[string]string{}
		for _, port := range f.plan.Ports {
			request.Shapes[port.Name] = replace(port.Shape, out).List()
		}
		if _, err := request.Resolve(); err != nil {
			delete(out, size)
		}
	}
	return out
}

func replace(shape tensor.Shape, by map[int64]int64) tensor.Shape {
	out := slices.Clone(shape)
	for i, d := range shape {
		if n, ok := by[d.Size]; ok && d.Known() {
			out[i] = tensor.D(n)
		}
	}
	return out
}

func words(replaced map[int64]int64) string {
	text := ""
	for _, size := range slices.Sorted(maps.Keys(replaced)) {
		text += fmt.Sprintf(", %d for %d", replaced[size], size)
	}
	return text[min(2, len(text)):]
}

// real runs the file once as it is, where its inputs and outputs are within the
// bound of memory, and compares the loss and gradients with those of its request
// in float64.
func (f *file) real(ctx context.Context, engines []Engine) Check {
	c := Check{Name: "as it is", DType: f.plan.DType.String()}
	judges := f.judges(engines)
	switch err := f.within(); {
	case err != nil:
		c.Skipped = 1
		c.note("it is not run at its own sizes: %v", err)
		return c
	case len(judges) == 0:
		c.note("no engine can run the file")
		return c
	}
	e := judges[len(judges)-1]
	c.Engine, c.Cases = e.Name(), 1
	inputs := Draw(f.plan, ones(f.plan), 0, f.upstream())
	got, err := f.run(ctx, e, c.Name, "draw 0", inputs)
	if err != nil {
		c.fail("%v", err)
		return c
	}
	want, err := f.wideOutputs(ctx, e, inputs)
	if err != nil {
		c.fail("its request in float64: %v", err)
		return c
	}
	f.compareOutputs(e, got, want, "draw 0", &c)
	return c
}

// wideOutputs runs the file's request in float64 once.
func (f *file) wideOutputs(ctx context.Context, e Engine, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	w, err := f.wide(e)
	if err != nil {
		return nil, err
	}
	defer w.close()
	return w.outputs(ctx, inputs)
}

// realFactor is how many times its inputs and outputs a run holds, with the run in
// float64 that it is compared with.
const realFactor = 8

// within reports that the file cannot run once in the bound of memory, the letters
// being 1.
func (f *file) within() error {
	need := int64(0)
	for _, port := range f.plan.Ports { // an input and its gradient
		need = min(need+2*elements(ones(f.plan).Of(port.Shape))*int64(port.DType.Size()), math.MaxInt64/2)
	}
	if bound := (runtime.Options{Memory: f.options.Memory}).MemoryLimit(); need > bound/realFactor {
		return fmt.Errorf("inputs and outputs take about %.3g GiB, and what a run holds beside them would be beyond the bound of %.3g GiB", float64(need)/(1<<30), float64(bound)/(1<<30))
	}
	return nil
}
