package reference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

var shapeKernels = []row{
	{op: "Concat", min: 1, max: many, attrs: "axis=i!", run: concat},
	{op: "Constant", min: 0, max: 0, attrs: "value=t value_float=f value_floats=F value_int=i value_ints=I", run: constant},
	{op: "ConstantOfShape", min: 1, max: 1, attrs: "value=t", run: constantOfShape},
	{op: "Expand", min: 2, max: 2, run: expand},
	{op: "Flatten", min: 1, max: 1, attrs: "axis=i", run: flatten},
	{op: "Range", min: 3, max: 3, attrs: "stash_type=i", run: rangeOf}, // sums in float64, whatever it says
	{op: "Reshape", min: 2, max: 2, attrs: "allowzero=i", run: reshape},
	{op: "Shape", min: 1, max: 1, attrs: "start=i end=i", run: shapeOf},
	{op: "Size", min: 1, max: 1, run: sizeOf},
	{op: "Slice", min: 3, max: 5, run: slice},
	{op: "Squeeze", min: 1, max: 2, attrs: "axes=I", run: squeeze},
	{op: "Transpose", min: 1, max: 1, attrs: "perm=I", run: transpose},
	{op: "Unsqueeze", min: 1, max: 2, attrs: "axes=I", run: unsqueeze},
}

func concat(c *call) (*array, error) {
	first := c.in[0]
	axis, err := c.axis("axis", 0, first.rank())
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	for k, a := range c.in[1:] {
		if a == nil {
			return nil, fmt.Errorf("input %d is absent", k+1)
		}
		if a.dtype != first.dtype || a.rank() != first.rank() {
			return nil, fmt.Errorf("cannot join %v and %v along axis %d", first, a, axis)
		}
		for j, d := range a.dims {
			if j != axis && d != first.dims[j] {
				return nil, fmt.Errorf("cannot join %v and %v along axis %d", first, a, axis)
			}
		}
		dims[axis] += a.dims[axis]
	}
	out, err := newArray(first.dtype, dims, c.limit)
	if err != nil || out.len() == 0 {
		return out, err
	}
	at, whole := 0, product(dims[axis:])
	for _, a := range c.in {
		part := product(a.dims[axis:])
		for o := range product(dims[:axis]) {
			dst, src := o*whole+at, o*part
			copyBlock(out.f, dst, a.f, src, part)
			copyBlock(out.i, dst, a.i, src, part)
			copyBlock(out.b, dst, a.b, src, part)
		}
		at += part
	}
	return out, nil
}

// copyBlock copies n elements between the slices that hold an array's kind; it
// does nothing for the two kinds that it does not have.
func copyBlock[T any](dst []T, to int, src []T, from, n int) {
	if dst != nil && src != nil {
		copy(dst[to:to+n], src[from:from+n])
	}
}

func constant(c *call) (*array, error) {
	if len(c.attrs) != 1 {
		return nil, fmt.Errorf("%d attributes, want exactly one value", len(c.attrs))
	}
	for _, v := range c.attrs {
		switch v := v.(type) {
		case *array:
			return v, nil
		case int64:
			return &array{dtype: tensor.Int64, dims: []int{}, i: []int64{v}}, nil
		case []int64:
			return &array{dtype: tensor.Int64, dims: []int{len(v)}, i: v}, nil
		case float32:
			return &array{dtype: tensor.Float32, dims: []int{}, f: []float64{float64(v)}}, nil
		case []float32:
			out := &array{dtype: tensor.Float32, dims: []int{len(v)}, f: make([]float64, len(v))}
			convert(out.f, v, func(x float32) float64 { return float64(x) })
			return out, nil
		}
	}
	return nil, errors.New("no value")
}

// sizesArg returns a list of sizes given as an input, refusing what does not
// fit in an int.
func (c *call) sizesArg(k int) ([]int, error) {
	list, err := c.ints(k)
	if err != nil {
		return nil, err
	}
	if a := c.in[k]; a.rank() != 1 {
		return nil, fmt.Errorf("input %d is %v, want rank 1", k, a)
	}
	out := make([]int, len(list))
	for j, v := range list {
		if v > math.MaxInt32 || v < math.MinInt32 {
			return nil, fmt.Errorf("size %d is out of range", v)
		}
		out[j] = int(v)
	}
	return out, nil
}

