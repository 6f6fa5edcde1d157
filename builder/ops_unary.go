package builder

import (
	"math"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines operations on one floating-point number.

func unaryOps() map[string]*op {
	return map[string]*op{
		"Neg": {doc: "-x", infer: sameType, elementwise: true, lower: direct("Neg"),
			vjp: func(y, dy Value) []Value { return vs(dy.Neg()) }},
		"Abs": {doc: "|x|; the gradient at 0 is 0", infer: sameFloat, elementwise: true, lower: direct("Abs"),
			vjp: func(y, dy Value) []Value { return vs(y.arg(0).Sign().Mul(dy)) }},
		"Sign": {doc: "-1, 0 or 1; 0 at NaN", infer: sameFloat, elementwise: true, lower: lowerSign,
			vjp: func(y, dy Value) []Value { return vs(Value{}) }},
		"Step": {doc: "1 where x > 0, else 0, also at NaN", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, v Value, in []string) string {
				return e.cast(e.node("Greater", []string{in[0], e.scalar(v.dtype, 0)}), tensor.Bool, v.dtype)
			},
			vjp: func(y, dy Value) []Value { return vs(Value{}) }},
		"Square": {doc: "x²", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, _ Value, in []string) string { return e.node("Mul", []string{in[0], in[0]}) },
			vjp:   func(y, dy Value) []Value { return vs(dy.Scale(2).Mul(y.arg(0))) }},
		"Exp": {doc: "e to the power x", infer: sameFloat, elementwise: true, lower: direct("Exp"),
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y)) }},
		"Log": {doc: "natural logarithm", infer: sameFloat, elementwise: true, lower: direct("Log"),
			vjp: func(y, dy Value) []Value { return vs(dy.Div(y.arg(0))) }},
		"Sqrt": {doc: "square root", infer: sameFloat, elementwise: true, lower: direct("Sqrt"),
			vjp: func(y, dy Value) []Value { return vs(dy.Div(y.Scale(2))) }},
		"Reciprocal": {doc: "1/x", infer: sameFloat, elementwise: true,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Div", []string{e.scalar(v.dtype, 1), in[0]})
			},
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y.Square()).Neg()) }},
		"Relu": {doc: "max(x, 0); the gradient at 0 and at NaN is 0", infer: sameFloat, elementwise: true, lower: direct("Relu"),
			vjp: func(y, dy Value) []Value { return vs(y.arg(0).Step().Mul(dy)) }},
		"ThresholdedRelu": {doc: "x where it is above a bound, else 0, also at NaN", infer: sameFloat, elementwise: true,
			lower: lowerThresholdedRelu,
			vjp: func(y, dy Value) []Value {
				x := y.arg(0)
				return vs(Where(x.Greater(x.Like(y.attr.nums[0])), dy, dy.Like(0)))
			}},
		"Clip": {doc: "x, limited to [lo, hi]; the gradient at and beyond a bound is 0", infer: sameFloat, elementwise: true, lower: lowerClip,
			vjp: func(y, dy Value) []Value {
				x, lo, hi := y.arg(0), y.attr.nums[0], y.attr.nums[1]
				inside := x.Greater(x.Like(lo))
				if math.IsInf(lo, -1) {
					inside = x.Less(x.Like(hi))
				} else if !math.IsInf(hi, 1) {
					inside = inside.And(x.Less(x.Like(hi)))
				}
				return vs(Where(inside, dy, dy.Like(0)))
			}},
		"Atan": {doc: "arc tangent", infer: sameFloat, elementwise: true, lower: lowerAtan,
			vjp: func(y, dy Value) []Value { return vs(dy.Div(y.arg(0).Square().Shift(1))) }},
		"Tanh": {doc: "hyperbolic tangent", infer: sameFloat, elementwise: true, lower: direct("Tanh"),
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y.Square().Neg().Shift(1))) }},
		"Sin": {doc: "sine", infer: sameFloat, elementwise: true, lower: direct("Sin"),
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y.arg(0).Cos())) }},
		"Cos": {doc: "cosine", infer: sameFloat, elementwise: true, lower: direct("Cos"),
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y.arg(0).Sin()).Neg()) }},
		"Round": {doc: "the next whole number, of two the even one", infer: sameFloat, elementwise: true, lower: direct("Round"),
			vjp: func(y, dy Value) []Value { return vs(Value{}) }},
		"Erf": {doc: "the error function, of float32", infer: sameFloat, elementwise: true, lower: direct("Erf"),
			vjp: func(y, dy Value) []Value { return vs(erfGrad(y.arg(0), dy)) }},
		"Cast": {doc: "conversion to another dtype",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.attr.dtype, c.args[0].shape },
			lower: func(e *emitter, v Value, in []string) string { return e.cast(in[0], v.arg(0).dtype, v.dtype) },
			vjp: func(y, dy Value) []Value {
				if x := y.arg(0); x.dtype.IsFloat() && y.dtype.IsFloat() {
					return vs(dy.Cast(x.dtype))
				}
				return vs(Value{})
			}},
	}
}

// lowerSign writes [x > 0] - [x < 0], which is 0 at NaN, as PyTorch's sgn in the
// gradient of |x|, and exact in every engine. ONNX's own Sign runs on one thread of
// ONNX Runtime, and products that raise x above 1 are folded to x·inf elsewhere.
func lowerSign(e *emitter, v Value, in []string) string {
	side := func(comparison string) string {
		return e.cast(e.node(comparison, []string{in[0], e.scalar(v.dtype, 0)}), tensor.Bool, v.dtype)
	}
	return e.node("Sub", []string{side("Greater"), side("Less")})
}

