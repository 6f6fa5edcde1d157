package builder_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// windowPrograms are padding and windows, over known and open axes.
func windowPrograms() []program {
	d := tensor.D
	both := func(x Value) Value { return x.SumKeep(0).Square() } // of an axis whose size only running tells
	return []program{
		unary("Reverse", func(x Value) Value { return x.Reverse(0).Exp().Mul(x) }),
		binary("Every of open axes", real("N", "D"), real("N", "D"), func(x, y Value) Value {
			return both(x.Exp().Every(0, 2).Mul(y.Every(0, 2))).Add(both(x.Every(0, 4).Square()))
		}),
		{name: "Every", operands: []operand{real(7, "D")}, f: func(_ *builder.B, x []Value) Value { return x[0].Exp().Every(0, 3).Mul(x[0].Every(-2, 3)) }},
		{name: "Every of a multiple", operands: []operand{real(6)}, f: func(_ *builder.B, x []Value) Value { return x[0].Every(0, 2).Exp() }},
		unary("Pad", func(x Value) Value { return x.Exp().Pad(0, d(2), d(1), 0.5).Square() }),
		unary("Pad and crop", func(x Value) Value { return x.Exp().Pad(0, d(-1), d(2), 3).Pad(1, d(1), d(-1), 3).Square() }),
		binary("Pad by sizes", real("N", "D"), real("C", "D"), func(x, y Value) Value {
			n, c := x.Shape()[0], y.Shape()[0]
			return x.Exp().Pad(0, c, d(0), 2).Mul(y.PadReplicate(0, n, d(0))).Square()
		}),
		unary("PadReplicate", func(x Value) Value { return x.Exp().PadReplicate(0, d(2), d(3)).PadReplicate(-1, d(-1), d(1)).Square() }),
		unary("PadReflect", func(x Value) Value { return x.Exp().PadReflect(0, 2, 1).PadReflect(1, 1, 0).Square() }),
		unary("PadReflect and crop", func(x Value) Value { return x.Exp().PadReflect(0, -1, 2).Square() }),
		{name: "WindowSum", operands: []operand{real("N", "E", 4)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].Square().WindowSum([]int{1, 2}, []int64{3, 2}, 1).Square()
		}},
		{name: "WindowMean", operands: []operand{real("E", 5)}, f: func(_ *builder.B, x []Value) Value {
			return both(x[0].Exp().WindowMean([]int{-1, 0}, []int64{2, 2}, 2))
		}},
		{name: "WindowMax", operands: []operand{real("E", 5)}, f: func(_ *builder.B, x []Value) Value {
			return x[0].WindowMax([]int{0, 1}, []int64{2, 3}, 1).Square()
		}},
	}
}

// moved is a function with what PyTorch computes, and the gradient of the sum of the
// results times 1, 2, 3, ...
type moved struct {
	torch   string
	f       func(x Value) Value
	y, grad []float64
}

// grid is the operand of PyTorch's pooling below.
var grid = []float64{1, 3, 3, 2, 3, 3, 0, 3, 3, 1, 2, 3, 3, 3, 3, 0, 1, 2, 4, 4}

func pads() []moved {
	d := tensor.D
	pad := func(a, b int64) func(Value) Value { return func(x Value) Value { return x.Pad(0, d(a), d(b), 7) } }
	reflect := func(a, b int64) func(Value) Value { return func(x Value) Value { return x.PadReflect(0, a, b) } }
	replicate := func(a, b int64) func(Value) Value {
		return func(x Value) Value { return x.PadReplicate(0, d(a), d(b)) }
	}
	return []moved{ // x = [1,2,3,4,5]
		{"F.pad(x, (2, 1), value=7)", pad(2, 1), []float64{7, 7, 1, 2, 3, 4, 5, 7}, []float64{3, 4, 5, 6, 7}},
		{"F.pad(x, (-1, 2), value=7)", pad(-1, 2), []float64{2, 3, 4, 5, 7, 7}, []float64{0, 1, 2, 3, 4}},
		{"F.pad(x, (2, -2), value=7)", pad(2, -2), []float64{7, 7, 1, 2, 3}, []float64{3, 4, 5, 0, 0}},
		{"F.pad(x, (2, 1), mode='reflect')", reflect(2, 1), []float64{3, 2, 1, 2, 3, 4, 5, 4}, []float64{3, 6, 6, 14, 7}},
		{"F.pad(x, (0, 3), mode='reflect')", reflect(0, 3), []float64{1, 2, 3, 4, 5, 4, 3, 2}, []float64{1, 10, 10, 10, 5}},
		{"F.pad(x, (-1, 2), mode='reflect')", reflect(-1, 2), []float64{2, 3, 4, 5, 4, 3}, []float64{0, 1, 8, 8, 4}},
		{"F.pad(x, (2, -2), mode='reflect')", reflect(2, -2), []float64{3, 2, 1, 2, 3}, []float64{3, 6, 6, 0, 0}},
		{"F.pad(x, (4, 4), mode='reflect')", reflect(4, 4), []float64{5, 4, 3, 2, 1, 2, 3, 4, 5, 4, 3, 2, 1}, []float64{18, 22, 21, 20, 10}},
		{"F.pad(x, (0, 3), mode='replicate')", replicate(0, 3), []float64{1, 2, 3, 4, 5, 5, 5, 5}, []float64{1, 2, 3, 4, 26}},
		{"F.pad(x, (-1, 2), mode='replicate')", replicate(-1, 2), []float64{2, 3, 4, 5, 5, 5}, []float64{0, 1, 2, 3, 15}},
		{"F.pad(x, (4, 4), mode='replicate')", replicate(4, 4), []float64{1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5}, []float64{15, 6, 7, 8, 55}},
	}
}

