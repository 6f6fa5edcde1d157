package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines what makes axes longer: padding of several axes at once, and
// resampling.

func resizeOps() map[string]*op {
	return map[string]*op{
		"PadConstant": {doc: "the operand between constants; negative numbers take elements away", infer: inferPadConstant, lower: lowerPadConstant,
			vjp: func(y, dy Value) []Value {
				back := make([]int64, len(y.attr.list))
				for i, n := range y.attr.list {
					back[i] = -n
				}
				return vs(emit("PadConstant", attr{list: back}, dy.BroadcastTo(y.shape)))
			}},
		"Resize": {doc: "each axis resampled: elements are weighted sums of those nearby", infer: inferResize, lower: lowerResize, flow: 1, resizes: true,
			vjp: resizeGrad},
	}
}

func inferPadConstant(c *call) (tensor.DType, tensor.Shape) {
	x, pads := c.args[0], c.attr.list
	shape := slices.Clone(x.shape)
	for axis, d := range x.shape {
		before, behind := pads[axis], pads[axis+x.Rank()]
		n, err := d.Add(tensor.D(before + behind))
		if err == nil && d.Known() && (n.Size < 0 || d.Size+min(before, 0) < 0 || d.Size+min(behind, 0) < 0) {
			c.failf("axis %d of %v does not have the elements that pads %d and %d take away", axis, x, before, behind)
		}
		if err == nil {
			n, err = n.Clamp()
		}
		if err != nil {
			n = c.b.unknown("padded")
		}
		shape[axis] = n
	}
	return x.dtype, shape
}

func lowerPadConstant(e *emitter, v Value, in []string) string {
	args := []string{in[0], e.ints(v.attr.list...)}
	if c := v.attr.nums[0]; c != 0 {
		args = append(args, e.scalar(v.dtype, c))
	}
	return e.node("Pad", args, ir.Attribute{Name: "mode", Value: "constant"})
}

// PadAll returns x with a constant before and behind the elements of each axis: all
// the numbers before, then all behind. Negative ones take elements away.
func (x Value) PadAll(pads []int64, constant float64) Value {
	if len(pads) != 2*x.Rank() || len(pads) > 0 && (slices.Min(pads) < -maxSpan || slices.Max(pads) > maxSpan) {
		fail("PadAll", []Value{x}, "%v are no pads of %v", pads, x)
	}
	if !slices.ContainsFunc(pads, func(n int64) bool { return n != 0 }) {
		return x
	}
	return emit("PadConstant", attr{list: slices.Clone(pads), nums: [2]float64{constant}}, x)
}

// PadWrap is [Value.Pad] with the elements of the other end.
func (x Value) PadWrap(axis int, before, behind int64) Value {
	axis = x.axis("PadWrap", axis)
	if d, n := x.shape[axis], max(before, behind); d.Known() && d.Size < n {
		fail("PadWrap", []Value{x}, "axis %d of %v has no %d elements to repeat", axis, x, n)
	}
	front := func(n tensor.Dim) Value { return x.exactly(axis, -n.Size, tensor.MaxSize, n.Size) }
	back := func(n tensor.Dim) Value { return x.exactly(axis, 0, n.Size, n.Size) }
	return x.pad("PadWrap", axis, tensor.D(before), tensor.D(behind), front, back)
}

// Resampling says how [Value.Resize] computes new elements: the attributes of ONNX's
// Resize, by name.
type Resampling struct {
	Mode, Coordinates, Nearest string // "" is ONNX's default
	CubicA                     float64
	ExcludeOutside, Antialias  bool
	Scales                     []float64 // one for each axis; nil: the quotients of the sizes
}

func inferResize(c *call) (tensor.DType, tensor.Shape) {
	x, r := c.args[0], c.attr.resampling
	if !x.dtype.IsFloat() || len(c.attr.shape) != x.Rank() || r.Scales != nil && len(r.Scales) != x.Rank() {
		c.failf("%v is not resampled to %v with scales %v", x, c.attr.shape, r.Scales)
	}
	return x.dtype, c.attr.shape
}

