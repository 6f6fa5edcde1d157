package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines pooling over the axes behind batch and channel.

func poolOps() map[string]*op {
	return map[string]*op{
		"MaxPool": {doc: "the largest element of each window", infer: inferPool, lower: lowerMaxPool,
			vjp: func(y, dy Value) []Value {
				x, index := y.arg(0), emit("PoolIndex", attr{}, y)
				reads := x.b.sources(x.shape...)
				return vs(emit("Unpool", attr{window: y.attr.window, shape: x.shape, reads: reads}, append(vs(dy.BroadcastTo(y.shape), index), values(reads)...)...))
			}},
		"PoolIndex": {doc: "the number, among all elements, of the first that a largest one is equal to", flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return tensor.Int64, c.args[0].shape },
			lower: func(e *emitter, _ Value, in []string) string { return e.made[resultName(in[0], 1)] }},
		"Unpool": {doc: "zeros with elements added, each by its number among all", flow: 1, resizes: true,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.attr.shape },
			lower: lowerUnpool,
			vjp: func(y, dy Value) []Value {
				index := y.arg(1)
				flat := func(v Value) Value { return v.Flatten(0).Squeeze(0) }
				return vs(flat(dy.BroadcastTo(y.shape)).Pick(0, flat(index)).Reshape(index.shape))
			}},
		"AveragePool": {doc: "the mean of each window", infer: inferPool, lower: lowerAveragePool, vjp: averagePoolGrad},
		"GlobalAveragePool": {doc: "the mean over all axes behind batch and channel, which become 1", lower: direct("GlobalAveragePool"),
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				x := c.args[0]
				if x.Rank() < 3 || !x.dtype.IsFloat() {
					c.failf("needs axes behind batch and channel, got %v", x)
				}
				return x.dtype, append(slices.Clone(x.shape[:2]), ones(x.Rank()-2)...)
			},
			vjp: func(y, dy Value) []Value { return vs(dy.Div(y.b.Count(y.dtype, y.arg(0).shape[2:]))) }},
	}
}

func ones(n int) tensor.Shape { return slices.Repeat(tensor.Shape{tensor.D(1)}, n) }

func inferPool(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	if x.Rank() != 2+len(c.attr.window.kernel) || !x.dtype.IsFloat() {
		c.failf("windows of sizes %v do not move over %v", c.attr.window.kernel, x)
	}
	shape := slices.Clone(x.shape[:2])
	for axis, n := range x.shape[2:] {
		shape = append(shape, c.places(axis, n))
	}
	return x.dtype, shape
}

// pooling are the attributes that both kinds of pooling have, in order.
func (w *Window) pooling() (auto, ceil, dilations, kernel, pads, strides ir.Attribute) {
	ceiling := int64(0)
	if w.Ceil {
		ceiling = 1
	}
	return ir.Attribute{Name: "auto_pad", Value: "NOTSET"}, ir.Attribute{Name: "ceil_mode", Value: ceiling},
		ir.Attribute{Name: "dilations", Value: w.Dilations}, ir.Attribute{Name: "kernel_shape", Value: w.kernel},
		ir.Attribute{Name: "pads", Value: w.Pads}, ir.Attribute{Name: "strides", Value: w.Strides}
}

// floored returns the same windows of pooling without Ceil, where sizes are known and
// padding behind the last window can say them: engines count windows in different ways,
// and before opset 22 the standard's inference in another.
func (w *Window) floored(y Value) *Window {
	own, n := *w, len(w.kernel)
	own.Ceil, own.Pads = false, slices.Clone(w.Pads)
	for axis := range n {
		if size, places := y.arg(0).shape[2+axis], y.shape[2+axis]; w.Ceil && size.Known() && places.Known() {
			behind := max((places.Size-1)*w.Strides[axis]+w.span(axis)-size.Size-w.before(axis), 0)
			if behind < w.kernel[axis] && (behind <= w.behind(axis) || !w.CountPads) {
				own.Pads[axis+n] = behind
				continue
			}
		}
		own.Ceil = own.Ceil || w.Ceil
	}
	return &own
}

