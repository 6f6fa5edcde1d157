// Package train puts a loss behind a model that was written elsewhere, with the gradients
// of its parameters or an optimizer's step: one graph that any engine trains with.
package train

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/graft"
)

// Model is a model on its way to a training graph. The one that it was read from stays
// as it is.
type Model struct {
	Parameters []Parameter
	// Warnings are lines about what the export of the model has lost.
	Warnings  []string
	ir        *ir.Model
	values    map[string]*tensor.Tensor // of the parameters
	running   []running
	uses      map[string][]use
	roots     map[string]string
	constants map[string]bool // weights that were in Constant nodes
}

// running is a statistic that normalization in training changes: a parameter, and the
// value of the model that it becomes.
type running struct{ name, next string }

// Parameter is a floating-point constant of a model.
type Parameter struct {
	Name   string
	DType  tensor.DType
	Shape  tensor.Shape
	Uses   int    // nodes that read it
	Frozen string // why it is not trained by default; "" where it is
}

// Read prepares a model.
func Read(m *ir.Model, mode BatchNorm) (*Model, error) {
	out := &Model{ir: copied(m), values: map[string]*tensor.Tensor{}}
	g := out.ir.Graph
	out.index()
	out.warn()
	out.takeConstants()
	if err := out.switchNorms(mode); err != nil {
		return nil, err
	}
	out.index()
	for _, c := range g.Initializers {
		if c.Tensor.DType.IsFloat() {
			out.values[c.Name] = c.Tensor
			out.Parameters = append(out.Parameters, Parameter{
				Name: c.Name, DType: c.Tensor.DType, Shape: c.Tensor.Shape(), Uses: len(out.uses[c.Name]), Frozen: out.frozen(c),
			})
		}
	}
	return out, nil
}

// copied returns a model whose nodes and initializers may be changed.
func copied(m *ir.Model) *ir.Model {
	out, g := *m, *m.Graph
	g.Nodes, g.Initializers = slices.Clone(g.Nodes), slices.Clone(g.Initializers)
	out.Graph = &g
	return &out
}

// Names lists the parameters.
func (m *Model) Names() []string {
	var names []string
	for _, p := range m.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// Outputs lists the model's outputs.
func (m *Model) Outputs() []ir.Port { return m.ir.Graph.Outputs }

// use is where a node reads a value.
type use struct {
	node ir.Node
	slot int
}

// index notes which nodes read each value, also under the names that Identity gives it.
func (m *Model) index() {
	m.uses, m.roots = map[string][]use{}, map[string]string{}
	for _, n := range m.ir.Graph.Nodes {
		if n.Op == "Identity" {
			m.roots[n.Outputs[0]] = m.root(n.Inputs[0])
			continue
		}
		for slot, in := range n.Inputs {
			root := m.root(in)
			m.uses[root] = append(m.uses[root], use{n, slot})
		}
	}
}

// root is the first name of a value.
func (m *Model) root(name string) string { return cmp.Or(m.roots[name], name) }

// weightSlots are the inputs of operators that are parameters of a layer.
var weightSlots = map[string][]int{
	"MatMul": {0, 1}, "Gemm": {1, 2}, "Conv": {1, 2}, "ConvTranspose": {1, 2}, "LSTM": {1, 2, 3}, "GRU": {1, 2, 3}, "RNN": {1, 2, 3},
	"Gather": {0}, "BatchNormalization": {1, 2},
}

// isWeight reports whether a layer has a value as its parameter.
func (m *Model) isWeight(name string) bool {
	return slices.ContainsFunc(m.uses[name], func(u use) bool { return slices.Contains(weightSlots[u.node.Op], u.slot) })
}

// frozen says why a constant is not trained unless it is named.
func (m *Model) frozen(c ir.Initializer) string {
	uses := m.uses[c.Name]
	statistic := func(u use) bool { return u.node.Op == "BatchNormalization" && u.slot >= 3 }
	infinite := func(v float64) bool { return v-v != 0 }
	switch {
	case slices.ContainsFunc(uses, statistic):
		return "statistics"
	case m.constants[c.Name]:
		return "from a Constant node"
	case slices.ContainsFunc(c.Tensor.Floats(), infinite): // a mask
		return "not finite"
	case anonymous.MatchString(c.Name) && !m.isWeight(c.Name):
		return "a constant without a name"
	}
	return ""
}

// takeConstants makes initializers of the weights that are in Constant nodes.
func (m *Model) takeConstants() {
	m.constants = map[string]bool{}
	var nodes []ir.Node
	for _, n := range m.ir.Graph.Nodes {
		t, _ := n.Attr("value").(*tensor.Tensor)
		if n.Op == "Constant" && t != nil && t.DType.IsFloat() && len(t.Dims) > 0 && m.isWeight(n.Outputs[0]) {
			m.ir.Graph.Initializers = append(m.ir.Graph.Initializers, ir.Initializer{Name: n.Outputs[0], Tensor: t})
			m.constants[n.Outputs[0]] = true
			continue
		}
		nodes = append(nodes, n)
	}
	m.ir.Graph.Nodes = nodes
	if n := len(m.constants); n > 0 {
		m.warnf("weights of layers are in Constant nodes, %d of them, and frozen: --train names those that are parameters", n)
	}
}

// trained returns the parameters that are trained: those that are given, or by default
// all that a gradient reaches, without frozen ones.
func (m *Model) trained(o Options, of []string) ([]string, error) {
	var list []string
	for _, p := range m.Parameters {
		given := slices.Contains(o.Train, p.Name) || o.Train == nil && p.Frozen == ""
		if given && !slices.Contains(o.Freeze, p.Name) {
			list = append(list, p.Name)
		}
	}
	reached, err := graft.Prepare(m.ir, graft.Options{Wrt: list, Of: of, Opset: o.Opset})
	if err != nil {
		return nil, err
	}
	for i := range m.Parameters {
		p := &m.Parameters[i]
		switch in := slices.Contains(list, p.Name); {
		case in && reached.Reaches(p.Name):
			if slices.ContainsFunc(m.running, func(r running) bool { return r.name == p.Name }) {
				return nil, fmt.Errorf("%s is a statistic of the batches, which no gradient trains: leave it out of --train", strconv.Quote(p.Name))
			}
			p.Frozen = ""
		case in && o.Train != nil:
			return nil, fmt.Errorf("--train names %s, which the loss does not depend on", strconv.Quote(p.Name))
		case in:
			p.Frozen = "does not reach the loss"
		default:
			p.Frozen = cmp.Or(p.Frozen, "as asked")
		}
	}
	list = slices.DeleteFunc(list, func(name string) bool { return !reached.Reaches(name) })
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no parameter to train: %d are frozen", len(m.Parameters))
	}
	return list, nil
}
