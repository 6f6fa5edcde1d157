package reference

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

var loopKernels = []row{
	{op: "Scan", min: 1, max: many, results: many, runMany: scan,
		attrs: "num_scan_inputs=i! scan_input_axes=I scan_input_directions=I scan_output_axes=I scan_output_directions=I"},
}

// body is the graph of a loop's step. Its inputs are the node's, and then the values
// from around that it reads.
type body struct {
	*plan
	captured []string
}

// split takes the bodies out of a graph, and plans them.
func split(m *ir.Model) (map[int]*body, *ir.Model, error) {
	bodies, graph := map[int]*body{}, *m.Graph
	graph.Nodes = slices.Clone(graph.Nodes)
	for k, n := range graph.Nodes {
		at := slices.IndexFunc(n.Attributes, func(a ir.Attribute) bool { _, ok := a.Value.(*ir.Graph); return ok })
		if at < 0 {
			continue
		}
		if n.Op != "Scan" || n.Attributes[at].Name != "body" {
			return nil, nil, fmt.Errorf("operator %s, attribute %q: %w", n.Op, n.Attributes[at].Name, ErrNoKernel)
		}
		inner := *n.Attributes[at].Value.(*ir.Graph)
		b := &body{captured: captured(&inner)}
		inner.Inputs = slices.Clone(inner.Inputs)
		for _, name := range b.captured {
			inner.Inputs = append(inner.Inputs, ir.Port{Name: name, DType: tensor.Float32}) // the type does not matter here
		}
		var err error
		if b.plan, err = readPlan(&ir.Model{IRVersion: m.IRVersion, Opset: m.Opset, Graph: &inner}, nil); err != nil {
			return nil, nil, fmt.Errorf("the body of Scan %q: %w", n.Name, err)
		}
		bodies[k] = b
		graph.Nodes[k].Attributes = slices.Delete(slices.Clone(n.Attributes), at, at+1)
	}
	if len(bodies) == 0 {
		return nil, m, nil
	}
	without := *m
	without.Graph = &graph
	return bodies, &without, nil
}

// captured lists the names that a graph and its bodies read from around it.
func captured(g *ir.Graph) (names []string) {
	defined := map[string]bool{"": true}
	for _, p := range g.Inputs {
		defined[p.Name] = true
	}
	for _, i := range g.Initializers {
		defined[i.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			defined[name] = true
		}
	}
	read := func(list []string) {
		for _, name := range list {
			if !defined[name] {
				defined[name] = true
				names = append(names, name)
			}
		}
	}
	for _, n := range g.Nodes {
		read(n.Inputs)
		for _, a := range n.Attributes {
			if inner, ok := a.Value.(*ir.Graph); ok {
				read(captured(inner))
			}
		}
	}
	for _, p := range g.Outputs {
		read([]string{p.Name})
	}
	return names
}

// check refuses a node that its body does not fit, or that goes along other axes than
// the first.
func (b *body) check(inputs, outputs int, attrs map[string]any) error {
	scanned, _ := attrs["num_scan_inputs"].(int64)
	states := inputs - int(scanned)
	if scanned < 1 || states < 0 || len(b.inputs)-len(b.captured) != inputs || len(b.outputs) != outputs || outputs < states {
		return fmt.Errorf("its body has %d inputs and %d outputs for %d inputs, %d of them scanned, and %d outputs",
			len(b.inputs)-len(b.captured), len(b.outputs), inputs, scanned, outputs)
	}
	for _, name := range []string{"scan_input_axes", "scan_output_axes"} {
		list, _ := attrs[name].([]int64)
		if slices.ContainsFunc(list, func(axis int64) bool { return axis != 0 }) {
			return fmt.Errorf("%s %v, other than the first: %w", name, list, ErrNoKernel)
		}
	}
	for name, want := range map[string]int{"scan_input_directions": int(scanned), "scan_output_directions": outputs - states} {
		list, ok := attrs[name].([]int64)
		if ok && (len(list) != want || slices.ContainsFunc(list, func(d int64) bool { return d != 0 && d != 1 })) {
			return fmt.Errorf("%s is %v, want %d of 0 or 1", name, list, want)
		}
	}
	return nil
}

