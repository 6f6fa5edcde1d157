package losstest

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// compareGoldens compares with what PyTorch computed: every case in float64 on the
// reference engine, which computes in it anyway, and in float32 on the others. For each
// reduction one is run in each other dtype, and by the engines that optimize: the 16-bit
// files differ from those of float32 in their first and last nodes only. [files] runs
// float64 cases on all engines, and the conformance runner every case in every dtype on
// each, as users do.
func compareGoldens(t *testing.T, h *harness) {
	compare := func(e verify.Engine, ofEach bool, every ...tensor.DType) {
		seen := map[string]bool{}
		o := h.options
		o.Only = func(g *verify.Golden, dtype tensor.DType) bool {
			key := fmt.Sprint(dtype, g.Request.Options["reduction"])
			first := ofEach && !seen[key]
			seen[key] = true
			return first || slices.Contains(every, dtype)
		}
		fails(t, verify.Loss(t.Context(), h.loss, []verify.Engine{e}, o))
	}
	compare(h.engines[0], true, tensor.Float64)
	compare(h.engines[len(h.engines)-1], false, tensor.Float32)
	for _, e := range h.optimizing {
		compare(e, true)
	}
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
			data := h.file(t, r).data
			most := max(maxFileSize, h.spec.Scales*maxScaleSize)
			if r.HVP {
				most *= 2
			}
			if len(data) > most {
				t.Errorf("the file has %d bytes, want at most %d", len(data), most)
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
	f := h.file(t, r)
	inputs := f.small(seed)
	want := run(t, h.engines[0], f.data, inputs)
	for _, e := range h.engines[1:] {
		got := run(t, e, f.data, inputs)
		for name, w := range want {
			tol := verify.ToleranceOf(w.DType, e.Backend.Name())
			if f.plan.DType == tensor.Float32 && !verify.Compare(got[name], w, tol).OK() {
				got[name] = h.forgive(t, f, inputs, got[name], w, name)
			}
			one := map[string]*tensor.Tensor{name: w}
			same(t, fmt.Sprintf("%s %v", e.Name(), f.plan.DType), got, one, tol)
		}
	}
}

// forgive replaces elements of a float32 output whose error the last bits of the inputs
// decide, or that is no more than some roundings of the largest element in a loss that
// says its gradients cancel.
func (h *harness) forgive(t *testing.T, f *file, inputs map[string]*tensor.Tensor, got, want *tensor.Tensor, name string) *tensor.Tensor {
	t.Helper()
	out := tensor.FromFloats(got.DType, got.Dims, got.Floats())
	moved := make([]float64, want.Len())
	for seed := range 4 {
		random, nudged := rand.New(rand.NewPCG(uint64(seed), 1)), map[string]*tensor.Tensor{}
		for _, port := range f.plan.Ports {
			x := inputs[port.Name]
			if x.DType == tensor.Float32 {
				values := x.Floats()
				for i := range values {
					values[i] = float64(math.Nextafter32(float32(values[i]), float32(random.NormFloat64())*math.MaxFloat32))
				}
				x = tensor.FromFloats(x.DType, x.Dims, values)
			}
			nudged[port.Name] = x
		}
		for name, x := range inputs {
			if nudged[name] == nil { // grad_output, and vectors
				nudged[name] = x
			}
		}
		for i, v := range run(t, h.engines[0], f.data, nudged)[name].Floats() {
			moved[i] = max(moved[i], math.Abs(v-want.Float(i)))
		}
	}
	largest := 0.0
	for _, v := range want.Floats() {
		if !math.IsInf(v, 0) {
			largest = max(largest, math.Abs(v)) // a NaN stays one, and forgives nothing
		}
	}
	rounding := 0.0
	if h.spec.Cancels || strings.HasPrefix(name, "hvp_") {
		rounding = 4 * verify.ToleranceOf(got.DType, "").Rel * largest
	}
	for i := range moved {
		if math.Abs(got.Float(i)-want.Float(i)) <= max(8*moved[i], rounding) {
			out.SetFloat(i, want.Float(i))
		}
	}
	return out
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
		f := h.file(t, r)
		inputs := f.small(i)
		got := run(t, e, f.data, inputs)
		same(t, v.name, got, run(t, e, emit(t, f.plan, option), inputs), tol)
	}
}

// opsets lowers the defaults for every opset; the files have to be valid, and those
// with nodes of their own have to agree. An opset with the nodes of the one before gives
// the same file but for a number. The other variants are lowered for the first and last
// opset and for those that have other nodes of the defaults than the one before, and
// with LOSSGEN_TEST_EVERY=1 for every opset.
func opsets(t *testing.T, h *harness) {
	base := h.file(t, h.asked(nil))
	var all []int64
	for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
		all = append(all, opset)
	}
	inputs, files := base.small(1), lowered(t, base.plan, all)
	changes := slices.Sorted(maps.Keys(files))
	for _, e := range h.engines {
		want := run(t, e, base.data, inputs)
		for _, opset := range changes {
			same(t, fmt.Sprintf("opset %d: %s", opset, e.Name()), run(t, e, files[opset], inputs), want, verify.Tolerance{Rel: 1e-6, Abs: 1e-7})
		}
	}
	if !every() {
		all = slices.Compact(append(changes, export.MaxOpset))
	}
	for _, v := range h.variants() {
		lowered(t, h.file(t, v.request).plan, all)
	}
}

// lowered checks a plan's graph at opsets, and returns the files of those that have
// other nodes than the opset before.
func lowered(t *testing.T, p *losses.Plan, opsets []int64) map[int64][]byte {
	t.Helper()
	g, err := p.Graph()
	if err != nil {
		t.Fatal(err)
	}
	files := map[int64][]byte{}
	var before *ir.Graph
	for _, opset := range opsets {
		m, err := g.Model(opset)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && reflect.DeepEqual(before, m.Graph) {
			err = export.Check(m)
		} else {
			files[opset], err = export.Encode(m, nil)
		}
		if before = m.Graph; err != nil {
			t.Errorf("opset %d: %v", opset, err)
		}
	}
	return files
}

// sameBytes emits the defaults again, from several goroutines at once. Those of every
// variant are emitted twice where their files are verified.
func sameBytes(t *testing.T, h *harness) {
	r := h.request(nil)
	want := h.file(t, r).data
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := export.Encode(r.Model())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("another build gives other bytes (%v)", err)
			}
		})
	}
	wg.Wait()
}
