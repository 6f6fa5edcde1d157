//go:build cgo

package ort

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

// cellSuffix marks the inputs that stand for rank-0 ones. No input that a file
// declares ends like this: names of files are identifiers.
const cellSuffix = ".cell"

// widenScalars returns a model whose rank-0 inputs of a half type have the sizes
// [1] and another name, and the names of its inputs. The binding has no rank-0
// value of a half type. Another node drops the axis, since operators that look at
// ranks must not see it. Other models come back as they are.
func widenScalars(model []byte, m *ir.Model) ([]byte, []string, error) {
	inputs := names(m.Graph.Inputs)
	if !slices.ContainsFunc(m.Graph.Inputs, isHalfScalar) {
		return model, inputs, nil
	}
	wide := *m
	graph := *m.Graph
	wide.Graph = &graph
	graph.Inputs = slices.Clone(m.Graph.Inputs)
	var squeezes []ir.Node
	for i, p := range graph.Inputs {
		if !isHalfScalar(p) {
			continue
		}
		inputs[i] = p.Name + cellSuffix
		graph.Inputs[i] = ir.Port{Name: inputs[i], DType: p.DType, Shape: tensor.Of(1)}
		squeezes = append(squeezes, ir.Node{Op: "Squeeze", Inputs: inputs[i : i+1], Outputs: []string{p.Name}})
	}
	graph.Nodes = append(squeezes, graph.Nodes...)
	data, err := export.Marshal(&wide)
	return data, inputs, err
}

func isHalfScalar(p ir.Port) bool {
	half := p.DType == tensor.Float16 || p.DType == tensor.BFloat16
	return half && p.Shape != nil && len(p.Shape) == 0
}
