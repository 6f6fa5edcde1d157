package reference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

const reduceAttrs = "axes=I keepdims=i noop_with_empty_axes=i"

// A reduction over nothing gives the neutral element of its operation (0 for a
// sum, 1 for a product, the lowest value for a maximum), and NaN for a mean.
// ReduceMax and ReduceMin give NaN wherever a NaN takes part; the standard is
// silent, and ONNX Runtime answers by position.
var reduceKernels = []row{
	{op: "ReduceSum", min: 1, max: 2, attrs: reduceAttrs, run: reduction(sum, total)},
	{op: "ReduceMean", min: 1, max: 2, attrs: reduceAttrs, run: reduceMean},
	{op: "ReduceProd", min: 1, max: 2, attrs: reduceAttrs, run: reduction(prod[float64], prod[int64])},
	{op: "ReduceMax", min: 1, max: 2, attrs: reduceAttrs, run: reduceMax},
	{op: "ReduceMin", min: 1, max: 2, attrs: reduceAttrs, run: reduceMin},
	{op: "ReduceL2", min: 1, max: 2, attrs: reduceAttrs, run: reduction(norm, nil)},
	{op: "ReduceLogSumExp", min: 1, max: 2, attrs: reduceAttrs, run: reduction(logSumExp, nil)},
}

// reduction moves the reduced axes last and folds each contiguous row.
func reduction(onFloat func([]float64) float64, onInt func([]int64) int64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		x := c.in[0]
		if x.dtype == tensor.Bool || x.dtype.IsInt() && onInt == nil {
			return nil, fmt.Errorf("input 0 is %v", x)
		}
		axes, _, err := c.axesArg(1, x.rank())
		if err != nil {
			return nil, err
		}
		if len(axes) == 0 && c.intAttr("noop_with_empty_axes", 0) == 0 {
			axes = ascending(x.rank())
		}
		perm, dims := c.split(x, axes)
		moved, err := c.transposed(x, perm)
		if err != nil {
			return nil, err
		}
		out, err := newArray(x.dtype, dims, c.limit)
		if err != nil {
			return nil, err
		}
		n := product(moved.dims[x.rank()-len(axes):])
		for k := range out.f {
			out.f[k] = onFloat(moved.f[k*n : (k+1)*n])
		}
		for k := range out.i {
			out.i[k] = onInt(moved.i[k*n : (k+1)*n])
		}
		return out.wrap(), nil
	}
}

func ascending(n int) []int {
	out := make([]int, n)
	for k := range out {
		out[k] = k
	}
	return out
}

// split returns the order of axes that has the reduced ones last, and the sizes
// of the result.
func (c *call) split(x *array, axes []int) (perm, dims []int) {
	keep := c.intAttr("keepdims", 1) != 0
	for k, d := range x.dims {
		switch {
		case !slices.Contains(axes, k):
			perm = append(perm, k)
			dims = append(dims, d)
		case keep:
			dims = append(dims, 1)
		}
	}
	for k := range x.dims {
		if slices.Contains(axes, k) {
			perm = append(perm, k)
		}
	}
	return perm, dims
}

// sum adds pairwise, whose error grows with the logarithm of the length only.
func sum(v []float64) float64 {
	if len(v) > 128 {
		half := len(v) / 2
		return sum(v[:half]) + sum(v[half:])
	}
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

func total(v []int64) int64 {
	s := int64(0)
	for _, x := range v {
		s += x
	}
	return s
}

func prod[T int64 | float64](v []T) T {
	p := T(1)
	for _, x := range v {
		p *= x
	}
	return p
}

func norm(v []float64) float64 {
	squares := make([]float64, len(v))
	for k, x := range v {
		squares[k] = x * x
	}
	return math.Sqrt(sum(squares))
}

// logSumExp subtracts the maximum first, so that nothing overflows.
func logSumExp(v []float64) float64 {
	m := highest(math.Inf(-1))(v)
	if math.IsInf(m, 0) {
		return m
	}
	shifted := make([]float64, len(v))
	for k, x := range v {
		shifted[k] = math.Exp(x - m)
	}
	return m + math.Log(sum(shifted))
}

// highest returns the maximum of a row, start for an empty one, NaN if any
// element is.
func highest[T int64 | float64](start T) func([]T) T {
	return func(v []T) T {
		m := start
		for _, x := range v {
			m = max(m, x)
		}
		return m
	}
}

func lowest[T int64 | float64](start T) func([]T) T {
	return func(v []T) T {
		m := start
		for _, x := range v {
			m = min(m, x)
		}
		return m
	}
}

// extremes returns the range of an integer type.
func extremes(d tensor.DType) (low, high int64) {
	if d == tensor.Int32 {
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func reduceMax(c *call) (*array, error) {
	low, _ := extremes(c.in[0].dtype)
	return reduction(highest(math.Inf(-1)), highest(low))(c)
}

func reduceMin(c *call) (*array, error) {
	_, high := extremes(c.in[0].dtype)
	return reduction(lowest(math.Inf(1)), lowest(high))(c)
}

func reduceMean(c *call) (*array, error) {
	empty := false
	out, err := reduction(func(v []float64) float64 {
		return sum(v) / float64(len(v))
	}, func(v []int64) int64 {
		if len(v) == 0 {
			empty = true
			return 0
		}
		return total(v) / int64(len(v))
	})(c)
	if err == nil && empty {
		return nil, errors.New("the mean of no integers")
	}
	return out, err
}
