package losstest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// compareGoldens compares with what PyTorch computed.
func compareGoldens(t *testing.T, h *harness) {
	fails(t, verify.Loss(t.Context(), h.loss, h.engines, h.options))
}

// fails reports the failures of a report.
func fails(t *testing.T, r *verify.Report) {
	t.Helper()
	for _, c := range r.Checks {
		for _, text := range c.Failures {
			t.Errorf("%s %s %s: %s", c.Name, c.Engine, c.DType, text)
		}
		if c.Failed > len(c.Failures) {
			t.Errorf("%s %s %s: %d failed in all", c.Name, c.Engine, c.DType, c.Failed)
		}
	}
}

// files verifies the float64 file of every variant: it tells its own request, the
// engines agree about it, and its gradients are those of finite differences. In
// the other dtypes the engines have to agree.
func files(t *testing.T, h *harness) {
	for i, v := range h.variants() {
		t.Run(v.name, func(t *testing.T) {
			r := v.request.As(tensor.Float64)
			data := emit(t, plan(t, r))
			if len(data) > maxFileSize {
				t.Errorf("the file has %d bytes, want at most %d", len(data), maxFileSize)
			}
			fails(t, verify.File(t.Context(), data, h.engines, h.options))
			for _, dtype := range v.dtypes() {
				h.agree(t, v.request.As(dtype), i)
			}
			if wide := v.request.As(tensor.BFloat16); v.name == "grad_output" {
				wide.LossDType = tensor.Float32
				h.agree(t, wide, i)
			}
		})
	}
}

// dtypes are those that a variant is tried in beside float64: the 16-bit ones
// differ from float32 in their first and last nodes only.
func (v variant) dtypes() []tensor.DType {
	if v.name == "defaults" || v.name == "grad_output" {
		return []tensor.DType{tensor.Float32, tensor.Float16, tensor.BFloat16}
	}
	return []tensor.DType{tensor.Float32}
}

// agree runs the file of a request on every engine.
func (h *harness) agree(t *testing.T, r losses.Request, seed int) {
	t.Helper()
	p := plan(t, r)
	data := emit(t, p)
	inputs := draw(t, p, data, verify.SmallSizes(p, seed), seed)
	want := run(t, h.engines[0], data, inputs)
	for _, e := range h.engines[1:] {
		got := run(t, e, data, inputs)
		for name, w := range want {
			one := map[string]*tensor.Tensor{name: w}
			same(t, fmt.Sprintf("%s %v", e.Name(), p.DType), got, one, verify.ToleranceOf(w.DType, e.Backend.Name()))
		}
	}
}

// derived compares declared gradients with derivatives of the nodes.
func derived(t *testing.T, h *harness) {
	if reason := h.spec.NotDerivative; reason != "" {
		t.Skipf("the gradient is not meant to be the derivative: %s", reason)
	}
	h.compareBuilds(t, tensor.Float64, verify.Tolerance{Rel: 1e-9, Abs: 1e-12}, builder.Derived)
}

// naive compares with graphs that were not simplified. Each rewrite is exact;
// sharing adds up gradients before they are multiplied, which rounds elsewhere,
// and in float32 the order of sums differs.
func naive(t *testing.T, h *harness) {
	h.compareBuilds(t, tensor.Float64, verify.Tolerance{Rel: 1e-12, Abs: 1e-15}, builder.Naive)
	h.compareBuilds(t, tensor.Float32, verify.Tolerance{Rel: 1e-6, Abs: 1e-9}, builder.Naive)
}

// compareBuilds compares each variant with one built in another way, on the
// reference engine.
func (h *harness) compareBuilds(t *testing.T, dtype tensor.DType, tol verify.Tolerance, option builder.Option) {
	e := h.engines[0]
	for i, v := range h.variants() {
		r := v.request
		r.DType = dtype
		p := plan(t, r)
		var failed *builder.Error
		if _, err := p.Graph(option); errors.As(err, &failed) {
			t.Logf("%s: there is no other build: %v", v.name, err) // an operator without a general rule
			continue
		}
		data := emit(t, p)
		inputs := draw(t, p, data, verify.SmallSizes(p, i), i)
		got := run(t, e, data, inputs)
		same(t, v.name, got, run(t, e, emit(t, p, option), inputs), tol)
	}
}

// opsets emits every variant for every opset; the files have to be valid, and
// those of the defaults have to agree.
func opsets(t *testing.T, h *harness) {
	for _, v := range h.variants() {
		p := plan(t, v.request)
		for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
			q := *p
			q.Opset = opset
			emit(t, &q)
		}
	}
	p := plan(t, losses.Request{Loss: h.spec.Name})
	base := emit(t, p)
	inputs := draw(t, p, base, verify.SmallSizes(p, 1), 1)
	for _, e := range h.engines {
		want := run(t, e, base, inputs)
		for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
			q := *p
			q.Opset = opset
			got, err := e.Backend.Open(emit(t, &q), e.Options)
			if err != nil {
				t.Errorf("opset %d: %s: %v", opset, e.Name(), err)
				continue
			}
			out, err := got.Run(t.Context(), inputs)
			got.Close()
			if err != nil {
				t.Errorf("opset %d: %s: %v", opset, e.Name(), err)
			}
			same(t, fmt.Sprintf("opset %d: %s", opset, e.Name()), out, want, verify.Tolerance{Rel: 1e-6, Abs: 1e-7})
		}
	}
}

// sameBytes emits each variant again, from several goroutines at once.
func sameBytes(t *testing.T, h *harness) {
	for _, v := range h.variants() {
		want := emit(t, plan(t, v.request))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				got, err := verify.Emit(v.request)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: another build gives other bytes (%v)", v.name, err)
				}
			})
		}
		wg.Wait()
	}
}
