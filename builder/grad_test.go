package builder_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// unary makes programs of one operand [N,D].
func unary(name string, f func(x Value) Value) program {
	return program{name: name, operands: []operand{real("N", "D")}, f: func(_ *builder.B, x []Value) Value { return f(x[0]) }}
}

func unaryPositive(name string, f func(x Value) Value) program {
	p := unary(name, f)
	p.operands = []operand{positive("N", "D")}
	return p
}

func binary(name string, x, y operand, f func(x, y Value) Value) program {
	return program{name: name, operands: []operand{x, y}, f: func(_ *builder.B, v []Value) Value { return f(v[0], v[1]) }}
}

// once marks a program whose gradient is not differentiable everywhere, or not
// at all.
func once(p program) program {
	p.once = true
	return p
}

// programs has every differentiable operation.
func programs() []program {
	return slices.Concat(elementwise(), moves(), windowPrograms(), gammaPrograms(), scanPrograms(), indexed(), orders(), reductions(), families(), norms(), foreignPrograms(),
		layerPrograms(), poolPrograms(), normPrograms(), resizePrograms(), recurrentPrograms())
}

func elementwise() []program {
	return []program{
		unary("Neg", Value.Neg), unary("Abs", Value.Abs), unary("Square", Value.Square), unary("Exp", Value.Exp),
		unaryPositive("Log", Value.Log), unaryPositive("Sqrt", Value.Sqrt), unaryPositive("Reciprocal", Value.Reciprocal),
		unary("Relu", Value.Relu), unary("Tanh", Value.Tanh), unary("Atan", Value.Atan),
		unary("Clip", func(x Value) Value { return x.Clip(-1, 0.5) }),
		unary("Clip above", func(x Value) Value { return x.Clip(math.Inf(-1), 0.5).Square() }),
		unary("ThresholdedRelu", func(x Value) Value { return x.ThresholdedRelu(-0.5).Mul(x) }),
		unary("Sign", func(x Value) Value { return x.Sign().Mul(x) }),
		unary("Step", func(x Value) Value { return x.Step().Mul(x) }),
		unary("Pow 0", func(x Value) Value { return x.Pow(0).Mul(x) }), unary("Pow 1", func(x Value) Value { return x.Pow(1) }),
		unary("Pow 3", func(x Value) Value { return x.Pow(3) }), unaryPositive("Pow 1.5", func(x Value) Value { return x.Pow(1.5) }),
		unaryPositive("Pow -2", func(x Value) Value { return x.Pow(-2) }),
		unary("Cast", func(x Value) Value { return x.Less(x.Like(0.5)).Cast(f64).Mul(x) }),
		unary("StopGradient", func(x Value) Value { return x.Add(x.StopGradient().Sub(x.StopGradient())) }),
		unary("shared", func(x Value) Value { y := x.Exp(); return y.Mul(y).Add(y.Mul(x)) }),
		binary("Add", real("N", "D"), real("N", "D"), Value.Add), binary("Sub", real("N", "D"), real("N", "D"), Value.Sub),
		binary("Mul", real("N", "D"), real("N", "D"), Value.Mul), binary("Div", real("N", "D"), positive("N", "D"), Value.Div),
		binary("Max", real("N", "D"), real("N", "D"), Value.Max), binary("Min", real("N", "D"), real("N", "D"), Value.Min),
		binary("Where", real("N", "D"), real("N", "D"), func(x, y Value) Value { return builder.Where(x.Less(y), x.Square(), y) }),
		binary("Where of few", real(2, 3), real(2, 3), func(x, y Value) Value { return builder.Where(x.Less(y), x.Square(), y) }),
		binary("Where of a number", real("N", "D"), real("N", "D"), func(x, y Value) Value {
			return builder.Where(x.Less(y), x.Like(2), x.Mul(y)).Add(builder.Where(x.Less(x.Like(0)), y, y.Like(1)))
		}),
		binary("Greater", real("N", "D"), real("N", "D"), func(x, y Value) Value {
			return builder.Where(x.Greater(y).And(x.Equal(y).Not()).Or(x.Less(x.Like(-1))).Or(x.GreaterOrEqual(y.Like(1)).And(y.LessOrEqual(x))), x.Mul(y), y.Square())
		}),
	}
}

