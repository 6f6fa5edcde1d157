package builder

import (
	"maps"

	"github.com/lossgen/lossgen/builder/tensor"
)

// op is one row of the operator table: all that the package knows of an
// operation.
type op struct {
	code string
	doc  string
	// infer returns the dtype and shape of the result, or fails.
	infer func(*call) (tensor.DType, tensor.Shape)
	// vjp returns the gradient of each argument, given the gradient dy of the
	// result y; a zero Value means that no gradient flows there. dy may be
	// smaller than y (rank 0, or size 1 along some axes) when it broadcasts to
	// y's shape, and so may the result. nil: not differentiable.
	vjp func(y, dy Value) []Value
	// flow is the number of leading operands that gradients flow to, all when 0;
	// operands beyond only give sizes. noFlow: none.
	flow int
	// elementwise: y has the broadcast shape of its arguments, and the driver
	// sums each gradient back to its argument's shape.
	elementwise bool
	// resizes: the result's sizes are computed as the graph runs.
	resizes bool
	// lower writes the ONNX nodes of v and returns the name of the result.
	lower func(e *emitter, v Value, in []string) string
}

const noFlow = -1

// call is what infer sees.
type call struct {
	b    *B
	op   *op
	args []Value
	attr attr
}

func (c *call) failf(format string, a ...any) { fail(c.op.code, c.args, format, a...) }

// operators returns the operator table. Build asks for it; nothing else names
// it, so rules may call any method without an initialization cycle.
func operators() map[string]*op {
	table := map[string]*op{}
	for _, family := range []map[string]*op{
		inputOps(), arithOps(), unaryOps(), compareOps(), reduceOps(), shapeOps(), indexOps(), scatterOps(), orderOps(), nnOps(), windowOps(), scanOps(), convOps(), poolOps(), layerOps(), resizeOps(), recurrentOps(), nodeOps(),
	} {
		for code, o := range family {
			o.code = code
		}
		maps.Copy(table, family)
	}
	return table
}

// sameFloat: one floating operand, the result has its type and shape.
func sameFloat(c *call) (tensor.DType, tensor.Shape) {
	x := c.args[0]
	if !x.dtype.IsFloat() {
		c.failf("needs a floating-point operand, got %v", x)
	}
	return x.dtype, x.shape
}

// sameType: the result has the type and shape of the first operand.
func sameType(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.args[0].shape }

// broadcast: operands of one dtype, broadcast against each other.
func broadcast(c *call) (tensor.DType, tensor.Shape) {
	dtype, shape := c.args[0].dtype, c.args[0].shape
	for _, v := range c.args[1:] {
		if v.dtype != dtype {
			c.failf("operands have different dtypes: %v and %v", c.args[0], v)
		}
		s, err := tensor.Broadcast(shape, v.shape)
		if err != nil {
			c.failf("%v", err)
		}
		shape = s
	}
	if dtype == tensor.Bool {
		c.failf("needs numbers, got bool")
	}
	return dtype, shape
}

// compare: as broadcast, with a bool result.
func compare(c *call) (tensor.DType, tensor.Shape) {
	_, shape := broadcast(c)
	return tensor.Bool, shape
}

// logical: bool operands, broadcast.
func logical(c *call) (tensor.DType, tensor.Shape) {
	shape := c.args[0].shape
	for _, v := range c.args {
		if v.dtype != tensor.Bool {
			c.failf("needs bool operands, got %v", v)
		}
		s, err := tensor.Broadcast(shape, v.shape)
		if err != nil {
			c.failf("%v", err)
		}
		shape = s
	}
	return tensor.Bool, shape
}

// direct lowers to one node of the ONNX operator that has the same operands.
func direct(onnx string) func(*emitter, Value, []string) string {
	return func(e *emitter, _ Value, in []string) string { return e.node(onnx, in) }
}

// alias lowers to the name of the first operand.
func alias(_ *emitter, _ Value, in []string) string { return in[0] }

// vs lists the gradients of a rule.
func vs(values ...Value) []Value { return values }
