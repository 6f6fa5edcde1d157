package fit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/safetensors"
	"github.com/lossgen/lossgen/train"
)

// This file keeps the state of training in a file, from which it goes on to the same
// numbers: values by their names, those of the best epoch with a prefix, and notes.

// noteKey is the note that says where training is.
const noteKey = "lossgen.fit"

// progress is where training is.
type progress struct {
	Epochs []Epoch           `json:"epochs"`
	At     int               `json:"at"`  // samples of the next epoch
	Sum    string            `json:"sum"` // of their losses, every bit of it
	Best   int               `json:"best"`
	Run    map[string]string `json:"run"` // what must be the same
}

// save writes the checkpoint, where one is wanted.
func (r *run) save() error {
	if r.Checkpoint == "" {
		return nil
	}
	p := progress{Epochs: r.epochs, At: r.at, Sum: strconv.FormatFloat(r.sum, 'x', -1, 64), Best: r.bestEpoch, Run: r.Notes}
	note, err := json.Marshal(p)
	if err != nil {
		return err
	}
	arrays := r.state.values()
	for _, v := range r.best {
		arrays = append(arrays, ir.Initializer{Name: train.BestPrefix + v.Name, Tensor: v.Tensor})
	}
	data, err := safetensors.Marshal(arrays, map[string]string{noteKey: string(note)})
	if err != nil {
		return err
	}
	return export.WriteFile(r.Checkpoint, data)
}

// interrupted saves where training was when ctx ended. A graph that draws numbers goes on
// from the last whole epoch, since the numbers of half an epoch cannot be drawn again.
func (r *run) interrupted(ctx context.Context) error {
	if ctx.Err() == nil || r.random || r.at == 0 {
		return nil
	}
	return r.save()
}

// resume goes on from the checkpoint, where there is one.
func (r *run) resume() error {
	if r.Checkpoint == "" {
		return nil
	}
	data, err := os.ReadFile(r.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = r.restore(data)
	}
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", r.Checkpoint, err)
	}
	return nil
}

func (r *run) restore(data []byte) error {
	arrays, notes, err := safetensors.Unmarshal(data)
	if err != nil {
		return err
	}
	var p progress
	if json.Unmarshal([]byte(notes[noteKey]), &p) != nil {
		return errors.New("it is no checkpoint of lossgen fit")
	}
	for _, key := range slices.Sorted(maps.Keys(r.Notes)) {
		if p.Run[key] != r.Notes[key] {
			return fmt.Errorf("it is of another run: its %s is %s, and here it is %s", key, strconv.Quote(p.Run[key]), strconv.Quote(r.Notes[key]))
		}
	}
	sum, err := strconv.ParseFloat(p.Sum, 64)
	if err != nil || !r.makesSense(p) {
		return errors.New("what it says of its epochs makes no sense")
	}
	r.epochs, r.at, r.sum, r.bestEpoch = p.Epochs, p.At, sum, p.Best
	if p.Best > 0 {
		r.best = r.state.copied()
	}
	return r.take(arrays)
}

// makesSense checks numbers that training counts with.
func (r *run) makesSense(p progress) bool {
	for i, e := range p.Epochs {
		if e.Number != i+1 || (e.Validation == nil) != (r.validated == nil) {
			return false
		}
	}
	whole := p.At == r.data.count || p.At%r.Batch == 0 // batches
	best := r.validated != nil && len(p.Epochs) > 0
	return whole && p.At >= 0 && p.At <= r.data.count && p.Best >= 0 && p.Best <= len(p.Epochs) && (p.Best > 0) == best
}

// take copies the values of a checkpoint, all that there are and no others.
func (r *run) take(arrays []ir.Initializer) error {
	want := map[string]ir.Initializer{}
	for _, v := range r.state.values() {
		want[v.Name] = v
	}
	for _, v := range r.best {
		want[train.BestPrefix+v.Name] = v
	}
	for _, a := range arrays {
		to, ok := want[a.Name]
		if !ok || to.Tensor.DType != a.Tensor.DType || !slices.Equal(to.Tensor.Dims, a.Tensor.Dims) {
			return fmt.Errorf("it has %s as %v, which this run has not", strconv.Quote(a.Name), a.Tensor)
		}
		copy(to.Tensor.Data, a.Tensor.Data)
		delete(want, a.Name)
	}
	if len(want) > 0 {
		return fmt.Errorf("it has no value %s", strconv.Quote(slices.Min(slices.Collect(maps.Keys(want)))))
	}
	return nil
}
