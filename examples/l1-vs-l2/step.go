package main

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
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
	model   func() (*ir.Model, error)
}

var contenders = []contender{
	{name: "mse", outputs: 1, model: func() (*ir.Model, error) {
		return losses.MSE.Model(losses.MSE.Defaults, column)
	}},
	{name: "l1", outputs: 1, model: func() (*ir.Model, error) {
		return losses.L1.Model(losses.L1.Defaults, column)
	}},
	{name: "huber", outputs: 1, model: func() (*ir.Model, error) {
		return losses.Huber.Model(losses.HuberOptions{Delta: 1, Reduction: losses.Mean}, column)
	}},
	{name: "quantile", outputs: 3, point: 1, model: func() (*ir.Model, error) {
		return losses.Quantile.Model(losses.QuantileOptions{Quantiles: []float64{0.1, 0.5, 0.9}, Reduction: losses.Mean})
	}},
}

// column asks for predictions of one column.
func column(r *losses.Request) { r.Shapes = map[string]string{"input": "N,1"} }

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
	m, err := c.model()
	if err != nil {
		return nil, err
	}
	n, err := network(c.outputs)
	if err != nil {
		return nil, err
	}
	version, err := export.IRVersion(m.Opset)
	if err != nil {
		return nil, err
	}
	step := &ir.Model{IRVersion: version, Opset: m.Opset, Producer: "lossgen", Graph: join(n.Lower(m.Opset), m.Graph)}
	if err := export.Check(step); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return export.Marshal(step)
}

// network is a layer of tanh and a linear one, with the gradients of their
// parameters for a given gradient of the prediction.
func network(outputs int) (*builder.Graph, error) {
	return builder.Build("regressor", func(b *builder.B) {
		in := func(name string, dims ...any) builder.Value {
			return b.Input(name, tensor.Float32, tensor.Of(dims...))
		}
		x := in("features", "N", features)
		w1, b1 := in("w1", features, hidden), in("b1", hidden)
		w2, b2 := in("w2", hidden, outputs), in("b2", outputs)
		prediction := x.MatMul(w1).Add(b1).Tanh().MatMul(w2).Add(b2)
		upstream := in("grad_prediction", "N", outputs)
		b.Output("prediction", prediction)
		for i, g := range builder.Grad(prediction, upstream, w1, b1, w2, b2) {
			b.Output("grad_"+parameters[i], g)
		}
	})
}

// join puts a loss, as its file holds it, between a network's prediction and the
// gradient that the network takes.
func join(network, loss *ir.Graph) *ir.Graph {
	g := &ir.Graph{Name: network.Name + "_" + loss.Name, Doc: loss.Doc, Initializers: network.Initializers}
	for _, in := range network.Inputs {
		if in.Name != "grad_prediction" {
			g.Inputs = append(g.Inputs, in)
		}
	}
	for _, in := range loss.Inputs {
		if in.Name != "input" {
			g.Inputs = append(g.Inputs, in)
		}
	}
	for _, c := range loss.Initializers {
		g.Initializers = append(g.Initializers, ir.Initializer{Name: joined(c.Name), Tensor: c.Tensor})
	}
	forward, backward := around(network.Nodes)
	g.Nodes = append(g.Nodes, forward...)
	for _, n := range loss.Nodes {
		n.Inputs, n.Outputs = allJoined(n.Inputs), allJoined(n.Outputs)
		g.Nodes = append(g.Nodes, n)
	}
	g.Nodes = append(g.Nodes, backward...)
	g.Outputs = network.Outputs
	for _, out := range loss.Outputs {
		if out.Name == "loss" {
			g.Outputs = append(g.Outputs, out)
		}
	}
	return g
}

// around divides the network's nodes into those before the loss and those that
// need its gradient.
func around(nodes []ir.Node) (forward, backward []ir.Node) {
	late := map[string]bool{"grad_prediction": true}
	for _, n := range nodes {
		waits := false
		for _, in := range n.Inputs {
			waits = waits || late[in]
		}
		if !waits {
			forward = append(forward, n)
			continue
		}
		backward = append(backward, n)
		for _, out := range n.Outputs {
			late[out] = true
		}
	}
	return forward, backward
}

// joined is the name that a name of the loss has beside the network's.
func joined(name string) string {
	switch name {
	case "", "loss", "target":
		return name
	case "input":
		return "prediction"
	case "grad_input":
		return "grad_prediction"
	}
	return "loss_" + name
}

func allJoined(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = joined(name)
	}
	return out
}
