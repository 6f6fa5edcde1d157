package builder_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestMatMulShapes: products of any rank have the shape and numbers of torch.matmul;
// sizes of 0 give zeros or nothing.
//
//	torch.matmul(x, y) with x = torch.arange(1., 1 + x.numel()).reshape(...), y likewise
func TestMatMulShapes(t *testing.T) {
	for _, c := range []struct {
		x, y []int64
		want string
	}{
		{[]int64{2}, []int64{2}, "float64[] [5]"},
		{[]int64{2}, []int64{2, 3}, "float64[3] [9 12 15]"},
		{[]int64{2, 2}, []int64{2}, "float64[2] [5 11]"},
		{[]int64{2, 1, 2}, []int64{2, 2}, "float64[2,1,2] [7 10 15 22]"},
		{[]int64{2}, []int64{2, 2, 1}, "float64[2,1] [5 11]"},
		{[]int64{2, 1, 1, 2}, []int64{3, 2, 1}, "float64[2,3,1,1] [5 11 17 11 25 39]"},
		{[]int64{2, 1, 0}, []int64{2, 0, 1}, "float64[2,1,1] [0 0]"},
		{[]int64{0, 1, 2}, []int64{2, 1}, "float64[0,1,1] []"},
	} {
		g := build(t, func(b *builder.B) {
			b.Output("z", b.Input("x", f64, letters(c.x)).MatMul(b.Input("y", f64, letters(c.y))))
		})
		for _, e := range engines(t) {
			z := run(t, open(t, e, g), tensors{"x": counted(c.x), "y": counted(c.y)})["z"]
			if got := fmt.Sprint(z, " ", z.Floats()); got != c.want {
				t.Errorf("%s: %v by %v is %s, want %s", e.Name(), c.x, c.y, got, c.want)
			}
		}
	}
}

// letters are the sizes as numbers, but for sizes of 0, which are a letter.
func letters(dims []int64) tensor.Shape {
	shape := tensor.Shape{}
	for _, n := range dims {
		if n == 0 {
			shape = append(shape, tensor.S("K"))
			continue
		}
		shape = append(shape, tensor.D(n))
	}
	return shape
}

// counted are the numbers 1, 2, 3, ...
func counted(dims []int64) *tensor.Tensor {
	x := tensor.New(f64, dims...)
	for i := range x.Len() {
		x.SetFloat(i, float64(i+1))
	}
	return x
}

// TestFactorOfProduct: ONNX Runtime would make constant factors part of the product, and
// refuses those that are not finite.
func TestFactorOfProduct(t *testing.T) {
	least := float64(math.SmallestNonzeroFloat32)
	factors := map[string]struct {
		f    func(x Value) Value
		want []float64
	}{
		"zero":   {func(x Value) Value { return x.Div(x.Like(0)) }, []float64{inf, -inf, nan}},
		"inf":    {func(x Value) Value { return x.Scale(inf) }, []float64{inf, -inf, nan}},
		"tiny":   {func(x Value) Value { return x.Div(x.Like(least)) }, []float64{inf, -inf, 0}},
		"behind": {func(x Value) Value { return x.Like(0).Div(x).Scale(inf) }, []float64{nan, nan, nan}},
	}
	g := build(t, func(b *builder.B) {
		x, y := b.Input("x", tensor.Float32, tensor.Of("N", "K")), b.Input("y", tensor.Float32, tensor.Of("K", "M"))
		for name, c := range factors {
			b.Output(name, c.f(x.MatMul(y)))
			b.Output(name+"_of_operand", c.f(x).MatMul(y)) // which has to run
		}
	})
	for _, e := range engines(t) {
		out := run(t, open(t, e, g), tensors{
			"x": tensor.FromFloats(tensor.Float32, []int64{3, 1}, []float64{1, -1, 0}), "y": tensor.FromFloats(tensor.Float32, []int64{1, 1}, []float64{2})})
		for name, c := range factors {
			for i, want := range c.want {
				if got := out[name].Float(i); !exactly(got, want) {
					t.Errorf("%s: %s of element %d is %v, want %v", e.Name(), name, i, got, want)
				}
			}
		}
	}
}

func TestMatMulErrors(t *testing.T) {
	for want, f := range map[string]func(x, y Value){
		"the inner sizes of float64[N,C] and float64[E,N,C] differ: C and N": func(x, y Value) { x.MatMul(y) },
		"cannot broadcast [E] with [M]: axis 0 is E and M":                   func(_, y Value) { y.MatMulT(y.B().Input("z", f64, tensor.Of("M", 2, "C"))) },
		"float64[N,C] and int64[N,C] are no matrices":                        func(x, _ Value) { x.MatMul(x.Cast(tensor.Int64)) },
		"float64[] and float64[N,C] are no matrices":                         func(x, _ Value) { x.Sum().MatMul(x) },
	} {
		_, err := builder.Build("test", func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("N", "C"))
			f(x, b.Input("y", f64, tensor.Of("E", "N", "C")))
			b.Output("out", x)
		})
		var e *builder.Error
		if !errors.As(err, &e) || e.Msg != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
