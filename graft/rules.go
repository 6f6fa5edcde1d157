package graft

import (
	"maps"
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// rule puts a node that gradients pass through onto the graph, and returns its outputs:
// operations of the builder, which know their gradients, or the node itself with a rule
// of its own. Outputs that a rule leaves out carry no gradient.
type rule func(c *call) []builder.Value

// rules returns the rule of each operator.
func rules() map[string]rule {
	table := map[string]rule{}
	for _, family := range []map[string]rule{
		arithmeticRules, activationRules, matrixRules, moveRules, rearrangeRules, indexRules, reduceRules, normRules, lossRules,
		attentionRules, windowRules, layerRules, recurrentRules,
	} {
		maps.Copy(table, family)
	}
	return table
}

// Operators lists the operators that gradients pass through, sorted.
func Operators() []string { return slices.Sorted(maps.Keys(rules())) }

// unary is the rule of an operator that is an operation of the builder.
func unary(f func(x builder.Value) builder.Value) rule {
	return func(c *call) []builder.Value { return one(f(c.in[0])) }
}

// binary is that of an operator on two values that are broadcast, whatever their
// number: it is applied from left to right.
func binary(f func(x, y builder.Value) builder.Value) rule {
	return func(c *call) []builder.Value {
		in := c.aligned(c.in...)
		y := in[0]
		for _, x := range in[1:] {
			y = f(y, x)
		}
		return one(y)
	}
}

// slope is the rule of an operator on each element by itself, which stays as it is:
// f gives the derivative.
func slope(f func(c *call, x, y builder.Value) builder.Value) rule {
	return func(c *call) []builder.Value {
		y := c.asItIs()[0]
		return one(c.declare(y, func(dy builder.Value) []builder.Value { return one(f(c, c.in[0], y).Mul(dy)) }))
	}
}

// flat is the rule of an operator whose gradient is 0 wherever it has one.
func flat(c *call) []builder.Value {
	return c.with(func(builder.Value) []builder.Value { return nil })
}

// aligned returns values that are to be broadcast, with sizes that have to be equal
// under one name. Sizes that are not known to be equal are compared as the graph runs.
func (c *call) aligned(values ...builder.Value) []builder.Value { return c.alignedBut(0, values...) }

// alignedBut leaves out so many of the last axes.
func (c *call) alignedBut(last int, values ...builder.Value) []builder.Value {
	rank := 0
	for _, v := range values {
		rank = max(rank, v.Rank())
	}
	want := make(tensor.Shape, rank-last)
	for i := range want {
		want[i] = tensor.D(1)
		for _, v := range values {
			axis := i - rank + v.Rank()
			if axis < 0 || v.Shape()[axis].Is(1) {
				continue
			}
			if d := v.Shape()[axis]; want[i].Is(1) || better(d, want[i]) {
				want[i] = d
			}
		}
	}
	out := make([]builder.Value, len(values))
	for k, v := range values {
		shape := slices.Clone(v.Shape())
		for i, d := range shape[:len(shape)-last] {
			if !d.Is(1) {
				shape[i] = want[i+rank-len(shape)]
			}
		}
		out[k] = c.sized(v, shape)
	}
	return out
}

// sized returns a value with a shape that it must have. What a letter is has to be
// compared once: it is known from then on.
func (c *call) sized(v builder.Value, shape tensor.Shape) builder.Value {
	if v.Shape().Equal(shape) {
		return v
	}
	for i, d := range shape {
		old := v.Shape()[i]
		switch {
		case d == old:
		case d.Known() && old.Known():
			c.failf("the sizes %v and %v differ", old, d)
		case old.IsLetter() && c.sizes.name(old, d):
		case d.IsLetter():
			c.sizes.name(d, old)
		}
	}
	return v.Sized(shape)
}
