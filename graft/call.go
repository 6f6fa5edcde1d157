package graft

import (
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

// call is a node with its operands on the graph.
type call struct {
	*graft
	node ir.Node
	in   []builder.Value // the zero Value for one that is absent
}

func (c *call) failf(format string, a ...any) { builder.Failf(label(c.node), format, a...) }

// has reports whether the i-th input is there.
func (c *call) has(i int) bool { return i < len(c.in) && !c.in[i].IsZero() }

func (c *call) int(name string, def int64) int64 {
	if v, ok := c.node.Attr(name).(int64); ok {
		return v
	}
	return def
}

func (c *call) float(name string, def float32) float64 {
	if v, ok := c.node.Attr(name).(float32); ok {
		def = v
	}
	return float64(def)
}

func (c *call) text(name, def string) string {
	if v, ok := c.node.Attr(name).(string); ok {
		return v
	}
	return def
}

// axis returns the attribute axis, counted from the front of a value.
func (c *call) axis(def int64, rank int) int { return c.wrap(c.int("axis", def), rank) }

func (c *call) wrap(axis int64, rank int) int {
	if axis < -int64(rank) || axis >= int64(rank) {
		c.failf("axis %d does not exist, the rank is %d", axis, rank)
	}
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis)
}

// typeOf is what is known of a name before a run.
func (c *call) typeOf(name string) infer.Type {
	t, _ := c.types.Of(name)
	return t
}

// list returns the integers of the i-th input as forms, nil where they are not known.
func (c *call) list(i int) []tensor.Dim {
	if !c.has(i) {
		return nil
	}
	ints := c.typeOf(c.node.Inputs[i]).Ints
	out := make([]tensor.Dim, len(ints))
	for k, d := range ints {
		if d == infer.Unknown {
			return nil
		}
		out[k] = c.sizes.dim(d)
	}
	if ints == nil {
		return nil
	}
	return out
}

// numbers returns the integers of the i-th input, where all are known.
func (c *call) numbers(i int) (list []int64, ok bool) {
	dims := c.list(i)
	for _, d := range dims {
		if !d.Known() {
			return nil, false
		}
		list = append(list, d.Size)
	}
	return list, dims != nil
}

// constant returns the i-th input where it is a constant, or nil.
func (c *call) constant(i int) *tensor.Tensor {
	if !c.has(i) {
		return nil
	}
	return c.typeOf(c.node.Inputs[i]).Const
}

// scalar returns the one element of the i-th input where that is a constant.
func (c *call) scalar(i int) (float64, bool) {
	if t := c.constant(i); t != nil && t.Len() == 1 {
		return t.Float(0), true
	}
	return 0, false
}

// axes returns the axes of a node from the front, an attribute or the i-th input; given
// is false without either.
func (c *call) axes(i, rank int) (axes []int, given bool) {
	list, given := c.node.Attr("axes").([]int64)
	if c.has(i) {
		var ok bool
		if list, ok = c.numbers(i); !ok {
			c.failf("its axes are not known before a run")
		}
		given = true
	}
	for _, a := range list {
		axes = append(axes, c.wrap(a, rank))
	}
	slices.Sort(axes)
	return axes, given
}

// shape returns the shape of an output, or fails where its rank is not known.
func (c *call) shape(output int) tensor.Shape {
	t := c.typeOf(c.node.Outputs[output])
	if t.Shape == nil {
		c.failf("the rank of its result %q is not known before a run", c.node.Outputs[output])
	}
	return c.sizes.shape(t.Shape)
}

// asItIs returns the outputs of the node itself. What is known before a run is a
// constant.
func (c *call) asItIs() []builder.Value {
	switch {
	case c.node.Op == "Identity":
		return c.in
	case len(c.node.Outputs) == 1:
		if k := c.known(c.node.Outputs[0]); k != nil {
			return []builder.Value{c.b.Constant(k)}
		}
	}
	node, in, from := c.raised()
	if c.opset != from && !export.Keeps(node, from, c.opset) {
		c.failf("it is written otherwise at opset %d than at %d: convert the model first, in Python with onnx.version_converter.convert_version(model, %d)", c.opset, c.model.Opset, c.opset)
	}
	var types []builder.NodeType
	for i, name := range c.node.Outputs {
		if name == "" {
			types = append(types, builder.NodeType{DType: tensor.Float32, Shape: tensor.Shape{}}) // nothing uses it
			continue
		}
		t := builder.NodeType{DType: c.typeOf(name).DType, Shape: c.shape(i)}
		for k, d := range t.Shape {
			if d == infer.Unknown {
				c.failf("size %d of its result %q is not known", k, name)
			}
		}
		types = append(types, t)
	}
	return c.b.Node(node, in, c.outer(), types)
}

