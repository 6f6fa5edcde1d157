package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has normalizations over the last axes.

var normRules = map[string]rule{"LayerNormalization": layerNorm}

// layerNorm uses the node's own mean and 1/deviation where they are of x's type. With
// xh = (x-mean)/deviation and g = dy·scale, dx = (g - mean(g) - xh·mean(g·xh))/deviation.
func layerNorm(c *call) []builder.Value {
	x := c.in[0]
	axis := c.axis(-1, x.Rank())
	var axes []int
	kept := slices.Clone(x.Shape())
	for i := axis; i < x.Rank(); i++ {
		axes = append(axes, i)
		kept[i] = tensor.D(1)
	}
	y, mean, inverse := c.normalized(kept, axes)
	count := reduced{x: x, axes: axes}.count()
	average := func(v builder.Value) builder.Value { return v.SumKeep(axes...).Div(count) }
	return []builder.Value{c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(x.Shape())
		xh := x.Sub(mean).Mul(inverse)
		g := full.Mul(c.in[1])
		dx := g.Sub(average(g)).Sub(xh.Mul(average(g.Mul(xh)))).Mul(inverse)
		grads := []builder.Value{dx, full.Mul(xh).SumTo(c.in[1])}
		if c.has(2) {
			grads = append(grads, full.SumTo(c.in[2]))
		}
		return grads
	})}
}

// normalized returns the node's result, and the mean and 1/deviation of x.
func (c *call) normalized(kept tensor.Shape, axes []int) (y, mean, inverse builder.Value) {
	x := c.in[0]
	if x.DType() == tensor.Float32 {
		n := c.node
		n.Outputs = []string{c.node.Outputs[0], "", ""}
		stats := builder.NodeType{DType: tensor.Float32, Shape: kept}
		out := c.b.Node(n, c.in, nil, []builder.NodeType{{DType: x.DType(), Shape: x.Shape()}, stats, stats})
		return out[0], out[1], out[2]
	}
	count := reduced{x: x, axes: axes}.count()
	mean = x.SumKeep(axes...).Div(count)
	variance := x.Sub(mean).Square().SumKeep(axes...).Div(count)
	return c.asItIs()[0], mean, variance.Shift(c.float("epsilon", 1e-5)).Sqrt().Reciprocal()
}
