package infer

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that work element by element, and reductions.

var elementwiseRows = map[string]row{
	"Abs": {dtypes: "T:num -> T", infer: unary(absolute)}, "Neg": {dtypes: "T:num -> T", infer: unary(negative)},
	"Sign": {dtypes: "T:num -> T", infer: unary(sign)}, "Identity": {dtypes: "T:any -> T", infer: identity},
	"Not": {dtypes: "bool -> bool", infer: unary(inverse)}, "Cast": {dtypes: "any -> any", infer: cast},
	"CastLike": {dtypes: "any T:any -> T", infer: castLike},

	"Acos": like("T:float -> T"), "Acosh": like("T:float -> T"), "Asin": like("T:float -> T"), "Asinh": like("T:float -> T"),
	"Atan": like("T:float -> T"), "Atanh": like("T:float -> T"), "Ceil": like("T:float -> T"), "Celu": like("T:float -> T"),
	"Cos": like("T:float -> T"), "Cosh": like("T:float -> T"), "Elu": like("T:float -> T"), "Erf": like("T:num -> T"),
	"Exp": like("T:float -> T"), "Floor": like("T:float -> T"), "Gelu": like("T:float -> T"), "HardSigmoid": like("T:float -> T"),
	"HardSwish": like("T:float -> T"), "Hardmax": alongAxis("T:float -> T"), "LeakyRelu": like("T:float -> T"), "Log": like("T:float -> T"),
	"LogSoftmax": alongAxis("T:float -> T"), "Mish": like("T:float -> T"), "Reciprocal": like("T:float -> T"), "Relu": like("T:num -> T"),
	"Round": like("T:float -> T"), "Selu": like("T:float -> T"), "Shrink": like("T:num -> T"), "Sigmoid": like("T:float -> T"),
	"Sin": like("T:float -> T"), "Sinh": like("T:float -> T"), "Softmax": alongAxis("T:float -> T"), "Softplus": like("T:float -> T"),
	"Softsign": like("T:float -> T"), "Sqrt": like("T:float -> T"), "Swish": like("T:float -> T"), "Tan": like("T:float -> T"),
	"Tanh": like("T:float -> T"), "ThresholdedRelu": like("T:float -> T"), "Clip": like("T:num T? T? -> T"),
	"CumSum": like("T:num index -> T"), "IsInf": like("float -> bool"), "IsNaN": like("float -> bool"), "BitwiseNot": like("T:whole -> T"),

	"Add": zip("T:num T -> T", plus), "Sub": zip("T:num T -> T", minus), "Mul": zip("T:num T -> T", times),
	"Div": zip("T:num T -> T", divided), "Mod": zip("T:num T -> T", modulo), "Pow": zip("T:num num -> T", nil),
	"PRelu": zip("T:num T -> T", nil), "BitwiseAnd": zip("T:whole T -> T", nil), "BitwiseOr": zip("T:whole T -> T", nil),
	"BitwiseXor": zip("T:whole T -> T", nil), "BitShift": zip("T:whole T -> T", nil),
	"Max": zip("T:num T... -> T", larger), "Min": zip("T:num T... -> T", smaller),
	"Sum": zip("T:float T... -> T", nil), "Mean": zip("T:float T... -> T", nil),
	"Equal": zip("T:any T -> bool", func(x, y tensor.Dim) tensor.Dim { return isZero(minus(x, y)) }),
	"Less":  zip("T:num T -> bool", less), "Greater": zip("T:num T -> bool", func(x, y tensor.Dim) tensor.Dim { return less(y, x) }),
	"LessOrEqual":    zip("T:num T -> bool", func(x, y tensor.Dim) tensor.Dim { return inverse(less(y, x)) }),
	"GreaterOrEqual": zip("T:num T -> bool", func(x, y tensor.Dim) tensor.Dim { return inverse(less(x, y)) }),
	"And":            zip("bool bool -> bool", times), "Or": zip("bool bool -> bool", larger),
	"Xor":   zip("bool bool -> bool", func(x, y tensor.Dim) tensor.Dim { return inverse(isZero(minus(x, y))) }),
	"Where": {dtypes: "bool T:any T -> T", infer: where},
}

// like is an operator whose result has the sizes of its first input.
func like(dtypes string) row {
	return row{dtypes: dtypes, infer: func(c *call) ([]Type, error) { return shaped(c.in[0].Shape), nil }}
}

