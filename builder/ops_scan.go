package builder

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines the loop over a sequence, and what sequences of different
// lengths need.

func scanOps() map[string]*op {
	return map[string]*op{
		"Scan": {doc: "a loop over axis 0 of sequences; what it computes are its results", infer: inferScan, lower: lowerScan},
		"ScanSlot": {doc: "a state or a slice that a step of a loop gets",
			lower: func(_ *emitter, _ Value, _ []string) string {
				panic("builder: internal error: a step is lowered outside of its loop")
			}},
		"ScanResult": {doc: "a last state of a loop, or the outputs of its steps, stacked along axis 0", infer: inferScanResult,
			lower: func(e *emitter, v Value, in []string) string { return e.made[resultName(in[0], v.attr.ints[0])] },
			vjp:   func(y, dy Value) []Value { return vs(Value{}) }}, // the driver gives all results' gradients to the loop
		"Prefix": {doc: "the first elements along an axis, as many as the second operand says",
			infer: inferPrefix, flow: noFlow,
			lower: func(e *emitter, v Value, in []string) string {
				return e.node("Slice", []string{in[0], e.ints(0), in[1], e.axes(v.attr.axes), e.ints(1)})
			}},
	}
}

// loop is the step of a Scan: the nodes from its slots to its results.
type loop struct {
	states, slices []Value // slots
	next, outputs  []Value // results of the step; the last outputs are the states before it
	backward       bool
	nodes          []*node // those that depend on a slot, in dependency order
	outer          []Value // the operands of nodes that do not
	results        []Value // of the loop: the last states, and the stacked outputs
}

// Scan goes through axis 0 of sequences, backward from their ends if asked. step gets
// the states before it and a slice of each sequence, and returns the states after it,
// of the same types, and outputs. Scan returns the last states and all outputs, each in
// its slice's place. The step may use any value of the graph; what does not depend on
// states and slices is computed once. Gradients flow to the starts, the sequences and
// those values: a second loop goes back through the states, which the first keeps then.
// Sequences may be empty in the standard, but ONNX Runtime ends the run.
func Scan(starts, sequences []Value, backward bool, step func(states, slices []Value) (next, outputs []Value)) (last, outputs []Value) {
	if all := slices.Concat(starts, sequences); len(sequences) == 0 || slices.ContainsFunc(all, func(v Value) bool { return v.IsZero() || v.b != all[0].b }) {
		fail("Scan", all, "needs sequences and starts of one graph, got %v and %v", sequences, starts)
	}
	steps := sequences[0]
	for _, v := range sequences {
		if v.Rank() == 0 || steps.Rank() == 0 || v.shape[0] != steps.shape[0] {
			fail("Scan", sequences, "needs sequences of one length, got %v and %v", steps, v)
		}
	}
	l := &loop{backward: backward}
	for _, v := range starts {
		l.states = append(l.states, v.slot(v.shape))
	}
	for _, v := range sequences {
		l.slices = append(l.slices, v.slot(v.shape[1:]))
	}
	next, outs := step(slices.Clone(l.states), slices.Clone(l.slices))
	if len(next) != len(starts) {
		fail("Scan", next, "the step turns %d states into %d", len(starts), len(next))
	}
	for i, v := range next {
		if v.IsZero() || v.dtype != starts[i].dtype || !v.shape.Equal(starts[i].shape) {
			fail("Scan", []Value{starts[i], v}, "the step turns the state %v into %v", starts[i], v)
		}
	}
	l.next, l.outputs = next, slices.Concat(outs, l.states)
	results := l.emit(starts, sequences)
	return results[:len(starts)], results[len(starts) : len(starts)+len(outs)]
}

// slot returns a place for values like v of a shape.
func (v Value) slot(shape tensor.Shape) Value {
	return v.b.append(&node{op: v.b.ops["ScanSlot"], dtype: v.dtype, shape: shape})
}

// emit appends the loop, and returns its results.
func (l *loop) emit(starts, sequences []Value) []Value {
	l.collect()
	scan := emit("Scan", attr{loop: l}, slices.Concat(starts, sequences, l.outer)...)
	for i := range len(l.next) + len(l.outputs) {
		l.results = append(l.results, emit("ScanResult", attr{ints: [2]int64{int64(i)}}, scan))
	}
	return l.results
}

// slots returns the set of the nodes that a step gets, and the id of the first.
func (l *loop) slots() (set map[*node]bool, first int) {
	set, first = map[*node]bool{}, math.MaxInt
	for _, v := range slices.Concat(l.states, l.slices) {
		set[v.node], first = true, min(first, v.id)
	}
	return set, first
}

