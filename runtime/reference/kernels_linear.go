package reference

import (
	"fmt"
	"slices"
)

var linearKernels = []row{
	{op: "Gemm", min: 2, max: 3, attrs: "alpha=f beta=f transA=i transB=i", run: gemm},
	{op: "MatMul", min: 2, max: 2, run: matMul},
}

// multiply adds the product of an m×k and a k×n matrix to out.
func multiply[T int64 | float64](out, a, b []T, m, k, n int) {
	for i := range m {
		line := out[i*n : (i+1)*n]
		for p, v := range a[i*k : (i+1)*k] {
			for j, w := range b[p*n : (p+1)*n] {
				line[j] += v * w
			}
		}
	}
}

// matMul multiplies stacks of matrices as numpy does; a vector is a row on the
// left and a column on the right, and the axis it lent is dropped again.
func matMul(c *call) (*array, error) {
	if err := c.sameType(0, false); err != nil {
		return nil, err
	}
	a, b := c.in[0], c.in[1]
	if a.rank() == 0 || b.rank() == 0 {
		return nil, fmt.Errorf("cannot multiply %v by %v", a, b)
	}
	left, right := a.dims, b.dims
	if a.rank() == 1 {
		left = []int{1, a.dims[0]}
	}
	if b.rank() == 1 {
		right = []int{b.dims[0], 1}
	}
	i, j := len(left)-2, len(right)-2
	m, k, n := left[i], left[i+1], right[j+1]
	stack, err := broadcast(left[:i], right[:j])
	if err != nil || right[j] != k {
		return nil, fmt.Errorf("cannot multiply %v by %v", a, b)
	}
	out, err := newArray(a.dtype, slices.Concat(stack, []int{m, n}), c.limit)
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(stack)
	if a.rank() > 1 {
		dims = append(dims, m)
	}
	if b.rank() > 1 {
		dims = append(dims, n)
	}
	if out.len() == 0 {
		return out.shaped(dims), nil
	}
	w := newWalk(stack, stretched(left[:i], stack), stretched(right[:j], stack))
	length, steps := w.row()
	w.each(func(pos int, off []int) {
		for s := range length {
			x, y, z := (off[0]+s*steps[0])*m*k, (off[1]+s*steps[1])*k*n, (pos+s)*m*n
			if a.dtype.IsFloat() {
				multiply(out.f[z:z+m*n], a.f[x:x+m*k], b.f[y:y+k*n], m, k, n)
			} else {
				multiply(out.i[z:z+m*n], a.i[x:x+m*k], b.i[y:y+k*n], m, k, n)
			}
		}
	})
	return out.wrap().shaped(dims), nil
}

// gemm computes alpha*A*B + beta*C.
func gemm(c *call) (*array, error) {
	if err := c.floats(); err != nil {
		return nil, err
	}
	if err := c.sameType(0, false); err != nil {
		return nil, err
	}
	matrices := []*array{c.in[0], c.in[1]}
	for k, attr := range []string{"transA", "transB"} {
		if matrices[k].rank() != 2 {
			return nil, fmt.Errorf("input %d is %v, want rank 2", k, matrices[k])
		}
		if c.intAttr(attr, 0) != 0 {
			var err error
			if matrices[k], err = c.transposed(matrices[k], []int{1, 0}); err != nil {
				return nil, err
			}
		}
	}
	out, err := matMul(&call{in: matrices, limit: c.limit})
	if err != nil {
		return nil, err
	}
	alpha, beta := c.floatAttr("alpha", 1), c.floatAttr("beta", 1)
	for k := range out.f {
		out.f[k] *= alpha
	}
	bias := c.arg(2)
	if bias == nil {
		return out, nil
	}
	dims, err := broadcast(out.dims, bias.dims)
	if err != nil || !equalInts(dims, out.dims) {
		return nil, fmt.Errorf("input 2 is %v for a product of %s", bias, sizes(out.dims))
	}
	zip(newWalk(dims, stretched(dims, dims), stretched(bias.dims, dims)), out.f, out.f, bias.f,
		func(p, q float64) float64 { return p + beta*q })
	return out, nil
}
