package builder_test

import (
	"fmt"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// indexed are the programs that take elements by number, or several times.
func indexed() []program {
	gather := func(axis int) func(_ *builder.B, x []Value) Value {
		return func(_ *builder.B, x []Value) Value { return x[0].Gather(axis, x[1]).Square() }
	}
	return []program{
		{name: "Gather", operands: []operand{real("N", "D"), index(3, "E")}, f: gather(0)},
		{name: "Gather numbers", operands: []operand{real("N"), index(3, "E")}, f: gather(0)},
		{name: "Gather by a matrix", operands: []operand{real("N", "D"), index(3, "E", "C")}, f: gather(0)},
		{name: "Gather one", operands: []operand{real("N", "C", "D"), index(4)}, f: gather(1)},
		{name: "Gather one number", operands: []operand{real("C"), index(4)}, f: gather(0)},
		{name: "Gather inside", operands: []operand{real("N", "C", "D"), index(4, "E", 2)}, f: gather(1)},
		{name: "Gather at the end", operands: []operand{real("N", "C"), index(4, "E")}, f: gather(1)},
		{name: "Pick several", operands: []operand{real("N", "C", "D"), index(4, "N", "E", "D")}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Pick(1, x[1]).Square()
		}},
		{name: "Pick several of the last", operands: []operand{real("N", "C"), index(4, "N", 7)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Pick(1, x[1]).Exp()
		}},
		{name: "Scatter and ScatterRows", operands: []operand{real("N", "C"), index(4, "N", "E"), index(3, "E")}, f: func(_ *builder.B, x []Value) Value {
			y := x[0].Pick(1, x[1]).Square().Sum().Add(x[0].Gather(0, x[2]).Exp().Sum())
			return builder.Grad(y, y.Like(1), x[0])[0].Square()
		}},
		unary("CumSum", func(x Value) Value { return x.CumSum(1).Square() }),
		unary("CumSum exclusive", func(x Value) Value { return x.CumSum(0, builder.Exclusive).Square() }),
		unary("CumSum reverse", func(x Value) Value { return x.CumSum(0, builder.Reverse).Exp() }),
		unary("CumSum of those behind", func(x Value) Value { return x.CumSum(-1, builder.Reverse, builder.Exclusive).Square() }),
	}
}

// TestIndexForms: where ScatterElements does not add, or is not there, gradients are
// written otherwise, with the same numbers.
func TestIndexForms(t *testing.T) {
	for _, p := range indexed() {
		var inputs tensors
		graph := func(options ...builder.Option) *builder.Graph {
			inputs = p.draw(3)
			return build(t, func(b *builder.B) {
				x := p.declare(b)
				y := p.objective(weigher{b, inputs}, x, 1)
				for i, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
					b.Output("d"+name(i), dx)
				}
			}, options...)
		}
		for _, e := range engines(t) {
			plain := graph()
			want := run(t, open(t, e, plain), inputs)
			compare := func(form string, got tensors) {
				for output, x := range want {
					for i := range x.Len() {
						if !closeTo(got[output].Float(i), x.Float(i), 1e-12) {
							t.Fatalf("%s, %s: %s, %s[%d] is %v, want %v", p.name, e.Name(), form, output, i, got[output].Float(i), x.Float(i))
						}
					}
				}
			}
			compare("opset 13", run(t, openFor(t, e, plain, 13), inputs))
			for _, target := range builder.Targets() {
				narrow := graph(builder.For(target))
				compare(string(target), run(t, openFor(t, e, narrow, 17), inputs))
			}
		}
	}
}

