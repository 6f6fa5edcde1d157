package reference

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// row describes one operator. attrs lists the attributes that the kernel knows
// as "name=kind", where kind is i (int), I (ints), f (float), F (floats),
// s (string) or t (tensor), and a trailing "!" marks a required one. A model
// with any other attribute is refused, so that none is silently ignored.
type row struct {
	op       string
	min, max int // number of inputs; the first min are required
	attrs    string
	run      func(c *call) (*array, error)
	runMany  func(c *call) ([]*array, error) // instead of run, for several outputs
	results  int                             // outputs at most of runMany, 2 where it is 0
}

// many is the max of a row without an upper bound.
const many = 1 << 30

// call is one application of an operator.
type call struct {
	in    []*array // nil for an absent optional input
	attrs map[string]any
	limit int64 // bytes that results may take
	ctx   context.Context
}

var kernels = index(unaryKernels, binaryKernels, reduceKernels, axisKernels, shapeKernels, indexKernels, linearKernels, loopKernels, windowKernels, layerKernels, resizeKernels)

func index(families ...[]row) map[string]row {
	table := map[string]row{}
	for _, family := range families {
		for _, r := range family {
			table[r.op] = r
		}
	}
	return table
}

// check refuses a node that the row's kernel does not cover.
func (r row) check(inputs []string, outputs int, attrs map[string]any) error {
	if len(inputs) < r.min || len(inputs) > r.max {
		return fmt.Errorf("%d inputs", len(inputs))
	}
	for k, name := range inputs[:r.min] {
		if name == "" {
			return fmt.Errorf("required input %d is absent", k)
		}
	}
	if want := r.outputs(); outputs > want || outputs == 0 {
		return fmt.Errorf("%d outputs, want %d", outputs, want)
	}
	known := map[string]bool{}
	for _, field := range strings.Fields(r.attrs) {
		name, kind, _ := strings.Cut(field, "=")
		known[name] = true
		v, ok := attrs[name]
		if !ok && strings.HasSuffix(kind, "!") {
			return fmt.Errorf("attribute %q is missing", name)
		}
		if ok && kindOf(v) != kind[:1] {
			return fmt.Errorf("attribute %q is a %T", name, v)
		}
	}
	for name := range attrs {
		if !known[name] {
			return fmt.Errorf("attribute %q is not supported: %w", name, ErrNoKernel)
		}
	}
	return nil
}

func (r row) outputs() int {
	switch {
	case r.results > 0:
		return r.results
	case r.runMany != nil:
		return 2
	}
	return 1
}

// apply runs the kernel.
func (r row) apply(c *call) ([]*array, error) {
	if r.runMany != nil {
		return r.runMany(c)
	}
	out, err := r.run(c)
	return []*array{out}, err
}

func kindOf(v any) string {
	switch v.(type) {
	case int64:
		return "i"
	case []int64:
		return "I"
	case float32:
		return "f"
	case []float32:
		return "F"
	case string:
		return "s"
	case *array:
		return "t"
	}
	return "?"
}

// arg returns input k, nil when it is absent.
func (c *call) arg(k int) *array {
	if k < len(c.in) {
		return c.in[k]
	}
	return nil
}

func (c *call) intAttr(name string, def int64) int64 {
	if v, ok := c.attrs[name].(int64); ok {
		return v
	}
	return def
}

// floatAttr returns an attribute's value; def is the schema's default, which is
// a float32 as well.
func (c *call) floatAttr(name string, def float32) float64 {
	if v, ok := c.attrs[name].(float32); ok {
		return float64(v)
	}
	return float64(def)
}

// axis returns the attribute as an axis of an array of the given rank.
func (c *call) axis(name string, def int64, rank int) (int, error) {
	return normalAxis(c.intAttr(name, def), rank)
}

func normalAxis(axis int64, rank int) (int, error) {
	if axis < int64(-rank) || axis >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a value of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), nil
}

// ints returns the elements of an integer input of rank at most 1, which tells
// an operator axes, sizes or bounds.
func (c *call) ints(k int) ([]int64, error) {
	a := c.arg(k)
	if a == nil {
		return nil, nil
	}
	if !a.dtype.IsInt() || a.rank() > 1 {
		return nil, fmt.Errorf("input %d is %v, want a list of integers", k, a)
	}
	return a.i, nil
}

// axesArg returns distinct axes of a value of the given rank, from the
// attribute "axes" or from input k, wherever the opset has them; ok is false
// when there are none.
func (c *call) axesArg(k, rank int) (axes []int, ok bool, err error) {
	given, ok := c.attrs["axes"].([]int64)
	if c.arg(k) != nil {
		if given, err = c.ints(k); err != nil {
			return nil, false, err
		}
		ok = true
	}
	for _, v := range given {
		axis, err := normalAxis(v, rank)
		if err != nil {
			return nil, false, err
		}
		if slices.Contains(axes, axis) {
			return nil, false, fmt.Errorf("axis %d is given twice", v)
		}
		axes = append(axes, axis)
	}
	return axes, ok, nil
}

// floats refuses the call unless every input is a floating-point value.
func (c *call) floats() error {
	for k, a := range c.in {
		if a != nil && !a.dtype.IsFloat() {
			return fmt.Errorf("input %d is %v, want floats", k, a)
		}
	}
	return nil
}

// sameType refuses the call unless inputs from k on have one dtype, and a
// numeric one unless anyType.
func (c *call) sameType(k int, anyType bool) error {
	first := c.in[k]
	for j, a := range c.in[k:] {
		if a == nil {
			continue
		}
		if a.dtype != first.dtype {
			return fmt.Errorf("inputs are %v and %v", first, a)
		}
		if a.dtype == tensor.Bool && !anyType {
			return fmt.Errorf("input %d is %v, want numbers", k+j, a)
		}
	}
	return nil
}
