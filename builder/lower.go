package builder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// emitter collects the ONNX nodes of a graph.
type emitter struct {
	opset     int64
	naive     bool
	target    Target
	graph     *ir.Graph
	made      map[string]string        // node or constant -> name of its result
	names     map[*node]string         // of values lowered so far
	flags     map[string]string        // number made from a bool -> the bool
	serial    int                      // results numbered so far
	constants int                      // initializers numbered so far
	taken     map[string]bool          // names of inputs and outputs, in lower case
	outer     *emitter                 // body of a Scan: the emitter around it
	own       map[string]bool          // body of a Scan: the names that change in every step
	results   map[*node]map[int64]bool // of each Scan, those that are used
}

// Model returns the graph as a model of an opset, for package export.
func (g *Graph) Model(opset int64) (*ir.Model, error) {
	version, err := ir.VersionFor(opset)
	if err != nil {
		return nil, err
	}
	return &ir.Model{IRVersion: version, Opset: opset, Producer: "lossgen", Graph: g.Lower(opset)}, nil
}

// Lower returns the graph as ONNX nodes for an opset. Inputs and outputs keep
// their names; other values are numbered.
func (g *Graph) Lower(opset int64) *ir.Graph {
	e := &emitter{opset: opset, naive: g.naive, target: g.target, graph: &ir.Graph{Name: g.Name}, made: map[string]string{}, flags: map[string]string{}, taken: map[string]bool{}, results: resultsOf(g.nodes)}
	for _, in := range g.Inputs {
		e.graph.Inputs = append(e.graph.Inputs, ir.Port{Name: in.attr.name, DType: in.dtype, Shape: in.shape})
		e.taken[strings.ToLower(in.attr.name)] = true
	}
	for _, o := range g.outputs {
		e.taken[strings.ToLower(o.name)] = true
	}
	for _, n := range g.nodes {
		if n.op.code == "Parameter" {
			e.taken[strings.ToLower(n.attr.name)] = true
		}
	}
	e.names = make(map[*node]string, len(g.nodes))
	for _, n := range g.nodes {
		in := make([]string, len(n.args))
		for i, a := range n.args {
			in[i] = e.names[a.node]
		}
		e.names[n] = n.op.lower(e, Value{n}, in)
		if n.op.resizes {
			e.declare(e.names[n], Value{n})
		}
	}
	e.nameOutputs(g, e.names)
	e.prune()
	nameSizes(e.graph)
	nameNodes(e.graph)
	return e.graph
}

// nameNodes names each node after its first result that has a name, unique in the
// graph and its bodies.
func nameNodes(g *ir.Graph) {
	for i, nd := range g.Nodes {
		named := slices.IndexFunc(nd.Outputs, func(name string) bool { return name != "" })
		g.Nodes[i].Name = nd.Outputs[named]
		for _, a := range nd.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				nameNodes(body)
			}
		}
	}
}

// nameOutputs renames the results that are outputs. An input, a constant or a
// value with two names goes through Identity.
func (e *emitter) nameOutputs(g *Graph, names map[*node]string) {
	rename := map[string]string{}
	for _, nd := range e.graph.Nodes {
		for _, out := range nd.Outputs {
			rename[out] = ""
		}
	}
	for _, o := range g.outputs {
		name := names[o.value.node]
		if used, made := rename[name]; made && used == "" {
			rename[name] = o.name
		} else {
			e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: "Identity", Inputs: []string{name}, Outputs: []string{o.name}})
		}
		e.graph.Outputs = append(e.graph.Outputs, ir.Port{Name: o.name, DType: o.value.dtype, Shape: o.value.shape})
	}
	apply := func(list []string) {
		for i, name := range list {
			if to := rename[name]; to != "" {
				list[i] = to
			}
		}
	}
	eachNode(e.graph, func(nd ir.Node) {
		apply(nd.Inputs)
		apply(nd.Outputs)
	})
}

// eachNode visits the nodes of a graph and of its bodies.
func eachNode(g *ir.Graph, visit func(ir.Node)) {
	for _, nd := range g.Nodes {
		visit(nd)
		for _, a := range nd.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				eachNode(body, visit)
			}
		}
	}
}

// node appends an ONNX node with one result and returns the result's name. An
// equal node is not made twice.
func (e *emitter) node(op string, in []string, attrs ...ir.Attribute) string {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %q", op, in)
	for _, a := range attrs {
		fmt.Fprintf(&key, " %s=%v", a.Name, a.Value)
		if t, ok := a.Value.(*tensor.Tensor); ok {
			fmt.Fprintf(&key, "%q", contents(t))
		}
	}
	if name, ok := e.made[key.String()]; ok && !e.naive {
		return name
	}
	if e.outer != nil && !slices.ContainsFunc(in, func(name string) bool { return e.own[name] }) {
		return e.outer.node(op, in, attrs...) // the same in every step
	}
	name := e.append(op, in, attrs...)
	e.made[key.String()] = name
	return name
}

func (e *emitter) append(op string, in []string, attrs ...ir.Attribute) string {
	name := e.newName()
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: op, Inputs: append([]string{}, in...), Outputs: []string{name}, Attributes: attrs})
	return name
}

// newName returns a name that is new here and around.
func (e *emitter) newName() string {
	if e.outer != nil {
		name := e.outer.newName()
		e.own[name] = true
		return name
	}
	return e.number("t", &e.serial)
}

// number returns the next numbered name that no input or output has.
func (e *emitter) number(prefix string, next *int) string {
	for {
		name := fmt.Sprintf("%s%d", prefix, *next)
		if *next++; !e.taken[name] {
			return name
		}
	}
}

