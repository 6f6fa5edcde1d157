package cost

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// value is what is known of a tensor before the run. Small integers that follow
// from sizes are known too, since they are the sizes of other tensors.
type value struct {
	dtype tensor.DType
	dims  []int64
	ints  []int64 // the elements, or nil where they are not known
	// opaque says that ONNX Runtime does not know the size before the run: it
	// gives such a value memory of its own.
	opaque bool
}

// mostInts is the longest list of elements that is followed.
const mostInts = 64

func count(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

func (v *value) count() int64 { return count(v.dims) }
func (v *value) bytes() int64 { return v.count() * int64(v.dtype.Size()) }

// isCount says that a value may be the size of another.
func (v *value) isCount() bool { return v.dtype == tensor.Int64 && v.count() == 1 }

var errValues = errors.New("its size depends on the values of inputs")

// known returns the elements, which are the sizes of another value.
func (v *value) known() ([]int64, error) {
	if v.ints == nil {
		return nil, errValues
	}
	return v.ints, nil
}

// constant returns the value of a constant.
func constant(t *tensor.Tensor) *value {
	v := &value{dtype: t.DType, dims: t.Dims}
	if !t.DType.IsFloat() && t.Len() <= mostInts {
		v.ints = make([]int64, t.Len())
		for i := range v.ints {
			v.ints[i] = t.Int(i)
		}
	}
	return v
}

// ofInts returns an int64 value with known elements.
func ofInts(dims []int64, ints ...int64) *value {
	v := &value{dtype: tensor.Int64, dims: dims}
	if len(ints) <= mostInts {
		v.ints = append([]int64{}, ints...)
	}
	return v
}

// call is a node with what is known of its inputs.
type call struct {
	node ir.Node
	in   []*value // nil for an absent one
	run  *run     // whose values the body of a Scan sees
}

// arg returns an input, or nil where it is absent.
func (c *call) arg(i int) *value {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

func (c *call) attr(name string) any {
	for _, a := range c.node.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

func (c *call) int(name string, def int64) int64 {
	if v, ok := c.attr(name).(int64); ok {
		return v
	}
	return def
}

// axis returns the attribute axis, counted from the front.
func (c *call) axis(def int64, rank int) int {
	return int(wrap(c.int("axis", def), rank))
}

func wrap(axis int64, rank int) int64 {
	if axis < 0 {
		return axis + int64(rank)
	}
	return axis
}

// axes returns the axes of a node, which are an attribute or the i-th input.
// Without either it returns nil.
func (c *call) axes(i, rank int) ([]int64, error) {
	axes, _ := c.attr("axes").([]int64)
	if in := c.arg(i); in != nil {
		known, err := in.known()
		if err != nil {
			return nil, err
		}
		axes = known
	}
	axes = slices.Clone(axes)
	for k := range axes {
		axes[k] = wrap(axes[k], rank)
	}
	return axes, nil
}

// broadcast returns the common size of values.
func broadcast(vs ...*value) ([]int64, error) {
	var dims []int64
	for _, v := range vs {
		for len(dims) < len(v.dims) {
			dims = append([]int64{1}, dims...)
		}
		at := dims[len(dims)-len(v.dims):]
		for i, n := range v.dims {
			switch {
			case at[i] == 1:
				at[i] = n
			case n != 1 && n != at[i]:
				return nil, fmt.Errorf("cannot broadcast %v with %v", v.dims, dims)
			}
		}
	}
	return dims, nil
}

// index returns where the element at flat position k of dims lies in v, which
// is broadcast to dims.
func (v *value) index(dims []int64, k int64) int64 {
	at, step := int64(0), int64(1)
	for i := 1; i <= len(dims); i++ {
		n := dims[len(dims)-i]
		if i <= len(v.dims) {
			if own := v.dims[len(v.dims)-i]; own != 1 {
				at += k % n * step
				step *= own
			}
		}
		k /= n
	}
	return at
}

// each computes known elements from broadcast ones, or leaves them unknown.
func each(out *value, vs []*value, f func(x []int64) int64) {
	n := out.count()
	for _, v := range vs {
		if v.ints == nil || n > mostInts {
			return
		}
	}
	out.ints = make([]int64, n)
	x := make([]int64, len(vs))
	for k := range out.ints {
		for i, v := range vs {
			x[i] = v.ints[v.index(out.dims, int64(k))]
		}
		out.ints[k] = f(x)
	}
}
