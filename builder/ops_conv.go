package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines convolutions. Each of the three is linear in both operands, and
// the gradients of one are the other two.

// Window says how a window moves over the axes behind batch and channel. Lists that
// are nil are 1 along each axis, pads 0.
type Window struct {
	Strides, Dilations []int64
	Pads               []int64 // before the elements of each axis, then behind them
	Group              int64   // groups of channels that do not meet; 0 is 1
	Ceil               bool    // pooling: the last window may end behind the padding
	CountPads          bool    // means: the padding counts
	kernel             []int64
}

// window is a Window with all its numbers, for a kernel.
func (w Window) of(op string, kernel []int64, args ...Value) *Window {
	n := len(kernel)
	fill := func(list []int64, size int, least int64) []int64 {
		if list == nil {
			return slices.Repeat([]int64{least}, size)
		}
		if len(list) != size || slices.Min(list) < least || slices.Max(list) > maxSpan {
			fail(op, args, "%v is no list of %d numbers from %d to %d", list, size, least, int64(maxSpan))
		}
		return slices.Clone(list)
	}
	w.Strides, w.Dilations, w.Pads = fill(w.Strides, n, 1), fill(w.Dilations, n, 1), fill(w.Pads, 2*n, 0)
	w.kernel = fill(kernel, n, 1)
	w.Group = max(w.Group, 1)
	return &w
}

// maxSpan bounds the numbers of a window, so that their products are numbers too.
const maxSpan = 1 << 30

// span is how many elements a window covers along an axis.
func (w *Window) span(axis int) int64 { return (w.kernel[axis]-1)*w.Dilations[axis] + 1 }

// before and behind are the pads of an axis.
func (w *Window) before(axis int) int64 { return w.Pads[axis] }
func (w *Window) behind(axis int) int64 { return w.Pads[axis+len(w.kernel)] }

// taps is the number of elements of a window.
func (w *Window) taps() int64 {
	n := int64(1)
	for _, k := range w.kernel {
		n *= k
	}
	return n
}

// places returns how many windows there are along an axis of n elements.
func (c *call) places(axis int, n tensor.Dim) tensor.Dim {
	w := c.attr.window
	rest := w.before(axis) + w.behind(axis) - w.span(axis) + 1
	if n.Known() && n.Size+rest < 1 {
		c.failf("a window of %d does not fit into %v elements with pads %d and %d", w.span(axis), n, w.before(axis), w.behind(axis))
	}
	if w.Ceil { // ceil(room/stride)+1 windows, but for one that begins behind the elements
		rest = w.before(axis) + min(w.behind(axis)-w.span(axis)+w.Strides[axis], 0)
	}
	d, err := n.Add(tensor.D(rest))
	if err == nil {
		d, err = d.Clamp()
	}
	if err != nil {
		return c.b.unknown("places")
	}
	return c.b.every(d, w.Strides[axis])
}

func convOps() map[string]*op {
	return map[string]*op{
		"Conv": {doc: "weighted sums of windows, one for each result channel; the third operand is a bias", infer: inferConv,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Conv", in, v.attr.window.attributes(v.attr.window.Pads)...)
			},
			vjp: func(y, dy Value) []Value {
				x, weight, w, full := y.arg(0), y.arg(1), y.attr.window, dy.BroadcastTo(y.shape)
				grads := vs(full.convTranspose(weight, w, x.shape[2:]), x.convWeight(full, w))
				if len(y.args) == 3 {
					grads = append(grads, full.SumOver(channelAxes(y.Rank())...))
				}
				return grads
			}},
		"ConvTranspose": {doc: "each element times the weights, added where its window lies", flow: 2, resizes: true,
			infer: inferConvTranspose, lower: lowerConvTranspose,
			vjp: func(y, dy Value) []Value {
				x, weight, w, full := y.arg(0), y.arg(1), y.attr.window, dy.BroadcastTo(y.shape)
				return vs(full.convLike(weight, w, x.shape[2:]), full.convWeight(x, w))
			}},
		"ConvWeight": {doc: "sums of products of the elements that each weight of a convolution meets with elements of its result",
			infer: inferConvWeight, lower: lowerConvWeight,
			vjp: func(y, dy Value) []Value {
				x, g, w, full := y.arg(0), y.arg(1), y.attr.window, dy.BroadcastTo(y.shape)
				return vs(g.convTranspose(full, w, x.shape[2:]), x.convLike(full, w, g.shape[2:]))
			}},
	}
}