func lowerResize(e *emitter, v Value, in []string) string {
	r, args := v.attr.resampling, []string{in[0], "", ""}
	flag := func(set bool) int64 {
		if set {
			return 1
		}
		return 0
	}
	if r.Scales != nil {
		args[2] = e.constant(tensor.FromFloats(tensor.Float32, []int64{int64(len(r.Scales))}, r.Scales))
	} else {
		args = append(args, e.shapeVector(v, in[1:]))
	}
	attrs := []ir.Attribute{
		{Name: "coordinate_transformation_mode", Value: r.Coordinates}, {Name: "cubic_coeff_a", Value: float32(r.CubicA)},
		{Name: "exclude_outside", Value: flag(r.ExcludeOutside)}, {Name: "extrapolation_value", Value: float32(0)}}
	if e.opset >= 18 {
		attrs = append([]ir.Attribute{{Name: "antialias", Value: flag(r.Antialias)}}, attrs...)
		attrs = append(attrs, ir.Attribute{Name: "keep_aspect_ratio_policy", Value: "stretch"})
	}
	attrs = append(attrs, ir.Attribute{Name: "mode", Value: r.Mode}, ir.Attribute{Name: "nearest_mode", Value: r.Nearest})
	return e.node("Resize", args, attrs...)
}

// resizeGrad: resampling an axis is a product with a matrix, which is the identity
// matrix resampled in the same way.
func resizeGrad(y, dy Value) []Value {
	x, r, dx := y.arg(0), y.attr.resampling, dy.BroadcastTo(y.shape)
	for axis, size := range x.shape {
		if size == y.shape[axis] && (r.Scales == nil || r.Scales[axis] == 1) {
			continue
		}
		own := *r
		if r.Scales != nil {
			own.Scales = []float64{r.Scales[axis], 1}
		}
		row, column := x.b.Iota(2, 0, size), x.b.Iota(2, 1, size)
		matrix := row.Equal(column).Cast(x.dtype).resize(tensor.Shape{y.shape[axis], size}, &own)
		switch last := x.Rank() - 1; axis {
		case last:
			dx = dx.MatMul(matrix)
		case last - 1:
			dx = emit("MatMul", attr{ints: [2]int64{1, 0}}, matrix, dx)
		default:
			order := places(0, x.Rank())
			order[axis], order[last] = last, axis
			dx = dx.Transpose(order...).MatMul(matrix).Transpose(order...)
		}
	}
	return vs(dx)
}

func (x Value) resize(shape tensor.Shape, r *Resampling) Value {
	var reads []bind
	if r.Scales == nil { // which tell the sizes too
		reads = x.b.sources(shape...)
	}
	return emit("Resize", attr{shape: shape, resampling: r, reads: reads}, append(vs(x), values(reads)...)...)
}

// Resize returns x resampled to a shape. With scales the shape is what they give.
func (x Value) Resize(shape tensor.Shape, r Resampling) Value {
	if r.Scales != nil {
		shape = x.scaled(r.Scales)
	}
	def := func(text *string, value string) {
		if *text == "" {
			*text = value
		}
	}
	def(&r.Mode, "nearest")
	def(&r.Coordinates, "half_pixel")
	def(&r.Nearest, "round_prefer_floor")
	if r.CubicA == 0 {
		r.CubicA = -0.75
	}
	return x.resize(shape, &r)
}

// scaled is x's shape times scales, rounded down.
func (x Value) scaled(scales []float64) tensor.Shape {
	if len(scales) != x.Rank() {
		fail("Resize", []Value{x}, "%v are no scales of %v", scales, x)
	}
	shape := slices.Clone(x.shape)
	for axis, d := range x.shape {
		times := scales[axis]
		whole := tensor.D(int64(times))
		switch {
		case !(times > 0) || times > maxSpan:
			fail("Resize", []Value{x}, "axis %d has the scale %v", axis, times)
		case d.Known():
			shape[axis] = tensor.D(int64(float64(float32(times)) * float64(d.Size)))
		case float64(whole.Size) != times:
			shape[axis] = x.b.unknown("scaled")
		default:
			var err error
			if shape[axis], err = whole.Mul(d); err != nil {
				fail("Resize", []Value{x}, "axis %d: %v", axis, err)
			}
		}
	}
	return shape
}