// alongAxis is one that works along an axis of its input, the last by default.
func alongAxis(dtypes string) row {
	return row{dtypes: dtypes, infer: func(c *call) ([]Type, error) {
		s := c.in[0].Shape
		if s != nil {
			if _, err := c.axis(-1, len(s)); err != nil {
				return nil, err
			}
		}
		return shaped(s), nil
	}}
}

func unary(f func(x tensor.Dim) tensor.Dim) func(c *call) ([]Type, error) {
	return func(c *call) ([]Type, error) {
		x := c.in[0]
		return []Type{{Shape: x.Shape, Ints: lift(x.Shape, c.in[:1], func(x []tensor.Dim) tensor.Dim { return f(x[0]) })}}, nil
	}
}

func identity(c *call) ([]Type, error) { return []Type{c.in[0]}, nil }

func absolute(x tensor.Dim) tensor.Dim {
	switch least, most := bounds(x); {
	case least >= 0:
		return x
	case most <= 0:
		return negative(x)
	}
	return Unknown
}

func negative(x tensor.Dim) tensor.Dim { return minus(tensor.D(0), x) }

func sign(x tensor.Dim) tensor.Dim {
	if !x.Known() {
		return Unknown
	}
	return tensor.D(max(-1, min(x.Size, 1)))
}

// inverse turns a truth value around.
func inverse(x tensor.Dim) tensor.Dim { return minus(tensor.D(1), x) }

// isZero is the truth value of x == 0.
func isZero(x tensor.Dim) tensor.Dim {
	switch least, most := bounds(x); {
	case least == 0 && most == 0:
		return tensor.D(1)
	case least > 0 || most < 0:
		return tensor.D(0)
	}
	return Unknown
}

// less is the truth value of x < y.
func less(x, y tensor.Dim) tensor.Dim {
	switch least, most := bounds(minus(x, y)); {
	case most < 0:
		return tensor.D(1)
	case least >= 0:
		return tensor.D(0)
	}
	return Unknown
}

func larger(x, y tensor.Dim) tensor.Dim  { return plus(y, clamped(minus(x, y))) }
func smaller(x, y tensor.Dim) tensor.Dim { return minus(x, clamped(minus(x, y))) }

// divided is rounded to 0, as integers are divided. Forms are taken for sizes.
func divided(x, y tensor.Dim) tensor.Dim {
	if x.Known() && y.Known() && y.Size != 0 {
		return tensor.D(x.Size / y.Size)
	}
	return over(x, y)
}

func modulo(x, y tensor.Dim) tensor.Dim {
	switch {
	case y.Is(0) || x == Unknown || y == Unknown:
		return Unknown
	case y.Is(1):
		return tensor.D(0)
	}
	return minus(x, times(over(x, y), y))
}

// zip is an operator on operands that broadcast. f computes integers, if any.
func zip(dtypes string, f func(x, y tensor.Dim) tensor.Dim) row {
	return row{dtypes: dtypes, infer: func(c *call) ([]Type, error) {
		shape, err := broadcast(shapesOf(c.in)...)
		if err != nil || f == nil {
			return shaped(shape), err
		}
		return []Type{{Shape: shape, Ints: lift(shape, c.in, func(x []tensor.Dim) tensor.Dim {
			all := x[0]
			for _, other := range x[1:] {
				all = f(all, other)
			}
			return all
		})}}, nil
	}}
}

func shapesOf(in []Type) []tensor.Shape {
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		shapes[i] = v.Shape
	}
	return shapes
}

func where(c *call) ([]Type, error) {
	shape, err := broadcast(shapesOf(c.in[:3])...)
	if err != nil {
		return nil, err
	}
	return []Type{{Shape: shape, Ints: lift(shape, c.in[:3], func(x []tensor.Dim) tensor.Dim {
		switch {
		case x[0].Is(0) || equal(x[1], x[2]):
			return x[2]
		case x[0].Known():
			return x[1]
		}
		return Unknown
	})}}, nil
}

func cast(c *call) ([]Type, error) {
	to, ok := c.attr("to").(int64)
	if !ok || to <= 0 || to > 1<<10 {
		return nil, fmt.Errorf("attribute to is %v, want an element type", c.attr("to"))
	}
	return converted(c.in[0], tensor.DType(to)), nil
}

func castLike(c *call) ([]Type, error) { return converted(c.in[0], c.in[1].DType), nil }

// converted is a value in another element type.
func converted(x Type, to tensor.DType) []Type {
	out := Type{DType: to, Shape: x.Shape}
	switch {
	case to == tensor.Bool:
		out.Ints = lift(x.Shape, []Type{x}, func(x []tensor.Dim) tensor.Dim { return inverse(isZero(x[0])) })
	case to == tensor.Int64, to == tensor.Int32:
		out.Ints = x.Ints
	}
	return []Type{out}
}

