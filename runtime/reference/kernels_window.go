package reference

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

const convAttrs = "auto_pad=s dilations=I group=i kernel_shape=I pads=I strides=I"

// The operators that move a window over the axes behind batch and channel, each by
// its definition: one sum or one largest element after the other.
var windowKernels = []row{
	{op: "Conv", min: 2, max: 3, attrs: convAttrs, run: conv},
	{op: "ConvTranspose", min: 2, max: 3, attrs: convAttrs + " output_padding=I output_shape=I", run: convTranspose},
	{op: "MaxPool", min: 1, max: 1, attrs: "auto_pad=s ceil_mode=i dilations=I kernel_shape=I! pads=I storage_order=i strides=I", runMany: maxPool},
	{op: "AveragePool", min: 1, max: 1, attrs: "auto_pad=s ceil_mode=i count_include_pad=i dilations=I kernel_shape=I! pads=I strides=I", run: averagePool},
	{op: "GlobalAveragePool", min: 1, max: 1, run: globalPool(func(row []float64) float64 { return sum(row) / float64(len(row)) })},
	{op: "GlobalMaxPool", min: 1, max: 1, run: globalPool(slices.Max[[]float64])},
}

// weights checks the operands of a convolution, and returns how many groups it has.
// Axis shared of the weights has the channels of x, the other one the results of a
// group or of all.
func (c *call) weights() (group int, err error) {
	if err := c.floats(); err != nil {
		return 0, err
	}
	if err := c.sameType(0, false); err != nil {
		return 0, err
	}
	x, w := c.in[0], c.in[1]
	if x.rank() < 3 || w.rank() != x.rank() {
		return 0, fmt.Errorf("cannot move weights %v over %v", w, x)
	}
	given := c.intAttr("group", 1)
	if given < 1 || given > int64(max(w.dims[0], 1)) || w.dims[0]%int(given) != 0 {
		return 0, fmt.Errorf("weights %v in %d groups", w, given)
	}
	if kernel, ok := c.attrs["kernel_shape"].([]int64); ok && !slices.Equal(kernel, w.dims64()[2:]) {
		return 0, fmt.Errorf("attribute \"kernel_shape\" is %v for weights %v", kernel, w)
	}
	return int(given), nil
}

// bias returns input 2, one number for each of n channels, or zeros.
func (c *call) bias(n int) ([]float64, error) {
	b := c.arg(2)
	if b == nil {
		return make([]float64, n), nil
	}
	if b.rank() != 1 || b.dims[0] != n {
		return nil, fmt.Errorf("input 2 is %v for %d channels", b, n)
	}
	return b.f, nil
}

func conv(c *call) (*array, error) {
	group, err := c.weights()
	if err != nil {
		return nil, err
	}
	x, weight := c.in[0], c.in[1]
	each, out := weight.dims[1], weight.dims[0]/group // channels of a group, and its results
	if each*group != x.dims[1] {
		return nil, fmt.Errorf("cannot move weights %v in %d groups over %v", weight, group, x)
	}
	bias, err := c.bias(weight.dims[0])
	if err != nil {
		return nil, err
	}
	w, err := c.window(weight.dims[2:], x.dims[2:])
	if err == nil {
		err = w.count(false)
	}
	if err != nil {
		return nil, err
	}
	y, err := newArray(x.dtype, slices.Concat([]int{x.dims[0], weight.dims[0]}, w.places), c.limit)
	if err != nil {
		return nil, err
	}
	plane, kernel, places := product(w.sizes), product(w.kernel), product(w.places)
	for n := range x.dims[0] {
		for o := range weight.dims[0] {
			first := n*x.dims[1] + o/out*each // channel
			w.eachPlace(func(number int, place []int) {
				total := bias[o]
				w.each(place, func(tap, element int) {
					for i := range each {
						total += x.f[(first+i)*plane+element] * weight.f[(o*each+i)*kernel+tap]
					}
				})
				y.f[(n*weight.dims[0]+o)*places+number] = total
			})
		}
	}
	return y, c.ctx.Err()
}

// convTranspose adds what each element of x gives to the places that it meets as a
// window of the result.
func convTranspose(c *call) (*array, error) {
	group, err := c.weights()
	if err != nil {
		return nil, err
	}
	x, weight := c.in[0], c.in[1]
	if weight.dims[0] != x.dims[1] {
		return nil, fmt.Errorf("cannot move weights %v over %v", weight, x)
	}
	in, out := x.dims[1]/group, weight.dims[1]
	bias, err := c.bias(out * group)
	if err != nil {
		return nil, err
	}
	w, err := c.transposedWindow(weight.dims[2:], x.dims[2:])
	if err != nil {
		return nil, err
	}
	y, err := newArray(x.dtype, slices.Concat([]int{x.dims[0], out * group}, w.sizes), c.limit)
	if err != nil {
		return nil, err
	}
	plane, kernel, places := product(w.sizes), product(w.kernel), product(w.places)
	for n := range x.dims[0] {
		for o := range out * group {
			result := y.f[(n*out*group+o)*plane:][:plane]
			for k := range result {
				result[k] = bias[o]
			}
			w.eachPlace(func(number int, place []int) {
				w.each(place, func(tap, element int) {
					for i := o / out * in; i < (o/out+1)*in; i++ {
						result[element] += x.f[(n*x.dims[1]+i)*places+number] * weight.f[(i*out+o%out)*kernel+tap]
					}
				})
			})
		}
	}
	return y, c.ctx.Err()
}

