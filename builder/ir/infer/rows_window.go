package infer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators that move a window over the axes behind batch and
// channel, and those that change sizes around values.

var windowRows = map[string]row{
	"Conv": {dtypes: "T:float T T? -> T", infer: conv}, "ConvTranspose": {dtypes: "T:float T T? -> T", infer: convTranspose},
	"MaxPool": {dtypes: "T:num -> T int64", infer: pool}, "AveragePool": {dtypes: "T:float -> T", infer: pool},
	"LpPool": {dtypes: "T:float -> T", infer: pool}, "GlobalAveragePool": {dtypes: "T:float -> T", infer: globalPool},
	"GlobalMaxPool": {dtypes: "T:float -> T", infer: globalPool}, "GlobalLpPool": {dtypes: "T:float -> T", infer: globalPool},
	"Pad": {dtypes: "T:any int64 T? index? -> T", infer: pad}, "Resize": {dtypes: "T:any float? float32? int64? -> T", infer: resize},
}

// window is what the attributes say of one.
type window struct {
	kernel, strides, dilations, pads []int64
	same, ceiling                    bool
}

// most is the largest number that a window's attributes may have: its products
// fit into 63 bits.
const most = 1 << 30

// window reads the attributes for a number of axes.
func (c *call) window(kernel []int64, axes int) (w window, err error) {
	w = window{kernel: kernel, ceiling: c.flag("ceil_mode")}
	var e [4]error
	w.strides, e[0] = c.perAxis("strides", axes, 1, 1)
	w.dilations, e[1] = c.perAxis("dilations", axes, 1, 1)
	w.pads, e[2] = c.perAxis("pads", 2*axes, 0, -most)
	switch auto := c.text("auto_pad", "NOTSET"); auto {
	case "NOTSET":
	case "VALID":
		w.pads = make([]int64, 2*axes)
	case "SAME_UPPER", "SAME_LOWER":
		w.same = true
	default:
		e[3] = fmt.Errorf("auto_pad is %q", auto)
	}
	for _, err := range e {
		if err != nil {
			return w, err
		}
	}
	if len(kernel) != axes {
		return w, fmt.Errorf("kernel_shape %v is not for %d axes", kernel, axes)
	}
	for _, k := range kernel {
		if k < 1 || k > most {
			return w, fmt.Errorf("kernel_shape is %v", kernel)
		}
	}
	return w, nil
}

// perAxis returns a list in an attribute, of n numbers, or def for each.
func (c *call) perAxis(name string, n int, def, least int64) ([]int64, error) {
	list := c.ints(name)
	if c.attr(name) == nil {
		return slices.Repeat([]int64{def}, n), nil
	}
	if len(list) != n {
		return nil, fmt.Errorf("%s has %d numbers, want %d", name, len(list), n)
	}
	for _, v := range list {
		if v < least || v > most {
			return nil, fmt.Errorf("%s is %v", name, list)
		}
	}
	return list, nil
}

// places counts the places of a window on the i-th of its axes, of n elements.
func (w window) places(i int, n tensor.Dim) (tensor.Dim, error) {
	stride := tensor.D(w.strides[i])
	if w.same {
		return over(plus(n, tensor.D(w.strides[i]-1)), stride), nil
	}
	span := (w.kernel[i]-1)*w.dilations[i] + 1
	before, after := w.pads[i], w.pads[i+len(w.kernel)]
	room := plus(n, tensor.D(before+after-span))
	if room.Known() && room.Size < 0 {
		return Unknown, fmt.Errorf("a window of %d does not fit into %v with pads %d and %d", span, n, before, after)
	}
	if !w.ceiling {
		return plus(over(room, stride), tensor.D(1)), nil
	}
	count := plus(over(plus(room, tensor.D(w.strides[i]-1)), stride), tensor.D(1))
	if !n.Known() {
		return Unknown, nil // the last window may begin behind the elements
	}
	if (count.Size-1)*w.strides[i] >= n.Size+before {
		count.Size--
	}
	return count, nil
}

func conv(c *call) ([]Type, error) {
	x, weight := c.in[0].Shape, c.in[1].Shape
	if x == nil || weight == nil {
		return nothing(), nil
	}
	if len(x) < 3 || len(x) != len(weight) {
		return nil, fmt.Errorf("it moves weights %v over %v", weight, x)
	}
	group := tensor.D(c.int("group", 1))
	if differ(times(weight[1], group), x[1]) {
		return nil, fmt.Errorf("it has weights %v for %v channels in %v groups", weight, x[1], group)
	}
	out := tensor.Shape{x[0], weight[0]}
	kernel, ok := c.kernel(weight)
	if !ok {
		return shaped(append(out, unknowns(len(x)-2)...)), nil
	}
	w, err := c.window(kernel, len(x)-2)
	if err != nil {
		return nil, err
	}
	return c.moved(w, out, x)
}

// kernel returns the sizes of a window, an attribute or those of the weights.
func (c *call) kernel(weight tensor.Shape) ([]int64, bool) {
	if c.attr("kernel_shape") != nil {
		return c.ints("kernel_shape"), true
	}
	return weight[2:].Known()
}

