package graft_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
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

// TestOpset: what stays as it is must mean the same at the opset that is asked for, in
// bodies too. What changed at opset 18 is written as it is there.
func TestOpset(t *testing.T) {
	mean := node("ReduceMean", "x", "y", attr("axes", []int64{1}))
	branch := &ir.Graph{Name: "branch", Nodes: []ir.Node{node("ReduceMean", "x", "b", attr("axes", []int64{1}))}, Outputs: []ir.Port{{Name: "b", DType: tensor.Float64}}}
	s := sample{name: "mean", inputs: []input{in("x", "N,3", 2, 3)}, nodes: []ir.Node{
		node("IsNaN", "c", "flag"), node("If", "flag", "z", attr("then_branch", branch), attr("else_branch", branch)), mean}}
	s.inputs = append(s.inputs, in("c", ""))
	s.nodes = append(s.nodes, node("Add", "z y", "out"))
	refused(t, s.model(), graft.GradOptions{Opset: 18, Wrt: []string{"c"}},
		"If -> z: it is written otherwise at opset 18 than at 17: convert the model first, in Python with onnx.version_converter.convert_version(model, 18)")
	made, err := graft.Grad(s.model(), graft.GradOptions{Opset: 14, Wrt: []string{"c"}})
	if err != nil || made.Opset != 14 || made.IRVersion != 7 {
		t.Errorf("got %v, error %v", made, err)
	}
	for _, nodes := range [][]ir.Node{{mean}, {node("Split", "x", "a b", attr("axis", int64(1))), node("Mul", "a b", "y")}} {
		s := sample{name: "raised", inputs: []input{in("x", "N,4", 2, 4)}, nodes: nodes}
		made, err := graft.Grad(s.model(), graft.GradOptions{Opset: 20})
		if err == nil {
			err = export.CheckForeign(made)
		}
		if err != nil {
			t.Errorf("%v: %v", nodes[0], err)
		}
		s.ort = true
		s.engine(t, made)
	}
}