// declare states the sizes of a result that the graph computes as it runs:
// an engine cannot infer them, and would not compute in place from there on. At
// rank 1 ONNX Runtime takes more memory with them than without.
func (e *emitter) declare(name string, v Value) {
	_, known := v.shape.Known()
	declared := func(p ir.Port) bool { return p.Name == name }
	if known || v.Rank() < 2 || e.naive || slices.ContainsFunc(e.graph.Values, declared) {
		return
	}
	e.graph.Values = append(e.graph.Values, ir.Port{Name: name, DType: v.dtype, Shape: v.shape})
}

// constant returns the name of an initializer.
func (e *emitter) constant(t *tensor.Tensor) string {
	if e.outer != nil {
		return e.outer.constant(t)
	}
	key := fmt.Sprintf("const %v %s", t, contents(t))
	if name, ok := e.made[key]; ok {
		return name
	}
	name := e.number("c", &e.constants)
	e.made[key] = name
	e.graph.Initializers = append(e.graph.Initializers, ir.Initializer{Name: name, Tensor: t})
	return name
}

// initializer returns the name of an initializer that has one.
func (e *emitter) initializer(name string, t *tensor.Tensor) string {
	if e.outer != nil {
		return e.outer.initializer(name, t)
	}
	e.graph.Initializers = append(e.graph.Initializers, ir.Initializer{Name: name, Tensor: t})
	return name
}

func (e *emitter) scalar(dtype tensor.DType, v float64) string {
	return e.constant(tensor.FromFloats(dtype, nil, []float64{v}))
}

func (e *emitter) intScalar(v int64) string {
	return e.constant(tensor.FromInts(tensor.Int64, nil, []int64{v}))
}

func (e *emitter) ints(values ...int64) string {
	return e.constant(tensor.FromInts(tensor.Int64, []int64{int64(len(values))}, values))
}

func (e *emitter) axes(axes []int) string { return e.ints(ints(axes)...) }

func ints(axes []int) []int64 {
	out := make([]int64, len(axes))
	for i, a := range axes {
		out[i] = int64(a)
	}
	return out
}

// cast converts a value. A conversion of what was just converted from bool starts
// at the bool: 0 and 1 are exact in every dtype.
func (e *emitter) cast(name string, from, to tensor.DType) string {
	if from == to {
		return name
	}
	if flag, ok := e.flags[name]; ok && !e.naive {
		name, from = flag, tensor.Bool
	}
	result := e.node("Cast", []string{name}, ir.Attribute{Name: "to", Value: int64(to)})
	if from == tensor.Bool {
		e.flags[result] = name
	}
	return result
}

// prune removes nodes whose result nothing uses, and declarations of what is no
// result, or an output.
func (e *emitter) prune() {
	used, results := pruneNodes(e.graph)
	e.graph.Initializers = slices.DeleteFunc(e.graph.Initializers, func(c ir.Initializer) bool { return !used[c.Name] })
	e.graph.Values = slices.DeleteFunc(e.graph.Values, func(p ir.Port) bool { return !results[p.Name] })
}

// pruneNodes does so in a graph and its bodies, and returns the names that they use
// and the results that remain.
func pruneNodes(g *ir.Graph) (used, results map[string]bool) {
	used, results = map[string]bool{}, map[string]bool{}
	for _, o := range g.Outputs {
		used[o.Name] = true
	}
	var kept []ir.Node
	for _, nd := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(nd.Outputs, func(out string) bool { return used[out] }) {
			continue
		}
		kept = append(kept, nd)
		for _, in := range nd.Inputs {
			used[in] = true
		}
		for _, a := range nd.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				inner, _ := pruneNodes(body)
				maps.Copy(used, inner)
			}
		}
		for _, out := range nd.Outputs {
			results[out] = true
		}
	}
	slices.Reverse(kept)
	g.Nodes = kept
	return used, results
}

// allowZero makes Reshape take a size of 0 literally; opset 13 and some consumers
// cannot.
func (e *emitter) allowZero() []ir.Attribute {
	if e.opset < 14 || !e.has("allowzero") {
		return nil
	}
	return []ir.Attribute{{Name: "allowzero", Value: int64(1)}}
}

// unsqueeze adds axes to a value, which has the shape then. A vector of a known size is
// reshaped: onnx's inference of small integers takes an unsqueezed one for a vector still,
// and refuses a column that is broadcast against a row of another size.
func (e *emitter) unsqueeze(name string, axes []int, shape tensor.Shape) string {
	numbers, known := shape.Known()
	if known && len(shape)-len(axes) == 1 {
		for i := range numbers {
			if !slices.Contains(axes, i) {
				numbers[i] = -1 // which takes a size of 0, too, in every opset
			}
		}
		return e.node("Reshape", []string{name, e.ints(numbers...)}, e.allowZero()...)
	}
	return e.node("Unsqueeze", []string{name, e.axes(axes)})
}

// shapeVector returns v.attr.shape as a run-time vector. in names the values that
// its sizes are read from; one that occurs nowhere is -1, what remains.
func (e *emitter) shapeVector(v Value, in []string) string {
	shape, sizes := v.attr.shape, sizer{e, v.attr.reads, in, false}
	if numbers, ok := shape.Known(); ok {
		return e.ints(numbers...)
	}
	if i, ok := sizes.bind(shape[0]); ok && sizes.binds[i].axis == 0 && sizes.binds[i].from.shape.Equal(shape) {
		return e.node("Shape", in[i:i+1])
	}
	var parts []string
	for _, d := range shape {
		if sizes.has(d) {
			parts = append(parts, sizes.size(d))
		} else {
			parts = append(parts, e.ints(-1))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return e.node("Concat", parts, ir.Attribute{Name: "axis", Value: int64(0)})
}
