package infer

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that read sizes, or give elements other ones.

var shapeRows = map[string]row{
	"Shape": {dtypes: "any -> int64", infer: shapeOf}, "Size": {dtypes: "any -> int64", infer: sizeOf},
	"Reshape": {dtypes: "T:any int64 -> T", infer: reshape}, "Flatten": {dtypes: "T:any -> T", infer: flatten},
	"Squeeze": {dtypes: "T:any int64? -> T", infer: squeeze}, "Unsqueeze": {dtypes: "T:any int64 -> T", infer: unsqueeze},
	"Transpose": {dtypes: "T:any -> T", infer: transpose}, "Expand": {dtypes: "T:any int64 -> T", infer: expand},
	"Concat": {dtypes: "T:any T... -> T", infer: concat}, "Split": {dtypes: "T:any int64? -> T", infer: split},
	"Tile": {dtypes: "T:any int64 -> T", infer: tile}, "DepthToSpace": {dtypes: "T:any -> T", infer: depthToSpace},
	"SpaceToDepth": {dtypes: "T:any -> T", infer: spaceToDepth}, "Range": {dtypes: "T:num T T -> T", infer: span},
	"Constant": {infer: constantNode}, "ConstantOfShape": {dtypes: "int64", infer: constantOfShape},
	"EyeLike": {dtypes: "T:any -> T", infer: eyeLike}, "OneHot": {dtypes: "num num T:any -> T", infer: oneHot},
}

func shapeOf(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if s == nil {
		return shaped(tensor.Shape{Unknown}), nil
	}
	from, to := clamp(c.int("start", 0), len(s)), clamp(c.int("end", int64(len(s))), len(s))
	s = s[from:max(from, to)]
	return []Type{{Shape: numbers([]int64{int64(len(s))}), Ints: s}}, nil
}

// clamp returns a place on an axis of n elements, counted from the front.
func clamp(at int64, n int) int {
	if at < 0 {
		at += int64(n)
	}
	return int(min(max(at, 0), int64(n)))
}

func sizeOf(c *call) ([]Type, error) {
	n := Unknown
	if s := c.in[0].Shape; s != nil {
		n = product(s)
	}
	return []Type{{Shape: tensor.Shape{}, Ints: []tensor.Dim{n}}}, nil
}

// reshaped returns the elements of the first input in other sizes.
func (c *call) reshaped(s tensor.Shape) []Type { return []Type{{Shape: s, Ints: c.in[0].Ints}} }

func reshape(c *call) ([]Type, error) {
	x, to := c.in[0].Shape, c.list(1)
	if err := c.rank(1, 1); err != nil || to == nil {
		return nothing(), err
	}
	out, open := slices.Clone(tensor.Shape(to)), -1
	for i, d := range out {
		switch {
		case d.Is(-1) && open >= 0:
			return nil, fmt.Errorf("it reshapes to %v, where -1 stands twice", tensor.Shape(to))
		case d.Is(-1):
			open = i
		case d.Known() && d.Size < 0:
			return nil, fmt.Errorf("it reshapes to %v: %v is no size", tensor.Shape(to), d)
		case d.Is(0) && !c.flag("allowzero"):
			out[i] = Unknown
			if x != nil && i >= len(x) {
				return nil, fmt.Errorf("it reshapes %v to %v, whose axis %d is to be kept", x, tensor.Shape(to), i)
			} else if x != nil {
				out[i] = x[i]
			}
		}
	}
	if x == nil {
		if open >= 0 {
			out[open] = Unknown
		}
		return c.reshaped(out), nil
	}
	rest, err := remaining(x, out, open)
	if err != nil {
		return nil, fmt.Errorf("cannot reshape %v to %v: %w", x, tensor.Shape(to), err)
	}
	if open >= 0 {
		out[open] = rest
	}
	return c.reshaped(out), nil
}

// remaining compares the elements of two shapes, and returns the size of the open
// axis, if any.
func remaining(x, out tensor.Shape, open int) (tensor.Dim, error) {
	from, to := slices.Clone(x), tensor.Shape{}
	for i, d := range out {
		if i == open {
			continue
		}
		if k := slices.Index(from, d); k >= 0 && !d.Is(0) && d != Unknown {
			from = slices.Delete(from, k, k+1) // it divides by itself, unless it is 0
			continue
		}
		to = append(to, d)
	}
	have, want := product(from), product(to)
	switch {
	case open < 0 && have.Known() && want.Known() && have != want:
		return Unknown, fmt.Errorf("%v elements for %v", product(x), product(out))
	case open < 0 || want.Is(0):
		return Unknown, nil
	case have.Known() && want.Known() && have.Size%want.Size != 0:
		return Unknown, fmt.Errorf("%v elements are no multiple of %v", product(x), want)
	}
	return over(have, want), nil
}

