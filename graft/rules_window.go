package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
)

// This file has the operators that move a window over the axes behind batch and
// channel.

var windowRules = map[string]rule{
	"Conv": conv, "ConvTranspose": convTranspose, "MaxPool": maxPool, "AveragePool": averagePool,
	"GlobalAveragePool": unary(builder.Value.GlobalAveragePool),
}

// integers returns a list in an attribute, nil where it is absent.
func (c *call) integers(name string) []int64 {
	list, _ := c.node.Attr(name).([]int64)
	return list
}

// optional returns the i-th input, or the zero Value.
func (c *call) optional(i int) builder.Value {
	if c.has(i) {
		return c.in[i]
	}
	return builder.Value{}
}

// window returns what the attributes say of a window of these sizes.
func (c *call) window(kernel []int64) builder.Window {
	w := builder.Window{Strides: c.integers("strides"), Dilations: c.integers("dilations"), Pads: c.integers("pads"), Group: c.int("group", 1),
		Ceil: c.int("ceil_mode", 0) != 0, CountPads: c.int("count_include_pad", 0) != 0}
	switch auto := c.text("auto_pad", "NOTSET"); auto {
	case "NOTSET":
	case "VALID":
		w.Pads = nil
	case "SAME_UPPER", "SAME_LOWER":
		w = c.in[0].Same(kernel, w, auto == "SAME_LOWER")
		w.Ceil = false
	default:
		c.failf("auto_pad is %q", auto)
	}
	return w
}

// kernel returns the sizes of a window's weights, the second input.
func (c *call) kernel() []int64 {
	weight := c.in[1].Shape()
	if len(weight) < 3 {
		c.failf("its weights are %v", c.in[1])
	}
	kernel, ok := weight[2:].Known()
	if !ok {
		c.failf("the sizes of its weights %v are not known before a run", c.in[1])
	}
	if given := c.integers("kernel_shape"); given != nil && !slices.Equal(given, kernel) {
		c.failf("kernel_shape is %v for weights %v", given, c.in[1])
	}
	return kernel
}

func conv(c *call) []builder.Value {
	return one(c.in[0].Conv(c.in[1], c.optional(2), c.window(c.kernel())))
}

// convTranspose turns a size that is asked for into pads.
func convTranspose(c *call) []builder.Value {
	x, kernel, more := c.in[0], c.kernel(), c.integers("output_padding")
	auto, want := c.text("auto_pad", "NOTSET"), c.integers("output_shape")
	same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
	if !same && want == nil {
		return one(x.ConvTranspose(c.in[1], c.optional(2), c.window(kernel), more))
	}
	n := len(kernel)
	w := builder.Window{Strides: c.integers("strides"), Dilations: c.integers("dilations"), Group: c.int("group", 1), Pads: make([]int64, 2*n)}
	at := func(list []int64, i int, def int64) int64 {
		if i < len(list) {
			return list[i]
		}
		return def
	}
	rest := make([]int64, n)
	for i, k := range kernel {
		stride := at(w.Strides, i, 1)
		over := (k-1)*at(w.Dilations, i, 1) + 1 - stride + at(more, i, 0) // of x's size times the stride
		if want != nil {
			size := x.Shape()[2+i]
			if !size.Known() {
				c.failf("its output_shape is %v, but axis %d of its input has the open size %v", want, 2+i, size)
			}
			over += size.Size*stride - at(want, i, 0)
		}
		total := max(over, 0)
		w.Pads[i], w.Pads[n+i] = total-total/2, total/2
		if auto == "SAME_UPPER" {
			w.Pads[i], w.Pads[n+i] = total/2, total-total/2
		}
		rest[i] = at(more, i, 0) + max(-over, 0)
	}
	return one(x.ConvTranspose(c.in[1], c.optional(2), w, rest))
}

// maxPool takes numbers of elements, where the model wants them, from a node of their own.
func maxPool(c *call) []builder.Value {
	kernel := c.integers("kernel_shape")
	results := one(c.in[0].MaxPool(kernel, c.window(kernel)))
	if len(c.node.Outputs) > 1 && c.node.Outputs[1] != "" {
		results = append(results, c.asItIs()[1])
	}
	return results
}

func averagePool(c *call) []builder.Value {
	kernel := c.integers("kernel_shape")
	return one(c.in[0].AveragePool(kernel, c.window(kernel)))
}
