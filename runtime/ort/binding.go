//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// binding is a handle on bound, so that what a forgotten binding holds can be
// freed when nobody has the handle anymore.
type binding struct {
	*bound
	cleanup goruntime.Cleanup
}

type bound struct {
	session *session
	in, out values
	pin     goruntime.Pinner

	inputs, outputs []onnxruntime.Value
	io              *onnxruntime.IoBinding // nil unless on the processor
	closed          bool
}

// Bind fixes the tensors of a run. Their Data is read and written in place, so
// it must not be exchanged for other memory.
func (s *session) Bind(inputs, outputs map[string]*tensor.Tensor) (runtime.Binding, error) {
	if err := checkTensors("input", s.inputs, inputs); err != nil {
		return nil, err
	}
	if err := checkTensors("output", s.outputs, outputs); err != nil {
		return nil, err
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	b := &bound{session: s}
	if err := b.attach(inputs, outputs); err != nil {
		b.close()
		return nil, fmt.Errorf("bind: %w", err)
	}
	handle := &binding{bound: b}
	handle.cleanup = goruntime.AddCleanup(handle, (*bound).close, b)
	return handle, nil
}

func (b *bound) attach(inputs, outputs map[string]*tensor.Tensor) (err error) {
	s := b.session
	if b.in, err = newValues(s.inputs, inputs, &b.pin); err != nil {
		return fmt.Errorf("input %w", err)
	}
	if b.out, err = newValues(s.outputs, outputs, &b.pin); err != nil {
		return fmt.Errorf("output %w", err)
	}
	b.inputs, b.outputs = b.in.list(), b.out.list()
	if s.provider != "cpu" {
		return nil // binding an input would copy it to the device once and for all
	}
	if b.io, err = s.engine.CreateIoBinding(); err != nil {
		return engineError(err)
	}
	for i, p := range s.inputs {
		if err := b.io.BindInput(s.names[i], b.in[i]); err != nil {
			return fmt.Errorf("input %q: %w", p.Name, engineError(err))
		}
	}
	for i, p := range s.outputs {
		if err := b.io.BindOutput(p.Name, b.out[i]); err != nil {
			return fmt.Errorf("output %q: %w", p.Name, engineError(err))
		}
	}
	return nil
}

// Run runs the session on the bound tensors. It allocates nothing where ctx
// cannot be canceled: the binding takes no run options beside bound tensors.
func (b *binding) Run(ctx context.Context) error {
	defer goruntime.KeepAlive(b)
	if b.closed {
		return errors.New("the binding is closed")
	}
	b.in.load()
	if err := b.execute(ctx); err != nil {
		return err
	}
	b.out.store()
	return nil
}

func (b *bound) execute(ctx context.Context) error {
	if b.io == nil || ctx.Done() != nil {
		return b.session.execute(ctx, b.inputs, b.outputs)
	}
	if err := b.session.engine.RunWithBinding(b.io); err != nil {
		return fmt.Errorf("run: %w", engineError(err))
	}
	return nil
}

// Close frees the binding.
func (b *binding) Close() error {
	b.cleanup.Stop()
	b.close()
	return nil
}

func (b *bound) close() {
	if b.closed {
		return
	}
	b.closed = true
	if b.io != nil {
		b.io.Destroy()
	}
	b.in.destroy()
	b.out.destroy()
	b.pin.Unpin()
	b.session.release()
}
