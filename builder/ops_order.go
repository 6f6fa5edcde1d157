package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines operations that put elements in order.

func orderOps() map[string]*op {
	return map[string]*op{
		"TopK": {doc: "the numbers of the first elements along an axis in rising (keep: falling) order", flow: noFlow,
			infer: inferTopK, lower: lowerTopK},
		"ArgMax": {doc: "the number of the first of the largest elements along an axis, which are no NaN", flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				x, axis := c.args[0], c.attr.axes[0]
				return tensor.Int64, x.shape.Without(axis).Insert(axis, tensor.D(1))
			},
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("ArgMax", in, ir.Attribute{Name: "axis", Value: int64(v.attr.axes[0])}, keepdims(true),
					ir.Attribute{Name: "select_last_index", Value: int64(0)})
			}},
	}
}

func inferTopK(c *call) (tensor.DType, tensor.Shape) {
	x, axis, k := c.args[0], c.attr.axes[0], c.attr.dims[0]
	if x.dtype == tensor.Bool {
		c.failf("needs numbers, got %v", x)
	}
	least, _ := k.Bounds()
	if n := x.shape[axis]; least < 0 || k.Known() && n.Known() && k.Size > n.Size {
		c.failf("axis %d of %v does not have %v elements", axis, x, k)
	}
	shape := slices.Clone(x.shape)
	shape[axis] = k
	return tensor.Int64, shape
}

func lowerTopK(e *emitter, v Value, in []string) string {
	largest := int64(0)
	if v.attr.keep {
		largest = 1
	}
	count := sizer{e, v.attr.reads, in[1:], false}.size(v.attr.dims[0])
	// Some axes may be empty beside the one in order, which ends a process of ONNX Runtime
	// before 1.30 with a division by zero: they are one longer in between.
	x, rank := v.args[0], v.args[0].Rank()
	var open []int
	pads := make([]int64, 2*rank)
	for axis, d := range x.shape {
		if least, _ := d.Bounds(); axis != v.attr.axes[0] && least <= 0 {
			open, pads[rank+axis] = append(open, axis), 1
		}
	}
	rows := in[0]
	if open != nil {
		rows = e.node("Pad", []string{rows, e.ints(pads...)}, ir.Attribute{Name: "mode", Value: "constant"})
	}
	elements, numbers := e.newName(), e.newName()
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: "TopK", Inputs: []string{rows, count}, Outputs: []string{elements, numbers}, Attributes: []ir.Attribute{
		{Name: "axis", Value: int64(v.attr.axes[0])}, {Name: "largest", Value: largest}, {Name: "sorted", Value: int64(1)},
	}})
	if open == nil {
		return numbers
	}
	n := len(open)
	return e.node("Slice", []string{numbers, e.ints(make([]int64, n)...), e.ints(slices.Repeat([]int64{-1}, n)...), e.axes(open), e.ints(slices.Repeat([]int64{1}, n)...)})
}

// TopK returns the first k elements along an axis in rising order, or in falling
// order, and their int64 numbers, as torch.sort does with stable=True: of equal
// elements the first comes first, and NaN is larger than everything. An axis of
// fewer elements ends the run. Gradients go back to where the elements stood.
//
// Of two neighbours among the very largest numbers, 2^127 and the float32 behind
// it, 2^1023 and the float64 behind it, either may come first.
func (x Value) TopK(axis int, k tensor.Dim, falling bool) (elements, numbers Value) {
	axis = x.axis("TopK", axis)
	numbers = x.ordered().topK(axis, k, falling)
	return x.Pick(axis, numbers), numbers
}

func (x Value) topK(axis int, k tensor.Dim, falling bool) Value {
	reads := x.b.sources(k)
	return emit("TopK", attr{axes: []int{axis}, dims: [2]tensor.Dim{k}, keep: falling, reads: reads}, append(vs(x), values(reads)...)...)
}

// Sort returns the elements along an axis in rising or falling order, and their
// numbers: see [Value.TopK].
func (x Value) Sort(axis int, falling bool) (elements, numbers Value) {
	axis = x.axis("Sort", axis)
	return x.TopK(axis, x.shape[axis], falling)
}

// ordered returns numbers in the order of x's that are no NaN: infinity stands for
// NaN, and the numbers above a power of two go one down to make room for it.
func (x Value) ordered() Value {
	var power, step, most float64
	switch x.dtype {
	case tensor.Float16, tensor.BFloat16:
		return x.Cast(tensor.Float32).ordered()
	case tensor.Float32:
		power, step, most = 0x1p127, 0x1p104, math.MaxFloat32
	case tensor.Float64:
		power, step, most = 0x1p1023, 0x1p971, math.MaxFloat64
	default:
		return x
	}
	lower := x.Shift(-step).Min(x.Like(most))
	number := Where(x.Greater(x.Like(power)), lower, x)
	return Where(x.Equal(x), number, x.Like(math.Inf(1))).StopGradient()
}

// ArgMax returns the number of the first of the largest elements along an axis,
// which stays as size 1. As in PyTorch a NaN is larger than everything.
func (x Value) ArgMax(axis int) Value { return x.argBest("ArgMax", axis, true) }

// ArgMin returns the number of the first of the smallest elements along an axis,
// which stays as size 1. As in PyTorch a NaN is smaller than everything.
func (x Value) ArgMin(axis int) Value { return x.argBest("ArgMin", axis, false) }

// argBest takes integers through TopK: ONNX Runtime before 1.22 has no ArgMax of
// int64.
func (x Value) argBest(op string, axis int, largest bool) Value {
	axis = x.axis(op, axis)
	if !x.dtype.IsFloat() {
		return x.topK(axis, tensor.D(1), largest)
	}
	if !largest {
		x = x.Neg()
	}
	return emit("ArgMax", attr{axes: []int{axis}}, x.ordered())
}
