package reference

import "fmt"

// contiguous returns the strides of a dense row-major array.
func contiguous(dims []int) []int {
	s := make([]int, len(dims))
	step := 1
	for k := len(dims) - 1; k >= 0; k-- {
		s[k] = step
		step *= dims[k]
	}
	return s
}

// broadcast returns the sizes of an elementwise operation, as numpy does it.
func broadcast(a, b []int) ([]int, error) {
	n := max(len(a), len(b))
	out := make([]int, n)
	for k := range n {
		x, y := 1, 1
		if j := k - n + len(a); j >= 0 {
			x = a[j]
		}
		if j := k - n + len(b); j >= 0 {
			y = b[j]
		}
		switch {
		case x == y, y == 1:
			out[k] = x
		case x == 1:
			out[k] = y
		default:
			return nil, fmt.Errorf("cannot broadcast %s with %s", sizes(a), sizes(b))
		}
	}
	return out, nil
}

// stretched returns the strides that read an array of sizes dims as one of the
// sizes to, which dims broadcasts to: 0 along the axes that are repeated.
func stretched(dims, to []int) []int {
	own := contiguous(dims)
	out := make([]int, len(to))
	shift := len(to) - len(dims)
	for k, d := range dims {
		if d != 1 {
			out[shift+k] = own[k]
		}
	}
	return out
}

// walk visits the positions of an array row by row, together with the matching
// offsets into strided operands.
type walk struct {
	dims    []int
	strides [][]int // one list per operand
	offsets []int
}

// newWalk drops axes of size 1 and joins neighbors that every operand steps
// through evenly, so that rows are as long as possible.
func newWalk(dims []int, strides ...[]int) *walk {
	w := &walk{strides: make([][]int, len(strides)), offsets: make([]int, len(strides))}
	for k, d := range dims {
		if d == 1 {
			continue
		}
		last := len(w.dims) - 1
		if last >= 0 && w.joins(last, strides, k, d) {
			w.dims[last] *= d
			for o := range strides {
				w.strides[o][last] = strides[o][k]
			}
			continue
		}
		w.dims = append(w.dims, d)
		for o := range strides {
			w.strides[o] = append(w.strides[o], strides[o][k])
		}
	}
	if len(w.dims) == 0 {
		w.dims = []int{1}
		for o := range strides {
			w.strides[o] = []int{0}
		}
	}
	return w
}

func (w *walk) joins(last int, strides [][]int, k, d int) bool {
	for o := range strides {
		if w.strides[o][last] != strides[o][k]*d {
			return false
		}
	}
	return true
}

// row returns the length of a row and the operands' steps along it.
func (w *walk) row() (n int, steps []int) {
	last := len(w.dims) - 1
	steps = make([]int, len(w.strides))
	for o, s := range w.strides {
		steps[o] = s[last]
	}
	return w.dims[last], steps
}

// each calls visit for every row, with the position of its first element and
// the operands' offsets there.
func (w *walk) each(visit func(pos int, off []int)) {
	if product(w.dims) == 0 {
		return
	}
	last := len(w.dims) - 1
	index := make([]int, last)
	off := append([]int{}, w.offsets...)
	for pos := 0; ; pos += w.dims[last] {
		visit(pos, off)
		k := last - 1
		for ; k >= 0; k-- {
			index[k]++
			for o := range off {
				off[o] += w.strides[o][k]
			}
			if index[k] < w.dims[k] {
				break
			}
			for o := range off {
				off[o] -= w.strides[o][k] * w.dims[k]
			}
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// read copies a strided view of a, starting at offset, into a new array.
func (c *call) read(a *array, dims, strides []int, offset int) (*array, error) {
	out, err := newArray(a.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	w := newWalk(dims, strides)
	w.offsets[0] = offset
	copyWalk(w, out.f, a.f)
	copyWalk(w, out.i, a.i)
	copyWalk(w, out.b, a.b)
	return out, nil
}

func copyWalk[T any](w *walk, dst, src []T) {
	if len(dst) == 0 {
		return
	}
	n, steps := w.row()
	step := steps[0]
	w.each(func(pos int, off []int) {
		if step == 1 {
			copy(dst[pos:pos+n], src[off[0]:])
			return
		}
		at := off[0]
		for k := range n {
			dst[pos+k] = src[at]
			at += step
		}
	})
}

// transposed returns a with its axes in the order perm, a itself when that is
// the order it has.
func (c *call) transposed(a *array, perm []int) (*array, error) {
	own := contiguous(a.dims)
	dims, strides := make([]int, len(perm)), make([]int, len(perm))
	same := true
	for k, p := range perm {
		dims[k], strides[k] = a.dims[p], own[p]
		same = same && k == p
	}
	if same {
		return a, nil
	}
	return c.read(a, dims, strides, 0)
}
