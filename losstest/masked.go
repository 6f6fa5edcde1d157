package losstest

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// masked changes what is behind a mask, to NaN, infinities and what PyTorch refuses:
// no output may change, not by a bit.
func masked(t *testing.T, h *harness) {
	if slices.ContainsFunc(h.spec.Inputs, func(in losses.Input) bool { return in.Name == "mask" }) {
		t.Skip("the mask is the loss's own: its golden cases say what it does")
	}
	if _, err := (losses.Request{Catalog: h.catalog, Loss: h.spec.Name, With: []string{"mask"}}).Resolve(); err != nil {
		t.Skipf("no mask: %v", err)
	}
	spoiled := 0
	for i, v := range append(h.ranks(), h.reduced(h.optional())...) {
		v.request.With = append(slices.Clone(v.request.With), "mask", "sample_weight")
		v.request.GradOutput = i%2 == 0
		v.request.HVP = i%2 == 1 && h.spec.NoSecond == ""
		f := h.file(t, v.request)
		good := f.small(i)
		good["mask"].SetFloat(0, 0)
		bad := spoil(f.plan, good)
		for _, name := range slices.Sorted(maps.Keys(bad)) {
			if !bytes.Equal(bad[name].Data, good[name].Data) {
				spoiled++
			}
		}
		for _, e := range h.engines {
			s := open(t, e, f.data)
			got := runOn(t, e, s, bad)
			for name, want := range runOn(t, e, s, good) {
				if !bytes.Equal(got[name].Data, want.Data) {
					t.Errorf("%s: %s: %s depends on what is masked: %v", v.name, e.Name(), name, verify.Compare(got[name], want, verify.Tolerance{}))
				}
			}
		}
	}
	if spoiled == 0 {
		t.Error("nothing was behind a mask")
	}
}

// spoil returns inputs whose elements behind the mask are of no use.
func spoil(p *losses.Plan, inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	dims := map[string][]int64{}
	for name, x := range inputs {
		dims[name] = x.Dims
	}
	bad := maps.Clone(inputs)
	for name, hidden := range p.BehindMask(dims, func(i int) bool { return inputs["mask"].Float(i) != 0 }) {
		x := *inputs[name]
		x.Data = slices.Clone(x.Data)
		for _, i := range hidden {
			if x.DType.IsInt() {
				x.SetInt(i, []int64{-1, -100, 1 << 20}[i%3])
			} else {
				x.SetFloat(i, []float64{math.NaN(), math.Inf(1), -3, math.Inf(-1), 7}[i%5])
			}
		}
		bad[name] = &x
	}
	return bad
}
