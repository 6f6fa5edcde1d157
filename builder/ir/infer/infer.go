// Package infer finds what is known of every value of an ONNX graph before it
// runs: its element type, its sizes as forms over the letters of the inputs, and
// small integers that are computed from sizes. It runs nothing, and takes memory
// in proportion to the graph, whatever sizes that claims.
package infer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Limits of what is followed.
const (
	MaxRank  = 64      // axes of a value; more are an error
	maxInts  = 64      // elements of a list that is followed: no shape has more
	maxForm  = 200     // bytes of a form's text; a longer one counts as unknown
	maxDepth = 8       // graphs in graphs
	budget   = 1 << 22 // integers followed in a graph, all lists together
	axes     = 1 << 22 // axes of all values together
)

// Type is what is known of a value. The zero Type is that of a value of which
// nothing is known.
type Type struct {
	DType tensor.DType // Undefined where unknown
	// Shape is nil where the rank is unknown. A size that is not known has a letter
	// of its own, as in "size?3", so that it equals itself.
	Shape tensor.Shape
	// Ints are the elements of a short list of integers or truth values, nil where
	// they are not followed. One that is not known is [Unknown].
	Ints []tensor.Dim
	// Const is the tensor itself of a constant.
	Const *tensor.Tensor
}

// String returns "float32[N,?,3]".
func (t Type) String() string {
	dtype := t.DType.String()
	if t.DType == tensor.Undefined {
		dtype = "any"
	}
	if t.Shape == nil {
		return dtype
	}
	parts := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		parts[i] = d.String()
		if IsUnknown(d) {
			parts[i] = "?"
		}
	}
	return dtype + "[" + strings.Join(parts, ",") + "]"
}

// Options say more than the graph does. The zero value is for a graph alone.
type Options struct {
	// Sizes gives numbers to letters, to integers that are inputs or computed from
	// their values, by name, and to masks: how many rows they keep.
	Sizes map[string]int64
	// Largest takes a size that depends on the values of inputs for the largest
	// possible, where there is one.
	Largest bool
}

// Types are those of the values of a graph.
type Types struct {
	// Assumed names the values whose numbers Options.Largest replaced.
	Assumed []string

	outer    *Types
	depth    int
	options  *Options
	left     *allowance
	rows     map[string]*row
	values   map[string]Type
	declared map[string]ir.Port
	bodies   map[*ir.Graph]*Types
}

// allowance is what a graph and those inside may still take.
type allowance struct {
	ints, axes int
	fresh      int
}

// Graph infers the types of all values of a graph. Nodes must stand in dependency
// order. An operator without a row here has results of which nothing is known.
func Graph(g *ir.Graph, o Options) (*Types, error) {
	t := &Types{options: &o, left: &allowance{ints: budget, axes: axes}, rows: rows}
	inputs := make([]Type, len(g.Inputs))
	for i, p := range g.Inputs {
		inputs[i] = t.port(p)
	}
	return t, t.follow(g, inputs)
}

// Of returns the type of a value of this graph, or of one around it.
func (t *Types) Of(name string) (Type, bool) {
	for ; t != nil; t = t.outer {
		if v, ok := t.values[name]; ok {
			return v, true
		}
	}
	return Type{}, false
}

// Body returns the types of a graph in a node's attribute, those of one step, or
// nil where that was not followed.
func (t *Types) Body(g *ir.Graph) *Types {
	if t == nil {
		return nil
	}
	return t.bodies[g]
}

// body follows a graph inside of a node.
func (t *Types) body(g *ir.Graph, inputs []Type) (*Types, error) {
	if t.depth == maxDepth {
		return nil, fmt.Errorf("graphs nest deeper than %d", maxDepth)
	}
	if len(inputs) != len(g.Inputs) {
		return nil, fmt.Errorf("its body has %d inputs, want %d", len(g.Inputs), len(inputs))
	}
	inner := &Types{outer: t, depth: t.depth + 1, options: t.options, left: t.left, rows: t.rows}
	for i, p := range g.Inputs {
		var err error
		if inputs[i], err = inner.merge(inputs[i], inner.port(p)); err != nil {
			return nil, fmt.Errorf("input %s of its body: %w", strconv.Quote(p.Name), err)
		}
	}
	if err := inner.follow(g, inputs); err != nil {
		return nil, fmt.Errorf("in its body: %w", err)
	}
	if t.bodies == nil {
		t.bodies = map[*ir.Graph]*Types{}
	}
	t.bodies[g] = inner
	return inner, nil
}

// follow infers the types of a graph's values from those of its inputs.
func (t *Types) follow(g *ir.Graph, inputs []Type) error {
	t.values, t.declared = make(map[string]Type, len(g.Nodes)), map[string]ir.Port{}
	for _, ports := range [][]ir.Port{g.Values, g.Outputs} {
		for _, p := range ports {
			t.declared[p.Name] = p
		}
	}
	for _, i := range g.Initializers {
		t.values[i.Name] = t.constant(i.Tensor)
	}
	for i, p := range g.Inputs {
		if _, constant := t.values[p.Name]; constant {
			continue // a default of an input, as older files have them
		}
		if err := t.set(p.Name, inputs[i]); err != nil {
			return fmt.Errorf("input %s: %w", strconv.Quote(p.Name), err)
		}
	}
	for i, n := range g.Nodes {
		if err := t.node(n); err != nil {
			return fmt.Errorf("node %d (%v): %w", i, n, err)
		}
	}
	return nil
}

