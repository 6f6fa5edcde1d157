package parts_test

import (
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
	"github.com/lossgen/lossgen/losstest"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

var inf, nan = math.Inf(1), math.NaN()

// outputs builds a graph and runs it in float64 on every engine.
func outputs(t *testing.T, inputs map[string]*tensor.Tensor, body func(b *builder.B), check func(engine string, out map[string]*tensor.Tensor)) {
	t.Helper()
	g, err := builder.Build("test", body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := export.Encode(g.Model(17))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(losstest.Engines(t), reference.Backend{}) {
		s, err := e.Open(data, runtime.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Run(t.Context(), inputs)
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		check(e.Name(), out)
		s.Close()
	}
}

// same reports elements that are not those wanted.
func same(t *testing.T, label string, got *tensor.Tensor, want []float64) {
	t.Helper()
	if got.Len() != len(want) {
		t.Fatalf("%s has %d elements, want %d", label, got.Len(), len(want))
	}
	for i, w := range want {
		g := got.Float(i)
		if g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= 1e-12*max(1, math.Abs(w))) {
			t.Errorf("%s[%d] is %v, want %v", label, i, g, w)
		}
	}
}

// TestMaskedSums: values and gradients are PyTorch's, of
//
//	torch.where(keep.any(1), x.masked_fill(~keep, -inf).logsumexp(1), 0)
//	F.pad(x.masked_fill(~keep, -inf), (0, 1)).logsumexp(1)
func TestMaskedSums(t *testing.T) {
	ofAll := func(x, keep losses.Value) losses.Value { return parts.LogSumExpOf(x, keep, 1) }
	onePlus := func(x, keep losses.Value) losses.Value { return parts.LogOnePlusSumOf(x, keep, 1) }
	for _, c := range []struct {
		name string
		f    func(x, keep losses.Value) losses.Value
		x    []float64
		keep []bool
		y    float64
		grad []float64
	}{
		{"some", ofAll, []float64{1, 2, 5}, []bool{true, true, false}, 2.313261687518223, []float64{0.26894142136999505, 0.7310585786300048, 0}},
		{"none", ofAll, []float64{1, 2, 5}, []bool{false, false, false}, 0, []float64{0, 0, 0}},
		{"all", ofAll, []float64{1, 2, 5}, []bool{true, true, true}, 5.065883903757429, []float64{0.017147825545520388, 0.04661262257797389, 0.9362395518765056}},
		{"none that are finite", ofAll, []float64{inf, nan, -inf}, []bool{false, false, false}, 0, []float64{0, 0, 0}},
		{"large", ofAll, []float64{10000, -10000, 10000}, []bool{true, true, true}, 10000.69314718056, []float64{0.4999999999999138, 0, 0.4999999999999138}},
		{"small", ofAll, []float64{-10000, -10000, 10000}, []bool{true, true, false}, -9999.30685281944, []float64{0.4999999999999138, 0.4999999999999138, 0}},
		{"behind the mask", ofAll, []float64{1, inf, nan}, []bool{true, false, false}, 1, []float64{1, 0, 0}},
		{"inf", ofAll, []float64{inf, 1, 2}, []bool{true, true, false}, inf, []float64{nan, 0, 0}},
		{"minus inf", ofAll, []float64{-inf, 1, 2}, []bool{true, true, false}, 1, []float64{0, 1, 0}},
		{"ties", ofAll, []float64{3, 3, 3}, []bool{true, true, true}, 4.09861228866811, []float64{0.3333333333333332, 0.3333333333333332, 0.3333333333333332}},
		{"some", onePlus, []float64{1, 2, 5}, []bool{true, true, false}, 2.4076059644443806, []float64{0.24472847105479759, 0.6652409557748217, 0}},
		{"none", onePlus, []float64{1, 2, 5}, []bool{false, false, false}, 0, []float64{0, 0, 0}},
		{"all", onePlus, []float64{1, 2, 5}, []bool{true, true, true}, 5.072172421993317, []float64{0.017040329481598913, 0.046320417980785275, 0.9303704656505486}},
		{"none that are finite", onePlus, []float64{inf, nan, -inf}, []bool{false, false, false}, 0, []float64{0, 0, 0}},
		{"large", onePlus, []float64{10000, -10000, 10000}, []bool{true, true, true}, 10000.69314718056, []float64{0.4999999999999138, 0, 0.4999999999999138}},
		{"small", onePlus, []float64{-10000, -10000, 10000}, []bool{true, true, false}, 0, []float64{0, 0, 0}},
		{"behind the mask", onePlus, []float64{1, inf, nan}, []bool{true, false, false}, 1.3132616875182228, []float64{0.7310585786300049, 0, 0}},
		{"inf", onePlus, []float64{inf, 1, 2}, []bool{true, true, false}, inf, []float64{nan, 0, 0}},
		{"minus inf", onePlus, []float64{-inf, 1, 2}, []bool{true, true, false}, 1.3132616875182228, []float64{0, 0.7310585786300049, 0}},
		{"ties", onePlus, []float64{3, 3, 3}, []bool{true, true, true}, 4.115071774532353, []float64{0.3278917437784153, 0.3278917437784153, 0.3278917437784153}},
		{"no columns", ofAll, nil, nil, 0, nil},
		{"no columns", onePlus, nil, nil, 0, nil},
	} {
		x, keep := tensor.FromFloats(tensor.Float64, []int64{1, int64(len(c.x))}, c.x), tensor.New(tensor.Bool, 1, int64(len(c.x)))
		for i, k := range c.keep {
			if k {
				keep.SetInt(i, 1)
			}
		}
		outputs(t, map[string]*tensor.Tensor{"x": x, "keep": keep}, func(b *builder.B) {
			x := b.Input("x", tensor.Float64, tensor.Of("N", "M"))
			y := c.f(x, b.Input("keep", tensor.Bool, tensor.Of("N", "M")))
			b.Output("y", y)
			b.Output("grad", builder.Grad(y, y.Like(1), x)[0])
		}, func(engine string, out map[string]*tensor.Tensor) {
			same(t, c.name+" on "+engine+": value", out["y"], []float64{c.y})
			same(t, c.name+" on "+engine+": gradient", out["grad"], c.grad)
		})
	}
}

// TestDistances: values and gradients are PyTorch's, of
//
//	(torch.cdist(x, x) * torch.arange(1., 10.).reshape(3, 3)).sum()
func TestDistances(t *testing.T) {
	for _, c := range []struct {
		name       string
		x, d, grad []float64
	}{
		{"apart", []float64{0, 0, 3, 4, -3, 4}, []float64{0, 5, 5, 5, 0, 6, 5, 6, 0}, []float64{2.4000000000000004, -12.8, 17.6, 4.800000000000001, -20, 8}},
		{"equal", []float64{1, 2, 1, 2, 4, 6}, []float64{0, 0, 5, 0, 0, 5, 5, 5, 0}, []float64{-6, -8, -8.4, -11.2, 14.4, 19.2}},
		{"near", []float64{1, 1, 1, 1.0000000000009095, 1, 0}, []float64{0, 9.094947017729282e-13, 1, 9.094947017729282e-13, 0, 1.0000000000009095, 1, 1.0000000000009095, 0}, []float64{0, 4, 0, 20, 0, -24}},
		{"large", []float64{10000, 0, -10000, 0, 0, 0.0001}, []float64{0, 20000, 10000, 20000, 0, 10000, 10000, 10000, 0}, []float64{16, -1.0000000000000001e-07, -20, -1.4e-07, 4, 2.4000000000000003e-07}},
		{"nan", []float64{nan, 0, 1, 1, 4, 5}, []float64{nan, nan, nan, nan, 0, 5, nan, 5, 0}, []float64{nan, nan, nan, nan, nan, nan}},
		{"inf", []float64{inf, 0, 1, 1, 4, 5}, []float64{nan, inf, inf, inf, 0, 5, inf, 5, 0}, []float64{nan, nan, nan, -11.2, nan, 11.2}},
	} {
		outputs(t, map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.Float64, []int64{3, 2}, c.x)}, func(b *builder.B) {
			x := b.Input("x", tensor.Float64, tensor.Of("N", "D"))
			d := parts.Distances(x)
			n := tensor.S("N")
			place := b.Iota(2, 0, n).Cast(tensor.Float64).Scale(3).Add(b.Iota(2, 1, n).Cast(tensor.Float64)).Shift(1)
			b.Output("d", d)
			b.Output("grad", builder.Grad(d, place, x)[0])
		}, func(engine string, out map[string]*tensor.Tensor) {
			same(t, c.name+" on "+engine+": distances", out["d"], c.d)
			same(t, c.name+" on "+engine+": gradient", out["grad"], c.grad)
		})
	}
}