func flatten(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if s == nil {
		return shaped(unknowns(2)), nil
	}
	axis, err := wrap(c.int("axis", 1), len(s)+1)
	if at := c.int("axis", 1); at < 0 { // the one behind the last is not counted from the end
		axis, err = wrap(at, len(s))
	}
	if err != nil {
		return nil, err
	}
	return c.reshaped(tensor.Shape{product(s[:axis]), product(s[axis:])}), nil
}

func squeeze(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if s == nil {
		return nothing(), nil
	}
	axes, given, known, err := c.axes(1, len(s))
	switch {
	case err != nil:
		return nil, err
	case !known:
		return c.withoutSome(c.in[0])
	}
	if !given {
		for i, d := range s {
			if !d.Known() {
				return nothing(), nil // it may be 1
			}
			if d.Is(1) {
				axes = append(axes, i)
			}
		}
	}
	for _, a := range axes {
		if differ(s[a], tensor.D(1)) {
			return nil, fmt.Errorf("axis %d of %v cannot go, it has the size %v", a, s, s[a])
		}
	}
	return c.reshaped(without(s, axes, false)), nil
}

func unsqueeze(c *call) ([]Type, error) {
	s, list := c.in[0].Shape, c.list(1)
	if list == nil && c.attr("axes") != nil {
		list = numbers(c.ints("axes"))
	}
	if s == nil || list == nil {
		return nothing(), nil
	}
	axes, _, known, err := c.axes(1, len(s)+len(list))
	if err != nil {
		return nil, err
	}
	if !known {
		return shaped(unknowns(len(s) + len(list))), nil
	}
	slices.Sort(axes)
	out := slices.Clone(s)
	for _, a := range axes {
		out = slices.Insert(out, a, tensor.D(1))
	}
	return c.reshaped(out), nil
}

func transpose(c *call) ([]Type, error) {
	s, perm := c.in[0].Shape, c.ints("perm")
	if s == nil {
		if perm != nil && len(perm) <= MaxRank {
			return shaped(unknowns(len(perm))), nil
		}
		return nothing(), nil
	}
	out := slices.Clone(s)
	if c.attr("perm") == nil {
		perm = nil
		for i := range s {
			perm = append(perm, int64(len(s)-1-i))
		}
	}
	if len(perm) != len(s) {
		return nil, fmt.Errorf("perm %v does not order the axes of %v", perm, s)
	}
	seen := make([]bool, len(s))
	for i, p := range perm {
		if p < 0 || p >= int64(len(s)) || seen[p] {
			return nil, fmt.Errorf("perm %v does not order the axes of %v", perm, s)
		}
		seen[p], out[i] = true, s[p]
	}
	return []Type{{Shape: out, Ints: turned(c.in[0], perm)}}, nil
}

func expand(c *call) ([]Type, error) {
	x, to := c.in[0], c.list(1)
	if to == nil {
		return nothing(), nil
	}
	shape, err := broadcast(x.Shape, tensor.Shape(to))
	if err != nil {
		return nil, err
	}
	return []Type{{Shape: shape, Ints: lift(shape, c.in[:1], func(x []tensor.Dim) tensor.Dim { return x[0] })}}, nil
}

func concat(c *call) ([]Type, error) {
	out := Type{Ints: []tensor.Dim{}}
	axis, sum := 0, tensor.D(0)
	open := false // the size along the axis
	for i, v := range c.in {
		if v.Shape == nil {
			open = true
			continue
		}
		if out.Shape == nil {
			var err error
			if axis, err = c.axis(0, len(v.Shape)); err != nil {
				return nil, err
			}
			out.Shape = slices.Clone(v.Shape)
		} else if err := joins(out.Shape, v.Shape, axis); err != nil {
			return nil, fmt.Errorf("its input %d is %v beside %v: %w", i, v, out.Shape, err)
		}
		sum = plus(sum, v.Shape[axis])
	}
	if out.Shape == nil {
		return nothing(), nil
	}
	if open {
		sum = Unknown
	}
	out.Shape[axis] = sum
	out.Ints = c.listed(sum)
	if len(out.Shape) == 1 {
		out.Const = c.scales()
	}
	return []Type{out}, nil
}

