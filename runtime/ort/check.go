package ort

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// checkTensors reports the first tensor that does not fit its port. kind is
// "input" or "output". Sizes that contradict a letter are left to the model.
func checkTensors(kind string, ports []ir.Port, tensors map[string]*tensor.Tensor) error {
	present := 0
	for _, p := range ports {
		t := tensors[p.Name]
		if t == nil {
			return unknownOrMissing(kind, ports, tensors, p)
		}
		present++
		if err := checkTensor(p, t); err != nil {
			return fmt.Errorf("%s %q: %w", kind, p.Name, err)
		}
	}
	if present < len(tensors) {
		return unknownOrMissing(kind, ports, tensors, ir.Port{})
	}
	return nil
}

// unknownOrMissing names the unknown tensor where there is one: it is most
// often the misspelled missing one.
func unknownOrMissing(kind string, ports []ir.Port, tensors map[string]*tensor.Tensor, missing ir.Port) error {
	var known, unknown []string
	for _, p := range ports {
		known = append(known, p.Name)
	}
	for name := range tensors {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("unknown %s %q: the model has %s", kind, slices.Min(unknown), strings.Join(known, ", "))
	}
	return fmt.Errorf("%s %q is missing: want %s", kind, missing.Name, portType(missing))
}

func checkTensor(p ir.Port, t *tensor.Tensor) error {
	fits := t.DType == p.DType && len(t.Dims) == len(p.Shape)
	for i := 0; fits && i < len(t.Dims); i++ {
		fits = !p.Shape[i].Known() || p.Shape[i].Size == t.Dims[i]
	}
	if !fits {
		return fmt.Errorf("%v, want %s", t, portType(p))
	}
	n, err := tensor.Count(t.Dims)
	if err != nil {
		return err
	}
	if size := n * t.DType.Size(); len(t.Data) != size {
		return fmt.Errorf("%v holds %d bytes, want %d", t, len(t.Data), size)
	}
	return nil
}

func portType(p ir.Port) string { return p.DType.String() + p.Shape.String() }

// sizes is what the letters of the inputs' ports stand for in one run. A letter
// that two inputs contradict stands for -1.
type sizes map[string]int64

func readSizes(ports []ir.Port, tensors map[string]*tensor.Tensor) sizes {
	s := sizes{}
	for _, p := range ports {
		for i, d := range p.Shape {
			if !d.IsLetter() {
				continue
			}
			n := tensors[p.Name].Dims[i]
			if old, ok := s[d.Sym]; ok && old != n {
				n = -1
			}
			s[d.Sym] = n
		}
	}
	return s
}

// of returns the sizes of a shape, or the first dim without one.
func (s sizes) of(shape tensor.Shape) (dims []int64, unresolved string) {
	dims = make([]int64, len(shape))
	for i, d := range shape {
		contradicted := func(letter string) bool { return s[letter] < 0 }
		n, err := d.Eval(s)
		if err != nil || n < 0 || slices.ContainsFunc(d.Letters(), contradicted) {
			return nil, d.String()
		}
		dims[i] = n
	}
	return dims, ""
}
