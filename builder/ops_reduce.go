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
				if len(v.attr.axes) == 0 {
					return in[0] // ONNX takes no axes for all axes
				}
				return e.sum(v.arg(0), e.axes(v.attr.axes), v.attr.keep)
			},
			vjp: func(y, dy Value) []Value { return vs(keptAxes(y, dy)) }},
		"LongSum": {doc: "the sum over axes that may be long", infer: inferReduce, lower: lowerLongSum,
			vjp: func(y, dy Value) []Value { return vs(keptAxes(y, dy)) }},
		"Parts": {doc: "the first operand, which is the sum of the others", flow: 1, lower: alias,
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				for _, part := range c.args[1:] {
					if !part.shape.Equal(c.args[0].shape) || part.dtype != c.args[0].dtype {
						c.failf("part %v, want %v", part, c.args[0])
					}
				}
				return sameFloat(c)
			},
			vjp: func(y, dy Value) []Value { return vs(dy) }},
		"ReduceMax": {doc: "the largest element along axes; not reliable at NaN", infer: inferReduce, lower: lowerExtreme("ReduceMax"), vjp: extremeGrad},
		"MaxAll": {doc: "the largest of all integers and of a least one, as shape [1]", flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				if x := c.args[0]; x.dtype != tensor.Int64 {
					c.failf("needs int64, got %v", x)
				}
				return tensor.Int64, tensor.Shape{tensor.D(1)}
			},
			lower: func(e *emitter, v Value, in []string) string {
				flat := e.node("Reshape", []string{in[0], e.ints(-1)}, e.allowZero()...)
				all := e.node("Concat", []string{flat, e.ints(v.attr.ints[0])}, ir.Attribute{Name: "axis", Value: int64(0)})
				if e.opset < 18 {
					return e.node("ReduceMax", []string{all}, ir.Attribute{Name: "axes", Value: []int64{0}}, keepdims(true))
				}
				return e.node("ReduceMax", []string{all, e.ints(0)}, keepdims(true), ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
			}},
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
	return vs(best.Mul(keptAxes(y, dy)).Div(best.SumOver(y.attr.axes...).keptLike(y)))
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
		if len(v.attr.axes) == 0 {
			return in[0] // ONNX takes no axes for all axes
		}
		if e.opset < 18 {
			return e.node(onnx, in, ir.Attribute{Name: "axes", Value: ints(v.attr.axes)}, keepdims(v.attr.keep))
		}
		return e.node(onnx, []string{in[0], e.axes(v.attr.axes)}, keepdims(v.attr.keep),
			ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
	}
}

// lowerSumAll sums in stages: ONNX Runtime's ReduceSum over all elements of a
// float32 tensor runs on one thread and is off by 4e-3 at 33 million elements.
// One axis is summed first, on all threads; what remains is summed in float64. Few
// elements need neither.
func lowerSumAll(e *emitter, v Value, in []string) string {
	x := v.arg(0)
	if x.dtype != tensor.Float32 || x.isSmall() || e.naive {
		return e.node("ReduceSum", in, dropped()...)
	}
	return e.staged(x, in[0], x.allAxes(), x.allAxes())
}

// lowerLongSum sums as lowerSumAll, over some axes: first over the shorter of the last
// two.
func lowerLongSum(e *emitter, v Value, in []string) string {
	x := v.arg(0)
	switch {
	case len(v.attr.axes) == 0:
		return in[0] // ONNX takes no axes for all axes
	case x.dtype != tensor.Float32 || x.areSmall(v.attr.axes) || e.naive:
		return e.node("ReduceSum", []string{in[0], e.axes(v.attr.axes)}, dropped()...)
	}
	return e.staged(x, in[0], v.attr.axes, v.attr.axes[max(0, len(v.attr.axes)-2):])
}

// staged sums float32 x over axes that have many elements: one of some in float32, the
// others in float64.
func (e *emitter) staged(x Value, rows string, axes, some []int) string {
	if e.target.profile().noFloat64 {
		for _, axis := range slices.Backward(axes) { // the last axis first
			rows = e.node("ReduceSum", []string{rows, e.ints(int64(axis))}, dropped()...)
		}
		return rows
	}
	if axis := firstStage(e, x, rows, some); axis != "" {
		rows = e.sum(x, axis, true)
	}
	in := []string{e.cast(rows, tensor.Float32, tensor.Float64)}
	if len(axes) < x.Rank() {
		in = append(in, e.axes(axes))
	}
	return e.cast(e.node("ReduceSum", in, dropped()...), tensor.Float64, tensor.Float32)
}

// dropped are the attributes of a sum whose axes are removed.
func dropped() []ir.Attribute {
	return []ir.Attribute{keepdims(false), {Name: "noop_with_empty_axes", Value: int64(0)}}
}

