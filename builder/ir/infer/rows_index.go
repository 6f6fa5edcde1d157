package infer

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that pick elements by their places.

var indexRows = map[string]row{
	"Slice": {dtypes: "T:any I:index I I? I? -> T", infer: slice}, "Gather": {dtypes: "T:any index -> T", infer: gather},
	"GatherElements": {dtypes: "T:any index -> T", infer: gatherElements}, "GatherND": {dtypes: "T:any int64 -> T", infer: gatherND},
	"ScatterElements": {dtypes: "T:any index T -> T", infer: scatterElements}, "ScatterND": {dtypes: "T:any int64 T -> T", infer: scatterND},
	"TopK": {dtypes: "T:num int64 -> T int64", infer: topK}, "Compress": {dtypes: "T:any bool -> T", infer: compress},
	"NonZero": {dtypes: "any -> int64", infer: nonZero}, "Trilu": {dtypes: "T:any int64? -> T", infer: trilu},
	"ReverseSequence": {dtypes: "T:any int64 -> T", infer: reverseSequence},
}

func slice(c *call) ([]Type, error) {
	x, starts := c.in[0], c.list(1)
	if x.Shape == nil {
		return nothing(), nil
	}
	ends, steps := c.list(2), c.list(4)
	if !c.has(4) {
		steps = slices.Repeat([]tensor.Dim{tensor.D(1)}, len(starts))
	}
	axes, given, known, err := c.axes(3, len(x.Shape))
	switch {
	case err != nil:
		return nil, err
	case !known || starts == nil || ends == nil || steps == nil:
		return shaped(unknowns(len(x.Shape))), nil
	case len(starts) != len(ends) || len(starts) != len(steps) || given && len(axes) != len(starts) || len(starts) > len(x.Shape):
		return nil, fmt.Errorf("it has %d starts, %d ends, %d steps and %d axes", len(starts), len(ends), len(steps), len(axes))
	}
	out := Type{Shape: slices.Clone(x.Shape), Ints: x.Ints}
	for i, start := range starts {
		axis := i
		if given {
			axis = axes[i]
		}
		if steps[i].Is(0) {
			return nil, fmt.Errorf("a step of 0")
		}
		end := ends[i]
		if end == Unknown && c.types.options.Largest {
			end = tensor.D(math.MaxInt64)
			c.assume(2)
		}
		n, before := picks(start, end, steps[i], x.Shape[axis]), slices.Clone(out.Shape)
		if out.Shape[axis] = n; n.Known() && start.Known() && steps[i].Known() {
			out.Ints = along(out.Ints, before, axis, start.Size, steps[i].Size, n.Size)
		} else {
			out.Ints = nil
		}
	}
	return []Type{out}, nil
}

// assume notes that an input's number is taken for the largest possible.
func (c *call) assume(i int) {
	if name := c.node.Inputs[i]; !slices.Contains(c.types.Assumed, name) {
		c.types.Assumed = append(c.types.Assumed, name)
	}
}

// every picks n elements from start on by step.
func every(list []tensor.Dim, start, step, n int64) []tensor.Dim {
	at := int64(clamp(start, len(list)))
	if step < 0 {
		at = min(at, int64(len(list)-1))
	}
	out := make([]tensor.Dim, n)
	for i := range out {
		out[i] = list[at+int64(i)*step]
	}
	return out
}

// picks counts the places from start to end by step, on an axis of n elements.
func picks(start, end, step, n tensor.Dim) tensor.Dim {
	if !step.Known() || start == Unknown || end == Unknown || n == Unknown {
		return Unknown
	}
	if n.Known() && start.Known() && end.Known() {
		return tensor.D(picked(start.Size, end.Size, step.Size, n.Size))
	}
	if step.Size < 0 {
		if start.Known() && end.Known() && (start.Size == -1 || start.Size >= tensor.MaxSize) && end.Size <= -tensor.MaxSize {
			return rounded(n, -step.Size)
		}
		return Unknown
	}
	if start.Known() && end.Known() {
		_, size, _, err := n.Cut(start.Size, end.Size)
		if err != nil {
			return Unknown
		}
		return rounded(size, step.Size)
	}
	from, to := place(start, n), place(end, n)
	return rounded(clamped(minus(to, from)), step.Size)
}

// rounded is a quotient, rounded up.
func rounded(n tensor.Dim, by int64) tensor.Dim {
	return over(plus(n, tensor.D(by-1)), tensor.D(by))
}

// place returns the form of a place on an axis of n elements.
func place(at, n tensor.Dim) tensor.Dim {
	if at.Known() {
		before, _, _, err := n.Cut(at.Size, tensor.MaxSize)
		if err != nil {
			return Unknown
		}
		return before
	}
	if within(at, n) {
		return at
	}
	if least, _ := bounds(at); least >= 0 {
		return smaller(at, n)
	}
	return Unknown
}

// picked is picks of numbers.
func picked(start, end, step, n int64) int64 {
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		return max(0, floor(end-start-1, step)+1)
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	return max(0, floor(start-end-1, -max(step, -math.MaxInt64))+1)
}

