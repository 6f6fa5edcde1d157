package builder_test

import (
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

var (
	nan  = math.NaN()
	inf  = math.Inf(1)
	zero = math.Copysign(0, -1)
)

// special is a function with its value and gradient at x.
type special struct {
	name        string
	f           func(x Value) Value
	x, y, slope float64
}

// specials are PyTorch's conventions at kinks and where a value is not finite.
func specials() []special {
	return []special{
		{"|x| at 0", Value.Abs, 0, 0, 0},
		{"|x| at -0", Value.Abs, zero, 0, 0},
		{"|x| at -inf", Value.Abs, -inf, inf, -1},
		{"|x| of a subnormal", Value.Abs, 5e-324, 5e-324, 1},
		{"|x| at NaN", Value.Abs, nan, nan, 0},
		{"sign at NaN", Value.Sign, nan, 0, 0},
		{"step at NaN", Value.Step, nan, 0, 0},
		{"sign at -0", Value.Sign, zero, 0, 0},
		{"sign at -inf", Value.Sign, -inf, -1, 0},
		{"step at 0", Value.Step, 0, 0, 0},
		{"step at inf", Value.Step, inf, 1, 0},
		{"relu at 0", Value.Relu, 0, 0, 0},
		{"relu at -inf", Value.Relu, -inf, 0, 0},
		{"relu at inf", Value.Relu, inf, inf, 1},
		{"clip at its lower bound", func(x Value) Value { return x.Clip(-1, 1) }, -1, -1, 0},
		{"clip at its upper bound", func(x Value) Value { return x.Clip(-1, 1) }, 1, 1, 0},
		{"clip inside", func(x Value) Value { return x.Clip(-1, 1) }, 0.5, 0.5, 1},
		{"clip at inf", func(x Value) Value { return x.Clip(-1, 1) }, inf, 1, 0},
		{"clip at NaN", func(x Value) Value { return x.Clip(-1, 1) }, nan, nan, 0},
		{"open clip at -inf", func(x Value) Value { return x.Clip(-inf, 1) }, -inf, -inf, 1},
		{"max of a tie", func(x Value) Value { return x.Max(x.Like(2)) }, 2, 2, 0.5},
		{"max above", func(x Value) Value { return x.Max(x.Like(2)) }, 3, 3, 1},
		{"max below", func(x Value) Value { return x.Max(x.Like(2)) }, 1, 2, 0},
		{"max of NaN", func(x Value) Value { return x.Max(x.Like(2)) }, nan, nan, 1},
		{"max with NaN", func(x Value) Value { return x.Max(x.Like(nan)) }, 1, nan, 1},
		{"min of a tie", func(x Value) Value { return x.Min(x.Like(2)) }, 2, 2, 0.5},
		{"min above", func(x Value) Value { return x.Min(x.Like(2)) }, 3, 2, 0},
		{"min of NaN", func(x Value) Value { return x.Min(x.Like(2)) }, nan, nan, 1},
		{"0 where it is off", func(x Value) Value { return builder.Where(x.Less(x.Like(0)), x.Like(0), x) }, -inf, 0, 0},
		{"0 where it is off, elsewhere", func(x Value) Value { return builder.Where(x.Less(x.Like(0)), x.Like(0), x) }, inf, inf, 1},
		{"0 where it is off, negative", func(x Value) Value { return builder.Where(x.Greater(x.Like(0)), x.Like(0), x) }, -2, -2, 1},
		{"0 where it is off at NaN", func(x Value) Value { return builder.Where(x.Equal(x).Not(), x.Like(0), x) }, nan, 0, 0},
		{"0 where relu is off", func(x Value) Value { return builder.Where(x.Greater(x.Like(2)), x.Like(0), x.Relu()) }, 3, 0, 0},
		{"0 where relu is off, elsewhere", func(x Value) Value { return builder.Where(x.Greater(x.Like(2)), x.Like(0), x.Relu()) }, 1, 1, 1},
		{"thresholded relu at its bound", func(x Value) Value { return x.ThresholdedRelu(2) }, 2, 0, 0},
		{"thresholded relu at -inf", func(x Value) Value { return x.ThresholdedRelu(-2) }, -inf, 0, 0},
		{"thresholded relu at inf", func(x Value) Value { return x.ThresholdedRelu(-2) }, inf, inf, 1},
		{"thresholded relu at NaN", func(x Value) Value { return x.ThresholdedRelu(-2) }, nan, 0, 0},
		{"where of inf", func(x Value) Value { return builder.Where(x.Less(x.Like(0)), x, x.Like(0)) }, -inf, -inf, 1},
		{"where leaves NaN behind", func(x Value) Value { return builder.Where(x.Less(x.Like(0)), x.Log(), x.Square()) }, 3, 9, 6},
		{"power 0 at NaN", func(x Value) Value { return x.Pow(0) }, nan, 1, 0},
		{"power 1.5 at 0", func(x Value) Value { return x.Pow(1.5) }, 0, 0, 0},
		{"power 0.5 at 0", func(x Value) Value { return x.Pow(0.5) }, 0, 0, inf},
		{"square root at 0", Value.Sqrt, 0, 0, inf},
		{"logarithm at 0", Value.Log, 0, -inf, inf},
		{"logarithm below 0", Value.Log, -1, nan, -1},
		{"1/x at 0", Value.Reciprocal, 0, inf, -inf},
		{"sigmoid far below", Value.Sigmoid, -700, math.Exp(-700), math.Exp(-700)},
		{"sigmoid at -inf", Value.Sigmoid, -inf, 0, 0},
		{"sigmoid far above", Value.Sigmoid, 800, 1, 0},
		{"softplus far above", Value.Softplus, 800, 800, 1},
		{"softplus far below", Value.Softplus, -40, math.Exp(-40), math.Exp(-40)},
		{"log sigmoid far below", Value.LogSigmoid, -800, -800, 1},
		{"log sigmoid far above", Value.LogSigmoid, 40, -math.Exp(-40), math.Exp(-40)},
		{"log1p near 0", Value.Log1p, 1e-18, 1e-18, 1},
		{"log1p at -1", Value.Log1p, -1, -inf, inf},
		{"x log x at 0", Value.XLogX, 0, 0, nan},
		{"x log x at 1", Value.XLogX, 1, 0, 1},
		{"tanh at inf", Value.Tanh, inf, 1, 0},
		{"atan at -inf", Value.Atan, -inf, -math.Pi / 2, 0},
	}
}

func TestSpecialValues(t *testing.T) {
	for _, c := range specials() {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, func(b *builder.B) {
				x := b.Input("x", f64, tensor.Of("N"))
				y := c.f(x)
				b.Output("y", y)
				b.Output("slope", builder.Grad(y, y.Like(1), x)[0])
			})
			for _, e := range engines(t) {
				out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(f64, []int64{1}, []float64{c.x})})
				y, slope := out["y"].Float(0), out["slope"].Float(0)
				if !exactly(y, c.y) || !exactly(slope, c.slope) {
					t.Errorf("%s: %v with gradient %v, want %v with %v", e.Name(), y, slope, c.y, c.slope)
				}
			}
		})
	}
}

