//go:build cgo

package ort

import (
	"fmt"
	"reflect"
	goruntime "runtime"
	"unsafe"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// value is a tensor as ONNX Runtime sees it. Its elements lie in the Data of a
// tensor.Tensor, except that the binding gives a rank-0 value memory of its
// own: cell, which is copied before and after a run.
type value struct {
	onnxruntime.Value
	data []byte
	cell []byte
}

// newValue returns t as a value over t.Data, which stays pinned: ONNX Runtime
// keeps its address between calls.
func newValue(t *tensor.Tensor, pin *goruntime.Pinner) (value, error) {
	dims, data := t.Dims, t.Data
	if len(dims) == 0 {
		if v, ok, err := newScalar(t, pin); ok {
			return v, err
		}
		// There is no scalar of a half type. Inputs are declared [1] instead; for
		// an output ONNX Runtime takes a declared rank 0 for an unknown rank.
		dims = []int64{1}
	}
	if len(data) == 0 {
		data = make([]byte, 8) // the binding refuses an empty slice
	}
	pin.Pin(&data[0])
	v, err := onnxruntime.NewCustomDataTensor(dims, data, onnxruntime.TensorElementDataType(t.DType))
	if err != nil {
		return value{}, engineError(err)
	}
	return value{Value: v}, nil
}

// newScalar returns a rank-0 value for t, or false if its type has none.
func newScalar(t *tensor.Tensor, pin *goruntime.Pinner) (v value, ok bool, err error) {
	switch t.DType {
	case tensor.Float32:
		v, err = scalarOf[float32](t, pin)
	case tensor.Float64:
		v, err = scalarOf[float64](t, pin)
	case tensor.Int32:
		v, err = scalarOf[int32](t, pin)
	case tensor.Int64:
		v, err = scalarOf[int64](t, pin)
	case tensor.Bool:
		v, err = scalarOf[bool](t, pin)
	default:
		return value{}, false, nil
	}
	return v, true, err
}

// scalarOf returns a rank-0 value with access to its memory. Scalar.Set is no
// such access, since it exchanges the memory that ONNX Runtime does not know of.
func scalarOf[T onnxruntime.TensorData](t *tensor.Tensor, pin *goruntime.Pinner) (value, error) {
	s, err := onnxruntime.NewEmptyScalar[T]()
	if err != nil {
		return value{}, engineError(err)
	}
	memory := reflect.ValueOf(s).Elem().FieldByName("data").UnsafePointer()
	pin.Pin(memory)
	return value{Value: s, data: t.Data, cell: unsafe.Slice((*byte)(memory), t.DType.Size())}, nil
}

// load brings the tensor's element to where ONNX Runtime reads it, and store
// brings the result back. Both do nothing where the memory is shared.
func (v *value) load()  { copy(v.cell, v.data) }
func (v *value) store() { copy(v.data, v.cell) }

// values are the inputs or outputs of a run, in the order of the ports.
type values []value

// newValues makes a value of each port's tensor. A port without a tensor gets
// an empty value.
func newValues(ports []ir.Port, tensors map[string]*tensor.Tensor, pin *goruntime.Pinner) (values, error) {
	vs := make(values, len(ports))
	for i, p := range ports {
		t := tensors[p.Name]
		if t == nil {
			continue
		}
		v, err := newValue(t, pin)
		if err != nil {
			vs.destroy()
			return nil, fmt.Errorf("%q: %w", p.Name, err)
		}
		vs[i] = v
	}
	return vs, nil
}

// list returns the values as the binding takes them; nil for an empty one.
func (vs values) list() []onnxruntime.Value {
	list := make([]onnxruntime.Value, len(vs))
	for i, v := range vs {
		list[i] = v.Value
	}
	return list
}

func (vs values) load() {
	for i := range vs {
		vs[i].load()
	}
}

func (vs values) store() {
	for i := range vs {
		vs[i].store()
	}
}

func (vs values) destroy() {
	for _, v := range vs {
		if v.Value != nil {
			v.Value.Destroy()
		}
	}
}

// copyOut returns what ONNX Runtime allocated by itself as a tensor.
func copyOut(v onnxruntime.Value, dtype tensor.DType) (*tensor.Tensor, error) {
	if _, err := tensor.Count(v.GetShape()); err != nil {
		return nil, err
	}
	t := tensor.New(dtype, v.GetShape()...)
	var from []byte
	switch v := v.(type) {
	case *onnxruntime.Tensor[float32]:
		from = bytesOf(v.GetData())
	case *onnxruntime.Tensor[float64]:
		from = bytesOf(v.GetData())
	case *onnxruntime.Tensor[int32]:
		from = bytesOf(v.GetData())
	case *onnxruntime.Tensor[int64]:
		from = bytesOf(v.GetData())
	case *onnxruntime.Tensor[bool]:
		from = bytesOf(v.GetData())
	}
	if len(from) != len(t.Data) {
		return nil, fmt.Errorf("got a %T, want %v", v, t)
	}
	copy(t.Data, from)
	return t, nil
}

func bytesOf[T onnxruntime.TensorData](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
