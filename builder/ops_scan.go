package builder

import (
	"maps"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines the loop over a sequence, and what sequences of different
// lengths need.

func scanOps() map[string]*op {
	return map[string]*op{
		"Scan": {doc: "the last state of a loop over axis 0 of a sequence", infer: sameType, lower: lowerScan},
		"ScanSlot": {doc: "the state or the slice that a step of a loop gets",
			lower: func(_ *emitter, _ Value, _ []string) string {
				panic("builder: internal error: a step is lowered outside of its loop")
			}},
		"ScanOutputs": {doc: "the outputs of a loop's steps, stacked along axis 0", infer: inferScanOutputs,
			lower: func(e *emitter, _ Value, in []string) string { return e.made[scanOutputs(in[0])] }},
		"Prefix": {doc: "the first elements along an axis, as many as the second operand says",
			infer: inferPrefix, flow: noFlow,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Slice", []string{in[0], e.ints(0), in[1], e.axes(v.attr.axes), e.ints(1)})
			}},
	}
}

// loop is the step of a Scan: the nodes from two slots to two results.
type loop struct {
	state, slice Value // slots
	next, output Value // results
	backward     bool
	nodes        []*node // those that depend on a slot, in dependency order
	outer        []Value // the operands of nodes that do not
}

// Scan goes through axis 0 of a sequence, backward from its end if asked. step
// gets the state before it and a slice, and returns the state after it, of the
// same type, and an output. Scan returns the last state and all outputs, each in
// its slice's place. The step may use any value of the graph; what does not
// depend on state and slice is computed once. Not differentiable: wrap what you
// build from it in [WithGradient].
func Scan(start, sequence Value, backward bool, step func(state, slice Value) (next, output Value)) (last, outputs Value) {
	if start.IsZero() || sequence.IsZero() || start.b != sequence.b || sequence.Rank() == 0 {
		fail("Scan", []Value{start, sequence}, "needs a start and a sequence of one graph, got %v and %v", start, sequence)
	}
	b := start.b
	slot := func(dtype tensor.DType, shape tensor.Shape) Value {
		return b.append(&node{op: b.ops["ScanSlot"], dtype: dtype, shape: shape})
	}
	l := &loop{state: slot(start.dtype, start.shape), slice: slot(sequence.dtype, sequence.shape[1:]), backward: backward}
	l.next, l.output = step(l.state, l.slice)
	if l.next.IsZero() || l.next.dtype != start.dtype || !l.next.shape.Equal(start.shape) {
		fail("Scan", []Value{start, l.next}, "the step turns the state %v into %v", start, l.next)
	}
	l.collect()
	last = emit("Scan", attr{loop: l}, append(vs(start, sequence), l.outer...)...)
	return last, emit("ScanOutputs", attr{}, last)
}

// collect finds the nodes of the step, and checks its results.
func (l *loop) collect() {
	inside := map[*node]bool{l.state.node: true, l.slice.node: true}
	var visit func(v Value) bool
	visit = func(v Value) bool {
		if in, seen := inside[v.node]; seen || v.id < l.state.id {
			return in
		}
		in := false
		for _, a := range v.args {
			in = visit(a) || in
		}
		if inside[v.node] = in; in {
			l.nodes = append(l.nodes, v.node)
		}
		return in
	}
	for _, v := range vs(l.next, l.output) {
		if v.IsZero() || v.b != l.state.b || !visit(v) {
			fail("Scan", []Value{v}, "a result of the step depends on neither state nor slice")
		}
	}
	for _, n := range l.nodes {
		for _, a := range n.args {
			if !inside[a.node] && !slices.Contains(l.outer, a) {
				l.outer = append(l.outer, a)
			}
		}
	}
	l.forgetSizes()
	for _, d := range l.output.shape {
		if _, ok := l.state.b.reads(d); !ok {
			fail("Scan", []Value{l.output}, "the size %v of the output is known inside of the step only", d)
		}
	}
}

