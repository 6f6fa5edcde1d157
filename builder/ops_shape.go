package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines operations that move elements without computing.

func shapeOps() map[string]*op {
	return map[string]*op{
		"Unsqueeze": {doc: "new axes of size 1", infer: inferUnsqueeze,
			lower: func(e *emitter, v Value, in []string) string {
				return e.unsqueeze(in[0], v.attr.axes, v.shape)
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
		"Slice":  {doc: "a range of one axis", infer: inferSlice, lower: lowerSlice, vjp: sliceGrad},
		"Narrow": {doc: "a range of one axis whose bounds are sizes", infer: inferNarrow, lower: lowerNarrow, vjp: narrowGrad, flow: 1},
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
		if _, most := x.shape[a].Bounds(); !x.shape[a].Is(1) && most != 1 {
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
	sizes := make([]tensor.Dim, len(c.args))
	for i, v := range c.args {
		if v.dtype != x.dtype || v.Rank() != x.Rank() || !v.shape.Without(axis).Equal(x.shape.Without(axis)) {
			c.failf("%v and %v do not join along axis %d", x, v, axis)
		}
		sizes[i] = v.shape[axis]
	}
	shape := slices.Clone(x.shape)
	var err error
	if shape[axis], err = tensor.Sum(sizes...); err != nil {
		shape[axis] = c.b.unknown("joined")
	}
	return x.dtype, shape
}

func inferSlice(c *call) (tensor.DType, tensor.Shape) {
	x, axis := c.args[0], c.attr.axes[0]
	d, start, end := x.shape[axis], c.attr.ints[0], c.attr.ints[1]
	number := func(i int64) int64 {
		if i < 0 {
			return d.Size + i
		} else if i == math.MaxInt64 {
			return d.Size
		}
		return i
	}
	from, to := number(start), number(end)
	if d.Known() && (from < 0 || from > to || to > d.Size) || (start < 0) == (end < 0) && start > end {
		c.failf("axis %d of %v has no range %d to %d", axis, x, start, end)
	}
	shape := slices.Clone(x.shape)
	var err error
	if _, shape[axis], _, err = d.Cut(start, end); err != nil {
		shape[axis] = c.b.unknown("sliced")
	}
	return x.dtype, shape
}

func inferNarrow(c *call) (tensor.DType, tensor.Shape) {
	x, axis := c.args[0], c.attr.axes[0]
	shape := slices.Clone(x.shape)
	var err error
	if shape[axis], err = c.attr.dims[1].Sub(c.attr.dims[0]); err != nil {
		c.failf("%v", err)
	}
	return x.dtype, shape
}

func lowerSlice(e *emitter, v Value, in []string) string {
	axis := int64(v.attr.axes[0])
	return e.node("Slice", []string{in[0], e.ints(v.attr.ints[0]), e.ints(v.attr.ints[1]), e.ints(axis), e.ints(1)})
}

func lowerNarrow(e *emitter, v Value, in []string) string {
	axis, sizes := v.attr.axes[0], sizer{e, v.attr.reads, in[1:], false}
	start, end := sizes.size(v.attr.dims[0]), ""
	if v.attr.dims[1] == v.arg(0).shape[axis] {
		end = e.ints(math.MaxInt64)
	} else {
		end = sizes.size(v.attr.dims[1])
	}
	return e.node("Slice", []string{in[0], start, end, e.ints(int64(axis)), e.ints(1)})
}

// concatGrad cuts the gradient into the operands' parts.
func concatGrad(y, dy Value) []Value {
	axis := y.attr.axes[0]
	grads := make([]Value, len(y.args))
	full := dy.BroadcastTo(y.shape)
	start := tensor.D(0)
	for i, v := range y.args {
		end, err := start.Add(v.shape[axis])
		if err != nil {
			fail("Concat", y.args, "the gradient along axis %d: %v", axis, err)
		}
		grads[i] = full.narrow(axis, start, end)
		start = end
	}
	return grads
}

// sliceGrad puts the gradient back between zeros.
func sliceGrad(y, dy Value) []Value {
	x, axis := y.arg(0), y.attr.axes[0]
	before, _, behind, err := x.shape[axis].Cut(y.attr.ints[0], y.attr.ints[1])
	if err != nil {
		fail("Slice", y.args, "the gradient along axis %d: %v", axis, err)
	}
	return vs(between(y, dy, before, behind))
}

func narrowGrad(y, dy Value) []Value {
	axis := y.attr.axes[0]
	behind, err := y.arg(0).shape[axis].Sub(y.attr.dims[1])
	if err != nil {
		fail("Narrow", y.args, "the gradient along axis %d: %v", axis, err)
	}
	return vs(between(y, dy, y.attr.dims[0], behind))
}

// between returns dy, the gradient of a range, between as many zeros as the operand
// has elements before and behind it.
func between(y, dy Value, before, behind tensor.Dim) Value {
	x, axis := y.arg(0), y.attr.axes[0]
	var parts []Value
	if !before.Is(0) {
		parts = append(parts, x.zeros(axis, before))
	}
	parts = append(parts, dy.BroadcastTo(y.shape))
	if !behind.Is(0) {
		parts = append(parts, x.zeros(axis, behind))
	}
	return Concat(axis, parts...)
}

// addSlices returns x + y. Where each is 0 along an axis where the other is not, as
// the gradients of two slices of one tensor are, it joins their parts instead.
func addSlices(x, y Value) Value {
	p, ok := x.parts()
	q, too := y.parts()
	if !ok || !too || x.attr.axes[0] != y.attr.axes[0] || !x.shape.Equal(y.shape) {
		return x.Add(y)
	}
	axis, at := x.attr.axes[0], tensor.D(0)
	var joined []Value
	fill := func(to tensor.Dim) {
		if to != at {
			size, _ := to.Sub(at) // at is no larger, and both are sums of the same sizes
			joined = append(joined, x.zeros(axis, size))
		}
	}
	for all := append(p, q...); len(all) > 0; {
		first := firstPart(all)
		if first < 0 {
			return x.Add(y) // both are there, or nothing tells the order
		}
		a := all[first]
		fill(a.start)
		joined, at = append(joined, a.value), a.end
		all = slices.Delete(all, first, first+1)
	}
	fill(x.shape[axis])
	return Concat(axis, joined...)
}

// part is an operand of a Concat, and where it begins and ends along the axis.
type part struct {
	start, end tensor.Dim
	value      Value
}

// firstPart returns the number of the part that is known to end before the others
// begin, or -1.
func firstPart(all []part) int {
	for i, a := range all {
		first := true
		for j, b := range all {
			gap, err := b.start.Sub(a.end)
			least, _ := gap.Bounds()
			first = first && (i == j || err == nil && least >= 0)
		}
		if first {
			return i
		}
	}
	return -1
}

// parts returns the operands of a Concat that are not 0.
func (x Value) parts() (parts []part, ok bool) {
	if x.op.code != "Concat" || x.b.options.naive {
		return nil, false
	}
	at := tensor.D(0)
	for _, v := range x.args {
		size := v.shape[x.attr.axes[0]]
		end, err := at.Add(size)
		if err != nil {
			return nil, false
		}
		if !size.Is(0) && !(v.op.code == "Expand" && v.arg(0) == v.Like(0)) {
			parts = append(parts, part{at, end, v})
		}
		at = end
	}
	return parts, true
}

// zeros returns zeros of x's shape, but for the size of an axis.
func (x Value) zeros(axis int, size tensor.Dim) Value {
	shape := slices.Clone(x.shape)
	shape[axis] = size
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

// BroadcastTo returns x broadcast to a shape whose letters occur in the graph.
func (x Value) BroadcastTo(shape tensor.Shape) Value {
	if x.shape.Equal(shape) {
		return x
	}
	reads := x.b.sources(shape...)
	return emit("Expand", attr{shape: shape, reads: reads}, append(vs(x), values(reads)...)...)
}

// Reshape returns the elements of x in row-major order under another shape. At
// most one size may have a letter that is new to the graph: it is what remains.
func (x Value) Reshape(shape tensor.Shape) Value {
	var reads []bind
	unknown := 0
	for _, d := range shape {
		list, ok := x.b.reads(d)
		if reads = append(reads, list...); !ok {
			unknown++
		}
	}
	if unknown > 1 {
		fail("Reshape", []Value{x}, "%v has more than one new size", shape)
	}
	return emit("Reshape", attr{shape: shape, reads: reads}, append(vs(x), values(reads)...)...)
}

// Flatten returns the elements of x as a matrix: all axes before the given one
// become rows, those from it on columns. Unlike Reshape it needs no size that is
// known, and takes sizes of 0.
func (x Value) Flatten(axis int) Value {
	axis = x.axis("Flatten", axis)
	side := func(s tensor.Shape, hint string) tensor.Dim {
		d, err := tensor.Product(s...)
		if err != nil {
			return x.b.unknown(hint)
		}
		return d
	}
	shape := tensor.Shape{side(x.shape[:axis], "rows"), side(x.shape[axis:], "columns")}
	return emit("Flatten", attr{axes: []int{axis}, shape: shape}, x)
}

// Concat joins values along an axis.
func Concat(axis int, values ...Value) Value {
	return emit("Concat", attr{axes: []int{values[0].axis("Concat", axis)}}, values...)
}

// Slice returns the range [start, end) of an axis; negative bounds count from
// the end, and an end of [tensor.MaxSize] or more is that of the axis. A range of an
// axis whose size is open is cut to what is there, as in Python.
func (x Value) Slice(axis int, start, end int64) Value {
	return emit("Slice", attr{axes: []int{x.axis("Slice", axis)}, ints: [2]int64{bound(start), bound(end)}}, x)
}

// bound turns a bound beyond every axis into the last number there is.
func bound(n int64) int64 {
	switch {
	case n >= tensor.MaxSize:
		return math.MaxInt64
	case n <= -tensor.MaxSize:
		return math.MinInt64
	}
	return n
}

// Narrow returns so many elements of an axis from one on. The axis must be known to
// have them.
func (x Value) Narrow(axis int, start, length tensor.Dim) Value {
	axis = x.axis("Narrow", axis)
	end, err := start.Add(length)
	rest, err2 := x.shape[axis].Sub(end)
	negative := func(d tensor.Dim) bool { least, _ := d.Bounds(); return least < 0 }
	if err != nil || err2 != nil || negative(start) || negative(length) || negative(rest) {
		fail("Narrow", []Value{x}, "axis %d of %v is not known to have %v elements from number %v on", axis, x, length, start)
	}
	return x.narrow(axis, start, end)
}

// narrow returns the range [start, end) of an axis, which has it.
func (x Value) narrow(axis int, start, end tensor.Dim) Value {
	d := x.shape[axis]
	if d.Known() {
		return x.Slice(axis, start.Size, end.Size)
	}
	reads := x.b.sources(start)
	if end != d {
		reads = append(reads, x.b.sources(end)...)
	}
	return emit("Narrow", attr{axes: []int{axis}, dims: [2]tensor.Dim{start, end}, reads: reads}, append(vs(x), values(reads)...)...)
}
