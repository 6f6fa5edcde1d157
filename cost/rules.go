package cost

import (
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// rule returns the outputs of a node.
type rule func(c *call) ([]*value, error)

// rules are the operators whose sizes are known. Those of Scan are in scan.go.
var rules = map[string]rule{
	"Abs": unary(func(x int64) int64 { return max(x, -x) }), "Neg": unary(func(x int64) int64 { return -x }),
	"Identity": unary(func(x int64) int64 { return x }), "Not": unary(func(x int64) int64 { return 1 - x }),
	"Atan": same, "Clip": same, "Cos": same, "CumSum": same, "Exp": same, "HardSigmoid": same, "Log": same, "LogSoftmax": same,
	"Reciprocal": same, "Relu": same, "Sigmoid": same, "Sign": same, "Sin": same, "Softmax": same, "Softplus": same, "Sqrt": same,
	"Tanh": same, "ThresholdedRelu": same, "ScatterElements": same, "IsInf": flags, "IsNaN": flags, "Cast": cast,
	"Add": zip(add), "Sub": zip(sub), "Mul": zip(mul), "Div": zip(div), "Mod": zip(nil), "Pow": zip(nil),
	"Max": zip(func(x []int64) int64 { return slices.Max(x) }), "Min": zip(func(x []int64) int64 { return slices.Min(x) }),
	"Equal":   compare(func(x, y int64) bool { return x == y }),
	"Less":    compare(func(x, y int64) bool { return x < y }),
	"Greater": compare(func(x, y int64) bool { return x > y }), "LessOrEqual": compare(func(x, y int64) bool { return x <= y }),
	"GreaterOrEqual": compare(func(x, y int64) bool { return x >= y }), "And": compare(func(x, y int64) bool { return x*y != 0 }),
	"Or": compare(func(x, y int64) bool { return x+y != 0 }), "Xor": compare(func(x, y int64) bool { return x != y }),
	"Where": where, "ReduceSum": reduce, "ReduceMax": reduce, "ReduceMin": reduce, "ReduceMean": reduce, "ReduceProd": reduce,
	"ReduceL2": reduce, "ReduceLogSumExp": reduce, "ArgMax": extreme, "ArgMin": extreme,
	"Shape": shape, "Size": size, "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
	"Transpose": transpose, "Expand": expand, "Concat": concat, "Slice": slice, "Gather": gather, "GatherElements": gatherElements,
	"GatherND": gatherND, "Range": span, "Constant": constantNode, "ConstantOfShape": constantOfShape, "MatMul": matMul, "Gemm": gemm,
	"TopK": topK, "Compress": compress,
}

func one(dtype tensor.DType, dims []int64) []*value { return []*value{{dtype: dtype, dims: dims}} }

// same is an operator whose result is like its first input.
func same(c *call) ([]*value, error) { return one(c.in[0].dtype, c.in[0].dims), nil }

func flags(c *call) ([]*value, error) { return one(tensor.Bool, c.in[0].dims), nil }

func unary(f func(int64) int64) rule {
	return func(c *call) ([]*value, error) {
		out := one(c.in[0].dtype, c.in[0].dims)
		each(out[0], c.in, func(x []int64) int64 { return f(x[0]) })
		return out, nil
	}
}

func cast(c *call) ([]*value, error) {
	out := one(tensor.DType(c.int("to", 0)), c.in[0].dims)
	switch {
	case out[0].dtype == tensor.Bool:
		each(out[0], c.in, func(x []int64) int64 { return min(1, max(x[0], -x[0])) })
	case !out[0].dtype.IsFloat():
		each(out[0], c.in, func(x []int64) int64 { return x[0] })
	}
	return out, nil
}

func add(x []int64) int64 { return x[0] + x[1] }
func sub(x []int64) int64 { return x[0] - x[1] }
func mul(x []int64) int64 { return x[0] * x[1] }

func div(x []int64) int64 {
	if x[1] == 0 {
		return 0 // ends the run
	}
	return x[0] / x[1]
}

// zip is an elementwise operator with broadcast. f computes integers, if any.
func zip(f func([]int64) int64) rule {
	return func(c *call) ([]*value, error) {
		dims, err := broadcast(c.in...)
		out := one(c.in[0].dtype, dims)
		if err == nil && f != nil {
			each(out[0], c.in, f)
		}
		return out, err
	}
}

func compare(f func(x, y int64) bool) rule {
	return func(c *call) ([]*value, error) {
		out, err := zip(func(x []int64) int64 {
			if f(x[0], x[1]) {
				return 1
			}
			return 0
		})(c)
		out[0].dtype = tensor.Bool
		return out, err
	}
}

func where(c *call) ([]*value, error) {
	dims, err := broadcast(c.in...)
	out := one(c.in[1].dtype, dims)
	if err == nil {
		each(out[0], c.in, func(x []int64) int64 { return x[2-min(x[0], 1)] })
	}
	return out, err
}

// without returns dims with the axes removed, or 1 where keep.
func without(dims, axes []int64, keep bool) []int64 {
	out := []int64{}
	for i, n := range dims {
		switch {
		case !slices.Contains(axes, int64(i)):
			out = append(out, n)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

func reduce(c *call) ([]*value, error) {
	x := c.in[0]
	axes, err := c.axes(1, len(x.dims))
	if len(axes) == 0 {
		if c.int("noop_with_empty_axes", 0) != 0 {
			return one(x.dtype, x.dims), err
		}
		for i := range x.dims {
			axes = append(axes, int64(i))
		}
	}
	return one(x.dtype, without(x.dims, axes, c.int("keepdims", 1) != 0)), err
}

// extreme is ArgMax or ArgMin. Of known integers, as the sizes of a tensor are,
// it finds the axis that is summed first.
func extreme(c *call) ([]*value, error) {
	x := c.in[0]
	axis := c.axis(0, len(x.dims))
	out := one(tensor.Int64, without(x.dims, []int64{int64(axis)}, c.int("keepdims", 1) != 0))
	if x.ints == nil || len(x.dims) != 1 || len(x.ints) == 0 {
		return out, nil
	}
	best, last := 0, c.int("select_last_index", 0) != 0
	for i, n := range x.ints {
		better := n > x.ints[best]
		if c.node.Op == "ArgMin" {
			better = n < x.ints[best]
		}
		if better || last && n == x.ints[best] {
			best = i
		}
	}
	out[0].ints = []int64{int64(best)}
	return out, nil
}
