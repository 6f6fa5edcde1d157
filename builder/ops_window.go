package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines padding, and sums and largest elements of windows.

func windowOps() map[string]*op {
	return map[string]*op{
		"Reverse": {doc: "the elements along an axis from the last to the first", infer: sameType,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Slice", []string{in[0], e.ints(-1), e.ints(math.MinInt64), e.axes(v.attr.axes), e.ints(-1)})
			},
			vjp: func(y, dy Value) []Value {
				if dy.Rank() > 0 && !dy.shape[y.attr.axes[0]].Is(1) {
					dy = dy.Reverse(y.attr.axes[0])
				}
				return vs(dy)
			}},
		"Every": {doc: "the elements 0, n, 2·n, ... along an axis", infer: inferEvery,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Slice", []string{in[0], e.ints(0), e.ints(math.MaxInt64), e.axes(v.attr.axes), e.ints(v.attr.ints[0])})
			},
			vjp: everyGrad},
	}
}

func inferEvery(c *call) (tensor.DType, tensor.Shape) {
	x, axis, n := c.args[0], c.attr.axes[0], c.attr.ints[0]
	shape := slices.Clone(x.shape)
	shape[axis] = c.b.every(shape[axis], n)
	return x.dtype, shape
}

// stride is every n-th element of a size.
type stride struct {
	size tensor.Dim
	n    int64
}

// every returns how many elements 0, n, 2·n, ... an axis has: a form where n divides
// the size but for a number, else a letter, one for all axes of a size.
func (b *B) every(size tensor.Dim, n int64) tensor.Dim {
	if d, ok := over(size, n); ok {
		return d
	}
	key := stride{size, n}
	if _, ok := b.strides[key]; !ok {
		b.strides[key] = b.unknown("every")
	}
	return b.strides[key]
}

// over divides a size by n and rounds up, where that is a form.
func over(size tensor.Dim, n int64) (tensor.Dim, bool) {
	parts := []tensor.Dim{tensor.D((size.Size + n - 1) / n)}
	if size.Size < 0 {
		parts[0] = tensor.D(size.Size / n)
	}
	for _, t := range size.Terms() {
		if t.Times%n != 0 {
			return tensor.Dim{}, false
		}
		factors := []tensor.Dim{tensor.D(t.Times / n)}
		for _, f := range t.Factors {
			factors = append(factors, f.Dim())
		}
		part, err := tensor.Product(factors...)
		if err != nil {
			return tensor.Dim{}, false
		}
		parts = append(parts, part)
	}
	d, err := tensor.Sum(parts...)
	return d, err == nil
}

// everyGrad puts n-1 zeros behind each element, and takes away those beyond the end.
func everyGrad(y, dy Value) []Value {
	axis, n, size := y.attr.axes[0], tensor.D(y.attr.ints[0]), y.arg(0).shape[y.attr.axes[0]]
	full := dy.BroadcastTo(y.shape)
	spaced := slices.Clone(y.shape)
	var err error
	if spaced[axis], err = n.Mul(y.shape[axis]); err != nil {
		fail("Every", y.args, "the gradient along axis %d: %v", axis, err)
	}
	full = full.Unsqueeze(axis+1).Pad(axis+1, tensor.D(0), tensor.D(n.Size-1), 0).Reshape(spaced)
	if spaced[axis] != size {
		full = full.narrow(axis, tensor.D(0), size)
	}
	return vs(full)
}

// Reverse returns the elements along an axis from the last to the first.
func (x Value) Reverse(axis int) Value {
	return emit("Reverse", attr{axes: []int{x.axis("Reverse", axis)}}, x)
}

// Every returns the elements 0, n, 2·n, ... along an axis.
func (x Value) Every(axis int, n int64) Value {
	axis = x.axis("Every", axis)
	if n < 1 || n > tensor.MaxSize {
		fail("Every", []Value{x}, "%d is no distance of elements", n)
	}
	if n == 1 {
		return x
	}
	return emit("Every", attr{axes: []int{axis}, ints: [2]int64{n}}, x)
}

// Pad returns x with a constant before and behind the elements of an axis. Negative
// numbers take elements away instead, as F.pad of PyTorch does.
func (x Value) Pad(axis int, before, behind tensor.Dim, constant float64) Value {
	axis = x.axis("Pad", axis)
	part := func(n tensor.Dim) Value {
		shape := slices.Clone(x.shape)
		shape[axis] = n
		return x.Like(constant).BroadcastTo(shape)
	}
	return x.pad("Pad", axis, before, behind, part, part)
}

// PadReplicate is [Value.Pad] with the first and the last element. A run with an axis
// of no elements ends.
func (x Value) PadReplicate(axis int, before, behind tensor.Dim) Value {
	axis = x.axis("PadReplicate", axis)
	if x.shape[axis].Is(0) {
		fail("PadReplicate", []Value{x}, "axis %d of %v has no element to repeat", axis, x)
	}
	part := func(start, end int64) func(n tensor.Dim) Value {
		return func(n tensor.Dim) Value {
			shape := slices.Clone(x.shape)
			shape[axis] = n
			return x.exactly(axis, start, end, 1).BroadcastTo(shape)
		}
	}
	return x.pad("PadReplicate", axis, before, behind, part(0, 1), part(-1, math.MaxInt64))
}

