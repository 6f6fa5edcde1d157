package main

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
	"github.com/lossgen/lossgen/losses/regression"
)

// This file builds the step of training: one file that holds the network, the
// loss and the gradient of every parameter.

const hidden = 8

// parameters of the network, in the order of its inputs.
var parameters = []string{"w1", "b1", "w2", "b2"}

// contender is a loss that trains the regressor.
type contender struct {
	name    string
	outputs int // of the network
	point   int // the output that is the prediction
	loss    func(inputs map[string]builder.Value) builder.Value
}

var contenders = []contender{
	{name: "mse", outputs: 1, loss: on(regression.MSE, parts.ReductionOnly{})},
	{name: "l1", outputs: 1, loss: on(regression.L1, parts.ReductionOnly{})},
	{name: "huber", outputs: 1, loss: on(regression.Huber, regression.HuberOptions{})},
	{name: "quantile", outputs: 3, point: 1, loss: on(regression.Quantile, regression.QuantileOptions{Quantiles: []float64{0.1, 0.5, 0.9}})},
}

// on fixes the options of a loss.
func on[O any](d *losses.Def[O], o O) func(map[string]builder.Value) builder.Value {
	return func(inputs map[string]builder.Value) builder.Value { return d.On(o, inputs) }
}

// targetDims is the shape of n targets as the loss takes them.
func (c contender) targetDims(n int64) []int64 {
	if c.outputs == 1 {
		return []int64{n, 1}
	}
	return []int64{n}
}

// file returns the bytes of the step: inputs features, the parameters and
// target; outputs prediction, the gradient of each parameter, and loss.
func (c contender) file() ([]byte, error) {
	g, err := builder.Build("regressor_"+c.name, c.step)
	if err != nil {
		return nil, err
	}
	return export.Encode(g.Model(ir.DefaultOpset))
}

// step is a layer of tanh and a linear one, their loss, and the gradients of
// their parameters.
func (c contender) step(b *builder.B) {
	in := func(name string, dims ...any) builder.Value {
		return b.Input(name, tensor.Float32, tensor.Of(dims...))
	}
	x := in("features", "N", features)
	w1, b1 := in("w1", features, hidden), in("b1", hidden)
	w2, b2 := in("w2", hidden, c.outputs), in("b2", c.outputs)
	dims := []any{"N", 1}
	if c.outputs > 1 {
		dims = dims[:1]
	}
	target := in("target", dims...)
	prediction := x.MatMul(w1).Add(b1).Tanh().MatMul(w2).Add(b2)
	loss := c.loss(map[string]builder.Value{"input": prediction, "target": target})
	b.Output("prediction", prediction)
	for i, g := range builder.Grad(loss, loss.Like(1), w1, b1, w2, b2) {
		b.Output("grad_"+parameters[i], g)
	}
	b.Output("loss", loss)
}
