package reference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

var binaryKernels = []row{
	{op: "Add", min: 2, max: 2, run: arithmetic(func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b })},
	{op: "Sub", min: 2, max: 2, run: arithmetic(func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b })},
	{op: "Mul", min: 2, max: 2, run: arithmetic(func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b })},
	{op: "Div", min: 2, max: 2, run: nonzero(func(a, b float64) float64 { return a / b }, func(a, b int64) int64 { return a / b })},
	{op: "Mod", min: 2, max: 2, attrs: "fmod=i", run: mod},
	{op: "Pow", min: 2, max: 2, run: pow},
	{op: "Max", min: 1, max: many, run: fold(func(a, b float64) float64 { return max(a, b) }, func(a, b int64) int64 { return max(a, b) })},
	{op: "Min", min: 1, max: many, run: fold(func(a, b float64) float64 { return min(a, b) }, func(a, b int64) int64 { return min(a, b) })},
	{op: "Equal", min: 2, max: 2, run: equal},
	{op: "Greater", min: 2, max: 2, run: compare(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b })},
	{op: "GreaterOrEqual", min: 2, max: 2, run: compare(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b })},
	{op: "Less", min: 2, max: 2, run: compare(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b })},
	{op: "LessOrEqual", min: 2, max: 2, run: compare(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b })},
	{op: "And", min: 2, max: 2, run: logical(func(a, b bool) bool { return a && b })},
	{op: "Or", min: 2, max: 2, run: logical(func(a, b bool) bool { return a || b })},
	{op: "Xor", min: 2, max: 2, run: logical(func(a, b bool) bool { return a != b })},
	{op: "Where", min: 3, max: 3, run: where},
}

// zip applies f to the elements of two operands under broadcasting.
func zip[A, B, R any](w *walk, out []R, a []A, b []B, f func(A, B) R) {
	n, steps := w.row()
	sa, sb := steps[0], steps[1]
	w.each(func(pos int, off []int) {
		ia, ib := off[0], off[1]
		for k := pos; k < pos+n; k++ {
			out[k] = f(a[ia], b[ib])
			ia += sa
			ib += sb
		}
	})
}

// pair prepares a broadcasting operation of two inputs.
func (c *call) pair(dtype tensor.DType) (*walk, *array, error) {
	a, b := c.in[0], c.in[1]
	dims, err := broadcast(a.dims, b.dims)
	if err != nil {
		return nil, nil, err
	}
	out, err := newArray(dtype, dims, c.limit)
	if err != nil {
		return nil, nil, err
	}
	return newWalk(dims, stretched(a.dims, dims), stretched(b.dims, dims)), out, nil
}

func arithmetic(onFloat func(a, b float64) float64, onInt func(a, b int64) int64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.sameType(0, false); err != nil {
			return nil, err
		}
		a, b := c.in[0], c.in[1]
		w, out, err := c.pair(a.dtype)
		if err != nil {
			return nil, err
		}
		if a.dtype.IsFloat() {
			zip(w, out.f, a.f, b.f, onFloat)
		} else {
			zip(w, out.i, a.i, b.i, onInt)
		}
		return out.wrap(), nil
	}
}

// nonzero is arithmetic that refuses an integer divisor of 0.
func nonzero(onFloat func(a, b float64) float64, onInt func(a, b int64) int64) func(*call) (*array, error) {
	run := arithmetic(onFloat, onInt)
	return func(c *call) (*array, error) {
		if slices.Contains(c.in[1].i, 0) {
			return nil, errors.New("integer division by 0")
		}
		return run(c)
	}
}

// mod has the dividend's sign with fmod=1, else the divisor's, which the
// standard allows for integers only.
func mod(c *call) (*array, error) {
	if c.intAttr("fmod", 0) != 0 {
		return nonzero(math.Mod, func(a, b int64) int64 { return a % b })(c)
	}
	if c.in[0].dtype.IsFloat() {
		return nil, errors.New("floats need fmod=1")
	}
	return nonzero(nil, func(a, b int64) int64 {
		r := a % b
		if r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r
	})(c)
}