// transposedWindow returns the windows of a result, one for each element.
func (c *call) transposedWindow(kernel, places []int) (*window, error) {
	w, err := c.window(kernel, places)
	if err != nil {
		return nil, err
	}
	more, err := c.perAxis("output_padding", len(places), 0)
	if err != nil {
		return nil, err
	}
	same, _ := c.attrs["auto_pad"].(string)
	want, err := c.perAxis("output_shape", len(places), 0)
	if err != nil {
		return nil, err
	}
	_, given := c.attrs["output_shape"]
	w.places, w.sizes = places, make([]int, len(places))
	for k, n := range places {
		whole := (n-1)*w.strides[k] + more[k] + w.span(k)
		if n == 0 || whole-w.before[k]-w.after[k] < 0 {
			return nil, fmt.Errorf("%d elements with pads %d and %d give no size", n, w.before[k], w.after[k])
		}
		switch {
		case given:
			w.sizes[k] = want[k]
		case same == "SAME_UPPER" || same == "SAME_LOWER":
			w.sizes[k] = n * w.strides[k]
		default:
			w.sizes[k] = whole - w.before[k] - w.after[k]
			continue
		}
		total := max(0, whole-w.sizes[k])
		if w.before[k] = total - total/2; same == "SAME_UPPER" {
			w.before[k] = total / 2
		}
	}
	return w, nil
}

// pooling returns the windows of a pooling and its result.
func (c *call) pooling() (*window, *array, error) {
	x := c.in[0]
	if x.rank() < 3 {
		return nil, nil, fmt.Errorf("input 0 is %v, want rank 3 or more", x)
	}
	kernel, err := c.perAxis("kernel_shape", x.rank()-2, 1)
	if err != nil {
		return nil, nil, err
	}
	w, err := c.window(kernel, x.dims[2:])
	if err == nil {
		err = w.count(c.intAttr("ceil_mode", 0) != 0)
	}
	if err != nil {
		return nil, nil, err
	}
	y, err := newArray(x.dtype, slices.Concat(x.dims[:2], w.places), c.limit)
	return w, y, err
}

// maxPool returns the first of the largest elements, or the first NaN, of each
// window, and its number among all elements.
func maxPool(c *call) ([]*array, error) {
	if c.intAttr("storage_order", 0) != 0 {
		return nil, fmt.Errorf("attribute \"storage_order\": %w", ErrNoKernel)
	}
	if err := c.floats(); err != nil {
		return nil, err
	}
	w, y, err := c.pooling()
	if err != nil {
		return nil, err
	}
	index, err := newArray(tensor.Int64, y.dims, c.limit)
	if err != nil {
		return nil, err
	}
	x, plane, places := c.in[0], product(w.sizes), product(w.places)
	for channel := range x.dims[0] * x.dims[1] {
		w.eachPlace(func(number int, place []int) {
			best, at := math.Inf(-1), -1
			w.each(place, func(_, element int) {
				v := x.f[channel*plane+element]
				if at < 0 || v > best || v != v && best == best {
					best, at = v, channel*plane+element
				}
			})
			if at < 0 {
				err = fmt.Errorf("a window lies in the padding alone")
				return
			}
			y.f[channel*places+number], index.i[channel*places+number] = best, int64(at)
		})
	}
	if err == nil {
		err = c.ctx.Err()
	}
	return []*array{y, index}, err
}

// averagePool divides by the taps that meet an element or, if asked, padding.
func averagePool(c *call) (*array, error) {
	if err := c.floats(); err != nil {
		return nil, err
	}
	w, y, err := c.pooling()
	if err != nil {
		return nil, err
	}
	padding := c.intAttr("count_include_pad", 0) != 0
	x, plane, places := c.in[0], product(w.sizes), product(w.places)
	for channel := range x.dims[0] * x.dims[1] {
		w.eachPlace(func(number int, place []int) {
			total, count := 0.0, 1
			for k, p := range place {
				first, end := w.taps(k, p, w.sizes[k])
				if padding {
					first, end = 0, w.reach(k, p)
				}
				count *= end - first
			}
			w.each(place, func(_, element int) { total += x.f[channel*plane+element] })
			y.f[channel*places+number] = total / float64(count)
		})
	}
	return y, c.ctx.Err()
}

// reach is how many taps of a window do not lie behind the padding.
func (w *window) reach(axis, place int) int {
	_, end := w.taps(axis, place, w.sizes[axis]+w.after[axis])
	return end
}

// globalPool reduces each channel.
func globalPool(f func([]float64) float64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.floats(); err != nil {
			return nil, err
		}
		x := c.in[0]
		if x.rank() < 2 || product(x.dims[2:]) == 0 {
			return nil, fmt.Errorf("input 0 is %v, want elements behind two axes", x)
		}
		dims := slices.Clone(x.dims)
		for k := range dims[2:] {
			dims[2+k] = 1
		}
		y, err := newArray(x.dtype, dims, c.limit)
		if err != nil {
			return nil, err
		}
		plane := product(x.dims[2:])
		for k := range y.f {
			y.f[k] = f(x.f[k*plane : (k+1)*plane])
		}
		return y, nil
	}
}
