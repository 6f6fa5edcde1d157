package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file makes numbers of unreduced losses: sums with weights, divided, scaled.

// The divisors of a sum.
const (
	byAll     = iota // the number of losses
	byNative         // what the loss's own mean divides by
	byNothing        // a sum
	byRows           // the size of the first axis
	byColumns        // the size of the others: the sum of means
	byWeights        // the sum of the weights
	byNonzero        // how many weights are not 0
	byGiven          // a number that is given
)

// functional is a way to make a number of losses.
type functional struct {
	weights *Array // nil for none
	divisor int
	by      float64
	given   *Array // the divisor
	factor  float64
	shift   float64
	root    string // a step on the result
	cost    float64
}

// factors are those that explain a number; any other is an arbitrary one.
var factors = []struct{ by, cost float64 }{
	{1, 0}, {0.5, 1}, {2, 1}, {1 / math.Ln2, 1}, {-1, 1.5}, {100, 1.5}, {1 / math.Ln10, 1.5}, {0.01, 2}, {0.25, 2}, {4, 2},
}

// functionals are all for a core.
func (c *core) functionals() (list []functional) {
	kinds := []functional{}
	add := func(f functional) {
		if f.by == 0 || math.IsNaN(f.by) {
			return
		}
		for _, k := range kinds {
			if k.weights == f.weights && k.by == f.by {
				return // the same number for these arrays
			}
		}
		kinds = append(kinds, f)
	}
	all, rows := float64(c.count), 1.0
	if len(c.dims) > 0 {
		rows = float64(c.dims[0])
	}
	divisors := func(w *Array, cost float64) {
		base := functional{weights: w, factor: 1}
		with := func(divisor int, by, more float64) {
			f := base
			f.divisor, f.by, f.cost = divisor, by, cost+more
			add(f)
		}
		if c.native != 0 {
			with(byNative, c.native, 0)
			with(byAll, all, 1)
		} else {
			with(byAll, all, 0)
		}
		if !hasNone(c.loss) {
			return
		}
		if w != nil {
			with(byWeights, c.sums[w].weights, 0.25)
			with(byNonzero, c.sums[w].nonzero, 0.5)
		}
		with(byNothing, 1, 0.5)
		with(byRows, rows, 0.75)
		with(byColumns, all/rows, 1.25)
		for i := range c.rest {
			if c.rest[i].Len() == 1 && c.rest[i].DType.IsFloat() {
				f := base
				f.divisor, f.by, f.given, f.cost = byGiven, c.rest[i].Float(0), &c.rest[i], cost+0.25
				add(f)
			}
		}
	}
	divisors(nil, c.unused())
	if hasNone(c.loss) {
		for i := range c.rest {
			if _, fits := c.sums[&c.rest[i]]; fits {
				divisors(&c.rest[i], 0.25)
			}
		}
	}
	for _, k := range kinds {
		for _, f := range factors {
			n := k
			n.factor, n.cost = f.by, k.cost+f.cost
			list = append(list, n)
			for _, shift := range []float64{-1, 1} {
				if k.weights == nil && k.divisor == byAll && math.Abs(f.by) == 1 {
					m := n
					m.shift, m.cost = shift, n.cost+1
					list = append(list, m)
				}
			}
		}
		if k.weights == nil && (k.divisor == byAll || k.divisor == byNative) {
			for _, root := range []string{"sqrt", "exp"} {
				n := k
				n.root, n.cost = root, k.cost+1.5
				list = append(list, n)
			}
		}
	}
	return list
}

// unused is the cost of arrays that nothing takes.
func (c *core) unused() float64 { return 0.5 * float64(len(c.rest)) }

// spread is an array as a weight of each loss, nil where it does not fit.
func (c *core) spread(a Array) []float64 {
	if !a.DType.IsFloat() || len(a.Dims) == 0 || a.Len() < 2 || len(c.dims) == 0 {
		return nil
	}
	dims := slices.Clone(a.Dims)
	if len(dims) == 1 && dims[0] == c.dims[0] {
		for len(dims) < len(c.dims) {
			dims = append(dims, 1)
		}
	}
	if len(dims) != len(c.dims) {
		return nil
	}
	for i, n := range dims {
		if n != c.dims[i] && n != 1 {
			return nil
		}
	}
	out := make([]float64, c.count)
	for i := range out {
		at, flat, step := i, 0, 1
		for axis := len(dims) - 1; axis >= 0; axis-- {
			place := at % int(c.dims[axis])
			at /= int(c.dims[axis])
			if dims[axis] > 1 {
				flat += place * step
			}
			step *= int(dims[axis])
		}
		out[i] = a.Float(flat)
	}
	return out
}

// value is the number that the functional makes of a sum.
func (f functional) value(sum float64) float64 {
	v := f.factor*sum/f.by + f.shift
	switch f.root {
	case "sqrt":
		v = math.Sqrt(v)
	case "exp":
		v = math.Exp(v)
	}
	return v
}

// match is a convention whose number is near the one that is looked for.
type match struct {
	core *core
	functional
	number float64
	cost   float64
	tight  bool
}

// matches lists the conventions that come near the value, the plainest first, and the
// nearest of those that do not.
func (s *search) matches() (list []match, nearest *match) {
	best := math.Inf(1)
	for _, c := range s.cores {
		for _, f := range c.functionals() {
			v := f.value(c.sums[f.weights].losses)
			s.tried++
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			m := match{c, f, v, c.cost + f.cost, false}
			s.values = append(s.values, tried{v, m.cost})
			off := math.Abs(v - s.target.value)
			size := 0.0
			if f.shift != 0 {
				size = 1
			}
			switch {
			case off <= s.target.tight(size):
				m.tight = true
				list = append(list, m)
			case off <= s.target.loose(c.clips()) && s.slopes() >= 4:
				list = append(list, m)
			case m.cost <= 3 && off+0.05*m.cost*math.Abs(s.target.value) < best:
				best, nearest = off+0.05*m.cost*math.Abs(s.target.value), &m
			}
		}
	}
	slices.SortStableFunc(list, func(a, b match) int { return cmp.Compare(a.cost, b.cost) })
	return list, nearest
}

// slopes is how many elements the given gradients have.
func (s *search) slopes() (n int) {
	for _, g := range s.question.Gradients {
		n += g.Len()
	}
	return n
}

// chance is how likely one of the conventions that are at most as far from plain comes
// as near by chance: their numbers lie somewhere around the one that is looked for.
func (s *search) chance(cost float64) float64 {
	width := s.target.tight(0)
	near, seen := 0, map[float64]bool{}
	size := math.Abs(s.target.value)
	for _, t := range s.values {
		if t.cost <= cost && math.Abs(t.value-s.target.value) <= size/2+width && !seen[t.value] {
			seen[t.value] = true
			near++
		}
	}
	each := 2 * width / (size + 2*width)
	return 1 - math.Pow(1-min(each, 1), float64(max(near, 1)))
}

// number writes a divisor for NumPy.
func number(v float64) string { return fmt.Sprintf("np.float32(%g)", v) }

func scalar(v float64) *tensor.Tensor { return tensor.FromFloats(tensor.Float32, nil, []float64{v}) }
