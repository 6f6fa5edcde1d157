package cost

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that move elements.

func shape(c *call) ([]*value, error) {
	dims := c.in[0].dims
	from, to := wrap(c.int("start", 0), len(dims)), wrap(c.int("end", int64(len(dims))), len(dims))
	dims = dims[min(max(from, 0), int64(len(dims))):min(max(to, 0), int64(len(dims)))]
	return []*value{ofInts([]int64{int64(len(dims))}, dims...)}, nil
}

func size(c *call) ([]*value, error) { return []*value{ofInts([]int64{}, c.in[0].count())}, nil }

// reshaped returns the elements of the first input in other sizes.
func (c *call) reshaped(dims []int64) []*value {
	return []*value{{dtype: c.in[0].dtype, dims: dims, ints: c.in[0].ints}}
}

func reshape(c *call) ([]*value, error) {
	x := c.in[0]
	to, err := c.in[1].known()
	if err != nil {
		return nil, err
	}
	dims, open := slices.Clone(to), -1
	for i, n := range dims {
		switch {
		case n == -1:
			open, dims[i] = i, 1
		case n == 0 && c.int("allowzero", 0) == 0:
			dims[i] = x.dims[i]
		}
	}
	if rest := count(dims); open >= 0 && rest > 0 {
		dims[open] = x.count() / rest
	}
	if count(dims) != x.count() || slices.Min(append([]int64{0}, dims...)) < 0 {
		return nil, fmt.Errorf("cannot reshape %v to %v", x.dims, to)
	}
	return c.reshaped(dims), nil
}

func flatten(c *call) ([]*value, error) {
	dims := c.in[0].dims
	axis := c.axis(1, len(dims))
	return c.reshaped([]int64{count(dims[:axis]), count(dims[axis:])}), nil
}

func squeeze(c *call) ([]*value, error) {
	dims := c.in[0].dims
	axes, err := c.axes(1, len(dims))
	if axes == nil {
		for i, n := range dims {
			if n == 1 {
				axes = append(axes, int64(i))
			}
		}
	}
	return c.reshaped(without(dims, axes, false)), err
}

func unsqueeze(c *call) ([]*value, error) {
	added, err := c.in[1].known()
	if err != nil {
		return nil, err
	}
	axes, err := c.axes(1, len(c.in[0].dims)+len(added))
	slices.Sort(axes)
	dims := slices.Clone(c.in[0].dims)
	for _, axis := range axes {
		dims = slices.Insert(dims, int(axis), 1)
	}
	return c.reshaped(dims), err
}

func transpose(c *call) ([]*value, error) {
	dims := c.in[0].dims
	perm, _ := c.attr("perm").([]int64)
	out := make([]int64, len(dims))
	for i := range out {
		out[i] = dims[len(dims)-1-i]
		if perm != nil {
			out[i] = dims[perm[i]]
		}
	}
	return one(c.in[0].dtype, out), nil
}

func expand(c *call) ([]*value, error) {
	to, err := c.in[1].known()
	if err != nil {
		return nil, err
	}
	dims, err := broadcast(c.in[0], &value{dims: to})
	out := one(c.in[0].dtype, dims)
	if err == nil {
		each(out[0], c.in[:1], func(x []int64) int64 { return x[0] })
	}
	return out, err
}

func concat(c *call) ([]*value, error) {
	axis := c.axis(0, len(c.in[0].dims))
	out := &value{dtype: c.in[0].dtype, dims: slices.Clone(c.in[0].dims), ints: []int64{}}
	out.dims[axis] = 0
	for _, v := range c.in {
		out.dims[axis] += v.dims[axis]
		if v.ints == nil || len(out.dims) != 1 {
			out.ints = nil
		} else if out.ints != nil {
			out.ints = append(out.ints, v.ints...)
		}
	}
	return []*value{out}, nil
}

func slice(c *call) ([]*value, error) {
	x := c.in[0]
	var lists [3][]int64 // starts, ends and steps
	for i, at := range []int{1, 2, 4} {
		if c.arg(at) == nil {
			lists[i] = slices.Repeat([]int64{1}, len(lists[0]))
			continue
		}
		known, err := c.arg(at).known()
		if err != nil && at == 2 {
			known, err = slices.Repeat([]int64{math.MaxInt64}, len(lists[0])), nil
			c.run.assumed = append(c.run.assumed, c.node.Inputs[at])
		}
		if err != nil {
			return nil, err
		}
		lists[i] = known
	}
	axes, err := c.axes(3, len(x.dims))
	out := &value{dtype: x.dtype, dims: slices.Clone(x.dims)}
	for i, start := range lists[0] {
		axis := i
		if axes != nil {
			axis = int(axes[i])
		}
		out.dims[axis] = picks(start, lists[1][i], lists[2][i], x.dims[axis])
		if n := out.dims[axis]; x.ints != nil && len(x.dims) == 1 && lists[2][i] == 1 {
			first := min(max(wrap(start, int(x.dims[0])), 0), x.dims[0])
			out.ints = slices.Clone(x.ints[first : first+n])
		}
	}
	return []*value{out}, err
}

