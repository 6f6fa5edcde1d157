package graft

import (
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has operators that repeat, exchange and drop elements.

var rearrangeRules = map[string]rule{
	"Tile": tile, "DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth, "Trilu": trilu, "Einsum": einsum,
}

// tile sums the gradients of the copies, which are an axis before each axis.
func tile(c *call) []builder.Value {
	x, y, times := c.in[0], c.asItIs()[0], c.list(1)
	if times == nil {
		c.failf("its repeats are not known before a run")
	}
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		var shape tensor.Shape
		var copies []int
		for i, d := range x.Shape() {
			copies = append(copies, len(shape))
			shape = append(shape, times[i], d)
		}
		return one(dy.BroadcastTo(y.Shape()).Reshape(shape).SumOver(copies...))
	}))
}

// depthToSpace moves channels into blocks.
func depthToSpace(c *call) []builder.Value {
	x, y, n := c.in[0], c.shape(0), tensor.D(c.int("blocksize", 1))
	s := x.Shape()
	if c.text("mode", "DCR") == "CRD" {
		x = x.Reshape(tensor.Shape{s[0], y[1], n, n, s[2], s[3]}).Transpose(0, 1, 4, 2, 5, 3)
	} else {
		x = x.Reshape(tensor.Shape{s[0], n, n, y[1], s[2], s[3]}).Transpose(0, 3, 4, 1, 5, 2)
	}
	return c.derived(x.Reshape(y))
}

// spaceToDepth moves blocks into channels.
func spaceToDepth(c *call) []builder.Value {
	x, y, n := c.in[0], c.asItIs()[0], tensor.D(c.int("blocksize", 1))
	s, to := x.Shape(), y.Shape()
	return one(c.derive(y, x.Reshape(tensor.Shape{s[0], s[1], to[2], n, to[3], n}).Transpose(0, 3, 5, 1, 2, 4).Reshape(to)))
}

// trilu keeps the same triangle of the gradient.
func trilu(c *call) []builder.Value {
	x := c.in[0]
	return c.with(func(dy builder.Value) []builder.Value {
		in := one(dy.BroadcastTo(x.Shape()))
		if c.has(1) {
			in = append(in, c.in[1])
		}
		return one(c.run("Trilu", x, in, ir.Attribute{Name: "upper", Value: c.int("upper", 1)}))
	})
}

// einsum sums products of the gradient with the other operands. An index that only one
// operand has was summed: its gradient is the same for all of them.
func einsum(c *call) []builder.Value {
	terms, result := c.equation()
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		grads := make([]builder.Value, len(terms))
		for i, own := range terms {
			others, inputs := []string{result}, one(full)
			for k, term := range terms {
				if k != i {
					others, inputs = append(others, term), append(inputs, c.in[k])
				}
			}
			var kept string
			var summed []int
			var shape tensor.Shape
			for axis, letter := range own {
				if strings.ContainsRune(strings.Join(others, ""), letter) {
					kept, shape = kept+string(letter), append(shape, c.in[i].Shape()[axis])
				} else {
					summed = append(summed, axis)
				}
			}
			of := c.in[i].Like(0).BroadcastTo(shape)
			grads[i] = c.run("Einsum", of, inputs, ir.Attribute{Name: "equation", Value: strings.Join(others, ",") + "->" + kept})
			if len(summed) > 0 {
				grads[i] = grads[i].Unsqueeze(summed...)
			}
		}
		return grads
	}))
}

// equation returns the indices of the operands and of the result.
func (c *call) equation() (terms []string, result string) {
	text := strings.ReplaceAll(c.text("equation", ""), " ", "")
	left, result, explicit := strings.Cut(text, "->")
	terms = strings.Split(left, ",")
	once := func(s string) bool {
		letters := []rune(s)
		slices.Sort(letters)
		return len(slices.Compact(letters)) == len([]rune(s))
	}
	for i, term := range terms {
		if strings.Contains(term, ".") || !once(term) || i >= len(c.in) || len([]rune(term)) != c.in[i].Rank() {
			c.failf("there is no rule for the gradient of the equation %q: write it with a letter for each axis, none twice in an operand", text)
		}
	}
	if !explicit {
		all := []rune(strings.Join(terms, ""))
		slices.Sort(all)
		for i, letter := range all {
			if (i == 0 || all[i-1] != letter) && (i+1 == len(all) || all[i+1] != letter) {
				result += string(letter)
			}
		}
	}
	return terms, result
}
