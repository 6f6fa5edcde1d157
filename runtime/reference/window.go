package reference

import (
	"context"
	"fmt"
	"slices"
)

// window is where the windows of a convolution or a pooling lie, on the axes
// behind batch and channel: window p begins at element p*stride - before, and its
// tap k meets the element k*dilation behind that.
type window struct {
	kernel, strides, dilations, before, after []int
	sizes, places                             []int // elements and windows along each axis
	ctx                                       context.Context
}

// maxWindow is the largest number that an attribute of a window may have: products
// of two fit into an int.
const maxWindow = 1 << 30

// window reads the attributes for windows of a kernel over axes of some sizes.
func (c *call) window(kernel, over []int) (*window, error) {
	n := len(over)
	if len(kernel) != n || n == 0 {
		return nil, fmt.Errorf("a window of sizes %s does not move over axes %s", sizes(kernel), sizes(over))
	}
	w := &window{kernel: kernel, sizes: over, ctx: c.ctx}
	pads, errs := []int(nil), [3]error{}
	w.strides, errs[0] = c.perAxis("strides", n, 1)
	w.dilations, errs[1] = c.perAxis("dilations", n, 1)
	pads, errs[2] = c.perAxis("pads", 2*n, 0)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	w.before, w.after = pads[:n], pads[n:]
	return w, w.autoPad(c)
}

// perAxis returns a list of n numbers in an attribute, the least one for each where
// it is absent.
func (c *call) perAxis(name string, n, least int) ([]int, error) {
	given, ok := c.attrs[name].([]int64)
	if !ok {
		return slices.Repeat([]int{least}, n), nil
	}
	list := make([]int, len(given))
	for k, v := range given {
		if v < int64(least) || v > maxWindow {
			return nil, fmt.Errorf("attribute %q is %v", name, given)
		}
		list[k] = int(v)
	}
	if len(list) != n {
		return nil, fmt.Errorf("attribute %q has %d numbers, want %d", name, len(list), n)
	}
	return list, nil
}

// span is how many elements a window covers along an axis.
func (w *window) span(axis int) int { return (w.kernel[axis]-1)*w.dilations[axis] + 1 }

// autoPad chooses pads so that there is a window for each stride.
func (w *window) autoPad(c *call) error {
	mode, _ := c.attrs["auto_pad"].(string)
	switch mode {
	case "", "NOTSET":
		return nil
	case "VALID":
		w.before, w.after = make([]int, len(w.sizes)), make([]int, len(w.sizes))
		return nil
	case "SAME_UPPER", "SAME_LOWER":
	default:
		return fmt.Errorf("attribute \"auto_pad\" is %q", mode)
	}
	w.before, w.after = slices.Clone(w.before), slices.Clone(w.after)
	for k, n := range w.sizes {
		places := (n + w.strides[k] - 1) / w.strides[k]
		total := max(0, (places-1)*w.strides[k]+w.span(k)-n)
		w.before[k], w.after[k] = total/2, total-total/2
		if mode == "SAME_LOWER" {
			w.before[k], w.after[k] = w.after[k], w.before[k]
		}
	}
	return nil
}

// count finds the windows that fit; those of ceiling may end behind the padding,
// but have to begin before it.
func (w *window) count(ceiling bool) error {
	for k, n := range w.sizes {
		room := n + w.before[k] + w.after[k] - w.span(k)
		if room < 0 {
			return fmt.Errorf("a window of %d does not fit into %d elements with pads %d and %d", w.span(k), n, w.before[k], w.after[k])
		}
		places := room/w.strides[k] + 1
		if ceiling && room%w.strides[k] != 0 && places*w.strides[k] < n+w.before[k] {
			places++
		}
		w.places = append(w.places, places)
	}
	return nil
}

// taps returns the range of the taps of a window that meet elements 0 to n-1.
func (w *window) taps(axis, place, n int) (first, end int) {
	start, d := place*w.strides[axis]-w.before[axis], w.dilations[axis]
	if start < 0 {
		first = (-start + d - 1) / d
	}
	if start < n {
		end = min(w.kernel[axis], (n-start+d-1)/d)
	}
	return first, max(first, end)
}

// each calls visit for every tap of a window that meets an element, with the numbers
// of the tap and of the element in row-major order.
func (w *window) each(place []int, visit func(tap, element int)) {
	var along func(axis, tap, element int)
	along = func(axis, tap, element int) {
		if axis == len(place) {
			visit(tap, element)
			return
		}
		first, end := w.taps(axis, place[axis], w.sizes[axis])
		for k := first; k < end; k++ {
			at := place[axis]*w.strides[axis] - w.before[axis] + k*w.dilations[axis]
			along(axis+1, tap*w.kernel[axis]+k, element*w.sizes[axis]+at)
		}
	}
	along(0, 0, 0)
}

// eachPlace calls visit for every window, until the run is canceled.
func (w *window) eachPlace(visit func(number int, place []int)) {
	place := make([]int, len(w.places))
	for number := range product(w.places) {
		if w.ctx.Err() != nil {
			return
		}
		rest := number
		for k := len(place) - 1; k >= 0; k-- {
			place[k], rest = rest%w.places[k], rest/w.places[k]
		}
		visit(number, place)
	}
}
