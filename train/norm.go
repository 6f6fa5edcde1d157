package train

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
)

// This file switches layers between training and inference.

// BatchNorm says what batch normalization does.
type BatchNorm string

// The ways of batch normalization: by the moments of the batch, whose running means are
// outputs; by the running means; or as each node of the file has it.
const (
	NormTrain BatchNorm = "train"
	NormEval  BatchNorm = "eval"
	NormFile  BatchNorm = "file"
)

// BatchNorms lists the ways.
func BatchNorms() []string { return []string{string(NormTrain), string(NormEval), string(NormFile)} }

// switchNorms gives each normalization its mode, and notes the statistics that change.
func (m *Model) switchNorms(mode BatchNorm) error {
	owner := map[string]bool{}
	for i, n := range m.ir.Graph.Nodes {
		if n.Op != "BatchNormalization" || len(n.Inputs) < 5 {
			continue
		}
		training := mode == NormTrain || mode == NormFile && m.inTraining(n)
		n.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a ir.Attribute) bool { return a.Name == "training_mode" })
		n.Outputs = slices.Clone(n.Outputs)
		if !training {
			n.Outputs = n.Outputs[:1]
			m.ir.Graph.Nodes[i] = n
			continue
		}
		if m.ir.Opset >= 14 {
			n.Attributes = append(n.Attributes, ir.Attribute{Name: "training_mode", Value: int64(1)})
		}
		n.Inputs, n.Outputs = slices.Clone(n.Inputs), []string{n.Outputs[0], n.Outputs[0] + "/running_mean", n.Outputs[0] + "/running_var"}
		for k := 3; k < 5; k++ {
			name, err := m.ownStatistic(n.Inputs[k], owner)
			if err != nil {
				return err
			}
			n.Inputs[k], owner[name] = name, true
			m.running = append(m.running, running{name, n.Outputs[k-2]})
		}
		m.ir.Graph.Nodes[i] = n
	}
	return nil
}

func (m *Model) inTraining(n ir.Node) bool {
	mode, _ := n.Attr("training_mode").(int64)
	return mode != 0 || m.ir.Opset < 14 && len(n.Outputs) > 1
}

// ownStatistic returns the initializer of a statistic, which no other node has: where the
// exporter has merged it with equal values it gets a copy.
func (m *Model) ownStatistic(name string, owner map[string]bool) (string, error) {
	root := m.root(name)
	i := slices.IndexFunc(m.ir.Graph.Initializers, func(c ir.Initializer) bool { return c.Name == root })
	if i < 0 {
		return "", fmt.Errorf("%s, a statistic of a BatchNormalization, is no initializer: use --batchnorm eval", strconv.Quote(name))
	}
	if len(m.uses[root]) == 1 && root == name && !owner[root] {
		return root, nil
	}
	copy := m.ir.Graph.Initializers[i]
	copy.Name = name + "/own"
	for k := 2; owner[copy.Name]; k++ {
		copy.Name = fmt.Sprintf("%s/own%d", name, k)
	}
	m.ir.Graph.Initializers = append(m.ir.Graph.Initializers, copy)
	m.warnf("%s is one constant for several uses: a normalization has its own copy of it, %s", root, copy.Name)
	return copy.Name, nil
}

// inference returns the model with all layers as they are outside of training.
func (m *Model) inference() *ir.Model {
	out := copied(m.ir)
	for i, n := range out.Graph.Nodes {
		switch n.Op {
		case "BatchNormalization":
			n.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a ir.Attribute) bool { return a.Name == "training_mode" })
			n.Outputs = n.Outputs[:1]
		case "Dropout":
			n.Inputs = n.Inputs[:1]
		}
		out.Graph.Nodes[i] = n
	}
	return out
}
