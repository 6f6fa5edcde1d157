package reference

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
)

// array is a dense row-major value inside the evaluator. Exactly one of f, i
// and b holds the elements, by the kind of dtype: every floating type is kept in
// float64 and never rounded to the declared type, so that central differences
// of a model are trustworthy. An array is never changed once a kernel returned
// it; reshaped ones share their elements.
type array struct {
	dtype tensor.DType
	dims  []int
	f     []float64
	i     []int64
	b     []bool
}

// maxElements bounds one value, so that positions in it can be computed.
const maxElements = int64(1) << 31

// count returns the number of elements, refusing more than limit. A size of 0
// does not excuse the others: kernels multiply some of them.
func count(dims []int, limit int64) (int, error) {
	n, empty := int64(1), false
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("size %d is negative", d)
		}
		if d == 0 {
			empty = true
			continue
		}
		if n > limit/int64(d) {
			return 0, fmt.Errorf("sizes %s have more than %d elements", sizes(dims), limit)
		}
		n *= int64(d)
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// product is [count] for sizes that are known to be in range.
func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// elementBytes is what an element of a dtype takes here.
func elementBytes(dtype tensor.DType) int64 {
	if dtype == tensor.Bool {
		return 1
	}
	return 8
}

// newArray returns zeros, refusing more than limit bytes.
func newArray(dtype tensor.DType, dims []int, limit int64) (*array, error) {
	size := elementBytes(dtype)
	n, err := count(dims, min(maxElements, math.MaxInt64/size))
	if err == nil && int64(n) > limit/size {
		err = tooMuch(fmt.Sprintf("a value of sizes %s", sizes(dims)))
	}
	if err != nil {
		return nil, err
	}
	a := &array{dtype: dtype, dims: append([]int{}, dims...)}
	switch {
	case dtype.IsFloat():
		a.f = make([]float64, n)
	case dtype.IsInt():
		a.i = make([]int64, n)
	case dtype == tensor.Bool:
		a.b = make([]bool, n)
	default:
		return nil, fmt.Errorf("%v values are not supported", dtype)
	}
	return a, nil
}

func (a *array) len() int { return len(a.f) + len(a.i) + len(a.b) }

func (a *array) rank() int { return len(a.dims) }

// String returns "float32[2,3]".
func (a *array) String() string { return a.dtype.String() + a.shape().String() }

func (a *array) shape() tensor.Shape {
	s := make(tensor.Shape, len(a.dims))
	for k, d := range a.dims {
		s[k] = tensor.D(int64(d))
	}
	return s
}

// sizes returns "[2,3]".
func sizes(dims []int) string { return (&array{dims: dims}).shape().String() }

// shaped returns the same elements under other sizes of the same count.
func (a *array) shaped(dims []int) *array {
	out := *a
	out.dims = append([]int{}, dims...)
	return &out
}

// wrap brings int32 results back into the range of int32, as int32 arithmetic
// does.
func (a *array) wrap() *array {
	if a.dtype == tensor.Int32 {
		for k, v := range a.i {
			a.i[k] = int64(int32(v))
		}
	}
	return a
}

// fromTensor converts a public tensor whose data has been checked, refusing more
// than limit bytes.
func fromTensor(t *tensor.Tensor, limit int64) (*array, error) {
	dims := make([]int, len(t.Dims))
	for k, d := range t.Dims {
		dims[k] = int(d)
	}
	a, err := newArray(t.DType, dims, limit)
	if err != nil {
		return nil, err
	}
	if a.len() != t.Len() || len(t.Data) != a.len()*t.DType.Size() {
		return nil, fmt.Errorf("%d bytes of data for %v", len(t.Data), t)
	}
	for k := range a.f {
		a.f[k] = t.Float(k)
	}
	for k := range a.i {
		a.i[k] = t.Int(k)
	}
	for k := range a.b {
		a.b[k] = t.Data[k] != 0
	}
	return a, nil
}

// into writes a, rounded once, into a tensor of the same dtype and sizes.
func (a *array) into(t *tensor.Tensor) {
	for k, v := range a.f {
		t.SetFloat(k, v)
	}
	for k, v := range a.i {
		t.SetInt(k, v)
	}
	for k, v := range a.b {
		t.Data[k] = 0
		if v {
			t.Data[k] = 1
		}
	}
}

func (a *array) dims64() []int64 {
	out := make([]int64, len(a.dims))
	for k, d := range a.dims {
		out[k] = int64(d)
	}
	return out
}

// identical reports whether both arrays are the same to the bit.
func (a *array) identical(o *array) bool {
	if a.dtype != o.dtype || !equalInts(a.dims, o.dims) || a.len() != o.len() {
		return false
	}
	for k := range a.f {
		if math.Float64bits(a.f[k]) != math.Float64bits(o.f[k]) {
			return false
		}
	}
	for k := range a.i {
		if a.i[k] != o.i[k] {
			return false
		}
	}
	for k := range a.b {
		if a.b[k] != o.b[k] {
			return false
		}
	}
	return true
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return true
}
