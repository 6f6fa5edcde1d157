package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines operations that address elements by number.

func indexOps() map[string]*op {
	axisOf := func(v Value) ir.Attribute {
		return ir.Attribute{Name: "axis", Value: int64(v.attr.axes[0])}
	}
	return map[string]*op{
		"Gather": {doc: "rows of a table by number", infer: inferGather, flow: 1, vjp: gatherGrad,
			lower: func(e *emitter, v Value, in []string) string { return e.node("Gather", in, axisOf(v)) }},
		"Pick": {doc: "one element along an axis by number", infer: inferPick,
			lower: func(e *emitter, v Value, in []string) string { return e.node("GatherElements", in, axisOf(v)) },
			vjp: func(y, dy Value) []Value {
				x, index, axis := y.arg(0), y.arg(1), y.attr.axes[0]
				if !y.shape[axis].Is(1) {
					return vs(dy.BroadcastTo(y.shape).scatter(axis, x.shape[axis], index), Value{})
				}
				return vs(dy.Like(0).BroadcastTo(x.shape).Put(axis, index, dy.BroadcastTo(y.shape)), Value{})
			}},
		"Put": {doc: "the operand with one element along an axis replaced", infer: inferPut,
			lower: lowerPut,
			vjp: func(y, dy Value) []Value {
				axis, index, full := y.attr.axes[0], y.arg(1), dy.BroadcastTo(y.shape)
				updates := y.arg(2)
				return vs(full.Put(axis, index, dy.Like(0).BroadcastTo(updates.shape)), Value{}, full.Pick(axis, index))
			}},
		"Compress": {doc: "the rows along axis 0 that a mask keeps", infer: inferCompress, flow: 1,
			lower: func(e *emitter, _ Value, in []string) string {
				return e.node("Compress", in, ir.Attribute{Name: "axis", Value: int64(0)})
			},
			vjp: func(y, dy Value) []Value { return vs(dy.BroadcastTo(y.shape).Uncompress(y.arg(1))) }},
		"Uncompress": {doc: "rows where a mask holds, 0 elsewhere; the last operand is the value", flow: 1,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[2].dtype, c.args[2].shape },
			lower: func(_ *emitter, _ Value, in []string) string { return in[2] },
			vjp: func(y, dy Value) []Value {
				if dy.Rank() > 0 {
					dy = dy.BroadcastTo(y.shape).Compress(y.arg(1))
				}
				return vs(dy)
			}},
		"Iota": {doc: "0, 1, 2, ... along one axis of a known or symbolic size", lower: lowerIota, flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return tensor.Int64, c.attr.shape }},
		"FirstTrue": {doc: "the number of the first element along an axis that holds, 0 if none does", flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				x, axis := c.args[0], c.attr.axes[0]
				if x.dtype != tensor.Bool {
					c.failf("needs bool, got %v", x)
				}
				return tensor.Int64, x.shape.Without(axis).Insert(axis, tensor.D(1))
			},
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("ArgMax", []string{e.cast(in[0], tensor.Bool, tensor.Int32)}, axisOf(v), keepdims(true),
					ir.Attribute{Name: "select_last_index", Value: int64(0)})
			}},
		"CumSum": {doc: "running sums along an axis", infer: inferCumSum, lower: lowerCumSum,
			vjp: func(y, dy Value) []Value {
				exclusive, reverse := y.attr.ints[0], y.attr.ints[1]
				return vs(emit("CumSum", attr{axes: y.attr.axes, ints: [2]int64{exclusive, 1 - reverse}}, dy.BroadcastTo(y.shape)))
			}},
	}
}

