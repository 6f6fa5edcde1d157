package tensor

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// This file takes the text of a form apart and writes it in canonical order.

// Term is a number times the product of factors.
type Term struct {
	Times   int64
	Factors []Factor // in the order of their texts; none for a number
}

// Factor is a letter, or max(Clamped,0) where Letter is empty.
type Factor struct {
	Letter  string
	Clamped Dim
}

// Dim returns the factor as a dim.
func (f Factor) Dim() Dim { return Dim{Sym: f.String()} }

func (f Factor) String() string {
	if f.Letter != "" {
		return f.Letter
	}
	return "max(" + f.Clamped.String() + ",0)"
}

// maxForm is the longest text of a form, in bytes, and maxNesting how often max may
// stand inside of max. They bound the time that arithmetic takes.
const (
	maxForm    = 256
	maxNesting = 4
)

// ParseDim reads a number, a letter or a form: sums of products of numbers,
// letters and max(form,0), as [Dim.String] writes them.
func ParseDim(text string) (Dim, error) {
	if len(text) > maxForm {
		return Dim{}, fmt.Errorf("dim is longer than %d characters", maxForm)
	}
	p := parser{rest: text}
	d, err := p.form()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q is not expected", p.rest)
	}
	if err == nil {
		d, err = d.Rename(func(letter string) string { return letter }) // in canonical order
	}
	if err != nil {
		return Dim{}, fmt.Errorf("dim %q: %w", text, err)
	}
	return d, nil
}

// Terms returns the terms of a form but for the number that is added to them.
func (d Dim) Terms() []Term {
	if d.Known() {
		return nil
	}
	if !IsName(d.Sym) {
		p := parser{rest: d.Sym, unknown: true}
		if s, err := p.sum(); err == nil && p.rest == "" && s.constant == 0 {
			return s.terms
		}
	}
	return []Term{{Times: 1, Factors: []Factor{{Letter: d.Sym}}}}
}

// Letters returns the letters of a form, each once, sorted.
func (d Dim) Letters() []string {
	var letters []string
	for _, t := range d.Terms() {
		for _, f := range t.Factors {
			if f.Letter != "" {
				letters = append(letters, f.Letter)
			} else {
				letters = append(letters, f.Clamped.Letters()...)
			}
		}
	}
	slices.Sort(letters)
	return slices.Compact(letters)
}

// Rename returns the form with other letters.
func (d Dim) Rename(to func(letter string) string) (Dim, error) {
	var s sum
	s.add(D(d.Size), 1)
	for _, t := range d.Terms() {
		product := D(t.Times)
		for _, f := range t.Factors {
			factor := Dim{Sym: to(f.Letter)}
			var err error
			if f.Letter == "" {
				if factor, err = f.Clamped.Rename(to); err == nil {
					factor, err = factor.Clamp()
				}
			}
			if err == nil {
				product, err = product.Mul(factor)
			}
			if err != nil {
				return Dim{}, err
			}
		}
		s.add(product, 1)
	}
	return s.dim()
}

// clamped returns e of a term n·max(e,0).
func (t Term) clamped() (Dim, bool) {
	if len(t.Factors) != 1 || t.Factors[0].Letter != "" {
		return Dim{}, false
	}
	return t.Factors[0].Clamped, true
}

func (t Term) key() string {
	parts := make([]string, len(t.Factors))
	for i, f := range t.Factors {
		parts[i] = f.String()
	}
	return strings.Join(parts, "*")
}

func (d Dim) withConstant() []Term {
	return append(d.Terms(), Term{Times: d.Size})
}

// less returns d without one of its terms.
func (d Dim) less(t Term) (Dim, error) {
	var s sum
	s.add(d, 1)
	s.term(Term{Times: -t.Times, Factors: t.Factors})
	return s.dim()
}

// divisor returns the largest number that divides all of d.
func (d Dim) divisor() int64 {
	n := abs(d.Size)
	for _, t := range d.Terms() {
		for m := abs(t.Times); m != 0; {
			n, m = m, n%m
		}
	}
	return n
}

// over returns d/n, where n divides all of d.
func (d Dim) over(n int64) Dim {
	s := sum{constant: d.Size / n}
	for _, t := range d.Terms() {
		s.terms = append(s.terms, Term{Times: t.Times / n, Factors: t.Factors})
	}
	return Dim{Sym: s.text(), Size: s.constant}
}

func abs(n int64) int64 { return max(n, -n) }

// sum adds up terms. A number that is too large makes the sum fail.
type sum struct {
	terms    []Term
	constant int64
	tooLarge bool
}

func (s *sum) add(d Dim, times int64) {
	for _, t := range d.withConstant() {
		s.product(t, Term{Times: times})
	}
}

