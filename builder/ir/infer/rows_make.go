package infer

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that make values from sizes, and those that move
// pixels between axes.

func depthToSpace(c *call) ([]Type, error) {
	s, block := c.in[0].Shape, tensor.D(c.int("blocksize", 0))
	if s == nil {
		return shaped(unknowns(4)), nil
	}
	if err := c.rank(0, 4); err != nil || block.Size < 1 {
		return nil, orElse(err, "blocksize is %v, want 1 or more", block)
	}
	return shaped(tensor.Shape{s[0], over(s[1], times(block, block)), times(s[2], block), times(s[3], block)}), nil
}

func spaceToDepth(c *call) ([]Type, error) {
	s, block := c.in[0].Shape, tensor.D(c.int("blocksize", 0))
	if s == nil {
		return shaped(unknowns(4)), nil
	}
	if err := c.rank(0, 4); err != nil || block.Size < 1 {
		return nil, orElse(err, "blocksize is %v, want 1 or more", block)
	}
	return shaped(tensor.Shape{s[0], times(s[1], times(block, block)), over(s[2], block), over(s[3], block)}), nil
}

// orElse returns err, or one of a text where that is nil.
func orElse(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}

func span(c *call) ([]Type, error) {
	for i := range 3 {
		if n, ok := count(c.in[i].Shape); ok && n != 1 {
			return nil, fmt.Errorf("its input %d is %v, want one number", i, c.in[i])
		}
	}
	if c.in[0].DType.IsFloat() {
		return c.floatSpan()
	}
	from, to, step := c.number(0), c.number(1), c.number(2)
	if step.Is(0) {
		return nil, fmt.Errorf("a step of 0")
	}
	length, pace := minus(to, from), step
	if step.Known() && step.Size < 0 {
		length, pace = negative(length), negative(step)
	}
	n := clamped(over(plus(length, minus(pace, tensor.D(1))), pace)) // rounded up
	out := Type{Shape: tensor.Shape{n}}
	if n.Known() && n.Size <= maxInts {
		out.Ints = make([]tensor.Dim, n.Size)
		for i := range out.Ints {
			out.Ints[i] = plus(from, times(step, tensor.D(int64(i))))
		}
	}
	return []Type{out}, nil
}

// floatSpan is a Range of floats, whose length is known of constants alone.
func (c *call) floatSpan() ([]Type, error) {
	var x [3]float64
	for i := range x {
		k := c.in[i].Const
		if k == nil || k.Len() != 1 || len(k.Data) != k.DType.Size() {
			return shaped(tensor.Shape{Unknown}), nil
		}
		x[i] = k.Float(0)
	}
	n := math.Ceil((x[1] - x[0]) / x[2])
	if !(n < 1<<40) {
		return shaped(tensor.Shape{Unknown}), nil
	}
	return shaped(tensor.Shape{tensor.D(int64(max(n, 0)))}), nil
}

// number returns the only element of an input.
func (c *call) number(i int) tensor.Dim {
	if v := c.arg(i); len(v.Ints) == 1 {
		return v.Ints[0]
	}
	return Unknown
}

func constantNode(c *call) ([]Type, error) {
	for _, a := range c.node.Attributes {
		switch v := a.Value.(type) {
		case *tensor.Tensor:
			if v != nil {
				return []Type{c.types.constant(v)}, nil
			}
		case int64:
			return []Type{{DType: tensor.Int64, Shape: tensor.Shape{}, Ints: []tensor.Dim{tensor.D(v)}}}, nil
		case []int64:
			out := Type{DType: tensor.Int64, Shape: numbers([]int64{int64(len(v))})}
			if len(v) <= maxInts {
				out.Ints = numbers(v)
			}
			return []Type{out}, nil
		case float32:
			return []Type{c.types.constant(tensor.FromFloats(tensor.Float32, nil, []float64{float64(v)}))}, nil
		case []float32:
			x := tensor.New(tensor.Float32, int64(len(v)))
			for i, f := range v {
				x.SetFloat(i, float64(f))
			}
			return []Type{c.types.constant(x)}, nil
		}
	}
	return nothing(), nil
}

func constantOfShape(c *call) ([]Type, error) {
	fill := Type{DType: tensor.Float32}
	if v, ok := c.attr("value").(*tensor.Tensor); ok && v != nil {
		fill = c.types.constant(v)
	}
	out := Type{DType: fill.DType}
	if err := c.rank(0, 1); err != nil {
		return nil, err
	}
	list := c.list(0)
	if list == nil {
		return []Type{out}, nil
	}
	out.Shape = slices.Clone(tensor.Shape(list))
	if n, ok := count(out.Shape); ok && n >= 0 && n <= maxInts && len(fill.Ints) == 1 {
		out.Ints = slices.Repeat(fill.Ints, int(n))
	}
	return []Type{out}, nil
}

func eyeLike(c *call) ([]Type, error) {
	out := Type{DType: tensor.DType(c.int("dtype", 0)), Shape: c.in[0].Shape}
	if out.DType == tensor.Undefined {
		out.DType = c.in[0].DType
	}
	if err := c.rank(0, 2); err != nil {
		return nil, err
	}
	if out.Shape == nil {
		out.Shape = unknowns(2)
	}
	return []Type{out}, nil
}

func oneHot(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if s == nil {
		return nothing(), nil
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("its input is %v, want rank 1 or more", c.in[0])
	}
	axis, err := c.axis(-1, len(s)+1)
	if err != nil {
		return nil, err
	}
	return shaped(slices.Insert(slices.Clone(s), axis, c.number(1))), nil
}
