// Package onnxpb declares the part of ONNX's protobuf messages that loss files
// use.
//
// The structs are written by hand: field numbers and types follow onnx.proto,
// fields that lossgen has no use for are left out and skipped when read. Nothing
// is registered, so the package lives beside any other copy of these messages.
package onnxpb

import "github.com/gogo/protobuf/proto"

// Codes of AttributeProto.Type.
const (
	AttributeFloat   = 1
	AttributeInt     = 2
	AttributeString  = 3
	AttributeTensor  = 4
	AttributeGraph   = 5
	AttributeFloats  = 6
	AttributeInts    = 7
	AttributeStrings = 8
)

// External is the TensorProto.DataLocation of data in another file.
const External = 1

// ModelProto is a whole file.
type ModelProto struct {
	IRVersion       *int64                    `protobuf:"varint,1,opt,name=ir_version"`
	ProducerName    *string                   `protobuf:"bytes,2,opt,name=producer_name"`
	ProducerVersion *string                   `protobuf:"bytes,3,opt,name=producer_version"`
	Graph           *GraphProto               `protobuf:"bytes,7,opt,name=graph"`
	OpsetImport     []*OperatorSetIDProto     `protobuf:"bytes,8,rep,name=opset_import"`
	MetadataProps   []*StringStringEntryProto `protobuf:"bytes,14,rep,name=metadata_props"`
	Functions       []*FunctionProto          `protobuf:"bytes,25,rep,name=functions"`
}

// OperatorSetIDProto names the version of an operator set.
type OperatorSetIDProto struct {
	Domain  *string `protobuf:"bytes,1,opt,name=domain"`
	Version *int64  `protobuf:"varint,2,opt,name=version"`
}

// StringStringEntryProto is one metadata entry.
type StringStringEntryProto struct {
	Key   *string `protobuf:"bytes,1,opt,name=key"`
	Value *string `protobuf:"bytes,2,opt,name=value"`
}

// GraphProto is a list of nodes with named inputs and outputs.
type GraphProto struct {
	Node        []*NodeProto      `protobuf:"bytes,1,rep,name=node"`
	Name        *string           `protobuf:"bytes,2,opt,name=name"`
	Initializer []*TensorProto    `protobuf:"bytes,5,rep,name=initializer"`
	DocString   *string           `protobuf:"bytes,10,opt,name=doc_string"`
	Input       []*ValueInfoProto `protobuf:"bytes,11,rep,name=input"`
	Output      []*ValueInfoProto `protobuf:"bytes,12,rep,name=output"`
	ValueInfo   []*ValueInfoProto `protobuf:"bytes,13,rep,name=value_info"`
}

// NodeProto applies an operator.
type NodeProto struct {
	Input     []string          `protobuf:"bytes,1,rep,name=input"`
	Output    []string          `protobuf:"bytes,2,rep,name=output"`
	Name      *string           `protobuf:"bytes,3,opt,name=name"`
	OpType    *string           `protobuf:"bytes,4,opt,name=op_type"`
	Attribute []*AttributeProto `protobuf:"bytes,5,rep,name=attribute"`
	Domain    *string           `protobuf:"bytes,7,opt,name=domain"`
	Overload  *string           `protobuf:"bytes,8,opt,name=overload"`
}

// FunctionProto is an operator that a model declares itself, by nodes.
type FunctionProto struct {
	Name        *string               `protobuf:"bytes,1,opt,name=name"`
	Input       []string              `protobuf:"bytes,4,rep,name=input"`
	Output      []string              `protobuf:"bytes,5,rep,name=output"`
	Attribute   []string              `protobuf:"bytes,6,rep,name=attribute"`
	Node        []*NodeProto          `protobuf:"bytes,7,rep,name=node"`
	OpsetImport []*OperatorSetIDProto `protobuf:"bytes,9,rep,name=opset_import"`
	Domain      *string               `protobuf:"bytes,10,opt,name=domain"`
	Defaults    []*AttributeProto     `protobuf:"bytes,11,rep,name=attribute_proto"`
	Overload    *string               `protobuf:"bytes,13,opt,name=overload"`
}

// AttributeProto is a named attribute of a node. G holds an encoded GraphProto:
// a field of bytes has the same form on the wire as a message, and decoding it
// one level at a time keeps a hostile file from nesting without bound.
type AttributeProto struct {
	Name        *string      `protobuf:"bytes,1,opt,name=name"`
	F           *float32     `protobuf:"fixed32,2,opt,name=f"`
	I           *int64       `protobuf:"varint,3,opt,name=i"`
	S           []byte       `protobuf:"bytes,4,opt,name=s"`
	T           *TensorProto `protobuf:"bytes,5,opt,name=t"`
	G           []byte       `protobuf:"bytes,6,opt,name=g"`
	Floats      []float32    `protobuf:"fixed32,7,rep,name=floats"`
	Ints        []int64      `protobuf:"varint,8,rep,name=ints"`
	Strings     [][]byte     `protobuf:"bytes,9,rep,name=strings"`
	Type        *int32       `protobuf:"varint,20,opt,name=type"`
	RefAttrName *string      `protobuf:"bytes,21,opt,name=ref_attr_name"`
}

