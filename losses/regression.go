package losses

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines pieces that regression losses share.

// Value is a tensor in a graph under construction.
type Value = builder.Value

// elementwise are the shapes of losses that compare tensors of any one shape.
func elementwise(names ...string) []Shapes {
	s := Shapes{}
	for _, name := range names {
		s[name] = "*"
	}
	return []Shapes{s}
}

// regression are a prediction and a true value, both differentiable.
func regression(further ...Input) []Input {
	return append([]Input{
		{Name: "input", Doc: "predictions", Domain: Real, Grad: Default},
		{Name: "target", Doc: "true values", Domain: Real, Grad: OnDemand},
	}, further...)
}

var elementWeight = Input{Name: "weight", Doc: "weight of each element", Domain: Weight, Optional: true}

// ReductionOnly is the options of a loss that has no other.
type ReductionOnly struct {
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// weighted is the Term of F.l1_loss and F.mse_loss: with weights, mean divides by
// their sum.
func weighted(c *Call, v Value) Term {
	if !c.Has("weight") {
		return each(v)
	}
	w := c.In("weight")
	return Term{Each: v.Mul(w), Divisor: w}
}

// weightCounts is the PyTorch expression of the weights that weighted divides by.
func weightCounts(c *Call, _ ReductionOnly) string {
	if !c.Has("weight") {
		return ""
	}
	return "weight"
}

// clipped is d²/2 within delta of 0 and delta·(|d| - delta/2) beyond. With c = d
// limited to ±delta both are c·(d - c/2), and c is the gradient.
func clipped(d Value, delta float64) Value {
	c := d.Clip(-delta, delta)
	value := c.Mul(d.Sub(c.Scale(0.5)))
	if delta < 1e9 { // else d² may overflow where d²/2 does not
		value = value.WithParts(c.Mul(d), c.Square().Scale(-0.5))
	}
	return builder.WithGradient("huber", value, []Value{d}, func(dy Value) []Value {
		return []Value{c.Mul(dy)}
	})
}

// smooth is d²/(2 beta) within beta of 0 and |d| - beta/2 beyond. With c = d/beta
// limited to ±1 both are c·(d - c·beta/2), and c is the gradient.
func smooth(d Value, beta float64) Value {
	c := d.Div(d.Like(beta)).Clip(-1, 1)
	value := c.Mul(d.Sub(c.Scale(beta/2))).WithParts(c.Mul(d), c.Square().Scale(-beta/2))
	return builder.WithGradient("smooth_l1", value, []Value{d}, func(dy Value) []Value {
		return []Value{c.Mul(dy)}
	})
}

// aligned broadcasts two values to their common shape.
func aligned(x, y Value) (Value, Value) {
	shape, err := tensor.Broadcast(x.Shape(), y.Shape())
	if err != nil {
		builder.Failf("broadcast", "%v", err)
	}
	return x.BroadcastTo(shape), y.BroadcastTo(shape)
}

// fitting checks that inputs which may broadcast do not enlarge the first one.
func fitting(first string, names ...string) func(map[string]tensor.Shape) error {
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