func gather(c *call) ([]Type, error) {
	x, index := c.in[0], c.in[1]
	if x.Shape == nil {
		return nothing(), nil
	}
	axis, err := c.axis(0, len(x.Shape))
	if err != nil || index.Shape == nil {
		return nothing(), err
	}
	out := Type{Shape: joined(x.Shape[:axis], index.Shape, x.Shape[axis+1:])}
	for _, d := range index.Ints {
		if n := x.Shape[axis]; d.Known() && n.Known() && (d.Size < -n.Size || d.Size >= n.Size) {
			return nil, fmt.Errorf("index %v of %v elements", d, n)
		}
	}
	if x.Ints == nil || index.Ints == nil || len(x.Shape) != 1 {
		return []Type{out}, nil
	}
	out.Ints = make([]tensor.Dim, len(index.Ints))
	for i, d := range index.Ints {
		out.Ints[i] = Unknown
		if d.Known() {
			out.Ints[i] = x.Ints[(d.Size+int64(len(x.Ints)))%int64(len(x.Ints))]
		}
	}
	return []Type{out}, nil
}

func gatherElements(c *call) ([]Type, error) {
	x, index := c.in[0].Shape, c.in[1].Shape
	if x != nil {
		if _, err := c.axis(0, len(x)); err != nil {
			return nil, err
		}
		if index != nil && len(index) != len(x) {
			return nil, fmt.Errorf("it picks from %v by %v, want equal ranks", x, index)
		}
	}
	return shaped(index), nil
}

func gatherND(c *call) ([]Type, error) {
	x, index, batch := c.in[0].Shape, c.in[1].Shape, int(c.int("batch_dims", 0))
	if x == nil || index == nil {
		return nothing(), nil
	}
	if len(x) == 0 || len(index) == 0 {
		return nil, fmt.Errorf("it picks from %v by %v, want axes", x, index)
	}
	last := index[len(index)-1]
	if !last.Known() {
		return nothing(), nil
	}
	if batch < 0 || batch >= min(len(x), len(index)) || last.Size+int64(batch) > int64(len(x)) || last.Size < 1 {
		return nil, fmt.Errorf("it picks from %v by %v with batch_dims %d", x, index, batch)
	}
	return shaped(joined(index[:len(index)-1], x[batch+int(last.Size):])), nil
}

func scatterElements(c *call) ([]Type, error) {
	x, index, updates := c.in[0].Shape, c.in[1].Shape, c.in[2].Shape
	if x != nil {
		if _, err := c.axis(0, len(x)); err != nil {
			return nil, err
		}
		if index != nil && len(index) != len(x) {
			return nil, fmt.Errorf("it writes to %v by %v, want equal ranks", x, index)
		}
	}
	if index != nil && updates != nil {
		if err := joins(slices.Clone(index), updates, -1); err != nil {
			return nil, fmt.Errorf("it has indices %v and updates %v: %w", index, updates, err)
		}
	}
	return shaped(x), nil
}

func scatterND(c *call) ([]Type, error) {
	x, index, updates := c.in[0].Shape, c.in[1].Shape, c.in[2].Shape
	if x == nil || index == nil || len(index) == 0 || !index[len(index)-1].Known() {
		return shaped(x), nil
	}
	depth := index[len(index)-1].Size
	if depth > int64(len(x)) {
		return nil, fmt.Errorf("it writes to %v by %v", x, index)
	}
	if want := joined(index[:len(index)-1], x[depth:]); updates != nil {
		if err := joins(want, updates, -1); err != nil {
			return nil, fmt.Errorf("it writes %v, want updates of %v: %w", updates, want, err)
		}
	}
	return shaped(x), nil
}

func topK(c *call) ([]Type, error) {
	s, k := c.in[0].Shape, c.number(1)
	if s == nil {
		return make([]Type, 2), nil
	}
	axis, err := c.axis(-1, len(s))
	if err != nil {
		return nil, err
	}
	if n := s[axis]; k.Known() && (k.Size < 0 || n.Known() && k.Size > n.Size) {
		return nil, fmt.Errorf("it picks %v of %v elements", k, n)
	}
	out := slices.Clone(s)
	out[axis] = k
	return []Type{{Shape: out}, {Shape: out}}, nil
}

// compress keeps as many rows as its mask's number says, at most all; without an
// axis, elements of the flat tensor.
func compress(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if err := c.rank(1, 1); err != nil {
		return nil, err
	}
	if s == nil {
		if c.attr("axis") == nil {
			return shaped(tensor.Shape{Unknown}), nil
		}
		return nothing(), nil
	}
	out, axis := slices.Clone(s), 0
	if c.attr("axis") == nil {
		out = tensor.Shape{product(s)}
	} else {
		var err error
		if axis, err = c.axis(0, len(s)); err != nil {
			return nil, err
		}
	}
	all := out[axis]
	switch kept, given := c.types.options.Sizes[c.node.Inputs[1]]; {
	case given:
		out[axis] = smaller(tensor.D(kept), all)
	case c.types.options.Largest:
		c.assume(1)
	default:
		out[axis] = Unknown
	}
	return shaped(out), nil
}

func nonZero(c *call) ([]Type, error) {
	if s := c.in[0].Shape; s != nil {
		return shaped(tensor.Shape{tensor.D(int64(len(s))), Unknown}), nil
	}
	return shaped(unknowns(2)), nil
}

func trilu(c *call) ([]Type, error) {
	if s := c.in[0].Shape; s != nil && len(s) < 2 {
		return nil, fmt.Errorf("its input is %v, want rank 2 or more", c.in[0])
	}
	return shaped(c.in[0].Shape), nil
}

func reverseSequence(c *call) ([]Type, error) {
	if s := c.in[0].Shape; s != nil && len(s) < 2 {
		return nil, fmt.Errorf("its input is %v, want rank 2 or more", c.in[0])
	}
	return shaped(c.in[0].Shape), c.rank(1, 1)
}
