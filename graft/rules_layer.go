package graft

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has normalizations by channel, activations with parameters, and what makes
// axes longer.

var layerRules = map[string]rule{
	"BatchNormalization": batchNorm, "Pad": pad, "Resize": resize,
	"InstanceNormalization": func(c *call) []builder.Value {
		return one(c.in[0].InstanceNorm(c.in[1], c.in[2], c.float("epsilon", 1e-5)))
	},
	"LeakyRelu": func(c *call) []builder.Value { return one(c.in[0].LeakyRelu(c.float("alpha", 0.01))) },
	"Elu":       func(c *call) []builder.Value { return one(c.in[0].Elu(c.float("alpha", 1))) },
	"HardSigmoid": func(c *call) []builder.Value {
		return one(c.in[0].HardSigmoid(c.float("alpha", 0.2), c.float("beta", 0.5)))
	},
	"HardSwish": unary(builder.Value.HardSwish),
}

// batchNorm normalizes in training by the moments of the batch, which it computes once for
// the result, the running moments and the gradient. The running variance takes in the
// variance of a population, as the standard says, or n/(n-1) of it, as PyTorch has it. Of
// one element that is 0: PyTorch refuses such a batch.
func batchNorm(c *call) []builder.Value {
	x, scale, bias, mean, variance, epsilon := c.in[0], c.in[1], c.in[2], c.in[3], c.in[4], c.float("epsilon", 1e-5)
	training := c.int("training_mode", 0) != 0 || c.model.Opset < 14 && len(c.node.Outputs) > 1
	if !training {
		return one(x.BatchNorm(scale, bias, mean, variance, epsilon))
	}
	y, batchMean, batchVariance := x.BatchNormTraining(scale, bias, epsilon)
	momentum := c.float("momentum", 0.9)
	if c.torch {
		sizes := append(tensor.Shape{x.Shape()[0]}, x.Shape()[2:]...)
		n := c.b.Count(x.DType(), sizes)
		batchVariance = batchVariance.Mul(n.Div(n.Shift(-1).Max(n.Like(1))))
	}
	running := func(old, batch builder.Value) builder.Value {
		return old.Scale(momentum).Add(batch.Scale(1 - momentum))
	}
	return []builder.Value{y, running(mean, batchMean), running(variance, batchVariance)}
}

// pad repeats elements along one axis after the other, as its mode says.
func pad(c *call) []builder.Value {
	x := c.in[0]
	given, ok := c.numbers(1)
	if !ok {
		c.failf("its pads are not known before a run")
	}
	axes := make([]int, 0, x.Rank())
	list, known := c.numbers(3)
	for _, a := range list {
		axes = append(axes, c.wrap(a, x.Rank()))
	}
	if !c.has(3) {
		for i := range x.Rank() {
			axes = append(axes, i)
		}
	} else if !known {
		c.failf("its axes are not known before a run")
	}
	if len(given) != 2*len(axes) {
		c.failf("it has %d pads for %d axes", len(given), len(axes))
	}
	mode := c.text("mode", "constant")
	if mode == "constant" {
		return one(c.padConstant(x, axes, given))
	}
	for i, axis := range axes {
		before, behind := given[i], given[i+len(axes)]
		switch mode {
		case "reflect":
			x = x.PadReflect(axis, before, behind)
		case "edge":
			x = x.PadReplicate(axis, tensor.D(before), tensor.D(behind))
		case "wrap":
			x = x.PadWrap(axis, before, behind)
		default:
			c.failf("its mode is %q", mode)
		}
	}
	return one(x)
}

func (c *call) padConstant(x builder.Value, axes []int, given []int64) builder.Value {
	value := 0.0
	if c.has(2) {
		var ok bool
		if value, ok = c.scalar(2); !ok {
			c.failf("the constant that it pads with is not known before a run")
		}
	}
	pads := make([]int64, 2*x.Rank())
	for i, axis := range axes {
		pads[axis], pads[axis+x.Rank()] = given[i], given[i+len(axes)]
	}
	return x.PadAll(pads, value)
}

func resize(c *call) []builder.Value {
	x := c.in[0]
	r := builder.Resampling{Mode: c.text("mode", ""), Coordinates: c.text("coordinate_transformation_mode", ""), Nearest: c.text("nearest_mode", ""),
		CubicA: c.float("cubic_coeff_a", -0.75), ExcludeOutside: c.int("exclude_outside", 0) != 0, Antialias: c.int("antialias", 0) != 0}
	if r.Coordinates == "tf_crop_and_resize" {
		c.failf("coordinate_transformation_mode tf_crop_and_resize has no gradient here")
	}
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		c.failf("keep_aspect_ratio_policy is %q: only stretch has a gradient here", policy)
	}
	axes := make([]int, 0, x.Rank())
	for _, a := range c.integers("axes") {
		axes = append(axes, c.wrap(a, x.Rank()))
	}
	if len(axes) == 0 {
		for i := range x.Rank() {
			axes = append(axes, i)
		}
	}
	shape := append(tensor.Shape{}, x.Shape()...)
	if scales := c.constant(2); scales != nil && scales.Len() > 0 {
		r.Scales = make([]float64, x.Rank())
		for i := range r.Scales {
			r.Scales[i] = 1
		}
		for i, axis := range axes {
			r.Scales[axis] = scales.Float(i)
		}
		return one(x.Resize(shape, r))
	}
	sizes := c.list(3)
	if len(sizes) != len(axes) {
		c.failf("its sizes or scales are not known before a run")
	}
	for i, axis := range axes {
		shape[axis] = sizes[i]
	}
	return one(x.Resize(shape, r))
}