// lowerPut writes ScatterElements, which ONNX Runtime computes in place where it can;
// without that operator, a choice in every element.
func lowerPut(e *emitter, v Value, in []string) string {
	axis := v.attr.axes[0]
	attrs := []ir.Attribute{{Name: "axis", Value: int64(axis)}}
	if e.has("ScatterElements") || !v.arg(1).shape[axis].Is(1) {
		if e.opset >= 16 {
			attrs = append(attrs, ir.Attribute{Name: "reduction", Value: "none"})
		}
		return e.node("ScatterElements", in, attrs...)
	}
	size := e.node("Gather", []string{e.node("Shape", in[:1]), e.intScalar(int64(axis))}, ir.Attribute{Name: "axis", Value: int64(0)})
	if d := v.shape[axis]; d.Known() {
		size = e.intScalar(d.Size)
	}
	number := e.cast(e.node("Range", []string{e.intScalar(0), size, e.intScalar(1)}), tensor.Int64, v.arg(1).dtype)
	var ones []int
	for i := range v.Rank() {
		if i != axis {
			ones = append(ones, i)
		}
	}
	if len(ones) > 0 {
		number = e.node("Unsqueeze", []string{number, e.axes(ones)})
	}
	return e.node("Where", []string{e.node("Equal", []string{in[1], number}), in[2], in[0]})
}

func inferGather(c *call) (tensor.DType, tensor.Shape) {
	x, index, axis := c.args[0], c.args[1], c.attr.axes[0]
	if !index.dtype.IsInt() {
		c.failf("the index is %v, want int64 or int32", index)
	}
	shape := append(slices.Clone(x.shape[:axis]), index.shape...)
	return x.dtype, append(shape, x.shape[axis+1:]...)
}

func inferPick(c *call) (tensor.DType, tensor.Shape) {
	x, index, axis := c.args[0], c.args[1], c.attr.axes[0]
	if !index.dtype.IsInt() {
		c.failf("the index is %v, want int64 or int32", index)
	}
	if index.Rank() != x.Rank() || !index.shape.Without(axis).Equal(x.shape.Without(axis)) {
		c.failf("%v has no element per row of %v along axis %d", index, x, axis)
	}
	return x.dtype, index.shape
}

func inferPut(c *call) (tensor.DType, tensor.Shape) {
	_, shape := inferPick(c)
	if u := c.args[2]; u.dtype != c.args[0].dtype || !u.shape.Equal(shape) {
		c.failf("the new elements are %v, want %v%v", u, c.args[0].dtype, shape)
	}
	return c.args[0].dtype, c.args[0].shape
}

func inferCompress(c *call) (tensor.DType, tensor.Shape) {
	x, mask := c.args[0], c.args[1]
	if mask.dtype != tensor.Bool || mask.Rank() != 1 || x.Rank() == 0 || mask.shape[0] != x.shape[0] {
		c.failf("the mask is %v, want a bool for each row of %v", mask, x)
	}
	shape := slices.Clone(x.shape)
	shape[0] = mask.kept()
	return x.dtype, shape
}

// kept is how many rows a mask keeps: one size for all that it compresses.
func (mask Value) kept() tensor.Dim { return tensor.Unknown("kept", mask.id) }

func lowerIota(e *emitter, v Value, in []string) string {
	axis := slices.IndexFunc(v.shape, func(d tensor.Dim) bool { return !d.Is(1) })
	if axis < 0 {
		axis = len(v.shape) - 1
	}
	size := sizer{e, v.attr.reads, in, true}.size(v.shape[axis])
	line := e.node("Range", []string{e.intScalar(0), size, e.intScalar(1)})
	var ones []int
	for i := range v.shape {
		if i != axis {
			ones = append(ones, i)
		}
	}
	if len(ones) == 0 {
		return line
	}
	return e.unsqueeze(line, ones, v.shape)
}

// Gather returns rows of x along an axis, by number: x's shape with the axis
// replaced by index's shape. A number outside [-n, n) ends the run; one below 0
// counts from the end, so callers replace negative numbers first. A row
// that is taken several times gets the sum of the gradients.
func (x Value) Gather(axis int, index Value) Value {
	return emit("Gather", attr{axes: []int{x.axis("Gather", axis)}}, x, index)
}

