package cost

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// value is what is known of a tensor before the run.
type value struct {
	dtype tensor.DType
	dims  []int64
	ints  []tensor.Dim // the elements of a short list, or nil where they are not known
	n     int64        // elements
	// opaque says that ONNX Runtime does not know the size before the run: it
	// gives such a value memory of its own.
	opaque bool
}

// largest is how many bytes a value may have: sums of many stay far from what an
// integer holds.
const largest = 1 << 48

// newValue takes a type whose sizes are all numbers.
func newValue(t infer.Type) (*value, error) {
	dims, _ := t.Shape.Known()
	v := &value{dtype: t.DType, dims: dims, ints: t.Ints, n: count(dims)}
	if v.bytes() > largest {
		return nil, fmt.Errorf("%v has more than 256 TiB: give smaller sizes", t)
	}
	return v, nil
}

// absent is the value of an optional result that is not wanted.
var absent = &value{dims: []int64{0}}

func count(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n = times(n, d)
	}
	return n
}

func (v *value) count() int64 { return v.n }
func (v *value) bytes() int64 { return times(v.n, int64(v.dtype.Size())) }

// times and plus stop at the largest integer. Neither operand is negative.
func times(a, b int64) int64 {
	if high, low := bits.Mul64(uint64(a), uint64(b)); high == 0 && low <= math.MaxInt64 {
		return int64(low)
	}
	return math.MaxInt64
}

func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// call is a node with what is known of its inputs.
type call struct {
	node ir.Node
	in   []*value // nil for an absent one
}

func (c *call) attr(name string) any { return c.node.Attr(name) }

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

// axes returns the axes of a reduction, which are an attribute or its second input.
// Without either it returns nil.
func (c *call) axes(rank int) []int64 {
	axes, _ := c.attr("axes").([]int64)
	out := make([]int64, 0, len(axes))
	for _, a := range axes {
		out = append(out, wrap(a, rank))
	}
	if len(c.in) > 1 && c.in[1] != nil {
		for _, d := range c.in[1].ints {
			out = append(out, wrap(d.Size, rank))
		}
	}
	return out
}
