package builder

import (
	"cmp"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines operations that move elements without computing.

func shapeOps() map[string]*op {
	return map[string]*op{
		"Unsqueeze": {doc: "new axes of size 1", infer: inferUnsqueeze,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Unsqueeze", []string{in[0], e.axes(v.attr.axes)})
			},
			vjp: func(y, dy Value) []Value { return vs(dy.squeezeFull(y.attr.axes)) }},
		"Squeeze": {doc: "axes of size 1 removed", infer: inferSqueeze,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Squeeze", []string{in[0], e.axes(v.attr.axes)})
			},
			vjp: func(y, dy Value) []Value {
				if dy.Rank() == 0 {
					return vs(dy)
				}
				return vs(dy.Unsqueeze(y.attr.axes...))
			}},
		"Transpose": {doc: "axes in another order", infer: inferTranspose,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Transpose", in, ir.Attribute{Name: "perm", Value: ints(v.attr.axes)})
			},
			vjp: func(y, dy Value) []Value {
				if dy.Rank() == 0 {
					return vs(dy)
				}
				inverse := make([]int, len(y.attr.axes))
				for i, a := range y.attr.axes {
					inverse[a] = i
				}
				return vs(dy.Transpose(inverse...))
			}},
		"Expand": {doc: "the operand, broadcast to a shape", infer: inferExpand, elementwise: true, flow: 1, resizes: true,
			lower: func(e *emitter, v Value, in []string) string {
				shape := e.shapeVector(v, in[1:])
				if x := v.arg(0); x.op.code == "Const" && x.Rank() == 0 {
					fill := &tensor.Tensor{DType: x.dtype, Dims: []int64{1}, Data: x.attr.value.Data}
					return e.node("ConstantOfShape", []string{shape}, ir.Attribute{Name: "value", Value: fill})
				}
				return e.node("Expand", []string{in[0], shape})
			},
			vjp: func(y, dy Value) []Value { return vs(dy) }},
		"Reshape": {doc: "the elements in row-major order under another shape", flow: 1, resizes: true,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.attr.shape },
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Reshape", []string{in[0], e.shapeVector(v, in[1:])}, e.allowZero()...)
			},
			vjp: func(y, dy Value) []Value {
				if dy.Rank() == 0 {
					return vs(dy)
				}
				return vs(dy.BroadcastTo(y.shape).Reshape(y.arg(0).shape))
			}},
		"Flatten": {doc: "the elements as a matrix: the axes before one, and those from it on",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.attr.shape },
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Flatten", in, ir.Attribute{Name: "axis", Value: int64(v.attr.axes[0])})
			},
			vjp: func(y, dy Value) []Value {
				if dy.Rank() == 0 {
					return vs(dy)
				}
				return vs(dy.BroadcastTo(y.shape).Reshape(y.arg(0).shape))
			}},
		"Concat": {doc: "operands joined along an axis", infer: inferConcat,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Concat", in, ir.Attribute{Name: "axis", Value: int64(v.attr.axes[0])})
			},
			vjp: concatGrad},
		"Slice": {doc: "a range of one axis", infer: inferSlice, lower: lowerSlice, vjp: sliceGrad},
	}
}

func inferUnsqueeze(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	shape := x.shape
	for _, a := range c.attr.axes {
		shape = shape.Insert(a, tensor.D(1))
	}
	return x.dtype, shape
}

func inferSqueeze(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	shape := x.shape
	for _, a := range slices.Backward(c.attr.axes) {
		if !x.shape[a].Is(1) {
			c.failf("axis %d of %v is not 1", a, x)
		}
		shape = shape.Without(a)
	}
	return x.dtype, shape
}

func inferTranspose(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	order := slices.Sorted(slices.Values(c.attr.axes))
	shape := make(tensor.Shape, len(c.attr.axes))
	for i, a := range c.attr.axes {
		if len(order) != x.Rank() || order[i] != i {
			c.failf("%v is no order of the axes of %v", c.attr.axes, x)
		}
		shape[i] = x.shape[a]
	}
	return x.dtype, shape
}

