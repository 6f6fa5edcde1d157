package builder_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// orders are the programs that put elements in order.
func orders() []program {
	sorted := func(axis int, falling bool) func(x Value) Value {
		return func(x Value) Value {
			y, _ := x.Sort(axis, falling)
			return y.Square().CumSum(axis)
		}
	}
	return []program{
		unary("Sort", sorted(1, false)), unary("Sort falling", sorted(0, true)),
		unary("TopK", func(x Value) Value {
			y, at := x.TopK(1, tensor.D(1), true)
			return y.Square().Add(x.Square().Pick(1, at))
		}),
		{name: "TopK of several", operands: []operand{real("N", "C", "D")}, f: func(_ *builder.B, x []Value) Value {
			y, _ := x[0].TopK(1, tensor.D(3), false)
			return y.Exp()
		}},
		{name: "a rank by sorting twice", operands: []operand{real("N", "C")}, f: func(_ *builder.B, x []Value) Value {
			_, order := x[0].Sort(1, false)
			_, rank := order.Sort(1, false)
			return rank.Cast(f64).Mul(x[0])
		}},
		unary("ArgMax", func(x Value) Value { return x.Pick(1, x.ArgMax(1)).Mul(x.Pick(0, x.ArgMin(0))) }),
	}
}

// TestOrder: values and numbers are those of PyTorch, also of ties, infinities and
// NaN, in every opset and for every target.
//
//	torch.sort(x, stable=True, descending=falling), torch.argmax(x), torch.argmin(x)
func TestOrder(t *testing.T) {
	least := math.SmallestNonzeroFloat64
	x := []float64{1, nan, inf, -inf, nan, inf, 0, zero, 1, math.MaxFloat64, -math.MaxFloat64, least}
	rising := []float64{3, 10, 6, 7, 11, 0, 8, 9, 2, 5, 1, 4}
	falling := []float64{1, 4, 2, 5, 9, 0, 8, 11, 6, 7, 10, 3}
	narrow := func(x []float64) []float64 { // to float32
		x = slices.Clone(x)
		x[9], x[10], x[11] = math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32
		return x
	}
	graph := func(dtype tensor.DType, options ...builder.Option) *builder.Graph {
		return build(t, func(b *builder.B) {
			x := b.Input("x", dtype, tensor.Of("N"))
			var up, down, top, bottom Value
			up, n := x.Sort(0, false)
			b.Output("rising", n)
			down, n = x.Sort(0, true)
			b.Output("falling", n)
			top, n = x.TopK(0, tensor.D(5), true)
			b.Output("top", n)
			bottom, n = x.TopK(-1, tensor.D(3), false)
			b.Output("bottom", n)
			for name, v := range map[string]Value{"up": up, "down": down, "first": top, "last": bottom} {
				b.Output(name, v)
			}
			b.Output("most", x.ArgMax(0))
			b.Output("least", x.ArgMin(-1))
			number := builder.Where(x.Equal(x), x, x.Like(0))
			b.Output("most_number", number.ArgMax(0))
			b.Output("least_number", number.ArgMin(0))
		}, options...)
	}
	want := map[string][]float64{"rising": rising, "falling": falling, "top": falling[:5], "bottom": rising[:3],
		"most": {1}, "least": {1}, "most_number": {2}, "least_number": {3}}
	picked := map[string]string{"up": "rising", "down": "falling", "first": "top", "last": "bottom"}
	for _, e := range engines(t) {
		compare := func(form string, g *builder.Graph, dtype tensor.DType, opset int64, x []float64) {
			out := run(t, openFor(t, e, g, opset), tensors{"x": tensor.FromFloats(dtype, []int64{int64(len(x))}, x)})
			for name, numbers := range want {
				if got := out[name].Floats(); !slices.Equal(got, numbers) {
					t.Errorf("%s, %s, %v: %s is %v, want %v", e.Name(), form, dtype, name, got, numbers)
				}
			}
			for name, by := range picked {
				for i, k := range want[by] {
					if got := out[name].Float(i); !exactly(got, x[int(k)]) {
						t.Errorf("%s, %s, %v: %s[%d] is %v, want %v", e.Name(), form, dtype, name, i, got, x[int(k)])
					}
				}
			}
		}
		for _, opset := range []int64{13, 17, 21} {
			compare(fmt.Sprint("opset ", opset), graph(f64), f64, opset, x)
			compare(fmt.Sprint("opset ", opset), graph(tensor.Float32), tensor.Float32, opset, narrow(x))
		}
		for _, target := range builder.Targets() {
			compare(string(target), graph(tensor.Float32, builder.For(target)), tensor.Float32, 17, narrow(x))
		}
	}
}