// PadReflect is [Value.Pad] with the elements that follow the first and that precede
// the last, mirrored. A run in which an axis does not have so many ends.
func (x Value) PadReflect(axis int, before, behind int64) Value {
	axis = x.axis("PadReflect", axis)
	if d, n := x.shape[axis], max(before, behind, 0); d.Known() && n > 0 && d.Size <= n {
		fail("PadReflect", []Value{x}, "axis %d of %v has no %d elements to mirror", axis, x, n)
	}
	front := func(n tensor.Dim) Value { return x.exactly(axis, 1, n.Size+1, n.Size).Reverse(axis) }
	back := func(n tensor.Dim) Value { return x.exactly(axis, -n.Size-1, -1, n.Size).Reverse(axis) }
	return x.pad("PadReflect", axis, tensor.D(before), tensor.D(behind), front, back)
}

// pad joins x with the parts that belong before and behind it.
func (x Value) pad(op string, axis int, before, behind tensor.Dim, front, back func(n tensor.Dim) Value) Value {
	more := func(n tensor.Dim) bool {
		least, _ := n.Bounds()
		if least < 0 && !n.Known() || n.Size > tensor.MaxSize || n.Size < -tensor.MaxSize {
			fail(op, []Value{x}, "%v is no number of elements to add to axis %d", n, axis)
		}
		return !n.Is(0) && least >= 0
	}
	parts := vs(x)
	if more(before) {
		parts = append(vs(front(before)), parts...)
	}
	if more(behind) {
		parts = append(parts, back(behind))
	}
	y := x
	if len(parts) > 1 {
		y = Concat(axis, parts...)
	}
	start, end := int64(0), int64(math.MaxInt64)
	if before.Known() && before.Size < 0 {
		start = -before.Size
	}
	if behind.Known() && behind.Size < 0 {
		end = behind.Size
	}
	if start == 0 && end == math.MaxInt64 {
		return y
	}
	return y.Slice(axis, start, end)
}

// exactly returns a range of an axis, and ends the run where it does not have n
// elements.
func (x Value) exactly(axis int, start, end, n int64) Value {
	y := x.Slice(axis, start, end)
	if y.shape[axis].Is(n) {
		return y
	}
	shape := slices.Clone(y.shape)
	shape[axis] = tensor.D(n)
	return y.Reshape(shape)
}

// WindowSum returns the sums of all windows of so many elements along some axes, one
// size for each: the windows that begin at every stride-th element and fit, as those
// of PyTorch's pooling without padding.
func (x Value) WindowSum(axes []int, sizes []int64, stride int64) Value {
	return x.windows("WindowSum", axes, sizes, stride, Value.Add)
}

// WindowMean is [Value.WindowSum], divided by the number of elements in a window.
func (x Value) WindowMean(axes []int, sizes []int64, stride int64) Value {
	n := 1.0
	for _, size := range sizes {
		n *= float64(size)
	}
	sum := x.windows("WindowMean", axes, sizes, stride, Value.Add)
	return sum.Div(sum.Like(n))
}

// WindowMax returns the largest element of each window, NaN where there is one. Of
// equal ones the first has all the gradient, as in PyTorch's max pooling.
func (x Value) WindowMax(axes []int, sizes []int64, stride int64) Value {
	return x.windows("WindowMax", axes, sizes, stride, func(first, next Value) Value {
		return Where(next.Greater(first).Or(next.Equal(next).Not()), next, first)
	})
}

// windows combines the elements of windows, from the first to the last. The last axis
// comes first, so that of equal windows along it the first remains.
func (x Value) windows(op string, axes []int, sizes []int64, stride int64, combine func(first, next Value) Value) Value {
	if len(axes) == 0 || len(axes) != len(sizes) || stride < 1 || stride > tensor.MaxSize {
		fail(op, []Value{x}, "%d axes, %d sizes and stride %d are no windows", len(axes), len(sizes), stride)
	}
	size := map[int]int64{}
	for i, a := range axes {
		axis := x.axis(op, a)
		if size[axis] != 0 || sizes[i] < 1 || sizes[i] > maxWindow {
			fail(op, []Value{x}, "windows of %d elements along axis %d of %v are not possible: 1 to %d are, once for an axis", sizes[i], a, x, maxWindow)
		}
		if d := x.shape[axis]; d.Known() && d.Size < sizes[i] {
			fail(op, []Value{x}, "axis %d of %v has less than %d elements", axis, x, sizes[i])
		}
		size[axis] = sizes[i]
	}
	y := x
	for axis := x.Rank() - 1; axis >= 0; axis-- {
		var all Value
		for k := range size[axis] {
			part := y.Slice(axis, k, endOf(k, size[axis]))
			if all.IsZero() {
				all = part
			} else {
				all = combine(all, part)
			}
		}
		if !all.IsZero() {
			y = all.Every(axis, stride)
		}
	}
	return y
}

// maxWindow bounds the nodes of a window.
const maxWindow = 1024

// endOf is where the slice of the elements number k of all windows ends.
func endOf(k, size int64) int64 {
	if k == size-1 {
		return math.MaxInt64
	}
	return k + 1 - size
}
