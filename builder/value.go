package builder

import (
	"crypto/sha256"
	"fmt"
	"strings"

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
	name    string         // Input: its name. Composite: its name
	axes    []int          // reductions, Unsqueeze, Squeeze, Transpose; others: one axis
	keep    bool           // reductions: keep the reduced axes as size 1
	nums    [2]float64     // Clip: bounds. Pow: exponent
	ints    [2]int64       // Slice: start and end. Every: distance. ScanResult: number
	dtype   tensor.DType   // Cast, Count, Iota
	shape   tensor.Shape   // Input, Expand, Reshape, Count
	value   *tensor.Tensor // Const
	binds   []bind         // Guard
	reads   []bind         // Expand, Reshape, Count, Iota, Narrow: where to read sizes, one for each of the last operands
	dims    [2]tensor.Dim  // Narrow: start and end
	custom  gradient       // Composite
	loop    *loop          // Scan
	foreign *foreign       // Node
}

// key identifies a computation: nodes with equal keys are shared.
func (n *node) key() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %d%v", n.op.code, n.dtype, n.shape)
	for _, a := range n.args {
		fmt.Fprintf(&s, " %d", a.id)
	}
	a := n.attr
	fmt.Fprintf(&s, "|%s %v %t %v %v %d %v %v", a.name, a.axes, a.keep, a.nums, a.ints, a.dtype, a.shape, a.binds)
	fmt.Fprintf(&s, " %v %v", a.reads, a.dims)
	if a.value != nil {
		s.WriteString(" " + contents(a.value))
	}
	if a.foreign != nil { // no two are one
		fmt.Fprintf(&s, " %p", a.foreign)
	}
	if a.loop != nil { // no two are one
		fmt.Fprintf(&s, " %p", a.loop)
	}
	return s.String()
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
