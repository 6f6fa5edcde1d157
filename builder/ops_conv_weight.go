package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file writes the gradient of a convolution's weights, in the form that ONNX
// Runtime is fastest at.

// manyTaps is from where on one convolution is cheaper than a slice for each weight.
const manyTaps = 25

// weightGrad writes one. x and g are the names of the convolution's operand and of its
// result's gradient.
type weightGrad struct {
	*emitter
	w                 *Window
	x, g              string
	sizes, windows    tensor.Shape // of the axes behind the channels
	channels, results int64        // of a group
}

func lowerConvWeight(e *emitter, v Value, in []string) string {
	x, dy, w := v.arg(0), v.arg(1), v.attr.window
	c := weightGrad{emitter: e, w: w, x: in[0], g: in[1], sizes: x.shape[2:], windows: dy.shape[2:],
		channels: x.shape[1].Size / w.Group, results: dy.shape[1].Size / w.Group}
	switch {
	case w.Group == 1 && c.apart():
		return c.byPatches()
	case w.taps() > manyTaps:
		return c.byConv()
	case w.Group > 1 && c.channels == 1 && c.results == 1:
		return c.byTaps()
	case w.Group > 1:
		return c.byGroups()
	}
	return c.byRows()
}

// apart reports whether the windows, of more than one element, lie side by side.
func (c weightGrad) apart() bool {
	for axis, k := range c.w.kernel {
		n := c.windows[axis]
		if c.w.Strides[axis] != k || c.w.Dilations[axis] != 1 || c.w.before(axis) != 0 || !n.Known() || !c.sizes[axis].Is(n.Size*k) {
			return false
		}
	}
	return c.w.taps() > 1
}

func (c weightGrad) transpose(name string, order ...int) string {
	return c.node("Transpose", []string{name}, ir.Attribute{Name: "perm", Value: ints(order)})
}

// reshape takes -1 for what remains.
func (c weightGrad) reshape(name string, sizes ...int64) string {
	return c.node("Reshape", []string{name, c.ints(sizes...)}, c.allowZero()...)
}

// axes are those behind batch and channel.
func (c weightGrad) axes() []int { return places(2, 2+len(c.w.kernel)) }

// gradientRows is the result's gradient as a matrix of a row for each channel.
func (c weightGrad) gradientRows() string {
	return c.reshape(c.transpose(c.g, append([]int{1, 0}, c.axes()...)...), c.results*c.w.Group, -1)
}

// shaped gives a result the shape of the weights.
func (c weightGrad) shaped(name string) string {
	return c.reshape(name, append([]int64{c.results * c.w.Group, c.channels}, c.w.kernel...)...)
}

func (c weightGrad) product(a, b string) string { return c.node("MatMul", []string{a, b}) }

// byPatches cuts the operand into its windows: rows of a matrix, without a copy for
// each weight.
func (c weightGrad) byPatches() string {
	split, order, inner := []int64{-1, c.channels}, []int{0}, []int{1}
	for axis, k := range c.w.kernel {
		split = append(split, c.windows[axis].Size, k)
		order, inner = append(order, 2+2*axis), append(inner, 3+2*axis)
	}
	rows := c.transpose(c.reshape(c.x, split...), append(order, inner...)...)
	rows = c.reshape(rows, -1, c.channels*c.w.taps())
	return c.shaped(c.product(c.gradientRows(), rows))
}

// byRows writes a row of the elements that a window meets for each window, and one
// product of matrices.
func (c weightGrad) byRows() string {
	rows := c.reshape(c.patches(), -1, c.w.taps()*c.channels)
	y := c.product(c.gradientRows(), rows) // [O, K·C]
	if c.w.taps() > 1 {
		y = c.transpose(c.reshape(y, c.results, c.w.taps(), c.channels), 0, 2, 1)
	}
	return c.shaped(y)
}

// byGroups is byRows with a product for each group.
func (c weightGrad) byGroups() string {
	group, taps := c.w.Group, c.w.taps()
	rows := c.transpose(c.reshape(c.patches(), -1, taps, group, c.channels), 2, 0, 1, 3)
	rows = c.reshape(rows, group, -1, taps*c.channels)
	y := c.product(c.reshape(c.gradientRows(), group, c.results, -1), rows)
	y = c.transpose(c.reshape(y, group, c.results, taps, c.channels), 0, 1, 3, 2)
	return c.shaped(y)
}

// byTaps sums the products with each weight's elements, of channels that do not meet.
func (c weightGrad) byTaps() string {
	x, sum := c.padded(c.x), ir.Attribute{Name: "noop_with_empty_axes", Value: int64(0)}
	var parts []string
	for tap := range c.w.taps() {
		product := c.node("Mul", []string{c.g, c.tap(x, tap, 2)})
		parts = append(parts, c.node("ReduceSum", []string{product, c.emitter.axes(append([]int{0}, c.axes()...))}, keepdims(true), sum))
	}
	return c.shaped(c.join(parts, 2))
}

