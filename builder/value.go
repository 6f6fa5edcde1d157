package builder

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Value is a tensor in a graph under construction. Values are immutable and
// comparable: two equal Values are the same computation. The zero Value stands
// for "no value", as in the result of a gradient rule.
type Value struct{ *node }

// node is one operation. It never changes once it is in a graph.
type node struct {
	b     *B
	id    int
	op    *op
	args  []Value
	attr  attr
	dtype tensor.DType
	shape tensor.Shape
}

// attr holds the parameters of an operation; each row of the operator table
// says which fields it uses.
type attr struct {
	name       string         // Input: its name. Composite: its name
	axes       []int          // reductions, Unsqueeze, Squeeze, Transpose; others: one axis
	keep       bool           // reductions: keep the reduced axes as size 1
	nums       [2]float64     // Clip: bounds. Pow: exponent
	ints       [2]int64       // Slice: start and end. Every: distance. ScanResult: number
	dtype      tensor.DType   // Cast, Count, Iota
	shape      tensor.Shape   // Input, Expand, Reshape, Count
	value      *tensor.Tensor // Const
	binds      []bind         // Guard
	reads      []bind         // Expand, Reshape, Count, Iota, Narrow: where to read sizes, one for each of the last operands
	dims       [2]tensor.Dim  // Narrow: start and end
	custom     gradient       // Composite
	loop       *loop          // Scan
	foreign    *foreign       // Node
	window     *Window        // convolutions, pooling
	resampling *Resampling    // Resize
	list       []int64        // PadConstant: pads
}

// key identifies a computation: nodes with equal keys are shared. Every operation asks
// for one, so that nothing is formatted that need not be.
func (n *node) key() string {
	a, k := n.attr, make(keyText, 0, 256)
	k = append(append(k, n.op.code...), ' ').int(int64(n.dtype)).dims(n.shape)
	for _, arg := range n.args {
		k = k.int(int64(arg.id))
	}
	k = append(append(append(k, '|'), a.name...), ' ')
	for _, axis := range a.axes {
		k = k.int(int64(axis))
	}
	k = append(strconv.AppendBool(append(k, '|'), a.keep), ' ')
	for _, v := range a.nums {
		k = k.int(int64(math.Float64bits(v)))
	}
	k = k.int(a.ints[0]).int(a.ints[1]).int(int64(a.dtype)).dims(a.shape).binds(a.binds).binds(a.reads).dims(a.dims[:])
	for _, v := range a.list {
		k = k.int(v)
	}
	k = append(k, '|')
	if a.window != nil {
		k = fmt.Appendf(k, "%v", *a.window)
	}
	if a.resampling != nil {
		k = fmt.Appendf(k, "%v", *a.resampling)
	}
	if a.loop != nil { // no two are one
		k = fmt.Appendf(k, "%p", a.loop)
	}
	if a.foreign != nil { // nor here
		k = fmt.Appendf(k, "%p", a.foreign)
	}
	if a.value != nil {
		k = append(k, contents(a.value)...)
	}
	return string(k)
}

// keyText is a key as it grows. Each of its parts ends where no other text of its kind
// goes on.
type keyText []byte

func (k keyText) int(v int64) keyText { return append(strconv.AppendInt(k, v, 10), ' ') }

func (k keyText) dims(list []tensor.Dim) keyText {
	for _, d := range list {
		k = append(append(k.int(d.Size), d.Sym...), '\n')
	}
	return append(k, '|')
}

func (k keyText) binds(list []bind) keyText {
	for _, b := range list {
		k = k.int(int64(b.axis)).int(int64(b.from.id)).int(int64(b.own)).dims([]tensor.Dim{b.dim})
	}
	return append(k, '|')
}

// contents stands for the elements of a tensor in a key. Of many it is a hash.
func contents(t *tensor.Tensor) string {
	if len(t.Data) <= sha256.Size {
		return string(t.Data)
	}
	sum := sha256.Sum256(t.Data)
	return string(sum[:])
}

// DType returns the element type.
func (v Value) DType() tensor.DType { return v.dtype }

// Shape returns the shape.
func (v Value) Shape() tensor.Shape { return v.shape }

// Rank returns the number of axes.
func (v Value) Rank() int { return len(v.shape) }

// IsZero reports whether v is no value.
func (v Value) IsZero() bool { return v.node == nil }

// String returns the type, as in "float32[N,C]".
func (v Value) String() string {
	if v.IsZero() {
		return "none"
	}
	return v.dtype.String() + v.shape.String()
}

// B returns the builder that v belongs to.
func (v Value) B() *B { return v.b }

func (v Value) arg(i int) Value { return v.args[i] }

// axis turns a negative axis into the one it names, counted from the front.
func (v Value) axis(op string, i int) int {
	if i < -v.Rank() || i >= v.Rank() {
		fail(op, []Value{v}, "axis %d does not exist in %v", i, v)
	}
	if i < 0 {
		return i + v.Rank()
	}
	return i
}

// constant returns the value of a scalar constant.
func (v Value) constant() (float64, bool) {
	if v.op.code != "Const" || v.Rank() != 0 {
		return 0, false
	}
	return v.attr.value.Float(0), true
}
