package builder

import (
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// simplify returns a value equal to n in IEEE arithmetic for every operand, NaN
// and infinities included, or the zero Value when there is none. It never turns
// x·0 into 0 or x-x into 0.
func simplify(b *B, n *node) Value {
	switch n.op.code {
	case "Add", "Sub", "Mul", "Div", "Neg":
		return simplifyArithmetic(b, n)
	case "Abs":
		if n.args[0].op.code == "Neg" {
			return n.args[0].arg(0).Abs() // |-x| = |x|
		}
	case "Equal":
		p, known := n.args[0].constant()
		q, too := n.args[1].constant()
		if known && too && p == q {
			return b.Constant(tensor.FromInts(tensor.Bool, nil, []int64{1})) // c == c
		} else if known && too {
			return b.Constant(tensor.FromInts(tensor.Bool, nil, []int64{0})) // c == d
		}
	case "Cast":
		return simplifyCast(b, n)
	case "Where":
		return simplifyWhere(n)
	case "SumAll":
		if n.args[0].Rank() == 0 {
			return n.args[0] // a sum of one element
		}
	case "Sum", "LongSum", "ReduceMax", "ReduceMin":
		return simplifyReduction(n)
	case "Unsqueeze", "Squeeze", "Reshape", "Transpose":
		return simplifyMove(n)
	}
	return Value{}
}

func simplifyWhere(n *node) Value {
	c, x, y := n.args[0], n.args[1], n.args[2]
	if value, ok := c.constant(); ok { // Where(true, x, y) = x
		chosen := y
		if value != 0 {
			chosen = x
		}
		if chosen.shape.Equal(n.shape) {
			return chosen
		}
	}
	zero := func(v Value) bool {
		value, ok := v.constant()
		return ok && value == 0 && !math.Signbit(value)
	}
	switch {
	case x == y && x.shape.Equal(n.shape):
		return x // Where(c, x, x) = x
	case zero(y) && c.shape.Equal(n.shape) && x.scales(n):
		return c.Cast(n.dtype).Mul(x) // Where(c, x, 0) = c·x, in several threads
	case zero(x) && c.shape.Equal(n.shape) && y.scales(n):
		return c.Not().Cast(n.dtype).Mul(y)
	}
	return Value{}
}

// scales reports whether v is a number that is neither negative nor infinite
// wherever n has elements: a constant, or one divided by a count of elements.
func (v Value) scales(n *node) bool {
	if v.Rank() > 0 || !n.dtype.IsFloat() {
		return false
	}
	if c, ok := v.constant(); ok {
		return 0 <= c && c <= 1e9 && !math.Signbit(c) // a few of them do not overflow
	}
	switch v.op.code {
	case "Mul":
		return v.arg(0).scales(n) && v.arg(1).scales(n)
	case "Div":
		return v.arg(0).scales(n) && v.arg(1).counts(n)
	case "Reciprocal":
		return v.arg(0).counts(n)
	}
	return false
}

// counts reports whether v is a number of elements that is 0 only where n has
// none.
func (v Value) counts(n *node) bool {
	if v.op.code != "Count" {
		return false
	}
	shape := v.attr.shape
	if shape == nil {
		shape = v.arg(0).shape
	}
	for _, d := range shape {
		if !slices.Contains(n.shape, d) && (!d.Known() || d.Size == 0) {
			return false
		}
	}
	return true
}

func simplifyArithmetic(b *B, n *node) Value {
	x := n.args[0]
	if n.op.code == "Neg" {
		if c, ok := x.constant(); ok {
			return b.Const(n.dtype, -c) // -c
		}
		if x.op.code == "Neg" {
			return x.arg(0) // -(-x) = x
		}
		return negProduct(n)
	}
	y := n.args[1]
	p, xConst := x.constant()
	q, yConst := y.constant()
	if xConst && yConst && n.dtype.IsFloat() {
		return fold(b, n, p, q)
	}
	keepsX, keepsY := x.shape.Equal(n.shape), y.shape.Equal(n.shape)
	switch code := n.op.code; {
	case code == "Mul" && yConst && q == 1 && keepsX:
		return x // x·1 = x
	case code == "Mul" && xConst && p == 1 && keepsY:
		return y // 1·y = y
	case code == "Div" && yConst && q == 1 && keepsX:
		return x // x/1 = x
	case code == "Sub" && yConst && q == 0 && !math.Signbit(q) && keepsX && n.dtype.IsFloat():
		return x // x-0 = x, also for x = -0
	case code == "Add" && y.op.code == "Neg":
		return x.Sub(y.arg(0)) // x+(-y) = x-y
	case code == "Add" && x.op.code == "Neg":
		return y.Sub(x.arg(0)) // -x+y = y-x
	case code == "Sub" && y.op.code == "Neg":
		return x.Add(y.arg(0)) // x-(-y) = x+y
	}
	return Value{}
}

// negProduct turns -(x·y) into x·(-y), and so for a quotient, where y is the smaller
// tensor.
func negProduct(n *node) Value {
	x := n.args[0]
	if x.op.code != "Mul" && x.op.code != "Div" {
		return Value{}
	}
	for i, small := range x.args {
		if large := x.args[1-i]; large.shape.Equal(n.shape) && !small.shape.Equal(n.shape) {
			args := []Value{x.args[0], x.args[1]}
			args[i] = small.Neg()
			return emit(x.op.code, attr{}, args...)
		}
	}
	return Value{}
}

// fold computes with two constants and rounds as the dtype does. float32
// arithmetic done in float64 and rounded once is what float32 hardware gives.
func fold(b *B, n *node, p, q float64) Value {
	r := map[string]float64{"Add": p + q, "Sub": p - q, "Mul": p * q, "Div": p / q}[n.op.code]
	return b.Const(n.dtype, r)
}

func simplifyCast(b *B, n *node) Value {
	x := n.args[0]
	if x.dtype == n.dtype {
		return x // a cast to the same dtype
	}
	if _, ok := x.constant(); ok {
		return b.Constant(x.attr.value.Cast(n.dtype)) // a constant of the other dtype
	}
	return Value{}
}

func simplifyReduction(n *node) Value {
	x := n.args[0]
	if len(n.attr.axes) == 0 {
		return x // a reduction over no axes
	}
	for _, a := range n.attr.axes {
		if !x.shape[a].Is(1) {
			return Value{}
		}
	}
	if n.attr.keep {
		return x // a reduction over axes of size 1
	}
	return x.Squeeze(n.attr.axes...)
}

func simplifyMove(n *node) Value {
	x := n.args[0]
	same := len(n.attr.axes) == len(x.attr.axes)
	for i := range n.attr.axes {
		same = same && n.attr.axes[i] == x.attr.axes[i]
	}
	switch code := n.op.code; {
	case code == "Reshape" && x.shape.Equal(n.shape),
		(code == "Unsqueeze" || code == "Squeeze") && len(n.attr.axes) == 0,
		code == "Transpose" && identity(n.attr.axes):
		return x // nothing moves
	case code == "Squeeze" && x.op.code == "Unsqueeze" && same,
		code == "Unsqueeze" && x.op.code == "Squeeze" && same:
		return x.arg(0) // the second undoes the first
	}
	return Value{}
}

func identity(axes []int) bool {
	for i, a := range axes {
		if a != i {
			return false
		}
	}
	return true
}
