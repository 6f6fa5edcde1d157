package builder_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// decay declares x [T,N] and w [N] and returns s_t = exp(w)·s_(t-1) + x_t for
// every t, with the last one.
func decay(b *builder.B, backward bool) (last, all Value) {
	x, w := b.Input("x", f64, tensor.Of("T", "N")), b.Input("w", f64, tensor.Of("N"))
	start := w.Like(0).BroadcastTo(w.Shape())
	return scan(start, x, backward, func(state, slice Value) (next, output Value) {
		next = state.Mul(w.Exp()).Add(slice)
		return next, next
	})
}

// scan is a loop with one state, one sequence and one output.
func scan(start, sequence Value, backward bool, step func(state, slice Value) (next, output Value)) (last, all Value) {
	states, outputs := builder.Scan([]Value{start}, []Value{sequence}, backward, func(states, slices []Value) (next, outputs []Value) {
		n, o := step(states[0], slices[0])
		return []Value{n}, []Value{o}
	})
	return states[0], outputs[0]
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
			for _, e := range engines(t) {
				s, err := e.Open(file(t, g, opset), runtime.Options{})
				if err != nil {
					t.Fatalf("%s: opset %d: %v", e.Name(), opset, err)
				}
				out := run(t, s, inputs)
				s.Close()
				for name, want := range map[string][]float64{"last": c.last, "all": c.all} {
					if got := out[name].Floats(); !slices.Equal(got, want) {
						t.Errorf("%s: backward %t, opset %d: %s is %v, want %v", e.Name(), c.backward, opset, name, got, want)
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
	loop, body := scanNode(t, g)
	if got := codes(body.Nodes); got != "Mul Add Identity" {
		t.Errorf("the body is %s", got)
	}
	if !strings.Contains(codes(g.Nodes), "Exp") || len(body.Initializers) != 0 {
		t.Errorf("exp(w) or a constant is not outside of the body: %s", codes(g.Nodes))
	}
	if len(loop.Inputs) != 2 || len(loop.Outputs) != 2 || loop.Outputs[1] != "all" {
		t.Errorf("the node reads %v and gives %v", loop.Inputs, loop.Outputs)
	}
	for _, a := range loop.Attributes {
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
		_, shares := scan(total, x, false, func(state, slice Value) (next, output Value) {
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
		add, _ := scan(start, x, false, func(s, v Value) (Value, Value) { return s.Add(v), v })
		max, _ := scan(start, x, false, func(s, v Value) (Value, Value) { return s.Max(v), v })
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
		{"Scan: a result of the step is none, want a value of this graph", func(_, s, _ Value) (Value, Value) { return s, Value{} }},
		{"Scan: the size prefix?1 of the output is known inside of the step only", func(_, s, v Value) (Value, Value) {
			return s, v.Prefix(0, v.Sum().Cast(tensor.Int64).Unsqueeze(0))
		}},
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("T", "N"))
			scan(x.SumOver(0), x, false, func(state, slice Value) (next, output Value) { return c.step(x, state, slice) })
			b.Output("out", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) || e.Op+": "+e.Msg != c.want {
			t.Errorf("got %v, want %q", err, c.want)
		}
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

// scanPrograms are loops with several states, sequences and outputs, that read values
// from around, and loops in loops.
func scanPrograms() []program {
	two := func(backward bool) program {
		return program{name: fmt.Sprintf("Scan backward=%t", backward), operands: []operand{real("C", "N"), real("C", "N"), real("N"), real("D", "N")},
			f: func(_ *builder.B, x []Value) Value {
				w := x[3].Tanh().SumOver(0) // from around, and x[2] twice: as a start too
				last, all := builder.Scan([]Value{x[2], x[2].Square()}, []Value{x[0], x[1].Tanh()}, backward, func(s, v []Value) (next, outputs []Value) {
					a := s[0].Mul(x[2].Tanh()).Add(v[0].Mul(w))
					b := s[1].Scale(0.5).Add(a.Tanh().Mul(v[1]))
					return []Value{a, b}, []Value{a.Mul(s[1]), v[0].Mul(b).Sum(), w.Scale(2)}
				})
				return all[0].Square().SumOver(0).Add(last[0].Mul(last[1])).Add(all[1].Tanh().SumOver(0)).Add(all[2].SumOver(0).Mul(last[0].Like(0.1)))
			}}
	}
	return []program{
		two(false), two(true),
		{name: "Scan of a state that stays", operands: []operand{real("C", "N"), real("N")}, f: func(_ *builder.B, x []Value) Value {
			last, _ := builder.Scan([]Value{x[1], x[1].Like(0).BroadcastTo(tensor.Of("N"))}, []Value{x[0]}, false, func(s, v []Value) (next, outputs []Value) {
				return []Value{s[0], v[0]}, nil
			})
			return last[0].Mul(last[1]).Square()
		}},
		{name: "Scan without states", operands: []operand{real("C", "N"), real("N")}, f: func(_ *builder.B, x []Value) Value {
			_, all := builder.Scan(nil, []Value{x[0]}, false, func(_, v []Value) (next, outputs []Value) {
				return nil, []Value{v[0].Mul(x[1]).Softmax(0)}
			})
			return all[0].Mul(x[0])
		}},
		{name: "Scan that counts", operands: []operand{real("C", "N"), real("N")}, f: func(b *builder.B, x []Value) Value {
			zero := b.Constant(tensor.FromInts(tensor.Int64, nil, []int64{0}))
			_, all := builder.Scan([]Value{zero, x[1]}, []Value{x[0]}, false, func(s, v []Value) (next, outputs []Value) {
				y := s[1].Mul(s[0].Cast(f64)).Sub(v[0].Square())
				return []Value{s[0].Add(zero.Like(1)), y.Tanh()}, []Value{y}
			})
			return all[0].Square()
		}},
		{name: "Scan in a Scan", operands: []operand{real("C", "D", "N"), real("N"), real("N")}, f: func(_ *builder.B, x []Value) Value {
			last, _ := builder.Scan([]Value{x[1]}, []Value{x[0]}, true, func(s, v []Value) (next, outputs []Value) {
				inner, all := builder.Scan([]Value{s[0].Tanh()}, []Value{v[0]}, false, func(t, u []Value) (next, outputs []Value) {
					return []Value{t[0].Mul(x[2]).Add(u[0].Mul(s[0])).Scale(0.3)}, []Value{t[0].Mul(u[0])}
				})
				return []Value{inner[0].Tanh().Add(all[0].SumOver(0).Scale(0.3))}, nil
			})
			return last[0].Square()
		}},
		{name: "Scan with sizes of its own", operands: []operand{real("C", "E"), real("E")}, f: func(_ *builder.B, x []Value) Value {
			last, _ := builder.Scan([]Value{x[1]}, []Value{x[0]}, false, func(s, v []Value) (next, outputs []Value) {
				both := builder.Concat(0, s[0], v[0].Exp())
				return []Value{both.Every(0, 2).Sum().Mul(s[0].Reverse(0)).Scale(0.1)}, nil
			})
			return last[0].Square()
		}},
	}
}

// TestScanAsPyTorch holds a loop with two states, which reads w, and its gradients
// against
//
//	for t in (reversed(range(T)) if backward else range(T)):
//	    o[t] = a * c
//	    a, c = torch.tanh(a * w + x[t]), c * 0.5 + torch.tanh(a * w + x[t]) * w
//
// from a = s, c = s * s; the objective is (a * [1, 2]).sum() + (c * c).sum() +
// (o * [[1, 2], [3, 4], [5, 6]]).sum().
func TestScanAsPyTorch(t *testing.T) {
	names := []string{"a", "c", "o", "dx", "ds", "dw"}
	want := map[bool][][]float64{
		false: {
			{0.632572841945328, -0.15010681969485362}, {2.0460624755015595, -0.28654014007449125},
			{0.125, -0.015625, 1.18541315572404, -0.44154569523252046, 2.188106569884441, -0.9688770118127328},
			{3.7922311495052488, 13.521934294778205, 0.16020754119554576, -7.171009558738931, 4.281853146270506, 3.0752710902188585},
			{9.468699215735366, -26.79015255835774}, {21.042862514733883, 6.187580657816806},
		},
		true: {
			{0.9600102864351154, 0.6989360698044734}, {2.194286114709536, -0.9394647151569803},
			{1.4542754864749918, -0.8550295176615261, 0.0, -1.828572488416302, 0.125, -0.015625},
			{0.5943463322630699, 2.9450778451912853, 0.5042724815803616, 0.20224319019858486, 3.5001439934595573, -0.9113423357929873},
			{9.789794413885673, 2.334242359527249}, {9.580814244458315, 1.3441190218785593},
		},
	}
	for backward, want := range want {
		for _, options := range [][]builder.Option{nil, {builder.Naive}} {
			g := build(t, func(b *builder.B) {
				x, s, w := b.Input("x", f64, tensor.Of("T", "N")), b.Input("s", f64, tensor.Of("N")), b.Input("w", f64, tensor.Of("N"))
				weights, pair := b.Input("weights", f64, tensor.Of("T", "N")), b.Input("pair", f64, tensor.Of("N"))
				last, o := builder.Scan([]Value{s, s.Mul(s)}, []Value{x}, backward, func(state, slice []Value) (next, outputs []Value) {
					a := state[0].Mul(w).Add(slice[0]).Tanh()
					return []Value{a, state[1].Scale(0.5).Add(a.Mul(w))}, []Value{state[0].Mul(state[1])}
				})
				y := last[0].Mul(pair).Sum().Add(last[1].Mul(last[1]).Sum()).Add(o[0].Mul(weights).Sum())
				for i, v := range append([]Value{last[0], last[1], o[0]}, builder.Grad(y, y.Like(1), x, s, w)...) {
					b.Output(names[i], v)
				}
			}, options...)
			for _, e := range engines(t) {
				session := open(t, e, g)
				of := func(dims []int64, x ...float64) *tensor.Tensor { return tensor.FromFloats(f64, dims, x) }
				in := tensors{"x": of([]int64{3, 2}, 0.5, -1, 2, 0.25, -0.75, 1.5), "s": of([]int64{2}, 0.5, -0.25), "w": of([]int64{2}, 1.5, -2),
					"weights": of([]int64{3, 2}, 1, 2, 3, 4, 5, 6), "pair": of([]int64{2}, 1, 2)}
				out := run(t, session, in)
				for i, name := range names {
					for k, v := range out[name].Floats() {
						if !closeTo(v, want[i][k], 1e-13) {
							t.Errorf("%s: backward %t: %s is %v, want %v", e.Name(), backward, name, out[name].Floats(), want[i])
							break
						}
					}
				}
				// Without steps the states are the starts: ds is [1, 2] + 4·s³, and dw is 0.
				in["x"], in["weights"] = tensor.New(f64, 0, 2), tensor.New(f64, 0, 2)
				if e.Name() == "ort" {
					if _, err := session.Run(t.Context(), in); err == nil {
						t.Errorf("ONNX Runtime takes a loop without steps now: say so at Scan")
					}
					continue
				}
				out = run(t, session, in)
				if got := fmt.Sprint(out["a"].Floats(), out["o"].Dims, out["dx"].Dims, out["ds"].Floats(), out["dw"].Floats()); got != "[0.5 -0.25] [0 2] [0 2] [1.5 1.9375] [0 0]" {
					t.Errorf("%s: backward %t: without steps: %s", e.Name(), backward, got)
				}
			}
		}
	}
}

// TestScanKeepsWhatIsRead: a loop gives the states before its steps only where a
// gradient reads them, and the way back gets only what it reads.
func TestScanKeepsWhatIsRead(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("T", "N"))
		zero := x.Like(0).BroadcastTo(tensor.Of("N"))
		last, _ := scan(zero, x, false, func(s, v Value) (Value, Value) { return s.Add(v.Square()), s })
		b.Output("last", last)
		b.Output("dx", builder.Grad(last, last.Like(1), x)[0])
	}).Lower(export.DefaultOpset)
	var shapes []string
	for _, n := range g.Nodes {
		if n.Op == "Scan" {
			shapes = append(shapes, fmt.Sprintf("%d>%d", len(n.Inputs), len(n.Outputs)))
		}
	}
	if got := strings.Join(shapes, " "); got != "2>1 2>2" {
		t.Errorf("the loops have %s inputs and outputs", got)
	}
}