func openFor(t *testing.T, e runtime.Backend, g *builder.Graph, opset int64) runtime.Session {
	t.Helper()
	s, err := e.Open(file(t, g, opset), runtime.Options{Threads: 1})
	if err != nil {
		t.Fatalf("%s: %v\n%v", e.Name(), err, g)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestScatterSpecial: what is not finite reaches its own row and no other, in every
// form; a number from the end is one; nothing gives nothing.
//
//	x = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
//	(x[torch.tensor([0, 0, -1, 2])] * w).sum().backward()
//	torch.gather(x, 0, torch.tensor([[0, 1], [0, 1], [-1 + 3, 1], [2, 0]])) likewise
func TestScatterSpecial(t *testing.T) {
	w := tensor.FromFloats(f64, []int64{4, 2}, []float64{inf, nan, -inf, 1, inf, 2, 3, -inf})
	cases := []struct {
		name  string
		index *tensor.Tensor
		want  []float64
	}{
		{"rows", tensor.FromInts(tensor.Int64, []int64{4}, []int64{0, 0, -1, 2}), []float64{nan, nan, 0, 0, inf, -inf}},
		{"elements", tensor.FromInts(tensor.Int64, []int64{4, 2}, []int64{0, 1, 0, 1, -1, 1, 2, 0}), []float64{nan, -inf, 0, nan, inf, 0}},
	}
	for _, c := range cases {
		dims := c.index.Dims
		shape := tensor.Of("K", "M")[:len(dims)]
		graph := func(options ...builder.Option) *builder.Graph {
			return build(t, func(b *builder.B) {
				x, w, i := b.Input("x", f64, tensor.Of("N", "M")), b.Input("w", f64, tensor.Of("K", "M")), b.Input("i", tensor.Int64, shape)
				y := x.Gather(0, i)
				if len(shape) == 2 {
					y = x.Pick(0, i)
				}
				y = y.Mul(w).Sum()
				b.Output("dx", builder.Grad(y, y.Like(1), x)[0])
			}, options...)
		}
		for _, e := range engines(t) {
			for form, s := range map[string]runtime.Session{"opset 17": openFor(t, e, graph(), 17), "opset 13": openFor(t, e, graph(), 13),
				"accelerator": openFor(t, e, graph(builder.For("accelerator")), 17)} {
				in := tensors{"x": tensor.New(f64, 3, 2), "w": w, "i": c.index}
				for i, want := range c.want {
					if got := run(t, s, in)["dx"].Float(i); !exactly(got, want) {
						t.Errorf("%s, %s: %s[%d] is %v, want %v", e.Name(), form, c.name, i, got, want)
					}
				}
				none := tensor.New(tensor.Int64, append([]int64{0}, dims[1:]...)...)
				out := run(t, s, tensors{"x": tensor.New(f64, 3, 2), "w": tensor.New(f64, 0, 2), "i": none})["dx"]
				if fmt.Sprint(out.Floats()) != "[0 0 0 0 0 0]" {
					t.Errorf("%s, %s: nothing of %s gives %v", e.Name(), form, c.name, out.Floats())
				}
			}
		}
	}
}

// TestCumSumDigits: a long running sum in float32 keeps its digits, as PyTorch's.
func TestCumSumDigits(t *testing.T) {
	const n = 1 << 22
	g := build(t, func(b *builder.B) {
		b.Output("y", b.Input("x", tensor.Float32, tensor.Of("N")).CumSum(0).Slice(0, -1, n))
	})
	x := tensor.New(tensor.Float32, n)
	for i := range n {
		x.SetFloat(i, 0.1)
	}
	for _, e := range engines(t) {
		if got := run(t, open(t, e, g), tensors{"x": x})["y"].Float(0); !closeTo(got, n*float64(float32(0.1)), 1e-7) {
			t.Errorf("%s: %v, want %v", e.Name(), got, n*float64(float32(0.1)))
		}
	}
}

// TestComparisons: both bounds are in, NaN is in nowhere.
func TestComparisons(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		b.Output("least", x.GreaterOrEqual(x.Like(1)))
		b.Output("most", x.LessOrEqual(x.Like(1)))
		n := x.Clip(-2, 2).Cast(tensor.Int64)
		b.Output("whole", n.GreaterOrEqual(n.Like(1)).And(n.LessOrEqual(n.Like(1))))
	})
	for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
		if nodes := g.Lower(opset); count(nodes, "GreaterOrEqual") == 0 || count(nodes, "LessOrEqual") == 0 {
			t.Errorf("opset %d has no comparison", opset)
		}
		file(t, g, opset)
	}
	for _, e := range engines(t) {
		out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(f64, []int64{5}, []float64{-inf, 1, 2, inf, nan})})
		if got := fmt.Sprint(out["least"].Floats(), out["most"].Floats(), out["whole"].Floats()[:4]); got != "[0 1 1 1 0] [1 1 0 0 0] [0 1 0 0]" {
			t.Errorf("%s: %s", e.Name(), got)
		}
	}
}
