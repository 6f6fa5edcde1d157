package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that move elements.

var moveRules = map[string]rule{
	"Reshape": view, "Flatten": view, "Squeeze": view, "Unsqueeze": view, "Transpose": transpose,
	"Expand": expand, "Concat": concat, "Split": split, "Slice": slice, "Dropout": dropout,
}

// view keeps the elements in their order.
func view(c *call) []builder.Value {
	x, y := c.in[0], c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		if dy.Rank() == 0 {
			return one(dy)
		}
		return one(dy.BroadcastTo(y.Shape()).Reshape(x.Shape()))
	}))
}

func transpose(c *call) []builder.Value {
	x := c.in[0]
	order, ok := c.node.Attr("perm").([]int64)
	if !ok {
		for i := range x.Rank() {
			order = append(order, int64(x.Rank()-1-i))
		}
	}
	axes := make([]int, len(order))
	for i, a := range order {
		axes[i] = int(a)
	}
	return one(x.Transpose(axes...))
}

// expand repeats elements. The sizes that an axis has before and behind are one, but
// for 1.
func expand(c *call) []builder.Value {
	x, shape := c.in[0], c.shape(0)
	same := slices.Clone(x.Shape())
	for i, d := range same {
		if to := shape[i+len(shape)-len(same)]; !d.Is(1) {
			same[i] = to
		}
	}
	x = c.sized(x, same)
	y := c.asItIs()[0].Stated(c.sizes.shape(shape))
	return one(c.declare(y, func(dy builder.Value) []builder.Value { return one(dy.BroadcastTo(y.Shape()).SumTo(x)) }))
}

func concat(c *call) []builder.Value {
	axis := c.axis(0, c.in[0].Rank())
	in := slices.Clone(c.in)
	want := slices.Clone(in[0].Shape())
	for _, v := range in[1:] {
		for i, d := range v.Shape() {
			if better(d, want[i]) {
				want[i] = d
			}
		}
	}
	for i, v := range in {
		shape := slices.Clone(want)
		shape[axis] = v.Shape()[axis]
		in[i] = c.sized(v, shape)
	}
	return one(builder.Concat(axis, in...))
}

// split gives each part's gradient zeros for the others.
func split(c *call) []builder.Value {
	x := c.in[0]
	axis := c.axis(0, x.Rank())
	parts := c.asItIs()
	before := tensor.D(0)
	for i, y := range parts {
		if c.node.Outputs[i] == "" {
			c.failf("its result %d has no name", i)
		}
		start := before
		end, err := start.Add(y.Shape()[axis])
		behind, err2 := x.Shape()[axis].Sub(end)
		if err != nil || err2 != nil {
			c.failf("the sizes of its parts are not known")
		}
		before = end
		parts[i] = c.declare(y, func(dy builder.Value) []builder.Value {
			return one(dy.BroadcastTo(y.Shape()).Pad(axis, start, behind, 0))
		})
	}
	return parts
}

// slice is a chain of ranges where those are known, and else picks by the numbers that
// the same ranges of 0, 1, 2, ... have.
func slice(c *call) []builder.Value {
	x, y := c.in[0], c.shape(0)
	starts, ok := c.numbers(1)
	ends, ok2 := c.numbers(2)
	axes := make([]int, 0, x.Rank())
	if c.has(3) {
		list, ok := c.numbers(3)
		if !ok {
			c.failf("its axes are not known before a run")
		}
		for _, a := range list {
			axes = append(axes, c.wrap(a, x.Rank()))
		}
	} else {
		n := c.in[1].Shape()[0]
		if !n.Known() {
			c.failf("its axes are not known before a run")
		}
		for i := range n.Size {
			axes = append(axes, int(i))
		}
	}
	steps, ok3 := c.numbers(4)
	for i, axis := range axes {
		one := func(k int) builder.Value { return c.in[k].Slice(0, int64(i), int64(i)+1) }
		size := x.Shape()[axis]
		if ok && ok2 && (!c.has(4) || ok3 && steps[i] == 1) {
			if part, fits := ranged(x, axis, starts[i], ends[i]); fits {
				x = part.Stated(with(part.Shape(), axis, y[axis]))
				continue
			}
		}
		inputs := []builder.Value{c.b.Iota(1, 0, size), one(1), one(2), c.b.Constant(tensor.FromInts(tensor.Int64, []int64{1}, []int64{0}))}
		if c.has(4) {
			inputs = append(inputs, one(4))
		}
		numbers := c.node
		numbers.Attributes = nil
		index := c.b.Node(numbers, inputs, nil, []builder.NodeType{{DType: tensor.Int64, Shape: tensor.Shape{y[axis]}}})[0]
		x = x.Gather(axis, index)
	}
	return c.derived(x)
}

// ranged returns a range of an axis, where its bounds lie inside for certain.
func ranged(x builder.Value, axis int, start, end int64) (builder.Value, bool) {
	d := x.Shape()[axis]
	if d.Known() {
		at := func(n int64) int64 {
			if n < 0 {
				n += d.Size
			}
			return min(max(n, 0), d.Size)
		}
		if at(start) > at(end) {
			return x, false
		}
		return x.Slice(axis, at(start), at(end)), true
	}
	if _, _, _, err := d.Cut(start, end); err != nil || (start < 0) == (end < 0) && start > end {
		return x, false
	}
	return x.Slice(axis, start, end), true
}

// with returns a shape with another size of an axis.
func with(shape tensor.Shape, axis int, size tensor.Dim) tensor.Shape {
	shape = slices.Clone(shape)
	shape[axis] = size
	return shape
}

// dropout passes the gradient to what it kept. Which that is differs from run to run.
func dropout(c *call) []builder.Value {
	training := c.has(2)
	if training {
		on, ok := c.flagOf(2)
		if !ok {
			c.failf("its training_mode is not known before a run: make it a constant")
		}
		training = on
	}
	if !training {
		return one(c.in[0])
	}
	ratio := 0.5
	if c.has(1) {
		var ok bool
		if ratio, ok = c.scalar(1); !ok {
			c.failf("its ratio is not known before a run: make it a constant")
		}
	}
	n := c.node
	outputs := c.twoResults(n)
	y, mask := outputs[0], outputs[1]
	scale := 0.0
	if ratio < 1 {
		scale = 1 / (1 - ratio)
	}
	return []builder.Value{c.declare(y, func(dy builder.Value) []builder.Value {
		return one(mask.Cast(dy.DType()).Scale(scale).Mul(dy))
	}), mask}
}

// flagOf returns a truth value that is known before a run.
func (c *call) flagOf(i int) (on, ok bool) {
	list, ok := c.numbers(i)
	if t := c.constant(i); t != nil && t.Len() == 1 {
		return t.Int(0) != 0, true
	}
	return ok && len(list) == 1 && list[0] != 0, ok && len(list) == 1
}

// twoResults returns a Dropout's result and its mask.
func (c *call) twoResults(n ir.Node) []builder.Value {
	n.Outputs = append(slices.Clone(n.Outputs[:1]), "")
	shape := c.in[0].Shape()
	return c.b.Node(n, c.in, nil, []builder.NodeType{{DType: c.in[0].DType(), Shape: shape}, {DType: tensor.Bool, Shape: shape}})
}
