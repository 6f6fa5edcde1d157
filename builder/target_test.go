package builder_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestTargets: what a target does not know is written without it.
func TestTargets(t *testing.T) {
	f := func(b *builder.B) {
		x := b.Input("x", tensor.Float32, tensor.Of("N", "C"))
		y := b.Input("y", tensor.Int64, tensor.Of("N", 1))
		z := x.Put(1, y, x.Like(0).BroadcastTo(tensor.Of("N", 1))).ThresholdedRelu(0)
		b.Output("z", z)
		b.Output("slope", builder.Grad(z, z, x)[0])
		b.Output("sum", z.Sum().Div(x.Numel()))
		b.Output("kept", builder.Where(x.Greater(x.Like(1)), x.Like(0), x))
		b.Output("wide", x.Cast(b.Widest(x.DType())).Exp().Cast(tensor.Float32))
	}
	if g := build(t, f).Lower(17); count(g, "ScatterElements") == 0 || count(g, "Size") == 0 || count(g, "ArgMin") == 0 {
		t.Error("the graph for everyone has none of the operators that targets lack: the test shows nothing")
	}
	for _, target := range builder.Targets() {
		g, err := builder.Build("g", f, builder.For(target))
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Check(g.Lower(17), 17); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if target.Doc() == "" {
			t.Errorf("%s does not say what it is", target)
		}
	}
}

// TestTargetRefuses: what cannot be written without an operator or a type is refused.
func TestTargetRefuses(t *testing.T) {
	double := func(b *builder.B) { b.Output("y", b.Input("x", f64, tensor.Of("N")).Exp()) }
	within := func(b *builder.B) {
		b.Output("y", b.Input("x", tensor.Float32, tensor.Of("N")).Cast(f64).Exp().Cast(tensor.Float32))
	}
	rows := func(b *builder.B) {
		x := b.Input("x", tensor.Float32, tensor.Of("N"))
		b.Output("y", x.Compress(x.Greater(x.Like(0))))
	}
	for _, c := range []struct {
		target builder.Target
		f      func(b *builder.B)
		opset  int64
		want   string
	}{
		{"accelerator", double, 17, "accelerator knows no float64: x has to be of another dtype"},
		{"accelerator", within, 17, "accelerator knows no float64, in which a part is computed"},
		{"accelerator", rows, 17, "accelerator knows no Compress"},
		{"onnx2torch", double, 18, "onnx2torch knows opsets up to 17, not 18"},
		{"tract", double, 18, ""},
	} {
		g, err := builder.Build("g", c.f, builder.For(c.target))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.target.Check(g.Lower(c.opset), c.opset); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.target, got, c.want)
		}
	}
}

// TestWithin: labels outside of [0, n) are looked up where no table has an entry, by
// an index of n at most.
func TestWithin(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x, y := b.Input("x", f64, tensor.Of("N", "C")), b.Input("y", tensor.Int64, tensor.Of("N"))
		b.Output("z", x.Pick(1, y.Within(tensor.S("C")).Unsqueeze(1)))
	}).Lower(17)
	if count(g, "Range") != 1 || count(g, "Gather") == 0 {
		t.Error("there is no table of the classes")
	}
	if most := largest(g); most > 10 {
		t.Errorf("a constant is as large as %v", most)
	}
}

// largest returns the largest constant of a graph.
func largest(g *ir.Graph) (most float64) {
	for _, c := range g.Initializers {
		for i := range c.Tensor.Len() {
			most = max(most, c.Tensor.Float(i))
		}
	}
	return most
}

// TestProductOverKeptRows: a product over the rows that a mask keeps has a row of zeros
// more, since they may be none.
func TestProductOverKeptRows(t *testing.T) {
	grads := func(kept bool) *ir.Graph {
		return build(t, func(b *builder.B) {
			x, w := b.Input("x", tensor.Float32, tensor.Of("N", 3)), b.Input("w", tensor.Float32, tensor.Of(2, 3))
			if kept {
				x = x.Compress(b.Input("mask", tensor.Bool, tensor.Of("N")))
			}
			y := x.MatMulT(w).Sum()
			b.Output("y", builder.Grad(y, y, w)[0])
		}).Lower(17)
	}
	if n := count(grads(true), "Concat"); n < 2 {
		t.Errorf("%d operands have a row of zeros, want both", n)
	}
	if n := count(grads(false), "Concat"); n > 1 { // one is the shape of dy
		t.Errorf("%d operands of a product over all rows are copied", n)
	}
}
