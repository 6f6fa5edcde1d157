package infer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Unknown is an integer of which nothing is known.
var Unknown = tensor.Dim{Sym: "?"}

// IsUnknown reports whether a size is not known, not even as a form over letters
// that the graph has.
func IsUnknown(d tensor.Dim) bool { return strings.Contains(d.Sym, "?") }

// bind returns a size with numbers for letters, where all of them have one.
func bind(d tensor.Dim, sizes map[string]int64) tensor.Dim {
	if n, err := d.Eval(sizes); err == nil {
		return tensor.D(n)
	}
	return d
}

func plus(a, b tensor.Dim) tensor.Dim  { return combined(a, b, tensor.Dim.Add) }
func minus(a, b tensor.Dim) tensor.Dim { return combined(a, b, tensor.Dim.Sub) }

func times(a, b tensor.Dim) tensor.Dim {
	if a.Is(0) || b.Is(0) {
		return tensor.D(0)
	}
	return combined(a, b, tensor.Dim.Mul)
}

// combined calculates with two integers. What is too long for a form is unknown.
func combined(a, b tensor.Dim, f func(a, b tensor.Dim) (tensor.Dim, error)) tensor.Dim {
	if a == Unknown || b == Unknown {
		return Unknown
	}
	if d, err := f(a, b); err == nil {
		return d
	}
	return Unknown
}

// over is a quotient, rounded down. What a number does not divide is a letter of
// its own that names the calculation, as in "(H-1)//2", so that it equals the same
// one elsewhere.
func over(a, b tensor.Dim) tensor.Dim {
	switch {
	case a == Unknown || !b.Known() || b.Size <= 0:
		return Unknown
	case b.Is(1):
		return a
	case IsUnknown(a):
		return Unknown
	}
	n := b.Size
	whole := tensor.D(floor(a.Size, n)) // what the number divides
	rest := tensor.D(a.Size - whole.Size*n)
	for _, t := range a.Terms() {
		part := term(t)
		if of, by, ok := quotient(part); ok && whole.Known() && len(a.Terms()) == 1 && by <= math.MaxInt32/n {
			return over(plus(of, times(tensor.D(by), tensor.D(a.Size))), tensor.D(by*n)) // (x//m+c)//n = (x+c·m)//(m·n)
		}
		if t.Times%n == 0 {
			t.Times /= n
			whole = plus(whole, term(t))
		} else {
			rest = plus(rest, part)
		}
	}
	if rest.Known() {
		return whole
	}
	if rest == Unknown || len(rest.Sym) > maxForm {
		return Unknown
	}
	return plus(whole, tensor.S("("+rest.String()+")//"+b.String()))
}

// floor divides by a number above 0 and rounds down.
func floor(a, n int64) int64 {
	q := a / n
	if a%n < 0 {
		q--
	}
	return q
}

// term returns a term as a form.
func term(t tensor.Term) tensor.Dim {
	d := tensor.D(t.Times)
	for _, f := range t.Factors {
		factor := tensor.Dim{Sym: f.Letter}
		if f.Letter == "" {
			var err error
			if factor, err = f.Clamped.Clamp(); err != nil {
				return Unknown
			}
		}
		d = times(d, factor)
	}
	return d
}

// quotient takes the name of a quotient apart.
func quotient(d tensor.Dim) (of tensor.Dim, by int64, ok bool) {
	text, err := strconv.Unquote(d.Sym)
	if err != nil || d.Size != 0 {
		return
	}
	inner, number, ok := strings.Cut(text, ")//")
	if ok = ok && strings.HasPrefix(inner, "("); !ok {
		return
	}
	of, err = tensor.ParseDim(inner[1:])
	if err == nil {
		by, err = strconv.ParseInt(number, 10, 32)
	}
	return of, by, err == nil && by > 0
}

// bounds returns the least and the most that an integer can be.
func bounds(d tensor.Dim) (least, most int64) {
	if d == Unknown {
		return math.MinInt64, math.MaxInt64
	}
	return d.Bounds()
}

