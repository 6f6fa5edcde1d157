package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has reductions and normalizations.

var reduceRules = map[string]rule{
	"ReduceSum": reduction(func(r reduced, dy builder.Value) builder.Value { return dy }),
	"ReduceMean": reduction(func(r reduced, dy builder.Value) builder.Value {
		return dy.Div(r.count())
	}),
	"ReduceMax": reduction(extreme), "ReduceMin": reduction(extreme),
}

// reduced is a reduction: x, and y with the reduced axes as size 1.
type reduced struct {
	x, y builder.Value
	axes []int
}

// count returns the number of elements that each result is of.
func (r reduced) count() builder.Value {
	var sizes tensor.Shape
	for _, a := range r.axes {
		sizes = append(sizes, r.x.Shape()[a])
	}
	return r.x.B().Count(r.x.DType(), sizes)
}

// reduction is the rule of an operator over axes. f gives the gradient of x from that of
// the result, which has its reduced axes as size 1.
func reduction(f func(r reduced, dy builder.Value) builder.Value) rule {
	return func(c *call) []builder.Value {
		x := c.in[0]
		axes, given := c.axes(1, x.Rank())
		if len(axes) == 0 && c.int("noop_with_empty_axes", 0) != 0 {
			return one(x)
		}
		if !given || len(axes) == 0 {
			for i := range x.Rank() {
				axes = append(axes, i)
			}
			axes = slices.Compact(axes)
		}
		y := c.asItIs()[0]
		keep := c.int("keepdims", 1) != 0
		kept := func(v builder.Value) builder.Value {
			if keep || v.Rank() == 0 && len(axes) < x.Rank() {
				return v
			}
			return v.Unsqueeze(axes...)
		}
		return one(c.declare(y, func(dy builder.Value) []builder.Value {
			return one(f(reduced{x, kept(y), axes}, kept(dy)))
		}))
	}
}

// extreme splits the gradient evenly among ties, as PyTorch's amax and amin.
func extreme(r reduced, dy builder.Value) builder.Value {
	best := r.x.Equal(r.y).Cast(r.x.DType())
	return best.Mul(dy.Div(best.SumKeep(r.axes...)))
}
