package export_test

import (
	"math"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// The models below are what testdata/make.py writes as own_*.onnx, with the
// attributes left out that have their default.

func port(name string, dtype tensor.DType, dims ...any) ir.Port {
	return ir.Port{Name: name, DType: dtype, Shape: tensor.Of(dims...)}
}

func floats(name string, dims []int64, values ...float64) ir.Initializer {
	return ir.Initializer{Name: name, Tensor: tensor.FromFloats(tensor.Float32, dims, values)}
}

func ints(name string, dims []int64, values ...int64) ir.Initializer {
	return ir.Initializer{Name: name, Tensor: tensor.FromInts(tensor.Int64, dims, values)}
}

func list(names ...string) []string { return names }

func attrs(pairs ...any) []ir.Attribute {
	var out []ir.Attribute
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, ir.Attribute{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return out
}

func model(irVersion, opset int64, g *ir.Graph) *ir.Model {
	g.Name = "g"
	return &ir.Model{IRVersion: irVersion, Opset: opset, Producer: "lossgen", ProducerVersion: "1.0", Graph: g}
}

func opsetModel(irVersion, opset int64) *ir.Model {
	mean := ir.Node{Op: "ReduceMean", Inputs: list("picked"), Outputs: list("loss"), Attributes: attrs("keepdims", int64(0), "axes", []int64{0})}
	inits := []ir.Initializer{ints("axes", []int64{1}, 1)}
	if opset >= 18 {
		mean = ir.Node{Op: "ReduceMean", Inputs: list("picked", "zero"), Outputs: list("loss"), Attributes: attrs("keepdims", int64(0))}
		inits = append(inits, ints("zero", []int64{1}, 0))
	}
	m := model(irVersion, opset, &ir.Graph{
		Doc:          "mean(softmax(input) * target)",
		Inputs:       []ir.Port{port("input", tensor.Float32, "N", "C"), port("target", tensor.Int64, "N", "C")},
		Outputs:      []ir.Port{port("loss", tensor.Float32)},
		Initializers: inits,
		Nodes: []ir.Node{
			{Op: "Shape", Inputs: list("input"), Outputs: list("size")},
			{Op: "Reshape", Inputs: list("input", "size"), Outputs: list("x")},
			{Op: "Softmax", Inputs: list("x"), Outputs: list("p")},
			{Op: "Cast", Inputs: list("target"), Outputs: list("t"), Attributes: attrs("to", int64(tensor.Float32))},
			{Op: "Mul", Inputs: list("p", "t"), Outputs: list("pt")},
			{Op: "ReduceSum", Inputs: list("pt", "axes"), Outputs: list("picked"), Attributes: attrs("keepdims", int64(0))},
			mean,
		},
	})
	m.Metadata = []ir.Prop{{Key: "lossgen.loss", Value: "demo"}, {Key: "lossgen.options", Value: `{"reduction":"mean"}`}}
	return m
}

func valuesModel() *ir.Model {
	to := attrs("to", int64(tensor.Float32))
	two := []int64{2}
	return model(8, 17, &ir.Graph{
		Inputs: []ir.Port{port("input", tensor.Float32, 2, 0), port("pair", tensor.Float32, "N", 1)},
		Outputs: []ir.Port{port("loss", tensor.Float32, 2, 0), port("other", tensor.Float32, 2), port("ints", tensor.Int64, 2),
			port("scattered", tensor.Float32, 1), port("clipped", tensor.Float32, 1, "N")},
		Initializers: []ir.Initializer{
			{Name: "mask", Tensor: tensor.FromInts(tensor.Bool, []int64{2, 1}, []int64{1, 0})},
			floats("f32", []int64{2, 1}, 1, math.Copysign(0, -1)),
			{Name: "f64", Tensor: tensor.FromFloats(tensor.Float64, two, []float64{0.1, 2})},
			{Name: "i32", Tensor: tensor.FromInts(tensor.Int32, two, []int64{-1, 7})},
			{Name: "half", Tensor: tensor.FromFloats(tensor.Float16, two, []float64{1.5, -2})},
			{Name: "brain", Tensor: tensor.FromFloats(tensor.BFloat16, two, []float64{1.5, -2})},
			ints("none", []int64{0}),
			floats("empty", []int64{0}),
			floats("limit", nil, 9),
		},
		Nodes: []ir.Node{
			{Op: "Where", Inputs: list("mask", "f32", "input"), Outputs: list("w")},
			{Op: "Constant", Outputs: list("three"), Attributes: attrs("value", tensor.FromFloats(tensor.Float32, nil, []float64{3}))},
			{Op: "HardSigmoid", Inputs: list("w"), Outputs: list("hs"), Attributes: attrs("alpha", float32(0.25))},
			{Op: "Mul", Inputs: list("hs", "three"), Outputs: list("loss")},
			{Op: "Cast", Inputs: list("f64"), Outputs: list("f64c"), Attributes: to},
			{Op: "Cast", Inputs: list("i32"), Outputs: list("i32c"), Attributes: to},
			{Op: "Cast", Inputs: list("half"), Outputs: list("halfc"), Attributes: to},
			{Op: "Cast", Inputs: list("brain"), Outputs: list("brainc"), Attributes: to},
			{Op: "Max", Inputs: list("f64c", "i32c", "halfc", "brainc"), Outputs: list("other")},
			{Op: "Constant", Outputs: list("ints"), Attributes: attrs("value_ints", []int64{1, -1})},
			{Op: "Constant", Outputs: list("floats"), Attributes: attrs("value_floats", []float32{0.5})},
			{Op: "ScatterElements", Inputs: list("floats", "none", "empty"), Outputs: list("scattered")},
			{Op: "Transpose", Inputs: list("pair"), Outputs: list("turned"), Attributes: attrs("perm", []int64{1, 0})},
			{Op: "Clip", Inputs: list("turned", "", "limit"), Outputs: list("clipped")},
		},
	})
}

func scanModel() *ir.Model {
	row := func(name string) ir.Port { return port(name, tensor.Float32, "C") }
	body := &ir.Graph{
		Name:    "body",
		Inputs:  []ir.Port{row("state"), row("row")},
		Outputs: []ir.Port{row("next"), row("step")},
		Nodes: []ir.Node{
			{Op: "Mul", Inputs: list("row", "scale"), Outputs: list("scaled")},
			{Op: "Add", Inputs: list("state", "scaled"), Outputs: list("next")},
			{Op: "Identity", Inputs: list("next"), Outputs: list("step")},
		},
	}
	return model(8, 17, &ir.Graph{
		Inputs:       []ir.Port{row("start"), port("input", tensor.Float32, "T", "C")},
		Outputs:      []ir.Port{row("loss"), port("steps", tensor.Float32, "T", "C")},
		Initializers: []ir.Initializer{floats("scale", nil, 2)},
		Nodes: []ir.Node{{Op: "Scan", Inputs: list("start", "input"), Outputs: list("loss", "steps"),
			Attributes: attrs("num_scan_inputs", int64(1), "body", body)}},
	})
}

// ownModels are the models by the name of their file.
func ownModels() map[string]*ir.Model {
	return map[string]*ir.Model{
		"own_opset13": opsetModel(7, 13), "own_opset17": opsetModel(8, 17), "own_opset28": opsetModel(14, 28),
		"own_values": valuesModel(), "own_scan": scanModel(),
	}
}
