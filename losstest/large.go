package losstest

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/verify"
)

// large is a mean over millions of losses: small inputs, repeated along an axis.
type large struct {
	shape    string // of the first input, "" for the default
	letter   string // the axis that is long
	repeat   int64
	accuracy float64
}

// LargeReduction compares a float32 mean over millions of losses with the
// float64 mean of the inputs before they were repeated, which is the same. The
// reference engine computes in float64 anyway. How losses are reduced is not up to
// the single loss, so that one of each kind is enough.
func LargeReduction(t *testing.T, all losses.Catalog, l losses.Loss, engines ...runtime.Backend) {
	h := newHarness(t, all, l, engines)
	if len(h.engines) == 1 {
		t.Skip("needs the reference engine and one that computes in float32")
	}
	if testing.Short() {
		t.Skip("large tensors")
	}
	for _, c := range h.largeCases(t) {
		r := h.asked(nil)
		r.Grad = []string{"none"}
		if slices.ContainsFunc(h.reductions(), func(v losses.Values) bool { return v["reduction"] == "mean" }) {
			r.Options = losses.Values{"reduction": "mean"}
		}
		if c.shape != "" {
			r.Shapes = map[string]string{h.spec.Inputs[0].Name: c.shape}
		}
		f := h.file(t, r)
		p := f.plan
		r.DType = tensor.Float64
		sizes := verify.Sizes{}
		for _, port := range p.Ports {
			for _, d := range port.Shape {
				sizes[d.Sym] = 4
			}
		}
		sizes[c.letter] = 1 << 10
		small := f.draw(sizes, 1)
		want := run(t, h.engines[0], h.file(t, r).data, widened(small))["loss"].Float(0)
		inputs := map[string]*tensor.Tensor{}
		for _, port := range p.Ports {
			inputs[port.Name] = repeated(small[port.Name], port.Shape, c)
		}
		for _, e := range h.engines[1:] {
			got := run(t, e, f.data, inputs)["loss"].Float(0)
			if off := math.Abs(got-want) / math.Abs(want); !(off <= c.accuracy) {
				t.Errorf("%v with long %s: %s: mean is %v, want %v: off by %.1e of it, want at most %.1e",
					p.Ports[0].Shape, c.letter, e.Name(), got, want, off, c.accuracy)
			}
		}
	}
}

// largeCases are about 4 million losses in the default shape; where the loss is
// elementwise, at rank 1 too, and in few long rows.
func (h *harness) largeCases(t *testing.T) []large {
	first := h.spec.Inputs[0].Name
	if h.spec.Shapes[0][first] != "*" {
		for _, d := range plan(t, h.asked(nil)).Ports[0].Shape {
			if !d.Known() {
				return []large{{letter: d.Sym, repeat: 1 << 10, accuracy: 2e-6}}
			}
		}
		return nil
	}
	list := []large{
		{shape: "N,D", letter: "N", repeat: 1 << 10, accuracy: 2e-6},
		{shape: "N", letter: "N", repeat: 1 << 12, accuracy: 2e-6},
		{shape: "N,D", letter: "D", repeat: 1 << 10, accuracy: 2e-6},
	}
	if h.spec.Name == "mse" {
		list = append(list, large{shape: "N", letter: "N", repeat: 1 << 15, accuracy: 2e-6}) // 33 million
	}
	return list
}

// widened returns inputs in float64.
func widened(inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	wide := map[string]*tensor.Tensor{}
	for name, x := range inputs {
		wide[name] = x
		if x.DType.IsFloat() {
			wide[name] = x.Cast(tensor.Float64)
		}
	}
	return wide
}

// repeated returns a tensor repeated along the axis with the long letter.
func repeated(x *tensor.Tensor, shape tensor.Shape, c large) *tensor.Tensor {
	axis := slices.Index(shape, tensor.S(c.letter))
	if axis < 0 {
		return x
	}
	block := x.DType.Size()
	for _, n := range x.Dims[axis:] {
		block *= int(n)
	}
	out := &tensor.Tensor{DType: x.DType, Dims: slices.Clone(x.Dims)}
	out.Dims[axis] *= c.repeat
	for start := 0; start < len(x.Data); start += block {
		out.Data = append(out.Data, bytes.Repeat(x.Data[start:start+block], int(c.repeat))...)
	}
	return out
}
