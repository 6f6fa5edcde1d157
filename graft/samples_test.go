package graft_test

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// samples has every operator that gradients pass through.
func samples() []sample {
	return slices.Concat(elementwise(), activations(), matrices(), moves(), rearrangements(), indexed(), reductions(), normalizations(), attentions(), labelled())
}

// alone is a sample of one operator on an input.
func alone(op string, i input, attrs ...ir.Attribute) sample {
	return sample{name: op, nodes: []ir.Node{node(op, i.name, "y", attrs...)}, inputs: []input{i}}
}

// onRuntime is a sample that the reference engine knows not all of.
func onRuntime(s sample) sample {
	s.ort = true
	return s
}

func elementwise() []sample {
	var list []sample
	for _, op := range words("Neg Abs Exp Tanh Sin Cos Relu Identity Sigmoid Round Sign") {
		list = append(list, alone(op, in("x", "N,3", 4, 3)))
	}
	for _, op := range words("Floor Ceil") {
		list = append(list, onRuntime(alone(op, in("x", "N,3", 4, 3))))
	}
	for _, op := range words("Log Sqrt Reciprocal") {
		list = append(list, alone(op, in("x", "N,3", 4, 3).within(0.3, 2)))
	}
	for _, op := range words("Add Sub Mul Max Min Sum Mean") {
		list = append(list, sample{ort: op == "Sum", single: op == "Mean", name: op, nodes: []ir.Node{node(op, "x z", "y")}, inputs: []input{in("x", "N,3", 4, 3), in("z", "2,1,3", 2, 1, 3)}})
	}
	list = append(list,
		sample{name: "Erf", nodes: []ir.Node{node("Erf", "x", "y")}, inputs: []input{in("x", "N,3", 4, 3)}, single: true},
		sample{name: "Div", nodes: []ir.Node{node("Div", "x z", "y")}, inputs: []input{in("x", "N,3", 4, 3), in("z", "3", 3).within(0.5, 2)}},
		sample{name: "Mean of three", single: true, nodes: []ir.Node{node("Mean", "x z x", "y")}, inputs: []input{in("x", "N,3", 4, 3), in("z", "3", 3)}},
		sample{name: "Clip", nodes: []ir.Node{node("Clip", "x lo hi", "y")}, inputs: []input{in("x", "N,3", 4, 3)}, consts: scalars("lo", -1, "hi", 0.5)},
		sample{name: "Clip above", nodes: []ir.Node{node("Clip", "x - hi", "y")}, inputs: []input{in("x", "N,3", 4, 3)}, consts: scalars("hi", 0.5)},
		sample{name: "Pow 2", nodes: []ir.Node{node("Pow", "x p", "y")}, inputs: []input{in("x", "N,3", 4, 3)}, consts: scalars("p", 2)},
		sample{name: "Pow -1.5", nodes: []ir.Node{node("Pow", "x p", "y")}, inputs: []input{in("x", "N,3", 4, 3).within(0.5, 2)}, consts: scalars("p", -1.5)},
		sample{name: "Pow 0", nodes: []ir.Node{node("Pow", "x p", "y")}, inputs: []input{in("x", "N,3", 4, 3)}, consts: scalars("p", 0)},
		sample{name: "Pow of two", nodes: []ir.Node{node("Pow", "x p", "y")}, inputs: []input{in("x", "N,3", 4, 3).within(0.5, 2), in("p", "3", 3)}},
		sample{name: "Where", nodes: []ir.Node{node("Greater", "x z", "c"), node("Where", "c x w", "y")},
			inputs: []input{in("x", "N,3", 4, 3), in("z", "N,1", 4, 1), in("w", "1", 1)}},
		sample{name: "Cast", nodes: []ir.Node{node("Cast", "x", "s", attr("to", int64(tensor.Float32))), node("CastLike", "s x", "d"), node("Mul", "d x", "y")},
			inputs: []input{in("x", "N,3", 4, 3)}, single: true},
	)
	return list
}

// scalars returns constants of rank 0, from names and numbers in turn.
func scalars(pairs ...any) map[string]*tensor.Tensor {
	all := map[string]*tensor.Tensor{}
	for i := 0; i < len(pairs); i += 2 {
		value, ok := pairs[i+1].(float64)
		if !ok {
			value = float64(pairs[i+1].(int))
		}
		all[pairs[i].(string)] = tensor.FromFloats(tensor.Float64, nil, []float64{value})
	}
	return all
}

