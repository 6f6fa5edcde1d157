package export

import (
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// Unmarshal reads an ONNX file, whoever wrote it, as far as [ir.Model] can hold
// it: standard operators, dense tensors of the dtypes of package tensor, data
// inside the file (but see [UnmarshalIn]). Functions that the model declares are
// expanded. What it cannot hold (another element type, external data, an
// operator of another domain) is an error that names the value; bytes that are
// no ONNX model give "not an ONNX model: ...". Nothing is checked beyond that:
// see [Check]. A file of more than half a million nodes, names and other parts is
// refused.
//
// A port without a shape gets a nil Shape (rank 0 is empty, not nil), and a dim
// with neither size nor name gets a symbol of its own, "?1", "?2" and so on.
// Documentation of nodes is not kept, nor are declarations of
// values that are no tensors of these dtypes.
func Unmarshal(data []byte) (*ir.Model, error) { return unmarshal(data, nil) }

func unmarshal(data []byte, beside *beside) (*ir.Model, error) {
	p := &onnxpb.ModelProto{}
	if len(data) == 0 {
		return nil, errors.New("not an ONNX model: the file is empty")
	}
	switch err := new(counter).count(data, levels(), 0); {
	case err == errWire || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, notModel(data, parseError(err))
	case err != nil:
		return nil, err
	}
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, notModel(data, parseError(err))
	}
	if p.Graph == nil {
		return nil, notModel(data, "it has no graph")
	}
	opset, err := defaultOpset(p)
	if err != nil {
		return nil, notModel(data, err.Error())
	}
	d := &decoder{opset: opset, beside: beside}
	if d.functions, err = functionsOf(p); err != nil {
		return nil, err
	}
	graph, err := d.graph(p.Graph)
	if err != nil {
		return nil, err
	}
	m := &ir.Model{
		IRVersion:       deref(p.IRVersion),
		Opset:           opset,
		Producer:        deref(p.ProducerName),
		ProducerVersion: deref(p.ProducerVersion),
		Graph:           graph,
	}
	for _, prop := range p.MetadataProps {
		m.Metadata = append(m.Metadata, ir.Prop{Key: deref(prop.Key), Value: deref(prop.Value)})
	}
	return m, nil
}

// deref returns the value of an optional field, or its zero value.
func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// notModel says why data is no model, or what it is instead.
func notModel(data []byte, reason string) error {
	if isText(data) {
		reason = "it is a text file"
	}
	return fmt.Errorf("not an ONNX model: %s", reason)
}

func parseError(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it is cut off or damaged"
	}
	return "it is damaged or of another format"
}

// isText reports whether data starts like text. A model does not: its first
// fields have control characters as tags.
func isText(data []byte) bool {
	head := data[:min(len(data), 512)]
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		cut := r == utf8.RuneError && len(data) > 512 && len(head) < utf8.UTFMax
		if !cut && (r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t') {
			return false
		}
		head = head[size:]
	}
	return true
}

// defaultOpset returns the imported version of the standard operator set. Other
// sets may be imported as long as no node uses them.
func defaultOpset(p *onnxpb.ModelProto) (int64, error) {
	var found []int64
	for _, o := range p.OpsetImport {
		if standard(deref(o.Domain)) {
			found = append(found, deref(o.Version))
		}
	}
	switch {
	case len(found) > 1:
		return 0, fmt.Errorf("it names %d versions of the standard operator set", len(found))
	case len(found) == 1:
		return found[0], nil
	}
	return 0, errors.New("it names no version of the standard operator set, it may be cut off")
}

// standard reports whether domain is the standard one: "ai.onnx" is its alias.
func standard(domain string) bool { return domain == "" || domain == "ai.onnx" }

// decoder turns messages into graphs.
type decoder struct {
	opset     int64
	beside    *beside // where data in other files is read, nil for nowhere
	depth     int     // of the graph at hand, 0 for the main one
	unnamed   int     // dims without size or name so far
	functions map[functionID]*onnxpb.FunctionProto
	expanded  int            // nodes of functions so far
	calls     int            // of functions so far
	within    int            // how many functions are being expanded
	bound     map[string]any // the attributes of the function at hand, by name
}

