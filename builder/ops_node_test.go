package builder_test

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// tanhNode is x.Tanh as a foreign node, with its gradient.
func tanhNode(x Value) Value {
	y := x.B().Node(ir.Node{Op: "Tanh", Inputs: []string{"in"}, Outputs: []string{"out"}}, []Value{x}, nil,
		[]builder.NodeType{{DType: x.DType(), Shape: x.Shape()}})[0]
	return builder.WithGradient("tanh node", y, []Value{x}, func(dy Value) []Value {
		return []Value{dy.Mul(y.Square().Neg().Shift(1))}
	})
}

func foreignPrograms() []program {
	return []program{
		unary("Stated", func(x Value) Value { return x.Stated(tensor.Of("N+0", "D")).Exp() }),
		{name: "Sized", operands: []operand{real("C", "D"), real("D")}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Sized(tensor.Of("2*D", "D")).Square().Mul(x[1])
		}},
	}
}

// TestNode: a foreign node with a declared gradient is differentiated as the builder's
// own operation.
func TestNode(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N", "D"))
		for name, y := range map[string]Value{"node": tanhNode(x), "own": x.Tanh()} {
			y = y.Mul(x).Sum()
			b.Output(name, builder.Grad(y, y.Like(1), x)[0])
		}
	})
	in := tensors{"x": program{operands: []operand{real("N", "D")}}.draw(1)["x0"]}
	for _, e := range engines(t) {
		out := run(t, open(t, e, g), in)
		for i, want := range out["own"].Floats() {
			if got := out["node"].Float(i); !closeTo(got, want, 1e-12) {
				t.Errorf("%s: element %d is %v, want %v", e.Name(), i, got, want)
			}
		}
	}
}

// TestSized: a run in which a size is not what it has to be ends.
func TestSized(t *testing.T) {
	for _, want := range []tensor.Shape{tensor.Of("D", "D"), tensor.Of(3, "D")} {
		g := build(t, func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("N", "D"))
			b.Output("y", x.Sized(want).Exp())
		})
		for _, e := range engines(t) {
			s := open(t, e, g)
			for _, n := range []int64{1, 2, 3} {
				d := int64(3)
				_, err := s.Run(t.Context(), tensors{"x": tensor.New(f64, n, d)})
				if (err == nil) != (n == 3) {
					t.Errorf("%s, %v: %d rows of %d: got error %v", e.Name(), want, n, d, err)
				}
			}
		}
	}
}

// TestForeignNames: inputs, outputs and parameters keep any name, and none is taken
// for a number of the graph's own.
func TestForeignNames(t *testing.T) {
	big := tensor.New(f64, 3)
	g := build(t, func(b *builder.B) {
		x := b.Input("t0", f64, tensor.Of("N", 3))
		y := x.Exp().Mul(b.Parameter("fc.weight", big)).Mul(b.Parameter("t1", big))
		b.Output("onnx::y", y)
		b.Output("T0", y.Exp())
	}, builder.Foreign)
	graph := g.Lower(17)
	var names []string
	for _, c := range graph.Initializers {
		names = append(names, c.Name)
	}
	for _, n := range graph.Nodes {
		names = append(names, n.Outputs...)
	}
	if got := strings.Join(names, " "); got != "fc.weight t1 t2 t3 onnx::y T0" {
		t.Errorf("got the names %s", got)
	}
}

// TestNodeResults: of a node with several outputs those that nothing uses and that
// had none have no name, and a gradient through one without a rule names the node.
func TestNodeResults(t *testing.T) {
	types := []builder.NodeType{{f64, tensor.Of("N", 2)}, {tensor.Int64, tensor.Of("N", 2)}}
	topK := func(b *builder.B, x Value, names ...string) []Value {
		return b.Node(ir.Node{Op: "TopK", Outputs: names}, []Value{x, b.Constant(tensor.FromInts(tensor.Int64, []int64{1}, []int64{2}))}, nil, types)
	}
	g := build(t, func(b *builder.B) { b.Output("y", topK(b, b.Input("x", f64, tensor.Of("N", 5)), "", "numbers")[1]) })
	if n := g.Lower(17).Nodes[0]; n.Outputs[0] != "" || n.Outputs[1] != "y" || n.Name != "y" {
		t.Errorf("got the node %+v", n)
	}
	_, err := builder.Build("test", func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N", 5))
		y := topK(b, x, "values", "numbers")[0].Sum()
		b.Output("dx", builder.Grad(y, y.Like(1), x)[0])
	})
	if err == nil || !strings.Contains(err.Error(), "TopK -> values: is not differentiable") {
		t.Errorf("got error %v", err)
	}
	build(t, func(b *builder.B) { // with respect to the result itself nothing flows through the node
		y := topK(b, b.Input("x", f64, tensor.Of("N", 5)), "values", "numbers")[0]
		b.Output("dy", builder.Grad(y.Square().Sum(), y.Like(1).Sum(), y)[0])
	})
}

// TestNodeBodies: the names inside of a foreign node's body are new in the graph, and
// those that it takes from around it are the graph's.
func TestNodeBodies(t *testing.T) {
	branch := func(op, result string) *ir.Graph {
		return &ir.Graph{Name: op, Nodes: []ir.Node{{Op: op, Inputs: []string{"around"}, Outputs: []string{result}}}, Outputs: []ir.Port{{Name: result, DType: f64}}}
	}
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		choose := ir.Node{Op: "If", Outputs: []string{"z"}, Attributes: []ir.Attribute{{Name: "then_branch", Value: branch("Neg", "t0")}, {Name: "else_branch", Value: branch("Exp", "t0")}}}
		y := b.Node(choose, []Value{b.Input("c", tensor.Bool, tensor.Shape{})}, map[string]Value{"around": x.Abs()}, []builder.NodeType{{f64, tensor.Of("N")}})
		b.Output("y", y[0])
	})
	if list := engines(t); len(list) > 1 { // the Go engine has no kernel for If
		open(t, list[len(list)-1], g).Close()
	}
	for _, n := range g.Lower(17).Nodes {
		for _, a := range n.Attributes {
			body := a.Value.(*ir.Graph)
			if body.Nodes[0].Inputs[0] != "t0" || body.Nodes[0].Outputs[0] == "t0" || body.Outputs[0].Name != body.Nodes[0].Outputs[0] {
				t.Errorf("%s: got the body %+v", a.Name, body)
			}
		}
	}
}

// TestManyConstants: large parameters are not printed to tell them apart.
func TestManyConstants(t *testing.T) {
	a, b, same := tensor.New(tensor.Float32, 100), tensor.New(tensor.Float32, 100), tensor.New(tensor.Float32, 100)
	b.SetFloat(99, 1)
	g := build(t, func(bld *builder.B) {
		x := bld.Constant(a)
		if x != bld.Constant(same) || x == bld.Constant(b) {
			t.Error("equal constants are one, others are not")
		}
		bld.Output("y", x.Add(bld.Constant(b)))
	})
	if n := len(g.Lower(17).Initializers); n != 2 {
		t.Errorf("got %d initializers, want 2", n)
	}
}

// TestGradEndsAtWhatIsAsked: the rule of a value is not applied where only its own
// gradient is asked for: in a chain, each rule that asks for one would go through all
// before it.
func TestGradEndsAtWhatIsAsked(t *testing.T) {
	build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		middle := builder.WithGradient("middle", x.Exp(), []Value{x}, func(dy Value) []Value {
			t.Error("the rule is applied")
			return []Value{dy}
		})
		y := middle.Square().Sum()
		b.Output("d", builder.Grad(y, y.Like(1), middle)[0])
	})
}
