// Package tensor defines the element types, symbolic shapes and dense values
// that every other package speaks.
package tensor

import "fmt"

// DType is an element type. Its values are ONNX's TensorProto.DataType codes.
type DType int32

// The element types that loss graphs use.
const (
	Undefined DType = 0
	Float32   DType = 1
	Int32     DType = 6
	Int64     DType = 7
	Bool      DType = 9
	Float16   DType = 10
	Float64   DType = 11
	BFloat16  DType = 16
)

var dtypes = map[DType]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1},
	Float16: {"float16", 2}, Float64: {"float64", 8}, BFloat16: {"bfloat16", 2},
}

// ParseDType returns the element type called name, as PyTorch spells it
// ("float32", "int64", ...).
func ParseDType(name string) (DType, error) {
	for d, row := range dtypes {
		if row.name == name {
			return d, nil
		}
	}
	return Undefined, fmt.Errorf("unknown dtype %q: use float32, float64, float16, bfloat16, int64, int32 or bool", name)
}

// String returns PyTorch's name of d.
func (d DType) String() string {
	if row, ok := dtypes[d]; ok {
		return row.name
	}
	return fmt.Sprintf("dtype(%d)", int32(d))
}

// MarshalText writes the name.
func (d DType) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the name.
func (d *DType) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDType(string(text))
	return err
}

// Size returns the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int { return dtypes[d].size }

// IsFloat reports whether d is a floating-point type.
func (d DType) IsFloat() bool {
	return d == Float32 || d == Float64 || d == Float16 || d == BFloat16
}

// IsInt reports whether d is a signed integer type.
func (d DType) IsInt() bool { return d == Int32 || d == Int64 }
