package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has recurrent layers, each direction by itself.

var recurrentRules = map[string]rule{"LSTM": lstm, "GRU": gru}

// directions returns the layer of each direction. activations are those that it has a
// gradient for.
func (c *call) directions(activations ...string) []builder.Layer {
	c.plainLayer(activations)
	var list []builder.Layer
	switch direction := c.text("direction", "forward"); direction {
	case "forward", "reverse":
		list = append(list, builder.Layer{Backward: direction == "reverse"})
	case "bidirectional":
		list = append(list, builder.Layer{}, builder.Layer{Backward: true})
	default:
		c.failf("direction is %q", direction)
	}
	x, r := c.in[0], c.in[2]
	for i := range list {
		part := func(k int) builder.Value {
			if !c.has(k) {
				return builder.Value{}
			}
			v := c.in[k]
			if k > 4 { // a state: its sizes are those of the sequences
				v = c.sized(v, tensor.Shape{v.Shape()[0], x.Shape()[1], r.Shape()[2]})
			}
			return v.Slice(0, int64(i), int64(i)+1).Squeeze(0)
		}
		l := &list[i]
		l.W, l.R, l.B, l.Hidden, l.Cell = part(1), part(2), part(3), part(5), part(6)
	}
	return list
}

// plainLayer refuses what no gradient is known for.
func (c *call) plainLayer(activations []string) {
	if c.has(4) || c.has(7) {
		c.failf("it has lengths of sequences, or peepholes: only layers without have a gradient here")
	}
	for _, name := range []string{"clip", "activation_alpha", "activation_beta"} {
		if c.node.Attr(name) != nil {
			c.failf("it has the attribute %s: only layers without have a gradient here", name)
		}
	}
	for _, name := range []string{"layout", "input_forget"} {
		if c.int(name, 0) != 0 {
			c.failf("%s is %d: only 0 has a gradient here", name, c.int(name, 0))
		}
	}
	given, _ := c.node.Attr("activations").([]string)
	for i, name := range given {
		if name != activations[i%len(activations)] {
			c.failf("its activations are %v: only %v have a gradient here", given, activations)
		}
	}
	for i := range 3 {
		if c.in[i].Rank() != 3 {
			c.failf("its input %d is %v, want rank 3", i, c.in[i])
		}
	}
}

// stacked joins the results of directions along a new axis.
func stacked(axis int, list []builder.Value) builder.Value {
	parts := slices.Clone(list)
	for i, v := range parts {
		parts[i] = v.Unsqueeze(axis)
	}
	return builder.Concat(axis, parts...)
}

func lstm(c *call) []builder.Value {
	var ys, hidden, cells []builder.Value
	for _, l := range c.directions("Sigmoid", "Tanh", "Tanh") {
		y, cell := c.in[0].LSTM(l)
		ys, hidden, cells = append(ys, y), append(hidden, y.LastState(l.Backward)), append(cells, cell)
	}
	return []builder.Value{stacked(1, ys), stacked(0, hidden), stacked(0, cells)}
}

func gru(c *call) []builder.Value {
	var ys, hidden []builder.Value
	for _, l := range c.directions("Sigmoid", "Tanh") {
		l.ResetBehind = c.int("linear_before_reset", 0) != 0
		y := c.in[0].GRU(l)
		ys, hidden = append(ys, y), append(hidden, y.LastState(l.Backward))
	}
	return []builder.Value{stacked(1, ys), stacked(0, hidden)}
}
