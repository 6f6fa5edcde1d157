package builder_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// sized is an operation on x [N,D] and y [M,D], and the shape that it has.
type sized struct {
	name, want string
	f          func(b *builder.B, x, y Value) Value
}

func sizedOperations() []sized {
	const end = math.MaxInt64
	both := func(x, y Value) Value { return builder.Concat(0, x, y) }
	return []sized{
		{"Concat", "[M+N,D]", func(_ *builder.B, x, y Value) Value { return both(x, y) }},
		{"Concat of one twice", "[2*N,D]", func(_ *builder.B, x, _ Value) Value { return builder.Concat(0, x, x) }},
		{"Concat with a number", "[N,D+1]", func(_ *builder.B, x, _ Value) Value { return builder.Concat(1, x, x.SumKeep(1)) }},
		{"Concat is the other way round, too", "[M+N,D]", func(_ *builder.B, x, y Value) Value { return both(x, y).Add(both(y, x)) }},
		{"Slice from the front", "[max(N-1,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 1, end) }},
		{"Slice far beyond the end", "[max(N-1,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 1, 1<<40) }},
		{"Slice to before the end", "[max(N-2,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 0, -2) }},
		{"Slice at both ends", "[max(N-3,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 2, -1) }},
		{"Slice of the first", "[N-max(N-2,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 0, 2) }},
		{"Slice in the middle", "[max(N-1,0)-max(N-3,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 1, 3) }},
		{"Slice of the last", "[N-max(N-2,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, -2, end) }},
		{"Slice of what comes before the last", "[max(N-1,0)-max(N-3,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, -3, -1) }},
		{"Slice between the ends", "[max(N-2*max(N-2,0),0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, -2, 2) }},
		{"Slice of a Slice", "[max(N-3,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 1, end).Slice(0, 1, -1) }},
		{"neighbours", "[max(N-1,0),D]", func(_ *builder.B, x, _ Value) Value { return x.Slice(0, 1, end).Sub(x.Slice(0, 0, -1)) }},
		{"Slice of a known rest", "[N,D]", func(_ *builder.B, x, _ Value) Value { return builder.Concat(0, x.SumKeep(0), x).Slice(0, 1, end) }},
		{"Slice of a known part", "[1,D]", func(_ *builder.B, x, _ Value) Value { return builder.Concat(0, x.SumKeep(0), x).Slice(0, 0, 1) }},
		{"Slice of one", "[D]", func(_ *builder.B, x, _ Value) Value {
			return builder.Concat(0, x.SumKeep(0), x).Slice(0, 0, 1).Squeeze(0)
		}},
		{"Narrow", "[M,D]", func(_ *builder.B, x, y Value) Value { return both(x, y).Narrow(0, x.Shape()[0], y.Shape()[0]).Add(y) }},
		{"Narrow of numbers", "[1,D]", func(_ *builder.B, x, _ Value) Value {
			return builder.Concat(0, x, x.SumKeep(0), x).Narrow(0, x.Shape()[0], tensor.D(1))
		}},
		{"Flatten", "[N,D*M]", func(_ *builder.B, x, y Value) Value {
			return x.Unsqueeze(1).BroadcastTo(tensor.Of("N", "M", "D")).Flatten(1)
		}},
		{"Flatten of forms", "[N,D*max(M-1,0)]", func(_ *builder.B, x, y Value) Value {
			rows := y.Slice(0, 1, end)
			return x.Unsqueeze(1).Add(rows.Unsqueeze(0)).Flatten(-2)
		}},
		{"Reshape", "[D*N]", func(_ *builder.B, x, _ Value) Value { return x.Reshape(tensor.Of("N*D")) }},
		{"Expand to a form", "[2*N+1,D]", func(_ *builder.B, x, _ Value) Value { return x.SumKeep(0).BroadcastTo(tensor.Of("2*N+1", "D")) }},
		{"Expand to a clamped form", "[max(N-M,0),D]", func(_ *builder.B, x, _ Value) Value { return x.SumKeep(0).BroadcastTo(tensor.Of("max(N-M,0)", "D")) }},
		{"Expand to a difference", "[N-max(N-2,0),D]", func(_ *builder.B, x, _ Value) Value {
			return x.SumKeep(0).BroadcastTo(tensor.Of("N-max(N-2,0)", "D"))
		}},
		{"Expand to less than a number", "[max(3-N,0),D]", func(_ *builder.B, x, _ Value) Value { return x.SumKeep(0).BroadcastTo(tensor.Of("max(3-N,0)", "D")) }},
		{"Iota", "[M+2*N+1,1]", func(b *builder.B, x, _ Value) Value { return b.Iota(2, 0, tensor.S("2*N+M+1")).Cast(f64) }},
		{"Count", "[]", func(b *builder.B, _, _ Value) Value { return b.Count(f64, tensor.Of("2*N+1", "M*D", 2)) }},
		{"Prefix", "[prefix?1,D]", func(_ *builder.B, x, y Value) Value { return x.Prefix(0, y.Numel().Cast(tensor.Int64).Unsqueeze(0)) }},
		{"Concat of what only running tells", "[2*prefix?1,D]", func(_ *builder.B, x, y Value) Value {
			first := x.Prefix(0, y.Numel().Cast(tensor.Int64).Unsqueeze(0))
			return builder.Concat(0, first, first.Exp())
		}},
	}
}

// TestSizes: results have the sizes that their forms say, for sizes of 0 on; and so
// have the gradients, on both engines, in graphs as they are written, too.
func TestSizes(t *testing.T) {
	for _, c := range sizedOperations() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, option := range [][]builder.Option{nil, {builder.Naive}} {
				var shape tensor.Shape
				g := build(t, func(b *builder.B) {
					x, y := b.Input("x", f64, tensor.Of("N", "D")), b.Input("y", f64, tensor.Of("M", "D"))
					z := c.f(b, x, y)
					shape = z.Shape()
					b.Output("z", z)
					if !strings.Contains(shape.String(), "prefix") {
						for i, dx := range builder.Grad(z, z.Exp(), x, y) {
							b.Output("d"+name(i), dx)
						}
					}
				}, option...)
				if shape.String() != c.want {
					t.Errorf("the shape is %v, want %s", shape, c.want)
				}
				for _, e := range engines(t) {
					s := open(t, e, g)
					for _, n := range [][3]int64{{4, 3, 2}, {1, 1, 1}, {0, 2, 1}, {2, 0, 3}, {3, 5, 0}, {0, 0, 0}, {2, 1, 4}} {
						checkSizes(t, s, shape, n)
					}
				}
			}
		})
	}
}

func checkSizes(t *testing.T, s runtime.Session, shape tensor.Shape, n [3]int64) {
	t.Helper()
	x, y := tensor.New(f64, n[0], n[2]), tensor.New(f64, n[1], n[2])
	out, err := s.Run(t.Context(), tensors{"x": x, "y": y})
	if err != nil {
		t.Fatalf("sizes %v: %v", n, err)
	}
	letters := map[string]int64{"N": n[0], "M": n[1], "D": n[2], "prefix?1": min(n[0], n[1]*n[2])}
	for i, d := range shape {
		want, err := d.Eval(letters)
		if got := out["z"].Dims[i]; err != nil || got != want {
			t.Errorf("sizes %v: axis %d of %v has %d elements, want %d, %v", n, i, shape, got, want, err)
		}
	}
	for i, in := range []*tensor.Tensor{x, y} {
		if dx := out["d"+name(i)]; dx != nil && !slices.Equal(dx.Dims, in.Dims) {
			t.Errorf("sizes %v: the gradient of %v is %v", n, in, dx)
		}
	}
}

// TestGradientOfBothViews: the parts of a gradient go back to where they come from
// without an addition.
func TestGradientOfBothViews(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N", "D"))
		n := x.Shape()[0]
		all := builder.Concat(0, x.Exp(), x.Neg())
		z := all.Narrow(0, tensor.D(0), n).Square().Sub(all.Narrow(0, n, n).Exp())
		b.Output("dx", builder.Grad(z, z.Like(1), all)[0])
	})
	if got := codes(g.Lower(export.DefaultOpset).Nodes); strings.Contains(got, "Add") || strings.Contains(got, "ConstantOfShape") {
		t.Errorf("the gradient is added up: %s", got)
	}
}

// TestInputsOfForms: an input may have a form of letters, which the run enforces.
func TestInputsOfForms(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x, y := b.Input("x", f64, tensor.Of("N", "2*N")), b.Input("y", f64, tensor.Of("max(N-1,0)", 3, "N"))
		z := b.Input("z", f64, tensor.Of("N+1"))
		b.Output("sum", x.Sum().Add(y.Sum()).Add(z.Sum()))
	})
	for _, e := range engines(t) {
		s := open(t, e, g)
		for _, c := range []struct {
			x, y, z []int64
			good    bool
		}{
			{[]int64{3, 6}, []int64{2, 3, 3}, []int64{4}, true}, {[]int64{0, 0}, []int64{0, 3, 0}, []int64{1}, true},
			{[]int64{3, 3}, []int64{2, 3, 3}, []int64{4}, false}, {[]int64{3, 1}, []int64{2, 3, 3}, []int64{4}, false},
			{[]int64{3, 6}, []int64{3, 3, 3}, []int64{4}, false}, {[]int64{3, 6}, []int64{1, 3, 3}, []int64{4}, false},
			{[]int64{3, 6}, []int64{2, 3, 2}, []int64{4}, false}, {[]int64{3, 6}, []int64{2, 3, 3}, []int64{3}, false},
			{[]int64{3, 6}, []int64{2, 3, 3}, []int64{1}, false},
		} {
			_, err := s.Run(t.Context(), tensors{"x": tensor.New(f64, c.x...), "y": tensor.New(f64, c.y...), "z": tensor.New(f64, c.z...)})
			if (err == nil) != c.good {
				t.Errorf("%s: %v, %v and %v: %v", e.Name(), c.x, c.y, c.z, err)
			}
		}
	}
}

// TestLettersAreTheUsers: no letter is mixed up with a name that a graph invents, and
// no name of an input with that of a result.
func TestLettersAreTheUsers(t *testing.T) {
	for _, letter := range []string{"prefix_1", "kept_6", "joined_1", "rows_1", "size_0", "t0", "c0", "x", "max"} {
		t.Run(letter, func(t *testing.T) {
			g := build(t, func(b *builder.B) {
				x, n := b.Input("T0", f64, tensor.Of("N", letter)), b.Input("c0", tensor.Int64, tensor.Of(1))
				first := x.Prefix(0, n)
				rows := x.Slice(1, 0, 1).Squeeze(1)
				mask := rows.Greater(rows.Like(0))
				b.Output("t1", first.Exp())
				b.Output("kept", x.Compress(mask).Shift(1))
				b.Output("both", builder.Concat(0, first, first))
			})
			shapes := fmt.Sprint(g.Lower(export.DefaultOpset).Outputs)
			if strings.Contains(shapes, "?") || strings.Count(shapes, letter+",") > 0 || strings.Count(shapes, letter+"]") != 3 {
				t.Errorf("the sizes of the results are %s", shapes)
			}
			x := tensor.FromFloats(f64, []int64{3, 2}, []float64{1, 2, -3, 4, 5, 6})
			for _, e := range engines(t) {
				out := run(t, open(t, e, g), tensors{"T0": x, "c0": tensor.FromInts(tensor.Int64, []int64{1}, []int64{2})})
				for name, want := range map[string]string{"t1": "float64[2,2]", "kept": "float64[2,2]", "both": "float64[4,2]"} {
					if got := out[name].String(); got != want {
						t.Errorf("%s: %s is %s, want %s", e.Name(), name, got, want)
					}
				}
			}
		})
	}
}

// TestSizesOfALoop: a size that was read inside of a loop is read elsewhere outside.
func TestSizesOfALoop(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("T", "N"))
		last, outputs := scan(x.SumOver(0), x, false, func(s, v Value) (Value, Value) {
			both := builder.Concat(0, s, v)
			return both.Slice(0, 0, -1).Slice(0, 0, 0).Sum().Add(s.Add(v)), both
		})
		b.Output("last", last)
		b.Output("outputs", outputs)
		b.Output("line", x.Like(1).BroadcastTo(tensor.Of("2*N")))
	})
	file(t, g, export.DefaultOpset) // valid: nothing outside reads a name of the body
	if got := g.Output("outputs").Shape().String(); got != "[T,2*N]" {
		t.Errorf("the outputs are %s", got)
	}
}