// TestOrderOfIntegers: the largest and smallest of int64 and int32, at their bounds.
func TestOrderOfIntegers(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Int64, tensor.Int32} {
		least, most := int64(math.MinInt64), int64(math.MaxInt64)
		if dtype == tensor.Int32 {
			least, most = math.MinInt32, math.MaxInt32
		}
		g := build(t, func(b *builder.B) {
			x := b.Input("x", dtype, tensor.Of("N", "D"))
			v, n := x.Sort(1, true)
			b.Output("v", v)
			b.Output("n", n)
			b.Output("most", x.ArgMax(1))
			b.Output("least", x.ArgMin(1))
		})
		for _, e := range engines(t) {
			s := open(t, e, g)
			out := run(t, s, tensors{"x": tensor.FromInts(dtype, []int64{1, 6}, []int64{0, most, least, least, most, 3})})
			if got := fmt.Sprint(out["n"].Floats(), out["most"].Floats(), out["least"].Floats()); got != "[1 4 5 0 2 3] [1] [2]" || out["v"].Int(5) != least {
				t.Errorf("%s, %v: %s", e.Name(), dtype, got)
			}
			if out := run(t, s, tensors{"x": tensor.New(dtype, 0, 6)}); out["n"].String() != "int64[0,6]" || out["most"].String() != "int64[0,1]" {
				t.Errorf("%s, %v: nothing gives %v and %v", e.Name(), dtype, out["n"], out["most"])
			}
		}
	}
}

// TestOrderGradient: of equal elements the first stands first, and gets its gradient.
//
//	z = torch.tensor([3., 1., 2., 3., 1.], dtype=torch.float64, requires_grad=True)
//	v, i = torch.sort(z, stable=True, descending=True)
//	(v[:3] * torch.tensor([1., 2., 4.])).sum().backward()
func TestOrderGradient(t *testing.T) {
	for _, target := range append([]builder.Target{""}, builder.Targets()...) {
		g := build(t, func(b *builder.B) {
			x := b.Input("x", tensor.Float32, tensor.Of("N"))
			v, _ := x.TopK(0, tensor.D(3), true)
			y := v.Mul(b.Constant(tensor.FromFloats(tensor.Float32, []int64{3}, []float64{1, 2, 4}))).Sum()
			b.Output("slope", builder.Grad(y, y.Like(1), x)[0])
		}, builder.For(target))
		lowered := g.Lower(13)
		if err := target.Check(lowered, 13); err != nil {
			t.Error(err)
		}
		if scatters := count(lowered, "ScatterElements"); (scatters == 1) != (target == "" || target == "tract") {
			t.Errorf("%q: %d ScatterElements, which need not add", target, scatters)
		}
		for _, e := range engines(t) {
			out := run(t, openFor(t, e, g, 13), tensors{"x": tensor.FromFloats(tensor.Float32, []int64{5}, []float64{3, 1, 2, 3, 1})})
			if got := fmt.Sprint(out["slope"].Floats()); got != "[1 0 4 2 0]" {
				t.Errorf("%s, %q: %s", e.Name(), target, got)
			}
		}
	}
}

func TestOrderErrors(t *testing.T) {
	for want, f := range map[string]func(x, flag Value){
		"axis 1 of float64[N,2] does not have 3 elements":  func(x, _ Value) { x.TopK(1, tensor.D(3), true) },
		"axis 0 of float64[N,2] does not have -1 elements": func(x, _ Value) { x.TopK(0, tensor.D(-1), true) },
		"needs numbers, got bool[N,2]":                     func(_, flag Value) { flag.ArgMax(1) },
		"axis 2 does not exist in float64[N,2]":            func(x, _ Value) { x.Sort(2, true) },
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("N", 2))
			f(x, x.Less(x.Like(0)))
			b.Output("y", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) || e.Msg != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
