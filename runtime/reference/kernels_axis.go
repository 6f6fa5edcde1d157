package reference

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// The operators that work along one axis.
var axisKernels = []row{
	{op: "Softmax", min: 1, max: 1, attrs: "axis=i", run: normalization(softmax)},
	{op: "LogSoftmax", min: 1, max: 1, attrs: "axis=i", run: normalization(logSoftmax)},
	{op: "ArgMax", min: 1, max: 1, attrs: "axis=i keepdims=i select_last_index=i", run: argBest(1)},
	{op: "ArgMin", min: 1, max: 1, attrs: "axis=i keepdims=i select_last_index=i", run: argBest(-1)},
	{op: "CumSum", min: 2, max: 2, attrs: "exclusive=i reverse=i", run: cumSum},
	{op: "TopK", min: 2, max: 2, attrs: "axis=i largest=i sorted=i", runMany: topK},
}

// lane is the extent of one axis: the elements of one lane start at
// o*size*inner + i (o < outer, i < inner) and are inner apart.
type lane struct{ outer, size, inner int }

func laneOf(dims []int, axis int) lane {
	return lane{product(dims[:axis]), dims[axis], product(dims[axis+1:])}
}

// each calls visit with every lane's number and the position of its first
// element.
func (l lane) each(visit func(number, start int)) {
	for o := range l.outer {
		for i := range l.inner {
			visit(o*l.inner+i, o*l.size*l.inner+i)
		}
	}
}

// normalization rewrites every lane of a float value in place of a copy.
func normalization(f func(row []float64)) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.floats(); err != nil {
			return nil, err
		}
		x := c.in[0]
		axis, err := c.axis("axis", -1, x.rank())
		if err != nil {
			return nil, err
		}
		out, err := newArray(x.dtype, x.dims, c.limit)
		if err != nil || out.len() == 0 {
			return out, err
		}
		l := laneOf(x.dims, axis)
		line := make([]float64, l.size)
		l.each(func(_, start int) {
			for k := range line {
				line[k] = x.f[start+k*l.inner]
			}
			f(line)
			for k, v := range line {
				out.f[start+k*l.inner] = v
			}
		})
		return out, nil
	}
}

func softmax(v []float64) {
	m := highest(math.Inf(-1))(v)
	for k, x := range v {
		v[k] = math.Exp(x - m)
	}
	s := sum(v)
	for k := range v {
		v[k] /= s
	}
}

func logSoftmax(v []float64) {
	m := highest(math.Inf(-1))(v)
	e := make([]float64, len(v))
	for k, x := range v {
		e[k] = math.Exp(x - m)
	}
	s := math.Log(sum(e))
	for k := range v {
		v[k] = v[k] - m - s
	}
}

// argMax takes a NaN for the maximum, as numpy does.
func argBest(sign int) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		return argBestOf(c, sign)
	}
}

func argBestOf(c *call, sign int) (*array, error) {
	x := c.in[0]
	if x.dtype == tensor.Bool {
		return nil, fmt.Errorf("input 0 is %v, want numbers", x)
	}
	axis, err := c.axis("axis", 0, x.rank())
	if err != nil {
		return nil, err
	}
	_, dims := c.split(x, []int{axis})
	out, err := newArray(tensor.Int64, dims, c.limit)
	if err != nil {
		return nil, err
	}
	if len(out.i) == 0 {
		return out, nil
	}
	if x.dims[axis] == 0 {
		return nil, fmt.Errorf("axis %d of %v has no best element", axis, x)
	}
	last := c.intAttr("select_last_index", 0) != 0
	l := laneOf(x.dims, axis)
	l.each(func(number, start int) {
		best := 0
		for k := 1; k < l.size; k++ {
			order := sign * compareAt(x, start+k*l.inner, start+best*l.inner)
			if order > 0 || order == 0 && last {
				best = k
			}
		}
		out.i[number] = int64(best)
	})
	return out, nil
}

// compareAt orders two elements of one array; NaN is above everything.
func compareAt(x *array, p, q int) int {
	if x.dtype.IsInt() {
		return cmp.Compare(x.i[p], x.i[q])
	}
	a, b := x.f[p], x.f[q]
	switch {
	case a > b, math.IsNaN(a) && !math.IsNaN(b):
		return 1
	case a < b, math.IsNaN(b) && !math.IsNaN(a):
		return -1
	}
	return 0
}

func cumSum(c *call) (*array, error) {
	x, at := c.in[0], c.in[1]
	if x.dtype == tensor.Bool {
		return nil, fmt.Errorf("input 0 is %v, want numbers", x)
	}
	if !at.dtype.IsInt() || at.rank() > 1 || at.len() != 1 {
		return nil, fmt.Errorf("axis is %v, want one integer", at)
	}
	axis, err := normalAxis(at.i[0], x.rank())
	if err != nil {
		return nil, err
	}
	out, err := newArray(x.dtype, x.dims, c.limit)
	if err != nil {
		return nil, err
	}
	exclusive, reverse := c.intAttr("exclusive", 0) != 0, c.intAttr("reverse", 0) != 0
	accumulate(laneOf(x.dims, axis), out.f, x.f, exclusive, reverse)
	accumulate(laneOf(x.dims, axis), out.i, x.i, exclusive, reverse)
	return out.wrap(), nil
}

func accumulate[T int64 | float64](l lane, out, x []T, exclusive, reverse bool) {
	if len(out) == 0 {
		return
	}
	l.each(func(_, start int) {
		var s T
		for k := range l.size {
			at := start + k*l.inner
			if reverse {
				at = start + (l.size-1-k)*l.inner
			}
			if exclusive {
				out[at] = s
			}
			s += x[at]
			if !exclusive {
				out[at] = s
			}
		}
	})
}

// topK always sorts; of equal elements the one with the lower index comes
// first, and a NaN counts as larger than everything.
func topK(c *call) ([]*array, error) {
	x, count := c.in[0], c.in[1]
	if x.dtype == tensor.Bool || !count.dtype.IsInt() || count.rank() > 1 || count.len() != 1 {
		return nil, fmt.Errorf("inputs are %v and %v, want numbers and one integer", x, count)
	}
	axis, err := c.axis("axis", -1, x.rank())
	if err != nil {
		return nil, err
	}
	l := laneOf(x.dims, axis)
	n := count.i[0]
	if n < 0 || n > int64(l.size) {
		return nil, fmt.Errorf("k is %d for an axis of size %d", n, l.size)
	}
	dims := slices.Clone(x.dims)
	dims[axis] = int(n)
	values, err := newArray(x.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	places, err := newArray(tensor.Int64, dims, c.limit)
	if err != nil {
		return nil, err
	}
	if places.len() == 0 {
		return []*array{values, places}, nil
	}
	direction := -1
	if c.intAttr("largest", 1) == 0 {
		direction = 1
	}
	picked := make([]int, places.len()) // positions in x
	order := make([]int, l.size)
	l.each(func(number, start int) {
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(p, q int) int {
			return direction * compareAt(x, start+p*l.inner, start+q*l.inner)
		})
		first := number/l.inner*int(n)*l.inner + number%l.inner
		for k, p := range order[:n] {
			places.i[first+k*l.inner] = int64(p)
			picked[first+k*l.inner] = start + p*l.inner
		}
	})
	values.takeBlocks(x, picked, 1)
	return []*array{values, places}, nil
}
