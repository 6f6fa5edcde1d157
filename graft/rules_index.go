package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that address elements by number.

var indexRules = map[string]rule{
	"Gather": func(c *call) []builder.Value {
		return one(c.in[0].Gather(c.axis(0, c.in[0].Rank()), c.in[1]))
	},
	"GatherElements": gatherElements, "GatherND": gatherND, "TopK": topK, "CumSum": cumSum,
	"ScatterElements": scattered("GatherElements", "axis"), "ScatterND": scattered("GatherND", ""),
}

// gatherElements takes elements of the part of x that has the numbers' other sizes.
func gatherElements(c *call) []builder.Value {
	x, index := c.in[0], c.in[1]
	axis := c.axis(0, x.Rank())
	for i, d := range index.Shape() {
		if own := x.Shape()[i]; i == axis || d == own {
			continue
		} else if d.Known() && own.Known() {
			x = x.Slice(i, 0, d.Size)
		} else {
			x = c.sized(x, with(x.Shape(), i, d))
		}
	}
	return c.derived(x.Pick(axis, index))
}

// gatherND is a Gather from the axes that are addressed as one, whose numbers are
// computed from those of each.
func gatherND(c *call) []builder.Value {
	x, index := c.in[0], c.in[1]
	last, batch := index.Shape()[index.Rank()-1], int(c.int("batch_dims", 0))
	if !last.Known() {
		c.failf("how many axes it addresses is not known before a run")
	}
	addressed := batch + int(last.Size)
	var number builder.Value
	for axis, d := range x.Shape()[:addressed] {
		size := c.b.Count(tensor.Int64, tensor.Shape{d})
		var at builder.Value
		if axis < batch {
			at = c.b.Iota(index.Rank()-1, axis, d)
		} else {
			k := int64(axis - batch)
			at = index.Slice(-1, k, k+1).Squeeze(-1).Cast(tensor.Int64)
			at = builder.Where(at.Less(at.Like(0)), at.Add(size), at)
		}
		if number.IsZero() {
			number = at
			continue
		}
		number = number.Mul(size).Add(at)
	}
	rows, err := tensor.Product(x.Shape()[:addressed]...)
	if err != nil {
		c.failf("%v", err)
	}
	same := x.Reshape(append(tensor.Shape{rows}, x.Shape()[addressed:]...)).Gather(0, number)
	return c.derived(same.Stated(c.shape(0)))
}

// topK sends the gradient back to where the elements stood.
func topK(c *call) []builder.Value {
	out, axis := c.asItIs(), c.axis(-1, c.in[0].Rank())
	out[0] = c.declare(out[0], func(dy builder.Value) []builder.Value {
		return builder.Grad(c.in[0].Pick(axis, out[1]), dy, c.in[0])
	})
	return out
}

func cumSum(c *call) []builder.Value {
	x := c.in[0]
	axis, ok := c.numbers(1)
	if !ok || len(axis) != 1 {
		c.failf("its axis is not known before a run")
	}
	how := []builder.Running{}
	if c.int("exclusive", 0) != 0 {
		how = append(how, builder.Exclusive)
	}
	if c.int("reverse", 0) == 0 {
		how = append(how, builder.Reverse)
	}
	return c.with(func(dy builder.Value) []builder.Value {
		return one(dy.BroadcastTo(x.Shape()).CumSum(c.wrap(axis[0], x.Rank()), how...))
	})
}

// scattered is an operator that writes elements over others or adds to them, and has a
// counterpart that reads them.
func scattered(reader, attribute string) rule {
	return func(c *call) []builder.Value {
		index, updates := c.in[1], c.in[2]
		var attrs []ir.Attribute
		if attribute != "" {
			attrs = append(attrs, ir.Attribute{Name: attribute, Value: c.int(attribute, 0)})
		}
		how := c.text("reduction", "none")
		if how != "none" && how != "add" {
			c.failf("there is no rule for its gradient with reduction %q: none and add have one", how)
		}
		return c.with(func(dy builder.Value) []builder.Value {
			full := dy.BroadcastTo(c.in[0].Shape())
			dx := full
			if how == "none" {
				none := updates.Like(0).BroadcastTo(updates.Shape())
				dx = c.run(c.node.Op, full, []builder.Value{full, index, none}, slices.Clone(attrs)...)
			}
			return []builder.Value{dx, {}, c.run(reader, updates, []builder.Value{full, index}, attrs...)}
		})
	}
}