// exactly allows the last digits only, also of tiny numbers.
func exactly(got, want float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 1e-13*math.Abs(want)
}

// TestTiesOfReductions: PyTorch's amax and amin split the gradient evenly.
func TestTiesOfReductions(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N", "D"))
		y := x.MaxKeep(1).Sum()
		b.Output("y", y)
		b.Output("slope", builder.Grad(y, y.Like(1), x)[0])
	})
	for _, e := range engines(t) {
		out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(f64, []int64{1, 4}, []float64{3, 1, 3, 3})})
		for i, want := range []float64{1. / 3, 0, 1. / 3, 1. / 3} {
			if got := out["slope"].Float(i); !exactly(got, want) {
				t.Errorf("%s: element %d has %v, want %v", e.Name(), i, got, want)
			}
		}
	}
}

// TestSoftmaxOfCommonOffset: an offset common to all logits changes nothing, and
// infinite ones neither overflow nor hide.
func TestSoftmaxOfCommonOffset(t *testing.T) {
	g := build(t, func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N", "C"))
		b.Output("log", x.LogSoftmax(1))
		b.Output("p", x.Softmax(1))
	})
	for _, e := range engines(t) {
		s := open(t, e, g)
		want := run(t, s, tensors{"x": tensor.FromFloats(f64, []int64{1, 3}, []float64{0, 1, 2})})
		for _, offset := range []float64{1e3, -1e3} {
			got := run(t, s, tensors{"x": tensor.FromFloats(f64, []int64{1, 3}, []float64{offset, offset + 1, offset + 2})})
			for i := range 3 {
				if !closeTo(got["log"].Float(i), want["log"].Float(i), 1e-12) || !closeTo(got["p"].Float(i), want["p"].Float(i), 1e-12) {
					t.Errorf("%s: offset %v: %v and %v, want %v and %v", e.Name(), offset, got["log"].Floats(), got["p"].Floats(), want["log"].Floats(), want["p"].Floats())
				}
			}
		}
		got := run(t, s, tensors{"x": tensor.FromFloats(f64, []int64{2, 3}, []float64{-inf, 0, 0, inf, 0, 0})})
		if !exactly(got["p"].Float(0), 0) || !exactly(got["log"].Float(0), -inf) || !math.IsNaN(got["p"].Float(3)) {
			t.Errorf("%s: infinite logits give %v and %v", e.Name(), got["p"].Floats(), got["log"].Floats())
		}
	}
}

// TestSpecialFloat32: what ONNX Runtime has in float32 only.
func TestSpecialFloat32(t *testing.T) {
	least := float64(math.SmallestNonzeroFloat32)
	xs := []float64{nan, -inf, -3, -least, zero, 0, least, 1e-38, 2, inf}
	outputs := map[string]struct {
		f    func(x Value) Value
		want []float64
	}{
		"sign":      {Value.Sign, []float64{0, -1, -1, -1, 0, 0, 1, 1, 1, 1}},
		"threshold": {func(x Value) Value { return x.ThresholdedRelu(-2) }, []float64{0, 0, 0, -least, 0, 0, least, 1e-38, 2, inf}},
		"where":     {func(x Value) Value { return builder.Where(x.Less(x.Like(1)), x.Log(), x.Neg()) }, []float64{nan, nan, nan, nan, -inf, -inf, math.Log(least), math.Log(1e-38), -2, -inf}},
	}
	g := build(t, func(b *builder.B) {
		x := b.Input("x", tensor.Float32, tensor.Of("N"))
		for name, o := range outputs {
			b.Output(name, o.f(x))
		}
	})
	for _, e := range engines(t) {
		got := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(tensor.Float32, []int64{int64(len(xs))}, xs)})
		for name, o := range outputs {
			for i, want := range o.want {
				if y := got[name].Float(i); y != want && !(math.Abs(y-want) <= 1e-6*math.Abs(want)) && !(math.IsNaN(y) && math.IsNaN(want)) {
					t.Errorf("%s: %s of %v is %v, want %v", e.Name(), name, xs[i], y, want)
				}
			}
		}
	}
}
