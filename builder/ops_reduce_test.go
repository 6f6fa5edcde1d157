package builder_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestLongSum: a float32 sum keeps its digits, whichever axes have the elements and
// whether the file knows their sizes. Values are above 0, so that errors add up.
func TestLongSum(t *testing.T) {
	const n = 1 << 18
	for _, c := range []struct {
		sizes   []int64
		letters []any
		axes    []int
	}{
		{[]int64{n}, []any{"P"}, []int{0}},
		{[]int64{2, 3, n}, []any{"N", "C", "P"}, []int{2}},
		{[]int64{n, 3}, []any{"N", "C"}, []int{0}},
		{[]int64{2, 3, 1, n}, []any{"N", "C", "H", "W"}, []int{2, 3}},
		{[]int64{2, 3, n, 1}, []any{"N", "C", "H", "W"}, []int{2, 3}},
		{[]int64{2, 3, 1 << 9, 1 << 9}, []any{"N", "C", "H", "W"}, []int{0, 2, 3}},
		{[]int64{n, 3, 2, 2}, []any{"N", "C", "H", "W"}, []int{0, 2, 3}},
		{[]int64{3, n}, []any{"N", "C"}, []int{0, 1}},
		{[]int64{2, 3, 2}, []any{"N", "C", "P"}, []int{0, 2}},
		{[]int64{2, 3, 0}, []any{"N", "C", "P"}, []int{2}},
		{[]int64{2, 3, 0, 2}, []any{"N", "C", "H", "W"}, []int{0, 2, 3}},
	} {
		known := make([]any, len(c.sizes))
		for i, size := range c.sizes {
			known[i] = int(size)
		}
		x := tensor.New(tensor.Float32, c.sizes...)
		for i := range x.Len() {
			x.SetFloat(i, float64(float32(0.1+0.7*math.Mod(float64(i)*0.618, 1))))
		}
		for _, dims := range [][]any{c.letters, known} {
			sum := func(axes func(x Value) Value, dtype tensor.DType, options ...builder.Option) *builder.Graph {
				return build(t, func(b *builder.B) { b.Output("sum", axes(b.Input("x", dtype, tensor.Of(dims...)))) }, options...)
			}
			long := func(x Value) Value { return x.LongSum(c.axes...) }
			exact := sum(func(x Value) Value { return x.Cast(f64).SumOver(c.axes...) }, tensor.Float32, builder.Naive)
			for _, e := range engines(t)[len(engines(t))-1:] {
				got := run(t, open(t, e, sum(long, tensor.Float32)), tensors{"x": x})["sum"]
				want := run(t, open(t, e, exact), tensors{"x": x})["sum"]
				for i := range want.Len() {
					if g, w := got.Float(i), want.Float(i); !(math.Abs(g-w) <= 1e-6*math.Abs(w)) {
						t.Errorf("%s %v over %v of %v: %v, want %v", e.Name(), dims, c.axes, c.sizes, g, w)
					}
				}
			}
			if g := sum(long, tensor.Float32, builder.For("accelerator")).Lower(17); builder.Target("accelerator").Check(g, 17) != nil {
				t.Errorf("%v over %v is none for an accelerator: %v", dims, c.axes, builder.Target("accelerator").Check(g, 17))
			}
			if n := count(sum(long, f64).Lower(17), "Cast"); n != 0 {
				t.Errorf("%s: %d casts of float64", fmt.Sprint(dims), n)
			}
		}
	}
}