func constantOfShape(c *call) (*array, error) {
	dims, err := c.sizesArg(0)
	if err != nil {
		return nil, err
	}
	value, ok := c.attrs["value"].(*array)
	if !ok {
		value = &array{dtype: tensor.Float32, f: []float64{0}}
	}
	if value.len() != 1 {
		return nil, fmt.Errorf("value is %v, want one element", value)
	}
	return c.read(value, dims, make([]int, len(dims)), 0)
}

func expand(c *call) (*array, error) {
	want, err := c.sizesArg(1)
	if err != nil {
		return nil, err
	}
	dims, err := broadcast(c.in[0].dims, want)
	if err != nil {
		return nil, err
	}
	return c.read(c.in[0], dims, stretched(c.in[0].dims, dims), 0)
}

func flatten(c *call) (*array, error) {
	x := c.in[0]
	axis := c.intAttr("axis", 1)
	if axis < 0 {
		axis += int64(x.rank())
	}
	if axis < 0 || axis > int64(x.rank()) {
		return nil, fmt.Errorf("axis %d of a value of rank %d", c.intAttr("axis", 1), x.rank())
	}
	return x.shaped([]int{product(x.dims[:axis]), product(x.dims[axis:])}), nil
}

func rangeOf(c *call) (*array, error) {
	if err := c.sameType(0, false); err != nil {
		return nil, err
	}
	for k, a := range c.in {
		if a.len() != 1 || a.rank() > 1 {
			return nil, fmt.Errorf("input %d is %v, want one element", k, a)
		}
	}
	if c.in[0].dtype.IsFloat() {
		return floatRange(c, c.in[0].f[0], c.in[1].f[0], c.in[2].f[0])
	}
	return intRange(c, c.in[0].i[0], c.in[1].i[0], c.in[2].i[0])
}

func floatRange(c *call, start, limit, delta float64) (*array, error) {
	n := math.Ceil((limit - start) / delta)
	if delta == 0 || math.IsNaN(n) || n > float64(c.limit) {
		return nil, fmt.Errorf("no range from %v to %v by %v", start, limit, delta)
	}
	out, err := newArray(c.in[0].dtype, []int{int(max(n, 0))}, c.limit)
	if err != nil {
		return nil, err
	}
	for k := range out.f {
		out.f[k] = start + float64(k)*delta
	}
	return out, nil
}

func intRange(c *call, start, limit, delta int64) (*array, error) {
	distance, step := uint64(limit)-uint64(start), uint64(delta)
	if delta < 0 {
		distance, step = uint64(start)-uint64(limit), -uint64(delta)
	}
	if delta == 0 {
		return nil, fmt.Errorf("no range from %d to %d by 0", start, limit)
	}
	n := uint64(0)
	if start < limit == (delta > 0) && start != limit {
		n = (distance-1)/step + 1
	}
	if n > uint64(c.limit) {
		return nil, fmt.Errorf("the range from %d to %d by %d has more than %d elements", start, limit, delta, c.limit)
	}
	out, err := newArray(c.in[0].dtype, []int{int(n)}, c.limit)
	if err != nil {
		return nil, err
	}
	for k := range out.i {
		out.i[k] = start + int64(k)*delta
	}
	return out, nil
}

// reshape refuses sizes below -1 and counts that do not match: models use both
// as run-time guards.
func reshape(c *call) (*array, error) {
	x := c.in[0]
	want, err := c.sizesArg(1)
	if err != nil {
		return nil, err
	}
	fail := func(why string) (*array, error) {
		return nil, fmt.Errorf("cannot reshape %v to %s: %s", x, sizes(want), why)
	}
	allowZero := c.intAttr("allowzero", 0) != 0
	dims, free := slices.Clone(want), -1
	for k, d := range want {
		switch {
		case d < -1:
			return fail(fmt.Sprintf("size %d is negative", d))
		case d == -1 && free >= 0:
			return fail("two sizes are -1")
		case d == -1:
			free, dims[k] = k, 1
		case d == 0 && !allowZero && k >= x.rank():
			return fail(fmt.Sprintf("size 0 copies axis %d, which does not exist", k))
		case d == 0 && !allowZero:
			dims[k] = x.dims[k]
		}
	}
	n, err := count(dims, maxElements)
	if err != nil {
		return fail("the sizes are too large")
	}
	if free >= 0 {
		if n == 0 || x.len()%n != 0 {
			return fail(fmt.Sprintf("size -1 cannot be found from %d elements over %d", x.len(), n))
		}
		dims[free] = x.len() / n
		n = x.len()
	}
	if n != x.len() {
		return fail(fmt.Sprintf("%d elements for %d", x.len(), n))
	}
	return x.shaped(dims), nil
}

