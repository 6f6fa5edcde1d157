package reference

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

// plan is a model ready to run: values live in numbered slots.
type plan struct {
	inputs, outputs []ir.Port
	inputSlots      []int
	outputSlots     []int
	initial         []*array // constants in their slots, nil elsewhere
	steps           []step
}

// step is one node.
type step struct {
	row     row
	label   string // for error lines
	inputs  []int  // slots, -1 for an absent input
	outputs []int  // slots, -1 for an unused output
	attrs   map[string]any
	last    []int // slots that no later step reads
}

// newPlan reads a model twice, with package export and with onnx-go, and
// compares the readings. Ports, the opset and those constants that onnx-go
// cannot read come from package export, all else from onnx-go.
func newPlan(model []byte) (*plan, error) {
	m, err := export.Unmarshal(model)
	if err != nil {
		return nil, err
	}
	return readPlan(m, model)
}

// readPlan plans a graph. onnx-go reads no bodies: it gets the bytes of a model without
// them, and then those of each body as a model of its own.
func readPlan(m *ir.Model, model []byte) (*plan, error) {
	if err := supported(m); err != nil {
		return nil, err
	}
	bodies, m, err := split(m)
	if err != nil {
		return nil, err
	}
	if len(bodies) > 0 || model == nil {
		if model, err = export.Marshal(m); err != nil {
			return nil, err
		}
	}
	readable, err := readableConstants(m.Graph)
	if err != nil {
		return nil, err
	}
	d, err := decode(model, readable)
	if err != nil {
		return nil, err
	}
	if err := sameNodes(m.Graph.Nodes, d.nodes); err != nil {
		return nil, err
	}
	b := &planner{plan: &plan{inputs: m.Graph.Inputs, outputs: m.Graph.Outputs}, slots: map[string]int{}, bodies: bodies}
	if err := b.values(m.Graph, d); err != nil {
		return nil, err
	}
	for k, n := range d.nodes {
		if err := b.node(k, n); err != nil {
			return nil, err
		}
	}
	for _, p := range m.Graph.Outputs {
		slot, ok := b.slots[p.Name]
		if !ok {
			return nil, fmt.Errorf("output %q is not computed by any node", p.Name)
		}
		b.plan.outputSlots = append(b.plan.outputSlots, slot)
	}
	b.plan.markLast()
	return b.plan, nil
}

// supported refuses what onnx-go or the evaluator cannot do, with a clearer
// reason than they would give.
func supported(m *ir.Model) error {
	if m.Opset < export.MinOpset || m.Opset > export.MaxOpset {
		return fmt.Errorf("opset %d: the reference engine runs opsets %d to %d", m.Opset, export.MinOpset, export.MaxOpset)
	}
	for _, n := range m.Graph.Nodes {
		if _, ok := kernels[n.Op]; !ok {
			return fmt.Errorf("operator %s: %w", n.Op, ErrNoKernel)
		}
		for _, a := range n.Attributes {
			t, ok := a.Value.(*tensor.Tensor)
			if ok && !witnessed(t) {
				return fmt.Errorf("operator %s, attribute %q: %v constants in attributes: %w", n.Op, a.Name, t, ErrNoKernel)
			}
		}
	}
	return nil
}

// witnessed reports whether onnx-go can read a constant: it knows no 16-bit
// floats and no empty tensors.
func witnessed(t *tensor.Tensor) bool {
	return t.DType != tensor.Float16 && t.DType != tensor.BFloat16 && t.Len() > 0
}

// readableConstants tells for every initializer whether onnx-go may read it.
func readableConstants(g *ir.Graph) ([]bool, error) {
	declared := map[string]bool{}
	for _, p := range g.Inputs {
		declared[p.Name] = true
	}
	for _, p := range g.Outputs {
		declared[p.Name] = true
	}
	var readable []bool
	for _, i := range g.Initializers {
		if declared[i.Name] {
			return nil, fmt.Errorf("initializer %q is an input or output too: %w", i.Name, ErrNoKernel)
		}
		declared[i.Name] = true
		readable = append(readable, witnessed(i.Tensor))
	}
	return readable, nil
}

// sameNodes compares what package export and onnx-go read.
func sameNodes(ours []ir.Node, theirs []node) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("two readings of the model differ: %d nodes, onnx-go reads %d", len(ours), len(theirs))
	}
	for k, n := range ours {
		t := &theirs[k]
		if len(n.Inputs) == 0 {
			t.inputs = nil // onnx-go invents an input for a node without any
		}
		same := n.Op == t.op && slices.Equal(n.Inputs, t.inputs) && slices.Equal(n.Outputs, t.outputs) &&
			len(n.Attributes) == len(t.attrs)
		for _, a := range n.Attributes {
			same = same && sameAttribute(a.Value, t.attrs[a.Name])
		}
		if !same {
			return fmt.Errorf("two readings of the model differ: node %d, %s", k, n.Op)
		}
	}
	return nil
}

