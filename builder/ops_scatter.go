package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines sums by number: what picking elements turns into when it is
// differentiated.

func scatterOps() map[string]*op {
	return map[string]*op{
		"Scatter": {doc: "zeros with elements added along an axis, each by its number", infer: inferScatter, flow: 1, resizes: true,
			lower: lowerScatter,
			vjp: func(y, dy Value) []Value {
				return vs(dy.BroadcastTo(y.shape).Pick(y.attr.axes[0], y.arg(1)))
			}},
		"ScatterRows": {doc: "rows of zeros with rows added, each by its number", infer: inferScatterRows, flow: 1, resizes: true,
			lower: lowerScatterRows,
			vjp:   func(y, dy Value) []Value { return vs(dy.BroadcastTo(y.shape).Gather(0, y.arg(1))) }},
	}
}

func inferScatter(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.attr.shape }

func inferScatterRows(c *call) (tensor.DType, tensor.Shape) {
	if rows, index := c.args[0], c.args[1]; rows.Rank() != 2 || index.Rank() != 1 || rows.shape[0] != index.shape[0] {
		c.failf("%v has no row for each number of %v", rows, index)
	}
	return c.args[0].dtype, c.attr.shape
}

// scatter returns zeros of x's shape, but n along an axis, with x's elements added
// where index says, as [Value.Pick] takes them.
func (x Value) scatter(axis int, n tensor.Dim, index Value) Value {
	shape := slices.Clone(x.shape)
	shape[axis] = n
	reads := x.b.sources(shape...)
	// The numbers that an order gives are all different.
	a := attr{axes: []int{axis}, shape: shape, reads: reads, keep: index.op.code == "TopK"}
	return emit("Scatter", a, append(vs(x, index), values(reads)...)...)
}

// scatterRows returns n rows of zeros with the rows of x added where index says.
func (x Value) scatterRows(n tensor.Dim, index Value) Value {
	shape := tensor.Shape{n, x.shape[1]}
	reads := x.b.sources(shape...)
	return emit("ScatterRows", attr{axes: []int{0}, shape: shape, reads: reads}, append(vs(x, index), values(reads)...)...)
}

// gatherGrad adds each row of the gradient to the row that it was taken from: as
// a matrix whose rows belong to the numbers, with all other axes behind them.
func gatherGrad(y, dy Value) []Value {
	x, index, axis := y.arg(0), y.arg(1), y.attr.axes[0]
	rows, picked := dy.BroadcastTo(y.shape), index.Rank()
	if picked == 0 {
		index, rows, picked = index.Unsqueeze(0), rows.Unsqueeze(axis), 1
	}
	order := places(axis, axis+picked)
	order = append(append(order, places(0, axis)...), places(axis+picked, rows.Rank())...)
	rows = rows.Transpose(order...)
	if rows.Rank() == picked {
		rows = rows.Unsqueeze(picked)
	}
	if rows.Rank() > 2 {
		rows = rows.Flatten(picked)
	}
	dx := rows.scatterRows(x.shape[axis], index.Reshape(rows.shape[:1]))
	front := x.shape.Without(axis).Insert(0, x.shape[axis])
	back := append(places(1, axis+1), 0)
	back = append(back, places(axis+1, x.Rank())...)
	return vs(dx.Reshape(front).Transpose(back...))
}

