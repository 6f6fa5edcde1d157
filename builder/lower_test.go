package builder_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestDeclaredSizes: results whose sizes the graph computes are declared from rank
// 2 on, others and outputs are not.
func TestDeclaredSizes(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x, y := b.Input("x", f64, tensor.Of("N", "D")), b.Input("y", f64, tensor.Of("N", "D"))
		b.Output("sum", x.Add(y).Exp())
		b.Output("ones", x.Like(1).BroadcastTo(x.Shape()))
		b.Output("flat", x.Add(y).Reshape(tensor.Of("M")).Exp())
		b.Output("table", x.Add(y).Reshape(tensor.Of("R", 1)).Exp())
		b.Output("fixed", x.Like(1).BroadcastTo(tensor.Of(2, 3)).Exp())
	})
	var got [][2]string
	for _, p := range g.Lower(17).Values {
		got = append(got, [2]string{operatorOf(g.Lower(17), p.Name), p.Shape.String()})
	}
	if diff := cmp.Diff([][2]string{{"Reshape", "[N,D]"}, {"Reshape", "[R,1]"}}, got); diff != "" {
		t.Errorf("declared sizes differ (-want +got): %s", diff)
	}
}

// operatorOf returns the operator that makes a result.
func operatorOf(g *ir.Graph, name string) string {
	for _, n := range g.Nodes {
		if n.Outputs[0] == name {
			return n.Op
		}
	}
	return ""
}

// TestParts: sums of parts are those of the whole, for finite numbers and others,
// and only large tensors are taken apart.
func TestParts(t *testing.T) {
	whole := func(x, y Value) Value { return x.Sub(y.Scale(0.5)) }
	apart := func(x, y Value) Value { return whole(x, y).WithParts(x, y.Scale(-0.5)) }
	graph := func(f func(x, y Value) Value, dims ...any) *builder.Graph {
		return build(t, func(b *builder.B) {
			x, y := b.Input("x", tensor.Float32, tensor.Of(dims...)), b.Input("y", tensor.Float32, tensor.Of(dims...))
			v := builder.WithGradient("difference", f(x, y), []Value{x}, func(dy Value) []Value { return []Value{dy} })
			b.Output("sum", v.Sum())
			if len(dims) == 2 {
				b.Output("rows", v.SumOver(1))
			}
			b.Output("slope", builder.Grad(v.Sum(), b.Const(tensor.Float32, 1), x)[0])
		})
	}
	if n := count(graph(apart, "N", "D").Lower(17), "Sub"); n != 0 {
		t.Errorf("%d differences of whole tensors remain", n)
	}
	if n := count(graph(apart, "N").Lower(17), "Sub"); n != 1 {
		t.Errorf("%d differences at rank 1, want 1", n)
	}
	for _, last := range []float64{4, inf, -inf, nan} {
		inputs := tensors{
			"x": tensor.FromFloats(tensor.Float32, []int64{2, 3}, []float64{1, 2, 3, 0.5, -1, last}),
			"y": tensor.FromFloats(tensor.Float32, []int64{2, 3}, []float64{8, 4, 2, 1, 16, 32}),
		}
		for _, e := range engines(t) {
			got, want := run(t, open(t, e, graph(apart, "N", "D")), inputs), run(t, open(t, e, graph(whole, "N", "D")), inputs)
			for name := range want {
				for i := range want[name].Len() {
					if !exactly(got[name].Float(i), want[name].Float(i)) {
						t.Errorf("%s: with %v, element %d of %s is %v, want %v", e.Name(), last, i, name, got[name].Float(i), want[name].Float(i))
					}
				}
			}
		}
	}
}