// clamped returns max(d, 0).
func clamped(d tensor.Dim) tensor.Dim {
	if d == Unknown {
		return Unknown
	}
	if c, err := d.Clamp(); err == nil {
		return c
	}
	return Unknown
}

// differ reports whether two integers cannot be equal.
func differ(a, b tensor.Dim) bool {
	least, most := bounds(minus(a, b))
	return least > 0 || most < 0
}

// equal reports whether two integers are equal for all sizes.
func equal(a, b tensor.Dim) bool { return a == b && a != Unknown }

// product multiplies sizes.
func product(s []tensor.Dim) tensor.Dim {
	n := tensor.D(1)
	for _, d := range s {
		n = times(n, d)
	}
	return n
}

// count returns how many elements a shape has, when that is a number of at most
// 62 bits.
func count(s tensor.Shape) (int64, bool) {
	n, known := tensor.D(1), s != nil
	for _, d := range s {
		if d.Is(0) {
			return 0, true
		}
		if known = known && d.Known() && d.Size > 0 && n.Known(); known {
			n = times(n, d)
		}
	}
	return n.Size, known && n.Known()
}

// unify returns the size that two sizes must both have.
func unify(a, b tensor.Dim) (tensor.Dim, error) {
	switch {
	case differ(a, b):
		return a, fmt.Errorf("the sizes %v and %v differ", a, b)
	case a.Known() || !b.Known() && (!IsUnknown(a) || IsUnknown(b)):
		return a, nil
	}
	return b, nil
}

var errBroadcast = errors.New("they do not broadcast")

// broadcast returns the common shape of several. A size that is not known may be
// 1, so that another number than 1 decides.
func broadcast(shapes ...tensor.Shape) (tensor.Shape, error) {
	rank := 0
	for _, s := range shapes {
		if s == nil {
			return nil, nil
		}
		rank = max(rank, len(s))
	}
	for _, s := range shapes { // most often one of them is the result
		if len(s) == rank && fits(s, shapes) {
			return s, nil
		}
	}
	out := make(tensor.Shape, rank)
	for i := range out {
		out[i] = tensor.D(1)
		for _, s := range shapes {
			j := i - rank + len(s)
			if j < 0 || s[j].Is(1) || out[i] == s[j] {
				continue
			}
			switch {
			case out[i].Is(1):
				out[i] = s[j]
			case out[i].Known() && s[j].Known():
				return nil, fmt.Errorf("%v: %w", shapes, errBroadcast)
			case s[j].Known():
				out[i] = s[j]
			case !out[i].Known():
				out[i] = Unknown
			}
		}
	}
	return out, nil
}

// fits reports whether all shapes repeat to s without a doubt.
func fits(s tensor.Shape, shapes []tensor.Shape) bool {
	for _, other := range shapes {
		for i := range other {
			if d := other[i]; d != s[len(s)-len(other)+i] && !d.Is(1) {
				return false
			}
		}
	}
	return true
}

// numbers returns a shape of numbers.
func numbers(dims []int64) tensor.Shape {
	s := make(tensor.Shape, len(dims))
	for i, n := range dims {
		s[i] = tensor.D(n)
	}
	return s
}

// joined returns shapes one behind the other.
func joined(shapes ...tensor.Shape) tensor.Shape {
	out := tensor.Shape{}
	for _, s := range shapes {
		out = append(out, s...)
	}
	return out
}

// unknowns returns a shape of a rank alone.
func unknowns(rank int) tensor.Shape {
	s := make(tensor.Shape, rank)
	for i := range s {
		s[i] = Unknown
	}
	return s
}

// allKnown reports whether a list is followed and all of its elements are numbers.
func allKnown(list []tensor.Dim) bool {
	for _, d := range list {
		if !d.Known() {
			return false
		}
	}
	return list != nil
}

// within reports whether a form is from 0 to n for all sizes.
func within(d, n tensor.Dim) bool {
	least, _ := bounds(d)
	left, _ := bounds(minus(n, d))
	return least >= 0 && left >= 0
}