func (s *sum) product(a, b Term) {
	n, ok := mulInt(a.Times, b.Times)
	if !ok {
		s.tooLarge = true
	}
	factors := append(slices.Clone(a.Factors), b.Factors...)
	slices.SortFunc(factors, func(f, g Factor) int { return strings.Compare(f.String(), g.String()) })
	s.term(Term{Times: n, Factors: factors})
}

func (s *sum) term(t Term) {
	to := &s.constant
	if len(t.Factors) > 0 {
		i := slices.IndexFunc(s.terms, func(old Term) bool { return slices.Equal(old.Factors, t.Factors) })
		if i < 0 {
			i = len(s.terms)
			s.terms = append(s.terms, Term{Factors: t.Factors})
		}
		to = &s.terms[i].Times
	}
	n, ok := addInt(*to, t.Times)
	if *to = n; !ok || n == -n && n != 0 { // the least int64 has no opposite
		s.tooLarge = true
	}
}

// dim writes the sum.
func (s *sum) dim() (Dim, error) {
	if s.tooLarge {
		return Dim{}, errors.New("the size has numbers that are too large")
	}
	s.terms = slices.DeleteFunc(s.terms, func(t Term) bool { return t.Times == 0 })
	slices.SortFunc(s.terms, func(a, b Term) int {
		if (a.Times > 0) != (b.Times > 0) { // what is added comes first
			return int(b.Times>>63) - int(a.Times>>63)
		}
		return strings.Compare(a.key(), b.key())
	})
	d := Dim{Sym: s.text(), Size: s.constant}
	if len(d.String()) > maxForm {
		return Dim{}, fmt.Errorf("the size is a form of more than %d characters", maxForm)
	}
	return d, nil
}

func (s *sum) text() string {
	var out strings.Builder
	for i, t := range s.terms {
		if t.Times < 0 {
			out.WriteByte('-')
		} else if i > 0 {
			out.WriteByte('+')
		}
		if n := abs(t.Times); n != 1 {
			out.WriteString(strconv.FormatInt(n, 10) + "*")
		}
		out.WriteString(t.key())
	}
	return out.String()
}

// parser reads a form from the front of a text.
type parser struct {
	rest    string
	unknown bool // what Unknown writes is read, too
	nesting int
}

func (p *parser) form() (Dim, error) {
	s, err := p.sum()
	return Dim{Sym: s.text(), Size: s.constant}, err
}

func (p *parser) sum() (s sum, err error) {
	for first := true; ; first = false {
		t := Term{Times: 1}
		switch {
		case p.take("-"):
			t.Times = -1
		case p.take("+") && !first || first:
		default:
			return s, nil
		}
		if t, err = p.term(t); err != nil {
			return s, err
		}
		if s.term(t); s.tooLarge {
			return s, errors.New("a number is too large")
		}
	}
}

func (p *parser) term(t Term) (Term, error) {
	for {
		if n, ok, err := p.number(); err != nil {
			return t, err
		} else if ok {
			if t.Times, ok = mulInt(t.Times, n); !ok {
				return t, errors.New("a number is too large")
			}
		} else if f, err := p.factor(); err != nil {
			return t, err
		} else {
			t.Factors = append(t.Factors, f)
		}
		if !p.take("*") {
			return t, nil
		}
	}
}

func (p *parser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) number() (int64, bool, error) {
	digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
	if digits == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, false, errors.New("a number is too large")
	}
	p.rest = p.rest[len(digits):]
	return n, true, nil
}

// factor reads max(form,0) or a letter.
func (p *parser) factor() (Factor, error) {
	if p.nesting < maxNesting && p.take("max(") {
		p.nesting++
		inner, err := p.form()
		if p.nesting--; err == nil && !p.take(",0)") {
			err = fmt.Errorf("%q is not expected", p.rest)
		}
		return Factor{Clamped: inner}, err
	}
	if quoted, err := strconv.QuotedPrefix(p.rest); err == nil {
		p.rest = p.rest[len(quoted):]
		return Factor{Letter: quoted}, nil
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return strings.ContainsRune("+-*(),", r) })
	if end < 0 {
		end = len(p.rest)
	}
	letter := p.rest[:end]
	if !IsName(letter) && !(p.unknown && isUnknown(letter)) {
		return Factor{}, fmt.Errorf("%q is not expected", p.rest)
	}
	p.rest = p.rest[end:]
	return Factor{Letter: letter}, nil
}

// isUnknown reports whether text is what [Unknown] writes.
func isUnknown(text string) bool {
	hint, number, found := strings.Cut(text, "?")
	return found && number != "" && IsName("_"+hint) && strings.Trim(number, "0123456789") == ""
}
