package infer

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// call is a node with what is known of its inputs.
type call struct {
	node  ir.Node
	in    []Type // the zero Type for an absent one
	types *Types
}

// has reports whether the i-th input is there.
func (c *call) has(i int) bool { return i >= 0 && i < len(c.node.Inputs) && c.node.Inputs[i] != "" }

// arg returns the type of the i-th input, which may be absent.
func (c *call) arg(i int) Type {
	if i < len(c.in) {
		return c.in[i]
	}
	return Type{}
}

func (c *call) attr(name string) any { return c.node.Attr(name) }

func (c *call) int(name string, def int64) int64 {
	if v, ok := c.attr(name).(int64); ok {
		return v
	}
	return def
}

func (c *call) flag(name string) bool { return c.int(name, 0) != 0 }

func (c *call) ints(name string) []int64 {
	v, _ := c.attr(name).([]int64)
	return v
}

func (c *call) text(name, def string) string {
	if v, ok := c.attr(name).(string); ok {
		return v
	}
	return def
}

// axis returns the attribute axis, counted from the front, of a value of some
// rank. One behind the last axis may be allowed.
func (c *call) axis(def int64, rank int) (int, error) { return wrap(c.int("axis", def), rank) }

// wrap returns an axis counted from the front.
func wrap(axis int64, rank int) (int, error) {
	if axis < -int64(rank) || axis >= int64(rank) {
		return 0, fmt.Errorf("axis %d does not exist, the rank is %d", axis, rank)
	}
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), nil
}

// axes returns the axes of a node from the front, which are an attribute or the
// i-th input, which may be none (-1). given is false without either, known where they are no numbers.
func (c *call) axes(i, rank int) (axes []int, given, known bool, err error) {
	list := c.ints("axes")
	given, known = c.attr("axes") != nil, true
	if c.has(i) {
		given, known = true, allKnown(c.in[i].Ints)
		list = nil
		for _, d := range c.in[i].Ints {
			list = append(list, d.Size)
		}
	}
	if !known {
		return nil, given, false, nil
	}
	for _, a := range list {
		axis, err := wrap(a, rank)
		if err != nil {
			return nil, given, true, err
		}
		if slices.Contains(axes, axis) {
			return nil, given, true, fmt.Errorf("axis %d stands twice", axis)
		}
		axes = append(axes, axis)
	}
	return axes, given, true, nil
}

// list returns the elements of the i-th input, which is one list, as forms. An
// input of which only the length is known has unknown elements, others nil.
func (c *call) list(i int) []tensor.Dim {
	v := c.arg(i)
	if v.Ints != nil {
		return v.Ints
	}
	if n, ok := count(v.Shape); ok && len(v.Shape) == 1 && n <= maxInts {
		return unknowns(int(n))
	}
	return nil
}

// rank wants the i-th input to have a rank, when that is known.
func (c *call) rank(i, want int) error {
	if s := c.arg(i).Shape; s != nil && len(s) != want {
		return fmt.Errorf("its input %d is %v, want rank %d", i, c.in[i], want)
	}
	return nil
}

// shaped is a list of one result that has a shape.
func shaped(s tensor.Shape) []Type { return []Type{{Shape: s}} }

// nothing is a list of one result of which nothing is known beyond the dtype.
func nothing() []Type { return []Type{{}} }

// lift computes the elements of a result from those of its operands, broadcast.
// It returns nil where they are not followed.
func lift(shape tensor.Shape, operands []Type, f func(x []tensor.Dim) tensor.Dim) []tensor.Dim {
	n, ok := count(shape)
	if !ok || n > maxInts {
		return nil
	}
	for _, v := range operands {
		if v.Ints == nil {
			return nil
		}
	}
	out, x := make([]tensor.Dim, n), make([]tensor.Dim, len(operands))
	for k := range out {
		for i, v := range operands {
			x[i] = v.Ints[position(v.Shape, shape, int64(k))]
		}
		out[k] = f(x)
	}
	return out
}

// position returns where the element k of a shape lies in one that is broadcast
// to it.
func position(of, shape tensor.Shape, k int64) int64 {
	at, step := int64(0), int64(1)
	for i := 1; i <= len(shape); i++ {
		n := shape[len(shape)-i].Size
		if i <= len(of) {
			if own := of[len(of)-i].Size; own != 1 {
				at += k % n * step
				step *= own
			}
		}
		k /= n
	}
	return at
}
