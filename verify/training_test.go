package verify_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/train"
	"github.com/lossgen/lossgen/verify"
)

func foreign(t *testing.T, path string) *ir.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := export.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// stepping is the training graph of a model.
func stepping(t *testing.T, name string, o train.Options) *train.Result {
	t.Helper()
	m, err := train.Read(foreign(t, "../train/testdata/"+name+".onnx"), train.NormTrain)
	if err != nil {
		t.Fatal(err)
	}
	o.Loss = losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}
	made, err := m.Attach(o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func judged(t *testing.T, m *ir.Model, values []ir.Initializer) *verify.Report {
	t.Helper()
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	engines := []verify.Engine{{Backend: reference.Backend{}}}
	if _, err := (ort.Backend{}).Load(); err == nil {
		engines = append(engines, verify.Engine{Backend: ort.Backend{}})
	}
	return verify.File(context.Background(), data, engines, verify.Options{Catalog: all.Losses(), Values: values})
}

func text(t *testing.T, r *verify.Report) string {
	t.Helper()
	var s strings.Builder
	if err := r.WriteText(&s); err != nil {
		t.Fatal(err)
	}
	return s.String()
}

// trainingModes are the forms of training files.
func trainingModes(t *testing.T) map[string]train.Options {
	out := map[string]train.Options{"accumulated": {Accumulate: true}}
	for _, rule := range []string{"none", "sgd,weight_decay=0.1", "momentum,weight_decay=0.1", "nesterov,weight_decay=0.1", "adam,weight_decay=0.1", "adamw"} {
		o, err := train.ParseOptimizer(rule)
		if err != nil {
			t.Fatal(err)
		}
		out[rule] = train.Options{Optimizer: o}
		out[rule+" clipped"] = train.Options{Optimizer: o, ClipNorm: 0.01}
		if rule != "none" {
			out[rule+" accumulated"] = train.Options{Optimizer: o, Accumulate: true}
		}
	}
	return out
}

// TestTrainingFiles: what attach and grad write is right, by slopes of each gradient.
func TestTrainingFiles(t *testing.T) {
	for name, want := range map[string]int{"mlp": 4, "conv": 8, "drop": 4} {
		for mode, o := range trainingModes(t) {
			if name != "mlp" && mode != "none" && !strings.HasPrefix(mode, "adam,") {
				continue
			}
			made := stepping(t, name, o)
			for _, values := range [][]ir.Initializer{made.Values, nil} {
				r := judged(t, made.Model, values)
				if !r.Passed() || r.Checks[1].Cases+r.Checks[1].Skipped != want || r.Checks[1].Cases == 0 {
					t.Errorf("%s %s: %s", name, mode, text(t, r))
				}
			}
		}
	}
	made, err := graft.Grad(foreign(t, "../graft/testdata/dice.onnx"), graft.GradOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r := judged(t, made, nil); !r.Passed() || r.Checks[1].Cases == 0 {
		t.Errorf("dice: %s", text(t, r))
	}
	perceptron := foreign(t, "../train/testdata/mlp.onnx") // with an input grad_output
	if made, err = graft.Grad(perceptron, graft.GradOptions{Wrt: []string{"x", "fc.weight"}}); err != nil {
		t.Fatal(err)
	}
	if r := judged(t, made, nil); !r.Passed() || r.Checks[1].Cases != 2 {
		t.Errorf("mlp: %s", text(t, r))
	}
}

// TestTrainingFilesWrong: a gradient that is off in one place fails, in each form of file.
func TestTrainingFilesWrong(t *testing.T) {
	for mode, o := range trainingModes(t) {
		made := stepping(t, "mlp", o)
		var changed int
		for i, n := range made.Model.Graph.Nodes {
			if n.Op == "Tanh" { // its result is also what its gradient is made of
				g := made.Model.Graph
				wrong := ir.Initializer{Name: "wrong", Tensor: tensor.FromFloats(tensor.Float32, nil, []float64{1.01})}
				g.Initializers = append(g.Initializers, wrong)
				for k := i + 1; k < len(g.Nodes); k++ {
					if g.Nodes[k].Op == "Mul" && g.Nodes[k].Inputs[0] == n.Outputs[0] {
						g.Nodes[k].Inputs = []string{n.Outputs[0], "wrong"}
						changed++
					}
				}
			}
		}
		if changed == 0 {
			t.Fatal("the gradient of Tanh has another form")
		}
		if r := judged(t, made.Model, made.Values); r.Passed() || !strings.Contains(text(t, r), "its slope is") {
			t.Errorf("%s: %s", mode, text(t, r))
		}
	}
}

// TestTrainingFilesUnchecked: what the reference engine cannot run says so.
func TestTrainingFilesUnchecked(t *testing.T) {
	made := stepping(t, "mlp", train.Options{})
	for i, n := range made.Model.Graph.Nodes {
		if n.Op == "Tanh" {
			made.Model.Graph.Nodes[i].Op = "Celu"
		}
	}
	r := judged(t, made.Model, made.Values)
	if !strings.Contains(text(t, r), "no gradient is checked") || r.Checks[1].Skipped != 1 {
		t.Error(text(t, r))
	}
	for key, want := range map[string]string{train.StepKey: "its optimizer: there is no", graft.OfKey: "it has no output"} {
		made := stepping(t, "mlp", train.Options{})
		made.Model.Metadata = []ir.Prop{{Key: key, Value: "abacus"}}
		if r := judged(t, made.Model, nil); r.Passed() || !strings.Contains(text(t, r), want) {
			t.Error(text(t, r))
		}
	}
}
