package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file finds where sizes can be read as the graph runs, and computes those
// that no value has.

// bind says that a dim is the size of an axis of a value.
type bind struct {
	dim  tensor.Dim
	axis int   // axis of from
	from Value // whose size it is
	own  int   // Guard: the axis that must have this size
}

// unknown returns a letter for a size that only running tells.
func (b *B) unknown(hint string) tensor.Dim {
	b.invented++
	return tensor.Unknown(hint, b.invented)
}

// reads returns where a dim can be read: as the size of a value's axis or, where no
// value has it, the parts of its form. ok is false where a letter occurs nowhere.
func (b *B) reads(d tensor.Dim) (list []bind, ok bool) {
	if d.Known() {
		return nil, true
	}
	if s, ok := b.symbols[d]; ok {
		return []bind{s}, true
	}
	return b.parts(d)
}

// parts returns where the parts of a form can be read.
func (b *B) parts(d tensor.Dim) (list []bind, ok bool) {
	for _, part := range partsOf(d) {
		if part == d {
			return nil, false // a letter that occurs nowhere
		}
		more, ok := b.reads(part)
		if !ok {
			return nil, false
		}
		list = append(list, more...)
	}
	return list, true
}

// partsOf lists the factors of a form, and of max(form,0) the form.
func partsOf(d tensor.Dim) (parts []tensor.Dim) {
	for _, t := range d.Terms() {
		for _, f := range t.Factors {
			part := f.Dim()
			if part == d && f.Letter == "" {
				part = f.Clamped
			}
			parts = append(parts, part)
		}
	}
	return parts
}

// sources returns where the sizes of a shape can be read, in order.
func (b *B) sources(dims ...tensor.Dim) []bind {
	var all []bind
	for _, d := range dims {
		list, ok := b.reads(d)
		if !ok {
			fail("Shape", nil, "size %v occurs in no value of the graph", d)
		}
		all = append(all, list...)
	}
	return all
}

// values are those that binds read from.
func values(binds []bind) []Value {
	list := make([]Value, len(binds))
	for i, s := range binds {
		list[i] = s.from
	}
	return list
}

// sizer computes sizes as the graph runs.
type sizer struct {
	*emitter
	binds  []bind
	in     []string // the names of the values that binds read from
	scalar bool     // results have rank 0, not shape [1]
}

func (s sizer) number(n int64) string {
	if s.scalar {
		return s.intScalar(n)
	}
	return s.ints(n)
}

// bind returns where a dim is read as it is.
func (s sizer) bind(d tensor.Dim) (i int, ok bool) {
	for i, b := range s.binds {
		if b.dim == d {
			return i, true
		}
	}
	return 0, false
}

// has reports whether a dim is known, or can be read or computed.
func (s sizer) has(d tensor.Dim) bool {
	if _, ok := s.bind(d); ok || d.Known() {
		return true
	}
	missing := func(part tensor.Dim) bool { return part == d || !s.has(part) }
	return !slices.ContainsFunc(partsOf(d), missing)
}

// size returns a dim that the sizer has.
func (s sizer) size(d tensor.Dim) string {
	if d.Known() {
		return s.number(d.Size)
	}
	if i, ok := s.bind(d); ok {
		shape := s.node("Shape", s.in[i:i+1])
		return s.node("Gather", []string{shape, s.number(int64(s.binds[i].axis))}, ir.Attribute{Name: "axis", Value: int64(0)})
	}
	total := ""
	if terms := d.Terms(); d.Size != 0 && terms[0].Times < 0 {
		total = s.number(d.Size)
	}
	for _, t := range d.Terms() {
		total = s.plus(total, t.Times < 0, s.term(t))
	}
	if d.Size != 0 && d.Terms()[0].Times > 0 {
		total = s.plus(total, d.Size < 0, s.number(max(d.Size, -d.Size)))
	}
	return total
}

// plus adds to a total, which is "" while it is 0, or subtracts from it.
func (s sizer) plus(total string, minus bool, x string) string {
	switch {
	case minus && total == "":
		return s.node("Neg", []string{x})
	case minus:
		return s.node("Sub", []string{total, x})
	case total == "":
		return x
	}
	return s.node("Add", []string{total, x})
}

// term returns the size of a term without its sign.
func (s sizer) term(t tensor.Term) string {
	product := ""
	times := func(x string) {
		if product != "" {
			x = s.node("Mul", []string{product, x})
		}
		product = x
	}
	for _, f := range t.Factors {
		if _, ok := s.bind(f.Dim()); ok {
			times(s.size(f.Dim()))
		} else {
			times(s.node("Max", []string{s.size(f.Clamped), s.number(0)}))
		}
	}
	if n := max(t.Times, -t.Times); n != 1 {
		times(s.number(n))
	}
	return product
}

// nameSizes gives sizes that only running tells names which no letter has.
func nameSizes(g *ir.Graph) {
	taken := map[string]bool{}
	eachDim(g, func(d tensor.Dim) tensor.Dim {
		for _, letter := range d.Letters() {
			taken[letter] = true
		}
		return d
	})
	names := map[string]string{}
	name := func(letter string) string {
		if d := (tensor.Dim{Sym: letter}); !d.IsUnknown() {
			return letter
		}
		if names[letter] == "" {
			to := strings.Replace(letter, "?", "_", 1)
			for taken[to] {
				to += "_"
			}
			names[letter], taken[to] = to, true
		}
		return names[letter]
	}
	eachDim(g, func(d tensor.Dim) tensor.Dim {
		renamed, err := d.Rename(name)
		if err != nil { // too long
			return tensor.S(name(fmt.Sprintf("size?%d", len(names))))
		}
		return renamed
	})
}

// eachDim replaces the dims of a graph and of its bodies.
func eachDim(g *ir.Graph, to func(tensor.Dim) tensor.Dim) {
	for _, ports := range [][]ir.Port{g.Inputs, g.Outputs, g.Values} {
		for i, p := range ports {
			if p.Shape == nil {
				continue // a port of a body may go without a shape
			}
			shape := make(tensor.Shape, len(p.Shape))
			for axis, d := range p.Shape {
				shape[axis] = to(d)
			}
			ports[i].Shape = shape
		}
	}
	for _, n := range g.Nodes {
		for _, a := range n.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				eachDim(body, to)
			}
		}
	}
}
