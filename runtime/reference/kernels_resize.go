package reference

import (
	"fmt"
	"math"
	"slices"
)

// The operators that make an axis longer or shorter.
var resizeKernels = []row{
	{op: "Pad", min: 2, max: 4, attrs: "mode=s", run: pad},
	{op: "Resize", min: 1, max: 4, run: resize, attrs: "antialias=i axes=I coordinate_transformation_mode=s cubic_coeff_a=f exclude_outside=i " +
		"extrapolation_value=f keep_aspect_ratio_policy=s mode=s nearest_mode=s"},
}

// pad puts elements around those of x, or takes some away.
func pad(c *call) (*array, error) {
	x := c.in[0]
	amounts, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	axes, ok, err := c.axesArg(3, x.rank())
	if err != nil {
		return nil, err
	}
	if !ok {
		axes = ascending(x.rank())
	}
	if len(amounts) != 2*len(axes) {
		return nil, fmt.Errorf("%d pads for %d axes", len(amounts), len(axes))
	}
	before, dims := make([]int, x.rank()), slices.Clone(x.dims)
	for k, axis := range axes {
		front, back := amounts[k], amounts[k+len(axes)]
		if max(front, back) > maxElements || min(front, back) < -maxElements {
			return nil, fmt.Errorf("pads are %v", amounts)
		}
		before[axis] = int(front)
		dims[axis] += int(front + back)
	}
	y, err := newArray(x.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	if value := c.arg(2); value != nil {
		if value.dtype != x.dtype || value.len() != 1 {
			return nil, fmt.Errorf("input 2 is %v, want one %v", value, x.dtype)
		}
		fill(y.f, value.f)
		fill(y.i, value.i)
		fill(y.b, value.b)
	}
	mode, _ := c.attrs["mode"].(string)
	return y, padElements(y, x, before, mode)
}

func fill[T any](list, value []T) {
	for k := range list {
		list[k] = value[0]
	}
}

// padElements copies to each element of y the one of x that belongs there.
func padElements(y, x *array, before []int, mode string) error {
	at := make([]int, y.rank())
	for number := range y.len() {
		rest, from, inside := number, 0, true
		for k := y.rank() - 1; k >= 0; k-- {
			at[k], rest = rest%y.dims[k], rest/y.dims[k]
		}
		for k, n := range x.dims {
			i, err := padIndex(at[k]-before[k], n, mode)
			if err != nil {
				return err
			}
			inside = inside && i >= 0
			from = from*n + i
		}
		if inside {
			copyBlock(y.f, number, x.f, from, 1)
			copyBlock(y.i, number, x.i, from, 1)
			copyBlock(y.b, number, x.b, from, 1)
		}
	}
	return nil
}

// padIndex returns the element of an axis of n that stands at place i, -1 for the
// constant.
func padIndex(i, n int, mode string) (int, error) {
	if 0 <= i && i < n {
		return i, nil
	}
	switch mode {
	case "", "constant":
		return -1, nil
	case "edge":
		if n > 0 {
			return min(max(i, 0), n-1), nil
		}
	case "wrap":
		if n > 0 {
			return ((i % n) + n) % n, nil
		}
	case "reflect":
		if -n < i && i < 2*n-1 {
			return min(max(i, -i), 2*n-2-i), nil
		}
	default:
		return 0, fmt.Errorf("attribute \"mode\" is %q", mode)
	}
	return 0, fmt.Errorf("%s does not reach place %d from %d elements", mode, i, n)
}

// resampling is how an axis of n elements becomes one of another size: each new
// element is a sum of old ones with weights.
type resampling struct {
	n, size   int
	scale     float64
	transform string
}

// resize resamples one axis after the other.
func resize(c *call) (*array, error) {
	if err := c.resizable(); err != nil {
		return nil, err
	}
	x := c.in[0]
	axes, ok, err := c.axesArg(4, x.rank()) // the attribute: there is no input 4
	if err != nil {
		return nil, err
	}
	if !ok {
		axes = ascending(x.rank())
	}
	scales, targets := c.arg(2), c.arg(3)
	if (scales == nil || scales.len() == 0) == (targets == nil || targets.len() == 0) {
		return nil, fmt.Errorf("want scales or sizes, and not both")
	}
	if scales != nil && scales.len() > 0 && scales.len() != len(axes) || targets != nil && targets.len() > 0 && len(targets.i) != len(axes) {
		return nil, fmt.Errorf("scales or sizes are not for %d axes", len(axes))
	}
	for k, axis := range axes {
		r := resampling{n: x.dims[axis], transform: c.text("coordinate_transformation_mode", "half_pixel")}
		if targets != nil && targets.len() > 0 {
			r.size = int(min(max(targets.i[k], 0), maxElements))
			r.scale = float64(r.size) / float64(r.n)
		} else {
			r.scale = scales.f[k]
			r.size = int(math.Floor(min(max(float64(r.n)*r.scale, 0), float64(maxElements))))
		}
		if r.n == r.size && r.scale == 1 {
			continue
		}
		if r.n == 0 || !(r.scale > 0) {
			return nil, fmt.Errorf("axis %d of %v does not become %d elements", axis, x, r.size)
		}
		if x, err = c.resample(x, axis, r); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// resizable refuses what has no kernel.
func (c *call) resizable() error {
	if err := (&call{in: c.in[:1]}).floats(); err != nil {
		return err
	}
	switch mode := c.text("coordinate_transformation_mode", "half_pixel"); mode {
	case "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn":
	default:
		return fmt.Errorf("attribute \"coordinate_transformation_mode\" %q: %w", mode, ErrNoKernel)
	}
	if c.intAttr("antialias", 0) != 0 {
		return fmt.Errorf("attribute \"antialias\": %w", ErrNoKernel)
	}
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		return fmt.Errorf("attribute \"keep_aspect_ratio_policy\" %q: %w", policy, ErrNoKernel)
	}
	return nil
}

func (c *call) text(name, def string) string {
	if v, ok := c.attrs[name].(string); ok {
		return v
	}
	return def
}

// from returns where new element i lies among the old ones.
func (r resampling) from(i int) float64 {
	x := float64(i)
	switch r.transform {
	case "asymmetric":
		return x / r.scale
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / r.scale
	case "align_corners":
		if r.size == 1 {
			return 0
		}
		return x * float64(r.n-1) / float64(r.size-1)
	case "pytorch_half_pixel":
		if r.size <= 1 {
			return 0
		}
	case "half_pixel_symmetric":
		exact := r.scale * float64(r.n)
		center := float64(r.n) / 2
		return center*(1-float64(r.size)/exact) + (x+0.5)/r.scale - 0.5
	}
	return (x+0.5)/r.scale - 0.5
}

// resample changes one axis.
func (c *call) resample(x *array, axis int, r resampling) (*array, error) {
	dims := slices.Clone(x.dims)
	dims[axis] = r.size
	y, err := newArray(x.dtype, dims, c.limit)
	if err != nil {
		return nil, err
	}
	inner := product(dims[axis+1:])
	for i := range r.size {
		first, weights, err := c.kernelAt(r.from(i), r.n)
		if err != nil {
			return nil, err
		}
		for outer := range product(dims[:axis]) {
			for j := range inner {
				total := 0.0
				for k, w := range weights {
					from := min(max(first+k, 0), r.n-1)
					total += w * x.f[(outer*r.n+from)*inner+j]
				}
				y.f[(outer*r.size+i)*inner+j] = total
			}
		}
	}
	return y, nil
}

// kernelAt returns the weights of the old elements around place x, and the number of
// the first. Those beyond the n elements stand for the nearest one.
func (c *call) kernelAt(x float64, n int) (first int, weights []float64, err error) {
	floor := math.Floor(x)
	t := x - floor
	switch mode := c.text("mode", "nearest"); mode {
	case "nearest":
		first, err := c.nearest(x)
		return first, []float64{1}, err
	case "linear":
		return int(floor), []float64{1 - t, t}, nil
	case "cubic":
		first, weights = int(floor)-1, c.cubic(t)
		if c.intAttr("exclude_outside", 0) != 0 {
			inside := 0.0
			for k := range weights {
				if first+k < 0 || first+k >= n {
					weights[k] = 0
				}
				inside += weights[k]
			}
			for k := range weights {
				weights[k] /= inside
			}
		}
		return first, weights, nil
	default:
		return 0, nil, fmt.Errorf("attribute \"mode\" is %q", mode)
	}
}

// cubic returns the weights of the four elements around a place t behind the second.
func (c *call) cubic(t float64) []float64 {
	a := c.floatAttr("cubic_coeff_a", -0.75)
	weight := func(d float64) float64 {
		if d = math.Abs(d); d <= 1 {
			return ((a+2)*d-(a+3))*d*d + 1
		}
		return ((d-5)*d+8)*d*a - 4*a
	}
	return []float64{weight(1 + t), weight(t), weight(1 - t), weight(2 - t)}
}

func (c *call) nearest(x float64) (int, error) {
	switch mode := c.text("nearest_mode", "round_prefer_floor"); mode {
	case "round_prefer_floor":
		return int(math.Ceil(x - 0.5)), nil
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5)), nil
	case "floor":
		return int(math.Floor(x)), nil
	case "ceil":
		return int(math.Ceil(x)), nil
	default:
		return 0, fmt.Errorf("attribute \"nearest_mode\" is %q", mode)
	}
}
