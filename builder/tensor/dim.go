package tensor

import (
	"fmt"
	"math"
	"strconv"
)

// Dim is the size of one axis: a number, a letter ("N") whose size only running
// tells, or a form over letters such as 2*N, H*W or N-1. Letters are 0 or more.
//
// Sym is the text of the form's terms in canonical order, empty for a number, and
// Size the number added to them, so that Dims compare with == and serve as keys of
// maps: equal Dims are equal sizes. Unequal ones may still be equal as the graph
// runs.
//
// Where a form could be negative, as the N-1 elements after the first of none, it is
// clamped at 0: max(N-1,0). That is how [Dim.Cut] is exact for every size.
type Dim struct {
	Sym  string
	Size int64
}

// MaxSize is the largest size that text may ask for. A range that ends there or
// beyond ends where its axis does.
const MaxSize = 1 << 40

// D returns the dim of a fixed size.
func D(size int64) Dim { return Dim{Size: size} }

// S returns the dim that a symbol stands for: a letter, or a form as [ParseDim]
// reads it. Any other text, as foreign files have it, is a letter of its own, in
// quotes.
func S(sym string) Dim {
	if IsName(sym) {
		return Dim{Sym: sym}
	}
	if d, err := ParseDim(sym); err == nil && !d.Known() {
		return d
	}
	return Dim{Sym: strconv.QuoteToASCII(sym)}
}

// Unknown returns the letter of a size that only running tells, as in "kept?1". No
// text that [S] or [ParseShape] reads is the same letter.
func Unknown(hint string, number int) Dim {
	return Dim{Sym: fmt.Sprintf("%s?%d", hint, number)}
}

// IsUnknown reports whether d is a letter that [Unknown] made.
func (d Dim) IsUnknown() bool { return d.Size == 0 && isUnknown(d.Sym) }