// raised returns the node, its inputs and the opset that it is written for. From opset 18
// on reductions have their axes as an input, and a Split says in how many parts.
func (c *call) raised() (n ir.Node, in []builder.Value, opset int64) {
	n, in, opset = c.node, slices.Clone(c.in), c.model.Opset
	axes, _ := n.Attr("axes").([]int64)
	if opset >= 18 || c.opset < 18 {
		return n, in, opset
	}
	switch {
	case strings.HasPrefix(n.Op, "Reduce") && axes != nil:
		n.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a ir.Attribute) bool { return a.Name == "axes" })
		n.Inputs = append(slices.Clone(n.Inputs), "axes")
		in, opset = append(in, c.b.Constant(tensor.FromInts(tensor.Int64, []int64{int64(len(axes))}, axes))), 18
	case n.Op == "Split" && len(in) == 1:
		n.Attributes, opset = append(slices.Clone(n.Attributes), ir.Attribute{Name: "num_outputs", Value: int64(len(n.Outputs))}), 18
	}
	return n, in, opset
}

// known returns the value of a result that is a constant, or short and all known.
func (c *call) known(name string) *tensor.Tensor {
	t := c.typeOf(name)
	if t.Const != nil {
		return t.Const
	}
	if t.Ints == nil || t.DType.IsFloat() || t.DType.Size() == 0 {
		return nil
	}
	var values []int64
	for _, d := range t.Ints {
		if !d.Known() {
			return nil
		}
		values = append(values, d.Size)
	}
	sizes, ok := t.Shape.Known()
	if !ok {
		return nil
	}
	return tensor.FromInts(t.DType, sizes, values)
}

// outer returns the values that the node's bodies take from around them.
func (c *call) outer() map[string]builder.Value {
	values := map[string]builder.Value{}
	for _, name := range captured(c.node) {
		values[name] = c.value(name)
	}
	return values
}

// with returns the node's first output with a rule for the gradient, which gives one
// for each input, the zero Value where none flows. A gradient that is the same for
// all elements of an axis may have size 1 there.
func (c *call) with(rule func(dy builder.Value) []builder.Value) []builder.Value {
	return []builder.Value{c.declare(c.asItIs()[0], rule)}
}

// declare gives a value of the node a rule for its gradient.
func (c *call) declare(y builder.Value, rule func(dy builder.Value) []builder.Value) builder.Value {
	var args []builder.Value
	for _, v := range c.in {
		if !v.IsZero() {
			args = append(args, v)
		}
	}
	return builder.WithGradient(c.node.String(), y, args, func(dy builder.Value) []builder.Value {
		grads := rule(dy)
		out := make([]builder.Value, 0, len(args))
		for i, v := range c.in {
			switch {
			case v.IsZero():
			case i < len(grads):
				out = append(out, grads[i])
			default:
				out = append(out, builder.Value{})
			}
		}
		return out
	})
}

// derived returns the node's first output with the gradient of another expression of
// the same value.
func (c *call) derived(same builder.Value) []builder.Value {
	return one(c.derive(c.asItIs()[0], same))
}

// derive gives a value of the node the gradient of another expression of it.
func (c *call) derive(y, same builder.Value) builder.Value {
	return c.declare(y, func(dy builder.Value) []builder.Value {
		var xs []builder.Value
		for _, v := range c.in {
			if !v.IsZero() && v.DType().IsFloat() {
				xs = append(xs, v)
			}
		}
		grads, out := builder.Grad(same, dy, xs...), make([]builder.Value, len(c.in))
		for i, v := range c.in {
			if k := slices.Index(xs, v); k >= 0 && !v.IsZero() {
				out[i] = grads[k]
				if slices.Index(c.in, v) < i {
					out[i] = builder.Value{} // counted where it stands first
				}
			}
		}
		return out
	})
}

// run returns the first output of an operator that the builder has no method for. No
// gradient flows through it.
func (c *call) run(op string, of builder.Value, inputs []builder.Value, attrs ...ir.Attribute) builder.Value {
	n := ir.Node{Op: op, Outputs: []string{c.node.Outputs[0]}, Attributes: attrs}
	return c.b.Node(n, inputs, nil, []builder.NodeType{{DType: of.DType(), Shape: of.Shape()}})[0]
}

// one is a list of a value alone.
func one(v builder.Value) []builder.Value { return []builder.Value{v} }