func inferExpand(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	if s, err := tensor.Broadcast(x.shape, c.attr.shape); err != nil || !s.Equal(c.attr.shape) {
		c.failf("%v does not broadcast to %v", x, c.attr.shape)
	}
	return x.dtype, c.attr.shape
}

func inferConcat(c *call) (tensor.DType, tensor.Shape) {
	x, axis := c.args[0], c.attr.axes[0]
	known, total := true, int64(0)
	for _, v := range c.args {
		if v.dtype != x.dtype || v.Rank() != x.Rank() || !v.shape.Without(axis).Equal(x.shape.Without(axis)) {
			c.failf("%v and %v do not join along axis %d", x, v, axis)
		}
		known = known && v.shape[axis].Known()
		total += v.shape[axis].Size
	}
	shape := slices.Clone(x.shape)
	switch {
	case len(c.args) == 1:
	case known:
		shape[axis] = tensor.D(total)
	default:
		shape[axis] = c.b.FreshSymbol("joined")
	}
	return x.dtype, shape
}

func inferSlice(c *call) (tensor.DType, tensor.Shape) {
	x, axis := c.args[0], c.attr.axes[0]
	start, end := c.attr.ints[0], c.attr.ints[1]
	shape := slices.Clone(x.shape)
	d := x.shape[axis]
	switch {
	case start >= 0 && end >= start && d.Known() && end <= d.Size, start < 0 && end < 0 && end >= start:
		shape[axis] = tensor.D(end - start)
	case d.Known():
		c.failf("axis %d of %v has no range %d to %d", axis, x, start, end)
	case start >= 0 && end >= start: // trusted: the run clips it, and symbols guard the rest
		shape[axis] = tensor.D(end - start)
	default:
		shape[axis] = c.b.FreshSymbol("sliced")
	}
	return x.dtype, shape
}

func lowerSlice(e *emitter, v Value, in []string) string {
	axis := int64(v.attr.axes[0])
	return e.node("Slice", []string{in[0], e.ints(v.attr.ints[0]), e.ints(v.attr.ints[1]), e.ints(axis), e.ints(1)})
}

// concatGrad cuts the gradient into the operands' parts.
func concatGrad(y, dy Value) []Value {
	axis := y.attr.axes[0]
	grads := make([]Value, len(y.args))
	full := dy.BroadcastTo(y.shape)
	start := int64(0)
	for i, v := range y.args {
		d := v.shape[axis]
		if !d.Known() {
			fail("Concat", y.args, "the gradient needs known sizes along axis %d", axis)
		}
		grads[i] = full.Slice(axis, start, start+d.Size)
		start += d.Size
	}
	return grads
}

// sliceGrad puts the gradient back between zeros.
func sliceGrad(y, dy Value) []Value {
	x, axis := y.arg(0), y.attr.axes[0]
	start, end, d := y.attr.ints[0], y.attr.ints[1], x.shape[axis]
	if !d.Known() || start < 0 {
		fail("Slice", y.args, "the gradient needs a known size along axis %d", axis)
	}
	var parts []Value
	if start > 0 {
		parts = append(parts, x.zeros(axis, start))
	}
	parts = append(parts, dy.BroadcastTo(y.shape))
	if end < d.Size {
		parts = append(parts, x.zeros(axis, d.Size-end))
	}
	return vs(Concat(axis, parts...))
}

// addSlices returns x + y. Where each is 0 along an axis where the other is not, as
// the gradients of two slices of one tensor are, it joins their parts instead.
func addSlices(x, y Value) Value {
	p, ok := x.parts()
	q, too := y.parts()
	if !ok || !too || x.attr.axes[0] != y.attr.axes[0] || !x.shape.Equal(y.shape) {
		return x.Add(y)
	}
	all := append(p, q...)
	slices.SortFunc(all, func(a, b part) int { return cmp.Compare(a.start, b.start) })
	axis, at := x.attr.axes[0], int64(0)
	var joined []Value
	fill := func(to int64) {
		if to > at {
			joined = append(joined, x.zeros(axis, to-at))
		}
	}
	for _, a := range all {
		if a.start < at {
			return x.Add(y) // both are there
		}
		fill(a.start)
		joined = append(joined, a.value)
		at = a.start + a.value.shape[axis].Size
	}
	fill(x.shape[axis].Size)
	return Concat(axis, joined...)
}