var reductionRows = map[string]row{
	"ReduceSum": reduction("T:num int64? -> T", sumOf), "ReduceMax": reduction("T:num int64? -> T", chain(larger)),
	"ReduceMin": reduction("T:num int64? -> T", chain(smaller)), "ReduceProd": reduction("T:num int64? -> T", product),
	"ReduceMean": reduction("T:num int64? -> T", nil), "ReduceL1": reduction("T:num int64? -> T", nil),
	"ReduceL2": reduction("T:num int64? -> T", nil), "ReduceLogSum": reduction("T:num int64? -> T", nil),
	"ReduceLogSumExp": reduction("T:num int64? -> T", nil), "ReduceSumSquare": reduction("T:num int64? -> T", nil),
	"ArgMax": {dtypes: "num -> int64", infer: extreme(func(x, best int64) bool { return x > best })},
	"ArgMin": {dtypes: "num -> int64", infer: extreme(func(x, best int64) bool { return x < best })},
}

func sumOf(list []tensor.Dim) tensor.Dim {
	sum := tensor.D(0)
	for _, d := range list {
		sum = plus(sum, d)
	}
	return sum
}

// chain folds a list. An empty one has no result.
func chain(f func(x, y tensor.Dim) tensor.Dim) func(list []tensor.Dim) tensor.Dim {
	return func(list []tensor.Dim) tensor.Dim {
		if len(list) == 0 {
			return Unknown
		}
		all := list[0]
		for _, d := range list[1:] {
			all = f(all, d)
		}
		return all
	}
}

// reduction removes axes, or makes them 1. f computes integers of a list, if any.
func reduction(dtypes string, f func(list []tensor.Dim) tensor.Dim) row {
	return row{dtypes: dtypes, infer: func(c *call) ([]Type, error) {
		x, keep := c.in[0], c.int("keepdims", 1) != 0
		if x.Shape == nil {
			return nothing(), nil
		}
		axes, given, known, err := c.axes(1, len(x.Shape))
		switch {
		case err != nil:
			return nil, err
		case !known && !keep:
			return c.withoutSome(x)
		case !known:
			return shaped(unknowns(len(x.Shape))), nil
		case len(axes) == 0 && c.flag("noop_with_empty_axes"):
			return shaped(x.Shape), nil
		case !given || len(axes) == 0:
			for i := range x.Shape {
				axes = append(axes, i)
			}
		}
		out := Type{Shape: without(x.Shape, axes, keep)}
		if f != nil && x.Ints != nil && len(x.Shape) == 1 && len(axes) == 1 {
			out.Ints = []tensor.Dim{f(x.Ints)}
		}
		return []Type{out}, nil
	}}
}

// withoutSome is a reduction over axes of which only the number may be known. Of
// several, some may be the same.
func (c *call) withoutSome(x Type) ([]Type, error) {
	if n, ok := count(c.arg(1).Shape); !ok || n != 1 || len(x.Shape) == 0 {
		return nothing(), nil
	}
	return shaped(unknowns(len(x.Shape) - 1)), nil
}

// without returns a shape without axes, or with 1 there where keep.
func without(s tensor.Shape, axes []int, keep bool) tensor.Shape {
	gone := make([]bool, len(s))
	for _, a := range axes {
		gone[a] = true
	}
	out := tensor.Shape{}
	for i, d := range s {
		switch {
		case !gone[i]:
			out = append(out, d)
		case keep:
			out = append(out, tensor.D(1))
		}
	}
	return out
}

// extreme is ArgMax or ArgMin. Of known integers, as the sizes of a tensor are,
// it finds the place.
func extreme(better func(x, best int64) bool) func(c *call) ([]Type, error) {
	return func(c *call) ([]Type, error) {
		x := c.in[0]
		if x.Shape == nil {
			return nothing(), nil
		}
		axis, err := c.axis(0, len(x.Shape))
		if err != nil {
			return nil, err
		}
		out := Type{Shape: without(x.Shape, []int{axis}, c.int("keepdims", 1) != 0)}
		if len(x.Shape) != 1 || len(x.Ints) == 0 || !allKnown(x.Ints) {
			return []Type{out}, nil
		}
		best := 0
		for i, d := range x.Ints {
			if better(d.Size, x.Ints[best].Size) || d == x.Ints[best] && c.flag("select_last_index") {
				best = i
			}
		}
		out.Ints = []tensor.Dim{tensor.D(int64(best))}
		return []Type{out}, nil
	}
}
