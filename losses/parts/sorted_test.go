package parts_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses/parts"
)

// TestJaccardExtension: values and gradients are PyTorch's, of TorchJaccardExtension.
func TestJaccardExtension(t *testing.T) {
	for _, c := range []struct {
		name                string
		errors, truth, kept []float64
		y                   float64
		grad                []float64
	}{
		{"some", []float64{0.5, 2, 0.25, 1}, []float64{1, 0, 0, 1}, []float64{1, 1, 1, 1}, 1.1666666666666665, []float64{0.33333333333333326, 0.33333333333333337, 0, 0.33333333333333337}},
		{"no region", []float64{0.5, 2, 0.25}, []float64{0, 0, 0}, []float64{1, 1, 1}, 2, []float64{0, 1, 0}},
		{"only region", []float64{0.5, 2, 0.25}, []float64{1, 1, 1}, []float64{1, 1, 1}, 0.9166666666666667, []float64{0.33333333333333337, 0.33333333333333337, 0.33333333333333326}},
		{"ties", []float64{1, 1, 1, 1}, []float64{0, 1, 0, 1}, []float64{1, 1, 1, 1}, 1, []float64{0.33333333333333337, 0.33333333333333337, 0.08333333333333326, 0.25}},
		{"not there", []float64{0.5, -1, 2, -1}, []float64{1, 0, 0, 0}, []float64{1, 0, 1, 0}, 1.25, []float64{0.5, 0, 0.5, 0}},
		{"none there", []float64{-1, -1}, []float64{0, 0}, []float64{0, 0}, 0, []float64{0, 0}},
		{"no region, not there", []float64{-1, 0.5}, []float64{0, 0}, []float64{0, 1}, 0.5, []float64{0, 1}},
		{"in between", []float64{0.5, 2, 0.25}, []float64{0.25, 0.5, 0.125}, []float64{1, 1, 1}, 1.5762032085561497, []float64{0.213903743315508, 0.7272727272727273, 0.05882352941176472}},
		{"more than a pixel", []float64{0.5, 2, 0.25}, []float64{1.5, -2.25, 0.75}, []float64{1, 1, 1}, 0.8933566433566433, []float64{0.4195804195804196, 0.3076923076923077, 0.2727272727272727}},
		{"large", []float64{10000, 0, 10000}, []float64{1, 0, 0}, []float64{1, 1, 1}, 10000, []float64{1, 0, 0}},
		{"inf", []float64{inf, 1, 0}, []float64{1, 0, 1}, []float64{1, 1, 1}, inf, []float64{0.5, 0.16666666666666674, 0.33333333333333326}},
		{"nan", []float64{nan, 1, 0}, []float64{1, 0, 1}, []float64{1, 1, 1}, nan, []float64{0.5, 0.16666666666666674, 0.33333333333333326}},
		{"one", []float64{0.5}, []float64{0}, []float64{1}, 0.5, []float64{1}},
		{"no pixels", []float64{}, []float64{}, []float64{}, 0, []float64{}},
	} {
		row := func(values []float64) *tensor.Tensor {
			return tensor.FromFloats(tensor.Float64, []int64{1, int64(len(values))}, values)
		}
		inputs := map[string]*tensor.Tensor{"errors": row(c.errors), "truth": row(c.truth), "kept": row(c.kept)}
		outputs(t, inputs, func(b *builder.B) {
			in := func(name string) builder.Value { return b.Input(name, tensor.Float64, tensor.Of("N", "M")) }
			errors := in("errors")
			y := parts.JaccardExtension(errors, in("truth"), in("kept"))
			b.Output("y", y)
			b.Output("grad", builder.Grad(y, y.Like(1), errors)[0])
		}, func(engine string, out map[string]*tensor.Tensor) {
			same(t, c.name+" on "+engine+": value", out["y"], []float64{c.y})
			same(t, c.name+" on "+engine+": gradient", out["grad"], c.grad)
		})
	}
}
