package builder_test

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// rewrites are expressions of x [N,D] and s [N,1] with the text that a graph of
// them has. Inputs, and lines of guards, are left out.
func rewrites() []struct {
	name string
	f    func(x, s Value) Value
	want string
} {
	return []struct {
		name string
		f    func(x, s Value) Value
		want string
	}{
		{"x·1", func(x, s Value) Value { return x.Scale(1) }, ""},
		{"1·x", func(x, s Value) Value { return x.Like(1).Mul(x) }, ""},
		{"x/1", func(x, s Value) Value { return x.Div(x.Like(1)) }, ""},
		{"x-0", func(x, s Value) Value { return x.Sub(x.Like(0)) }, ""},
		{"x+0 stays: -0+0 is 0", func(x, s Value) Value { return x.Shift(0) }, "Const [0]; Add"},
		{"x-(-0) stays", func(x, s Value) Value { return x.Sub(x.Like(0).Neg()) }, "Const [-0]; Sub"},
		{"x·0 stays: inf·0 is NaN", func(x, s Value) Value { return x.Scale(0) }, "Const [0]; Mul"},
		{"x-x stays", func(x, s Value) Value { return x.Sub(x) }, "Sub"},
		{"x/x stays", func(x, s Value) Value { return x.Div(x) }, "Div"},
		{"-(-x)", func(x, s Value) Value { return x.Neg().Neg() }, ""},
		{"-(x·s)", func(x, s Value) Value { return x.Mul(s).Neg() }, "Neg; Mul"},
		{"-(s/x)", func(x, s Value) Value { return s.Div(x).Neg() }, "Neg; Div"},
		{"-(x·x) stays", func(x, s Value) Value { return x.Mul(x.Exp()).Neg() }, "Exp; Mul; Neg"},
		{"|-x|", func(x, s Value) Value { return x.Neg().Abs() }, "Abs"},
		{"x+(-s)", func(x, s Value) Value { return x.Add(s.Neg()) }, "Sub"},
		{"(-x)+s", func(x, s Value) Value { return x.Neg().Add(s) }, "Sub"},
		{"x-(-s)", func(x, s Value) Value { return x.Sub(s.Neg()) }, "Add"},
		{"2·3", func(x, s Value) Value { return x.Mul(x.Like(2).Mul(x.Like(3))) }, "Const [6]; Mul"},
		{"1/4 - 1", func(x, s Value) Value { return x.Mul(x.Like(1).Div(x.Like(4)).Shift(-1)) }, "Const [-0.75]; Mul"},
		{"cast to the same", func(x, s Value) Value { return x.Cast(x.DType()) }, ""},
		{"cast of a constant", func(x, s Value) Value { return x.Mul(x.B().Const(tensor.Int64, 3).Cast(f64)) }, "Const [3]; Mul"},
		{"where of one value", func(x, s Value) Value { return builder.Where(x.Less(s), x, x) }, ""},
		{"where of a smaller value", func(x, s Value) Value { return builder.Where(x.Less(s), s, s) }, "Less; Expand to [N,D]; Cast; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Concat axes=[0]; Pick axes=[0]; Squeeze axes=[0]; Composite \"where\""},
		{"where of a number and 0", func(x, s Value) Value { return builder.Where(x.Less(s), x.Like(2), x.Like(0)) }, "Less; Const [2]; Cast; Mul"},
		{"where of 0 and a number", func(x, s Value) Value { return builder.Where(x.Less(s), x.Like(0), x.Like(2)) }, "Less; Const [2]; Not; Cast; Mul"},
		{"where of 1/count and 0", func(x, s Value) Value { return builder.Where(x.Less(s), x.Numel().Reciprocal(), x.Like(0)) }, "Less; Count; Reciprocal; Cast; Mul"},
		{"where of 1/0", func(x, s Value) Value {
			return builder.Where(x.Less(s), s.B().Count(f64, tensor.Of(0)).Reciprocal(), x.Like(0))
		}, "Less; Const [0]; Reciprocal; Expand to [N,D]; Expand to [N,D]; Cast; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Concat axes=[0]; Pick axes=[0]; Squeeze axes=[0]; Composite \"where\""},
		{"where of a negative number: -0", func(x, s Value) Value { return builder.Where(x.Less(s), x.Like(-2), x.Like(0)) }, "Less; Const [-2]; Const [0]; Expand to [N,D]; Expand to [N,D]; Cast; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Concat axes=[0]; Pick axes=[0]; Squeeze axes=[0]; Composite \"where\""},
		{"where of a tensor", func(x, s Value) Value { return builder.Where(x.Less(s), s, x.Like(0)) }, "Less; Const [0]; Expand to [N,D]; Expand to [N,D]; Cast; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Unsqueeze axes=[0]; Concat axes=[0]; Pick axes=[0]; Squeeze axes=[0]; Composite \"where\""},
		{"where of few", func(x, s Value) Value { return builder.Where(s.Less(s.Like(0)), s.Exp(), s) }, "Const [0]; Less; Exp; Where"},
		{"where of a smaller choice stays", func(x, s Value) Value { return builder.Where(s.Less(s.Like(0)), x.Like(2), x.Like(0)).Mul(x) }, "Const [0]; Less; Const [2]; Cast; Mul; Mul"},
		{"sum over an axis of 1", func(x, s Value) Value { return s.SumKeep(1).Exp() }, "Exp"},
		{"sum that drops an axis of 1", func(x, s Value) Value { return s.SumOver(1) }, "Squeeze axes=[1]"},
		{"sum of one number", func(x, s Value) Value { return x.Sum().Sum() }, "SumAll"},
		{"sum over no axes", func(x, s Value) Value { return x.SumKeep() }, ""},
		{"sum over an empty list of axes", func(x, s Value) Value { return x.SumOver([]int{}...) }, ""},
		{"squeeze of unsqueeze", func(x, s Value) Value { return x.Unsqueeze(1).Squeeze(1) }, ""},
		{"unsqueeze of squeeze", func(x, s Value) Value { return s.Squeeze(1).Unsqueeze(1).Exp() }, "Exp"},
		{"identity transpose", func(x, s Value) Value { return x.Transpose(0, 1) }, ""},
		{"reshape to the same", func(x, s Value) Value { return x.Reshape(x.Shape()) }, ""},
		{"broadcast to the same", func(x, s Value) Value { return x.BroadcastTo(x.Shape()) }, ""},
		{"equal nodes", func(x, s Value) Value { return x.Exp().Add(x.Exp()) }, "Exp; Add"},
	}
}

