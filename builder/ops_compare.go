package builder

import "github.com/lossgen/lossgen/builder/tensor"

// This file defines comparisons, logic and selection.

func compareOps() map[string]*op {
	none := func(y, dy Value) []Value { return make([]Value, len(y.args)) }
	return map[string]*op{
		"Equal":          {doc: "a == b; false at NaN", infer: compare, elementwise: true, lower: direct("Equal"), vjp: none},
		"Less":           {doc: "a < b; false at NaN", infer: compare, elementwise: true, lower: direct("Less"), vjp: none},
		"Greater":        {doc: "a > b; false at NaN", infer: compare, elementwise: true, lower: direct("Greater"), vjp: none},
		"GreaterOrEqual": {doc: "a >= b; false at NaN", infer: compare, elementwise: true, lower: direct("GreaterOrEqual"), vjp: none},
		"LessOrEqual":    {doc: "a <= b; false at NaN", infer: compare, elementwise: true, lower: direct("LessOrEqual"), vjp: none},
		"And":            {doc: "both", infer: logical, elementwise: true, lower: direct("And"), vjp: none},
		"Or":             {doc: "either", infer: logical, elementwise: true, lower: direct("Or"), vjp: none},
		"Not":            {doc: "the opposite", infer: logical, elementwise: true, lower: direct("Not"), vjp: none},
		"Where": {doc: "a where the condition holds, else b", infer: inferWhere, elementwise: true, lower: direct("Where"),
			vjp: func(y, dy Value) []Value {
				c, zero := y.arg(0), dy.Like(0)
				return vs(Value{}, Where(c, dy, zero), Where(c, zero, dy))
			}},
	}
}

func inferWhere(c *call) (tensor.DType, tensor.Shape) {
	if c.args[0].dtype != tensor.Bool {
		c.failf("the condition is %v, want bool", c.args[0])
	}
	if c.args[1].dtype != c.args[2].dtype {
		c.failf("operands have different dtypes: %v and %v", c.args[1], c.args[2])
	}
	shape, err := tensor.Broadcast(c.args[1].shape, c.args[2].shape)
	if err == nil {
		shape, err = tensor.Broadcast(c.args[0].shape, shape)
	}
	if err != nil {
		c.failf("%v", err)
	}
	return c.args[1].dtype, shape
}

// Equal returns x == y, broadcast; false where either is NaN.
func (x Value) Equal(y Value) Value { return emit("Equal", attr{}, x, y) }

// Less returns x < y, broadcast; false where either is NaN.
func (x Value) Less(y Value) Value { return emit("Less", attr{}, x, y) }

// Greater returns x > y, broadcast; false where either is NaN.
func (x Value) Greater(y Value) Value { return emit("Greater", attr{}, x, y) }

// GreaterOrEqual returns x >= y, broadcast; false where either is NaN.
func (x Value) GreaterOrEqual(y Value) Value { return emit("GreaterOrEqual", attr{}, x, y) }

// LessOrEqual returns x <= y, broadcast; false where either is NaN.
func (x Value) LessOrEqual(y Value) Value { return emit("LessOrEqual", attr{}, x, y) }

// And returns whether both hold, broadcast.
func (x Value) And(y Value) Value { return emit("And", attr{}, x, y) }

// Or returns whether either holds, broadcast.
func (x Value) Or(y Value) Value { return emit("Or", attr{}, x, y) }

// Not returns the opposite of x.
func (x Value) Not() Value { return emit("Not", attr{}, x) }

// Where returns a where the condition holds and b elsewhere, broadcast. The side
// that was not chosen gets gradient 0, also where it is not finite. It is exact in every
// engine. Use it for few elements, such as one a row, and [Select] for many.
func Where(condition, a, b Value) Value { return emit("Where", attr{}, condition, a, b) }

// Select is [Where] for many elements and a condition that is now true, now false:
// ONNX Runtime's Where takes 15 to 29 ms for four million such elements, on one
// thread, this 4. The two operands are stacked, and each element is picked by the
// number of its operand. Where the condition is smaller than the result, or the
// elements are known to be few, or for a [Target], it is Where. It is exact in every
// engine: no arithmetic touches the elements.
func Select(condition, a, b Value) Value {
	plain := Where(condition, a, b)
	if plain.op.code != "Where" || !condition.shape.Equal(plain.shape) || plain.Rank() == 0 || plain.isSmall() || plain.b.options.naive || plain.b.options.target != "" {
		return plain
	}
	row := func(v Value) Value { return v.BroadcastTo(plain.shape).Unsqueeze(0) }
	number := condition.Cast(tensor.Int32).Unsqueeze(0)
	y := Concat(0, row(b), row(a)).Pick(0, number).Squeeze(0)
	return WithGradient("select", y, vs(condition, a, b), func(dy Value) []Value {
		zero := dy.Like(0)
		return vs(Value{}, Select(condition, dy, zero), Select(condition, zero, dy))
	})
}

// ZeroWhere returns 0 where off holds and x elsewhere; off broadcasts to x's shape,
// and NaN stays NaN everywhere. The gradient is 0 where off holds. Unlike [Where]
// it runs in several threads: x is limited by 1/off - 1, which is 0 or infinity. Finite
// and infinite elements are exact in every engine. x stands first, since Min and Max of
// ONNX Runtime 1.17 return the first of two operands where one is NaN; OpenVINO's return
// the second, and lose it. For a [Target] it is Where.
func (x Value) ZeroWhere(off Value) Value {
	if s, err := tensor.Broadcast(x.shape, off.shape); err != nil || !s.Equal(x.shape) {
		fail("ZeroWhere", []Value{x, off}, "%v does not broadcast to %v", off, x)
	}
	if x.b.options.target != "" { // not all of which divide by 0
		return Where(off, x.Like(0), x)
	}
	limit := off.Cast(x.dtype).Reciprocal().Shift(-1)
	y := x.Min(limit)
	if x.op.code != "Relu" { // which is not negative
		y = y.Max(limit.Neg())
	}
	return WithGradient("zero_where", y, vs(x, off), func(dy Value) []Value {
		return vs(Where(off, dy.Like(0), dy), Value{})
	})
}
