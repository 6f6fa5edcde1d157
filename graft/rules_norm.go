package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has normalizations over axes of one element of a batch.

var normRules = map[string]rule{
	"LayerNormalization": layerNorm, "RMSNormalization": rmsNorm, "GroupNormalization": groupNorm,
	"LpNormalization": lpNorm, "MeanVarianceNormalization": meanVariance,
}

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

// rmsNorm is x/sqrt(mean(x²)+epsilon)·scale.
func rmsNorm(c *call) []builder.Value {
	x := c.in[0]
	var axes []int
	for i := c.axis(-1, x.Rank()); i < x.Rank(); i++ {
		axes = append(axes, i)
	}
	square := x.Square().SumKeep(axes...).Div(reduced{x: x, axes: axes}.count())
	return c.derived(x.Div(square.Shift(c.float("epsilon", 1e-5)).Sqrt()).Mul(c.in[1]))
}

// groupNorm has mean 0 and variance 1 in each group of channels.
func groupNorm(c *call) []builder.Value {
	x, groups := c.in[0], tensor.D(c.int("num_groups", 1))
	all := x.Shape()[1]
	if !all.Known() || groups.Size < 1 || all.Size%groups.Size != 0 {
		c.failf("%v has no %v groups of channels", x, groups)
	}
	channels := tensor.D(all.Size / groups.Size)
	inside, err := tensor.Product(append(tensor.Shape{channels}, x.Shape()[2:]...)...)
	if err != nil {
		c.failf("%v", err)
	}
	rows := x.Reshape(tensor.Shape{x.Shape()[0], groups, inside})
	y := c.standardized(rows, []int{2}, c.float("epsilon", 1e-5)).Reshape(x.Shape())
	column := func(v builder.Value) builder.Value {
		axes := make([]int, x.Rank()-2)
		for i := range axes {
			axes[i] = i + 1
		}
		return v.Unsqueeze(axes...)
	}
	return c.derived(y.Mul(column(c.in[1])).Add(column(c.in[2])))
}

// standardized returns (x-mean)/sqrt(variance+epsilon).
func (c *call) standardized(x builder.Value, axes []int, epsilon float64) builder.Value {
	count := reduced{x: x, axes: axes}.count()
	centered := x.Sub(x.SumKeep(axes...).Div(count))
	variance := centered.Square().SumKeep(axes...).Div(count)
	return centered.Div(variance.Shift(epsilon).Sqrt())
}

func lpNorm(c *call) []builder.Value {
	x := c.in[0]
	axis := c.axis(-1, x.Rank())
	if c.int("p", 2) == 1 {
		return c.derived(x.Div(x.Abs().SumKeep(axis)))
	}
	return c.derived(x.Div(x.Square().SumKeep(axis).Sqrt()))
}

func meanVariance(c *call) []builder.Value {
	x := c.in[0]
	list, ok := c.node.Attr("axes").([]int64)
	if !ok {
		list = []int64{0, 2, 3}
	}
	var axes []int
	for _, a := range list {
		axes = append(axes, c.wrap(a, x.Rank()))
	}
	return c.derived(c.standardized(x, axes, 1e-18)) // the operator adds 1e-9 to the root
}
