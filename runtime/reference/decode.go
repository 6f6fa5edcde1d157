package reference

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	gorgonia "gorgonia.org/tensor"

	"github.com/lossgen/lossgen/builder/tensor"
)

// decoded is what onnx-go found in a model. It implements onnx-go's Backend:
// the decoder calls NewNode for every value that it meets, one edge for every
// operand, and then ApplyOperation for the operator that the edges belong to.
type decoded struct {
	values   []*value
	edges    []edge // of the operator that is being read
	nodes    []node
	declared int    // values of inputs, outputs and value infos, which come first
	readable []bool // for the initializers, which come next: may onnx-go read it?
}

// node is one operator with the names of its operands, "" for an absent one.
type node struct {
	op      string
	inputs  []string
	outputs []string
	attrs   map[string]any
}

// decode runs onnx-go over the bytes of a model. The recover guards onnx-go and
// the tensors under it, which panic on some malformed sizes; nothing of this
// package runs under it but the small methods below.
func decode(model []byte, readable []bool) (d *decoded, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("onnx-go: malformed model: %v", r)
		}
	}()
	declared, err := declarations(model)
	if err != nil {
		return nil, err
	}
	d = &decoded{declared: declared, readable: readable}
	if err := onnx.NewModel(d).UnmarshalBinary(model); err != nil {
		return nil, fmt.Errorf("onnx-go cannot decode the model (it reads no booleans from raw data): %w", err)
	}
	for k := range d.nodes {
		for name, v := range d.nodes[k].attrs {
			if t, ok := v.(gorgonia.Tensor); ok {
				if d.nodes[k].attrs[name], err = fromGorgonia(t); err != nil {
					return nil, fmt.Errorf("onnx-go: attribute %q: %w", name, err)
				}
			}
		}
	}
	return d, nil
}

// constants returns the values of the initializers that onnx-go read.
func (d *decoded) constants() (map[string]*array, error) {
	out := map[string]*array{}
	for _, v := range d.values {
		if v.data == nil {
			continue
		}
		a, err := fromGorgonia(v.data)
		if err != nil {
			return nil, fmt.Errorf("onnx-go: %q: %w", v.name, err)
		}
		out[v.name] = a
	}
	return out, nil
}

// NewNode returns a node that accepts data for those initializers only that
// onnx-go can read. For a declared value it would allocate the declared sizes,
// whatever they are, and drop the symbolic ones.
func (d *decoded) NewNode() graph.Node {
	v := &value{id: int64(len(d.values))}
	d.values = append(d.values, v)
	if k := len(d.values) - 1 - d.declared; k >= 0 && k < len(d.readable) && d.readable[k] {
		return &carrier{v}
	}
	return v
}

// ApplyOperation records an operator. Of several outputs each has the same
// operands, so the first one's edges are enough.
func (d *decoded) ApplyOperation(o onnx.Operation, outputs ...graph.Node) error {
	n := node{op: o.Name, attrs: o.Attributes}
	for _, out := range outputs {
		n.outputs = append(n.outputs, d.values[out.ID()].name)
	}
	for _, e := range d.edges {
		if len(outputs) > 0 && e.from.ID() == outputs[0].ID() && int(e.weight) == len(n.inputs) {
			n.inputs = append(n.inputs, d.values[e.to.ID()].name)
		}
	}
	d.edges = nil
	d.nodes = append(d.nodes, n)
	return nil
}

// NewWeightedEdge returns the edge to operand number weight of from.
func (d *decoded) NewWeightedEdge(from, to graph.Node, weight float64) graph.WeightedEdge {
	return edge{from, to, weight}
}

// SetWeightedEdge keeps edges in a list: an operand may be repeated.
func (d *decoded) SetWeightedEdge(e graph.WeightedEdge) {
	d.edges = append(d.edges, edge{e.From(), e.To(), e.Weight()})
}

// AddNode does nothing: NewNode has kept the node.
func (d *decoded) AddNode(graph.Node) {}

// The rest of gonum's interface is for algorithms on graphs, which the decoder
// does not run.

