// Package fit trains with the graphs of package train: epochs over arrays in files, in
// batches, on any engine.
//
//	result, err := fit.Run(ctx, made, fit.Options{Open: open, Data: columns, Epochs: 10, Batch: 32})
//
// Two sets of buffers hold what changes: each step reads one and writes the other, since
// an engine may write a new value before it has read the old one for the last time.
package fit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/train"
)

// Options say what is trained on, and how long.
type Options struct {
	// Open opens a model on an engine.
	Open func(*ir.Model) (runtime.Session, error)
	// Data has an array for each input that has no value to start with. Validation has
	// those of other samples, or is nil.
	Data, Validation []Column
	Epochs, Batch    int
	Seed             uint64
	Shuffle          bool
	// Sum says that the loss adds up over samples; others are means.
	Sum bool
	// Checkpoint is a file that holds the state after each epoch, "" for none. Where it is
	// there already, training goes on from it.
	Checkpoint string
	// Notes are what a checkpoint must agree in.
	Notes map[string]string
	// Explain, where there is one, finds out why a run on a batch failed: an engine tells
	// neither the input nor the place. It returns nil where it does not know.
	Explain func(batch map[string]*tensor.Tensor) error
	// Epoch is told of each epoch, Progress of the samples that are done in one.
	Epoch    func(Epoch)
	Progress func(epoch, done, samples int)
}

// Epoch is what came of an epoch.
type Epoch struct {
	Number     int      `json:"epoch"`
	Loss       float64  `json:"loss"`
	Validation *float64 `json:"validation,omitempty"`
	Seconds    float64  `json:"seconds"`
}

// Result is what training left.
type Result struct {
	// Values are those of the epoch with the smallest validation loss, or of the last one.
	Values []ir.Initializer
	Best   int // the epoch they are of
	Epochs []Epoch
	Begun  int // epochs that a checkpoint had already
}

// run is training under way.
type run struct {
	Options
	made      *train.Result
	state     *state
	data      *samples
	validated *samples // nil without validation
	random    bool     // the graph draws numbers
	steps     *stepper
	evals     *stepper
	epochs    []Epoch
	at        int     // samples that the epoch under way has behind it
	sum       float64 // of their losses
	best      []ir.Initializer
	bestEpoch int
}

// Run trains until all epochs are done, ctx ends or a loss is no number.
func Run(ctx context.Context, made *train.Result, o Options) (*Result, error) {
	r := &run{Options: o, made: made, state: newState(made), random: drawsNumbers(made.Model)}
	defer r.close()
	var err error
	if r.data, err = newSamples(o.Data); err != nil {
		return nil, err
	}
	if o.Validation != nil {
		if r.validated, err = newSamples(o.Validation); err != nil {
			return nil, fmt.Errorf("validation: %w", err)
		}
		if r.evals, err = r.open(made.Eval, r.validated); err != nil {
			return nil, err
		}
	}
	r.Batch = min(r.Batch, r.data.count)
	if err := r.resume(); err != nil {
		return nil, err
	}
	begun := len(r.epochs)
	for len(r.epochs) < o.Epochs {
		if err := r.epoch(ctx); err != nil {
			if failed := r.interrupted(ctx); failed != nil {
				return nil, failed
			}
			return nil, err
		}
	}
	out := &Result{Values: r.state.values(), Best: len(r.epochs), Epochs: r.epochs, Begun: begun}
	if r.best != nil {
		out.Values, out.Best = r.best, r.bestEpoch
	}
	return out, nil
}

func (r *run) open(m *ir.Model, data *samples) (*stepper, error) {
	session, err := r.Open(m)
	if err != nil {
		return nil, err
	}
	return &stepper{session: session, state: r.state, data: data, explain: r.Explain, bound: map[int]*bound{}}, nil
}

func (r *run) close() {
	for _, s := range []*stepper{r.steps, r.evals} {
		if s != nil {
			s.close()
		}
	}
}

// epoch trains one epoch, or what is left of it, and validates.
func (r *run) epoch(ctx context.Context) error {
	start, number := time.Now(), len(r.epochs)+1
	if err := r.begin(number); err != nil {
		return err
	}
	order := r.order(number)
	for r.at < len(order) {
		rows := order[r.at:min(r.at+r.Batch, len(order))]
		loss, err := r.steps.run(ctx, rows)
		if err == nil {
			err = finite(loss)
		}
		if err != nil {
			return fmt.Errorf("epoch %d, step %d of %d: %w", number, r.at/r.Batch+1, (len(order)+r.Batch-1)/r.Batch, err)
		}
		r.state.exchange()
		r.sum += loss * r.weight(rows)
		r.at += len(rows)
		r.progress(number, r.at, len(order))
	}
	done := Epoch{Number: number, Loss: r.mean(r.sum, len(order))}
	if r.validated != nil {
		loss, err := r.validate(ctx)
		if err != nil {
			return fmt.Errorf("validation of epoch %d: %w", number, err)
		}
		done.Validation = &loss
		if r.best == nil || loss < *r.epochs[r.bestEpoch-1].Validation {
			r.best, r.bestEpoch = r.state.copied(), number
		}
	}
	done.Seconds = time.Since(start).Seconds()
	r.epochs, r.at, r.sum = append(r.epochs, done), 0, 0
	if err := r.save(); err != nil {
		return err
	}
	if r.Epoch != nil {
		r.Epoch(done)
	}
	return nil
}

// begin opens the graph, for each epoch anew where it draws numbers: from the seed and the
// number of the epoch, so that one that goes on from a checkpoint draws the same.
func (r *run) begin(number int) (err error) {
	if r.steps != nil && !r.random {
		return nil
	}
	if r.steps != nil {
		r.steps.close()
	}
	m := r.made.Model
	if r.random {
		m = seeded(m, r.Seed, number)
	}
	r.steps, err = r.open(m, r.data)
	return err
}

// weight is how much the loss of a batch counts.
func (r *run) weight(rows []int) float64 {
	if r.Sum {
		return 1
	}
	return float64(len(rows))
}

func (r *run) mean(sum float64, samples int) float64 {
	if r.Sum {
		return sum
	}
	return sum / float64(samples)
}

// validate returns the loss of the other samples, with the graph out of training.
func (r *run) validate(ctx context.Context) (float64, error) {
	sum, all := 0.0, upTo(r.validated.count)
	for at := 0; at < len(all); at += r.Batch {
		rows := all[at:min(at+r.Batch, len(all))]
		loss, err := r.evals.run(ctx, rows)
		if err != nil {
			return 0, err
		}
		sum += loss * r.weight(rows)
	}
	loss := r.mean(sum, len(all))
	return loss, finite(loss)
}

func (r *run) progress(epoch, done, samples int) {
	if r.Progress != nil {
		r.Progress(epoch, done, samples)
	}
}

func finite(loss float64) error {
	if loss-loss == 0 {
		return nil
	}
	name := "infinite"
	if math.IsNaN(loss) {
		name = "NaN"
	}
	return fmt.Errorf("the loss is %s: try a smaller lr or --clip-norm, and look for values in the data that are not finite", name)
}

// scalar returns the loss of a run.
func scalar(t *tensor.Tensor) float64 { return t.Float(0) }