func sameAttribute(ours, theirs any) bool {
	switch v := ours.(type) {
	case *tensor.Tensor:
		a, err := fromTensor(v, math.MaxInt64)
		t, ok := theirs.(*array)
		return err == nil && ok && a.identical(t)
	case []int64:
		t, ok := theirs.([]int64)
		return ok && slices.Equal(v, t)
	case float32:
		t, ok := theirs.(float32)
		return ok && math.Float32bits(v) == math.Float32bits(t)
	case []float32:
		t, ok := theirs.([]float32)
		return ok && slices.EqualFunc(v, t, func(p, q float32) bool { return math.Float32bits(p) == math.Float32bits(q) })
	case int64, string:
		return ours == theirs
	}
	return false
}

// planner assigns slots.
type planner struct {
	plan   *plan
	slots  map[string]int
	bodies map[int]*body // by the number of the node that they belong to
}

// define gives a new value a slot.
func (b *planner) define(name string, a *array) (int, error) {
	if name == "" {
		return 0, fmt.Errorf("a value has no name")
	}
	if _, ok := b.slots[name]; ok {
		return 0, fmt.Errorf("value %q is defined twice", name)
	}
	slot := len(b.plan.initial)
	b.slots[name] = slot
	b.plan.initial = append(b.plan.initial, a)
	return slot, nil
}

// values defines the inputs and the constants.
func (b *planner) values(g *ir.Graph, d *decoded) error {
	for _, p := range g.Inputs {
		slot, err := b.define(p.Name, nil)
		if err != nil {
			return err
		}
		b.plan.inputSlots = append(b.plan.inputSlots, slot)
	}
	theirs, err := d.constants()
	if err != nil {
		return err
	}
	for _, i := range g.Initializers {
		a, err := fromTensor(i.Tensor, math.MaxInt64)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", i.Name, err)
		}
		if t, ok := theirs[i.Name]; ok {
			if !a.identical(t) {
				return fmt.Errorf("two readings of the model differ: initializer %q", i.Name)
			}
			a = t
		}
		if _, err := b.define(i.Name, a); err != nil {
			return err
		}
	}
	return nil
}

// node adds a step.
func (b *planner) node(k int, n node) error {
	s := step{row: kernels[n.op], attrs: n.attrs, label: n.op}
	if len(n.outputs) > 0 {
		s.label = fmt.Sprintf("%s %q", n.op, n.outputs[0])
	}
	if err := s.row.check(n.inputs, len(n.outputs), n.attrs); err != nil {
		return fmt.Errorf("%s: %w", s.label, err)
	}
	inputs := n.inputs
	body := b.bodies[k]
	if n.op == "Scan" && body == nil {
		return fmt.Errorf("%s: it has no body", s.label)
	}
	if body != nil {
		if err := body.check(len(n.inputs), len(n.outputs), n.attrs); err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
		inputs = slices.Concat(inputs, body.captured)
		s.attrs = maps.Clone(n.attrs)
		s.attrs["body"] = body
	}
	for _, name := range inputs {
		slot, ok := b.slots[name]
		switch {
		case name == "":
			slot = -1
		case !ok:
			return fmt.Errorf("%s: input %q is neither an input of the model, nor a constant, nor computed before", s.label, name)
		}
		s.inputs = append(s.inputs, slot)
	}
	for _, name := range n.outputs {
		if name == "" {
			s.outputs = append(s.outputs, -1)
			continue
		}
		slot, err := b.define(name, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
		s.outputs = append(s.outputs, slot)
	}
	b.plan.steps = append(b.plan.steps, s)
	return nil
}

// markLast notes where values may be dropped, so that a run does not hold every
// intermediate.
func (p *plan) markLast() {
	needed := make([]bool, len(p.initial))
	for _, slot := range p.outputSlots {
		needed[slot] = true
	}
	for k := len(p.steps) - 1; k >= 0; k-- {
		s := &p.steps[k]
		for _, slot := range slices.Concat(s.inputs, s.outputs) {
			if slot >= 0 && !needed[slot] {
				needed[slot] = true
				s.last = append(s.last, slot)
			}
		}
	}
}
