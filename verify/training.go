package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/train"
)

// This file judges files of models that lossgen has put gradients or a training step into:
// their gradients are those of the loss by differences in float64, and engines agree.

// gradients is such a file under judgment.
type gradients struct {
	model     *ir.Model
	of        string // the output that is differentiated
	optimizer train.Optimizer
	clips     bool
	given     map[string]*tensor.Tensor // values of inputs
	options   Options
}

// isTraining reports whether a model says to be of grad or attach.
func isTraining(m *ir.Model) bool {
	_, grad := m.Meta(graft.OfKey)
	_, step := m.Meta(train.StepKey)
	return grad || step
}

// training judges the bytes of a file of `lossgen grad` or `lossgen attach`.
func training(ctx context.Context, data []byte, engines []Engine, o Options) *Report {
	r := &Report{Subject: "file"}
	f, c := readTraining(data, o)
	r.Checks = append(r.Checks, c)
	if f == nil {
		return r
	}
	o.progress(1, 3)
	var zero, start map[string]*tensor.Tensor
	wide, err := f.open(exact(f.model))
	if err == nil {
		defer wide.Close()
		zero, start, err = f.point(ctx, wide)
	}
	if err != nil {
		r.Checks = append(r.Checks, unchecked(err))
		return r
	}
	r.Checks = append(r.Checks, f.slopes(ctx, wide, zero))
	o.progress(2, 3)
	if slices.ContainsFunc(f.model.Graph.Nodes, dropsAtRandom) {
		c := Check{Name: "engines"}
		c.note("Dropout draws another mask in each run: no engines are compared, and slopes are of one that keeps what is above 0")
		r.Checks = append(r.Checks, c.done())
		return r
	}
	for _, e := range engines {
		r.Checks = append(r.Checks, f.agrees(ctx, e, data, wide, start))
	}
	o.progress(3, 3)
	return r
}

// unchecked says why no gradient is looked at. What the reference engine cannot run is no
// fault of the file.
func unchecked(err error) Check {
	c := Check{Name: "differences"}
	if errors.Is(err, reference.ErrNoKernel) {
		c.Skipped = 1
		c.note("no gradient is checked, and no engines are compared: %v", err)
	} else {
		c.fail("it runs at none of the sizes that were tried: %v", err)
	}
	return c.done()
}

func readTraining(data []byte, o Options) (*gradients, Check) {
	c := Check{Name: "metadata", Cases: 1}
	f := &gradients{options: o, given: map[string]*tensor.Tensor{}}
	err := func() (err error) {
		if f.model, err = export.Unmarshal(data); err != nil {
			return err
		}
		if err := export.CheckForeign(f.model); err != nil {
			return fmt.Errorf("the model is not valid: %w", err)
		}
		if of, ok := f.model.Meta(graft.OfKey); ok {
			f.of = of
		} else {
			f.of = "loss"
			text, _ := f.model.Meta(train.StepKey)
			if f.optimizer, err = train.ParseOptimizer(text); err != nil {
				return fmt.Errorf("its optimizer: %w", err)
			}
		}
		clip, _ := f.model.Meta(train.ClipKey)
		f.clips = clip != "" && clip != "0"
		if !slices.ContainsFunc(f.model.Graph.Outputs, func(p ir.Port) bool { return p.Name == f.of && p.DType.IsFloat() }) {
			return fmt.Errorf("it has no output %s to differentiate", strconv.Quote(f.of))
		}
		if len(f.pairs()) == 0 {
			return errors.New("it has no gradient of an input")
		}
		return nil
	}()
	if err != nil {
		c.fail("%v", err)
		return nil, c.done()
	}
	for _, v := range slices.Concat(f.model.Graph.Initializers, o.Values) {
		f.given[v.Name] = v.Tensor
	}
	return f, c.done()
}

// pairs are the inputs that the file has gradients of, or steps.
func (f *gradients) pairs() (names []string) {
	for _, p := range f.model.Graph.Inputs {
		if p.DType.IsFloat() && f.outputOf(p.Name) != "" {
			names = append(names, p.Name)
		}
	}
	return names
}

// outputOf is the output that an input's gradient is found in, "" where there is none. A
// statistic has a new value, and none of what steps keep.
func (f *gradients) outputOf(input string) string {
	prefixes := []string{"grad_", "new_acc_"}
	switch states := f.optimizer.States(); {
	case len(states) > 0:
		prefixes = append(prefixes, "new_"+states[0])
	case f.optimizer.String() != "none" && !strings.Contains(input, "running_"):
		prefixes = append(prefixes, "new_")
	}
	for _, prefix := range prefixes {
		if f.has(prefix + input) {
			return prefix + input
		}
	}
	return ""
}

func (f *gradients) has(output string) bool {
	return slices.ContainsFunc(f.model.Graph.Outputs, func(p ir.Port) bool { return p.Name == output })
}