// channelAxes are all axes but that of channels.
func channelAxes(rank int) []int { return append([]int{0}, places(2, rank)...) }

// convolves checks the operands x and weights of a convolution.
func (c *call) convolves(x, weight Value) {
	channels, known := weight.shape.Known()
	w := c.attr.window
	if x.Rank() < 3 || weight.Rank() != x.Rank() || !known || x.dtype != weight.dtype || !x.dtype.IsFloat() {
		c.failf("weights %v, whose sizes have to be numbers, do not move over %v", weight, x)
	}
	if channels[0]%w.Group != 0 {
		c.failf("%d channels are not in %d groups", channels[0], w.Group)
	}
}

func inferConv(c *call) (tensor.DType, tensor.Shape) {
	x, weight, w := c.args[0], c.args[1], c.attr.window
	c.convolves(x, weight)
	if !x.shape[1].Is(weight.shape[1].Size * w.Group) {
		c.failf("weights %v are not for the channels of %v in %d groups", weight, x, w.Group)
	}
	if len(c.args) == 3 && (!c.args[2].shape.Equal(weight.shape[:1]) || c.args[2].dtype != x.dtype) {
		c.failf("the bias is %v for %v", c.args[2], weight)
	}
	shape := tensor.Shape{x.shape[0], weight.shape[0]}
	for axis, n := range x.shape[2:] {
		shape = append(shape, c.places(axis, n))
	}
	return x.dtype, shape
}

func inferConvTranspose(c *call) (tensor.DType, tensor.Shape) {
	x, weight, w := c.args[0], c.args[1], c.attr.window
	c.convolves(x, weight)
	if x.shape[1] != weight.shape[0] {
		c.failf("weights %v are not for the channels of %v", weight, x)
	}
	return x.dtype, append(tensor.Shape{x.shape[0], tensor.D(weight.shape[1].Size * w.Group)}, c.attr.shape...)
}

func inferConvWeight(c *call) (tensor.DType, tensor.Shape) {
	x, g, w := c.args[0], c.args[1], c.attr.window
	if x.dtype != g.dtype || x.Rank() != g.Rank() || x.shape[0] != g.shape[0] || !x.shape[1].Known() || !g.shape[1].Known() || x.shape[1].Size%w.Group != 0 {
		c.failf("%v is no result of %v in %d groups", g, x, w.Group)
	}
	shape := tensor.Shape{g.shape[1], tensor.D(x.shape[1].Size / w.Group)}
	for _, k := range w.kernel {
		shape = append(shape, tensor.D(k))
	}
	return x.dtype, shape
}

// attributes are those of ONNX's convolutions, with these pads.
func (w *Window) attributes(pads []int64) []ir.Attribute {
	return []ir.Attribute{
		{Name: "auto_pad", Value: "NOTSET"}, {Name: "dilations", Value: w.Dilations}, {Name: "group", Value: w.Group},
		{Name: "kernel_shape", Value: w.kernel}, {Name: "pads", Value: pads}, {Name: "strides", Value: w.Strides},
	}
}

// lowerConvTranspose gives the result the size that is asked for by pads. Where that
// is a remainder which only running tells, the result gets more elements than that and
// is cut.
func lowerConvTranspose(e *emitter, v Value, in []string) string {
	w, x := v.attr.window, v.arg(0)
	pads, more := slices.Clone(w.Pads), make([]int64, len(w.kernel))
	var starts, axes []int64
	var ends []string
	for axis, size := range v.attr.shape {
		over, err := convSpan(x.shape[2+axis], w, axis).Sub(size)
		if err == nil && over.Known() {
			behind := over.Size - w.before(axis)
			pads[axis+len(w.kernel)], more[axis] = max(behind, 0), max(-behind, 0)
			continue
		}
		pads[axis], pads[axis+len(w.kernel)], more[axis] = 0, 0, w.Strides[axis]-1
		end := sizer{e, v.attr.reads, in[2:], false}.size(size)
		if w.before(axis) > 0 {
			end = e.node("Add", []string{end, e.ints(w.before(axis))})
		}
		starts, ends, axes = append(starts, w.before(axis)), append(ends, end), append(axes, int64(2+axis))
	}
	attrs := slices.Insert(w.attributes(pads), 4, ir.Attribute{Name: "output_padding", Value: more})
	y := e.node("ConvTranspose", in[:2], attrs...)
	if len(axes) == 0 {
		return y
	}
	end := ends[0]
	if len(ends) > 1 {
		end = e.node("Concat", ends, ir.Attribute{Name: "axis", Value: int64(0)})
	}
	return e.node("Slice", []string{y, e.ints(starts...), end, e.ints(axes...), e.ints(slices.Repeat([]int64{1}, len(axes))...)})
}

