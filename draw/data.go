package draw

import (
	"math"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Model is a model as plain data, for programs that read it as JSON.
type Model struct {
	IRVersion int64     `json:"ir_version"`
	Opset     int64     `json:"opset"`
	Producer  string    `json:"producer"`
	Metadata  []Entry   `json:"metadata"`
	Graph     GraphData `json:"graph"`
}

// Entry is one metadata entry.
type Entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// GraphData is a graph as plain data.
type GraphData struct {
	Name      string         `json:"name"`
	Doc       string         `json:"doc"`
	Inputs    []PortData     `json:"inputs"`
	Outputs   []PortData     `json:"outputs"`
	Constants []ConstantData `json:"constants"`
	Nodes     []NodeData     `json:"nodes"`
	Declared  []PortData     `json:"declared"` // results whose sizes the file states
}

// PortData is an input, output or result; Dims are sizes and letters, null where
// the rank is unknown, and one of them null where that size is unknown.
type PortData struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Dims  []any  `json:"dims"`
}

// ConstantData is a constant. Infinities and NaN, which JSON lacks, are strings.
type ConstantData struct {
	Name   string  `json:"name"`
	DType  string  `json:"dtype"`
	Dims   []int64 `json:"dims"`
	Values []any   `json:"values"`
}

// NodeData is a node.
type NodeData struct {
	Op         string         `json:"op"`
	Inputs     []string       `json:"inputs"`
	Outputs    []string       `json:"outputs"`
	Attributes map[string]any `json:"attributes"`
	Results    []PortData     `json:"results"` // the outputs with their types, as far as they are known before a run
}

// Describe returns a model as plain data.
func Describe(m *ir.Model) Model {
	d := Model{IRVersion: m.IRVersion, Opset: m.Opset, Producer: m.Producer, Metadata: []Entry{}}
	types, _ := infer.Graph(m.Graph, infer.Options{}) // as far as they make sense
	d.Graph = graphData(m.Graph, types)
	for _, p := range m.Metadata {
		d.Metadata = append(d.Metadata, Entry(p))
	}
	return d
}

func graphData(g *ir.Graph, types *infer.Types) GraphData {
	d := GraphData{
		Name: g.Name, Doc: g.Doc, Inputs: portsData(g.Inputs), Outputs: portsData(g.Outputs),
		Constants: []ConstantData{}, Nodes: []NodeData{}, Declared: portsData(g.Values),
	}
	for _, c := range g.Initializers {
		d.Constants = append(d.Constants, constantData(c.Name, c.Tensor))
	}
	for _, n := range g.Nodes {
		node := NodeData{Op: n.Op, Inputs: append([]string{}, n.Inputs...), Outputs: append([]string{}, n.Outputs...), Attributes: map[string]any{}}
		node.Results = portsData(results(n, types))
		for _, a := range n.Attributes {
			node.Attributes[a.Name] = attributeData(a.Value, types)
		}
		d.Nodes = append(d.Nodes, node)
	}
	return d
}

// results are a node's outputs with their types.
func results(n ir.Node, types *infer.Types) []ir.Port {
	ports := make([]ir.Port, len(n.Outputs))
	for i, name := range n.Outputs {
		t, _ := types.Of(name)
		ports[i] = ir.Port{Name: name, DType: t.DType, Shape: t.Shape}
	}
	return ports
}

func portsData(ports []ir.Port) []PortData {
	out := []PortData{}
	for _, p := range ports {
		d := PortData{Name: p.Name, DType: p.DType.String()}
		if p.Shape != nil {
			d.Dims = []any{}
		}
		for _, dim := range p.Shape {
			switch {
			case dim.Known():
				d.Dims = append(d.Dims, dim.Size)
			case infer.IsUnknown(dim):
				d.Dims = append(d.Dims, nil)
			default:
				d.Dims = append(d.Dims, dim.String())
			}
		}
		out = append(out, d)
	}
	return out
}

func constantData(name string, t *tensor.Tensor) ConstantData {
	d := ConstantData{Name: name, DType: t.DType.String(), Dims: append([]int64{}, t.Dims...), Values: []any{}}
	for i := range t.Len() {
		switch {
		case t.DType == tensor.Bool:
			d.Values = append(d.Values, t.Int(i) != 0)
		case t.DType.IsFloat():
			d.Values = append(d.Values, jsonNumber(t.Float(i)))
		default:
			d.Values = append(d.Values, t.Int(i))
		}
	}
	return d
}

func attributeData(value any, types *infer.Types) any {
	switch v := value.(type) {
	case *ir.Graph:
		return graphData(v, types.Body(v))
	case *tensor.Tensor:
		return constantData("", v)
	case float32:
		return jsonNumber(float64(v))
	case []float32:
		out := []any{}
		for _, f := range v {
			out = append(out, jsonNumber(float64(f)))
		}
		return out
	}
	return value
}

func jsonNumber(v float64) any {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return v
}
