package builder_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// norms are the programs of norms, sums of exponentials and indicators.
func norms() []program {
	list := []program{
		unary("LogSumExp", func(x Value) Value { return x.LogSumExp(1) }),
		unary("LogSumExp of both axes", func(x Value) Value { return x.LogSumExp(0, -1).Mul(x) }),
		unary("LogSumExp over nothing", func(x Value) Value { return x.LogSumExp().Square() }),
		binary("LogSumExpWhere", real("N", "C"), real("N", "C"), func(x, y Value) Value {
			return x.LogSumExpWhere(y.Less(y.MaxKeep(1)), 1)
		}),
		unary("Amax", func(x Value) Value { return x.Amax(1).Mul(x) }),
		unary("Amax of both axes", func(x Value) Value { return x.Amax(0, -1).Square() }),
		unary("Normalize", func(x Value) Value { return x.Normalize(2, 1e-12, 1) }),
		unary("Normalize by the largest", func(x Value) Value { return x.Normalize(math.Inf(1), 3, 0) }),
		{name: "OneHot", operands: []operand{real("N", "C"), index(4, "N")}, f: func(_ *builder.B, x []Value) Value {
			return x[1].OneHot(-1, tensor.S("C"), f64).Mul(x[0].Square())
		}},
		{name: "OneHot first", operands: []operand{real("C", "N"), index(4, "N")}, f: func(_ *builder.B, x []Value) Value {
			return x[1].OneHot(0, tensor.S("C"), f64).Mul(x[0].Exp())
		}},
	}
	for _, p := range []float64{0, 0.5, 1, 1.5, 2, 3, math.Inf(1), math.Inf(-1)} {
		list = append(list, unary(fmt.Sprintf("Norm %v", p), func(x Value) Value { return x.Norm(p, 1).Mul(x) }))
	}
	return append(list, unary("Norm of both axes", func(x Value) Value { return x.Norm(2, 0, 1).Mul(x) }))
}

// vector is a function of a vector, with its value and gradient where w weighs its
// elements.
type vector struct {
	name       string
	f          func(x Value) Value
	x, y, grad []float64
}

