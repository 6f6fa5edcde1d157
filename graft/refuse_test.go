package graft_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/graft"
)

// small is a model with an operator that has no rule in three places: on the way of a
// gradient, and beside it.
func small() *ir.Model {
	s := sample{name: "small", inputs: []input{in("x", "N,3", 2, 3), in("z", "N,3", 2, 3)}, nodes: []ir.Node{
		node("Hardmax", "x", "h"), node("Hardmax", "h", "h2"), node("Hardmax", "z", "beside"), node("Det", "m", "d"), node("Mul", "h2 beside", "s"), node("Mul", "s d", "y"),
	}}
	s.inputs = append(s.inputs, in("m", "3,3", 3, 3))
	s.nodes[1].Name = "second"
	return s.model()
}

// TestRefusals: all operators without a rule are named at once, those that no gradient
// passes through are not.
func TestRefusals(t *testing.T) {
	advice := ": take the gradient of an output before them, or only of what does not pass through them"
	refused(t, small(), graft.GradOptions{Wrt: []string{"x", "m"}},
		"there is no rule for the gradient of these 2 operators: Hardmax -> h and 1 more; Det -> d"+advice)
	refused(t, small(), graft.GradOptions{Wrt: []string{"m"}}, "there is no rule for the gradient of this operator: Det -> d"+advice)
	refused(t, small(), graft.GradOptions{Wrt: []string{"q"}}, `the model has no input or initializer "q"`)
	refused(t, small(), graft.GradOptions{Of: "q"}, `the model has no output "q"`)

	old := small()
	old.Opset = 11
	refused(t, old, graft.GradOptions{}, "the model is of opset 11, older than 13: convert it first, in Python with onnx.version_converter.convert_version(model, 17)")
	old.Opset = 99
	refused(t, old, graft.GradOptions{}, "the model is of opset 99: up to 28 are known")

	ranked := small()
	ranked.Graph.Inputs[0].Shape = nil
	refused(t, ranked, graft.GradOptions{}, `input "x" has no rank: export the model with shapes, in which sizes may stay open`)

	two := small()
	two.Graph.Outputs = append(two.Graph.Outputs, ir.Port{Name: "s", DType: tensor.Float64, Shape: tensor.Of("N", 3)})
	refused(t, two, graft.GradOptions{}, `the model has 2 floating-point outputs: name one of "y", "s"`)
}

// TestNames: what the file has gets the name of nothing else.
func TestNames(t *testing.T) {
	s := sample{name: "names", inputs: []input{in("grad_output", "N,3", 2, 3), in("x", "N,3", 2, 3)}, nodes: []ir.Node{node("Mul", "x grad_output", "grad_x")}}
	refused(t, s.model(), graft.GradOptions{}, `grad: the model has a value "grad_output" already`)
	s.inputs[0].name, s.nodes[0].Inputs[1] = "z", "z"
	refused(t, s.model(), graft.GradOptions{}, `grad: the model has a value "grad_x" already`)
}

// TestOpset: an operator that stays as it is must have the same form at the opset that is
// asked for.
func TestOpset(t *testing.T) {
	s := sample{name: "mean", inputs: []input{in("x", "N,3", 2, 3)}, nodes: []ir.Node{node("ReduceMean", "x", "y", attr("axes", []int64{1}))}}
	refused(t, s.model(), graft.GradOptions{Opset: 18},
		"ReduceMean -> y: it is written otherwise at opset 18 than at 17: convert the model first, in Python with onnx.version_converter.convert_version(model, 18)")
	made, err := graft.Grad(s.model(), graft.GradOptions{Opset: 14})
	if err != nil || made.Opset != 14 || made.IRVersion != 7 {
		t.Errorf("got %v, error %v", made, err)
	}
}

// TestLayersRefused: what a layer's gradient is not known for is said with the reason.
func TestLayersRefused(t *testing.T) {
	x, w, r := in("x", "4,N,3", 4, 2, 3), in("w", "1,8,3", 1, 8, 3), in("r", "1,8,2", 1, 8, 2)
	lstm := func(inputs string, attrs ...ir.Attribute) sample {
		return sample{name: "LSTM", nodes: []ir.Node{node("LSTM", inputs, "y", attrs...)}, inputs: []input{x, w, r}}
	}
	withLengths := lstm("x w r - lengths")
	withLengths.consts = map[string]*tensor.Tensor{"lengths": tensor.FromInts(tensor.Int32, []int64{2}, []int64{4, 3})}
	image := in("x", "N,2,H,W", 1, 2, 5, 5)
	window := func(op, inputs string, attrs ...ir.Attribute) sample {
		return sample{name: op, nodes: []ir.Node{node(op, inputs, "y", attrs...)}, inputs: []input{image}}
	}
	strided := window("Conv", "x k", attr("auto_pad", "SAME_UPPER"), attr("strides", []int64{2, 2}))
	strided.consts = map[string]*tensor.Tensor{"k": tensor.New(tensor.Float64, 2, 2, 3, 3)}
	shaped := window("ConvTranspose", "x k", attr("output_shape", []int64{9, 9}))
	shaped.consts = strided.consts
	cropped := window("Resize", "x - s", attr("coordinate_transformation_mode", "tf_crop_and_resize"))
	cropped.inputs, cropped.single = []input{in("x", "N,2,H,W", 1, 2, 5, 5)}, true
	cropped.consts = map[string]*tensor.Tensor{"s": tensor.FromFloats(tensor.Float32, []int64{4}, []float64{1, 1, 2, 2})}
	for _, c := range []struct {
		s    sample
		want string
	}{
		{withLengths, "LSTM -> y: it has lengths of sequences, or peepholes: only layers without have a gradient here"},
		{lstm("x w r", attr("clip", float32(3))), "LSTM -> y: it has the attribute clip: only layers without have a gradient here"},
		{lstm("x w r", attr("layout", int64(1))), "LSTM -> y: layout is 1: only 0 has a gradient here"},
		{lstm("x w r", attr("activations", []string{"Sigmoid", "Relu", "Tanh"})), "LSTM -> y: its activations are [Sigmoid Relu Tanh]: only [Sigmoid Tanh Tanh] have a gradient here"},
		{strided, "Same: the padding of axis 2 depends on the open size H: make it a number, or export with explicit pads"},
		{shaped, "ConvTranspose -> y: its output_shape is [9 9], but axis 2 of its input has the open size H"},
		{cropped, "Resize -> y: coordinate_transformation_mode tf_crop_and_resize has no gradient here"},
	} {
		refused(t, c.s.model(), graft.GradOptions{Wrt: []string{"x"}}, c.want)
	}
}