// Within returns integers unchanged and ends the run where one is outside of [0, n),
// in every engine that checks what Gather is given. Gathers themselves would count
// negative numbers from the end.
func (x Value) Within(n tensor.Dim) Value {
	size := x.b.Count(x.dtype, tensor.Shape{n})
	return x.b.Iota(1, 0, n).Cast(x.dtype).Gather(0, Where(x.Less(x.Like(0)), size, x))
}

// Pick returns, for every row along an axis, the elements whose numbers index
// gives; index has x's shape except along the axis. A number outside [-n, n)
// ends the run. An element that is taken several times gets the sum of the gradients.
func (x Value) Pick(axis int, index Value) Value {
	return emit("Pick", attr{axes: []int{x.axis("Pick", axis)}}, x, index)
}

// Compress returns the rows of x, along axis 0, where the mask holds.
func (x Value) Compress(mask Value) Value { return emit("Compress", attr{}, x, mask) }

// Uncompress puts rows back where [Value.Compress] took them from; other rows are 0.
func (x Value) Uncompress(mask Value) Value {
	if x.Rank() == 0 || x.shape[0] != mask.kept() {
		fail("Uncompress", []Value{x, mask}, "%v does not have the rows that the mask keeps", x)
	}
	rows := Concat(0, x, x.zeros(0, tensor.D(1)))
	number := mask.Cast(tensor.Int64).CumSum(0).Shift(-1)
	y := rows.Gather(0, Where(mask, number, number.Like(-1))) // -1 is the last row, of zeros
	return emit("Uncompress", attr{}, x, mask, y)
}

// Put returns x with the elements that [Value.Pick] would return replaced.
func (x Value) Put(axis int, index, elements Value) Value {
	return emit("Put", attr{axes: []int{x.axis("Put", axis)}}, x, index, elements)
}

// Iota returns int64 numbers 0, 1, 2, ... along one axis of a tensor of the
// given rank whose other axes have size 1.
func (b *B) Iota(rank, axis int, size tensor.Dim) Value {
	shape := make(tensor.Shape, rank)
	for i := range shape {
		shape[i] = tensor.D(1)
	}
	shape[axis] = size
	reads := b.sources(size)
	return b.emit("Iota", attr{shape: shape, reads: reads}, values(reads)...)
}

// FirstTrue returns the number of the first element along an axis that holds, 0
// if none does; the axis stays as size 1. Not differentiable.
func (x Value) FirstTrue(axis int) Value {
	return emit("FirstTrue", attr{axes: []int{x.axis("FirstTrue", axis)}}, x)
}

// Running says which elements a running sum adds up, beside those before.
type Running int

// Exclusive leaves out the element itself; Reverse adds up those behind.
const (
	Exclusive Running = iota
	Reverse
)

// CumSum returns running sums along an axis: each element with those before.
func (x Value) CumSum(axis int, how ...Running) Value {
	a := attr{axes: []int{x.axis("CumSum", axis)}}
	for _, h := range how {
		a.ints[h] = 1
	}
	return emit("CumSum", a, x)
}

func inferCumSum(c *call) (tensor.DType, tensor.Shape) {
	if c.args[0].dtype == tensor.Bool {
		c.failf("needs numbers, got %v", c.args[0])
	}
	return sameType(c)
}

// lowerCumSum sums float32 in float64, as PyTorch does.
func lowerCumSum(e *emitter, v Value, in []string) string {
	x, dtype := in[0], v.dtype
	if dtype == tensor.Float32 && !v.isSmall() && !e.naive && !e.target.profile().noFloat64 {
		x, dtype = e.cast(x, dtype, tensor.Float64), tensor.Float64
	}
	y := e.node("CumSum", []string{x, e.intScalar(int64(v.attr.axes[0]))},
		ir.Attribute{Name: "exclusive", Value: v.attr.ints[0]}, ir.Attribute{Name: "reverse", Value: v.attr.ints[1]})
	return e.cast(y, dtype, v.dtype)
}