func pools() []moved {
	both := []int{0, 1}
	return []moved{
		{"F.max_pool2d(x[None], (2, 3), stride=1)[0]", func(x Value) Value { return x.WindowMax(both, []int64{2, 3}, 1) },
			[]float64{3, 3, 3, 3, 3, 3, 3, 4, 4}, []float64{0, 3, 3, 0, 0, 4, 0, 11, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 17, 0}},
		{"F.max_pool2d(x[None], 2)[0]", func(x Value) Value { return x.WindowMax(both, []int64{2, 2}, 2) },
			[]float64{3, 3, 3, 4}, []float64{0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4, 0}},
		{"F.avg_pool2d(x[None], (2, 3), stride=2)[0]", func(x Value) Value { return x.WindowMean(both, []int64{2, 3}, 2) },
			[]float64{13. / 6, 2.5, 11. / 6, 19. / 6},
			[]float64{1. / 6, 1. / 6, 0.5, 1. / 3, 1. / 3, 1. / 6, 1. / 6, 0.5, 1. / 3, 1. / 3, 0.5, 0.5, 7. / 6, 2. / 3, 2. / 3, 0.5, 0.5, 7. / 6, 2. / 3, 2. / 3}},
		{"F.max_pool2d(x[None], 3, stride=1, padding=1)[0]", func(x Value) Value {
			one := tensor.D(1)
			return x.PadReplicate(0, one, one).PadReplicate(1, one, one).WindowMax(both, []int64{3, 3}, 1)
		}, []float64{3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 4, 4, 4},
			[]float64{0, 27, 13, 0, 15, 23, 0, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 99, 0}},
	}
}

// check holds a function against PyTorch on both engines, of open and of known sizes,
// simplified and not.
func (m moved) check(t *testing.T, dims []int64, x []float64) {
	t.Helper()
	known := tensor.Shape{}
	for _, n := range dims {
		known = append(known, tensor.D(n))
	}
	for _, shape := range []tensor.Shape{known, tensor.Of("H", "W")[:len(dims)]} {
		for _, options := range [][]builder.Option{nil, {builder.Naive}, {builder.For("accelerator")}} {
			g := build(t, func(b *builder.B) {
				in := b.Input("x", tensor.Float32, shape)
				y := m.f(in.Cast(tensor.Float32))
				b.Output("y", y.Reshape(tensor.Shape{tensor.D(int64(len(m.y)))}))
				n := b.Iota(1, 0, tensor.D(int64(len(m.y)))).Cast(tensor.Float32).Shift(1)
				b.Output("grad", builder.Grad(y, n.Reshape(y.Shape()), in)[0])
			}, options...)
			for _, e := range engines(t) {
				out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(tensor.Float32, dims, x)})
				for name, want := range map[string][]float64{"y": m.y, "grad": m.grad} {
					for i, got := range out[name].Floats() {
						if len(want) != out[name].Len() || !closeTo(got, want[i], 1e-6) {
							t.Errorf("%s of %v: %s: %s is %v, want %v", m.torch, shape, e.Name(), name, out[name].Floats(), want)
							break
						}
					}
				}
			}
		}
	}
}

func TestPadsAsPyTorch(t *testing.T) {
	for _, m := range pads() {
		m.check(t, []int64{5}, []float64{1, 2, 3, 4, 5})
	}
}

func TestPoolsAsPyTorch(t *testing.T) {
	for _, m := range pools() {
		m.check(t, []int64{4, 5}, grid)
	}
	m := moved{"F.max_pool1d(x[None], 3, stride=1)[0]", func(x Value) Value { return x.WindowMax([]int{0}, []int64{3}, 1) },
		[]float64{nan, nan, 3, -inf, 2, nan, nan, nan}, []float64{0, 3, 3, 4, 0, 0, 5, 6, 15, 0}}
	m.check(t, []int64{10}, []float64{1, nan, 3, -inf, -inf, -inf, 2, nan, nan, 5})
}

