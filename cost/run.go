package cost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// run is a graph with the sizes of all its values.
type run struct {
	graph    *ir.Graph
	types    *infer.Types
	values   map[string]*value
	steps    []step
	outer    *run            // of the graph around the body of a Scan
	fixed    map[string]bool // constants
	declared map[string]bool // results whose sizes the file states
	outputs  map[string]bool
}

// step is a node with its results.
type step struct {
	*call
	run   *run
	out   []*value
	reads []string // the values that it reads, with what its body reads from around
	body  *run     // of a Scan
	runs  int64    // of the body
}

// unpriced are operators that take longer than moving their data, by how much this
// package does not know.
var unpriced = map[string]bool{
	"AveragePool": true, "Conv": true, "ConvTranspose": true, "Det": true, "Einsum": true, "GRU": true, "If": true, "LRN": true, "LSTM": true,
	"Loop": true, "LpPool": true, "MaxPool": true, "RNN": true, "Resize": true,
}

// newRun gives the values of a graph their sizes.
func newRun(g *ir.Graph, types *infer.Types, outer *run) (*run, error) {
	r := &run{graph: g, types: types, values: map[string]*value{}, outer: outer, fixed: map[string]bool{}, declared: map[string]bool{}, outputs: map[string]bool{}}
	for _, i := range g.Initializers {
		r.fixed[i.Name] = true
		if err := r.size(i.Name, nil); err != nil {
			return nil, fmt.Errorf("constant %q: %w", i.Name, err)
		}
	}
	for _, p := range g.Inputs {
		if err := r.size(p.Name, nil); err != nil {
			return nil, fmt.Errorf("input %q: %w", p.Name, err)
		}
	}
	for _, p := range g.Values {
		r.declared[p.Name] = true
	}
	for _, p := range g.Outputs {
		r.outputs[p.Name] = true
	}
	for i, n := range g.Nodes {
		if err := r.node(n); err != nil {
			return nil, fmt.Errorf("node %d (%v): %w", i, n, err)
		}
	}
	return r, nil
}

// size gives a value its size. of is the step that computes it, or nil.
func (r *run) size(name string, of *step) error {
	t, _ := r.types.Of(name)
	_, known := t.Shape.Known()
	switch {
	case t.DType == tensor.Undefined || t.Shape == nil:
		return fmt.Errorf("the sizes of its results are not known to this command")
	case !known && of != nil:
		if names := of.unknown(); len(names) > 0 {
			return fmt.Errorf("its size depends on the values of inputs: give one of %s, which are integers, a size", strings.Join(names, " and "))
		}
		return fmt.Errorf("its size depends on the values of inputs")
	case !known:
		return fmt.Errorf("its size is not known")
	}
	v, err := newValue(t)
	r.values[name] = v
	return err
}

// find returns a value of this graph or of one around it.
func (r *run) find(name string) *value {
	for ; r != nil; r = r.outer {
		if v := r.values[name]; v != nil {
			return v
		}
	}
	return nil
}

func (r *run) node(n ir.Node) error {
	if unpriced[n.Op] {
		return fmt.Errorf("this command does not know how long it takes")
	}
	s := step{call: &call{node: n}, run: r, reads: n.Inputs}
	for _, name := range n.Inputs {
		s.in = append(s.in, r.find(name))
	}
	if n.Op == "Scan" {
		if err := s.scan(); err != nil {
			return err
		}
	}
	for _, name := range n.Outputs {
		if name == "" {
			s.out = append(s.out, absent)
			continue
		}
		if err := r.size(name, &s); err != nil {
			return err
		}
		s.out = append(s.out, r.values[name])
	}
	opaque := s.opaque()
	for i, v := range s.out {
		if s.body != nil && s.body.find(s.body.graph.Outputs[i].Name).opaque || opaque {
			v.opaque = true
		}
	}
	r.steps = append(r.steps, s)
	return nil
}

// opaque says that ONNX Runtime does not know the size of a result before the
// run: it does not compute with sizes, as package infer does.
func (s *step) opaque() bool {
	switch s.node.Op {
	case "Shape", "Size":
		return false
	case "Range", "ConstantOfShape", "Slice":
		return !s.declared()
	case "Reshape", "Expand":
		return !s.declared() && (!s.run.fixed[s.node.Inputs[1]] || slices.Contains(s.in[1].ints, tensor.D(-1)))
	}
	of := s.in
	switch s.node.Op {
	case "ScatterElements", "CumSum", "ReduceSum", "Unsqueeze", "Squeeze", "Clip":
		of = s.in[:1]
	case "GatherElements":
		of = s.in[1:]
	}
	return slices.ContainsFunc(of, func(v *value) bool { return v != nil && v.opaque && v.count() > 1 })
}

// declared says that the file states the sizes of a result.
func (s *step) declared() bool { return s.run.declared[s.node.Outputs[0]] }

// unknown names the integers among the inputs that would have to be known.
func (s *step) unknown() (names []string) {
	for i, v := range s.in {
		if v != nil && v.dtype == tensor.Int64 && v.count() == 1 && (v.ints == nil || !v.ints[0].Known()) {
			names = append(names, s.node.Inputs[i])
		}
	}
	return names
}

// scan follows the body of a Scan once, since every step has the same sizes.
func (s *step) scan() (err error) {
	body := s.attr("body").(*ir.Graph) // as package infer checks
	states := len(s.in) - int(s.int("num_scan_inputs", 0))
	axes, _ := s.attr("scan_input_axes").([]int64)
	for i, v := range s.in[states:] {
		axis := 0
		if i < len(axes) {
			axis = int(wrap(axes[i], len(v.dims)))
		}
		s.runs = v.dims[axis]
	}
	if s.body, err = newRun(body, s.run.types.Body(body), s.run); err != nil {
		return fmt.Errorf("in its body: %w", err)
	}
	s.reads = slices.Clone(s.reads)
	for i := range s.body.steps {
		for _, name := range s.body.steps[i].reads {
			if s.body.values[name] == nil {
				s.reads = append(s.reads, name)
			}
		}
	}
	return nil
}