// scan runs the body for each slice of the sequences.
func scan(c *call) ([]*array, error) {
	b := c.attrs["body"].(*body)
	operands := len(c.in) - len(b.captured)
	states := operands - int(c.intAttr("num_scan_inputs", 0))
	sequences, around := c.in[states:operands], c.in[operands:]
	for _, a := range sequences {
		if a.rank() == 0 || a.dims[0] != sequences[0].dims[0] {
			return nil, fmt.Errorf("the sequences are %v and %v, want one length", sequences[0], a)
		}
	}
	steps := sequences[0].dims[0]
	now, outs := slices.Clone(c.in[:states]), make([]*array, len(b.outputs)-states)
	held := &ledger{left: c.limit, owners: map[unsafe.Pointer]int{}}
	for t := range steps {
		in := slices.Clone(now)
		for i, a := range sequences {
			in = append(in, a.row(c.turned("scan_input_directions", i, t, steps)))
		}
		results, err := b.step(c, append(in, around...), held.left)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", t, err)
		}
		for i, a := range results[:states] {
			if a.dtype != now[i].dtype || !equalInts(a.dims, now[i].dims) {
				return nil, fmt.Errorf("step %d: state %d turns from %v into %v", t, i, now[i], a)
			}
		}
		now = results[:states]
		for i, a := range results[states:] {
			if t == 0 {
				if outs[i], err = newArray(a.dtype, append([]int{steps}, a.dims...), held.left); err != nil {
					return nil, err
				}
				held.hold(outs[i])
			}
			if err := outs[i].setRow(c.turned("scan_output_directions", i, t, steps), a); err != nil {
				return nil, fmt.Errorf("step %d: output %d: %w", t, i, err)
			}
		}
	}
	if steps == 0 {
		return b.nothing(c, now, sequences, outs)
	}
	return append(now, outs...), nil
}

// turned is the place of a step in a sequence that may be read from its end.
func (c *call) turned(directions string, i, t, steps int) int {
	if list, _ := c.attrs[directions].([]int64); i < len(list) && list[i] == 1 {
		return steps - 1 - t
	}
	return t
}

// step runs the body once.
func (b *body) step(c *call, in []*array, limit int64) ([]*array, error) {
	values := slices.Clone(b.initial)
	for i, a := range in {
		values[b.inputSlots[i]] = a
	}
	if err := b.run(c.ctx, values, &ledger{left: limit, owners: map[unsafe.Pointer]int{}}); err != nil {
		return nil, err
	}
	out := make([]*array, len(b.outputs))
	for k, slot := range b.outputSlots {
		out[k] = values[slot]
	}
	return out, nil
}

// nothing fills in the outputs of a loop without steps, whose sizes are those that the
// body declares.
func (b *body) nothing(c *call, states, sequences, outs []*array) ([]*array, error) {
	letters := map[string]int64{}
	for i, a := range slices.Concat(states, sequences) {
		dims := a.dims
		if i >= len(states) {
			dims = dims[1:]
		}
		for axis, d := range b.inputs[i].Shape {
			if d.IsLetter() && axis < len(dims) {
				letters[d.Sym] = int64(dims[axis])
			}
		}
	}
	for k, p := range b.outputs[len(states):] {
		dims := []int{0}
		for _, d := range p.Shape {
			n, err := d.Eval(letters)
			if err != nil {
				return nil, fmt.Errorf("output %d of no steps: %w", k, err)
			}
			dims = append(dims, int(n))
		}
		var err error
		if outs[k], err = newArray(p.DType, dims, c.limit); err != nil {
			return nil, err
		}
	}
	return append(states, outs...), nil
}

// row returns a slice of axis 0, which shares its elements.
func (a *array) row(t int) *array {
	out := &array{dtype: a.dtype, dims: a.dims[1:]}
	n := product(out.dims)
	switch {
	case a.f != nil:
		out.f = a.f[t*n : (t+1)*n]
	case a.i != nil:
		out.i = a.i[t*n : (t+1)*n]
	default:
		out.b = a.b[t*n : (t+1)*n]
	}
	return out
}

// setRow writes a slice of axis 0.
func (a *array) setRow(t int, from *array) error {
	if from.dtype != a.dtype || !equalInts(from.dims, a.dims[1:]) {
		return fmt.Errorf("it is %v, and %v before", from, a.row(0))
	}
	to := a.row(t)
	copy(to.f, from.f)
	copy(to.i, from.i)
	copy(to.b, from.b)
	return nil
}
