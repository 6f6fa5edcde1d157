package builder

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines what a graph takes from a model that was written elsewhere: its
// nodes as they are, its parameters by their names, and sizes that it knows better.

func nodeOps() map[string]*op {
	return map[string]*op{
		"Node": {doc: "a node of a foreign model as it is; its outputs are its results", lower: lowerNode,
			infer: func(*call) (tensor.DType, tensor.Shape) { return tensor.Float32, tensor.Shape{} }}, // no value has this type
		"NodeResult": {doc: "an output of a foreign node",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.attr.dtype, c.attr.shape },
			lower: func(e *emitter, v Value, in []string) string { return e.made[resultName(in[0], v.attr.ints[0])] }},
		"Parameter": {doc: "a constant that keeps its name", flow: noFlow,
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.attr.value.DType, c.attr.value.Shape() },
			lower: func(e *emitter, v Value, _ []string) string { return e.initializer(v.attr.name, v.attr.value) }},
		"Stated": {doc: "the first operand under other names of its sizes", flow: 1,
			infer: func(c *call) (tensor.DType, tensor.Shape) {
				if len(c.attr.shape) != c.args[0].Rank() {
					c.failf("%v has not the rank of %v", c.args[0], c.attr.shape)
				}
				return c.args[0].dtype, c.attr.shape
			},
			lower: alias,
			vjp: func(y, dy Value) []Value {
				if dy.Rank() == 0 {
					return vs(dy)
				}
				shape := slices.Clone(y.arg(0).shape) // a size of 1 still broadcasts
				for i, d := range dy.shape {
					if d.Is(1) {
						shape[i] = d
					}
				}
				return vs(dy.Stated(shape))
			}},
	}
}

// foreign is a node of a model that was written elsewhere.
type foreign struct {
	node   ir.Node
	inputs []int    // of each input, which operand it is; -1: none
	outer  []string // names that its bodies take from around them, the further operands
}

// NodeType is the element type and shape of an output of a foreign node.
type NodeType struct {
	DType tensor.DType
	Shape tensor.Shape
}

// Node puts a node of a foreign model into the graph as it is, and returns its
// outputs, which have the given types. An input that is absent is the zero Value.
// outer are the values that the node's bodies take from around them, by name. No
// gradient flows through it by itself: see [WithGradient]. Two nodes are never one,
// since some draw random numbers.
func (b *B) Node(n ir.Node, inputs []Value, outer map[string]Value, types []NodeType) []Value {
	f := &foreign{node: n, outer: slices.Sorted(maps.Keys(outer))}
	var args []Value
	for _, v := range inputs {
		if v.IsZero() {
			f.inputs = append(f.inputs, -1)
			continue
		}
		f.inputs = append(f.inputs, len(args))
		args = append(args, v)
	}
	for _, name := range f.outer {
		args = append(args, outer[name])
	}
	node := b.emit("Node", attr{name: n.String(), foreign: f}, args...)
	results := make([]Value, len(types))
	for i, t := range types {
		results[i] = b.emit("NodeResult", attr{dtype: t.DType, shape: t.Shape, ints: [2]int64{int64(i)}}, node)
	}
	return results
}

// lowerNode writes the node with the outputs that are used, or that have a name where it
// comes from.
func lowerNode(e *emitter, v Value, in []string) string {
	f, used := v.attr.foreign, e.results[v.node]
	first := ""
	var out []string
	for i, name := range f.node.Outputs {
		if name == "" && !used[int64(i)] {
			continue
		}
		for len(out) < i {
			out = append(out, "")
		}
		out = append(out, e.newName())
		first = cmp.Or(first, out[i])
	}
	for i := range used {
		e.made[resultName(first, i)] = out[i]
	}
	n := ir.Node{Op: f.node.Op, Outputs: out}
	operands := 0
	for _, i := range f.inputs {
		name := ""
		if i >= 0 {
			name = in[i]
			operands++
		}
		n.Inputs = append(n.Inputs, name)
	}
	names := map[string]string{}
	for i, name := range f.outer {
		names[name] = in[operands+i]
	}
	for _, a := range f.node.Attributes {
		if body, ok := a.Value.(*ir.Graph); ok {
			a.Value = e.body(body, names)
		}
		n.Attributes = append(n.Attributes, a)
	}
	e.graph.Nodes = append(e.graph.Nodes, n)
	return first
}

// body returns a copy of a foreign node's body with names that are new in the graph.
// names are those of the values around it.
func (e *emitter) body(g *ir.Graph, names map[string]string) *ir.Graph {
	names = maps.Clone(names)
	named := func(list []string) []string {
		out := slices.Clone(list)
		for i, name := range list {
			if to, ok := names[name]; ok {
				out[i] = to
			}
		}
		return out
	}
	ports := func(list []ir.Port) []ir.Port {
		out := slices.Clone(list)
		for i, p := range list {
			out[i].Name = names[p.Name]
		}
		return out
	}
	fresh := func(name string) {
		if name != "" {
			names[name] = e.newName()
		}
	}
	for _, p := range g.Inputs {
		fresh(p.Name)
	}
	out := &ir.Graph{Name: g.Name, Inputs: ports(g.Inputs)}
	for _, c := range g.Initializers {
		fresh(c.Name)
		out.Initializers = append(out.Initializers, ir.Initializer{Name: names[c.Name], Tensor: c.Tensor})
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			fresh(name)
		}
		copied := ir.Node{Op: n.Op, Inputs: named(n.Inputs), Outputs: named(n.Outputs)}
		for _, a := range n.Attributes {
			if inner, ok := a.Value.(*ir.Graph); ok {
				a.Value = e.body(inner, names)
			}
			copied.Attributes = append(copied.Attributes, a)
		}
		out.Nodes = append(out.Nodes, copied)
	}
	out.Outputs = ports(g.Outputs)
	return out
}

// Parameter returns a constant that keeps its name in the graph, and is never
// computed with before a run.
func (b *B) Parameter(name string, t *tensor.Tensor) Value {
	return b.emit("Parameter", attr{name: name, value: t})
}

// Stated returns x with a shape that is known to be its own: sizes that the graph has
// two names for.
func (x Value) Stated(shape tensor.Shape) Value {
	if x.shape.Equal(shape) {
		return x
	}
	return emit("Stated", attr{shape: shape}, x)
}

// Sized returns x with a shape that it must have: a run in which a size differs ends.
// Sizes of both shapes that are numbers are equal, and those of the new one occur in
// the graph.
func (x Value) Sized(shape tensor.Shape) Value {
	var binds []bind
	for axis, d := range shape {
		if d == x.shape[axis] {
			continue
		}
		list := x.b.sources(d)
		if d.Known() {
			list = []bind{{dim: x.shape[axis], from: x, axis: axis}} // the number is all that is wanted
		}
		for _, s := range list {
			s.own = axis
			binds = append(binds, s)
		}
	}
	y := x.Stated(shape)
	if len(binds) == 0 {
		return y
	}
	return emit("Guard", attr{binds: binds}, append(vs(y), values(binds)...)...)
}