func moves() []program {
	return []program{
		unary("Unsqueeze", func(x Value) Value { return x.Unsqueeze(0, 2).Square() }),
		unary("Squeeze", func(x Value) Value { return x.SumKeep(1).Square().Squeeze(1) }),
		unary("Transpose", func(x Value) Value { return x.Transpose(1, 0).Square() }),
		unary("Reshape", func(x Value) Value { return x.Reshape(tensor.Of(1, "D", "N")).Square() }),
		{name: "Flatten", operands: []operand{real("N", "C", "D")}, f: func(_ *builder.B, x []Value) Value { return x[0].Square().Flatten(1).Square().SumOver(1) }},
		binary("Expand", real(1, "D"), real("N", "D"), func(x, y Value) Value { return x.Square().BroadcastTo(y.Shape()).Mul(y) }),
		binary("Concat", real("N", 2), real("N", 3), func(x, y Value) Value { return builder.Concat(1, x, y, x.Square()).Square() }),
		{name: "Slice", operands: []operand{real("N", 5)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Slice(1, 1, 3).Square().Add(x[0].Slice(1, 3, 5))
		}},
		{name: "slices with gaps", operands: []operand{real("N", 7)}, f: func(_ *builder.B, x []Value) Value {
			return builder.Concat(1, x[0].Slice(1, 4, 6).Exp(), x[0].Slice(1, 1, 2).Square())
		}},
		{name: "slices that overlap", operands: []operand{real("N", 5)}, f: func(_ *builder.B, x []Value) Value {
			return builder.Concat(1, x[0].Slice(1, 0, 3).Exp(), x[0].Slice(1, 2, 5).Square(), x[0].Slice(1, 0, 1))
		}},
		{name: "differences of neighbours", operands: []operand{real("C", "D")}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Slice(0, 1, math.MaxInt64).Sub(x[0].Slice(0, 0, -1)).Square()
		}},
		{name: "slices of open axes", operands: []operand{real("E", "D")}, f: func(_ *builder.B, x []Value) Value {
			a, b, c := x[0].Slice(0, 1, 3).Exp(), x[0].Slice(0, -2, math.MaxInt64).Square(), x[0].Slice(0, 0, -3).Exp()
			return builder.Concat(0, a, b, c, x[0].Slice(0, 0, 1).Square(), x[0].Slice(0, -4, -1))
		}},
		{name: "both views", operands: []operand{real("N", "D"), real("N", "D")}, f: func(_ *builder.B, x []Value) Value {
			all := builder.Concat(0, x[0], x[1])
			return all.MatMulT(all).LogSoftmax(1)
		}},
		{name: "Narrow", operands: []operand{real("N", "D"), real("C", "D")}, f: func(_ *builder.B, x []Value) Value {
			n, c := x[0].Shape()[0], x[1].Shape()[0]
			all := builder.Concat(0, x[0], x[1], x[0].Exp())
			return all.Narrow(0, n, c).Square().Mul(x[1]).SumKeep(0).Add(all.Narrow(0, tensor.D(0), n).Exp().SumKeep(0))
		}},
		{name: "Slice to the end", operands: []operand{real(3, "D")}, f: func(_ *builder.B, x []Value) Value { return x[0].Slice(0, 0, 2).Exp() }},
		{name: "Compress", operands: []operand{real("N", "D"), real("N", "D")}, f: func(_ *builder.B, x []Value) Value {
			first := x[1].Slice(1, 0, 1).Squeeze(1)
			mask := first.Greater(first.Like(0))
			return x[0].Compress(mask).Square().Uncompress(mask).Exp().Mul(x[1])
		}},
		{name: "Pick", operands: []operand{real("N", "C"), index(4, "N", 1)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Pick(1, x[1]).Square()
		}},
		{name: "Put", operands: []operand{real("N", "C"), index(4, "N", 1), real("N", 1)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Square().Put(1, x[1], x[2].Exp()).Square()
		}},
	}
}