// lowerMaxPool asks for the numbers only where they are used: ONNX Runtime is many
// times slower with them.
func lowerMaxPool(e *emitter, v Value, in []string) string {
	auto, ceil, dilations, kernel, pads, strides := v.attr.window.floored(v).pooling()
	attrs := []ir.Attribute{auto, ceil, dilations, kernel, pads, {Name: "storage_order", Value: int64(0)}, strides}
	if !e.results[v.node][1] {
		return e.node("MaxPool", in, attrs...)
	}
	y, index := e.newName(), e.newName()
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: "MaxPool", Inputs: in, Outputs: []string{y, index}, Attributes: attrs})
	e.made[resultName(y, 1)] = index
	return y
}

// lowerUnpool writes ScatterElements on a row of all elements. Before opset 16 it does
// not add: there windows that share elements are put into several tensors, in each of
// which no two do.
func lowerUnpool(e *emitter, v Value, in []string) string {
	w, shape := v.attr.window, e.shapeVector(v, in[2:])
	total := e.node("ReduceProd", []string{shape}, ir.Attribute{Name: "axes", Value: []int64{0}}, keepdims(true))
	if e.opset >= 18 {
		total = e.node("ReduceProd", []string{shape, e.ints(0)}, keepdims(true), ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)})
	}
	zeros := e.node("ConstantOfShape", []string{total}, ir.Attribute{Name: "value", Value: tensor.FromFloats(v.dtype, []int64{1}, []float64{0})})
	scatter := func(index, elements, reduction string) string {
		attrs := []ir.Attribute{{Name: "axis", Value: int64(0)}}
		if e.opset >= 16 {
			attrs = append(attrs, ir.Attribute{Name: "reduction", Value: reduction})
		}
		row := func(name string) string { return e.node("Reshape", []string{name, e.ints(-1)}, e.allowZero()...) }
		return e.node("ScatterElements", []string{zeros, row(index), row(elements)}, attrs...)
	}
	var y string
	switch classes := w.classes(); {
	case len(classes) == 1:
		y = scatter(in[1], in[0], "none")
	case e.opset >= 16:
		y = scatter(in[1], in[0], "add")
	default:
		for _, first := range classes {
			every := func(name string) string {
				ends := slices.Repeat([]int64{tensor.MaxSize}, len(first))
				return e.node("Slice", []string{name, e.ints(first...), e.ints(ends...), e.axes(places(2, 2+len(first))), e.ints(w.cycle()...)})
			}
			part := scatter(every(in[1]), every(in[0]), "")
			if y != "" {
				part = e.node("Add", []string{y, part})
			}
			y = part
		}
	}
	return e.node("Reshape", []string{y, shape}, e.allowZero()...)
}

// cycle is how many windows on from one, along each axis, the next begins that shares no
// element with it.
func (w *Window) cycle() []int64 {
	list := make([]int64, len(w.kernel))
	for axis := range list {
		list[axis] = (w.span(axis) + w.Strides[axis] - 1) / w.Strides[axis]
	}
	return list
}

// classes are the first windows of those that share no element with each other.
func (w *Window) classes() [][]int64 {
	all := [][]int64{nil}
	for _, n := range w.cycle() {
		var longer [][]int64
		for _, first := range all {
			for k := range n {
				longer = append(longer, append(slices.Clone(first), k))
			}
		}
		all = longer
	}
	return all
}

// lowerAveragePool writes dilations from opset 19 on, which has them.
func lowerAveragePool(e *emitter, v Value, in []string) string {
	w := v.attr.window.floored(v)
	auto, ceil, dilations, kernel, pads, strides := w.pooling()
	count := ir.Attribute{Name: "count_include_pad", Value: int64(0)}
	if w.CountPads {
		count.Value = int64(1)
	}
	attrs := []ir.Attribute{auto, ceil, count, dilations, kernel, pads, strides}
	if e.opset < 19 {
		attrs = slices.Delete(attrs, 3, 4)
	}
	return e.node("AveragePool", in, attrs...)
}

