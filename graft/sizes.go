package graft

import (
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// sizes are letters that stand for what other letters or forms say. Inference and the
// graph name sizes independently, and a model may have two names for one size.
type sizes struct {
	known map[string]tensor.Dim // letters and what they are
	seen  map[string]bool       // letters that values of the graph have
}

// see notes the letters of a value.
func (s *sizes) see(v builder.Value) {
	if s.seen == nil {
		s.seen, s.known = map[string]bool{}, map[string]tensor.Dim{}
	}
	for _, d := range v.Shape() {
		for _, letter := range d.Letters() {
			s.seen[letter] = true
		}
	}
}

// learn takes letters of inference that are new for what the graph says.
func (s *sizes) learn(inferred, graph tensor.Shape) {
	for i, d := range s.shape(inferred) {
		if i < len(graph) && d != graph[i] && d.IsLetter() && infer.IsUnknown(d) && !s.seen[d.Sym] {
			s.name(d, graph[i])
		}
	}
}

// name notes that a letter is a size.
func (s *sizes) name(letter, size tensor.Dim) bool {
	size = s.dim(size)
	for _, other := range size.Letters() {
		if other == letter.Sym {
			return false
		}
	}
	s.known[letter.Sym] = size
	return true
}

// shape returns a shape in the letters that are in use.
func (s *sizes) shape(shape tensor.Shape) tensor.Shape {
	out := make(tensor.Shape, len(shape))
	for i, d := range shape {
		out[i] = s.dim(d)
	}
	return out
}

// dim returns a size in the letters that are in use.
func (s *sizes) dim(d tensor.Dim) tensor.Dim {
	for range 8 { // what a letter is may have been learned of since
		next, err := s.once(d)
		if err != nil || next == d {
			return d
		}
		d = next
	}
	return d
}

func (s *sizes) once(d tensor.Dim) (tensor.Dim, error) {
	total := tensor.D(d.Size)
	for _, t := range d.Terms() {
		product := tensor.D(t.Times)
		for _, f := range t.Factors {
			factor, err := s.factor(f)
			if err == nil {
				product, err = product.Mul(factor)
			}
			if err != nil {
				return d, err
			}
		}
		var err error
		if total, err = total.Add(product); err != nil {
			return d, err
		}
	}
	return total, nil
}

func (s *sizes) factor(f tensor.Factor) (tensor.Dim, error) {
	if f.Letter == "" {
		inner, err := s.once(f.Clamped)
		if err != nil {
			return inner, err
		}
		return inner.Clamp()
	}
	if size, ok := s.known[f.Letter]; ok {
		return size, nil
	}
	return tensor.Dim{Sym: f.Letter}, nil
}

// better reports whether a size is rather to be kept than another that it equals.
func better(a, b tensor.Dim) bool {
	rank := func(d tensor.Dim) int {
		switch {
		case d.Known():
			return 0
		case infer.IsUnknown(d):
			return 3
		case strings.HasPrefix(d.Sym, `"`):
			return 2
		}
		return 1
	}
	return rank(a) < rank(b)
}