// TestWindowsOfDTypes: padding and windows keep the dtype, and run in each.
func TestWindowsOfDTypes(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float16, tensor.BFloat16, tensor.Float32, f64, tensor.Int32, tensor.Int64} {
		g := build(t, func(b *builder.B) {
			x := b.Input("x", dtype, tensor.Of(3))
			one := tensor.D(1)
			b.Output("moved", x.Pad(0, one, one, 1).PadReflect(0, 1, 1).PadReplicate(0, one, one).Every(0, 2).Reverse(0))
			if dtype != tensor.BFloat16 { // which ONNX Runtime adds nothing of
				b.Output("sum", x.WindowSum([]int{0}, []int64{2}, 1))
				b.Output("max", x.WindowMax([]int{0}, []int64{2}, 1))
			}
		})
		for _, e := range engines(t) {
			if e.Name() == "reference" && dtype.Size() == 2 {
				continue // it reads no such constants
			}
			out := run(t, open(t, e, g), tensors{"x": tensor.FromFloats(dtype, []int64{3}, []float64{3, 2, 4})})
			for name, want := range map[string]string{"moved": "[4 1 2 1 3]", "sum": "[5 6]", "max": "[3 4]"} {
				if got := out[name]; got != nil && fmt.Sprint(got.Floats()) != want {
					t.Errorf("%s: %v: %s is %v, want %s", e.Name(), dtype, name, got.Floats(), want)
				}
			}
		}
	}
}

// TestShortAxes: windows that do not fit are none; what an axis does not have ends the
// run.
func TestShortAxes(t *testing.T) {
	fails := map[string]func(x Value) Value{
		"reflect":   func(x Value) Value { return x.PadReflect(0, 2, 0) },
		"replicate": func(x Value) Value { return x.PadReplicate(0, tensor.D(1), tensor.D(0)) },
	}
	for _, e := range engines(t) {
		g := build(t, func(b *builder.B) {
			x := b.Input("x", f64, tensor.Of("N"))
			y := x.WindowMean([]int{0}, []int64{3}, 2)
			b.Output("y", y)
			b.Output("grad", builder.Grad(y, y.Like(1), x)[0])
		})
		s := open(t, e, g)
		for n := range int64(5) {
			out := run(t, s, tensors{"x": tensor.New(f64, n)})
			if got, want := out["y"].Len(), max(0, int(n-1)/2); got != want || out["grad"].Len() != int(n) {
				t.Errorf("%s: %d elements have %d windows and %d gradients, want %d windows", e.Name(), n, got, out["grad"].Len(), want)
			}
		}
		for name, f := range fails {
			data := file(t, build(t, func(b *builder.B) { b.Output("y", f(b.Input("x", f64, tensor.Of("N")))) }), export.DefaultOpset)
			s, err := e.Open(data, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(t.Context(), tensors{"x": tensor.New(f64, 0)}); err == nil {
				t.Errorf("%s: %s of nothing runs", e.Name(), name)
			}
			s.Close()
		}
	}
}

func TestWindowErrors(t *testing.T) {
	d := tensor.D
	for want, f := range map[string]func(x Value) Value{
		"Every: 0 is no distance":                           func(x Value) Value { return x.Every(0, 0) },
		"Pad: -N is no":                                     func(x Value) Value { n, _ := d(0).Sub(x.Shape()[0]); return x.Pad(0, n, d(0), 0) },
		"PadReflect: axis 1 of float64[N,3] has no 3":       func(x Value) Value { return x.PadReflect(1, 0, 3) },
		"PadReplicate: axis 0 of float64[0,3] has no":       func(x Value) Value { return x.Slice(0, 0, 0).PadReplicate(0, d(1), d(0)) },
		"PadReflect: 2199023255552 is no":                   func(x Value) Value { return x.PadReflect(0, 2*tensor.MaxSize, 0) },
		"WindowSum: windows of 0 elements":                  func(x Value) Value { return x.WindowSum([]int{0}, []int64{0}, 1) },
		"WindowMax: axis 1 of float64[N,3] has less than 4": func(x Value) Value { return x.WindowMax([]int{1}, []int64{4}, 1) },
		"WindowMean: 1 axes, 2 sizes and stride 1":          func(x Value) Value { return x.WindowMean([]int{0}, []int64{2, 2}, 1) },
		"WindowMean: windows of 2 elements along axis -1":   func(x Value) Value { return x.WindowMean([]int{1, -1}, []int64{2, 2}, 1) },
		"Shape: size M occurs in no value":                  func(x Value) Value { return x.Pad(0, tensor.S("M"), d(0), 0) },
	} {
		_, err := builder.Build("test", func(b *builder.B) { b.Output("y", f(b.Input("x", f64, tensor.Of("N", 3)))) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