func (d *decoded) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(d.values)) {
		return nil
	}
	return d.values[id]
}
func (d *decoded) Nodes() graph.Nodes                         { return graph.Empty }
func (d *decoded) From(int64) graph.Nodes                     { return graph.Empty }
func (d *decoded) To(int64) graph.Nodes                       { return graph.Empty }
func (d *decoded) HasEdgeBetween(_, _ int64) bool             { return false }
func (d *decoded) HasEdgeFromTo(_, _ int64) bool              { return false }
func (d *decoded) Edge(_, _ int64) graph.Edge                 { return nil }
func (d *decoded) WeightedEdge(_, _ int64) graph.WeightedEdge { return nil }
func (d *decoded) Weight(_, _ int64) (float64, bool)          { return 0, false }

// value is a named value of the model.
type value struct {
	id   int64
	name string
	data gorgonia.Tensor
}

func (v *value) ID() int64           { return v.id }
func (v *value) SetName(name string) { v.name = name }
func (v *value) GetName() string     { return v.name }

// carrier is a value that onnx-go gives data.
type carrier struct{ *value }

func (c *carrier) SetTensor(t gorgonia.Tensor) error {
	c.data = t
	return nil
}
func (c *carrier) GetTensor() gorgonia.Tensor { return c.data }

type edge struct {
	from, to graph.Node
	weight   float64
}

func (e edge) From() graph.Node         { return e.from }
func (e edge) To() graph.Node           { return e.to }
func (e edge) Weight() float64          { return e.weight }
func (e edge) ReversedEdge() graph.Edge { return edge{e.to, e.from, e.weight} }

// fromGorgonia converts a tensor of onnx-go. Its Data is a slice, or a bare
// element for a scalar.
func fromGorgonia(t gorgonia.Tensor) (*array, error) {
	a := &array{dims: append([]int{}, t.Shape()...)}
	switch v := t.Data().(type) {
	case float32:
		a.dtype, a.f = tensor.Float32, []float64{float64(v)}
	case []float32:
		a.dtype, a.f = tensor.Float32, make([]float64, len(v))
		convert(a.f, v, func(x float32) float64 { return float64(x) })
	case float64:
		a.dtype, a.f = tensor.Float64, []float64{v}
	case []float64:
		a.dtype, a.f = tensor.Float64, v
	case int64:
		a.dtype, a.i = tensor.Int64, []int64{v}
	case []int64:
		a.dtype, a.i = tensor.Int64, v
	case int32:
		a.dtype, a.i = tensor.Int32, []int64{int64(v)}
	case []int32:
		a.dtype, a.i = tensor.Int32, make([]int64, len(v))
		convert(a.i, v, func(x int32) int64 { return int64(x) })
	case bool:
		a.dtype, a.b = tensor.Bool, []bool{v}
	case []bool:
		a.dtype, a.b = tensor.Bool, v
	default:
		return nil, fmt.Errorf("elements of type %T are not supported", v)
	}
	if n, err := count(a.dims, maxElements); err != nil || n != a.len() {
		return nil, fmt.Errorf("%d elements for sizes %s", a.len(), sizes(a.dims))
	}
	return a, nil
}

// The numbers of protobuf fields that declare values.
const (
	modelGraph     = 7
	graphInput     = 11
	graphOutput    = 12
	graphValueInfo = 13
)

// declarations counts the values that a model declares. onnx-go makes a node for
// each of them before it reads the initializers.
func declarations(model []byte) (n int, err error) {
	err = fields(model, func(number uint64, graph []byte) error {
		if number != modelGraph {
			return nil
		}
		return fields(graph, func(number uint64, _ []byte) error {
			if number == graphInput || number == graphOutput || number == graphValueInfo {
				n++
			}
			return nil
		})
	})
	return n, err
}

// fields calls visit for every length-delimited field of a protobuf message.
func fields(message []byte, visit func(number uint64, body []byte) error) error {
	errCut := errors.New("malformed model: the bytes end early")
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return errCut
		}
		message = message[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0: // a number
			_, n := binary.Uvarint(message)
			size = uint64(max(n, 0))
			if n <= 0 {
				return errCut
			}
		case 1:
			size = 8
		case 5:
			size = 4
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return errCut
			}
			if err := visit(tag>>3, message[n:uint64(n)+length]); err != nil {
				return err
			}
			size = uint64(n) + length
		default:
			return fmt.Errorf("malformed model: wire type %d", tag&7)
		}
		if size > uint64(len(message)) {
			return errCut
		}
		message = message[size:]
	}
	return nil
}