// collect finds the nodes of the step, and checks its results.
func (l *loop) collect() {
	inside, first := l.slots()
	b := l.slices[0].b
	var visit func(v Value) bool
	visit = func(v Value) bool {
		if in, seen := inside[v.node]; seen || v.id < first {
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
	use := func(v Value) {
		if !inside[v.node] && !slices.Contains(l.outer, v) {
			l.outer = append(l.outer, v)
		}
	}
	results := slices.Concat(l.next, l.outputs)
	for _, v := range results {
		if v.IsZero() || v.b != b {
			fail("Scan", []Value{v}, "a result of the step is %v, want a value of this graph", v)
		}
		visit(v)
	}
	for _, n := range l.nodes {
		for _, a := range n.args {
			use(a)
		}
	}
	for _, v := range results {
		use(v)
	}
	l.forgetSizes()
	for _, v := range l.outputs {
		for _, d := range v.shape {
			if _, ok := b.reads(d); !ok {
				fail("Scan", []Value{v}, "the size %v of the output is known inside of the step only", d)
			}
		}
	}
}

// forgetSizes takes back that sizes can be read from values of the step: outside of
// it they are not there.
func (l *loop) forgetSizes() {
	inside, first := l.slots()
	b := l.slices[0].b
	for _, n := range b.nodes[first:] {
		for _, a := range n.args {
			inside[n] = inside[n] || inside[a.node]
		}
	}
	maps.DeleteFunc(b.symbols, func(_ tensor.Dim, s bind) bool { return inside[s.from.node] })
}

// inferScan gives the loop a type through which gradients flow. No value has it.
func inferScan(*call) (tensor.DType, tensor.Shape) { return tensor.Float32, tensor.Shape{} }

func inferScanResult(c *call) (tensor.DType, tensor.Shape) {
	scan, i := c.args[0], int(c.attr.ints[0])
	l := scan.attr.loop
	if i < len(l.next) {
		return l.next[i].dtype, l.next[i].shape
	}
	output, sequence := l.outputs[i-len(l.next)], scan.arg(len(l.states))
	return output.dtype, output.shape.Insert(0, sequence.shape[0])
}

// resultName is where the emitter keeps the name of a result of a node with several.
func resultName(node string, i int64) string { return fmt.Sprintf("result %d %s", i, node) }

// resultsOf returns which results of loops are used among some nodes, which
// foreign nodes have, and which poolings and LSTMs have beside their first.
func resultsOf(nodes []*node) map[*node]map[int64]bool {
	used := map[*node]map[int64]bool{}
	for _, n := range nodes {
		result := n.attr.ints[0]
		if n.op.code == "PoolIndex" || n.op.code == "LSTMCell" {
			result = 1
		} else if n.op.code != "ScanResult" && n.op.code != "NodeResult" {
			continue
		}
		from := n.args[0].node
		if used[from] == nil {
			used[from] = map[int64]bool{}
		}
		used[from][result] = true
	}
	return used
}

// lowerScan writes the step as the body of a Scan node. The body reads the names
// around it.
func lowerScan(e *emitter, v Value, in []string) string {
	l := v.attr.loop
	names := map[*node]string{}
	body := &emitter{opset: e.opset, naive: e.naive, target: e.target, graph: &ir.Graph{Name: "step"}, made: map[string]string{}, names: names,
		flags: map[string]string{}, outer: e, own: map[string]bool{}, results: resultsOf(l.nodes)}
	operands := len(l.states) + len(l.slices)
	for i, a := range l.outer {
		names[a.node] = in[operands+i]
	}
	for _, slot := range slices.Concat(l.states, l.slices) {
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
	results, out := slices.Clone(l.next), []string(nil)
	for i := range len(l.next) + len(l.outputs) {
		if i >= len(l.next) {
			if !e.results[v.node][int64(i)] {
				continue
			}
			results = append(results, l.outputs[i-len(l.next)])
		}
		out = append(out, e.newName())
	}
	for i, k := 0, 0; i < len(l.next)+len(l.outputs); i++ {
		if i < len(l.next) || e.results[v.node][int64(i)] {
			e.made[resultName(out[0], int64(i))] = out[k]
			k++
		}
	}
	body.writeResults(results)
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: "Scan", Inputs: in[:operands], Outputs: out, Attributes: l.attributes(body.graph, len(out)-len(l.next))})
	return out[0]
}

// attributes are those of a Scan node with so many outputs of its steps.
func (l *loop) attributes(body *ir.Graph, outputs int) []ir.Attribute {
	direction := int64(0)
	if l.backward {
		direction = 1
	}
	list := []ir.Attribute{
		{Name: "body", Value: body}, {Name: "num_scan_inputs", Value: int64(len(l.slices))},
		{Name: "scan_input_axes", Value: make([]int64, len(l.slices))},
		{Name: "scan_input_directions", Value: slices.Repeat([]int64{direction}, len(l.slices))},
	}
	if outputs > 0 {
		list = append(list, ir.Attribute{Name: "scan_output_axes", Value: make([]int64, outputs)},
			ir.Attribute{Name: "scan_output_directions", Value: slices.Repeat([]int64{direction}, outputs)})
	}
	return list
}

// writeResults names the outputs of a body. One that no node of it has, or twice the
// same, goes through Identity.
func (e *emitter) writeResults(values []Value) {
	taken := map[string]bool{}
	for _, in := range e.graph.Inputs {
		taken[in.Name] = true
	}
	for _, v := range values {
		name := e.names[v.node]
		if taken[name] || !e.own[name] {
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
