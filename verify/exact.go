package verify

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file makes models of others.

// exact returns a model in which every floating-point number is a float64.
func exact(m *ir.Model) *ir.Model {
	out := *m
	out.Graph = widenGraph(m.Graph)
	return &out
}

func wideType(d tensor.DType) tensor.DType {
	if d.IsFloat() {
		return tensor.Float64
	}
	return d
}

func wideTensor(t *tensor.Tensor) *tensor.Tensor { return t.Cast(wideType(t.DType)) }

func widePorts(list []ir.Port) []ir.Port {
	out := slices.Clone(list)
	for i := range out {
		out[i].DType = wideType(out[i].DType)
	}
	return out
}

func widenGraph(g *ir.Graph) *ir.Graph {
	out := *g
	out.Inputs, out.Outputs, out.Values = widePorts(g.Inputs), widePorts(g.Outputs), widePorts(g.Values)
	out.Initializers = slices.Clone(g.Initializers)
	for i, c := range out.Initializers {
		out.Initializers[i].Tensor = wideTensor(c.Tensor)
	}
	out.Nodes = nil
	for _, n := range g.Nodes {
		if dropsAtRandom(n) {
			out.Initializers = append(out.Initializers, dropConstants(n)...)
			out.Nodes = append(out.Nodes, dropNodes(n)...)
			continue
		}
		n.Attributes = slices.Clone(n.Attributes)
		for k, a := range n.Attributes {
			switch v := a.Value.(type) {
			case *tensor.Tensor:
				n.Attributes[k].Value = wideTensor(v)
			case *ir.Graph:
				n.Attributes[k].Value = widenGraph(v)
			case int64: // of Cast, and of what makes numbers
				if a.Name == "to" || a.Name == "dtype" {
					n.Attributes[k].Value = int64(wideType(tensor.DType(v)))
				}
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	return &out
}

// dropsAtRandom reports whether a node is a Dropout in training.
func dropsAtRandom(n ir.Node) bool { return n.Op == "Dropout" && len(n.Inputs) > 2 }

// dropNodes are a Dropout that keeps what is above 0: it has a slope, which one that
// draws another mask in each run has not.
func dropNodes(n ir.Node) []ir.Node {
	x, y := n.Inputs[0], n.Outputs[0]
	name := func(what string) string { return y + "/drop/" + what }
	mask := name("mask")
	if len(n.Outputs) > 1 {
		mask = n.Outputs[1]
	}
	node := func(op, out string, in ...string) ir.Node { return ir.Node{Op: op, Inputs: in, Outputs: []string{out}} }
	cast := node("Cast", name("kept"), mask)
	cast.Attributes = []ir.Attribute{{Name: "to", Value: int64(tensor.Float64)}}
	return []ir.Node{
		node("Greater", mask, x, name("zero")), cast, node("Mul", name("product"), x, name("kept")),
		node("Sub", name("part"), name("one"), n.Inputs[1]), node("Div", y, name("product"), name("part")),
	}
}

func dropConstants(n ir.Node) (list []ir.Initializer) {
	for what, v := range map[string]float64{"zero": 0, "one": 1} {
		list = append(list, ir.Initializer{Name: n.Outputs[0] + "/drop/" + what, Tensor: tensor.FromFloats(tensor.Float64, nil, []float64{v})})
	}
	return list
}

// only returns a model with one of its outputs, and the nodes that this depends on.
func only(m *ir.Model, output string) *ir.Model {
	out, g := *m, *m.Graph
	g.Outputs = slices.DeleteFunc(slices.Clone(g.Outputs), func(p ir.Port) bool { return p.Name != output })
	needed := map[string]bool{output: true}
	var nodes []ir.Node
	for _, n := range slices.Backward(g.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(name string) bool { return needed[name] }) {
			nodes = append(nodes, n)
			need(n, needed)
		}
	}
	slices.Reverse(nodes)
	g.Nodes = nodes
	out.Graph = &g
	return &out
}

// need notes what a node reads, in its bodies too.
func need(n ir.Node, needed map[string]bool) {
	for _, name := range n.Inputs {
		needed[name] = true
	}
	for _, a := range n.Attributes {
		body, ok := a.Value.(*ir.Graph)
		if !ok {
			continue
		}
		for _, p := range body.Outputs {
			needed[p.Name] = true
		}
		for _, inner := range body.Nodes {
			need(inner, needed)
		}
	}
}
