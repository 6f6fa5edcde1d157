// Package losstest checks a declared loss against PyTorch, finite differences
// and itself.
//
// A loss goes through it by being listed in the catalogue of its package, whose test
// calls [RunAll].
package losstest

import (
	"errors"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/verify"
)

// maxFileSize bounds the file of a loss, in bytes.
const maxFileSize = 16 << 10

// maxScaleSize bounds each scale of a loss that has many, which may be larger together.
const maxScaleSize = 5 << 10

// RunAll checks losses of a catalogue on every engine that is here.
func RunAll(t *testing.T, all, chosen losses.Catalog) {
	engines := Engines(t)
	for _, l := range chosen {
		t.Run(l.Declaration().Name, func(t *testing.T) { Run(t, all, l, engines...) })
	}
}

// Engines returns the engines beside the reference engine, which works anywhere.
func Engines(t *testing.T) []runtime.Backend {
	t.Helper()
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Logf("ONNX Runtime is left out: %v", err)
		return nil
	}
	return []runtime.Backend{ort.Backend{}}
}

// Run checks a loss on the engines. The reference engine is always one of them,
// unless it has no kernel for the loss.
//
// The loss is one of a catalogue, which has those of its tasks, too.
func Run(t *testing.T, all losses.Catalog, l losses.Loss, engines ...runtime.Backend) {
	goldens, err := verify.EmbeddedGoldens(all)
	if err != nil {
		t.Fatal(err)
	}
	RunWith(t, all, l, goldens, engines...)
}

// RunWith is [Run] with golden cases that are not those in the program: for a loss
// that is declared elsewhere.
func RunWith(t *testing.T, all losses.Catalog, l losses.Loss, goldens *verify.Goldens, engines ...runtime.Backend) {
	h := newHarness(t, all, l, engines)
	h.options = verify.Options{Catalog: all, Goldens: goldens}
	for _, c := range []struct {
		name string
		run  func(*testing.T, *harness)
	}{
		{"declaration", declaration},
		{"options", options},
		{"refusals", refusals},
		{"goldens", compareGoldens},
		{"files", files},
		{"declared_gradient_is_derived", derived},
		{"simplified_is_naive", naive},
		{"opsets", opsets},
		{"same_bytes", sameBytes},
		{"ports", ports},
		{"wrong_tensors", wrongTensors},
		{"contradicted_sizes", contradictedSizes},
		{"labels_out_of_range", labelsOutOfRange},
		{"letters", letters},
		{"masked", masked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, h)
		})
	}
}

// harness is a loss under test.
type harness struct {
	catalog losses.Catalog
	loss    losses.Loss
	spec    losses.Spec
	options verify.Options  // with the golden cases
	engines []verify.Engine // the reference engine first, where it can run the loss; the others run the nodes as they are
	// optimizing are the others as users run them, which open a file in twice the time.
	optimizing []verify.Engine
	mu         sync.Mutex
	made       map[string]*file // by request
}

func newHarness(t *testing.T, all losses.Catalog, l losses.Loss, engines []runtime.Backend) *harness {
	t.Helper()
	h := &harness{catalog: all, loss: l, spec: l.Declaration(), made: map[string]*file{}}
	data, err := export.Encode(h.asked(nil).Model())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (reference.Backend{}).Open(data, runtime.Options{}); errors.Is(err, reference.ErrNoKernel) {
		t.Logf("the reference engine is left out: %v", err)
	} else {
		h.engines = append(h.engines, verify.Engine{Backend: openOnce(t, reference.Backend{})})
	}
	for _, b := range engines {
		if b.Name() != "reference" {
			once := openOnce(t, b)
			h.engines = append(h.engines, verify.Engine{Backend: once, Options: runtime.Options{Threads: 1, Optimization: "none"}})
			h.optimizing = append(h.optimizing, verify.Engine{Backend: once, Options: runtime.Options{Threads: 1}})
		}
	}
	if len(h.engines) == 0 {
		t.Skip("no engine here can run the loss")
	}
	return h
}

// run opens a file on an engine and runs it.
func run(t *testing.T, e verify.Engine, data []byte, inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	return runOn(t, e, open(t, e, data), inputs)
}

// open opens a file on an engine until the tests of the loss end.
func open(t *testing.T, e verify.Engine, data []byte) runtime.Session {
	t.Helper()
	s, err := e.Backend.Open(data, e.Options)
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	return s
}

// runOn runs an opened file of an engine.
func runOn(t *testing.T, e verify.Engine, s runtime.Session, inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	out, err := s.Run(t.Context(), inputs)
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	return out
}

// same reports outputs that are not those wanted.
func same(t *testing.T, label string, got, want map[string]*tensor.Tensor, tol verify.Tolerance) {
	t.Helper()
	for name, w := range want {
		if d := verify.Compare(got[name], w, tol); !d.OK() {
			t.Errorf("%s: %s: %v", label, name, d)
		}
	}
}
