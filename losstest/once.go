package losstest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/verify"
)

// This file does once for all tests of a loss what many of them need: opening a file
// takes longer than all its runs.

// backend opens each file once and keeps it open.
type backend struct {
	runtime.Backend
	mu   sync.Mutex
	open map[opening]func() (runtime.Session, error)
}

type opening struct {
	model   string
	options runtime.Options
}

// openOnce returns an engine whose sessions stay open until the test ends.
func openOnce(t *testing.T, b runtime.Backend) *backend {
	one := &backend{Backend: b, open: map[opening]func() (runtime.Session, error){}}
	t.Cleanup(func() {
		for _, open := range one.open {
			if s, err := open(); err == nil {
				s.(session).Session.Close()
			}
		}
	})
	return one
}

// Open implements [runtime.Backend].
func (b *backend) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	b.mu.Lock()
	key := opening{string(model), o}
	open := b.open[key]
	if open == nil {
		open = sync.OnceValues(func() (runtime.Session, error) {
			s, err := b.Backend.Open(model, o)
			return session{s}, err
		})
		b.open[key] = open
	}
	b.mu.Unlock()
	return open()
}

// session is one that others use, too.
type session struct{ runtime.Session }

func (session) Close() error { return nil }

// file is what a request gives.
type file struct {
	plan     *losses.Plan
	data     []byte
	upstream tensor.Shape // of grad_output, where there is one
}

// file builds a request, or ends the test.
func (h *harness) file(t *testing.T, r losses.Request) *file {
	t.Helper()
	same := r
	same.Catalog = nil // it is that of the harness
	key := fmt.Sprintf("%#v", same)
	h.mu.Lock()
	f := h.made[key]
	h.mu.Unlock()
	if f != nil {
		return f
	}
	f = &file{plan: plan(t, r)}
	m, err := f.plan.Model()
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range m.Graph.Inputs {
		if port.Name == "grad_output" {
			f.upstream = port.Shape
		}
	}
	if f.data, err = export.Encode(m, nil); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.made[key] = f
	h.mu.Unlock()
	return f
}

// plan resolves a request, or ends the test.
func plan(t *testing.T, r losses.Request) *losses.Plan {
	t.Helper()
	p, err := r.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// emit builds a plan's file anew.
func emit(t *testing.T, p *losses.Plan, options ...builder.Option) []byte {
	t.Helper()
	m, err := p.Model(options...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := export.Encode(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// draw returns random inputs.
func (f *file) draw(sizes verify.Sizes, seed int) map[string]*tensor.Tensor {
	return verify.Draw(f.plan, sizes, seed, f.upstream)
}

// small returns random inputs of small sizes.
func (f *file) small(seed int) map[string]*tensor.Tensor {
	return f.draw(verify.SmallSizes(f.plan, seed), seed)
}
