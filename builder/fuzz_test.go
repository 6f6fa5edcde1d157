package builder_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// maxSteps bounds the operations of a random graph, and maxNumber its numbers:
// differences of larger ones say nothing.
const (
	maxSteps  = 12
	maxNumber = 1e6
)

// grown is a graph that grows by bytes.
type grown struct{ values []Value }

// step adds an operation. Its operands are values of the graph; the second one has
// the shape of the first, or broadcasts with it.
func (g *grown) step(op, pick byte) {
	x := g.values[int(pick&15)%len(g.values)]
	y := x
	for i := range g.values {
		other := g.values[(int(pick>>4)+i)%len(g.values)]
		if other.Shape().Equal(x.Shape()) || other.Shape().Equal(tensor.Of("N", 1)) && x.Shape()[0] == tensor.S("N") {
			y = other
			break
		}
	}
	ops := g.operations(x, y)
	g.values = append(g.values, ops[int(op)%len(ops)]())
}

// operations lists what can be done with x and y without leaving small numbers.
func (g *grown) operations(x, y Value) []func() Value {
	unary := []func(Value) Value{
		Value.Neg, Value.Abs, Value.Tanh, Value.Sigmoid, Value.Softplus, Value.LogSigmoid, Value.Relu, Value.Atan,
		func(x Value) Value { return x.Tanh().Exp() }, func(x Value) Value { return x.Tanh().Square() },
		func(x Value) Value { return x.Square().Shift(1).Log() }, func(x Value) Value { return x.Square().Shift(0.5).Sqrt() },
		func(x Value) Value { return x.Abs().Shift(0.5).Reciprocal() }, func(x Value) Value { return x.Abs().Shift(0.1).Pow(1.5) },
		func(x Value) Value { return x.Clip(-1, 0.5) }, func(x Value) Value { return x.Scale(-2) }, func(x Value) Value { return x.Scale(1).Shift(0) },
		func(x Value) Value { return x.Softmax(1) }, func(x Value) Value { return x.LogSoftmax(0) },
		func(x Value) Value { return x.SumKeep(1) }, func(x Value) Value { return x.SumKeep(0) },
		func(x Value) Value { return x.MaxKeep(1) }, func(x Value) Value { return x.MinKeep(0) },
		func(x Value) Value { return x.Transpose(1, 0) }, func(x Value) Value { return x.Neg().Neg() },
		func(x Value) Value { return x.Unsqueeze(0).Squeeze(0) },
		func(x Value) Value { return x.SumOver(1).Unsqueeze(1).BroadcastTo(x.Shape()) },
		func(x Value) Value { return x.CumSum(1) }, func(x Value) Value { return x.MatMulT(x).Tanh().MatMul(x) },
	}
	binary := []func(x, y Value) Value{
		Value.Add, Value.Sub, Value.Max, Value.Min,
		func(x, y Value) Value { return x.Mul(y.Tanh()) }, func(x, y Value) Value { return x.Div(y.Square().Shift(1)) },
		func(x, y Value) Value { return builder.Where(x.Less(y), x, y.Scale(2).Sub(x)) },
		func(x, y Value) Value { return builder.Concat(1, x, y).SumKeep(1).Add(x) },
	}
	var list []func() Value
	for _, f := range unary {
		list = append(list, func() Value { return f(x) })
	}
	for _, f := range binary {
		list = append(list, func() Value { return f(x, y) })
	}
	return list
}

// grow returns the graph that bytes stand for: the last value, its weighted sum,
// and the gradients of that; and the last value's inferred shape.
func grow(code []byte, options ...builder.Option) (*builder.Graph, tensor.Shape, error) {
	var shape tensor.Shape
	g, err := builder.Build("random", func(b *builder.B) {
		x := []Value{b.Input("x0", f64, tensor.Of("N", "C")), b.Input("x1", f64, tensor.Of("N", 1)), b.Input("x2", f64, tensor.Of("N", "C"))}
		g := &grown{append([]Value{}, x...)}
		for i := 0; i+1 < len(code) && i < 2*maxSteps; i += 2 {
			g.step(code[i], code[i+1])
		}
		y := g.values[len(g.values)-1]
		shape = y.Shape()
		loss := y.Mul(b.Input("w", f64, shape)).Sum()
		b.Output("y", y)
		b.Output("loss", loss)
		for i, dx := range builder.Grad(loss, loss.Like(1), x...) {
			b.Output("grad_"+name(i), dx)
		}
	}, options...)
	return g, shape, err
}

// FuzzGraph: graphs of any operations have the sizes that were inferred, the
// gradients of finite differences, and the numbers of the graph as written.
func FuzzGraph(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{17, 0, 32, 0x12, 2, 3})
	f.Add([]byte{23, 0, 19, 3, 8, 4, 29, 0x50})
	f.Add([]byte{28, 0, 35, 0x13, 18, 4, 31, 0x25, 27, 6})
	f.Fuzz(func(t *testing.T, code []byte) {
		g, shape, err := grow(code)
		if err != nil {
			return // shapes that do not fit: said, not panicked
		}
		random := rand.New(rand.NewPCG(uint64(len(code)), 3))
		in := tensors{"x0": uniform(random, -2, 2, []int64{3, 4}), "x1": uniform(random, -2, 2, []int64{3, 1}), "x2": uniform(random, -2, 2, []int64{3, 4})}
		in["w"] = uniform(random, 0.5, 1.5, sizes(shape))
		s := open(t, reference.Backend{}, g)
		out := run(t, s, in)
		if want := tensor.New(f64, sizes(shape)...); out["y"].String() != want.String() {
			t.Fatalf("y is %v, inferred as %v\n%v", out["y"], want, g)
		}
		if !small(out) {
			return
		}
		checkDifferences(t, g, s, in, out)
		naive, _, err := grow(code, builder.Naive)
		if err != nil {
			t.Fatalf("as written: %v", err)
		}
		written := run(t, open(t, reference.Backend{}, naive), in)
		for name, want := range written {
			for i := range want.Len() {
				if !closeTo(out[name].Float(i), want.Float(i), 1e-9) {
					t.Errorf("%s[%d] is %g simplified, %g as written\n%v", name, i, out[name].Float(i), want.Float(i), g)
				}
			}
		}
	})
}

func small(out tensors) bool {
	for _, x := range out {
		for i := range x.Len() {
			if !(math.Abs(x.Float(i)) < maxNumber) {
				return false
			}
		}
	}
	return true
}

// checkDifferences compares gradients with differences, away from kinks.
func checkDifferences(t *testing.T, g *builder.Graph, s runtime.Session, in, out tensors) {
	t.Helper()
	for i := range 3 {
		x := in[name(i)]
		for k := range x.Len() {
			at := x.Float(k)
			loss := func(d float64) float64 {
				x.SetFloat(k, at+d)
				defer x.SetFloat(k, at)
				return run(t, s, in)["loss"].Float(0)
			}
			const h = 1e-4
			wide := (loss(h) - loss(-h)) / (2 * h)
			narrow := (loss(h/2) - loss(-h/2)) / h
			right, left := (loss(h)-loss(0))/h, (loss(0)-loss(-h))/h
			scale := max(1, math.Abs(narrow))
			if math.Abs(wide-narrow) > 1e-5*scale || math.Abs(right-left) > 0.05*scale {
				continue // a kink, or a bend too sharp for the step
			}
			if got := out["grad_"+name(i)].Float(k); !closeTo(got, narrow, 1e-4*scale) {
				t.Errorf("the gradient of %s[%d] is %g, by differences %g\n%v", name(i), k, got, narrow, g)
			}
		}
	}
}
