package cost

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
)

// run follows sizes through a graph.
type run struct {
	graph  *ir.Graph
	values map[string]*value
	steps  []step
	outer  *run // of the graph around the body of a Scan
	given  Sizes
	// assumed are the integers that were not known where they end a slice, which
	// then goes to the end, and the masks that keep rows, which then keep all.
	assumed []string
}

// step is a node with its results.
type step struct {
	*call
	out  []*value
	body *run  // of a Scan
	runs int64 // of the body
}

// follow computes the sizes of all values of a graph.
func follow(g *ir.Graph, inputs []*value, given Sizes, outer *run) (*run, error) {
	r := &run{graph: g, values: map[string]*value{}, given: given, outer: outer}
	for _, i := range g.Initializers {
		r.values[i.Name] = constant(i.Tensor)
	}
	for i, p := range g.Inputs {
		r.values[p.Name] = inputs[i]
	}
	for _, n := range g.Nodes {
		if err := r.node(n); err != nil {
			return nil, fmt.Errorf("node %s %q: %w", n.Op, n.Outputs[0], err)
		}
	}
	return r, nil
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
	s := step{call: &call{node: n, run: r}}
	for _, name := range n.Inputs {
		v := r.find(name)
		if v == nil && name != "" {
			return fmt.Errorf("no value %q", name)
		}
		s.in = append(s.in, v)
	}
	var err error
	if n.Op == "Scan" {
		err = s.scan()
	} else if f := rules[n.Op]; f != nil {
		s.out, err = f(s.call)
	} else {
		err = fmt.Errorf("its sizes are not known to this command")
	}
	if errors.Is(err, errValues) {
		return fmt.Errorf("%w: give one of %s, which are integers, a size", err, strings.Join(s.unknown(), " and "))
	}
	if err != nil {
		return err
	}
	for i, name := range n.Outputs {
		v := s.out[i]
		v.opaque = v.opaque || s.opaque()
		if size, ok := r.given[name]; ok && v.isCount() && v.ints == nil {
			v.ints = []int64{size}
		}
		r.values[name] = v
	}
	r.steps = append(r.steps, s)
	return nil
}

// opaque says that ONNX Runtime does not know the size of a result before the
// run: it does not compute with sizes, as this package does.
func (s *step) opaque() bool {
	switch s.node.Op {
	case "Shape", "Size":
		return false
	case "Range", "ConstantOfShape", "Slice":
		return !s.declared()
	case "Reshape", "Expand":
		if s.declared() {
			return false
		}
		to := s.node.Inputs[1]
		fixed := slices.ContainsFunc(s.run.graph.Initializers, func(i ir.Initializer) bool { return i.Name == to })
		return !fixed || slices.Contains(s.in[1].ints, -1)
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
func (s *step) declared() bool {
	return slices.ContainsFunc(s.run.graph.Values, func(p ir.Port) bool { return p.Name == s.node.Outputs[0] })
}

// unknown names the integers among the inputs that would have to be known.
func (s *step) unknown() (names []string) {
	for i, v := range s.in {
		if v != nil && v.isCount() && v.ints == nil {
			names = append(names, s.node.Inputs[i])
		}
	}
	return names
}

// scan follows the body of a Scan once, since every step has the same sizes.
func (s *step) scan() error {
	body, _ := s.attr("body").(*ir.Graph)
	scanned := int(s.int("num_scan_inputs", 0))
	states := len(s.in) - scanned
	if body == nil || states < 0 || len(s.in) != len(body.Inputs) || states > len(body.Outputs) {
		return fmt.Errorf("its body has other inputs")
	}
	inputs := []*value{}
	for _, v := range s.in[:states] {
		inputs = append(inputs, &value{dtype: v.dtype, dims: v.dims})
	}
	for i, v := range s.in[states:] {
		axis := wrap(at(s.attr("scan_input_axes"), i), len(v.dims))
		inputs = append(inputs, &value{dtype: v.dtype, dims: without(v.dims, []int64{axis}, false)})
		s.runs = v.dims[axis]
	}
	inner, err := follow(body, inputs, s.run.given, s.run)
	if err != nil {
		return err
	}
	s.body = inner
	for i, p := range body.Outputs {
		v := *inner.find(p.Name)
		v.ints = nil
		if i >= states {
			axis := wrap(at(s.attr("scan_output_axes"), i-states), len(v.dims)+1)
			v.dims = slices.Insert(slices.Clone(v.dims), int(axis), s.runs)
		}
		s.out = append(s.out, &v)
	}
	return nil
}

// at returns the i-th of a list in an attribute, or 0 where that is absent.
func at(list any, i int) int64 {
	if v, ok := list.([]int64); ok && i < len(v) {
		return v[i]
	}
	return 0
}