// convSpan is how many elements so many windows cover.
func convSpan(windows tensor.Dim, w *Window, axis int) tensor.Dim {
	stride := tensor.D(w.Strides[axis])
	d, err := stride.Mul(windows)
	if err == nil {
		d, err = d.Add(tensor.D(w.span(axis) - stride.Size))
	}
	if err != nil {
		fail("ConvTranspose", nil, "%v windows: %v", windows, err)
	}
	return d
}

// Conv returns the convolution of x [N,C,...] with weights [O,C/group,...], as ONNX and
// PyTorch have it; bias [O] may be the zero Value.
func (x Value) Conv(weight, bias Value, w Window) Value {
	args := vs(x, weight)
	if !bias.IsZero() {
		args = append(args, bias)
	}
	return emit("Conv", attr{window: w.of("Conv", weight.kernel("Conv"), args...)}, args...)
}

// kernel are the sizes of weights behind the channels.
func (weight Value) kernel(op string) []int64 {
	if weight.Rank() < 3 {
		fail(op, []Value{weight}, "%v are no weights of windows", weight)
	}
	kernel, ok := weight.shape[2:].Known()
	if !ok {
		fail(op, []Value{weight}, "the sizes of the weights %v have to be numbers", weight)
	}
	return kernel
}

// ConvTranspose returns the transposed convolution of x [N,C,...] with weights
// [C,O/group,...]; more is how many elements the result has behind the last window,
// nil for none. bias [O] may be the zero Value.
func (x Value) ConvTranspose(weight, bias Value, w Window, more []int64) Value {
	full := w.of("ConvTranspose", weight.kernel("ConvTranspose"), x, weight)
	if x.Rank() != weight.Rank() {
		fail("ConvTranspose", []Value{x, weight}, "weights %v do not move over %v", weight, x)
	}
	var sizes tensor.Shape
	for axis, n := range x.shape[2:] {
		rest := -full.before(axis) - full.behind(axis)
		if more != nil {
			rest += more[axis]
		}
		d, err := convSpan(n, full, axis).Add(tensor.D(rest))
		if err == nil {
			d, err = d.Clamp()
		}
		if err != nil {
			fail("ConvTranspose", []Value{x, weight}, "the size of axis %d: %v", 2+axis, err)
		}
		sizes = append(sizes, d)
	}
	y := x.convTranspose(weight, full, sizes)
	if bias.IsZero() {
		return y
	}
	return y.Add(bias.perChannel(y.Rank()))
}

// perChannel gives a vector of a number for each channel the axes behind it.
func (v Value) perChannel(rank int) Value {
	if rank == 2 {
		return v
	}
	return v.Unsqueeze(places(1, rank-1)...)
}

// convTranspose returns the result of such sizes, which are between the elements that
// the windows meet and a stride more.
func (x Value) convTranspose(weight Value, w *Window, sizes tensor.Shape) Value {
	reads := x.b.sources(sizes...)
	return emit("ConvTranspose", attr{window: w, shape: sizes, reads: reads}, append(vs(x, weight), values(reads)...)...)
}

// convLike returns the convolution whose result has such sizes.
func (x Value) convLike(weight Value, w *Window, sizes tensor.Shape) Value {
	own := *w
	own.Pads = slices.Clone(w.Pads)
	for axis, size := range sizes {
		over, err := convSpan(size, w, axis).Sub(x.shape[2+axis])
		if err == nil && over.Known() { // beyond: pads; less: elements that no window meets
			own.Pads[axis+len(w.kernel)] = max(over.Size-w.before(axis), 0)
		}
	}
	y := emit("Conv", attr{window: &own}, x, weight)
	want := append(slices.Clone(y.shape[:2]), sizes...)
	if y.shape.Equal(want) {
		return y
	}
	return y.Reshape(want)
}

func (x Value) convWeight(dy Value, w *Window) Value {
	return emit("ConvWeight", attr{window: w}, x, dy)
}
