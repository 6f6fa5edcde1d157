// Package ir is the plain Go form of an ONNX model: what builder lowers a graph
// to, and what export writes as bytes and reads back.
package ir

import (
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Model is an ONNX model that uses the standard operator set only.
type Model struct {
	IRVersion       int64
	Opset           int64 // version of the domain ai.onnx
	Producer        string
	ProducerVersion string
	Metadata        []Prop // in file order
	Graph           *Graph
}

// Prop is one metadata entry.
type Prop struct{ Key, Value string }

// Graph is a list of nodes in dependency order with named inputs and outputs.
type Graph struct {
	Name         string
	Doc          string
	Inputs       []Port
	Outputs      []Port
	Initializers []Initializer
	Nodes        []Node
	// Values declares sizes of results that engines cannot infer from the nodes. An
	// engine that knows them computes in place.
	Values []Port
}

// Port is a named, typed input or output. Ranks are fixed, sizes may be symbols.
type Port struct {
	Name  string
	DType tensor.DType
	Shape tensor.Shape
}

// Initializer is a named constant.
type Initializer struct {
	Name   string
	Tensor *tensor.Tensor
}

// Node applies an operator of the standard domain. An empty input name is an
// optional input that is absent. In a lowered graph every node has a name that no
// other has, also in bodies: some engines make up equal ones for nodes without.
type Node struct {
	Name       string
	Op         string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attr returns the value of an attribute, nil where the node has none of the name.
func (n Node) Attr(name string) any {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

// String names a node in one line: "Mul -> t7".
func (n Node) String() string {
	if len(n.Outputs) == 0 {
		return Plain(n.Op)
	}
	return Plain(n.Op) + " -> " + Plain(n.Outputs[0])
}

// Renamed returns the node with other names of values, those in its bodies included.
// Names that the map does not have stay.
func (n Node) Renamed(names map[string]string) Node {
	n.Inputs, n.Outputs, n.Attributes = renamed(n.Inputs, names), renamed(n.Outputs, names), slices.Clone(n.Attributes)
	for i, a := range n.Attributes {
		if body, ok := a.Value.(*Graph); ok {
			n.Attributes[i].Value = body.renamed(names)
		}
	}
	return n
}

func (g *Graph) renamed(names map[string]string) *Graph {
	ports := func(list []Port) []Port {
		return each(list, func(p Port) Port {
			p.Name = renamed([]string{p.Name}, names)[0]
			return p
		})
	}
	return &Graph{
		Name: g.Name, Doc: g.Doc, Inputs: ports(g.Inputs), Outputs: ports(g.Outputs), Values: ports(g.Values),
		Initializers: each(g.Initializers, func(c Initializer) Initializer {
			return Initializer{renamed([]string{c.Name}, names)[0], c.Tensor}
		}),
		Nodes: each(g.Nodes, func(n Node) Node { return n.Renamed(names) }),
	}
}

func renamed(list []string, names map[string]string) []string {
	return each(list, func(name string) string {
		if to, ok := names[name]; ok {
			return to
		}
		return name
	})
}

// Attribute is a named operator attribute. Value is an int64, float32, string,
// []int64, []float32, []string, *tensor.Tensor or *Graph.
type Attribute struct {
	Name  string
	Value any
}

// Meta returns the metadata value of key, and whether it is there.
func (m *Model) Meta(key string) (string, bool) {
	for _, p := range m.Metadata {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}
