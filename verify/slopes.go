package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// This file compares gradients with slopes of the loss: differences along one direction
// for each input, which takes few runs however many elements there are.

const (
	slopeTolerance = 1e-5 // of the gradient's norm
	slopeTries     = 4    // directions, until one has no kink within its step
)

// errKink says that a loss is not smooth where it was looked at.
var errKink = errors.New("next to a kink")

// slope is a gradient along a direction: by differences, and as the file has it.
type slope struct {
	name           string
	want, got, all float64 // all is the norm of the gradient
	rounding       float64 // of constants of an optimizer, such as its decay
}

// slopes compares the gradient of each input with differences.
func (f *gradients) slopes(ctx context.Context, wide runtime.Session, inputs map[string]*tensor.Tensor) Check {
	c := Check{Name: "differences", Engine: "reference", DType: "float64"}
	inputs = widened(inputs)
	outputs, err := wide.Run(ctx, inputs)
	if err != nil {
		c.fail("%v", err)
		return c.done()
	}
	if v := f.objective(outputs, inputs); v-v != 0 {
		c.fail("%s is %v at the inputs that were drawn: no gradient can be compared", f.of, v)
		return c.done()
	}
	forward, err := f.open(only(exact(f.model), f.of))
	if err != nil {
		c.fail("%v", err)
		return c.done()
	}
	defer forward.Close()
	var list []slope
	for _, name := range f.pairs() {
		s, err := f.slope(ctx, forward, inputs, outputs, name)
		switch {
		case errors.Is(err, errKink):
			c.Skipped++
			c.note("%s lies next to a kink", name)
		case err != nil:
			c.fail("%s: %v", name, err)
			return c.done()
		default:
			list = append(list, s)
			c.Cases++
		}
	}
	factor := 1.0
	if f.clips {
		factor = commonFactor(list)
		c.note("the gradients are %.4g of the loss's: their norm is limited", factor)
	}
	for _, s := range list {
		off := math.Abs(s.got - factor*s.want)
		c.add(f.outputOf(s.name), "", Diff{Elements: 1, MaxAbs: off, MaxRel: off / max(s.all, math.SmallestNonzeroFloat64)})
		if !(off <= slopeTolerance*s.all+s.rounding+1e-9) || factor > 1+slopeTolerance {
			c.fail("%s: its slope is %.9g, and the loss has %.9g", f.outputOf(s.name), s.got, factor*s.want)
		}
	}
	return c.done()
}

// commonFactor is what gradients are multiplied by where their norm is limited.
func commonFactor(list []slope) float64 {
	both, wanted := 0.0, 0.0
	for _, s := range list {
		both += s.got * s.want
		wanted += s.want * s.want
	}
	if wanted == 0 {
		return 1
	}
	return both / wanted
}

// slope looks along directions until there is no kink.
func (f *gradients) slope(ctx context.Context, forward runtime.Session, inputs, outputs map[string]*tensor.Tensor, name string) (s slope, err error) {
	g := f.gradient(name, inputs, outputs)
	for try := range slopeTries {
		random := rand.New(rand.NewPCG(uint64(try), 2))
		direction := make([]float64, len(g))
		s = slope{name: name}
		for i := range direction {
			direction[i] = float64(1 - 2*random.IntN(2))
			s.got += g[i] * direction[i]
			s.all += g[i] * g[i]
		}
		s.all = math.Sqrt(s.all)
		if f.optimizer.String() != "none" {
			s.rounding = 1e-7 * norm(inputs[name])
		}
		s.want, err = f.difference(ctx, forward, inputs, name, direction)
		if !errors.Is(err, errKink) {
			return s, err
		}
	}
	return s, err
}

func norm(t *tensor.Tensor) float64 {
	sum := 0.0
	for _, v := range t.Floats() {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// gradient is that of an input, from the file's outputs.
func (f *gradients) gradient(name string, inputs, outputs map[string]*tensor.Tensor) []float64 {
	out := outputs[f.outputOf(name)].Floats()
	if f.outputOf(name) == "grad_"+name || f.outputOf(name) == "new_acc_"+name {
		return out
	}
	x, next := inputs[name].Floats(), outputs["new_"+name].Floats()
	for i := range out {
		out[i] = f.optimizer.Gradient(x[i], next[i], []float64{out[i]})
	}
	return out
}

// difference is the central difference along a direction, of two steps.
func (f *gradients) difference(ctx context.Context, forward runtime.Session, inputs map[string]*tensor.Tensor, name string, direction []float64) (float64, error) {
	x := inputs[name]
	at := func(h float64) (float64, error) {
		moved := tensor.New(x.DType, x.Dims...)
		for i := range direction {
			moved.SetFloat(i, x.Float(i)+h*direction[i])
		}
		there := maps.Clone(inputs)
		there[name] = moved
		out, err := forward.Run(ctx, there)
		if err != nil {
			return 0, fmt.Errorf("differences: %w", err)
		}
		return f.objective(out, there), nil
	}
	var slopes [2]float64
	for i, h := range []float64{2e-5, 1e-5} {
		up, err := at(h)
		if err != nil {
			return 0, err
		}
		down, err := at(-h)
		if err != nil {
			return 0, err
		}
		slopes[i] = (up - down) / (2 * h)
	}
	if d := math.Abs(slopes[0] - slopes[1]); d > 1e-6*max(math.Abs(slopes[1]), 1e-2) {
		return 0, errKink
	}
	return slopes[1] + (slopes[1]-slopes[0])/3, nil
}

// objective is what the gradients are of: the output, times what is upstream of it.
func (f *gradients) objective(outputs, inputs map[string]*tensor.Tensor) float64 {
	sum, up := 0.0, inputs["grad_output"]
	for i, v := range outputs[f.of].Floats() {
		if up != nil {
			v *= up.Float(min(i, up.Len()-1))
		}
		sum += v
	}
	return sum
}
