package train

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/losses"
)

// This file writes values back into the model that they were trained for.

// Applied is a model with other values.
type Applied struct {
	Model   *ir.Model
	Written []string // parameters and statistics that have a new value
	Kept    []string // those that training changes by default, without one
	State   []string // values that are the optimizer's, and stay out of the model
	Layers  int      // normalizations and Dropout that were in training, and are no more
}

// Apply returns m with values in place of its own, by the names that [Model.Attach] gives
// them. Layers are as outside of training, unless the model is to be trained further.
func Apply(m *ir.Model, values []ir.Initializer, training bool) (*Applied, error) {
	read, err := Read(m, NormTrain)
	if err != nil { // statistics that are no initializers were trained without, too
		if read, err = Read(m, NormEval); err != nil {
			return nil, err
		}
	}
	out := &Applied{}
	for _, v := range values {
		if err := read.write(v, out); err != nil {
			return nil, err
		}
	}
	for _, p := range read.Parameters {
		changes := p.Frozen == "" || slices.ContainsFunc(read.running, func(r running) bool { return r.name == p.Name })
		if changes && !slices.Contains(out.Written, p.Name) {
			out.Kept = append(out.Kept, p.Name)
		}
	}
	if len(out.Written) == 0 {
		return nil, errors.New("there is no value of the model's among them")
	}
	switch plain := read.inference(); {
	case training:
		read.asBefore(m)
		out.Model = read.ir
	default:
		out.Layers = trainingLayers(m)
		out.Model = plain
	}
	return out, nil
}

// write puts a value into the model.
func (m *Model) write(v ir.Initializer, out *Applied) error {
	i := slices.IndexFunc(m.Parameters, func(p Parameter) bool { return p.Name == v.Name })
	if i < 0 {
		if m.isState(v.Name) {
			out.State = append(out.State, v.Name)
			return nil
		}
		return fmt.Errorf("the model has no parameter %s%s", strconv.Quote(v.Name), m.suggest(v.Name))
	}
	p := m.Parameters[i]
	if p.DType != v.Tensor.DType || !p.Shape.Equal(v.Tensor.Shape()) {
		return fmt.Errorf("%s is %v in the values and %v%v in the model", strconv.Quote(v.Name), v.Tensor, p.DType, p.Shape)
	}
	for k, c := range m.ir.Graph.Initializers {
		if c.Name == v.Name {
			m.ir.Graph.Initializers[k].Tensor = v.Tensor
		}
	}
	out.Written = append(out.Written, v.Name)
	return nil
}

// BestPrefix is in front of the names of the best epoch's values in a checkpoint.
const BestPrefix = "best_"

// isState reports whether a value is one that an optimizer or a checkpoint keeps.
func (m *Model) isState(name string) bool {
	if of, ok := strings.CutPrefix(name, BestPrefix); ok && (m.isState(of) || slices.Contains(m.Names(), of)) {
		return true
	}
	if slices.Contains([]string{"lr", "step", "parts"}, name) {
		return true
	}
	for _, prefix := range []string{"m_", "v_", "acc_"} {
		if of, ok := strings.CutPrefix(name, prefix); ok && slices.Contains(m.Names(), of) {
			return true
		}
	}
	return false
}

// suggest says what a name may have been meant for.
func (m *Model) suggest(name string) string {
	if of, ok := strings.CutPrefix(name, "new_"); ok && slices.Contains(m.Names(), of) {
		return fmt.Sprintf(": the output %s is a value of %s, save it as that", strconv.Quote(name), strconv.Quote(of))
	}
	if near := losses.Closest(name, m.Names()); len(near) > 0 {
		return ": did you mean " + strings.Join(near, ", ") + "?"
	}
	return ": it has " + few(m.Names())
}

// asBefore gives each layer the mode that it has in the file.
func (m *Model) asBefore(file *ir.Model) {
	before := map[string]ir.Node{}
	for _, n := range file.Graph.Nodes {
		if n.Op == "BatchNormalization" {
			before[n.Outputs[0]] = n
		}
	}
	for i, n := range m.ir.Graph.Nodes {
		if old, ok := before[n.Outputs[0]]; ok {
			n.Attributes, n.Outputs = old.Attributes, old.Outputs
			m.ir.Graph.Nodes[i] = n
		}
	}
}

// trainingLayers counts the layers of a model that are as in training.
func trainingLayers(file *ir.Model) int {
	count, m := 0, &Model{ir: file}
	for _, n := range file.Graph.Nodes {
		if n.Op == "BatchNormalization" && m.inTraining(n) || n.Op == "Dropout" && len(n.Inputs) > 2 && n.Inputs[2] != "" {
			count++
		}
	}
	return count
}
