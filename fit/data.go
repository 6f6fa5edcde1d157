package fit

import (
	"fmt"
	"math/rand/v2"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/npy"
)

// Column is the array of an input: a row for each sample where the input's first axis is
// open, and else the same in each step.
type Column struct {
	Port ir.Port
	Path string
	File *npy.File
}

// BySample reports whether the column has a row for each sample.
func (c Column) BySample() bool { return len(c.Port.Shape) > 0 && c.Port.Shape[0].IsLetter() }

// read returns rows as the input takes them.
func (c Column) read(rows []int) (*tensor.Tensor, error) {
	t, err := c.File.Rows(rows)
	if err == nil {
		t, err = t.Exactly(c.Port.DType)
	}
	if err != nil {
		return nil, fmt.Errorf("input %s: %s: %w", c.Port.Name, c.Path, err)
	}
	return t, nil
}

// samples are the columns of a run.
type samples struct {
	columns []Column
	count   int
}

// newSamples checks that the columns have as many rows as each other.
func newSamples(columns []Column) (*samples, error) {
	s := &samples{columns: columns, count: -1}
	first := ""
	for _, c := range columns {
		rows := int(c.File.Dims()[0])
		switch {
		case !c.BySample():
		case s.count < 0:
			s.count, first = rows, c.Path
		case rows != s.count:
			return nil, fmt.Errorf("%s has %d rows and %s has %d: want one for each sample", first, s.count, c.Path, rows)
		}
	}
	switch {
	case s.count < 0:
		return nil, fmt.Errorf("no input has an open first axis: export the model with an open batch, as dynamic_axes or dynamic_shapes say")
	case s.count == 0:
		return nil, fmt.Errorf("%s has no rows", first)
	}
	return s, nil
}

// order returns the samples in the order of an epoch, which depends on nothing but the
// seed and the epoch.
func (r *run) order(epoch int) []int {
	if !r.Shuffle {
		return upTo(r.data.count)
	}
	return rand.New(rand.NewPCG(r.Seed, uint64(epoch))).Perm(r.data.count)
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
