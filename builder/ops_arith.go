package builder

import "math"

// This file defines operations on two numbers.

func arithOps() map[string]*op {
	return map[string]*op{
		"Add": {doc: "a + b", infer: broadcast, elementwise: true, lower: direct("Add"),
			vjp: func(y, dy Value) []Value { return vs(dy, dy) }},
		"Sub": {doc: "a - b", infer: broadcast, elementwise: true, lower: direct("Sub"),
			vjp: func(y, dy Value) []Value { return vs(dy, dy.Neg()) }},
		"Mul": {doc: "a · b", infer: broadcast, elementwise: true, lower: lowerFactor("Mul"),
			vjp: func(y, dy Value) []Value { return vs(dy.Mul(y.arg(1)), dy.Mul(y.arg(0))) }},
		"Div": {doc: "a / b", infer: broadcast, elementwise: true, lower: lowerFactor("Div"),
			vjp: func(y, dy Value) []Value { // da = dy/b;  db = -y·dy/b
				da := dy.Div(y.arg(1))
				return vs(da, da.Mul(y).Neg())
			}},
		"Max": {doc: "the larger of a and b; NaN if either is", infer: broadcast, elementwise: true, lower: direct("Max"),
			vjp: func(y, dy Value) []Value {
				a, b := y.arg(0), y.arg(1)
				return vs(tieGrad(a, b, dy), tieGrad(b, a, dy))
			}},
		"Min": {doc: "the smaller of a and b; NaN if either is", infer: broadcast, elementwise: true, lower: direct("Min"),
			vjp: func(y, dy Value) []Value {
				a, b := y.arg(0), y.arg(1)
				return vs(tieGrad(b, a, dy), tieGrad(a, b, dy))
			}},
		"Pow": {doc: "x to a constant power", infer: sameFloat, elementwise: true, lower: lowerPow,
			vjp: func(y, dy Value) []Value { // p·x^(p-1); PyTorch: 0 for p = 0, also at NaN
				x, p := y.arg(0), y.attr.nums[0]
				if p == 0 {
					return vs(Value{})
				}
				return vs(dy.Mul(x.Pow(p - 1).Scale(p)))
			}},
	}
}

// tieGrad is the gradient of max(a, b) for a, as PyTorch defines it: all of dy
// where a is larger or a NaN is involved, half of it at a tie, else 0.
// Exchanging a and b in the comparison gives the gradient of min.
func tieGrad(a, b, dy Value) Value {
	share := a.Equal(b).Cast(dy.dtype).Scale(-0.5).Shift(1) // a Where costs more
	return Where(a.Less(b), dy.Like(0), dy.Mul(share))
}

// lowerFactor writes a product or a quotient. ONNX Runtime makes a constant factor part of
// the product of matrices beside it, as a float32, and refuses one that is not finite
// there: x·c is 1/((1/c)/x) then, which it leaves alone.
func lowerFactor(op string) func(*emitter, Value, []string) string {
	return func(e *emitter, v Value, in []string) string {
		for i, other := range []int{1, 0} {
			c, ok := v.arg(i).constant()
			if op == "Div" {
				c, ok = 1/c, ok && i == 1
			}
			if f := float64(float32(c)); ok && v.Rank() > 1 && (math.IsInf(f, 0) || math.IsNaN(f)) {
				return e.node("Div", []string{e.scalar(v.dtype, 1), e.node("Div", []string{e.scalar(v.dtype, 1/c), in[other]})})
			}
		}
		return e.node(op, in)
	}
}

func lowerPow(e *emitter, v Value, in []string) string {
	switch p := v.attr.nums[0]; p {
	case 2:
		return e.node("Mul", []string{in[0], in[0]})
	case 3:
		return e.node("Mul", []string{e.node("Mul", []string{in[0], in[0]}), in[0]})
	case 0.5: // PyTorch takes the square root, which is rounded correctly
		return e.node("Sqrt", in)
	default:
		return e.node("Pow", []string{in[0], e.scalar(v.dtype, p)})
	}
}

// Add returns x + y, broadcast.
func (x Value) Add(y Value) Value { return emit("Add", attr{}, x, y) }

// Sub returns x - y, broadcast.
func (x Value) Sub(y Value) Value { return emit("Sub", attr{}, x, y) }

// Mul returns x · y, broadcast.
func (x Value) Mul(y Value) Value { return emit("Mul", attr{}, x, y) }

// Div returns x / y, broadcast. Integers are cut off towards zero.
func (x Value) Div(y Value) Value { return emit("Div", attr{}, x, y) }

// Max returns the larger of x and y, broadcast; NaN if either is NaN.
func (x Value) Max(y Value) Value { return emit("Max", attr{}, x, y) }

// Min returns the smaller of x and y, broadcast; NaN if either is NaN.
func (x Value) Min(y Value) Value { return emit("Min", attr{}, x, y) }

// Scale returns c · x.
func (x Value) Scale(c float64) Value { return x.Mul(x.Like(c)) }

// Shift returns x + c.
func (x Value) Shift(c float64) Value { return x.Add(x.Like(c)) }

// Pow returns x to the power p. As in PyTorch, x to the power 0 is 1 also at
// NaN, with gradient 0.
func (x Value) Pow(p float64) Value {
	switch p {
	case 0:
		return x.Like(1).BroadcastTo(x.shape)
	case 1:
		return x
	case 2:
		return x.Square()
	}
	return emit("Pow", attr{nums: [2]float64{p}}, x)
}