// pow has the base's dtype; the exponent may have another.
func pow(c *call) (*array, error) {
	x, y := c.in[0], c.in[1]
	if x.dtype == tensor.Bool || y.dtype == tensor.Bool {
		return nil, fmt.Errorf("inputs are %v and %v, want numbers", x, y)
	}
	w, out, err := c.pair(x.dtype)
	if err != nil {
		return nil, err
	}
	toInt := truncation(x.dtype)
	switch {
	case x.dtype.IsFloat() && y.dtype.IsFloat():
		zip(w, out.f, x.f, y.f, math.Pow)
	case x.dtype.IsFloat():
		zip(w, out.f, x.f, y.i, func(a float64, b int64) float64 { return math.Pow(a, float64(b)) })
	case y.dtype.IsFloat():
		zip(w, out.i, x.i, y.f, func(a int64, b float64) int64 { return toInt(math.Pow(float64(a), b)) })
	default:
		zip(w, out.i, x.i, y.i, func(a, b int64) int64 {
			if b < 0 {
				return toInt(math.Pow(float64(a), float64(b)))
			}
			return intPow(a, b)
		})
	}
	return out.wrap(), nil
}

// intPow squares and multiplies, wrapping around on overflow.
func intPow(a, b int64) int64 {
	r := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			r *= a
		}
		a *= a
	}
	return r
}

// fold reduces any number of operands from the left.
func fold(onFloat func(a, b float64) float64, onInt func(a, b int64) int64) func(*call) (*array, error) {
	run := arithmetic(onFloat, onInt)
	return func(c *call) (*array, error) {
		acc := c.in[0]
		if acc.dtype == tensor.Bool {
			return nil, fmt.Errorf("input 0 is %v, want numbers", acc)
		}
		for k, next := range c.in[1:] {
			if next == nil {
				return nil, fmt.Errorf("input %d is absent", k+1)
			}
			var err error
			if acc, err = run(&call{in: []*array{acc, next}, limit: c.limit}); err != nil {
				return nil, err
			}
		}
		return acc, nil
	}
}

func compare(onFloat func(a, b float64) bool, onInt func(a, b int64) bool) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.sameType(0, false); err != nil {
			return nil, err
		}
		w, out, err := c.pair(tensor.Bool)
		if err != nil {
			return nil, err
		}
		if a, b := c.in[0], c.in[1]; a.dtype.IsFloat() {
			zip(w, out.b, a.f, b.f, onFloat)
		} else {
			zip(w, out.b, a.i, b.i, onInt)
		}
		return out, nil
	}
}

func equal(c *call) (*array, error) {
	if c.in[0].dtype == tensor.Bool {
		return logical(func(a, b bool) bool { return a == b })(c)
	}
	return compare(func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b })(c)
}

func logical(f func(a, b bool) bool) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		a, b := c.in[0], c.in[1]
		if a.dtype != tensor.Bool || b.dtype != tensor.Bool {
			return nil, fmt.Errorf("inputs are %v and %v, want bool", a, b)
		}
		w, out, err := c.pair(tensor.Bool)
		if err != nil {
			return nil, err
		}
		zip(w, out.b, a.b, b.b, f)
		return out, nil
	}
}

func where(c *call) (*array, error) {
	cond, x, y := c.in[0], c.in[1], c.in[2]
	if cond.dtype != tensor.Bool {
		return nil, fmt.Errorf("input 0 is %v, want bool", cond)
	}
	if err := c.sameType(1, true); err != nil {
		return nil, err
	}
	dims, err := broadcast(x.dims, y.dims)
	if err != nil {
		return nil, err
	}
	if dims, err = broadcast(cond.dims, dims); err != nil {
		return nil, err
	}
	out, err := newArray(x.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	w := newWalk(dims, stretched(cond.dims, dims), stretched(x.dims, dims), stretched(y.dims, dims))
	choose(w, out.f, cond.b, x.f, y.f)
	choose(w, out.i, cond.b, x.i, y.i)
	choose(w, out.b, cond.b, x.b, y.b)
	return out, nil
}

func choose[T any](w *walk, out []T, cond []bool, x, y []T) {
	if len(out) == 0 {
		return
	}
	n, steps := w.row()
	w.each(func(pos int, off []int) {
		ic, ix, iy := off[0], off[1], off[2]
		for k := pos; k < pos+n; k++ {
			if cond[ic] {
				out[k] = x[ix]
			} else {
				out[k] = y[iy]
			}
			ic += steps[0]
			ix += steps[1]
			iy += steps[2]
		}
	})
}
