package losses

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file finds the shapes of all inputs from those that a request gives, by
// matching them with the patterns of a declaration.

// matcher holds what the letters of one pattern stand for.
type matcher struct {
	letters map[string]tensor.Dim
	star    tensor.Shape // nil while unknown
	sizes   map[string]tensor.Dim
}

// resolveShapes returns the shape of each named input. given are the shapes that
// the request asks for, in order.
func resolveShapes(s Spec, present []string, given map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	if len(given) == 0 {
		return s.Shapes[0].apply(newMatcher(), s, present, nil), nil
	}
	if shapes, ok := broadcastShapes(s, present, given); ok {
		return shapes, nil
	}
	var firstErr error
	for _, pattern := range s.Shapes {
		m := newMatcher()
		err := m.matchAll(pattern, s, given)
		if err == nil {
			return pattern.apply(m, s, present, given), nil
		}
		if firstErr == nil || m.star != nil || len(m.letters) > 0 {
			firstErr = err
		}
	}
	return nil, firstErr
}

// shapeError says why an input cannot have a shape.
type shapeError struct {
	input  string
	shape  tensor.Shape
	reason string
}

// Error implements error.
func (e *shapeError) Error() string {
	return fmt.Sprintf("%s cannot have shape %v: %s", e.input, e.shape, e.reason)
}

func newMatcher() *matcher {
	return &matcher{letters: map[string]tensor.Dim{}, sizes: map[string]tensor.Dim{}}
}

func (m *matcher) matchAll(pattern Shapes, s Spec, given map[string]tensor.Shape) error {
	for _, in := range s.Inputs {
		shape, ok := given[in.Name]
		if !ok {
			continue
		}
		if err := m.match(pattern[in.Name], shape); err != nil {
			return &shapeError{in.Name, shape, fmt.Sprintf("%v; accepted: %s", err, s.accepted(in.Name))}
		}
	}
	return nil
}

// accepted lists the patterns of one input, as in "[N,C,*] or [C]".
func (s Spec) accepted(input string) string {
	var list []string
	for _, p := range s.Shapes {
		text := "[" + p[input] + "]"
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return strings.Join(list, " or ")
}

func tokens(pattern string) []string {
	if pattern == "" {
		return nil
	}
	return strings.Split(pattern, ",")
}

// match binds the letters of a pattern to the dims of a shape.
func (m *matcher) match(pattern string, shape tensor.Shape) error {
	parts := tokens(pattern)
	star := slices.Index(parts, "*")
	if star < 0 && len(parts) != len(shape) || star >= 0 && len(shape) < len(parts)-1 {
		return fmt.Errorf("rank %d does not fit [%s]", len(shape), pattern)
	}
	rest := len(shape) - len(parts) + 1 // axes that the star stands for
	for i, axis := 0, 0; i < len(parts); i++ {
		if i == star {
			if err := m.bindStar(shape[axis : axis+rest]); err != nil {
				return err
			}
			axis += rest
			continue
		}
		if err := m.bind(parts[i], shape[axis]); err != nil {
			return err
		}
		axis++
	}
	return nil
}

func (m *matcher) bindStar(shape tensor.Shape) error {
	if m.star == nil {
		m.star = append(tensor.Shape{}, shape...)
		return nil
	}
	if len(m.star) != len(shape) {
		return fmt.Errorf("its rank conflicts with that of another input")
	}
	for i, d := range shape {
		if err := m.same(m.star[i], d); err != nil {
			return err
		}
	}
	return nil
}

func (m *matcher) bind(letter string, d tensor.Dim) error {
	if n, err := strconv.ParseInt(letter, 10, 64); err == nil {
		return m.same(tensor.D(n), d)
	}
	old, ok := m.letters[letter]
	if !ok {
		m.letters[letter] = d
		return nil
	}
	return m.same(old, d)
}

// same makes two dims equal: a symbol that meets a size is that size everywhere.
func (m *matcher) same(a, b tensor.Dim) error {
	a, b = m.final(a), m.final(b)
	switch {
	case a == b:
	case a.Known() && !b.Known():
		m.sizes[b.Sym] = a
	case b.Known() && !a.Known():
		m.sizes[a.Sym] = b
	default:
		return fmt.Errorf("size %v conflicts with %v", b, a)
	}
	return nil
}

func (m *matcher) final(d tensor.Dim) tensor.Dim {
	if n, ok := m.sizes[d.Sym]; ok && !d.Known() {
		return n
	}
	return d
}

// apply writes the shapes of all inputs. A letter that nothing bound keeps its
// name, with an underscore where the request uses the name for something else.
func (p Shapes) apply(m *matcher, s Spec, present []string, given map[string]tensor.Shape) map[string]tensor.Shape {
	used := map[string]bool{}
	for _, shape := range given {
		for _, d := range shape {
			used[d.Sym] = true
		}
	}
	star := m.star
	if star == nil {
		for _, letter := range tokens(s.Star) {
			star = append(star, m.unbound(letter, used))
		}
	}
	out := map[string]tensor.Shape{}
	for _, name := range present {
		shape := tensor.Shape{}
		for _, part := range tokens(p[name]) {
			if part == "*" {
				shape = append(shape, star...)
				continue
			}
			shape = append(shape, m.unbound(part, used))
		}
		for i, d := range shape {
			shape[i] = m.final(d)
		}
		out[name] = shape
	}
	return out
}

func (m *matcher) unbound(letter string, used map[string]bool) tensor.Dim {
	if n, err := strconv.ParseInt(letter, 10, 64); err == nil {
		return tensor.D(n)
	}
	if d, ok := m.letters[letter]; ok {
		return d
	}
	name := letter
	for used[name] {
		name += "_"
	}
	m.letters[letter] = tensor.S(name)
	return m.letters[letter]
}

// broadcastShapes handles a request that gives the first input and, for inputs
// that may broadcast, shapes that differ from it. Those are taken as they are;
// the other inputs follow from the first.
func broadcastShapes(s Spec, present []string, given map[string]tensor.Shape) (map[string]tensor.Shape, bool) {
	first := s.Inputs[0].Name
	base, ok := given[first]
	if !ok {
		return nil, false
	}
	strict, own := map[string]tensor.Shape{}, map[string]tensor.Shape{}
	for name, shape := range given {
		_, err := tensor.Broadcast(base, shape)
		if slices.Contains(s.Broadcast, name) && err == nil && !shape.Equal(base) && broadcasts(s, name, base, shape) {
			own[name] = shape
			continue
		}
		strict[name] = shape
	}
	if len(own) == 0 {
		return nil, false
	}
	shapes, err := resolveShapes(s, present, strict)
	if err != nil {
		return nil, false
	}
	for name, shape := range own {
		shapes[name] = shape
	}
	return shapes, true
}

// broadcasts reports whether no pattern gives the input this very shape.
func broadcasts(s Spec, name string, base, shape tensor.Shape) bool {
	first := s.Inputs[0].Name
	for _, pattern := range s.Shapes {
		m := newMatcher()
		if m.match(pattern[first], base) == nil && m.match(pattern[name], shape) == nil && len(m.sizes) == 0 {
			return false
		}
	}
	return true
}