// vectors are PyTorch's values and gradients where elements are equal, 0 or not
// finite.
func vectors() []vector {
	lse := func(x Value) Value { return x.LogSumExp(0) }
	// torch.logsumexp(x, 0)
	list := []vector{
		{"logsumexp", lse, []float64{-inf, -inf}, []float64{-inf}, []float64{nan, nan}},
		{"logsumexp", lse, []float64{inf, 0}, []float64{inf}, []float64{nan, 0}},
		{"logsumexp", lse, []float64{inf, inf}, []float64{inf}, []float64{nan, nan}},
		{"logsumexp", lse, []float64{inf, -inf}, []float64{inf}, []float64{nan, 0}},
		{"logsumexp", lse, []float64{-inf, 1, 2}, []float64{2.313261687518223}, []float64{0, 0.26894142136999505, 0.7310585786300048}},
		{"logsumexp", lse, []float64{nan, 1}, []float64{nan}, []float64{nan, nan}},
		{"logsumexp", lse, []float64{1000, 1001}, []float64{1001.3132616875182}, []float64{0.2689414213699951, 0.7310585786300049}},
		{"logsumexp", lse, []float64{}, []float64{-inf}, []float64{}},
	}
	// torch.logsumexp(x.masked_fill(~(x < 5), -inf), 0)
	where := func(x Value) Value { return x.LogSumExpWhere(x.Less(x.Like(5)), 0) }
	list = append(list,
		vector{"of none", where, []float64{7, 8}, []float64{-inf}, []float64{0, 0}},
		vector{"of none that are finite", where, []float64{inf, nan}, []float64{-inf}, []float64{0, 0}},
		vector{"of some", where, []float64{1, 2, inf, nan}, []float64{2.313261687518223}, []float64{0.26894142136999505, 0.7310585786300048, 0, 0}},
		vector{"of -inf", where, []float64{-inf, 7}, []float64{-inf}, []float64{nan, 0}},
	)
	norm := func(p, y float64, x, grad []float64) {
		list = append(list, vector{fmt.Sprintf("norm %v", p), func(x Value) Value { return x.Norm(p, 0) }, x, []float64{y}, grad})
	}
	// torch.linalg.vector_norm(x, p, 0)
	norm(0, 2, []float64{3, nan, 0}, []float64{0, 0, 0})
	norm(0.5, 0, []float64{0, 0}, []float64{0, 0})
	norm(0.5, 11.999999999999998, []float64{3, -3, 0}, []float64{2, -2, 0})
	norm(0.5, inf, []float64{inf, 1}, []float64{nan, inf})
	norm(1, 7, []float64{3, -4, 0}, []float64{1, -1, 0})
	norm(1, nan, []float64{nan, 1}, []float64{0, 1})
	norm(1, inf, []float64{inf, -inf}, []float64{1, -1})
	norm(1.5, 0, []float64{0, 0}, []float64{0, 0})
	norm(1.5, 4.762203155904598, []float64{3, -3, 0}, []float64{0.7937005259840998, -0.7937005259840998, 0})
	norm(1.5, inf, []float64{inf, 1}, []float64{nan, 0})
	norm(2, 0, []float64{0, 0}, []float64{0, 0})
	norm(2, 5, []float64{3, -4}, []float64{0.6, -0.8})
	norm(2, inf, []float64{inf, 1}, []float64{nan, 0})
	norm(2, nan, []float64{nan, 1}, []float64{nan, nan})
	norm(3, 0, []float64{0, 0}, []float64{0, 0})
	norm(3, 4.497941445275415, []float64{3, -4}, []float64{0.4448513517305356, -0.7908468475209521})
	norm(inf, 3, []float64{3, -3, 0}, []float64{0.5, -0.5, 0})
	norm(inf, 0, []float64{0, 0}, []float64{0, 0})
	norm(inf, nan, []float64{nan, 1}, []float64{0, 0})
	norm(inf, inf, []float64{inf, -inf}, []float64{0.5, -0.5})
	norm(-inf, 1, []float64{inf, 1}, []float64{0, 1})
	norm(-inf, nan, []float64{nan, 1}, []float64{0, 0})
	// torch.amax(x, 0)
	amax := func(y float64, x, grad []float64) {
		list = append(list, vector{"amax", func(x Value) Value { return x.Amax(0) }, x, []float64{y}, grad})
	}
	amax(3, []float64{1, 3, 3}, []float64{0, 0.5, 0.5})
	amax(inf, []float64{inf, 0, inf}, []float64{0.5, 0, 0.5})
	amax(-inf, []float64{-inf, -inf}, []float64{0.5, 0.5})
	amax(nan, []float64{nan, 1}, []float64{nan, nan})
	amax(nan, []float64{-inf, nan}, []float64{nan, nan})
	// -x.log_softmax(0)[0]
	nll := func(y float64, x, grad []float64) {
		for name, f := range map[string]func(x Value, axis int, index Value) Value{"softmax_nll": Value.SoftmaxNLL, "steep_nll": Value.SteepNLL} {
			list = append(list, vector{name, func(x Value) Value {
				return f(x, 0, x.B().Constant(tensor.FromInts(tensor.Int64, []int64{1}, []int64{0})))
			}, x, []float64{y}, grad})
		}
	}
	nll(1.551444713932051, []float64{1000, 1001, 1000}, []float64{-0.7880584423829146, 0.5761168847658291, 0.21194155761708544})
	nll(inf, []float64{-inf, 0, 0}, []float64{-1, 0.5, 0.5})
	nll(0, []float64{0, -inf, -inf}, []float64{0, 0, 0})
	for _, x := range [][]float64{{inf, 0, 0}, {0, inf, 0}, {nan, 0, 1}, {0, nan, 1}, {-inf, -inf, -inf}} {
		nll(nan, x, []float64{nan, nan, nan})
	}
	// (F.normalize(x, dim=0) * torch.tensor([1., 2.])).sum()
	normalize := func(x Value) Value {
		return x.Normalize(2, 1e-12, 0).Mul(x.B().Iota(1, 0, x.Shape()[0]).Cast(f64).Shift(1))
	}
	return append(list,
		vector{"normalize", normalize, []float64{0, 0}, []float64{0, 0}, []float64{1e12, 2e12}},
		vector{"normalize", normalize, []float64{3, 4}, []float64{0.6, 1.6}, []float64{-0.064, 0.048}},
		vector{"normalize", normalize, []float64{1e-13, 0}, []float64{0.1, 0}, []float64{1e12, 2e12}},
		vector{"normalize at eps", normalize, []float64{1e-12, 0}, []float64{1, 0}, []float64{1e12, 2e12}},
	)
}

func TestVectors(t *testing.T) {
	for _, c := range vectors() {
		for form, options := range map[string][]builder.Option{"": nil, "as written": {builder.Naive}} {
			g := build(t, func(b *builder.B) {
				x := b.Input("x", f64, tensor.Of("N"))
				y := c.f(x)
				b.Output("y", y)
				b.Output("grad", builder.Grad(y, y.Like(1), x)[0])
			}, options...)
			for _, e := range engines(t) {
				out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(f64, []int64{int64(len(c.x))}, c.x)})
				for name, want := range map[string][]float64{"y": c.y, "grad": c.grad} {
					for i, w := range want {
						if got := out[name].Float(i); !closeTo(got, w, 1e-14) {
							t.Errorf("%s of %v %s, %s: %s[%d] is %v, want %v", c.name, c.x, form, e.Name(), name, i, got, w)
						}
					}
				}
			}
		}
	}
}