// IsName reports whether text is an identifier, as the letters that users write
// are.
func IsName(text string) bool {
	for i, r := range text {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

// Known reports whether the size is a number.
func (d Dim) Known() bool { return d.Sym == "" }

// Is reports whether the size is known to be n.
func (d Dim) Is(n int64) bool { return d.Known() && d.Size == n }

// IsLetter reports whether the dim is one letter of any kind, and nothing else.
func (d Dim) IsLetter() bool {
	letters := d.Letters()
	return d.Size == 0 && len(letters) == 1 && letters[0] == d.Sym
}

// String returns the number, the letter or the form, as in "2*N+1".
func (d Dim) String() string {
	switch {
	case d.Known():
		return strconv.FormatInt(d.Size, 10)
	case d.Size == 0:
		return d.Sym
	case d.Size > 0 && d.Sym[0] == '-':
		return strconv.FormatInt(d.Size, 10) + d.Sym
	}
	return d.Sym + fmt.Sprintf("%+d", d.Size)
}

// Sum returns the sum of dims.
func Sum(dims ...Dim) (Dim, error) {
	var s sum
	for _, d := range dims {
		s.add(d, 1)
	}
	return s.dim()
}

// Product returns the product of dims.
func Product(dims ...Dim) (Dim, error) {
	product := D(1)
	for _, d := range dims {
		var err error
		if product, err = product.Mul(d); err != nil {
			return Dim{}, err
		}
	}
	return product, nil
}

// Add returns d + e, or an error when the form has too large numbers or too many
// terms.
func (d Dim) Add(e Dim) (Dim, error) { return Sum(d, e) }

// Sub returns d - e. It is a size only where e is no larger than d.
func (d Dim) Sub(e Dim) (Dim, error) {
	var s sum
	s.add(d, 1)
	s.add(e, -1)
	return s.dim()
}

// Mul returns d·e.
func (d Dim) Mul(e Dim) (Dim, error) {
	var s sum
	for _, x := range d.withConstant() {
		for _, y := range e.withConstant() {
			s.product(x, y)
		}
	}
	return s.dim()
}

// Clamp returns max(d, 0).
func (d Dim) Clamp() (Dim, error) {
	least, most := d.Bounds()
	if least >= 0 {
		return d, nil
	} else if most <= 0 {
		return D(0), nil
	}
	for _, t := range d.Terms() { // max(max(e,0)-r, 0) = max(e-r, 0) where r is 0 or more
		if inner, ok := t.clamped(); ok && t.Times == 1 {
			rest, err := d.less(t)
			if err != nil {
				return Dim{}, err
			}
			if _, most := rest.Bounds(); most <= 0 {
				if d, err = inner.Add(rest); err != nil {
					return Dim{}, err
				}
				return d.Clamp()
			}
		}
	}
	var s sum
	n := d.divisor() // max(n·e, 0) = n·max(e, 0)
	s.term(Term{Times: n, Factors: []Factor{{Clamped: d.over(n)}}})
	return s.dim()
}

// Bounds returns the least and the most that d can be, whatever its letters are:
// math.MinInt64 and math.MaxInt64 where nothing is known. They are bounds, not
// always the nearest ones.
func (d Dim) Bounds() (least, most int64) {
	if d.Known() {
		return d.Size, d.Size
	}
	least, budget := math.MinInt64, 64
	if minus, err := D(0).Sub(d); err == nil {
		if n := minus.most(&budget); n != math.MaxInt64 {
			least = -n
		}
	}
	budget = 64
	return least, d.most(&budget)
}

// most returns an upper bound. max(e,0) is one of e and 0, and not less than either:
// of a term that adds it the larger case counts, of one that subtracts it the
// smaller. budget limits the cases.
func (d Dim) most(budget *int) int64 {
	if *budget--; *budget < 0 {
		return math.MaxInt64
	}
	var next *Term
	open := false
	for _, t := range d.Terms() {
		if _, ok := t.clamped(); ok && (next == nil || next.Times < 0 && t.Times > 0) {
			next = &t
		} else if !ok && t.Times > 0 {
			open = true
		}
	}
	if next == nil {
		if open {
			return math.MaxInt64
		}
		return d.Size
	}
	without, err := d.less(*next)
	if err != nil {
		return math.MaxInt64
	}
	var s sum
	inner, _ := next.clamped()
	s.add(without, 1)
	s.add(inner, next.Times)
	with, err := s.dim()
	if err != nil {
		return math.MaxInt64
	}
	zero := without.most(budget) // the simpler case first
	if next.Times > 0 {
		return max(zero, with.most(budget))
	}
	return min(zero, with.most(budget))
}

// Cut returns the sizes of the parts of an axis before, in and behind the range
// [start, end). As in Python, negative bounds count from the end, and what lies
// outside of the axis is left off. The three add up to d.
func (d Dim) Cut(start, end int64) (before, size, behind Dim, err error) {
	if before, err = d.first(start); err != nil {
		return
	}
	if 0 <= start && start < MaxSize && -MaxSize < end && end < 0 { // max(d-s+e, 0), also where d is less than s or -e
		if size, err = d.Sub(D(start)); err == nil {
			size, err = size.plus(end)
		}
	} else if size, err = d.first(end); err == nil {
		size, err = size.Sub(before)
	}
	if err == nil {
		size, err = size.Clamp()
	}
	if err == nil {
		behind, err = d.Sub(before)
	}
	if err == nil {
		behind, err = behind.Sub(size)
	}
	return
}

// first returns how many elements of an axis come before number n.
func (d Dim) first(n int64) (Dim, error) {
	switch {
	case n >= MaxSize:
		return d, nil
	case n <= -MaxSize:
		return D(0), nil
	}
	over, err := d.plus(-n)
	if n < 0 {
		over, err = d.plus(n)
	}
	if err != nil {
		return Dim{}, err
	}
	if over, err = over.Clamp(); err != nil || n < 0 {
		return over, err
	}
	return d.Sub(over) // min(n, d) = d - max(d-n, 0)
}

func (d Dim) plus(n int64) (Dim, error) { return d.Add(D(n)) }

// Eval returns the size for the sizes of the letters.
func (d Dim) Eval(sizes map[string]int64) (int64, error) {
	total := d.Size
	for _, t := range d.Terms() {
		product := t.Times
		for _, f := range t.Factors {
			n, err := f.eval(sizes)
			if err != nil {
				return 0, err
			}
			var ok bool
			if product, ok = mulInt(product, n); !ok {
				return 0, fmt.Errorf("size %v is too large", d)
			}
		}
		var ok bool
		if total, ok = addInt(total, product); !ok {
			return 0, fmt.Errorf("size %v is too large", d)
		}
	}
	return total, nil
}

func (f Factor) eval(sizes map[string]int64) (int64, error) {
	if f.Letter == "" {
		n, err := f.Clamped.Eval(sizes)
		return max(n, 0), err
	}
	n, ok := sizes[f.Letter]
	if !ok {
		return 0, fmt.Errorf("size %s is not known", f.Letter)
	}
	return n, nil
}

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64)
}
