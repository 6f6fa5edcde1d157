package verify

import (
	"context"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
)

// Engine is an engine and how it opens models.
type Engine struct {
	Backend runtime.Backend
	Options runtime.Options
}

// Name returns the engine's name, with the provider where it is not the CPU.
func (e Engine) Name() string {
	if p := e.Options.Provider; p != "" && p != "cpu" {
		return e.Backend.Name() + "/" + p
	}
	return e.Backend.Name()
}

// tolerance returns how exact a file of a dtype has to be on the engine.
func (e Engine) tolerance(dtype tensor.DType) Tolerance { return ToleranceOf(dtype, e.Backend.Name()) }

// Options chooses what is checked. The zero value checks everything.
type Options struct {
	// Catalog has the losses that files and golden cases may be of; nil has the one
	// that [Loss] is given.
	Catalog losses.Catalog
	// Goldens are the golden cases; nil takes those in the program.
	Goldens *Goldens
	// Only says which golden cases [Loss] runs in which dtype that can hold them; nil
	// runs all in each.
	Only func(*Golden, tensor.DType) bool
	// Progress is told how much of the work is done, from one goroutine at a
	// time.
	Progress func(done, total int)
	// Observe is told what was run and what came out, by several goroutines at
	// once. It must not change the tensors.
	Observe func(Observation)
	// AllowVersion judges a file that says to be of another version of lossgen by
	// what it computes. Without, such a file fails: it is not proven.
	AllowVersion bool
	// Values are those that inputs of a training file start with; others are drawn.
	Values []ir.Initializer
	// Seed is what the inputs of such a file are drawn from; 0 takes another one
	// each time, so that no file can be made for them.
	Seed uint64
	// Memory bounds the bytes of a run on the reference engine, and those of the
	// inputs and outputs of a file at its own large sizes; 0 is
	// [runtime.DefaultMemory].
	Memory int64
}

// Observation is one run of a file that a check has made.
type Observation struct {
	Check   string // "golden", "engines", "differences", ...
	Loss    string
	Case    string // the golden case, or which random inputs: "draw 0"
	Engine  string
	DType   tensor.DType // of the file
	Inputs  map[string]*tensor.Tensor
	Outputs map[string]*tensor.Tensor
}

func (o Options) observe(seen Observation) {
	if o.Observe != nil {
		o.Observe(seen)
	}
}

func (o Options) goldens() (*Goldens, error) {
	if o.Goldens != nil {
		return o.Goldens, nil
	}
	return EmbeddedGoldens(o.Catalog)
}

func (o Options) progress(done, total int) {
	if o.Progress != nil {
		o.Progress(done, total)
	}
}

// run opens a file on an engine and runs it once.
func (e Engine) run(ctx context.Context, file []byte, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	s, err := e.Backend.Open(file, e.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(ctx, inputs)
}
