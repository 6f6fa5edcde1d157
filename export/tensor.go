package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// onnxTypes are ONNX's names of the element types, by their codes.
var onnxTypes = []string{"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
	"float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz",
	"float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"}

// dtypeOf returns the element type of an ONNX code.
func dtypeOf(code int32) (tensor.DType, error) {
	if d := tensor.DType(code); d.Size() > 0 {
		return d, nil
	}
	name := fmt.Sprintf("%d", code)
	if 0 <= code && int(code) < len(onnxTypes) {
		name = onnxTypes[code]
	}
	return tensor.Undefined, fmt.Errorf("element type %s is not supported: use float32, float64, float16, bfloat16, int64, int32 or bool", name)
}

// checkTensor reports a tensor whose bytes do not match its dtype and sizes.
func checkTensor(t *tensor.Tensor) error {
	if t == nil {
		return errors.New("the tensor is nil")
	}
	if _, err := dtypeOf(int32(t.DType)); err != nil {
		return err
	}
	n, err := tensor.Count(t.Dims)
	if err != nil {
		return err
	}
	if want := n * t.DType.Size(); len(t.Data) != want {
		return fmt.Errorf("%v has %d bytes of data, want %d", t, len(t.Data), want)
	}
	return nil
}

// encodeTensor returns the message of a tensor. Booleans go into int32_data,
// because onnx-go misreads them in raw_data.
func encodeTensor(name string, t *tensor.Tensor) (*onnxpb.TensorProto, error) {
	if err := checkTensor(t); err != nil {
		return nil, err
	}
	p := &onnxpb.TensorProto{Dims: t.Dims, DataType: new(int32(t.DType))}
	if name != "" {
		p.Name = &name
	}
	if t.DType == tensor.Bool {
		for i := range t.Len() {
			p.Int32Data = append(p.Int32Data, int32(t.Int(i)))
		}
		return p, nil
	}
	p.RawData = append([]byte{}, t.Data...) // present even when empty
	return p, nil
}

// tensor reads a tensor from raw data, from the typed list of its element type, or from
// another file. Nothing is allocated before the sizes are known to match.
func (d *decoder) tensor(p *onnxpb.TensorProto) (*tensor.Tensor, error) {
	dtype, err := dtypeOf(deref(p.DataType))
	if err != nil {
		return nil, err
	}
	outside := deref(p.DataLocation) == onnxpb.External || len(p.ExternalData) > 0
	if outside && d.beside == nil {
		return nil, errors.New("its data is in another file: save the model with its data inside")
	}
	if p.Segment != nil {
		return nil, errors.New("its data is split into segments, which are not supported")
	}
	n, err := tensor.Count(p.Dims)
	if err != nil {
		return nil, err
	}
	if outside {
		data, err := d.beside.read(p.ExternalData, int64(n)*int64(dtype.Size()))
		if err != nil {
			return nil, err
		}
		return fromRaw(dtype, p.Dims, data, n), nil
	}
	if len(p.RawData) > 0 {
		if want := n * dtype.Size(); len(p.RawData) != want {
			return nil, fmt.Errorf("sizes %v of %v need %d bytes of raw data, the file has %d", p.Dims, dtype, want, len(p.RawData))
		}
		return fromRaw(dtype, p.Dims, slices.Clone(p.RawData), n), nil
	}
	if have := typedLen(dtype, p); have != n {
		return nil, fmt.Errorf("sizes %v need %d elements, the file has %d", p.Dims, n, have)
	}
	t := tensor.New(dtype, p.Dims...)
	for i := range n {
		setTyped(t, p, i)
	}
	return t, nil
}

// fromRaw takes the bytes of a tensor's elements.
func fromRaw(dtype tensor.DType, dims []int64, data []byte, n int) *tensor.Tensor {
	t := &tensor.Tensor{DType: dtype, Dims: append([]int64{}, dims...), Data: data}
	if dtype == tensor.Bool {
		for i := range n {
			t.SetInt(i, t.Int(i)) // any nonzero byte is true
		}
	}
	return t
}

// typedLen returns the length of the list that holds elements of a type.
func typedLen(dtype tensor.DType, p *onnxpb.TensorProto) int {
	switch dtype {
	case tensor.Float32:
		return len(p.FloatData)
	case tensor.Float64:
		return len(p.DoubleData)
	case tensor.Int64:
		return len(p.Int64Data)
	default: // int32, bool, and the halves by their bits
		return len(p.Int32Data)
	}
}

// setTyped copies element i of the typed list, bit by bit.
func setTyped(t *tensor.Tensor, p *onnxpb.TensorProto, i int) {
	le := binary.LittleEndian
	switch t.DType {
	case tensor.Float32:
		le.PutUint32(t.Data[4*i:], math.Float32bits(p.FloatData[i]))
	case tensor.Float64:
		le.PutUint64(t.Data[8*i:], math.Float64bits(p.DoubleData[i]))
	case tensor.Int64:
		t.SetInt(i, p.Int64Data[i])
	case tensor.Float16, tensor.BFloat16:
		le.PutUint16(t.Data[2*i:], uint16(p.Int32Data[i]))
	default:
		t.SetInt(i, int64(p.Int32Data[i]))
	}
}