// node infers the types of a node's results.
func (t *Types) node(n ir.Node) error {
	c := &call{node: n, types: t, in: make([]Type, len(n.Inputs))}
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		v, ok := t.Of(name)
		if !ok {
			return fmt.Errorf("its input %s is not defined before it", strconv.Quote(name))
		}
		c.in[i] = v
	}
	var out []Type
	if row, ok := t.rows[n.Op]; ok {
		var err error
		if out, err = row.apply(c); err != nil {
			return err
		}
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		var v Type
		if i < len(out) {
			v = out[i]
		}
		if err := t.result(name, v); err != nil {
			return fmt.Errorf("its result %s: %w", strconv.Quote(name), err)
		}
	}
	return nil
}

// result gives a result its type, with what the file declares of it.
func (t *Types) result(name string, v Type) error {
	if p, ok := t.declared[name]; ok {
		var err error
		if v, err = t.merge(v, t.port(p)); err != nil {
			return err
		}
	}
	return t.set(name, v)
}

// set gives a value its type, and sizes that are not known letters.
func (t *Types) set(name string, v Type) error {
	if len(v.Shape) > MaxRank {
		return fmt.Errorf("it has %d axes, want at most %d", len(v.Shape), MaxRank)
	}
	if t.left.axes -= len(v.Shape); t.left.axes < 0 {
		return fmt.Errorf("the values have more than %d axes together", axes)
	}
	if size, ok := t.options.Sizes[name]; ok && v.isCount() && !allKnown(v.Ints) {
		v.Ints = []tensor.Dim{tensor.D(size)}
	}
	if n, ok := count(v.Shape); !ok || n != int64(len(v.Ints)) || len(v.Ints) > t.left.ints {
		v.Ints = nil
	}
	t.left.ints -= len(v.Ints)
	copied := false
	for i, d := range v.Shape {
		if d.Known() && d.Size < 0 {
			return fmt.Errorf("axis %d has the size %d", i, d.Size)
		}
		if d.Known() || d != Unknown && len(d.Sym) <= maxForm {
			continue
		}
		if !copied {
			v.Shape, copied = append(tensor.Shape{}, v.Shape...), true
		}
		t.left.fresh++
		v.Shape[i] = tensor.Unknown("size", t.left.fresh)
	}
	t.values[name] = v
	return nil
}

// port returns the declared type of an input or result, with numbers for letters
// that have one.
func (t *Types) port(p ir.Port) Type {
	v := Type{DType: p.DType, Shape: p.Shape}
	if p.Shape == nil || len(t.options.Sizes) == 0 {
		return v
	}
	v.Shape = make(tensor.Shape, len(p.Shape))
	for i, d := range p.Shape {
		v.Shape[i] = bind(d, t.options.Sizes)
	}
	return v
}

// merge returns what two sources together say of a value, the first of them
// preferred.
func (t *Types) merge(a, b Type) (Type, error) {
	switch {
	case a.DType == tensor.Undefined:
		a.DType = b.DType
	case b.DType != tensor.Undefined && a.DType != b.DType:
		return a, fmt.Errorf("it is %v, and declared as %v", a, b)
	}
	switch {
	case b.Shape == nil:
		return a, nil
	case a.Shape == nil:
		a.Shape = b.Shape
		return a, nil
	case len(a.Shape) != len(b.Shape):
		return a, fmt.Errorf("it is %v, and declared as %v", a, b)
	}
	merged := a.Shape
	for i, d := range a.Shape {
		both, err := unify(d, b.Shape[i])
		if err != nil {
			return a, fmt.Errorf("it is %v, and declared as %v", a, b)
		}
		if both != d {
			merged = append(append(append(tensor.Shape{}, merged[:i]...), both), merged[i+1:]...)
		}
	}
	a.Shape = merged
	return a, nil
}

// constant is the type of a constant.
func (t *Types) constant(x *tensor.Tensor) Type {
	v := Type{DType: x.DType, Shape: numbers(x.Dims), Const: x}
	n, ok := count(v.Shape)
	if !ok || n > maxInts || x.DType.IsFloat() || x.DType.Size() == 0 || int64(len(x.Data)) != n*int64(x.DType.Size()) {
		return v
	}
	v.Ints = make([]tensor.Dim, n)
	for i := range v.Ints {
		v.Ints[i] = tensor.D(x.Int(i))
	}
	return v
}

// isCount says that a value may be the size of another.
func (t Type) isCount() bool {
	n, ok := count(t.Shape)
	return t.DType == tensor.Int64 && ok && n == 1
}