func reductions() []program {
	return []program{
		unary("SumAll", func(x Value) Value { return x.Square().Sum().Square() }),
		unary("Sum", func(x Value) Value { return x.Square().SumOver(0).Square() }),
		unary("LongSum", func(x Value) Value { return x.Square().LongSum(1).Square() }),
		unary("LongSum of both axes", func(x Value) Value { return x.Exp().LongSum(0, 1).Square() }),
		unary("SumKeep", func(x Value) Value { return x.Square().SumKeep(-1).Square() }),
		unary("Sum of both axes", func(x Value) Value { return x.Exp().SumKeep(0, 1).Mul(x) }),
		unary("ReduceMax", func(x Value) Value { return x.MaxKeep(1).Mul(x) }),
		unary("Sum over no axes", func(x Value) Value { return x.Square().SumOver([]int{}...).Mul(x) }),
		unary("ReduceMax over no axes", func(x Value) Value { return x.MaxKeep().Mul(x) }),
		unary("ReduceMin", func(x Value) Value { return x.MinKeep(0).Square() }),
		unary("Count", func(x Value) Value { return x.Square().Mul(x.Numel().Reciprocal()) }),
	}
}

func families() []program {
	softmaxNLL := func(_ *builder.B, x []Value) Value { return x[0].SoftmaxNLL(1, x[1]).Square() }
	steepNLL := func(_ *builder.B, x []Value) Value { return x[0].SteepNLL(1, x[1]).Square() }
	return []program{
		unary("Softmax", func(x Value) Value { return x.Softmax(-1) }), unary("Softmax first", func(x Value) Value { return x.Softmax(0) }),
		unary("LogSoftmax", func(x Value) Value { return x.LogSoftmax(-1) }), unary("LogSoftmax first", func(x Value) Value { return x.LogSoftmax(0) }),
		unary("Sigmoid", Value.Sigmoid), unary("Softplus", Value.Softplus), unary("LogSigmoid", Value.LogSigmoid),
		unary("LogSigmoid of Neg", func(x Value) Value { return x.Neg().LogSigmoid() }),
		unaryPositive("Log1p", Value.Log1p), unaryPositive("XLogX", Value.XLogX),
		{name: "SoftmaxNLL", operands: []operand{real("N", "C"), index(4, "N", 1)}, f: softmaxNLL},
		{name: "SoftmaxNLL inner axis", operands: []operand{real("N", "C", "D"), index(4, "N", 1, "D")}, f: softmaxNLL},
		{name: "SteepNLL", operands: []operand{real("N", "C"), index(4, "N", 1)}, f: steepNLL},
		{name: "SteepNLL inner axis", operands: []operand{real("N", "C", "D"), index(4, "N", 1, "D")}, f: steepNLL},
		{name: "SmoothNLL", operands: []operand{real("N", "C"), index(4, "N", 1)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].SmoothNLL(1, x[1], 0.3, Value{}, Value{})
		}},
		once(program{name: "SmoothNLL weighted", operands: []operand{real("N", "C"), index(4, "N", 1)}, f: func(b *builder.B, x []Value) Value {
			a := b.Const(f64, 0.7).BroadcastTo(x[1].Shape())
			w := b.Constant(tensor.FromFloats(f64, []int64{1, 1}, []float64{0.7})).BroadcastTo(tensor.Of(1, "C"))
			return x[0].SmoothNLL(1, x[1], 0.3, a, w)
		}}),
		binary("MatMul", real("N", "C"), real("C", "D"), Value.MatMul),
		binary("MatMulT", real("N", "C"), real("D", "C"), Value.MatMulT),
		binary("MatMul of lists", real("E", "N", "C"), real("E", "C", "D"), Value.MatMul),
		binary("MatMul of a list and a matrix", real("E", "N", "C"), real("C", "D"), Value.MatMul),
		binary("MatMul of a matrix and a list", real("N", "C"), real("E", "C", "D"), Value.MatMul),
		binary("MatMul of all pairs", real("E", 1, "N", "C"), real("D", "C", 2), Value.MatMul),
		binary("MatMulT of all pairs", real("E", 1, "N", "C"), real(1, "D", 2, "C"), Value.MatMulT),
		binary("MatMul of an inner size of 1", real("E", "N", 1), real(1, "D"), Value.MatMul),
		binary("MatMul of vectors", real("C"), real("C"), Value.MatMul),
		binary("MatMul of a vector and a list", real("C"), real("E", "C", "D"), Value.MatMul),
		binary("MatMul of a list and a vector", real("E", "N", "C"), real("C"), Value.MatMul),
		unary("WithGradient", func(x Value) Value {
			return builder.WithGradient("cube", x.Mul(x).Mul(x), []Value{x}, func(dy Value) []Value { return []Value{x.Square().Scale(3).Mul(dy)} })
		}),
	}
}