func matrices() []sample {
	gemm := func(name string, a, b input, attrs ...ir.Attribute) sample {
		return sample{name: name, nodes: []ir.Node{node("Gemm", "a b c", "y", attrs...)}, inputs: []input{a, b, in("c", "5", 5)}, ort: true}
	}
	product := func(name string, a, b input) sample {
		return sample{name: name, nodes: []ir.Node{node("MatMul", "a b", "y")}, inputs: []input{a, b}}
	}
	return []sample{
		product("MatMul", in("a", "N,3", 4, 3), in("b", "3,5", 3, 5)), product("MatMul of a stack", in("a", "N,T,3", 2, 4, 3), in("b", "3,5", 3, 5)),
		product("MatMul of stacks", in("a", "N,1,T,3", 2, 1, 4, 3), in("b", "6,3,5", 6, 3, 5)), product("MatMul of vectors", in("a", "3", 3), in("b", "3", 3)),
		product("MatMul with a vector", in("a", "N,T,3", 2, 4, 3), in("b", "3", 3)), product("MatMul of letters", in("a", "N,K", 2, 4), in("b", "M,5", 4, 5)),
		gemm("Gemm", in("a", "N,3", 4, 3), in("b", "3,5", 3, 5)), gemm("Gemm b", in("a", "N,3", 4, 3), in("b", "5,3", 5, 3), attr("transB", int64(1)), attr("alpha", float32(0.5))),
		gemm("Gemm a", in("a", "3,N", 3, 4), in("b", "3,5", 3, 5), attr("transA", int64(1)), attr("beta", float32(2))),
		gemm("Gemm both", in("a", "3,N", 3, 4), in("b", "5,3", 5, 3), attr("transA", int64(1)), attr("transB", int64(1))),
		{name: "Gemm without c", nodes: []ir.Node{node("Gemm", "a b", "y")}, inputs: []input{in("a", "N,3", 4, 3), in("b", "3,5", 3, 5)}},
		alone("Softmax", in("x", "N,3", 4, 3), attr("axis", int64(-1))), alone("Softmax", in("x", "N,3,T", 4, 3, 2), attr("axis", int64(1))),
		alone("LogSoftmax", in("x", "N,3", 4, 3)), alone("LogSoftmax", in("x", "N,3,T", 4, 3, 2), attr("axis", int64(0))),
	}
}

func moves() []sample {
	x := in("x", "N,4,6", 3, 4, 6)
	shaped := func(name, op string, shape *tensor.Tensor, attrs ...ir.Attribute) sample {
		return sample{name: name, nodes: []ir.Node{node(op, "x s", "y", attrs...)}, inputs: []input{x}, consts: map[string]*tensor.Tensor{"s": shape}}
	}
	return []sample{
		shaped("Reshape", "Reshape", ints(-1, 8, 3)), shaped("Reshape 0", "Reshape", ints(0, 24)), shaped("Unsqueeze", "Unsqueeze", ints(0, -1)),
		alone("Flatten", x), alone("Flatten", x, attr("axis", int64(-1))), alone("Transpose", x), alone("Transpose", x, attr("perm", []int64{1, 0, 2})),
		{name: "Squeeze", nodes: []ir.Node{node("Squeeze", "x s", "y")}, inputs: []input{in("x", "N,1,3,1", 2, 1, 3, 1)}, consts: map[string]*tensor.Tensor{"s": ints(1, -1)}},
		{name: "Squeeze all", nodes: []ir.Node{node("Squeeze", "x", "y")}, inputs: []input{in("x", "2,1,3,1", 2, 1, 3, 1)}},
		{name: "computed shape", nodes: []ir.Node{node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n first", "n1"),
			node("Concat", "n1 rest", "to", attr("axis", int64(0))), node("Reshape", "x to", "y")}, inputs: []input{x},
			consts: map[string]*tensor.Tensor{"zero": tensor.FromInts(tensor.Int64, nil, []int64{0}), "first": ints(0), "rest": ints(2, -1)}},
		{name: "Expand", nodes: []ir.Node{node("Shape", "z", "s"), node("Expand", "x s", "y")}, inputs: []input{in("x", "3,1", 3, 1)},
			consts: map[string]*tensor.Tensor{"z": tensor.New(tensor.Float64, 2, 3, 4)}},
		{name: "Concat", nodes: []ir.Node{node("Concat", "x z x", "y", attr("axis", int64(1)))}, inputs: []input{in("x", "N,2", 3, 2), in("z", "N,3", 3, 3)}},
		{name: "Split", nodes: []ir.Node{node("Split", "x s", "a b c", attr("axis", int64(1))), node("Mul", "a c", "y")}, inputs: []input{x},
			consts: map[string]*tensor.Tensor{"s": ints(1, 2, 1)}, ort: true},
		{name: "Split even", nodes: []ir.Node{node("Split", "x", "a b", attr("axis", int64(-1))), node("Mul", "a b", "y")}, inputs: []input{x}, ort: true},
		ranges("Slice", ints(0, 1), ints(2, 100), ints(1, 2), nil), ranges("Slice back", ints(-3, -5), ints(-1, 5), ints(1, -1), nil),
		ranges("Slice steps", ints(1, 5), ints(4, -100), ints(1, 2), ints(2, -2)), ranges("Slice rows", ints(1), ints(1000), ints(0), nil),
		ranges("Slice without axes", ints(0, 1), ints(2, 3), nil, nil),
		{name: "Slice to a size", nodes: []ir.Node{node("Shape", "z", "s"), node("Slice", "s zero one", "n"), node("Slice", "x zero n first", "y")},
			inputs: []input{x}, consts: map[string]*tensor.Tensor{"z": tensor.New(tensor.Float64, 2), "zero": ints(0), "one": ints(1), "first": ints(0)}},
		{name: "Dropout", nodes: []ir.Node{node("Dropout", "x", "y")}, inputs: []input{x}, ort: true},
		{name: "Gather", nodes: []ir.Node{node("Gather", "x i", "y", attr("axis", int64(1)))}, inputs: []input{x},
			consts: map[string]*tensor.Tensor{"i": tensor.FromInts(tensor.Int64, []int64{2, 2}, []int64{1, -1, 0, 1})}},
		{name: "Gather one", nodes: []ir.Node{node("Gather", "x i", "y")}, inputs: []input{x}, consts: map[string]*tensor.Tensor{"i": tensor.FromInts(tensor.Int64, nil, []int64{-1})}},
	}
}