// TestGroups: rows belong together by their labels, and a mean over what is above 0 is
// 0 where nothing is.
func TestGroups(t *testing.T) {
	labels := tensor.FromInts(tensor.Int64, []int64{4}, []int64{7, -1, 7, 0})
	outputs(t, map[string]*tensor.Tensor{"labels": labels}, func(b *builder.B) {
		y := b.Input("labels", tensor.Int64, tensor.Of("N"))
		g := parts.Grouped(y)
		for name, mask := range map[string]losses.Value{"positive": g.Positive, "negative": g.Negative, "other": g.Other} {
			b.Output(name, mask.Cast(tensor.Float64))
		}
		b.Output("some", parts.Some(g.Positive, 1).Cast(tensor.Float64))
		each := y.Cast(tensor.Float64).Unsqueeze(1)
		b.Output("mean", parts.MeanAboveZero(each, g.Positive))
		b.Output("none", parts.MeanAboveZero(each.Neg().Shift(-1), g.Positive))
		b.Output("diagonal", parts.Diagonal(b, tensor.D(2), tensor.D(3)).Cast(tensor.Float64))
	}, func(engine string, out map[string]*tensor.Tensor) {
		for name, want := range map[string][]float64{
			"positive": {0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
			"negative": {0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0},
			"other":    {0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0},
			"some":     {1, 0, 1, 0},
			"mean":     {7},
			"none":     {0},
			"diagonal": {1, 0, 0, 0, 1, 0},
		} {
			same(t, name+" on "+engine, out[name], want)
		}
	})
}