// TestSteepNLL: the gradient at the class keeps its digits where the probability is 1 but
// for less than float32 tells.
func TestSteepNLL(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", tensor.Float32, tensor.Of("N", "C"))
		y := x.SteepNLL(1, b.Constant(tensor.FromInts(tensor.Int64, []int64{1, 1}, []int64{0})).BroadcastTo(tensor.Shape{x.Shape()[0], tensor.D(1)}))
		b.Output("grad", builder.Grad(y, y.Like(1), x)[0])
	})
	want := []float64{-2.8194098167233506e-09, 2.0611536166273233e-09, 7.582560406533569e-10} // PyTorch's, in float64
	for _, e := range engines(t) {
		got := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(tensor.Float32, []int64{1, 3}, []float64{20, 0, -1})})["grad"]
		for i, w := range want {
			if !(math.Abs(got.Float(i)-w) <= 1e-6*math.Abs(w)) {
				t.Errorf("%s: element %d is %v, want %v", e.Name(), i, got.Float(i), w)
			}
		}
	}
}

// TestOneHot: numbers that are no class have no 1.
func TestOneHot(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Int64, tensor.Int32} {
		g := build(t, func(b *builder.B) {
			x := b.Input("x", dtype, tensor.Of("N"))
			b.Output("last", x.OneHot(1, tensor.D(3), tensor.Float32))
			b.Output("first", x.OneHot(-2, tensor.D(2), tensor.Int64))
		})
		for _, e := range engines(t) {
			out := run(t, open(t, e, g), tensors{"x": tensor.FromInts(dtype, []int64{4}, []int64{2, -1, 0, 3})})
			if got := fmt.Sprint(out["last"], out["last"].Floats(), out["first"], out["first"].Floats()); got != "float32[4,3] [0 0 1 0 0 0 1 0 0 0 0 0] int64[2,4] [0 0 1 0 0 0 0 0]" {
				t.Errorf("%s, %v: %s", e.Name(), dtype, got)
			}
		}
	}
}

func TestNormErrors(t *testing.T) {
	for want, f := range map[string]func(x Value){
		"p is NaN, want a number":                    func(x Value) { x.Norm(nan, 1) },
		"needs int64 or int32, got float64[N,D]":     func(x Value) { x.OneHot(0, tensor.D(2), f64) },
		"bool[N,D] does not broadcast to float64[D]": func(x Value) { x.SumOver(0).LogSumExpWhere(x.Less(x.Like(0)), 0) },
		"axis 3 is out of place in int64[N,D]":       func(x Value) { x.Cast(tensor.Int64).OneHot(3, tensor.D(2), f64) },
		"axis -1 is out of place in int64[N,D]":      func(x Value) { x.Cast(tensor.Int64).OneHot(-4, tensor.D(2), f64) },
		"axis 2 does not exist in float64[N,D]":      func(x Value) { x.LogSumExp(2) },
		"bounds NaN and +Inf are out of order":       func(x Value) { x.Normalize(2, nan, 1) },
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("N", "D"))
			f(x)
			b.Output("y", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) || e.Msg != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestSecondOfNorm compares products with the second derivative with PyTorch's:
// autograd.grad of the gradient of torch.linalg.vector_norm(x, 2, 1).sum(). At 0 that is
// NaN, and 0 here.
func TestSecondOfNorm(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x, v := b.Input("x", f64, tensor.Of("N", "D")), b.Input("v", f64, tensor.Of("N", "D"))
		y := x.Norm(2, 1).Sum()
		b.Output("hvp", builder.Grad(builder.Grad(y, y.Like(1), x)[0], v, x)[0])
	})
	inputs := tensors{
		"x": tensor.FromFloats(f64, []int64{2, 3}, []float64{0, 0, 0, 3, 4, 0}),
		"v": tensor.FromFloats(f64, []int64{2, 3}, []float64{1, 2, 3, 1, 2, 3}),
	}
	for _, e := range engines(t) {
		got := run(t, open(t, e, g), inputs)["hvp"]
		for i, want := range []float64{0, 0, 0, -0.064, 0.048, 0.6} {
			if !closeTo(got.Float(i), want, 1e-12) {
				t.Errorf("%s: element %d is %v, want %v", e.Name(), i, got.Float(i), want)
			}
		}
	}
}