// ranges is a Slice of an open and a known axis.
func ranges(name string, starts, ends, axes, steps *tensor.Tensor) sample {
	s := sample{name: name, nodes: []ir.Node{node("Slice", "x a b", "y")}, inputs: []input{in("x", "N,4,6", 3, 4, 6)}, consts: map[string]*tensor.Tensor{"a": starts, "b": ends}}
	for i, more := range []*tensor.Tensor{axes, steps} {
		if n := string("cd"[i]); more != nil {
			s.consts[n] = more
			s.nodes[0].Inputs = append(s.nodes[0].Inputs, n)
		}
	}
	return s
}

func reductions() []sample {
	x := in("x", "N,4,3", 2, 4, 3)
	sum := func(name string, axes *tensor.Tensor, attrs ...ir.Attribute) sample {
		s := sample{name: name, nodes: []ir.Node{node("ReduceSum", "x", "y", attrs...)}, inputs: []input{x}}
		if axes != nil {
			s.nodes[0].Inputs, s.consts = []string{"x", "a"}, map[string]*tensor.Tensor{"a": axes}
		}
		return s
	}
	list := []sample{
		sum("ReduceSum", ints(1)), sum("ReduceSum two", ints(0, -1), attr("keepdims", int64(0))), sum("ReduceSum all", nil, attr("keepdims", int64(0))),
		sum("ReduceSum nothing", nil, attr("noop_with_empty_axes", int64(1))),
		{name: "LayerNormalization", nodes: []ir.Node{node("LayerNormalization", "x s b", "y")}, inputs: []input{x, in("s", "3", 3), in("b", "3", 3)}, ort: true},
		{name: "LayerNormalization of two axes", nodes: []ir.Node{node("LayerNormalization", "x s", "y", attr("axis", int64(1)))}, inputs: []input{x, in("s", "4,3", 4, 3)}, single: true},
	}
	largest := sum("ReduceSum of the largest axis", nil)
	largest.nodes = []ir.Node{node("Shape", "x", "s"), node("ArgMax", "s", "a", attr("axis", int64(0))), node("ReduceSum", "x a", "y")}
	list = append(list, largest)
	for _, op := range words("ReduceMean ReduceMax ReduceMin ReduceProd ReduceL2 ReduceLogSumExp") {
		list = append(list, alone(op, x, attr("axes", []int64{-2})), alone(op, x, attr("axes", []int64{0, 2}), attr("keepdims", int64(0))), alone(op, x))
	}
	for _, op := range words("ReduceL1 ReduceSumSquare ReduceLogSum") {
		list = append(list, onRuntime(alone(op, x.within(0.2, 1), attr("axes", []int64{-1}))))
	}
	zeros := sample{name: "ReduceProd of zeros", nodes: []ir.Node{node("Mul", "x z", "t"), node("ReduceProd", "t", "y", attr("axes", []int64{1}))}, inputs: []input{in("x", "4,3", 4, 3)},
		consts: map[string]*tensor.Tensor{"z": tensor.FromFloats(tensor.Float64, []int64{4, 3}, []float64{1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0})}}
	return append(list, zeros)
}