// byConv moves the result's gradient over the operand: channels are its batch, and the
// batch its channels.
func (c weightGrad) byConv() string {
	n := len(c.w.kernel)
	swapped := append([]int{1, 0}, c.axes()...)
	x := c.x
	if c.w.Group == 1 {
		x = c.transpose(x, swapped...)
	} else { // [N, G·c, ...] to [c, G·N, ...]
		behind := c.node("Slice", []string{c.node("Shape", []string{x}), c.ints(2), c.ints(math.MaxInt64), c.ints(0), c.ints(1)})
		along := func(sizes ...int64) string {
			return c.node("Concat", []string{c.ints(sizes...), behind}, ir.Attribute{Name: "axis", Value: int64(0)})
		}
		x = c.node("Reshape", []string{x, along(-1, c.w.Group, c.channels)}, c.allowZero()...)
		x = c.transpose(x, append([]int{2, 1, 0}, places(3, 3+n)...)...)
		x = c.node("Reshape", []string{x, along(c.channels, -1)}, c.allowZero()...)
	}
	y := c.node("Conv", []string{x, c.transpose(c.g, swapped...)}, ir.Attribute{Name: "auto_pad", Value: "NOTSET"},
		ir.Attribute{Name: "dilations", Value: c.w.Strides}, ir.Attribute{Name: "group", Value: c.w.Group},
		ir.Attribute{Name: "pads", Value: c.w.Pads}, ir.Attribute{Name: "strides", Value: c.w.Dilations})
	ones, zeros := slices.Repeat([]int64{1}, n), make([]int64, n)
	y = c.node("Slice", []string{y, c.ints(zeros...), c.ints(c.w.kernel...), c.emitter.axes(c.axes()), c.ints(ones...)})
	return c.transpose(y, swapped...)
}

// patches returns, with channels last, what each weight meets: [N, ..., K·C].
func (c weightGrad) patches() string {
	x := c.transpose(c.padded(c.x), append(append([]int{0}, c.axes()...), 1)...)
	var parts []string
	for tap := range c.w.taps() {
		parts = append(parts, c.tap(x, tap, 1))
	}
	return c.join(parts, 1+len(c.w.kernel))
}

func (c weightGrad) join(parts []string, axis int) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return c.node("Concat", parts, ir.Attribute{Name: "axis", Value: int64(axis)})
}

// padded returns the operand with its padding and, where sizes are open, without
// elements that no window meets.
func (c weightGrad) padded(x string) string {
	n := len(c.w.kernel)
	if slices.Max(c.w.Pads) > 0 {
		pads := slices.Concat([]int64{0, 0}, c.w.Pads[:n], []int64{0, 0}, c.w.Pads[n:])
		x = c.node("Pad", []string{x, c.ints(pads...)}, ir.Attribute{Name: "mode", Value: "constant"})
	}
	if _, known := c.windows.Known(); known || slices.Max(c.w.Strides) == 1 {
		return x
	}
	spans, ones := make([]int64, n), slices.Repeat([]int64{1}, n)
	for axis := range spans {
		spans[axis] = c.w.span(axis) - c.w.Strides[axis]
	}
	windows := c.node("Slice", []string{c.node("Shape", []string{c.g}), c.ints(2), c.ints(math.MaxInt64), c.ints(0), c.ints(1)})
	ends := c.node("Add", []string{c.node("Mul", []string{windows, c.ints(c.w.Strides...)}), c.ints(spans...)})
	return c.node("Slice", []string{x, c.ints(make([]int64, n)...), ends, c.emitter.axes(c.axes()), c.ints(ones...)})
}

// tap returns the elements that a weight meets, whose axes begin at first.
func (c weightGrad) tap(x string, number int64, first int) string {
	n := len(c.w.kernel)
	starts, ends, whole := make([]int64, n), make([]int64, n), true
	for axis := n - 1; axis >= 0; axis-- {
		k := number % c.w.kernel[axis]
		number /= c.w.kernel[axis]
		starts[axis] = k * c.w.Dilations[axis]
		ends[axis] = starts[axis] + 1 - c.w.span(axis) // from the end of what is left
		if count := c.windows[axis]; count.Known() {
			ends[axis] = starts[axis] + (count.Size-1)*c.w.Strides[axis] + 1
			padded, err := c.sizes[axis].Add(tensor.D(c.w.before(axis) + c.w.behind(axis)))
			whole = whole && err == nil && padded.Is(ends[axis])
		} else if ends[axis] == 0 {
			ends[axis] = math.MaxInt64
		}
		whole = whole && starts[axis] == 0 && c.w.Strides[axis] == 1 && (ends[axis] == math.MaxInt64 || c.windows[axis].Known())
	}
	if whole {
		return x
	}
	return c.node("Slice", []string{x, c.ints(starts...), c.ints(ends...), c.emitter.axes(places(first, first+n)), c.ints(c.w.Strides...)})
}