// places lists the numbers from one up to another.
func places(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// scatterElements writes ScatterElements on zeros, which adds from opset 16 on.
func scatterElements(e *emitter, v Value, in []string, index string, distinct bool) string {
	attrs := []ir.Attribute{{Name: "axis", Value: int64(v.attr.axes[0])}}
	if e.opset >= 16 && distinct {
		attrs = append(attrs, ir.Attribute{Name: "reduction", Value: "none"})
	} else if e.opset >= 16 {
		attrs = append(attrs, ir.Attribute{Name: "reduction", Value: "add"})
	}
	return e.node("ScatterElements", []string{e.zeros(v, in), index, in[0]}, attrs...)
}

// zeros returns zeros of the shape of a scatter.
func (e *emitter) zeros(v Value, in []string) string {
	zero := tensor.FromFloats(v.dtype, []int64{1}, []float64{0})
	return e.node("ConstantOfShape", []string{e.shapeVector(v, in[2:])}, ir.Attribute{Name: "value", Value: zero})
}

// lowerScatter writes ScatterElements or, where that does not add, a sum over all
// elements, chosen by their numbers.
func lowerScatter(e *emitter, v Value, in []string) string {
	distinct := v.attr.keep
	if e.has("ScatterElements") && (distinct || e.opset >= 16) {
		return scatterElements(e, v, in, in[1], distinct)
	}
	axis := v.attr.axes[0]
	number, index := e.places(v, in)
	if behind := places(1, v.Rank()+1-axis); len(behind) > 0 {
		number = e.node("Unsqueeze", []string{number, e.axes(behind)})
	}
	at := e.axes([]int{axis})
	chosen := e.node("Equal", []string{e.node("Unsqueeze", []string{index, at}), number})
	each := e.node("Where", []string{chosen, e.node("Unsqueeze", []string{in[0], at}), e.scalar(v.dtype, 0)})
	return e.node("ReduceSum", []string{each, e.axes([]int{axis + 1})}, keepdims(false), ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
}

// places returns the numbers 0, 1, 2, ... of the axis that a scatter fills, and its
// index with numbers from the end turned into those from the front.
func (e *emitter) places(v Value, in []string) (number, index string) {
	dtype := v.arg(1).dtype
	size := sizer{e, v.attr.reads, in[2:], true}.size(v.shape[v.attr.axes[0]])
	number = e.cast(e.node("Range", []string{e.intScalar(0), size, e.intScalar(1)}), tensor.Int64, dtype)
	negative := e.node("Less", []string{in[1], e.scalar(dtype, 0)})
	return number, e.node("Where", []string{negative, e.node("Add", []string{in[1], e.cast(size, tensor.Int64, dtype)}), in[1]})
}

// lowerScatterRows writes ScatterElements or, where that does not add, a product
// with a matrix of ones and zeros. What is not finite goes through products of its
// own, so that no 0 meets it: a NaN counts for both infinities, whose sum it is.
func lowerScatterRows(e *emitter, v Value, in []string) string {
	if v.arg(0).shape[1].Is(0) { // ONNX Runtime drops the Expand below, as if it changed nothing
		return e.zeros(v, in)
	}
	if e.has("ScatterElements") && e.opset >= 16 {
		column := e.node("Unsqueeze", []string{in[1], e.ints(1)})
		return scatterElements(e, v, in, e.node("Expand", []string{column, e.node("Shape", in[:1])}), false)
	}
	rows := v.arg(0)
	number, index := e.places(v, in)
	chosen := e.cast(e.node("Equal", []string{e.node("Unsqueeze", []string{number, e.ints(1)}), index}), tensor.Bool, v.dtype)
	sum := func(part string) string {
		if rows.shape[0].Is(1) {
			return e.node("Mul", []string{chosen, part})
		}
		return e.node("MatMul", []string{chosen, part})
	}
	zero, inf, negInf := e.scalar(v.dtype, 0), e.scalar(v.dtype, math.Inf(1)), e.scalar(v.dtype, math.Inf(-1))
	below, above := e.node("Less", []string{in[0], inf}), e.node("Greater", []string{in[0], negInf})
	total := sum(e.node("Where", []string{e.node("And", []string{below, above}), in[0], zero}))
	for _, side := range []struct{ finite, limit string }{{below, inf}, {above, negInf}} {
		number := sum(e.cast(e.node("Not", []string{side.finite}), tensor.Bool, v.dtype))
		met := e.node("Greater", []string{number, zero})
		total = e.node("Add", []string{total, e.node("Where", []string{met, side.limit, zero})})
	}
	return total
}