func TestGradients(t *testing.T) {
	for _, p := range programs() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.check(t, 1)
			p.check(t, 1, builder.Naive)
			p.check(t, 1, builder.Derived)
			if !p.once {
				p.check(t, 2)
			}
		})
	}
}

// check compares gradients with central differences on the reference engine.
func (p program) check(t *testing.T, order int, options ...builder.Option) {
	t.Helper()
	inputs := p.draw(uint64(order))
	g := build(t, func(b *builder.B) {
		x := p.declare(b)
		y := p.objective(weigher{b, inputs}, x, order)
		b.Output("y", y)
		for i, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
			b.Output("d"+name(i), dx)
		}
	}, options...)
	s := open(t, reference.Backend{}, g)
	got := run(t, s, inputs)
	k := 0
	for i, o := range p.operands {
		if o.index > 0 {
			continue
		}
		dx := got["d"+name(k)]
		k++
		for e := range dx.Len() {
			if want := difference(t, s, inputs, name(i), e); !closeTo(dx.Float(e), want, 2e-7) {
				t.Errorf("order %d, options %d: gradient of %s[%d] is %v, by differences %v\n%v", order, len(options), name(i), e, dx.Float(e), want, g)
				return
			}
		}
	}
}

// difference extrapolates central differences of two steps.
func difference(t *testing.T, s runtime.Session, inputs tensors, input string, e int) float64 {
	t.Helper()
	const h = 1e-3
	at := func(d float64) float64 {
		in := maps.Clone(inputs)
		x := tensor.FromFloats(f64, in[input].Dims, in[input].Floats())
		x.SetFloat(e, x.Float(e)+d)
		in[input] = x
		return run(t, s, in)["y"].Float(0)
	}
	wide, narrow := (at(h)-at(-h))/(2*h), (at(h/2)-at(-h/2))/h
	return narrow + (narrow-wide)/3
}

// TestCastGradient: a gradient goes through another dtype and back.
func TestCastGradient(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		y := x.Cast(tensor.Float32).Scale(3).Cast(f64).Sum()
		b.Output("y", y)
		b.Output("dx", builder.Grad(y, y.Like(1), x)[0])
	})
	out := run(t, open(t, reference.Backend{}, g), tensors{"x": tensor.New(f64, 2)})
	if got := out["dx"]; got.DType != f64 || got.Float(0) != 3 || got.Float(1) != 3 {
		t.Errorf("got %v %v, want 3 and 3 in float64", got, got.Floats())
	}
}

