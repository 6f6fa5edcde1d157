package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/x448/float16"
)

// Tensor is a dense value: row-major elements, little-endian, in Data.
type Tensor struct {
	DType DType
	Dims  []int64
	Data  []byte
}

// Count returns the number of elements of a tensor with the given sizes, or an
// error when it does not fit in an int.
func Count(dims []int64) (int, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("size %d is negative", d)
		}
		if d > 0 && n > math.MaxInt/8/d {
			return 0, fmt.Errorf("sizes %v are too large", dims)
		}
		n *= d
	}
	return int(n), nil
}

// New returns a tensor of zeros. It panics when dims are negative or too large:
// sizes from outside go through [Count] first.
func New(dtype DType, dims ...int64) *Tensor {
	n, err := Count(dims)
	if err != nil {
		panic("tensor.New: " + err.Error())
	}
	return &Tensor{DType: dtype, Dims: append([]int64{}, dims...), Data: make([]byte, n*dtype.Size())}
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	if s := t.DType.Size(); s > 0 {
		return len(t.Data) / s
	}
	return 0
}

// Shape returns the sizes as a Shape.
func (t *Tensor) Shape() Shape {
	s := make(Shape, len(t.Dims))
	for i, d := range t.Dims {
		s[i] = D(d)
	}
	return s
}

// String returns "float32[2,3]".
func (t *Tensor) String() string { return t.DType.String() + t.Shape().String() }

// FromFloats returns a tensor of a dtype with the given values, rounded to it.
func FromFloats(dtype DType, dims []int64, values []float64) *Tensor {
	t := New(dtype, dims...)
	if t.Len() != len(values) {
		panic(fmt.Sprintf("tensor.FromFloats: %d values for %v", len(values), t))
	}
	for i, v := range values {
		t.SetFloat(i, v)
	}
	return t
}

// FromInts returns a tensor of a dtype with the given values.
func FromInts(dtype DType, dims []int64, values []int64) *Tensor {
	t := New(dtype, dims...)
	if t.Len() != len(values) {
		panic(fmt.Sprintf("tensor.FromInts: %d values for %v", len(values), t))
	}
	for i, v := range values {
		t.SetInt(i, v)
	}
	return t
}

// Floats returns all elements as float64; booleans are 0 and 1.
func (t *Tensor) Floats() []float64 {
	out := make([]float64, t.Len())
	for i := range out {
		out[i] = t.Float(i)
	}
	return out
}

// Ints returns all elements as int64; fractions are cut off.
func (t *Tensor) Ints() []int64 {
	out := make([]int64, t.Len())
	for i := range out {
		out[i] = t.Int(i)
	}
	return out
}

// Float returns element i as a float64.
func (t *Tensor) Float(i int) float64 {
	le, d := binary.LittleEndian, t.Data
	switch t.DType {
	case Float32:
		return float64(math.Float32frombits(le.Uint32(d[4*i:])))
	case Float64:
		return math.Float64frombits(le.Uint64(d[8*i:]))
	case Float16:
		return float64(float16.Frombits(le.Uint16(d[2*i:])).Float32())
	case BFloat16:
		return float64(math.Float32frombits(uint32(le.Uint16(d[2*i:])) << 16))
	default:
		return float64(t.Int(i))
	}
}

// SetFloat sets element i to v, rounded to the dtype.
func (t *Tensor) SetFloat(i int, v float64) {
	le, d := binary.LittleEndian, t.Data
	switch t.DType {
	case Float32:
		le.PutUint32(d[4*i:], math.Float32bits(float32(v)))
	case Float64:
		le.PutUint64(d[8*i:], math.Float64bits(v))
	case Float16:
		le.PutUint16(d[2*i:], float16.Fromfloat32(float32(v)).Bits())
	case BFloat16:
		le.PutUint16(d[2*i:], bfloat16Bits(float32(v)))
	case Bool:
		t.SetInt(i, b2i(v != 0))
	default:
		t.SetInt(i, int64(v))
	}
}

// bfloat16Bits rounds to nearest, ties to even; a NaN stays a NaN.
func bfloat16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Int returns element i as an int64.
func (t *Tensor) Int(i int) int64 {
	le, d := binary.LittleEndian, t.Data
	switch t.DType {
	case Int32:
		return int64(int32(le.Uint32(d[4*i:])))
	case Int64:
		return int64(le.Uint64(d[8*i:]))
	case Bool:
		return b2i(d[i] != 0)
	default:
		return int64(t.Float(i))
	}
}

// SetInt sets element i to v.
func (t *Tensor) SetInt(i int, v int64) {
	le, d := binary.LittleEndian, t.Data
	switch t.DType {
	case Int32:
		le.PutUint32(d[4*i:], uint32(int32(v)))
	case Int64:
		le.PutUint64(d[8*i:], uint64(v))
	case Bool:
		d[i] = byte(b2i(v != 0))
	default:
		t.SetFloat(i, float64(v))
	}
}

// Cast returns t converted to another dtype; t itself when it has it already.
func (t *Tensor) Cast(to DType) *Tensor {
	if t.DType == to {
		return t
	}
	out := New(to, t.Dims...)
	integers := !t.DType.IsFloat() && !to.IsFloat()
	for i := range t.Len() {
		if integers {
			out.SetInt(i, t.Int(i))
		} else {
			out.SetFloat(i, t.Float(i))
		}
	}
	return out
}

// View returns the elements as a Go slice that shares t's memory. T must have
// the size of t's elements, and the machine must be little-endian.
func View[T float32 | float64 | int32 | int64 | uint16](t *Tensor) []T {
	var zero T
	if int(unsafe.Sizeof(zero)) != t.DType.Size() {
		panic(fmt.Sprintf("tensor.View: %v viewed as %T", t, zero))
	}
	if len(t.Data) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&t.Data[0])), t.Len())
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Exactly returns integers in another integer dtype, or 0 and 1 as bool, where every value
// stays what it is. Other tensors are returned as they are.
func (t *Tensor) Exactly(to DType) (*Tensor, error) {
	if t.DType == to || !t.DType.IsInt() || !to.IsInt() && to != Bool {
		return t, nil
	}
	out := t.Cast(to)
	for i := range t.Len() {
		if t.Int(i) != out.Int(i) {
			return t, fmt.Errorf("element %d is %d, which %v cannot hold", i, t.Int(i), to)
		}
	}
	return out, nil
}