// forgetSizes takes back that sizes can be read from values of the step: outside of
// it they are not there.
func (l *loop) forgetSizes() {
	b, inside := l.state.b, map[*node]bool{l.state.node: true, l.slice.node: true}
	for _, n := range b.nodes[l.state.id:] {
		for _, a := range n.args {
			inside[n] = inside[n] || inside[a.node]
		}
	}
	maps.DeleteFunc(b.symbols, func(_ tensor.Dim, s bind) bool { return inside[s.from.node] })
}

func inferScanOutputs(c *call) (tensor.DType, tensor.Shape) {
	scan := c.args[0]
	output, sequence := scan.attr.loop.output, scan.arg(1)
	return output.dtype, output.shape.Insert(0, sequence.shape[0])
}

// scanOutputs is where the emitter keeps the name of a Scan's second result.
func scanOutputs(last string) string { return "ScanOutputs " + last }

// lowerScan writes the step as the body of a Scan node. The body reads the names
// around it.
func lowerScan(e *emitter, v Value, in []string) string {
	l := v.attr.loop
	names := map[*node]string{}
	body := &emitter{opset: e.opset, naive: e.naive, target: e.target, graph: &ir.Graph{Name: "step"}, made: map[string]string{}, names: names,
		flags: map[string]string{}, outer: e, own: map[string]bool{}}
	for i, a := range l.outer {
		names[a.node] = in[2+i]
	}
	for _, slot := range vs(l.state, l.slice) {
		names[slot.node] = body.newName()
		body.graph.Inputs = append(body.graph.Inputs, ir.Port{Name: names[slot.node], DType: slot.dtype, Shape: slot.shape})
	}
	for _, n := range l.nodes {
		args := make([]string, len(n.args))
		for i, a := range n.args {
			args[i] = names[a.node]
		}
		names[n] = n.op.lower(body, Value{n}, args)
	}
	body.results(names, l.next, l.output)
	direction := []int64{0}
	if l.backward {
		direction = []int64{1}
	}
	last, outputs := e.newName(), e.newName()
	e.made[scanOutputs(last)] = outputs
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: "Scan", Inputs: in[:2], Outputs: []string{last, outputs}, Attributes: []ir.Attribute{
		{Name: "body", Value: body.graph}, {Name: "num_scan_inputs", Value: int64(1)},
		{Name: "scan_input_axes", Value: []int64{0}}, {Name: "scan_input_directions", Value: direction},
		{Name: "scan_output_axes", Value: []int64{0}}, {Name: "scan_output_directions", Value: direction},
	}})
	return last
}

// results names the outputs of a body. One that is no node's, or twice the same,
// goes through Identity.
func (e *emitter) results(names map[*node]string, values ...Value) {
	taken := map[string]bool{}
	for _, in := range e.graph.Inputs {
		taken[in.Name] = true
	}
	for _, v := range values {
		name := names[v.node]
		if taken[name] {
			name = e.append("Identity", []string{name})
		}
		taken[name] = true
		e.graph.Outputs = append(e.graph.Outputs, ir.Port{Name: name, DType: v.dtype, Shape: v.shape})
	}
}

func inferPrefix(c *call) (tensor.DType, tensor.Shape) {
	x, n := c.args[0], c.args[1]
	if n.dtype != tensor.Int64 || n.Rank() != 1 || !n.shape[0].Is(1) {
		c.failf("%v has no first elements, %v many", x, n)
	}
	shape := slices.Clone(x.shape)
	shape[c.attr.axes[0]] = c.b.unknown("prefix")
	return x.dtype, shape
}

// Prefix returns the first n elements along an axis, all where it has no more. n
// is an int64 value of shape [1]. Not differentiable.
func (x Value) Prefix(axis int, n Value) Value {
	return emit("Prefix", attr{axes: []int{x.axis("Prefix", axis)}}, x, n)
}