// TestBroadcastGradients differentiates operations on all pairs of shapes.
func TestBroadcastGradients(t *testing.T) {
	shapes := [][]any{{}, {1}, {"D"}, {1, "D"}, {"N", 1}, {1, 1}, {"N", "D"}, {"E", "N", "D"}, {1, 1, 1}}
	for _, a := range shapes {
		for _, c := range shapes {
			for name, f := range map[string]func(x, y Value) Value{
				"Mul": Value.Mul, "Div": Value.Div, "Max": Value.Max,
				"Where": func(x, y Value) Value { return builder.Where(x.Less(y), x.Square(), y) },
			} {
				t.Run(fmt.Sprintf("%s_%v_%v", name, tensor.Of(a...), tensor.Of(c...)), func(t *testing.T) {
					t.Parallel()
					binary(name, positive(a...), positive(c...), f).check(t, 1)
				})
			}
		}
	}
}

// TestSmallUpstream: an upstream gradient that broadcasts gives what the full one
// gives.
func TestSmallUpstream(t *testing.T) {
	for _, p := range programs() {
		for _, shape := range []string{"scalar", "first", "last"} {
			t.Run(p.name+"_"+shape, func(t *testing.T) {
				t.Parallel()
				p.compareUpstream(t, shape)
			})
		}
	}
}

func (p program) compareUpstream(t *testing.T, shape string) {
	inputs := p.draw(5)
	g := build(t, func(b *builder.B) {
		x := p.declare(b)
		y := p.f(b, x)
		small := tensor.Shape{}
		if shape != "scalar" {
			small = append(small, y.Shape()...)
		}
		if len(small) > 0 {
			axis := 0
			if shape == "last" {
				axis = len(small) - 1
			}
			small[axis] = tensor.D(1)
		}
		dy := b.Input("dy", f64, small)
		inputs["dy"] = tensor.New(f64, sizes(small)...)
		for i := range inputs["dy"].Len() {
			inputs["dy"].SetFloat(i, 0.5+float64(i)/3)
		}
		full := builder.Grad(y, dy.BroadcastTo(y.Shape()), p.real(x)...)
		for i, dx := range builder.Grad(y, dy, p.real(x)...) {
			b.Output(fmt.Sprintf("small_%d", i), dx)
			b.Output(fmt.Sprintf("full_%d", i), full[i])
		}
	})
	out := run(t, open(t, reference.Backend{}, g), inputs)
	for i := range len(out) / 2 {
		got, want := out[fmt.Sprintf("small_%d", i)], out[fmt.Sprintf("full_%d", i)]
		for e := range want.Len() {
			if !closeTo(got.Float(e), want.Float(e), 1e-12) {
				t.Fatalf("gradient %d[%d] is %v with a small upstream gradient, %v with the full one\n%v", i, e, got.Float(e), want.Float(e), g)
			}
		}
	}
}

// TestEveryOpset lowers each program for every opset, in each mode.
func TestEveryOpset(t *testing.T) {
	for _, p := range programs() {
		for _, options := range [][]builder.Option{nil, {builder.Naive}} {
			g := build(t, func(b *builder.B) {
				x := p.declare(b)
				y := p.objective(weigher{b, tensors{}}, x, 1)
				b.Output("y", y)
				for i, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
					b.Output("d"+name(i), dx)
				}
			}, options...)
			for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
				file(t, g, opset)
			}
		}
	}
}

// TestEnginesAgreeOnPrograms runs each program with its gradients on all engines.
func TestEnginesAgreeOnPrograms(t *testing.T) {
	list := engines(t)
	for _, p := range programs() {
		inputs, tolerance := p.draw(3), 1e-12
		if p.rounded = p.single; p.single {
			tolerance = 1e-4
		}
		g := build(t, func(b *builder.B) {
			x := p.declare(b)
			y := p.objective(weigher{b, inputs}, x, 1)
			b.Output("y", y)
			for i, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
				b.Output("d"+name(i), dx)
			}
		})
		want := run(t, open(t, list[0], g), inputs)
		for _, e := range list[1:] {
			for output, x := range run(t, open(t, e, g), inputs) {
				for i := range x.Len() {
					if !closeTo(x.Float(i), want[output].Float(i), tolerance) {
						t.Errorf("%s: %s: %s[%d] is %v, want %v", p.name, e.Name(), output, i, x.Float(i), want[output].Float(i))
					}
				}
			}
		}
	}
}
