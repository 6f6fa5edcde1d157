// Package reference evaluates ONNX models in pure Go, slowly and plainly, as a
// second opinion.
//
// Models are decoded by onnx-go and evaluated here. All floating-point
// arithmetic is done in float64, whatever the model declares, and the outputs
// are rounded to their declared dtypes once, at the end; so a model of float16
// or bfloat16 values is computed as if it had been written in float64. Integers
// wrap around as their dtype does. Where the ONNX standard leaves a choice, NaN
// is never lost: Max, Min, Relu, Clip, ReduceMax and ReduceMin propagate it,
// Sign keeps it, ArgMax and TopK count it as the largest value.
//
// What a processor would do silently is an error here: an index out of bounds,
// an integer division by 0, operands of different dtypes.
package reference

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// ErrNoKernel is wrapped by the error of a model that needs an operator, or a
// form of one, that this engine does not have.
var ErrNoKernel = errors.New("the reference engine has no kernel for this")

// Backend is the reference engine. Its zero value is ready for use.
type Backend struct{}

var _ runtime.Backend = Backend{}

// Name returns "reference".
func (Backend) Name() string { return "reference" }

// Open decodes a model. Of the options the provider has to be the processor, and
// Memory bounds what the values of a run take; Threads and Optimization do not matter to this engine.
func (Backend) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	if o.Provider != "" && o.Provider != "cpu" {
		return nil, fmt.Errorf("provider %q: the reference engine runs on the CPU only: %w", o.Provider, runtime.ErrUnavailable)
	}
	p, err := newPlan(model)
	if err != nil {
		return nil, err
	}
	return &session{plan: p, limit: o.MemoryLimit()}, nil
}

// session is immutable after Open, so that goroutines may share it.
type session struct {
	*plan
	limit int64 // bytes of all values of a run
}

// Inputs returns the declared inputs.
func (s *session) Inputs() []ir.Port { return append([]ir.Port{}, s.inputs...) }

// Outputs returns the declared outputs.
func (s *session) Outputs() []ir.Port { return append([]ir.Port{}, s.outputs...) }

// Close does nothing: a session holds memory only.
func (s *session) Close() error { return nil }

// Run evaluates all nodes in order.
func (s *session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	results, err := s.evaluate(ctx, inputs)
	if err != nil {
		return nil, err
	}
	out := map[string]*tensor.Tensor{}
	for k, a := range results {
		t := tensor.New(a.dtype, a.dims64()...)
		a.into(t)
		out[s.outputs[k].Name] = t
	}
	return out, nil
}

// evaluate returns the outputs in the order of the ports.
func (s *session) evaluate(ctx context.Context, inputs map[string]*tensor.Tensor) ([]*array, error) {
	if err := checkNames("input", s.inputs, inputs); err != nil {
		return nil, err
	}
	held := &ledger{left: s.limit, owners: map[unsafe.Pointer]int{}}
	values := append([]*array{}, s.initial...)
	for _, a := range values {
		if a != nil {
			held.hold(a)
		}
	}
	for k, p := range s.inputs {
		t := inputs[p.Name]
		if err := checkPort("input", p, t); err != nil {
			return nil, err
		}
		a, err := fromTensor(t, held.left)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", p.Name, err)
		}
		values[s.inputSlots[k]] = a
		held.hold(a)
	}
	if err := s.run(ctx, values, held); err != nil {
		return nil, err
	}
	results := make([]*array, len(s.outputs))
	for k, p := range s.outputs {
		results[k] = values[s.outputSlots[k]]
		if !accepts(p, results[k].dtype, results[k].dims64()) {
			return nil, fmt.Errorf("output %q: the model computes %v, but declares %s", p.Name, results[k], portType(p))
		}
	}
	return results, nil
}

// run takes the steps.
func (p *plan) run(ctx context.Context, values []*array, held *ledger) error {
	for _, st := range p.steps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("run stopped: %w", err)
		}
		if err := st.run(ctx, values, held); err != nil {
			return fmt.Errorf("%s: %w", st.label, err)
		}
	}
	return nil
}

func (st *step) run(ctx context.Context, values []*array, held *ledger) error {
	c := &call{in: make([]*array, len(st.inputs)), attrs: st.attrs, limit: held.left, ctx: ctx}
	for k, slot := range st.inputs {
		if slot >= 0 {
			c.in[k] = values[slot]
		}
	}
	out, err := st.row.apply(c)
	if err != nil {
		return err
	}
	for k, slot := range st.outputs {
		if slot >= 0 {
			values[slot] = out[k]
			held.hold(out[k])
		}
	}
	if held.left < 0 {
		return tooMuch("its results")
	}
	for _, slot := range st.last {
		if values[slot] != nil {
			held.drop(values[slot])
		}
		values[slot] = nil
	}
	return nil
}