func (d *decoder) graph(p *onnxpb.GraphProto) (*ir.Graph, error) {
	g := &ir.Graph{Name: deref(p.Name), Doc: deref(p.DocString)}
	for _, t := range p.Initializer {
		value, err := d.tensor(t)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", deref(t.Name), err)
		}
		g.Initializers = append(g.Initializers, ir.Initializer{Name: deref(t.Name), Tensor: value})
	}
	var err error
	if g.Inputs, err = d.ports("input", p.Input); err != nil {
		return nil, err
	}
	if g.Outputs, err = d.ports("output", p.Output); err != nil {
		return nil, err
	}
	for _, info := range p.ValueInfo {
		if port, err := d.port(info); err == nil { // others are hints about what a model here cannot hold
			g.Values = append(g.Values, port)
		}
	}
	g.Nodes, err = d.nodes(p.Node)
	return g, err
}

func (d *decoder) ports(role string, infos []*onnxpb.ValueInfoProto) ([]ir.Port, error) {
	var ports []ir.Port
	for _, info := range infos {
		port, err := d.port(info)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", role, port.Name, err)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func (d *decoder) port(info *onnxpb.ValueInfoProto) (ir.Port, error) {
	port := ir.Port{Name: deref(info.Name)}
	if info.Type == nil && d.depth > 0 {
		return port, nil // in subgraphs the type is optional
	}
	if info.Type == nil || info.Type.TensorType == nil {
		return port, errors.New("it is not declared as a tensor")
	}
	typ := info.Type.TensorType
	var err error
	if port.DType, err = dtypeOf(deref(typ.ElemType)); err != nil {
		return port, err
	}
	if typ.Shape == nil {
		return port, nil
	}
	port.Shape = make(tensor.Shape, len(typ.Shape.Dim))
	for i, dim := range typ.Shape.Dim {
		if dim.DimValue != nil && deref(dim.DimParam) != "" {
			return port, fmt.Errorf("axis %d has both a size and a letter", i)
		}
		port.Shape[i] = d.dim(dim)
	}
	return port, nil
}

func (d *decoder) dim(p *onnxpb.DimensionProto) tensor.Dim {
	if p.DimValue != nil && *p.DimValue >= 0 {
		return tensor.D(*p.DimValue)
	}
	if sym := deref(p.DimParam); sym != "" {
		return tensor.S(sym)
	}
	d.unnamed++ // also a negative size, as some writers mark unknown ones
	return tensor.Unknown("", d.unnamed)
}

// node decodes a node. On an error the node still has its operator and outputs.
func (d *decoder) node(p *onnxpb.NodeProto) (ir.Node, error) {
	n := ir.Node{Name: deref(p.Name), Op: deref(p.OpType), Inputs: p.Input, Outputs: p.Output}
	if domain := deref(p.Domain); !standard(domain) {
		return n, fmt.Errorf("the operator is of domain %q: only standard operators are supported", domain)
	}
	for _, a := range p.Attribute {
		value, err := d.attribute(a)
		if err != nil {
			return n, fmt.Errorf("attribute %q: %w", deref(a.Name), err)
		}
		if value != nil { // else one that the call of the function has left out
			n.Attributes = append(n.Attributes, ir.Attribute{Name: deref(a.Name), Value: value})
		}
	}
	return n, nil
}

func (d *decoder) attribute(p *onnxpb.AttributeProto) (any, error) {
	if name := deref(p.RefAttrName); name != "" {
		if d.within == 0 {
			return nil, fmt.Errorf("it refers to the attribute %q of a function, and is in none", name)
		}
		return d.bound[name], nil
	}
	switch k := kind(deref(p.Type)); k {
	case kindFloat:
		return deref(p.F), nil
	case kindInt:
		return deref(p.I), nil
	case kindString:
		return string(p.S), nil
	case kindFloats:
		return append([]float32{}, p.Floats...), nil
	case kindInts:
		return append([]int64{}, p.Ints...), nil
	case kindStrings:
		list := make([]string, len(p.Strings))
		for i, s := range p.Strings {
			list[i] = string(s)
		}
		return list, nil
	case kindTensor:
		if p.T == nil {
			return nil, errors.New("its tensor is missing")
		}
		return d.tensor(p.T)
	case kindGraph:
		return d.subgraph(p.G)
	default:
		return nil, fmt.Errorf("attribute type %d is not supported", int32(k))
	}
}

func (d *decoder) subgraph(data []byte) (*ir.Graph, error) {
	if d.depth == maxDepth {
		return nil, fmt.Errorf("subgraphs nest deeper than %d", maxDepth)
	}
	p := &onnxpb.GraphProto{}
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("its subgraph is damaged")
	}
	d.depth++
	defer func() { d.depth-- }()
	return d.graph(p)
}
