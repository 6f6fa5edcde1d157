package tensor

import (
	"fmt"
	"strconv"
	"strings"
)

// Shape is the dims of a tensor of known rank; an empty Shape is rank 0.
type Shape []Dim

// Of builds a shape from symbols (string, see [S]) and sizes (int or int64).
func Of(dims ...any) Shape {
	s := make(Shape, len(dims))
	for i, d := range dims {
		switch d := d.(type) {
		case string:
			s[i] = S(d)
		case int:
			s[i] = D(int64(d))
		case int64:
			s[i] = D(d)
		case Dim:
			s[i] = d
		default:
			panic(fmt.Sprintf("tensor.Of: dim %d is a %T, want string, int, int64 or Dim", i, d))
		}
	}
	return s
}

// ParseShape reads "N,C,3": comma-separated letters and sizes, no forms. The empty
// string is rank 0.
func ParseShape(text string) (Shape, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Shape{}, nil
	}
	var s Shape
	for _, field := range strings.Split(text, ",") {
		d, err := parseDim(strings.TrimSpace(field))
		if err != nil {
			return nil, fmt.Errorf("shape %q: %w", text, err)
		}
		s = append(s, d)
	}
	return s, nil
}

func parseDim(field string) (Dim, error) {
	if n, err := strconv.ParseInt(field, 10, 64); err == nil {
		if n < 0 || n > MaxSize {
			return Dim{}, fmt.Errorf("size %d is out of range", n)
		}
		return D(n), nil
	}
	if field == "" {
		return Dim{}, fmt.Errorf("a dim is empty")
	} else if !IsName(field) {
		return Dim{}, fmt.Errorf("dim %q is neither a size nor a name", field)
	}
	return S(field), nil
}

// String returns "[N,C,3]".
func (s Shape) String() string { return "[" + s.List() + "]" }

// List returns "N,C,3", which [ParseShape] reads where no dim is a form.
func (s Shape) List() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = d.String()
	}
	return strings.Join(parts, ",")
}

// Equal reports whether both shapes have the same dims.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range s {
		if s[i] != t[i] {
			return false
		}
	}
	return true
}

// Known returns the sizes when every dim is a number.
func (s Shape) Known() ([]int64, bool) {
	sizes := make([]int64, len(s))
	for i, d := range s {
		if !d.Known() {
			return nil, false
		}
		sizes[i] = d.Size
	}
	return sizes, true
}

// Insert returns a copy of s with d inserted before axis i.
func (s Shape) Insert(i int, d Dim) Shape {
	out := append(Shape{}, s[:i]...)
	out = append(out, d)
	return append(out, s[i:]...)
}

// Without returns a copy of s without axis i.
func (s Shape) Without(i int) Shape {
	out := append(Shape{}, s[:i]...)
	return append(out, s[i+1:]...)
}

// Broadcast returns the shape of an elementwise operation on a and b. Two
// different symbols or forms never broadcast, so that the axes of every gradient are
// known while a graph is built.
func Broadcast(a, b Shape) (Shape, error) {
	n := max(len(a), len(b))
	out := make(Shape, n)
	for i := range n {
		x, y := D(1), D(1)
		if j := i - n + len(a); j >= 0 {
			x = a[j]
		}
		if j := i - n + len(b); j >= 0 {
			y = b[j]
		}
		switch {
		case x == y, y.Is(1):
			out[i] = x
		case x.Is(1):
			out[i] = y
		default:
			return nil, fmt.Errorf("cannot broadcast %v with %v: axis %d is %v and %v", a, b, i, x, y)
		}
	}
	return out, nil
}
