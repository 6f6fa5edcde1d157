package graft_test

import (
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has samples of the less common operators.

// inSingle is a sample that no engine knows in float64.
func inSingle(s sample) sample {
	s.single = true
	return s
}

// at is a sample of another opset.
func at(opset int64, s sample) sample {
	s.opset = opset
	return s
}

func activations() []sample {
	x := in("x", "N,3", 4, 3)
	var list []sample
	for _, op := range words("Softplus Softsign Selu Celu ThresholdedRelu Shrink Asinh Sinh Cosh Tan Atan") {
		list = append(list, inSingle(alone(op, x.within(-1.4, 1.4))))
	}
	for _, op := range words("Asin Acos Atanh") {
		list = append(list, inSingle(alone(op, x.within(-0.8, 0.8))))
	}
	return append(list,
		inSingle(alone("Acosh", x.within(1.2, 3))), inSingle(at(22, alone("Mish", x))), inSingle(at(24, alone("Swish", x, attr("alpha", float32(1.5))))),
		inSingle(at(20, alone("Gelu", x))), inSingle(at(20, alone("Gelu", x, attr("approximate", "tanh")))),
		inSingle(alone("Celu", x, attr("alpha", float32(0.5)))), inSingle(alone("Shrink", x, attr("bias", float32(0.2)), attr("lambd", float32(0.3)))),
		inSingle(sample{name: "PRelu", nodes: []ir.Node{node("PRelu", "x a", "y")}, inputs: []input{in("x", "N,3,T", 4, 3, 2), in("a", "3,1", 3, 1)}}),
		onRuntime(sample{name: "Mod", nodes: []ir.Node{node("Mod", "x z", "y", attr("fmod", int64(1)))}, inputs: []input{x, in("z", "3", 3).within(0.5, 0.9)}}),
	)
}

func rearrangements() []sample {
	blocks := in("x", "N,8,H,W", 2, 8, 3, 2)
	return []sample{
		{name: "Tile", nodes: []ir.Node{node("Tile", "x r", "y")}, inputs: []input{in("x", "N,3", 2, 3)}, consts: map[string]*tensor.Tensor{"r": ints(2, 3)}, ort: true},
		onRuntime(alone("DepthToSpace", blocks, attr("blocksize", int64(2)))), onRuntime(alone("DepthToSpace", blocks, attr("blocksize", int64(2)), attr("mode", "CRD"))),
		inSingle(alone("SpaceToDepth", in("x", "N,3,H,6", 2, 3, 4, 6), attr("blocksize", int64(2)))),
		onRuntime(alone("Trilu", in("x", "N,3,4", 2, 3, 4))),
		{name: "Trilu below", nodes: []ir.Node{node("Trilu", "x k", "y", attr("upper", int64(0)))}, inputs: []input{in("x", "N,3,4", 2, 3, 4)}, ort: true,
			consts: map[string]*tensor.Tensor{"k": tensor.FromInts(tensor.Int64, nil, []int64{1})}},
		equation("nij, njk -> nik", in("a", "N,2,3", 2, 2, 3), in("b", "N,3,4", 2, 3, 4)), equation("ij,kj", in("a", "N,3", 2, 3), in("b", "4,3", 4, 3)),
		equation("ij,k->i", in("a", "N,3", 2, 3), in("b", "4", 4)), equation("ij->ji", in("a", "N,3", 2, 3)),
		equation("bi,bj,bk->ijk", in("a", "N,2", 3, 2), in("b", "N,3", 3, 3), in("c", "N,2", 3, 2)),
	}
}

func equation(text string, operands ...input) sample {
	n := ir.Node{Op: "Einsum", Outputs: []string{"y"}, Attributes: []ir.Attribute{attr("equation", text)}}
	for _, o := range operands {
		n.Inputs = append(n.Inputs, o.name)
	}
	return sample{name: "Einsum " + text, nodes: []ir.Node{n}, inputs: operands, ort: true}
}

func indexed() []sample {
	x := in("x", "N,4,3", 3, 4, 3)
	numbers := func(dims []int64, values ...int64) map[string]*tensor.Tensor {
		return map[string]*tensor.Tensor{"i": tensor.FromInts(tensor.Int64, dims, values)}
	}
	write := func(op, how string, data, updates input, index map[string]*tensor.Tensor) sample {
		return sample{name: op + " " + how, nodes: []ir.Node{node(op, "x i u", "y", attr("reduction", how))}, inputs: []input{data, updates}, consts: index, ort: true}
	}
	matrix, updates := in("x", "4,3", 4, 3), in("u", "2,2", 2, 2)
	pairs, rows := numbers([]int64{2, 2}, 0, 3, 1, -4), numbers([]int64{2, 1}, 3, -4)
	line := func(flags ...ir.Attribute) sample {
		return sample{name: "CumSum", nodes: []ir.Node{node("CumSum", "x i", "y", flags...)}, inputs: []input{x}, consts: numbers(nil, 1)}
	}
	return []sample{
		{name: "GatherElements", nodes: []ir.Node{node("GatherElements", "x i", "y", attr("axis", int64(1)))}, inputs: []input{in("x", "3,4", 3, 4)}, consts: numbers([]int64{2, 3}, 0, 0, -1, 2, 1, 1)},
		{name: "GatherND", nodes: []ir.Node{node("GatherND", "x i", "y")}, inputs: []input{x}, consts: numbers([]int64{3, 2}, 0, 3, 2, -1, 2, 3), ort: true},
		{name: "GatherND one axis", nodes: []ir.Node{node("GatherND", "x i", "y")}, inputs: []input{x}, consts: numbers([]int64{2, 2, 1}, 0, -1, 1, 1), ort: true},
		{name: "GatherND in a batch", nodes: []ir.Node{node("GatherND", "x i", "y", attr("batch_dims", int64(1)))}, inputs: []input{in("x", "3,4,2", 3, 4, 2)}, consts: numbers([]int64{3, 1}, 0, -1, 2), ort: true},
		write("ScatterElements", "none", matrix, updates, pairs), write("ScatterElements", "add", matrix, updates, numbers([]int64{2, 2}, 1, 1, 1, 1)),
		write("ScatterND", "none", matrix, in("u", "2,3", 2, 3), rows), write("ScatterND", "add", matrix, in("u", "2,3", 2, 3), numbers([]int64{2, 1}, 1, 1)),
		{name: "TopK", nodes: []ir.Node{node("TopK", "x k", "y places", attr("axis", int64(1)))}, inputs: []input{x}, consts: map[string]*tensor.Tensor{"k": ints(2)}, ort: true},
		line(), line(attr("exclusive", int64(1))), line(attr("reverse", int64(1))), line(attr("reverse", int64(1)), attr("exclusive", int64(1))),
		inSingle(alone("GlobalMaxPool", in("x", "N,3,H,W", 2, 3, 4, 2))),
	}
}

func normalizations() []sample {
	x, plane := in("x", "N,4,6", 2, 4, 6), in("x", "N,4,H,W", 2, 4, 3, 2)
	scale, bias := in("s", "4", 4), in("b", "4", 4)
	return []sample{
		inSingle(at(23, sample{name: "RMSNormalization", nodes: []ir.Node{node("RMSNormalization", "x s", "y")}, inputs: []input{x, in("s", "6", 6)}})),
		inSingle(at(21, sample{name: "GroupNormalization", nodes: []ir.Node{node("GroupNormalization", "x s b", "y", attr("num_groups", int64(2)))}, inputs: []input{plane, scale, bias}})),
		onRuntime(alone("LpNormalization", x)), onRuntime(alone("LpNormalization", x, attr("p", int64(1)), attr("axis", int64(1)))),
		inSingle(alone("MeanVarianceNormalization", plane)),
	}
}

func attentions() []sample {
	q, k, v := in("q", "N,4,T,3", 2, 4, 3, 3), in("k", "N,2,S,3", 2, 2, 4, 3), in("v", "N,2,S,2", 2, 2, 4, 2)
	make := func(name, inputs string, more []input, attrs ...ir.Attribute) sample {
		return inSingle(at(23, sample{name: "Attention " + name, nodes: []ir.Node{node("Attention", inputs, "y", attrs...)}, inputs: append([]input{q, k, v}, more...)}))
	}
	mask := make("mask", "q k v m", nil, attr("softcap", float32(2)))
	mask.consts = map[string]*tensor.Tensor{"m": tensor.FromInts(tensor.Bool, []int64{3, 4}, []int64{1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1})}
	flat := inSingle(at(23, sample{name: "Attention flat", nodes: []ir.Node{node("Attention", "q k v", "y", attr("q_num_heads", int64(4)), attr("kv_num_heads", int64(2)))},
		inputs: []input{in("q", "N,T,12", 2, 3, 12), in("k", "N,S,6", 2, 4, 6), in("v", "N,S,4", 2, 4, 4)}}))
	return []sample{
		make("plain", "q k v", nil, attr("scale", float32(0.5))), make("causal", "q k v", nil, attr("is_causal", int64(1))),
		make("bias", "q k v m", []input{in("m", "N,1,T,S", 2, 1, 3, 4)}), mask, flat,
	}
}

func labelled() []sample {
	labels := tensor.FromInts(tensor.Int64, []int64{3, 2}, []int64{0, 1, -100, 2, 1, 1})
	weight := tensor.FromFloats(tensor.Float64, []int64{3}, []float64{0.5, 1, 2})
	var list []sample
	for _, how := range words("none mean sum") {
		for _, op := range words("SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss") {
			n := node(op, "x t w", "y", attr("reduction", how), attr("ignore_index", int64(-100)))
			list = append(list, sample{name: op + " " + how, nodes: []ir.Node{n}, inputs: []input{in("x", "3,3,2", 3, 3, 2)},
				consts: map[string]*tensor.Tensor{"t": labels, "w": weight}, ort: true})
		}
	}
	plain := node("SoftmaxCrossEntropyLoss", "x t", "y")
	return append(list, sample{name: "SoftmaxCrossEntropyLoss plain", nodes: []ir.Node{plain}, inputs: []input{in("x", "2,3", 2, 3)},
		consts: map[string]*tensor.Tensor{"t": ints(2, 0)}, ort: true})
}
