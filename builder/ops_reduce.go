package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines reductions.

func reduceOps() map[string]*op {
	return map[string]*op{
		"SumAll": {doc: "the sum of all elements", lower: lowerSumAll,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, tensor.Shape{} },
			vjp:   func(y, dy Value) []Value { return vs(dy) }},
		"Sum": {doc: "the sum over axes", infer: inferReduce,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("ReduceSum", []string{in[0], e.axes(v.attr.axes)}, keepdims(v.attr.keep),
					ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
			},
			vjp: func(y, dy Value) []Value { return vs(keptAxes(y, dy)) }},
		"ReduceMax": {doc: "the largest element along axes; not reliable at NaN", infer: inferReduce, lower: lowerExtreme("ReduceMax"), vjp: extremeGrad},
		"ReduceMin": {doc: "the smallest element along axes; not reliable at NaN", infer: inferReduce, lower: lowerExtreme("ReduceMin"), vjp: extremeGrad},
	}
}

func inferReduce(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	var shape tensor.Shape
	for i, d := range x.shape {
		switch {
		case !slices.Contains(c.attr.axes, i):
			shape = append(shape, d)
		case c.attr.keep:
			shape = append(shape, tensor.D(1))
		}
	}
	return x.dtype, shape
}

// keptAxes gives dy, the gradient of a reduction, its reduced axes back as size 1.
func keptAxes(y, dy Value) Value {
	if y.attr.keep || dy.Rank() == 0 {
		return dy
	}
	return dy.Unsqueeze(y.attr.axes...)
}

// extremeGrad splits the gradient evenly among ties, as PyTorch's amax and amin.
func extremeGrad(y, dy Value) []Value {
	x := y.arg(0)
	best := x.Equal(keptAxes(y, y.BroadcastTo(y.shape))).Cast(x.dtype)
	return vs(best.Mul(keptAxes(y, dy)).Div(best.Sum(y.attr.axes...).keptLike(y)))
}

// keptLike keeps the reduced axes of a sum over y's axes.
func (x Value) keptLike(y Value) Value {
	if x.Rank() == y.arg(0).Rank() {
		return x
	}
	return x.Unsqueeze(y.attr.axes...)
}

func keepdims(keep bool) ir.Attribute {
	k := int64(0)
	if keep {
		k = 1
	}
	return ir.Attribute{Name: "keepdims", Value: k}
}

// lowerExtreme writes ReduceMax or ReduceMin, whose axes became an input in
// opset 18.
func lowerExtreme(onnx string) func(*emitter, Value, []string) string {
	return func(e *emitter, v Value, in []string) string {
		if e.opset < 18 {
			return e.node(onnx, in, ir.Attribute{Name: "axes", Value: ints(v.attr.axes)}, keepdims(v.attr.keep))
		}
		return e.node(onnx, []string{in[0], e.axes(v.attr.axes)}, keepdims(v.attr.keep),
			ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
	}
}

// lowerSumAll sums in stages: ONNX Runtime's ReduceSum over all elements of a
// float32 tensor runs on one thread and is off by 4e-3 at 33 million elements.
// The last axis is summed first, on all threads; what remains is summed in
// float64.
func lowerSumAll(e *emitter, v Value, in []string) string {
	x := v.arg(0)
	all := []ir.Attribute{keepdims(false), {Name: "noop_with_empty_axes", Value: int64(0)}}
	if x.dtype != tensor.Float32 || e.naive {
		return e.node("ReduceSum", in, all...)
	}
	rows := in[0]
	if x.Rank() > 1 {
		rows = e.node("ReduceSum", []string{rows, e.axes([]int{x.Rank() - 1})}, all...)
	}
	sum := e.node("ReduceSum", []string{e.cast(rows, tensor.Float32, tensor.Float64)}, all...)
	return e.cast(sum, tensor.Float64, tensor.Float32)
}

// Sum returns the sum over axes, which are removed; over all elements, as a
// rank-0 value, when no axis is given.
func (x Value) Sum(axes ...int) Value {
	if len(axes) == 0 {
		return emit("SumAll", attr{}, x)
	}
	return emit("Sum", attr{axes: x.sortedAxes("Sum", axes)}, x)
}

// SumKeep returns the sum over axes, which stay as size 1.
func (x Value) SumKeep(axes ...int) Value {
	return emit("Sum", attr{axes: x.sortedAxes("Sum", axes), keep: true}, x)
}

// MaxKeep returns the largest element along axes, which stay as size 1. The
// engines disagree about NaN: mind it where NaN may occur.
func (x Value) MaxKeep(axes ...int) Value {
	return emit("ReduceMax", attr{axes: x.sortedAxes("ReduceMax", axes), keep: true}, x)
}

// MinKeep returns the smallest element along axes, which stay as size 1. The
// engines disagree about NaN: mind it where NaN may occur.
func (x Value) MinKeep(axes ...int) Value {
	return emit("ReduceMin", attr{axes: x.sortedAxes("ReduceMin", axes), keep: true}, x)
}

func (x Value) sortedAxes(op string, axes []int) []int {
	sorted := make([]int, len(axes))
	for i, a := range axes {
		sorted[i] = x.axis(op, a)
	}
	slices.Sort(sorted)
	if len(slices.Compact(slices.Clone(sorted))) != len(sorted) {
		fail(op, []Value{x}, "an axis is repeated in %v", axes)
	}
	return sorted
}