// sum sums over axes, each part of x on its own: a reduction costs less than the
// addition of two large tensors, and what is left is small.
func (e *emitter) sum(x Value, axes string, keep bool) string {
	for x.op.code == "Composite" {
		x = x.arg(0)
	}
	if x.op.code != "Parts" || e.naive {
		return e.node("ReduceSum", []string{e.names[x.node], axes}, keepdims(keep), ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
	}
	total := ""
	for _, part := range x.args[1:] {
		factor := ""
		if c, ok := part.factor(); ok {
			factor, part = e.scalar(part.dtype, c), part.arg(0)
		}
		rows := e.sum(part, axes, keep)
		if factor != "" {
			rows = e.node("Mul", []string{rows, factor})
		}
		if total != "" {
			rows = e.node("Add", []string{total, rows})
		}
		total = rows
	}
	return total
}

// factor returns c of a product x·c with a constant.
func (x Value) factor() (float64, bool) {
	if x.op.code != "Mul" {
		return 0, false
	}
	return x.arg(1).constant()
}

// longRow is the longest axis that a float32 sum gets right to 1e-6.
const longRow = 1 << 16

// isSmall reports whether x is known to have no more elements than that.
func (x Value) isSmall() bool { return x.areSmall(x.allAxes()) }

// areSmall reports whether axes are known to have no more elements than that.
func (x Value) areSmall(axes []int) bool {
	sizes, known := x.sizes(axes).Known()
	if !known {
		return false
	}
	n, err := tensor.Count(sizes)
	return err == nil && n <= longRow
}

// sizes are those of axes.
func (x Value) sizes(axes []int) tensor.Shape {
	var s tensor.Shape
	for _, axis := range axes {
		s = append(s, x.shape[axis])
	}
	return s
}

func (x Value) allAxes() []int {
	axes := make([]int, x.Rank())
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// firstStage names the axis to sum first in float32, of some: a long one, but not so
// long that digits are lost. "" leaves all to float64, as where there is one axis. Of
// two symbolic sizes it is the smaller, of several the largest up to longRow; both are
// found when the graph runs.
func firstStage(e *emitter, x Value, name string, axes []int) string {
	among := x.sizes(axes)
	if sizes, known := among.Known(); known {
		best := -1
		for i, n := range sizes {
			if n > 1 && n <= longRow && (best < 0 || n > sizes[best]) {
				best = i
			}
		}
		if best < 0 {
			return ""
		}
		return e.ints(int64(axes[best]))
	}
	switch {
	case !e.has("ArgMin"), len(axes) < 2, len(axes) == 2 && (among[0].Is(1) || among[1].Is(1)):
		return ""
	}
	for _, in := range x.b.inputs {
		if in.shape.Equal(x.shape) {
			name = in.attr.name // whose shape a guard reads already
			break
		}
	}
	shape := e.node("Shape", []string{name})
	some := len(axes) < x.Rank()
	if some {
		shape = e.node("Gather", []string{shape, e.axes(axes)}, ir.Attribute{Name: "axis", Value: int64(0)})
	}
	best := e.bestSize(e.cast(shape, tensor.Int64, tensor.Int32), len(axes)) // ONNX Runtime before 1.22 has no ArgMin of int64
	if some {
		return e.node("Gather", []string{e.axes(axes), best}, ir.Attribute{Name: "axis", Value: int64(0)})
	}
	return best
}

// bestSize finds the size to sum first among int32 sizes.
func (e *emitter) bestSize(sizes string, n int) string {
	pick := []ir.Attribute{{Name: "axis", Value: int64(0)}, keepdims(true), {Name: "select_last_index", Value: int64(1)}}
	if n == 2 {
		return e.node("ArgMin", []string{sizes}, pick...)
	}
	least := tensor.FromInts(tensor.Int32, []int64{1}, []int64{2 * longRow})
	falling := e.node("Sub", []string{e.constant(least), sizes})
	return e.node("ArgMax", []string{e.node("Min", []string{sizes, falling})}, pick...)
}

// Sum returns the sum of all elements, as a rank-0 value.
func (x Value) Sum() Value { return emit("SumAll", attr{}, x) }

// SumOver returns the sum over axes, which are removed; over no axes it is x.
func (x Value) SumOver(axes ...int) Value {
	return emit("Sum", attr{axes: x.sortedAxes("Sum", axes)}, x)
}

// LongSum is SumOver for axes that may be long, such as those of pixels: float32 keeps
// its digits however many elements there are, for a price.
func (x Value) LongSum(axes ...int) Value {
	return emit("LongSum", attr{axes: x.sortedAxes("LongSum", axes)}, x)
}

// WithParts returns x and says that it equals the sum of these values, which have
// its shape. [Value.Sum], [Value.SumOver] and [Value.SumKeep] then add up each part
// on its own. Give parts only where their sums are added without a loss of digits
// that x itself does not have, and where no part overflows before x does.
func (x Value) WithParts(parts ...Value) Value {
	return emit("Parts", attr{}, append(vs(x), parts...)...)
}

// SumKeep returns the sum over axes, which stay as size 1.
func (x Value) SumKeep(axes ...int) Value {
	return emit("Sum", attr{axes: x.sortedAxes("Sum", axes), keep: true}, x)
}

// MaxAll returns the largest of all elements of int64 x, but at least the given
// number, as a value of shape [1]. Not differentiable.
func (x Value) MaxAll(least int64) Value {
	return emit("MaxAll", attr{ints: [2]int64{least}}, x)
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
