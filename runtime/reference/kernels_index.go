package reference

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

var indexKernels = []row{
	{op: "Gather", min: 2, max: 2, attrs: "axis=i", run: gather},
	{op: "GatherElements", min: 2, max: 2, attrs: "axis=i", run: gatherElements},
	{op: "Compress", min: 2, max: 2, attrs: "axis=i!", run: compress},
	{op: "GatherND", min: 2, max: 2, attrs: "batch_dims=i", run: gatherND},
	{op: "ScatterElements", min: 3, max: 3, attrs: "axis=i reduction=s", run: scatterElements},
}

// place turns an index into one from the front of an axis of size n.
func place(index int64, n int) (int, error) {
	if index < int64(-n) || index >= int64(n) {
		return 0, fmt.Errorf("index %d is out of bounds for an axis of size %d", index, n)
	}
	if index < 0 {
		index += int64(n)
	}
	return int(index), nil
}

// indices returns input 1 if it holds integers.
func (c *call) indices() (*array, error) {
	if a := c.in[1]; a.dtype.IsInt() {
		return a, nil
	}
	return nil, fmt.Errorf("indices are %v, want integers", c.in[1])
}

// takeBlocks fills a with blocks of n elements of src that start at the given
// positions.
func (a *array) takeBlocks(src *array, starts []int, n int) {
	takeBlocks(a.f, src.f, starts, n)
	takeBlocks(a.i, src.i, starts, n)
	takeBlocks(a.b, src.b, starts, n)
}

func takeBlocks[T any](dst, src []T, starts []int, n int) {
	if len(dst) == 0 {
		return
	}
	for k, s := range starts {
		if n == 1 {
			dst[k] = src[s]
			continue
		}
		copy(dst[k*n:(k+1)*n], src[s:])
	}
}

func gather(c *call) (*array, error) {
	x := c.in[0]
	at, err := c.indices()
	if err != nil {
		return nil, err
	}
	axis, err := c.axis("axis", 0, x.rank())
	if err != nil {
		return nil, err
	}
	out, err := newArray(x.dtype, slices.Concat(x.dims[:axis], at.dims, x.dims[axis+1:]), c.limit)
	if err != nil {
		return nil, err
	}
	l := laneOf(x.dims, axis)
	places := make([]int, at.len())
	for k, v := range at.i {
		if places[k], err = place(v, l.size); err != nil {
			return nil, err
		}
	}
	if out.len() == 0 {
		return out, nil
	}
	starts := make([]int, 0, l.outer*len(places))
	for o := range l.outer {
		for _, p := range places {
			starts = append(starts, (o*l.size+p)*l.inner)
		}
	}
	out.takeBlocks(x, starts, l.inner)
	return out, nil
}