// moved appends to out the places of a window on the axes of x.
func (c *call) moved(w window, out, x tensor.Shape) ([]Type, error) {
	for i, n := range x[2:] {
		d, err := w.places(i, n)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return shaped(out), nil
}

func convTranspose(c *call) ([]Type, error) {
	x, weight := c.in[0].Shape, c.in[1].Shape
	if x == nil || weight == nil {
		return nothing(), nil
	}
	if len(x) < 3 || len(x) != len(weight) || differ(x[1], weight[0]) {
		return nil, fmt.Errorf("it moves weights %v over %v", weight, x)
	}
	out := tensor.Shape{x[0], times(weight[1], tensor.D(c.int("group", 1)))}
	kernel, ok := c.kernel(weight)
	if !ok {
		return shaped(append(out, unknowns(len(x)-2)...)), nil
	}
	n := len(x) - 2
	w, err := c.window(kernel, n)
	if err != nil {
		return nil, err
	}
	if want := c.ints("output_shape"); want != nil {
		if len(want) != n {
			return nil, fmt.Errorf("output_shape is %v, want %d sizes", want, n)
		}
		return shaped(append(out, numbers(want)...)), nil
	}
	more, err := c.perAxis("output_padding", n, 0, 0)
	if err != nil {
		return nil, err
	}
	for i, d := range x[2:] {
		d = times(d, tensor.D(w.strides[i]))
		if !w.same {
			d = plus(d, tensor.D(more[i]+(kernel[i]-1)*w.dilations[i]+1-w.strides[i]-w.pads[i]-w.pads[i+n]))
		}
		out = append(out, d)
	}
	return shaped(out), nil
}

func pool(c *call) ([]Type, error) {
	x := c.in[0].Shape
	if x == nil {
		return make([]Type, 2), nil
	}
	if len(x) < 3 {
		return nil, fmt.Errorf("its input is %v, want rank 3 or more", c.in[0])
	}
	w, err := c.window(c.ints("kernel_shape"), len(x)-2)
	if err != nil {
		return nil, err
	}
	out, err := c.moved(w, slices.Clone(x[:2]), x)
	return append(out, out...), err
}

func globalPool(c *call) ([]Type, error) {
	x := c.in[0].Shape
	if x == nil {
		return nothing(), nil
	}
	if len(x) < 2 {
		return nil, fmt.Errorf("its input is %v, want rank 2 or more", c.in[0])
	}
	out := slices.Clone(x)
	for i := range out[2:] {
		out[i+2] = tensor.D(1)
	}
	return shaped(out), nil
}

func pad(c *call) ([]Type, error) {
	x, pads := c.in[0].Shape, c.list(1)
	if x == nil {
		return nothing(), nil
	}
	axes, given, known, err := c.axes(3, len(x))
	if err != nil {
		return nil, err
	}
	if !given {
		for i := range x {
			axes = append(axes, i)
		}
	}
	if pads == nil || !known {
		return shaped(unknowns(len(x))), nil
	}
	if len(pads) != 2*len(axes) {
		return nil, fmt.Errorf("it has %d pads for %d axes", len(pads), len(axes))
	}
	out := slices.Clone(x)
	for i, a := range axes {
		out[a] = plus(out[a], plus(pads[i], pads[i+len(axes)]))
	}
	return shaped(out), nil
}

func resize(c *call) ([]Type, error) {
	x := c.in[0].Shape
	if x == nil {
		return nothing(), nil
	}
	axes, given, _, err := c.axes(-1, len(x))
	if err != nil {
		return nil, err
	}
	if !given {
		for i := range x {
			axes = append(axes, i)
		}
	}
	out := slices.Clone(x)
	sized := c.has(3) && !c.empty(3)
	if sized == (c.has(2) && !c.empty(2)) {
		return nil, fmt.Errorf("it wants scales or sizes, and not both")
	}
	if !sized {
		return c.scaled(out, axes)
	}
	sizes := c.list(3)
	if sizes == nil || strings.HasPrefix(c.text("keep_aspect_ratio_policy", "stretch"), "not_") {
		for _, a := range axes {
			out[a] = Unknown
		}
		return shaped(out), nil
	}
	if len(sizes) != len(axes) {
		return nil, fmt.Errorf("it has %d sizes for %d axes", len(sizes), len(axes))
	}
	for i, a := range axes {
		out[a] = sizes[i]
	}
	return shaped(out), nil
}

// empty reports whether an input has no elements, as absent ones of Resize may be
// given.
func (c *call) empty(i int) bool {
	n, ok := count(c.in[i].Shape)
	return ok && n == 0
}

// scaled multiplies axes by constant scales, rounded down.
func (c *call) scaled(out tensor.Shape, axes []int) ([]Type, error) {
	if n, ok := count(c.in[2].Shape); ok && n != int64(len(axes)) {
		return nil, fmt.Errorf("it has %d scales for %d axes", n, len(axes))
	}
	scales := c.in[2].Const
	for i, a := range axes {
		switch {
		case scales == nil || len(scales.Data) != len(axes)*scales.DType.Size():
			out[a] = Unknown
		case scales.Float(i) == 1:
		case out[a].Known() && float64(out[a].Size)*scales.Float(i) < 1<<40:
			out[a] = tensor.D(int64(max(0, math.Floor(float64(out[a].Size)*scales.Float(i)))))
		case !out[a].Known() && scales.Float(i) == math.Trunc(scales.Float(i)) && scales.Float(i) < most:
			out[a] = times(out[a], tensor.D(int64(scales.Float(i))))
		default:
			out[a] = Unknown
		}
	}
	return shaped(out), nil
}