// lowerThresholdedRelu writes what is 0 below the bound, 0 at NaN. Relu comes first:
// some engines compute x·[x > alpha], which is NaN at -inf.
func lowerThresholdedRelu(e *emitter, v Value, in []string) string {
	alpha := v.attr.nums[0]
	if v.dtype == tensor.Float32 && alpha >= 0 && !e.naive && e.has("ThresholdedRelu") {
		return e.node("ThresholdedRelu", []string{e.node("Relu", in)}, ir.Attribute{Name: "alpha", Value: float32(alpha)})
	}
	above := e.node("Greater", []string{in[0], e.scalar(v.dtype, alpha)}) // ONNX Runtime knows no float64
	return e.node("Where", []string{above, in[0], e.scalar(v.dtype, 0)})
}

// lowerClip writes both bounds, also infinite ones: a bound that is left out
// stands for the largest finite number, which would change infinities.
func lowerClip(e *emitter, v Value, in []string) string {
	return e.node("Clip", []string{in[0], e.scalar(v.dtype, v.attr.nums[0]), e.scalar(v.dtype, v.attr.nums[1])})
}

// lowerAtan writes Atan, for which ONNX Runtime has no float64 kernel. There the
// float32 result y is corrected by atan(r) = r - r³/3 with r = tan(atan(x) - y),
// which is below 1e-7; at infinity the result is ±pi/2.
func lowerAtan(e *emitter, v Value, in []string) string {
	if v.dtype != tensor.Float64 {
		return e.node("Atan", in)
	}
	x := in[0]
	single := e.node("Atan", []string{e.cast(x, tensor.Float64, tensor.Float32)})
	y := e.cast(single, tensor.Float32, tensor.Float64)
	two := func(op, a, b string) string { return e.node(op, []string{a, b}) }
	sin, cos := e.node("Sin", []string{y}), e.node("Cos", []string{y})
	r := two("Div", two("Sub", two("Mul", x, cos), sin), two("Add", cos, two("Mul", x, sin)))
	cube := two("Mul", two("Mul", r, r), r)
	near := two("Add", y, two("Sub", r, two("Div", cube, e.scalar(v.dtype, 3))))
	far := two("Mul", e.node("Sign", in), e.scalar(v.dtype, math.Pi/2))
	infinite := two("Equal", e.node("Abs", in), e.scalar(v.dtype, math.Inf(1)))
	return e.node("Where", []string{infinite, far, near})
}

// Neg returns -x.
func (x Value) Neg() Value { return emit("Neg", attr{}, x) }

// Abs returns |x|. Its gradient at 0 is 0.
func (x Value) Abs() Value { return emit("Abs", attr{}, x) }

// Sign returns -1, 0 or 1; 0 at NaN.
func (x Value) Sign() Value { return emit("Sign", attr{}, x) }

// Step returns 1 where x > 0 and 0 elsewhere, also at NaN.
func (x Value) Step() Value { return emit("Step", attr{}, x) }

// Square returns x².
func (x Value) Square() Value { return emit("Square", attr{}, x) }

// Exp returns e to the power x.
func (x Value) Exp() Value { return emit("Exp", attr{}, x) }

// Log returns the natural logarithm.
func (x Value) Log() Value { return emit("Log", attr{}, x) }

// Sqrt returns the square root.
func (x Value) Sqrt() Value { return emit("Sqrt", attr{}, x) }

// Reciprocal returns 1/x.
func (x Value) Reciprocal() Value { return emit("Reciprocal", attr{}, x) }

// Relu returns max(x, 0), NaN at NaN. Its gradient at 0 and at NaN is 0, as that
// of PyTorch's clamp_min.
func (x Value) Relu() Value { return emit("Relu", attr{}, x) }

// ThresholdedRelu returns x where it is above alpha and 0 elsewhere, also at NaN.
func (x Value) ThresholdedRelu(alpha float64) Value {
	return emit("ThresholdedRelu", attr{nums: [2]float64{alpha}}, x)
}

// Clip returns x limited to [lo, hi]; infinite bounds do not limit. Its gradient
// at and beyond a bound is 0.
func (x Value) Clip(lo, hi float64) Value {
	if !(lo <= hi) {
		fail("Clip", []Value{x}, "bounds %v and %v are out of order", lo, hi)
	}
	return emit("Clip", attr{nums: [2]float64{lo, hi}}, x)
}

// Tanh returns the hyperbolic tangent.
func (x Value) Tanh() Value { return emit("Tanh", attr{}, x) }

// Atan returns the arc tangent.
func (x Value) Atan() Value { return emit("Atan", attr{}, x) }

// Sin returns the sine.
func (x Value) Sin() Value { return emit("Sin", attr{}, x) }

// Cos returns the cosine.
func (x Value) Cos() Value { return emit("Cos", attr{}, x) }

// Round returns the next whole number, of two the even one. Its gradient is 0.
func (x Value) Round() Value { return emit("Round", attr{}, x) }

// Cast returns x converted to a dtype. Booleans become 0 and 1.
func (x Value) Cast(to tensor.DType) Value { return emit("Cast", attr{dtype: to}, x) }