// part is an operand of a Concat and where it begins along the axis.
type part struct {
	start int64
	value Value
}

// parts returns the operands of a Concat of known sizes that are not 0.
func (x Value) parts() (parts []part, ok bool) {
	if x.op.code != "Concat" || x.b.options.naive || !x.shape[x.attr.axes[0]].Known() {
		return nil, false
	}
	at := int64(0)
	for _, v := range x.args {
		size := v.shape[x.attr.axes[0]].Size
		if size > 0 && !(v.op.code == "Expand" && v.arg(0) == v.Like(0)) {
			parts = append(parts, part{at, v})
		}
		at += size
	}
	return parts, true
}

// zeros returns zeros of x's shape, but for the size of an axis.
func (x Value) zeros(axis int, n int64) Value {
	shape := slices.Clone(x.shape)
	shape[axis] = tensor.D(n)
	return x.Like(0).BroadcastTo(shape)
}

// Unsqueeze returns x with new axes of size 1, at these places of the result.
func (x Value) Unsqueeze(axes ...int) Value {
	sorted := slices.Sorted(slices.Values(axes))
	for i, a := range sorted {
		if a < 0 || a > x.Rank()+i {
			fail("Unsqueeze", []Value{x}, "axis %d is out of place in %v", a, x)
		}
	}
	return emit("Unsqueeze", attr{axes: sorted}, x)
}

// Squeeze returns x without these axes, which have size 1.
func (x Value) Squeeze(axes ...int) Value {
	return emit("Squeeze", attr{axes: x.sortedAxes("Squeeze", axes)}, x)
}

// squeezeFull squeezes a gradient that may be of rank 0.
func (x Value) squeezeFull(axes []int) Value {
	if x.Rank() == 0 {
		return x
	}
	return x.Squeeze(axes...)
}

// Transpose returns x with its axes in the given order.
func (x Value) Transpose(order ...int) Value { return emit("Transpose", attr{axes: order}, x) }

// BroadcastTo returns x broadcast to a shape whose symbols occur in the graph.
func (x Value) BroadcastTo(shape tensor.Shape) Value {
	if x.shape.Equal(shape) {
		return x
	}
	return emit("Expand", attr{shape: shape}, append(vs(x), x.b.sources(shape)...)...)
}

// Reshape returns the elements of x in row-major order under another shape. At
// most one size may be a symbol that is new to the graph: it is what remains.
func (x Value) Reshape(shape tensor.Shape) Value {
	args, unknown := vs(x), 0
	for _, d := range shape {
		if s, ok := x.b.symbols[d.Sym]; !d.Known() && ok {
			args = append(args, s.from)
		} else if !d.Known() {
			unknown++
		}
	}
	if unknown > 1 {
		fail("Reshape", []Value{x}, "%v has more than one new symbol", shape)
	}
	return emit("Reshape", attr{shape: shape}, args...)
}

// Flatten returns the elements of x as a matrix: all axes before the given one
// become rows, those from it on columns. Unlike Reshape it needs no size that is
// known, and takes sizes of 0.
func (x Value) Flatten(axis int) Value {
	axis = x.axis("Flatten", axis)
	side := func(s tensor.Shape, hint string) tensor.Dim {
		switch len(s) {
		case 0:
			return tensor.D(1)
		case 1:
			return s[0]
		}
		if sizes, ok := s.Known(); ok {
			if n, err := tensor.Count(sizes); err == nil {
				return tensor.D(int64(n))
			}
		}
		return x.b.FreshSymbol(hint)
	}
	shape := tensor.Shape{side(x.shape[:axis], "rows"), side(x.shape[axis:], "columns")}
	return emit("Flatten", attr{axes: []int{axis}, shape: shape}, x)
}

// Concat joins values along an axis.
func Concat(axis int, values ...Value) Value {
	return emit("Concat", attr{axes: []int{values[0].axis("Concat", axis)}}, values...)
}

// Slice returns the range [start, end) of an axis; negative bounds count from
// the end.
func (x Value) Slice(axis int, start, end int64) Value {
	return emit("Slice", attr{axes: []int{x.axis("Slice", axis)}, ints: [2]int64{start, end}}, x)
}
