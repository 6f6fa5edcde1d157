package fit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/train"
)

// state is what inputs start with and steps change, twice: one set is read and the other
// one written.
type state struct {
	names []string
	sets  [2]map[string]*tensor.Tensor
	now   int // the set that holds the values
}

func newState(made *train.Result) *state {
	s := &state{sets: [2]map[string]*tensor.Tensor{{}, {}}}
	changes := map[string]bool{}
	for _, p := range made.Model.Graph.Outputs {
		changes[strings.TrimPrefix(p.Name, "new_")] = strings.HasPrefix(p.Name, "new_")
	}
	for _, v := range made.Values {
		s.names = append(s.names, v.Name)
		own := clone(v.Tensor)
		s.sets[0][v.Name], s.sets[1][v.Name] = own, own
		if changes[v.Name] {
			s.sets[1][v.Name] = clone(v.Tensor)
		}
	}
	return s
}

func clone(t *tensor.Tensor) *tensor.Tensor {
	out := tensor.New(t.DType, t.Dims...)
	copy(out.Data, t.Data)
	return out
}

// exchange makes the set that was written the one that is read.
func (s *state) exchange() { s.now = 1 - s.now }

// values returns the values as they are now.
func (s *state) values() (list []ir.Initializer) {
	for _, name := range s.names {
		list = append(list, ir.Initializer{Name: name, Tensor: s.sets[s.now][name]})
	}
	return list
}

// copied returns values that no step changes.
func (s *state) copied() []ir.Initializer {
	list := s.values()
	for i := range list {
		list[i].Tensor = clone(list[i].Tensor)
	}
	return list
}

// stepper runs a graph over samples. Batches of one size share their buffers: there are
// two sizes, that of the last batch being the smaller.
type stepper struct {
	session runtime.Session
	state   *state
	data    *samples
	explain func(batch map[string]*tensor.Tensor) error
	bound   map[int]*bound
}

// bound is the graph with buffers for a batch of one size, for each set that is read.
type bound struct {
	batch map[string]*tensor.Tensor
	loss  *tensor.Tensor
	runs  [2]runtime.Binding
}

// run runs the graph on the rows, and returns the loss.
func (s *stepper) run(ctx context.Context, rows []int) (float64, error) {
	b, err := s.of(rows)
	if err != nil {
		return 0, err
	}
	for _, c := range s.data.columns {
		if !c.BySample() {
			continue
		}
		t, err := c.read(rows)
		if err != nil {
			return 0, err
		}
		copy(b.batch[c.Port.Name].Data, t.Data)
	}
	if err := b.runs[s.state.now].Run(ctx); err != nil {
		if s.explain != nil && ctx.Err() == nil {
			err = cmp.Or(s.explain(b.batch), err)
		}
		return 0, err
	}
	return scalar(b.loss), nil
}

// of returns the buffers for so many rows.
func (s *stepper) of(rows []int) (*bound, error) {
	if b := s.bound[len(rows)]; b != nil {
		return b, nil
	}
	b := &bound{batch: map[string]*tensor.Tensor{}}
	for _, c := range s.data.columns {
		these := rows
		if !c.BySample() {
			these = upTo(int(c.File.Dims()[0]))
		}
		var err error
		if b.batch[c.Port.Name], err = c.read(these); err != nil {
			return nil, err
		}
	}
	for set := range b.runs {
		if err := s.bind(b, set); err != nil {
			b.close()
			return nil, err
		}
	}
	s.bound[len(rows)] = b
	return b, nil
}

// bind fixes the tensors of a run that reads a set.
func (s *stepper) bind(b *bound, set int) (err error) {
	inputs, outputs := maps.Clone(b.batch), map[string]*tensor.Tensor{}
	for _, p := range s.session.Inputs() {
		if v := s.state.sets[set][p.Name]; v != nil {
			inputs[p.Name] = v
		}
	}
	for _, p := range s.session.Outputs() {
		name, changed := strings.CutPrefix(p.Name, "new_")
		switch {
		case p.Name == "loss":
			if b.loss == nil {
				b.loss = tensor.New(p.DType)
			}
			outputs[p.Name] = b.loss
		case changed && s.state.sets[1-set][name] != nil:
			outputs[p.Name] = s.state.sets[1-set][name]
		default:
			return fmt.Errorf("the graph has an output %s that no step needs", p.Name)
		}
	}
	b.runs[set], err = s.session.Bind(inputs, outputs)
	return err
}

func (b *bound) close() {
	for _, r := range b.runs {
		if r != nil {
			r.Close()
		}
	}
}

func (s *stepper) close() {
	for _, b := range s.bound {
		b.close()
	}
	s.session.Close()
}
