//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

type session struct {
	inputs, outputs []ir.Port
	names           []string // of the inputs, as the engine has them
	provider        string
	memory          int64 // bytes of outputs that are allocated before a run
	engine          *onnxruntime.DynamicAdvancedSession

	mu     sync.Mutex
	users  int // runs and bindings, and 1 until Close: the last one frees engine
	closed bool
}

// Inputs returns the ports that the model's bytes declare. The engine itself
// cannot tell rank 0 from an unknown rank.
func (s *session) Inputs() []ir.Port { return s.inputs }

// Outputs returns the ports that the model's bytes declare.
func (s *session) Outputs() []ir.Port { return s.outputs }

var errClosed = errors.New("the session is closed")

func (s *session) acquire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.users++
	return nil
}

func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users == 0 {
		s.engine.Destroy()
	}
}

// Close frees the session, once the runs under way and the bindings are done.
func (s *session) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if !closed {
		s.release()
	}
	return nil
}

// Run computes all outputs into new tensors. Canceling ctx ends the run before
// its next operator.
func (s *session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	if err := checkTensors("input", s.inputs, inputs); err != nil {
		return nil, err
	}
	results, err := s.allocate(inputs)
	if err != nil {
		return nil, err
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	defer s.release()
	var pin goruntime.Pinner
	defer pin.Unpin()
	in, err := newValues(s.inputs, inputs, &pin)
	if err != nil {
		return nil, fmt.Errorf("input %w", err)
	}
	defer in.destroy()
	out, err := newValues(s.outputs, results, &pin)
	if err != nil {
		return nil, fmt.Errorf("output %w", err)
	}
	defer out.destroy()
	list := out.list()
	in.load()
	if err := s.execute(ctx, in.list(), list); err != nil {
		return nil, err
	}
	out.store()
	return results, s.collect(list, results)
}

// allocate makes the outputs whose sizes follow from the inputs' letters, as long
// as they are not too large to believe: a file may declare anything. ONNX
// Runtime allocates the others; the binding mistakes the number of elements of
// a half type for its number of bytes there, so these must be known.
func (s *session) allocate(inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	letters := readSizes(s.inputs, inputs)
	results := make(map[string]*tensor.Tensor, len(s.outputs))
	left := s.memory
	for _, t := range inputs {
		left = max(left, 2*int64(len(t.Data))) // gradients are as large as their inputs
	}
	for _, p := range s.outputs {
		dims, unresolved := letters.of(p.Shape)
		half := p.DType == tensor.Float16 || p.DType == tensor.BFloat16
		n, err := tensor.Count(dims)
		size := int64(n) * int64(p.DType.Size())
		switch {
		case unresolved == "" && err == nil && size <= left:
			results[p.Name] = tensor.New(p.DType, dims...)
			left -= size
		case unresolved == "" && half:
			return nil, fmt.Errorf("output %q is declared %s, which is more than the %d bytes that outputs may take here: raise the limit of memory, or bind the output",
				p.Name, portType(p), left)
		case half:
			return nil, fmt.Errorf("output %q is %s, and the inputs do not tell the size of %s, which a %v output needs here: bind the output",
				p.Name, portType(p), unresolved, p.DType)
		}
	}
	return results, nil
}

// collect adds the outputs that ONNX Runtime allocated to results.
func (s *session) collect(list []onnxruntime.Value, results map[string]*tensor.Tensor) error {
	for i, p := range s.outputs {
		if results[p.Name] != nil {
			continue
		}
		t, err := copyOut(list[i], p.DType)
		list[i].Destroy()
		if err != nil {
			return fmt.Errorf("output %q: %w", p.Name, err)
		}
		results[p.Name] = t
	}
	return nil
}

// execute runs the engine until it is done or ctx ends it.
func (s *session) execute(ctx context.Context, in, out []onnxruntime.Value) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	var options *onnxruntime.RunOptions
	if ctx.Done() != nil {
		var err error
		if options, err = onnxruntime.NewRunOptions(); err != nil {
			return engineError(err)
		}
		defer options.Destroy()
		defer terminateWith(ctx, options)()
	}
	err := s.engine.RunWithOptions(in, out, options)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("run: %w", ctx.Err())
	}
	return fmt.Errorf("run: %w", engineError(err))
}

// terminateWith ends the run when ctx ends. The returned function stops that,
// and returns when options is no longer in use.
func terminateWith(ctx context.Context, options *onnxruntime.RunOptions) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		options.Terminate()
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}
