package adapters

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Form is a size that a source computes from the sizes of letters, such as 2*N.
type Form struct {
	Text string // as in Dim
	dim  tensor.Dim
}

// readForms lists the forms among the sizes of a file. A source knows the sizes of
// all arrays before a run: from the inputs, or from their letters.
func (d *Data) readForms(g *ir.Graph) error {
	told := map[tensor.Dim]bool{}
	for _, p := range g.Inputs {
		for _, dim := range p.Shape {
			told[dim] = told[dim] || p.Name != "grad_output"
		}
	}
	for _, p := range slices.Concat(g.Inputs, g.Outputs) {
		for _, dim := range p.Shape {
			unknown := slices.DeleteFunc(dim.Letters(), func(letter string) bool { return told[tensor.S(letter)] })
			form := Form{dim.String(), dim}
			switch {
			case dim.Known() || dim.IsLetter() && told[dim] || slices.Contains(d.Forms, form):
			case len(unknown) == 0:
				d.Forms = append(d.Forms, form)
			case !told[dim]:
				return fmt.Errorf("%s has the size %v, which no source beside the file can tell before a run: no input has the size %s", p.Name, dim, unknown[0])
			}
		}
	}
	return nil
}

// FormLetters returns the letters of all forms, each once.
func (d *Data) FormLetters() []string {
	var letters []string
	for _, f := range d.Forms {
		letters = append(letters, f.dim.Letters()...)
	}
	slices.Sort(letters)
	return slices.Compact(letters)
}

// write writes a size as code, in which letters are looked up among the sizes.
func (l language) write(d tensor.Dim) string {
	text := ""
	add := func(n int64, factors ...string) {
		sign := " + "
		if n < 0 && text != "" {
			sign, n = " - ", -n
		}
		if n != 1 || len(factors) == 0 {
			factors = append([]string{strconv.FormatInt(n, 10)}, factors...)
		}
		if text != "" {
			text += sign
		}
		text += strings.Join(factors, " * ")
	}
	for _, t := range d.Terms() {
		var factors []string
		for _, f := range t.Factors {
			if f.Letter != "" {
				factors = append(factors, fmt.Sprintf(l.sizeOf, literal(f.Letter, '"', l.escape)))
				continue
			}
			factors = append(factors, fmt.Sprintf(l.atLeast0, l.write(f.Clamped)))
		}
		add(t.Times, factors...)
	}
	if d.Size != 0 || text == "" {
		add(d.Size)
	}
	return text
}