func (f *gradients) open(m *ir.Model) (runtime.Session, error) {
	data, err := export.Marshal(m)
	if err != nil {
		return nil, err
	}
	return reference.Backend{}.Open(data, runtime.Options{Memory: f.options.Memory})
}

// The sizes of open axes that are tried in turn: the first ones of inputs, and others.
var trainingSizes = [][2]int64{{3, 5}, {3, 16}, {2, 32}, {2, 64}, {2, 8}, {1, 1}}

// point finds inputs at which the file runs: with states of the optimizer that are 0, from
// which a step tells its gradient, and with others.
func (f *gradients) point(ctx context.Context, wide runtime.Session) (zero, start map[string]*tensor.Tensor, err error) {
	for _, sizes := range trainingSizes {
		random := rand.New(rand.NewPCG(1, f.options.Seed))
		start = map[string]*tensor.Tensor{}
		letters := map[string]int64{}
		for _, p := range f.model.Graph.Inputs {
			start[p.Name] = f.draw(p, sizes, letters, random)
		}
		zero = maps.Clone(start)
		for name, t := range start {
			if state, _ := f.isState(name); state {
				zero[name] = tensor.New(t.DType, t.Dims...)
			}
		}
		if t := start["lr"]; t != nil && f.optimizer.String() != "none" {
			zero["lr"] = tensor.FromFloats(t.DType, nil, []float64{1})
		}
		if _, err = wide.Run(ctx, widened(zero)); err == nil || errors.Is(err, reference.ErrNoKernel) || ctx.Err() != nil {
			return zero, start, err
		}
	}
	return nil, nil, err
}

// isState reports whether an input is what an optimizer keeps, and whether it is one of
// squares, which are above 0.
func (f *gradients) isState(name string) (state, square bool) {
	for _, prefix := range []string{"m_", "v_", "acc_"} {
		of, ok := strings.CutPrefix(name, prefix)
		known := slices.ContainsFunc(f.model.Graph.Inputs, func(p ir.Port) bool { return p.Name == of })
		if ok && known && f.has("new_"+name) || ok && known && prefix == "acc_" {
			return true, prefix == "v_"
		}
	}
	return false, false
}

// draw returns a value for an input: the one that it starts with, or numbers that most
// models and losses take. States are drawn, so that a step is smooth in its gradient.
func (f *gradients) draw(p ir.Port, sizes [2]int64, letters map[string]int64, random *rand.Rand) *tensor.Tensor {
	state, square := f.isState(p.Name)
	if t := f.given[p.Name]; t != nil && t.DType == p.DType && !state {
		return t
	}
	dims := make([]int64, len(p.Shape))
	for i, d := range p.Shape {
		switch {
		case d.Known():
			dims[i] = d.Size
		case !d.IsLetter():
			dims[i], _ = d.Eval(letters)
		case letters[d.Sym] == 0:
			letters[d.Sym] = sizes[min(i, 1)]
			fallthrough
		default:
			dims[i] = letters[d.Sym]
		}
	}
	if n, err := tensor.Count(dims); err != nil || n > maxDrawn {
		return tensor.New(p.DType, 0) // which no run takes
	}
	t := tensor.New(p.DType, dims...)
	for i := range t.Len() {
		switch {
		case !p.DType.IsFloat():
			t.SetInt(i, random.Int64N(2))
		case square:
			t.SetFloat(i, 0.5+random.Float64())
		case p.Name == "parts":
			t.SetFloat(i, 1)
		case state || f.outputOf(p.Name) != "" && len(dims) > 1:
			t.SetFloat(i, 0.3*random.NormFloat64())
		default:
			t.SetFloat(i, 0.1+0.8*random.Float64())
		}
	}
	return t
}

// maxDrawn bounds the elements of an input.
const maxDrawn = 1 << 26

// agrees compares an engine with the file in float64.
func (f *gradients) agrees(ctx context.Context, e Engine, data []byte, wide runtime.Session, inputs map[string]*tensor.Tensor) Check {
	c := Check{Name: "engines", Engine: e.Name(), Cases: 1}
	want, err := wide.Run(ctx, widened(inputs))
	var got map[string]*tensor.Tensor
	if err == nil {
		got, err = e.run(ctx, data, inputs)
	}
	if err != nil {
		c.fail("%v", err)
		return c.done()
	}
	for _, p := range f.model.Graph.Outputs {
		c.DType = p.DType.String()
		largest := 0.0
		for _, v := range want[p.Name].Floats() {
			largest = max(largest, abs(v))
		}
		// Sums of many products: errors are to be seen beside the largest element.
		t := Tolerance{Rel: 100 * e.tolerance(p.DType).Rel, Abs: 100*e.tolerance(p.DType).Rel*largest + 1e-6}
		if d := Compare(got[p.Name], want[p.Name], t); !c.add(p.Name, "", d) {
			c.fail("%s: %v", p.Name, d)
		}
	}
	return c.done()
}

func abs(v float64) float64 { return max(v, -v) }
