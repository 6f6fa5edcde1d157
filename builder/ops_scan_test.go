package builder_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
)

// decay declares x [T,N] and w [N] and returns s_t = exp(w)·s_(t-1) + x_t for
// every t, with the last one.
func decay(b *builder.B, backward bool) (last, all Value) {
	x, w := b.Input("x", f64, tensor.Of("T", "N")), b.Input("w", f64, tensor.Of("N"))
	start := w.Like(0).BroadcastTo(w.Shape())
	return builder.Scan(start, x, backward, func(state, slice Value) (next, output Value) {
		next = state.Mul(w.Exp()).Add(slice)
		return next, next
	})
}

func scanNode(t *testing.T, g *ir.Graph) (scan ir.Node, body *ir.Graph) {
	t.Helper()
	for _, n := range g.Nodes {
		if n.Op == "Scan" {
			return n, n.Attributes[0].Value.(*ir.Graph)
		}
	}
	t.Fatal("the graph has no Scan")
	return ir.Node{}, nil
}

func codes(nodes []ir.Node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Op)
	}
	return strings.Join(list, " ")
}

// TestScanRuns: the loop's results, in both directions and at every opset.
func TestScanRuns(t *testing.T) {
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Skipf("the reference engine runs no loops, and ONNX Runtime is not here: %v", err)
	}
	inputs := tensors{
		"x": tensor.FromFloats(f64, []int64{3, 2}, []float64{1, 10, 2, 20, 3, 30}),
		"w": tensor.FromFloats(f64, []int64{2}, []float64{0, 0}),
	}
	for _, c := range []struct {
		backward bool
		last     []float64
		all      []float64
	}{
		{false, []float64{6, 60}, []float64{1, 10, 3, 30, 6, 60}},
		{true, []float64{6, 60}, []float64{6, 60, 5, 50, 3, 30}},
	} {
		g := build(t, func(b *builder.B) {
			last, all := decay(b, c.backward)
			b.Output("last", last)
			b.Output("all", all)
		})
		for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
			s, err := ort.Backend{}.Open(file(t, g, opset), runtime.Options{})
			if err != nil {
				t.Fatalf("opset %d: %v", opset, err)
			}
			out := run(t, s, inputs)
			s.Close()
			for name, want := range map[string][]float64{"last": c.last, "all": c.all} {
				for i, v := range out[name].Floats() {
					if v != want[i] {
						t.Errorf("backward %t, opset %d: %s is %v, want %v", c.backward, opset, name, out[name].Floats(), want)
						break
					}
				}
			}
		}
	}
}

// TestScanBody: the body holds what changes in every step and no more.
func TestScanBody(t *testing.T) {
	g := build(t, func(b *builder.B) {
		_, all := decay(b, true)
		b.Output("all", all)
	}).Lower(export.DefaultOpset)
	scan, body := scanNode(t, g)
	if got := codes(body.Nodes); got != "Mul Add Identity" {
		t.Errorf("the body is %s", got)
	}
	if !strings.Contains(codes(g.Nodes), "Exp") || len(body.Initializers) != 0 {
		t.Errorf("exp(w) or a constant is not outside of the body: %s", codes(g.Nodes))
	}
	if len(scan.Inputs) != 2 || len(scan.Outputs) != 2 || scan.Outputs[1] != "all" {
		t.Errorf("the node reads %v and gives %v", scan.Inputs, scan.Outputs)
	}
	for _, a := range scan.Attributes {
		if strings.HasSuffix(a.Name, "_directions") && a.Value.([]int64)[0] != 1 {
			t.Errorf("%s is %v", a.Name, a.Value)
		}
	}
}

// TestScanReadsOutput: a body reads an output of the graph under its new name.
func TestScanReadsOutput(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("T", "N"))
		total := x.SumOver(0)
		b.Output("total", total)
		_, shares := builder.Scan(total, x, false, func(state, slice Value) (next, output Value) {
			return state, slice.Div(total)
		})
		b.Output("shares", shares)
	})
	file(t, g, export.DefaultOpset) // valid: every name is defined
	_, body := scanNode(t, g.Lower(export.DefaultOpset))
	if got := codes(body.Nodes); got != "Div Identity" || body.Nodes[0].Inputs[1] != "total" {
		t.Errorf("the body is %s, its first node reads %v", got, body.Nodes[0].Inputs)
	}
}

// TestScansAreNotShared: two loops over one sequence stay two.
func TestScansAreNotShared(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("T", "N"))
		start := x.Like(0).BroadcastTo(tensor.Of("N"))
		add, _ := builder.Scan(start, x, false, func(s, v Value) (Value, Value) { return s.Add(v), v })
		max, _ := builder.Scan(start, x, false, func(s, v Value) (Value, Value) { return s.Max(v), v })
		b.Output("add", add)
		b.Output("max", max)
	})
	if got := strings.Count(codes(g.Lower(export.DefaultOpset).Nodes), "Scan"); got != 2 {
		t.Errorf("the graph has %d loops, want 2", got)
	}
}

func TestScanErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		step func(x, state, slice Value) (next, output Value)
	}{
		{"Scan: the step turns the state float64[N] into float64[1,N]", func(_, s, v Value) (Value, Value) { return s.Unsqueeze(0), v }},
		{"Scan: the step turns the state float64[N] into float32[N]", func(_, s, v Value) (Value, Value) { return s.Cast(tensor.Float32), v }},
		{"Scan: the step turns the state float64[N] into none", func(_, s, v Value) (Value, Value) { return Value{}, v }},
		{"Scan: a result of the step depends on neither state nor slice", func(x, s, _ Value) (Value, Value) { return s, x }},
		{"Scan: a result of the step depends on neither state nor slice", func(_, s, _ Value) (Value, Value) { return s, Value{} }},
		{"Scan: the size prefix?1 of the output is known inside of the step only", func(_, s, v Value) (Value, Value) {
			return s, v.Prefix(0, v.Sum().Cast(tensor.Int64).Unsqueeze(0))
		}},
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("T", "N"))
			builder.Scan(x.SumOver(0), x, false, func(state, slice Value) (next, output Value) { return c.step(x, state, slice) })
			b.Output("out", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) || e.Op+": "+e.Msg != c.want {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	_, err := builder.Build("test", func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("T", "N"))
		last, _ := builder.Scan(x.SumOver(0), x, false, func(s, v Value) (Value, Value) { return s.Add(v), v })
		builder.Grad(last, last, x)
	})
	if err == nil || !strings.Contains(err.Error(), "Scan: is not differentiable") {
		t.Errorf("got %v, want that a loop is not differentiable", err)
	}
}

// TestPrefix: what they are lowered to, and what they refuse.
func TestPrefix(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x, n := b.Input("x", f64, tensor.Of("T", 2, "K")), b.Input("n", tensor.Int64, tensor.Of(1))
		head := x.Prefix(0, n)
		b.Output("head", head)
		if s := head.Shape(); s[0] == x.Shape()[0] || !s[1:].Equal(x.Shape()[1:]) {
			t.Errorf("the first elements of %v are %v", x, head)
		}
	})
	file(t, g, export.DefaultOpset)
	for _, f := range []func(x, n Value){
		func(x, n Value) { x.Prefix(0, n.Squeeze(0)) },
		func(x, _ Value) { x.Prefix(0, x) },
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x, n := b.Input("x", f64, tensor.Of("T", 2, "K")), b.Input("n", tensor.Int64, tensor.Of(1))
			f(x, n)
			b.Output("out", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) {
			t.Errorf("got %v, want an error", err)
		}
	}
}
