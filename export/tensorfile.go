package export

import (
	"errors"
	"fmt"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// MarshalTensor returns the bytes of a TensorProto file, the form in which ONNX
// backend tests keep inputs and outputs.
func MarshalTensor(name string, t *tensor.Tensor) ([]byte, error) {
	p, err := encodeTensor(name, t)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return proto.Marshal(p)
}

// UnmarshalTensor reads a TensorProto file, whoever wrote it, as far as a
// [tensor.Tensor] can hold it. It returns the name that the tensor carries.
func UnmarshalTensor(data []byte) (name string, t *tensor.Tensor, err error) {
	if len(data) == 0 {
		return "", nil, errors.New("not an ONNX tensor: the file is empty")
	}
	p := &onnxpb.TensorProto{}
	if err := proto.Unmarshal(data, p); err != nil {
		return "", nil, fmt.Errorf("not an ONNX tensor: %s", parseError(err))
	}
	name = deref(p.Name)
	if t, err = new(decoder).tensor(p); err != nil {
		return "", nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return name, t, nil
}