// scales joins short floating constants, as exporters write the scales of Resize.
func (c *call) scales() *tensor.Tensor {
	var values []float64
	for _, v := range c.in {
		k := v.Const
		if k == nil || !k.DType.IsFloat() || k.DType != c.in[0].Const.DType || len(k.Data) > maxInts*k.DType.Size() || len(k.Data) != k.Len()*k.DType.Size() {
			return nil
		}
		if values = append(values, k.Floats()...); len(values) > maxInts {
			return nil
		}
	}
	return tensor.FromFloats(c.in[0].Const.DType, []int64{int64(len(values))}, values)
}

// joins compares the axes of an operand of Concat with those of the ones before.
func joins(out, s tensor.Shape, axis int) error {
	if len(s) != len(out) {
		return fmt.Errorf("the ranks differ")
	}
	for i, d := range s {
		if i == axis {
			continue
		}
		var err error
		if out[i], err = unify(out[i], d); err != nil {
			return err
		}
	}
	return nil
}

// listed returns the elements of lists one behind the other, where there are few.
func (c *call) listed(n tensor.Dim) []tensor.Dim {
	if !n.Known() || n.Size > maxInts {
		return nil
	}
	out := []tensor.Dim{}
	for _, v := range c.in {
		if len(v.Shape) != 1 || v.Ints == nil {
			return nil
		}
		out = append(out, v.Ints...)
	}
	return out
}

func split(c *call) ([]Type, error) {
	x := c.in[0]
	n := len(c.node.Outputs)
	if x.Shape == nil || n == 0 {
		return make([]Type, n), nil
	}
	axis, err := c.axis(0, len(x.Shape))
	if err != nil {
		return nil, err
	}
	sizes, err := c.parts(n, x.Shape[axis])
	if err != nil {
		return nil, err
	}
	out := make([]Type, n)
	at := int64(0)
	for i := range out {
		out[i].Shape = slices.Clone(x.Shape)
		out[i].Shape[axis] = sizes[i]
		if n := sizes[i]; x.Ints != nil && len(x.Shape) == 1 && n.Known() && n.Size <= int64(len(x.Ints))-at {
			out[i].Ints = x.Ints[at : at+n.Size]
			at += n.Size
		}
	}
	return out, nil
}

// parts returns the sizes of the pieces of an axis of n elements.
func (c *call) parts(pieces int, n tensor.Dim) ([]tensor.Dim, error) {
	if c.has(1) {
		list := c.list(1)
		if list == nil {
			return unknowns(pieces), nil
		}
		if len(list) != pieces {
			return nil, fmt.Errorf("it has %d sizes for %d results", len(list), pieces)
		}
		for _, d := range list {
			if d.Known() && d.Size < 0 {
				return nil, fmt.Errorf("it splits into %v: %v is no size", tensor.Shape(list), d)
			}
		}
		if sum := sumOf(list); differ(sum, n) {
			return nil, fmt.Errorf("it splits %v into %v, which are %v", n, tensor.Shape(list), sum)
		}
		return list, nil
	}
	if want := c.int("num_outputs", int64(pieces)); want != int64(pieces) {
		return nil, fmt.Errorf("it has %d results, and num_outputs is %d", pieces, want)
	}
	k := tensor.D(int64(pieces))
	each := over(plus(n, tensor.D(int64(pieces-1))), k)
	if whole := over(n, k); differ(times(whole, k), n) && c.attr("num_outputs") == nil {
		return nil, fmt.Errorf("%v elements do not split into %d equal pieces", n, pieces)
	}
	if !n.Known() && c.attr("num_outputs") == nil {
		each = over(n, k)
	}
	out := slices.Repeat([]tensor.Dim{each}, pieces)
	out[pieces-1] = minus(n, times(each, tensor.D(int64(pieces-1))))
	if last := out[pieces-1]; last.Known() && last.Size < 0 {
		return nil, fmt.Errorf("%v elements do not split into %d pieces", n, pieces)
	}
	if !n.Known() && c.attr("num_outputs") == nil {
		out[pieces-1] = each
	}
	return out, nil
}

func tile(c *call) ([]Type, error) {
	s, repeats := c.in[0].Shape, c.list(1)
	if s == nil {
		if repeats != nil {
			return shaped(unknowns(len(repeats))), nil
		}
		return nothing(), nil
	}
	if repeats == nil {
		return shaped(unknowns(len(s))), nil
	}
	if len(repeats) != len(s) {
		return nil, fmt.Errorf("it has %d repeats for %v", len(repeats), s)
	}
	out := slices.Clone(s)
	for i, n := range repeats {
		out[i] = times(out[i], n)
	}
	return shaped(out), nil
}
