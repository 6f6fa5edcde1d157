// Package runtime runs ONNX models through interchangeable engines.
//
// An engine opens the bytes of a model once and runs it many times:
//
//	session, err := backend.Open(model, runtime.Options{})
//	outputs, err := session.Run(ctx, map[string]*tensor.Tensor{"input": x, "target": t})
//
// The engines are runtime/reference (pure Go, float64 inside) and runtime/ort
// (ONNX Runtime).
package runtime

import (
	"context"
	"errors"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// ErrUnavailable is wrapped by the error of an engine or provider that cannot
// work on this machine (library not found, no GPU, built without cgo).
var ErrUnavailable = errors.New("unavailable")

// Backend is an engine.
type Backend interface {
	// Name is the engine's name on the command line: "reference" or "ort".
	Name() string
	// Open prepares a model for running. Bytes that are no valid model give an
	// error, never a panic.
	Open(model []byte, o Options) (Session, error)
}

// Options choose how an engine runs a model. The zero value is the engine's
// default: the CPU, one thread per core, every graph optimization.
type Options struct {
	Provider     string // "cpu" (or "") or "cuda"
	Threads      int    // threads inside an operator; 0 lets the engine choose
	Optimization string // "none", "basic", "extended" or "all" (or "")
	// Memory bounds the bytes that the values of a run take, as far as the engine
	// counts them: those of all values in the reference engine, those of outputs
	// that are allocated before the run in ONNX Runtime. 0 is [DefaultMemory].
	Memory int64
}

// DefaultMemory is the bound of a run that asks for none.
const DefaultMemory = 1 << 30

// MemoryLimit returns the bound of a run.
func (o Options) MemoryLimit() int64 {
	if o.Memory > 0 {
		return o.Memory
	}
	return DefaultMemory
}

// Session is an opened model. Several goroutines may use it at once.
type Session interface {
	// Inputs and Outputs describe the model's ports as its bytes declare them.
	Inputs() []ir.Port
	Outputs() []ir.Port
	// Run computes all outputs from named inputs. A missing, unknown or
	// ill-typed input is an error that names it. Canceling ctx ends the run.
	Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error)
	// Bind fixes the tensors of a run, so that it can be repeated without
	// allocating: write new values into the inputs' Data, call [Binding.Run],
	// read the outputs' Data. outputs must name every output with the dtype and
	// sizes it will have.
	Bind(inputs, outputs map[string]*tensor.Tensor) (Binding, error)
	// Close frees the session. Bindings made from it must be closed before.
	Close() error
}

// Binding is a session with fixed input and output tensors. One goroutine at a
// time may use it; make one per goroutine.
type Binding interface {
	Run(ctx context.Context) error
	Close() error
}
