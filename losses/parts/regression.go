package parts

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file defines pieces that regression losses share.

// Elementwise are the shapes of losses that compare tensors of any one shape.
func Elementwise(names ...string) []losses.Shapes {
	s := losses.Shapes{}
	for _, name := range names {
		s[name] = "*"
	}
	return []losses.Shapes{s}
}

// Regression are a prediction and a true value, both differentiable.
func Regression(further ...losses.Input) []losses.Input {
	return append([]losses.Input{
		{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default},
		{Name: "target", Doc: "true values", Domain: losses.Real, Grad: losses.OnDemand},
	}, further...)
}

// ElementWeight is the optional weight of each element.
func ElementWeight() losses.Input {
	return losses.Input{Name: "weight", Doc: "weight of each element", Domain: losses.Weight, Optional: true}
}

// ReductionOnly is the options of a loss that has no other.
type ReductionOnly struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Weighted is the Term of F.l1_loss and F.mse_loss: with weights, mean divides by
// their sum.
func Weighted(c *losses.Call, v losses.Value) losses.Term {
	if !c.Has("weight") {
		return losses.Each(v)
	}
	w := c.In("weight")
	return losses.Term{Each: v.Mul(w), Divisor: losses.Both{Value: w, Torch: "weight"}}
}

// LogCosh is log(cosh(d)) as |d| + log(1 + exp(-2|d|)) - log 2, which does not overflow.
// Its gradient is tanh(d).
func LogCosh(d losses.Value) losses.Value {
	size := d.Abs()
	value := size.Add(size.Scale(-2).Exp().Log1p()).Shift(-math.Ln2)
	return builder.WithGradient("log_cosh", value, []losses.Value{d}, func(dy losses.Value) []losses.Value {
		return []losses.Value{d.Tanh().Mul(dy)}
	})
}

// TorchLogCosh is [LogCosh] of an expression, which has a second derivative at 0, too.
func TorchLogCosh(d string) string {
	return "(lambda d: torch.logaddexp(d, -d) - math.log(2))(" + d + ")"
}

// Aligned broadcasts two values to their common shape.
func Aligned(x, y losses.Value) (losses.Value, losses.Value) {
	shape, err := tensor.Broadcast(x.Shape(), y.Shape())
	if err != nil {
		builder.Failf("broadcast", "%v", err)
	}
	return x.BroadcastTo(shape), y.BroadcastTo(shape)
}

// Fitting checks that inputs which may broadcast do not enlarge the first one.
func Fitting(first string, names ...string) func(map[string]tensor.Shape) error {
	return func(shapes map[string]tensor.Shape) error {
		for _, name := range names {
			own, ok := shapes[name]
			if !ok {
				continue
			}
			if s, err := tensor.Broadcast(shapes[first], own); err != nil || !s.Equal(shapes[first]) {
				return fmt.Errorf("%s %v does not broadcast to %s %v", name, own, first, shapes[first])
			}
		}
		return nil
	}
}