// TestFastForms: the operators that ONNX Runtime runs on one thread are avoided where
// the elements may be many, and only there; the gradients of slices are joined.
func TestFastForms(t *testing.T) {
	lowered := func(f func(x, y Value) Value, dims ...any) *ir.Graph {
		return build(t, func(b *builder.B) {
			x, y := b.Input("x", tensor.Float32, tensor.Of(dims...)), b.Input("y", tensor.Float32, tensor.Of(dims...))
			z := f(x, y)
			b.Output("z", z)
			b.Output("slope", builder.Grad(z, z.Mul(z), x)[0])
		}).Lower(17)
	}
	corners := func(x, _ Value) Value { return x.Slice(1, 2, 3).Sub(x.Slice(1, 0, 1)).Mul(x.Slice(1, 1, 2)) }
	for _, c := range []struct {
		name string
		g    *ir.Graph
		op   string
		want int
	}{
		{"a maximum", lowered(Value.Max, "N", "D"), "GatherElements", 1},
		{"a small maximum", lowered(Value.Max, 2, 3), "GatherElements", 0},
		{"a small maximum", lowered(Value.Max, 2, 3), "Where", 1},
		{"|x|", lowered(func(x, _ Value) Value { return x.Abs() }, "N", "D"), "Sign", 0},
		{"|x|", lowered(func(x, _ Value) Value { return x.Abs() }, "N", "D"), "Mul", 2},
		{"slices", lowered(corners, "N", 3), "Concat", 1},
		{"slices", lowered(corners, "N", 3), "ConstantOfShape", 0},
	} {
		if n := count(c.g, c.op); n != c.want {
			t.Errorf("%s: %d times %s, want %d", c.name, n, c.op, c.want)
		}
	}
}

// count returns how many nodes apply an operator.
func count(g *ir.Graph, op string) (n int) {
	for _, node := range g.Nodes {
		if node.Op == op {
			n++
		}
	}
	return n
}

// TestNodeNames: every node is named after its first result, and no two nodes of a
// graph and its bodies have one name.
func TestNodeNames(t *testing.T) {
	g := build(t, func(b *builder.B) {
		start, xs := b.Input("start", f64, tensor.Of("N")), b.Input("xs", f64, tensor.Of("T", "N"))
		last, all := scan(start, xs, false, func(state, x Value) (next, output Value) {
			next = state.Exp().Add(x)
			return next, next
		})
		b.Output("last", last.Exp())
		b.Output("all", all.Neg())
		b.Output("again", last.Exp())
	}).Lower(17)
	seen := map[string]bool{}
	var visit func(g *ir.Graph)
	visit = func(g *ir.Graph) {
		for _, n := range g.Nodes {
			if n.Name != n.Outputs[0] || seen[n.Name] {
				t.Errorf("%s has name %q and output %q", n.Op, n.Name, n.Outputs[0])
			}
			seen[n.Name] = true
			for _, a := range n.Attributes {
				if body, ok := a.Value.(*ir.Graph); ok {
					visit(body)
				}
			}
		}
	}
	visit(g)
	if len(seen) < 7 {
		t.Errorf("%d nodes, want those of the body too", len(seen))
	}
}

// TestColumns: a vector of a known size becomes a column by a Reshape, of which onnx's
// strict inference of small integers makes no vector again.
func TestColumns(t *testing.T) {
	outer := func(n, m any) *ir.Graph {
		return build(t, func(b *builder.B) {
			x, y := b.Input("x", f64, tensor.Of(n)), b.Input("y", f64, tensor.Of(m))
			b.Output("z", x.Unsqueeze(1).Mul(y))
			b.Output("w", b.Iota(2, 1, y.Shape()[0]).Cast(f64).Sub(x.Unsqueeze(1)))
		}).Lower(13)
	}
	if g := outer(0, 2); count(g, "Unsqueeze") != 0 || count(g, "Reshape") != 2 {
		t.Errorf("of known sizes there are %d times Unsqueeze and %d times Reshape, want 0 and 2", count(g, "Unsqueeze"), count(g, "Reshape"))
	}
	if g := outer("N", "M"); count(g, "Unsqueeze") != 2 || count(g, "Reshape") != 0 {
		t.Errorf("of letters there are %d times Unsqueeze and %d times Reshape, want 2 and 0", count(g, "Unsqueeze"), count(g, "Reshape"))
	}
	for _, e := range engines(t) {
		for n := range int64(3) {
			g := build(t, func(b *builder.B) {
				x := b.Input("x", f64, tensor.Of(n))
				b.Output("z", x.Unsqueeze(0, 2).Add(x))
			})
			x := tensor.New(f64, n)
			got := run(t, open(t, e, g), tensors{"x": x})["z"]
			if diff := cmp.Diff([]int64{1, n, n}, got.Dims); diff != "" {
				t.Errorf("%s: %d elements (-want +got): %s", e.Name(), n, diff)
			}
		}
	}
}
