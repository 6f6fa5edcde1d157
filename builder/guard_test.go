package builder_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestGuards: at run time, sizes that contradict the letters end the run, on
// every engine; those that fit run, sizes of 0 and 1 included.
func TestGuards(t *testing.T) {
	for _, c := range []struct {
		name      string
		a, b      tensor.Shape
		good, bad [][2][]int64
	}{
		{"same shape", tensor.Of("N", "D"), tensor.Of("N", "D"),
			[][2][]int64{{{2, 3}, {2, 3}}, {{1, 1}, {1, 1}}, {{0, 3}, {0, 3}}, {{3, 0}, {3, 0}}},
			[][2][]int64{{{2, 3}, {2, 1}}, {{2, 3}, {1, 3}}, {{2, 3}, {3, 2}}, {{2, 3}, {1, 1}}, {{1, 3}, {2, 3}}, {{2, 3}, {2, 0}}}},
		{"row", tensor.Of("N", "D"), tensor.Of("N"),
			[][2][]int64{{{2, 3}, {2}}, {{1, 3}, {1}}, {{0, 3}, {0}}},
			[][2][]int64{{{2, 3}, {1}}, {{2, 3}, {3}}, {{2, 3}, {6}}, {{1, 3}, {2}}}},
		{"inner axes", tensor.Of("N", "C", "H"), tensor.Of("N", "H"),
			[][2][]int64{{{2, 3, 4}, {2, 4}}},
			[][2][]int64{{{2, 3, 4}, {2, 3}}, {{2, 3, 4}, {4, 2}}, {{2, 3, 4}, {2, 1}}, {{2, 3, 4}, {8, 1}}}},
		{"square", tensor.Of("N", "N"), tensor.Of("N"),
			[][2][]int64{{{3, 3}, {3}}},
			[][2][]int64{{{3, 2}, {3}}, {{2, 3}, {2}}, {{3, 1}, {3}}, {{1, 3}, {1}}}},
		{"with a number", tensor.Of("N", 4), tensor.Of(1, "N"),
			[][2][]int64{{{3, 4}, {1, 3}}},
			[][2][]int64{{{3, 4}, {1, 4}}, {{3, 4}, {1, 1}}}},
		{"new letter", tensor.Of("N"), tensor.Of("N", "M"),
			[][2][]int64{{{3}, {3, 7}}, {{3}, {3, 1}}, {{0}, {0, 2}}},
			[][2][]int64{{{3}, {2, 7}}, {{3}, {1, 3}}, {{3}, {7, 3}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, func(b *builder.B) {
				x, y := b.Input("x", f64, c.a), b.Input("y", f64, c.b)
				b.Output("sum", x.Sum().Add(y.Sum()))
			})
			for _, e := range engines(t) {
				s := open(t, e, g)
				try := func(dims [2][]int64) error {
					_, err := s.Run(t.Context(), tensors{"x": tensor.New(f64, dims[0]...), "y": tensor.New(f64, dims[1]...)})
					return err
				}
				for _, dims := range c.good {
					if err := try(dims); err != nil {
						t.Errorf("%s: %v: %v", e.Name(), dims, err)
					}
				}
				for _, dims := range c.bad {
					if try(dims) == nil {
						t.Errorf("%s: %v runs as %v and %v", e.Name(), dims, c.a, c.b)
					}
				}
			}
		})
	}
}