// averagePoolGrad gives each element of a window its share.
func averagePoolGrad(y, dy Value) []Value {
	x, w := y.arg(0), y.attr.window
	share := dy.BroadcastTo(y.shape).Div(y.b.poolCounts(y.dtype, w, x.shape[2:], y.shape[2:]))
	channels, err := tensor.Product(x.shape[:2]...)
	if err != nil {
		fail("AveragePool", y.args, "the gradient: %v", err)
	}
	single := append(tensor.Shape{channels, tensor.D(1)}, y.shape[2:]...)
	weights := ones(2)
	for _, k := range w.kernel {
		weights = append(weights, tensor.D(k))
	}
	return vs(share.Reshape(single).convTranspose(y.Like(1).BroadcastTo(weights), w, x.shape[2:]).Reshape(x.shape))
}

// poolCounts returns how many elements each mean is over, which broadcasts to windows
// behind the channels.
func (b *B) poolCounts(dtype tensor.DType, w *Window, sizes, windows tensor.Shape) Value {
	total := b.Const(dtype, 1)
	for axis, n := range sizes {
		stride, k, d := w.Strides[axis], w.kernel[axis], w.Dilations[axis]
		if slices.Max([]int64{w.before(axis), w.behind(axis)}) == 0 && !w.Ceil {
			total = total.Scale(float64(k))
			continue
		}
		start := b.Iota(1, 0, windows[axis]).Scale(float64(stride)).Shift(-float64(w.before(axis)))
		end := b.Count(tensor.Int64, tensor.Shape{n})
		if w.CountPads {
			end = end.Shift(float64(w.behind(axis)))
		}
		taps := func(limit Value) Value { // of a window, those before a limit: (limit-start)/d, rounded up
			return limit.Sub(start).Shift(float64(d - 1)).Max(start.Like(0)).Div(start.Like(float64(d))).Min(start.Like(float64(k)))
		}
		count := taps(end)
		if !w.CountPads {
			count = count.Sub(taps(start.Like(0)))
		}
		total = total.Mul(count.Cast(dtype).perChannel(len(sizes) - axis + 1))
	}
	return total
}

// MaxPool returns the largest element of each window of sizes kernel. Of equal ones
// the first has the gradient.
func (x Value) MaxPool(kernel []int64, w Window) Value {
	return emit("MaxPool", attr{window: w.of("MaxPool", kernel, x)}, x)
}

// AveragePool returns the mean of each window of sizes kernel, over the elements alone
// or, if asked, over the padding too.
func (x Value) AveragePool(kernel []int64, w Window) Value {
	return emit("AveragePool", attr{window: w.of("AveragePool", kernel, x)}, x)
}

// GlobalAveragePool returns the mean over all axes behind batch and channel, which
// stay as size 1.
func (x Value) GlobalAveragePool() Value { return emit("GlobalAveragePool", attr{}, x) }

// samePads returns pads for which there is a window for each stride.
func samePads(n, span, stride int64, lower bool) (before, behind int64) {
	total := max((n+stride-1)/stride*stride-stride+span-n, 0)
	if lower {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// Same returns w with pads for which x has a window for each stride, as ONNX's auto_pad
// has it: more of them behind the elements or, if lower, before them.
func (x Value) Same(kernel []int64, w Window, lower bool) Window {
	full := w.of("Same", kernel, x)
	if x.Rank() != 2+len(kernel) {
		fail("Same", []Value{x}, "windows of sizes %v do not move over %v", kernel, x)
	}
	w.Pads = make([]int64, 2*len(kernel))
	for axis, n := range x.shape[2:] {
		stride, span := full.Strides[axis], full.span(axis)
		if !n.Known() && stride > 1 {
			fail("Same", []Value{x}, "the padding of axis %d depends on the open size %v: make it a number, or export with explicit pads", 2+axis, n)
		}
		if !n.Known() {
			n.Size = 0 // at a stride of 1 the padding is the same for all sizes
		}
		w.Pads[axis], w.Pads[axis+len(kernel)] = samePads(n.Size, span, stride, lower)
	}
	return w
}
