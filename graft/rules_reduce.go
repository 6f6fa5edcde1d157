package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has reductions and normalizations.

var reduceRules = map[string]rule{
	"ReduceSum": reduction(func(r reduced, dy builder.Value) builder.Value { return dy }),
	"ReduceMean": reduction(func(r reduced, dy builder.Value) builder.Value {
		return dy.Div(r.count())
	}),
	"ReduceMax": reduction(extreme), "ReduceMin": reduction(extreme), "ReduceProd": reduction(product), "GlobalMaxPool": globalMax,
	"ReduceL1":        reduction(func(r reduced, dy builder.Value) builder.Value { return r.x.Sign().Mul(dy) }),
	"ReduceSumSquare": reduction(func(r reduced, dy builder.Value) builder.Value { return r.x.Scale(2).Mul(dy) }),
	"ReduceLogSum":    reduction(func(r reduced, dy builder.Value) builder.Value { return r.y.Neg().Exp().Mul(dy) }),
	"ReduceLogSumExp": reduction(func(r reduced, dy builder.Value) builder.Value { return r.x.Sub(r.y).Exp().Mul(dy) }),
	"ReduceL2": reduction(func(r reduced, dy builder.Value) builder.Value { // 0 at 0, as PyTorch's norm
		return builder.Where(r.y.Equal(r.y.Like(0)), r.y.Like(0), dy.Div(r.y)).Mul(r.x)
	}),
}

// reduced is a reduction: x, and y with the reduced axes as size 1.
type reduced struct {
	c    *call
	x, y builder.Value
	axes []int
}

// again reduces another value in the same way, and keeps the axes.
func (r reduced) again(x builder.Value) builder.Value {
	attrs := []ir.Attribute{{Name: "keepdims", Value: int64(1)}}
	in, list := one(x), make([]int64, len(r.axes))
	for i, a := range r.axes {
		list[i] = int64(a)
	}
	if r.c.opset < 18 {
		attrs = append(attrs, ir.Attribute{Name: "axes", Value: list})
	} else {
		in = append(in, r.x.B().Constant(tensor.FromInts(tensor.Int64, []int64{int64(len(list))}, list)))
	}
	return r.c.run(r.c.node.Op, r.y, in, attrs...)
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
		if _, known := c.numbers(1); c.has(1) && !known {
			return c.someSum()
		}
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
			return one(f(reduced{c, x, kept(y), axes}, kept(dy)))
		}))
	}
}

// someSum is a sum over axes that only running tells. They stay as size 1, so that the
// gradient repeats along them.
func (c *call) someSum() []builder.Value {
	if c.node.Op != "ReduceSum" || c.int("keepdims", 1) == 0 {
		c.failf("its axes are not known before a run")
	}
	x, y := c.in[0], c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		if dy.Rank() == 0 {
			return one(dy)
		}
		rank := tensor.Shape{tensor.D(int64(x.Rank()))}
		shape := c.b.Node(ir.Node{Op: "Shape", Outputs: []string{"shape"}}, one(x), nil, []builder.NodeType{{DType: tensor.Int64, Shape: rank}})[0]
		return one(c.run("Expand", x, []builder.Value{dy, shape}))
	}))
}

// extreme splits the gradient evenly among ties, as PyTorch's amax and amin.
func extreme(r reduced, dy builder.Value) builder.Value {
	best := r.x.Equal(r.y).Cast(r.x.DType())
	return best.Mul(dy.Div(best.SumKeep(r.axes...)))
}

// product is that of the others: where one element is 0 it is that of all but it.
func product(r reduced, dy builder.Value) builder.Value {
	zero := r.x.Equal(r.x.Like(0)).Cast(r.x.DType())
	number := zero.SumKeep(r.axes...)
	nonzero := r.x.Add(zero) // 1 for 0
	all := r.again(nonzero)
	is := func(n float64) builder.Value { return number.Equal(number.Like(n)).Cast(r.x.DType()) }
	return is(0).Div(nonzero).Add(is(1).Mul(zero)).Mul(all.Mul(dy))
}

// globalMax gives all to the first of the largest elements, as PyTorch's max pooling.
func globalMax(c *call) []builder.Value {
	x := c.in[0]
	places, err := tensor.Product(x.Shape()[2:]...)
	if err != nil {
		c.failf("%v", err)
	}
	flat := x.Reshape(tensor.Shape{x.Shape()[0], x.Shape()[1], places})
	return c.derived(flat.Pick(2, flat.ArgMax(2)).Reshape(c.shape(0)))
}