// TestSimplify: each rewrite gives the graph that it promises, and Naive gives
// the graph as written, with the same numbers.
func TestSimplify(t *testing.T) {
	for _, c := range rewrites() {
		t.Run(c.name, func(t *testing.T) {
			graph := func(options ...builder.Option) *builder.Graph {
				return build(t, func(b *builder.B) {
					x, s := b.Input("x", f64, tensor.Of("N", "D")), b.Input("s", f64, tensor.Of("N", 1))
					b.Output("y", c.f(x, s))
					b.Output("other", s)
				}, options...)
			}
			if got := operations(graph()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			inputs := tensors{
				"x": tensor.FromFloats(f64, []int64{2, 3}, []float64{nan, inf, -inf, 0, zero, 1.5}),
				"s": tensor.FromFloats(f64, []int64{2, 1}, []float64{zero, -2}),
			}
			for _, e := range engines(t) {
				got, want := run(t, open(t, e, graph()), inputs)["y"], run(t, open(t, e, graph(builder.Naive)), inputs)["y"]
				if got.String() != want.String() {
					t.Fatalf("%s: %v simplified, %v as written", e.Name(), got, want)
				}
				for i := range want.Len() {
					if !exactly(got.Float(i), want.Float(i)) {
						t.Errorf("%s: element %d is %v simplified, %v as written", e.Name(), i, got.Float(i), want.Float(i))
					}
				}
			}
		})
	}
}

// operations lists a graph's operations without inputs and guards.
func operations(g *builder.Graph) string {
	var list []string
	for _, line := range strings.Split(g.String(), "\n") {
		_, op, ok := strings.Cut(line, " = ")
		if !ok || strings.HasPrefix(line, "output") || strings.HasPrefix(op, "Input") || strings.HasPrefix(op, "Guard") {
			continue
		}
		var words []string
		for _, w := range strings.Fields(op) {
			if !strings.HasPrefix(w, "%") {
				words = append(words, w)
			}
		}
		list = append(list, strings.Join(words, " "))
	}
	return strings.Join(list, "; ")
}

// TestSharing: equal computations are one value; Naive keeps them apart.
func TestSharing(t *testing.T) {
	pairs := func(b *builder.B) [][2]Value {
		x, y := b.Input("x", f64, tensor.Of("N")), b.Input("y", f64, tensor.Of("N"))
		return [][2]Value{
			{x.Add(y), x.Add(y)}, {x.Exp().Sum(), x.Exp().Sum()}, {x.Clip(0, 1), x.Clip(0, 1)}, {x.Softplus(), x.Softplus()},
			{x.Like(2), x.Like(2)}, {x.Unsqueeze(0), x.Unsqueeze(0)},
		}
	}
	apart := func(b *builder.B) [][2]Value {
		x, y := b.Input("x", f64, tensor.Of("N")), b.Input("y", f64, tensor.Of("N"))
		return [][2]Value{
			{x.Add(y), y.Add(x)}, {x.Clip(0, 1), x.Clip(0, 2)}, {x.Like(0), x.Like(zero)}, {x.Unsqueeze(0), x.Unsqueeze(1)},
			{x.Cast(tensor.Float32), x.Cast(tensor.Float16)}, {x.Slice(0, 0, 1), x.Slice(0, 1, 2)},
		}
	}
	check := func(name string, list func(*builder.B) [][2]Value, want bool, options ...builder.Option) {
		build(t, func(b *builder.B) {
			for i, p := range list(b) {
				if (p[0] == p[1]) != want {
					t.Errorf("%s: pair %d is one value: %v, want %v", name, i, p[0] == p[1], want)
				}
				b.Output("y"+string(rune('a'+i)), p[0])
			}
		}, options...)
	}
	check("equal", pairs, true)
	check("different", apart, false)
	check("naive", pairs, false, builder.Naive)
}

// TestDeadNodes: what no output needs is not in the graph.
func TestDeadNodes(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		x.Exp().Sum()
		b.Output("y", x.Neg())
	})
	if got := operations(g); got != "Neg" {
		t.Errorf("got %q, want %q", got, "Neg")
	}
}