func shapeOf(c *call) (*array, error) {
	x := c.in[0]
	bound := func(v int64) int {
		if v < 0 {
			v += int64(x.rank())
		}
		return int(min(max(v, 0), int64(x.rank())))
	}
	start, end := bound(c.intAttr("start", 0)), bound(c.intAttr("end", int64(x.rank())))
	dims := x.dims[start:max(start, end)]
	out := &array{dtype: tensor.Int64, dims: []int{len(dims)}, i: make([]int64, len(dims))}
	convert(out.i, dims, func(d int) int64 { return int64(d) })
	return out, nil
}

func sizeOf(c *call) (*array, error) {
	return &array{dtype: tensor.Int64, dims: []int{}, i: []int64{int64(c.in[0].len())}}, nil
}

func slice(c *call) (*array, error) {
	x := c.in[0]
	starts, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	ends, err := c.ints(2)
	if err != nil {
		return nil, err
	}
	steps, err := c.ints(4)
	if err != nil {
		return nil, err
	}
	axes, given, err := c.axesArg(3, x.rank())
	if err != nil {
		return nil, err
	}
	if !given {
		axes = ascending(len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(axes) > x.rank() || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("%d starts, %d ends and %d axes for %v", len(starts), len(ends), len(axes), x)
	}
	dims, strides, offset := slices.Clone(x.dims), contiguous(x.dims), 0
	for k, axis := range axes {
		step := int64(1)
		if steps != nil {
			step = steps[k]
		}
		if step == 0 {
			return nil, errors.New("a step is 0")
		}
		first, n := extent(starts[k], ends[k], step, int64(x.dims[axis]))
		dims[axis] = int(n)
		offset += int(first) * strides[axis]
		if n > 1 {
			strides[axis] *= int(step)
		}
	}
	return c.read(x, dims, strides, offset)
}

// extent returns the first index and the number of indices of a slice of an
// axis of size n. Bounds beyond the axis are cut to it, as numpy does.
func extent(start, end, step, n int64) (first, count int64) {
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	bound := func(v int64) int64 {
		if v < 0 {
			v += n
		}
		return min(max(v, low), high)
	}
	start, end = bound(start), bound(end)
	switch {
	case step > 0 && start < end:
		return start, (end-start-1)/step + 1
	case step < 0 && start > end:
		return start, (start-end-1)/max(-step, 1) + 1
	}
	return 0, 0
}

func squeeze(c *call) (*array, error) {
	x := c.in[0]
	axes, given, err := c.axesArg(1, x.rank())
	if err != nil {
		return nil, err
	}
	dims := []int{}
	for k, d := range x.dims {
		drop := slices.Contains(axes, k) || !given && d == 1
		if drop && d != 1 {
			return nil, fmt.Errorf("axis %d of %v has not size 1", k, x)
		}
		if !drop {
			dims = append(dims, d)
		}
	}
	return x.shaped(dims), nil
}

func transpose(c *call) (*array, error) {
	x := c.in[0]
	perm := ascending(x.rank())
	slices.Reverse(perm)
	if given, ok := c.attrs["perm"].([]int64); ok {
		seen := make([]bool, x.rank())
		if len(given) != x.rank() {
			return nil, fmt.Errorf("perm %v for %v", given, x)
		}
		for k, p := range given {
			if p < 0 || p >= int64(x.rank()) || seen[p] {
				return nil, fmt.Errorf("perm %v for %v", given, x)
			}
			seen[p] = true
			perm[k] = int(p)
		}
	}
	return c.transposed(x, perm)
}

func unsqueeze(c *call) (*array, error) {
	x := c.in[0]
	listed, _ := c.attrs["axes"].([]int64)
	n := len(listed)
	if list := c.arg(1); list != nil {
		n = list.len()
	}
	axes, given, err := c.axesArg(1, x.rank()+n)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, errors.New("axes are missing")
	}
	dims := make([]int, x.rank()+n)
	next := 0
	for k := range dims {
		if slices.Contains(axes, k) {
			dims[k] = 1
			continue
		}
		dims[k] = x.dims[next]
		next++
	}
	return x.shaped(dims), nil
}
