package builder

import (
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines where values come from: inputs, constants, sizes.

func inputOps() map[string]*op {
	return map[string]*op{
		"Input": {doc: "a named input of the graph",
			lower: func(_ *emitter, v Value, _ []string) string { return v.attr.name }},
		"Const": {doc: "a constant",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.attr.value.DType, c.attr.value.Shape() },
			lower: func(e *emitter, v Value, _ []string) string { return e.constant(v.attr.value) }},
		"Guard": {doc: "the first operand, checked at run time to have the sizes its letters promise",
			infer: sameType, flow: 1,
			vjp:   func(y, dy Value) []Value { return vs(dy) },
			lower: lowerGuard, resizes: true},
		"Count": {doc: "the number of elements of a shape, as a rank-0 number",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.attr.dtype, tensor.Shape{} },
			flow:  noFlow,
			lower: lowerCount},
		"StopGradient": {doc: "the operand, treated as a constant by Grad",
			infer: sameType, flow: noFlow, lower: alias},
		"Composite": {doc: "a group of nodes with a gradient of its own; the first operand is its value",
			infer: sameType,
			lower: alias},
	}
}

// Const returns a rank-0 constant.
func (b *B) Const(dtype tensor.DType, v float64) Value {
	return b.emit("Const", attr{value: tensor.FromFloats(dtype, nil, []float64{v})})
}

// Constant returns t as a constant of the graph.
func (b *B) Constant(t *tensor.Tensor) Value { return b.emit("Const", attr{value: t}) }

// Like returns the rank-0 constant c with v's dtype.
func (v Value) Like(c float64) Value { return v.b.Const(v.dtype, c) }

// StopGradient returns v, which Grad then treats as a constant.
func (v Value) StopGradient() Value { return emit("StopGradient", attr{}, v) }

// guard makes a run fail when an input's sizes contradict letters that were
// declared before, or its forms their letters. ONNX Runtime itself does not look at
// them, and would broadcast a size of 1 silently.
func (b *B) guard(raw Value) Value {
	var binds []bind
	for axis, d := range raw.shape {
		first, list := b.symbols[d], []bind(nil)
		switch {
		case d.Known():
		case first.from != raw || first.axis != axis:
			list = []bind{first}
		case !d.IsLetter():
			var ok bool
			if list, ok = b.parts(d); !ok {
				fail("Input", nil, "input %q has the size %v, but no input has its letters", raw.attr.name, d)
			}
		}
		for _, s := range list {
			s.own = axis
			binds = append(binds, s)
		}
	}
	if len(binds) == 0 {
		return raw
	}
	return b.emit("Guard", attr{binds: binds}, append(vs(raw), values(binds)...)...)
}

// ownSize returns the sizer of an axis that a guard checks.
func (e *emitter) ownSize(v Value, axis int, in []string) sizer {
	s := sizer{emitter: e}
	for i, b := range v.attr.binds {
		if b.own == axis {
			s.binds, s.in = append(s.binds, b), append(s.in, in[1+i])
		}
	}
	return s
}

// lowerGuard writes Reshape(x, Where(Equal(want, Shape(x)), want, -2)): Reshape
// refuses -2, so every contradiction ends the run, and no data is copied. At rank
// 1 a Reshape to the wanted size refuses every other by itself.
func lowerGuard(e *emitter, v Value, in []string) string {
	if v.Rank() == 1 {
		return e.node("Reshape", []string{in[0], e.ownSize(v, 0, in).size(v.shape[0])}, e.allowZero()...)
	}
	got := e.node("Shape", in[:1])
	var parts []string
	var pending []int64 // axes gathered from one shape vector
	var source string
	flush := func(whole bool) {
		switch {
		case len(pending) == 0:
		case whole:
			parts = append(parts, source)
		default:
			parts = append(parts, e.node("Gather", []string{source, e.ints(pending...)}, ir.Attribute{Name: "axis", Value: int64(0)}))
		}
		pending = nil
	}
	for axis, d := range v.shape {
		from, index, s := got, int64(axis), e.ownSize(v, axis, in)
		if i, ok := s.bind(d); ok {
			from, index = e.node("Shape", s.in[i:i+1]), int64(s.binds[i].axis)
		} else if len(s.binds) > 0 {
			flush(false)
			parts = append(parts, s.size(d))
			continue
		}
		if from != source {
			flush(false)
		}
		source, pending = from, append(pending, index)
	}
	ref := v.attr.binds[0].from
	flush(len(parts) == 0 && len(pending) == ref.Rank() && inOrder(pending))
	want := parts[0]
	if len(parts) > 1 {
		want = e.node("Concat", parts, ir.Attribute{Name: "axis", Value: int64(0)})
	}
	same := e.node("Equal", []string{want, got})
	return e.node("Reshape", []string{in[0], e.node("Where", []string{same, want, e.intScalar(-2)})}, e.allowZero()...)
}

func inOrder(axes []int64) bool {
	for i, a := range axes {
		if a != int64(i) {
			return false
		}
	}
	return true
}

// Count returns the number of elements of a shape as a rank-0 number of a
// dtype. Its letters must occur in the graph already.
func (b *B) Count(dtype tensor.DType, shape tensor.Shape) Value {
	if sizes, ok := shape.Known(); ok {
		n, err := tensor.Count(sizes)
		if err != nil {
			fail("Count", nil, "%v", err)
		}
		if n > 0 {
			return b.Const(dtype, float64(n))
		}
		// As a constant, 1/0 would be folded into the attributes of matrix products,
		// where ONNX Runtime refuses an infinity.
	}
	for _, in := range b.inputs {
		if in.shape.Equal(shape) && in.dtype != tensor.BFloat16 && b.options.target == "" { // ONNX Runtime has no Size of it, targets none of anything
			return b.emit("Count", attr{dtype: dtype}, in)
		}
	}
	if _, ok := shape.Known(); ok {
		return b.Const(dtype, 0)
	}
	reads := b.sources(shape...)
	return b.emit("Count", attr{dtype: dtype, shape: shape, reads: reads}, values(reads)...)
}

// Numel returns the number of v's elements as a rank-0 number of v's dtype.
func (v Value) Numel() Value { return v.b.Count(v.dtype, v.shape) }

func lowerCount(e *emitter, v Value, in []string) string {
	var n string
	if v.attr.shape == nil {
		n = e.node("Size", in)
	} else {
		known, sizes := int64(1), sizer{e, v.attr.reads, in, true}
		for _, d := range v.attr.shape {
			if d.Known() {
				known *= d.Size
				continue
			}
			size := sizes.size(d)
			if n == "" {
				n = size
			} else {
				n = e.node("Mul", []string{n, size})
			}
		}
		if known != 1 {
			n = e.node("Mul", []string{n, e.intScalar(known)})
		}
	}
	return e.cast(n, tensor.Int64, v.dtype)
}
