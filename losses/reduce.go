package losses

import (
	"math"

	"github.com/lossgen/lossgen/builder"
)

// Term is what a loss's body returns: the losses before reduction and how they
// are reduced.
type Term struct {
	// Each is the loss per element or per row, weights included.
	Each builder.Value
	// Kept marks what counts; the rest is 0, whatever Each holds there. Without it all
	// is kept.
	Kept Both
	// Divisor is summed to what mean divides by: class weights, for example. Without it
	// that is the number of losses.
	Divisor Both
	// Count is what mean divides by, as a number, when it is neither.
	Count Both
	// Refuse is NaN where PyTorch would raise on a value and finite elsewhere, or
	// infinite; the loss is NaN then. The zero Value refuses nothing.
	Refuse builder.Value
	// Reduced: Each is the result already.
	Reduced bool
	// EmptyIsZero: the mean of no losses is 0.
	EmptyIsZero bool
	// ZeroIsNaN: a mean divided by 0 is NaN, whatever the sum is.
	ZeroIsNaN bool
	// Extra are further outputs, in order.
	Extra []Output
}

// Both is a value of the graph and the PyTorch expression of the same.
type Both struct {
	builder.Value
	Torch string
}

// Output is a named output beside the loss.
type Output struct {
	Name  string
	Value builder.Value
	Torch string // the PyTorch expression
}

// Each is the Term of a loss that is reduced plainly.
func Each(v builder.Value) Term { return Term{Each: v} }

// masked returns the unreduced losses, 0 where they do not count.
func (t Term) masked() builder.Value {
	if t.Kept.IsZero() {
		return t.Each
	}
	return builder.Where(t.Kept.Value, t.Each, t.Each.Like(0))
}

// normalizer returns what mean divides by.
func (t Term) normalizer() builder.Value {
	var n builder.Value
	switch {
	case !t.Count.IsZero():
		return t.Count.Value
	case !t.Divisor.IsZero():
		n = t.Divisor.Sum()
	default:
		n = t.Each.Numel()
	}
	if t.EmptyIsZero {
		n = n.Max(n.Like(1))
	}
	return n
}

// reduce returns the result. The sum is scaled last, so that the mean of nothing
// is 0·inf = NaN, as in PyTorch.
func (t Term) reduce(r Reduction) builder.Value {
	return t.refused(r, t.reduced(r))
}

func (t Term) reduced(r Reduction) builder.Value {
	switch {
	case t.Reduced:
		return t.Each
	case r == None:
		return t.masked()
	case r == Sum:
		return t.masked().Sum()
	}
	n := t.normalizer()
	if t.ZeroIsNaN {
		n = builder.Where(n.Equal(n.Like(0)), n.Like(math.NaN()), n)
	}
	if t.Divisor.IsZero() {
		return t.masked().Sum().Mul(n.Reciprocal())
	}
	return t.masked().Sum().Div(n)
}

// refused adds 0, or NaN where a value was out of bounds.
func (t Term) refused(r Reduction, loss builder.Value) builder.Value {
	if t.Refuse.IsZero() {
		return loss
	}
	bad := t.Refuse.StopGradient()
	if r != None {
		bad = bad.Sum()
	}
	return loss.Add(bad.Clip(0, 0))
}
