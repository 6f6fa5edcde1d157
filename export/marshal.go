package export

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// Encode checks a model and returns the bytes of its file. It takes what a call
// returns that makes one:
//
//	data, err := export.Encode(graph.Model(17))
func Encode(m *ir.Model, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if err := Check(m); err != nil {
		return nil, fmt.Errorf("the model is not valid: %w", err)
	}
	return Marshal(m)
}

// Marshal returns the bytes of m's .onnx file: the same bytes for the same
// model, in every process. Attributes are sorted by name and completed with the
// defaults of m.Opset; m itself stays as it is. A nil port shape, which means an
// unknown rank, is left out of the file; rank 0 is an empty shape that is not
// nil.
//
// The model needs an opset in the window (else the error wraps [ErrOpset]), and
// operators, attributes and tensors that can be written. Whether it is valid
// beyond that is for [Check] to say.
func Marshal(m *ir.Model) ([]byte, error) {
	if m == nil || m.Graph == nil {
		return nil, errors.New("the model has no graph")
	}
	if _, err := IRVersion(m.Opset); err != nil {
		return nil, err
	}
	graph, err := encoder{opset: m.Opset}.graph(m.Graph)
	if err != nil {
		return nil, err
	}
	p := &onnxpb.ModelProto{
		IRVersion:       &m.IRVersion,
		ProducerName:    text(m.Producer),
		ProducerVersion: text(m.ProducerVersion),
		Graph:           graph,
		OpsetImport:     []*onnxpb.OperatorSetIDProto{{Domain: new(""), Version: &m.Opset}},
	}
	for _, prop := range m.Metadata {
		p.MetadataProps = append(p.MetadataProps, &onnxpb.StringStringEntryProto{Key: &prop.Key, Value: &prop.Value})
	}
	return proto.Marshal(p)
}

// text returns an optional string, absent when empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// encoder turns graphs into messages.
type encoder struct {
	opset int64
	depth int // of the graph at hand, 0 for the main one
}

func (e encoder) graph(g *ir.Graph) (*onnxpb.GraphProto, error) {
	p := &onnxpb.GraphProto{Name: text(g.Name), DocString: text(g.Doc)}
	for i, n := range g.Nodes {
		node, err := e.node(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nodeName(i, n), err)
		}
		p.Node = append(p.Node, node)
	}
	for _, init := range g.Initializers {
		t, err := encodeTensor(init.Name, init.Tensor)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", init.Name, err)
		}
		p.Initializer = append(p.Initializer, t)
	}
	for _, port := range g.Inputs {
		p.Input = append(p.Input, encodePort(port))
	}
	for _, port := range g.Outputs {
		p.Output = append(p.Output, encodePort(port))
	}
	for _, port := range g.Values {
		p.ValueInfo = append(p.ValueInfo, encodePort(port))
	}
	return p, nil
}

func encodePort(port ir.Port) *onnxpb.ValueInfoProto {
	p := &onnxpb.ValueInfoProto{Name: &port.Name}
	if port.DType == tensor.Undefined && port.Shape == nil {
		return p // a subgraph's port may go without a type
	}
	typ := &onnxpb.TensorTypeProto{ElemType: new(int32(port.DType))}
	if port.Shape != nil {
		typ.Shape = &onnxpb.TensorShapeProto{}
		for _, d := range port.Shape {
			typ.Shape.Dim = append(typ.Shape.Dim, encodeDim(d))
		}
	}
	p.Type = &onnxpb.TypeProto{TensorType: typ}
	return p
}

func encodeDim(d tensor.Dim) *onnxpb.DimensionProto {
	switch {
	case d.Known():
		return &onnxpb.DimensionProto{DimValue: &d.Size}
	case d.IsUnknown():
		return &onnxpb.DimensionProto{}
	}
	if name, err := strconv.Unquote(d.Sym); err == nil && d.Size == 0 {
		return &onnxpb.DimensionProto{DimParam: &name} // a name of a foreign file, as it had it
	}
	return &onnxpb.DimensionProto{DimParam: new(d.String())}
}

func (e encoder) node(n ir.Node) (*onnxpb.NodeProto, error) {
	attributes, err := withDefaults(n, e.opset)
	if err != nil {
		return nil, err
	}
	p := &onnxpb.NodeProto{Input: n.Inputs, Output: n.Outputs, Name: text(n.Name), OpType: text(n.Op)}
	for _, a := range attributes {
		attr, err := e.attribute(a)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		p.Attribute = append(p.Attribute, attr)
	}
	return p, nil
}

// withDefaults returns the attributes of n and those that it leaves at their
// defaults, sorted by name.
func withDefaults(n ir.Node, opset int64) ([]ir.Attribute, error) {
	f, err := lookup(n.Op, opset)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(n.Attributes)
	for _, spec := range f.attrs {
		given := slices.ContainsFunc(n.Attributes, func(a ir.Attribute) bool { return a.Name == spec.name })
		if spec.def != nil && !given {
			out = append(out, ir.Attribute{Name: spec.name, Value: spec.def})
		}
	}
	slices.SortStableFunc(out, func(a, b ir.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (e encoder) attribute(a ir.Attribute) (*onnxpb.AttributeProto, error) {
	k, err := kindOf(a.Value)
	if err != nil {
		return nil, err
	}
	p := &onnxpb.AttributeProto{Name: &a.Name, Type: new(int32(k))}
	switch v := a.Value.(type) {
	case int64:
		p.I = &v
	case float32:
		p.F = &v
	case string:
		p.S = append([]byte{}, v...) // present even when empty
	case []int64:
		p.Ints = v
	case []float32:
		p.Floats = v
	case []string:
		for _, s := range v {
			p.Strings = append(p.Strings, []byte(s))
		}
	case *tensor.Tensor:
		p.T, err = encodeTensor("", v)
	case *ir.Graph:
		p.G, err = e.subgraph(v)
	}
	return p, err
}

func (e encoder) subgraph(g *ir.Graph) ([]byte, error) {
	e.depth++
	if e.depth > maxDepth {
		return nil, fmt.Errorf("subgraphs nest deeper than %d", maxDepth)
	}
	p, err := e.graph(g)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(p)
}