// compress keeps the places of an axis where a list of bools, which may be shorter,
// holds.
func compress(c *call) (*array, error) {
	x, mask := c.in[0], c.in[1]
	axis, err := c.axis("axis", 0, x.rank())
	if err != nil {
		return nil, err
	}
	l := laneOf(x.dims, axis)
	if mask.dtype != tensor.Bool || mask.rank() != 1 || mask.len() > l.size {
		return nil, fmt.Errorf("the condition is %v, want at most %d bools", mask, l.size)
	}
	var starts []int
	kept := 0
	for o := range l.outer {
		kept = 0
		for p, keep := range mask.b {
			if keep {
				starts = append(starts, (o*l.size+p)*l.inner)
				kept++
			}
		}
	}
	dims := slices.Clone(x.dims)
	dims[axis] = kept
	out, err := newArray(x.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	out.takeBlocks(x, starts, l.inner)
	return out, nil
}

// elementPositions returns, for every element of indices, the position in x
// that it addresses along the axis.
func (c *call) elementPositions(x *array) (at *array, positions []int, err error) {
	if at, err = c.indices(); err != nil {
		return nil, nil, err
	}
	axis, err := c.axis("axis", 0, x.rank())
	if err != nil {
		return nil, nil, err
	}
	fits := at.rank() == x.rank()
	for k := 0; fits && k < x.rank(); k++ {
		fits = k == axis || at.dims[k] <= x.dims[k]
	}
	if !fits {
		return nil, nil, fmt.Errorf("indices %v do not fit %v along axis %d", at, x, axis)
	}
	strides := contiguous(x.dims)
	step, size := strides[axis], x.dims[axis]
	strides[axis] = 0
	positions = make([]int, at.len())
	w := newWalk(at.dims, strides)
	n, steps := w.row()
	w.each(func(pos int, off []int) {
		for k := range n {
			p, bad := place(at.i[pos+k], size)
			if bad != nil && err == nil {
				err = bad
			}
			positions[pos+k] = off[0] + k*steps[0] + p*step
		}
	})
	return at, positions, err
}

func gatherElements(c *call) (*array, error) {
	x := c.in[0]
	at, positions, err := c.elementPositions(x)
	if err != nil {
		return nil, err
	}
	out, err := newArray(x.dtype, at.dims, c.limit)
	if err != nil {
		return nil, err
	}
	out.takeBlocks(x, positions, 1)
	return out, nil
}

// scatterElements writes in the order of the updates: with reduction "none" the
// last one wins.
func scatterElements(c *call) (*array, error) {
	x, updates := c.in[0], c.in[2]
	at, positions, err := c.elementPositions(x)
	if err != nil {
		return nil, err
	}
	if updates.dtype != x.dtype || !equalInts(updates.dims, at.dims) {
		return nil, fmt.Errorf("updates are %v for data %v and indices %v", updates, x, at)
	}
	reduction, _ := c.attrs["reduction"].(string)
	add := reduction == "add"
	if !add && reduction != "" && reduction != "none" || add && x.b != nil {
		return nil, fmt.Errorf("reduction %q of %v: %w", reduction, x, ErrNoKernel)
	}
	out := *x
	out.f, out.i, out.b = slices.Clone(x.f), slices.Clone(x.i), slices.Clone(x.b)
	for k, p := range positions {
		switch {
		case out.f != nil && add:
			out.f[p] += updates.f[k]
		case out.f != nil:
			out.f[p] = updates.f[k]
		case out.i != nil && add:
			out.i[p] += updates.i[k]
		case out.i != nil:
			out.i[p] = updates.i[k]
		default:
			out.b[p] = updates.b[k]
		}
	}
	return out.wrap(), nil
}

func gatherND(c *call) (*array, error) {
	x := c.in[0]
	at, err := c.indices()
	if err != nil {
		return nil, err
	}
	batch := c.intAttr("batch_dims", 0)
	if x.rank() == 0 || at.rank() == 0 || batch < 0 || batch >= int64(min(x.rank(), at.rank())) {
		return nil, fmt.Errorf("indices %v do not fit %v with batch_dims %d", at, x, batch)
	}
	b, last := int(batch), at.rank()-1
	depth := at.dims[last]
	if !equalInts(x.dims[:b], at.dims[:b]) || depth > x.rank()-b {
		return nil, fmt.Errorf("indices %v do not fit %v with batch_dims %d", at, x, batch)
	}
	out, err := newArray(x.dtype, slices.Concat(at.dims[:last], x.dims[b+depth:]), c.limit)
	if err != nil {
		return nil, err
	}
	if out.len() == 0 && depth == 0 {
		return out, nil
	}
	strides := contiguous(x.dims)
	tuples, perBatch := product(at.dims[:last]), product(at.dims[b:last])
	starts := make([]int, tuples)
	for k := range starts {
		starts[k] = k / max(perBatch, 1) * product(x.dims[b:])
		for j, v := range at.i[k*depth : (k+1)*depth] {
			p, err := place(v, x.dims[b+j])
			if err != nil {
				return nil, err
			}
			starts[k] += p * strides[b+j]
		}
	}
	out.takeBlocks(x, starts, product(x.dims[b+depth:]))
	return out, nil
}