// TensorProto is a constant. Its elements are in RawData or, by element type,
// in one of the typed lists, or in another file. ExternalData holds encoded
// StringStringEntryProtos; Segment is there to be noticed only.
type TensorProto struct {
	Dims         []int64   `protobuf:"varint,1,rep,name=dims"`
	DataType     *int32    `protobuf:"varint,2,opt,name=data_type"`
	Segment      []byte    `protobuf:"bytes,3,opt,name=segment"`
	FloatData    []float32 `protobuf:"fixed32,4,rep,packed,name=float_data"`
	Int32Data    []int32   `protobuf:"varint,5,rep,packed,name=int32_data"`
	Int64Data    []int64   `protobuf:"varint,7,rep,packed,name=int64_data"`
	Name         *string   `protobuf:"bytes,8,opt,name=name"`
	RawData      []byte    `protobuf:"bytes,9,opt,name=raw_data"`
	DoubleData   []float64 `protobuf:"fixed64,10,rep,packed,name=double_data"`
	ExternalData [][]byte  `protobuf:"bytes,13,rep,name=external_data"`
	DataLocation *int32    `protobuf:"varint,14,opt,name=data_location"`
}

// ValueInfoProto is a named input or output.
type ValueInfoProto struct {
	Name *string    `protobuf:"bytes,1,opt,name=name"`
	Type *TypeProto `protobuf:"bytes,2,opt,name=type"`
}

// TypeProto is a tensor type; TensorType is nil for sequences, maps and so on.
type TypeProto struct {
	TensorType *TensorTypeProto `protobuf:"bytes,1,opt,name=tensor_type"`
}

// TensorTypeProto is an element type with a shape, which is nil when the rank is
// unknown.
type TensorTypeProto struct {
	ElemType *int32            `protobuf:"varint,1,opt,name=elem_type"`
	Shape    *TensorShapeProto `protobuf:"bytes,2,opt,name=shape"`
}

// TensorShapeProto is a list of dims; none at all is rank 0.
type TensorShapeProto struct {
	Dim []*DimensionProto `protobuf:"bytes,1,rep,name=dim"`
}

// DimensionProto is a size, a symbol, or neither. ONNX declares a oneof, which
// two optional fields equal on the wire.
type DimensionProto struct {
	DimValue *int64  `protobuf:"varint,1,opt,name=dim_value"`
	DimParam *string `protobuf:"bytes,2,opt,name=dim_param"`
}

// The methods below make the structs messages for gogo/protobuf.

func (m *ModelProto) Reset()                     { *m = ModelProto{} }
func (m *ModelProto) String() string             { return proto.CompactTextString(m) }
func (*ModelProto) ProtoMessage()                {}
func (m *OperatorSetIDProto) Reset()             { *m = OperatorSetIDProto{} }
func (m *OperatorSetIDProto) String() string     { return proto.CompactTextString(m) }
func (*OperatorSetIDProto) ProtoMessage()        {}
func (m *StringStringEntryProto) Reset()         { *m = StringStringEntryProto{} }
func (m *StringStringEntryProto) String() string { return proto.CompactTextString(m) }
func (*StringStringEntryProto) ProtoMessage()    {}
func (m *GraphProto) Reset()                     { *m = GraphProto{} }
func (m *GraphProto) String() string             { return proto.CompactTextString(m) }
func (*GraphProto) ProtoMessage()                {}
func (m *NodeProto) Reset()                      { *m = NodeProto{} }
func (m *NodeProto) String() string              { return proto.CompactTextString(m) }
func (*NodeProto) ProtoMessage()                 {}
func (m *FunctionProto) Reset()                  { *m = FunctionProto{} }
func (m *FunctionProto) String() string          { return proto.CompactTextString(m) }
func (*FunctionProto) ProtoMessage()             {}
func (m *AttributeProto) Reset()                 { *m = AttributeProto{} }
func (m *AttributeProto) String() string         { return proto.CompactTextString(m) }
func (*AttributeProto) ProtoMessage()            {}
func (m *TensorProto) Reset()                    { *m = TensorProto{} }
func (m *TensorProto) String() string            { return proto.CompactTextString(m) }
func (*TensorProto) ProtoMessage()               {}
func (m *ValueInfoProto) Reset()                 { *m = ValueInfoProto{} }
func (m *ValueInfoProto) String() string         { return proto.CompactTextString(m) }
func (*ValueInfoProto) ProtoMessage()            {}
func (m *TypeProto) Reset()                      { *m = TypeProto{} }
func (m *TypeProto) String() string              { return proto.CompactTextString(m) }
func (*TypeProto) ProtoMessage()                 {}
func (m *TensorTypeProto) Reset()                { *m = TensorTypeProto{} }
func (m *TensorTypeProto) String() string        { return proto.CompactTextString(m) }
func (*TensorTypeProto) ProtoMessage()           {}
func (m *TensorShapeProto) Reset()               { *m = TensorShapeProto{} }
func (m *TensorShapeProto) String() string       { return proto.CompactTextString(m) }
func (*TensorShapeProto) ProtoMessage()          {}
func (m *DimensionProto) Reset()                 { *m = DimensionProto{} }
func (m *DimensionProto) String() string         { return proto.CompactTextString(m) }
func (*DimensionProto) ProtoMessage()            {}