// compress keeps as many rows as the size that its mask was given, at most all;
// without an axis, elements of the flat tensor.
func compress(c *call) ([]*value, error) {
	x, mask := c.in[0], c.node.Inputs[1]
	dims := slices.Clone(x.dims)
	if c.attr("axis") == nil {
		dims = []int64{x.count()}
	}
	axis := c.axis(0, len(dims))
	kept, ok := c.run.given[mask]
	if !ok && !slices.Contains(c.run.assumed, mask) {
		c.run.assumed = append(c.run.assumed, mask)
	}
	if ok {
		dims[axis] = min(kept, dims[axis])
	}
	return one(x.dtype, dims), nil
}

// picks counts the indices from start to end by step, on an axis of n elements.
func picks(start, end, step, n int64) int64 {
	start, end = wrap(start, int(n)), wrap(end, int(n))
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		return max(0, (end-start+step-1)/step)
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	return max(0, (start-end-step-1)/-step)
}

func gather(c *call) ([]*value, error) {
	x, index := c.in[0], c.in[1]
	axis := c.axis(0, len(x.dims))
	out := one(x.dtype, slices.Concat(x.dims[:axis], index.dims, x.dims[axis+1:]))
	if x.ints == nil || index.ints == nil || len(x.dims) != 1 {
		return out, nil
	}
	out[0].ints = []int64{}
	for _, i := range index.ints {
		at := wrap(i, len(x.ints))
		if at < 0 || at >= int64(len(x.ints)) {
			return nil, fmt.Errorf("index %d of %d elements", i, len(x.ints))
		}
		out[0].ints = append(out[0].ints, x.ints[at])
	}
	return out, nil
}

func gatherElements(c *call) ([]*value, error) { return one(c.in[0].dtype, c.in[1].dims), nil }

func gatherND(c *call) ([]*value, error) {
	x, index := c.in[0].dims, c.in[1].dims
	last := len(index) - 1
	return one(c.in[0].dtype, slices.Concat(index[:last], x[c.int("batch_dims", 0)+index[last]:])), nil
}

func span(c *call) ([]*value, error) {
	var limits [3]int64 // from, to and step
	for i := range limits {
		known, err := c.in[i].known()
		if err != nil {
			return nil, err
		}
		limits[i] = known[0]
	}
	from, to, step := limits[0], limits[1], limits[2]
	if step == 0 {
		return nil, fmt.Errorf("a step of 0")
	}
	n := max(0, (to-from)/step)
	if n*step != to-from && (to-from)/step >= 0 && (to > from) == (step > 0) {
		n++
	}
	out := &value{dtype: c.in[0].dtype, dims: []int64{n}}
	each(out, nil, func([]int64) int64 { return 0 })
	for i := range out.ints {
		out.ints[i] = from + int64(i)*step
	}
	return []*value{out}, nil
}

func constantNode(c *call) ([]*value, error) {
	switch v := c.node.Attributes[0].Value.(type) {
	case *tensor.Tensor:
		return []*value{constant(v)}, nil
	case int64:
		return []*value{ofInts([]int64{}, v)}, nil
	case []int64:
		return []*value{ofInts([]int64{int64(len(v))}, v...)}, nil
	case []float32:
		return one(tensor.Float32, []int64{int64(len(v))}), nil
	}
	return one(tensor.Float32, []int64{}), nil
}

func constantOfShape(c *call) ([]*value, error) {
	dims, err := c.in[0].known()
	if err != nil {
		return nil, err
	}
	out := one(tensor.Float32, dims)
	if fill, ok := c.attr("value").(*tensor.Tensor); ok {
		out[0].dtype = fill.DType
		if filled := constant(fill); filled.ints != nil {
			each(out[0], nil, func([]int64) int64 { return filled.ints[0] })
		}
	}
	return out, nil
}

func matMul(c *call) ([]*value, error) {
	a, b := slices.Clone(c.in[0].dims), slices.Clone(c.in[1].dims)
	vectorA, vectorB := len(a) == 1, len(b) == 1
	if vectorA {
		a = []int64{1, a[0]}
	}
	if vectorB {
		b = append(b, 1)
	}
	dims, err := broadcast(&value{dims: a[:len(a)-2]}, &value{dims: b[:len(b)-2]})
	if !vectorA {
		dims = append(dims, a[len(a)-2])
	}
	if !vectorB {
		dims = append(dims, b[len(b)-1])
	}
	return one(c.in[0].dtype, dims), err
}

func gemm(c *call) ([]*value, error) {
	rows, columns := c.in[0].dims[0], c.in[1].dims[1]
	if c.int("transA", 0) != 0 {
		rows = c.in[0].dims[1]
	}
	if c.int("transB", 0) != 0 {
		columns = c.in[1].dims[0]
	}
	return one(c.in[0].dtype, []int64{rows, columns}), nil
}

func topK(c *call) ([]*value, error) {
	k, err := c.in[1].known()
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(c.in[0].dims)
	dims[c.axis(-1, len(dims))] = k[0]
	return append(one(c.in[0].dtype, dims), &value{dtype: tensor.Int64, dims: dims}), nil
}
