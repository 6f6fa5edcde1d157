package adapters_test

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/adapters"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/safetensors"
)

// trained is a training file whose parameter has a name and a type.
func trained(t *testing.T, stem, name string, dtype tensor.DType, outputs ...string) adapters.Attached {
	t.Helper()
	values, err := safetensors.Marshal([]ir.Initializer{{Name: name, Tensor: tensor.New(dtype, 2, 3)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := ir.Port{Name: "x", DType: tensor.Float32, Shape: tensor.Of("N", 3)}
	w := ir.Port{Name: name, DType: dtype, Shape: tensor.Of(2, 3)}
	g := &ir.Graph{Inputs: []ir.Port{x, w}, Outputs: []ir.Port{{Name: "loss", DType: tensor.Float32}, {Name: "new_" + name, DType: dtype, Shape: w.Shape}}}
	for _, out := range outputs {
		g.Outputs = append(g.Outputs, ir.Port{Name: out, DType: tensor.Float32})
	}
	model := &ir.Model{Graph: g}
	return adapters.Attached{Model: model, Eval: model, File: []byte("a"), EvalFile: []byte("b"), Stem: stem, EvalName: stem + "_eval.onnx", Values: values, Loss: "mse", Optimizer: "sgd"}
}

// TestTrainerNames: names from a model and a path are data in every language, and end
// neither a comment nor a literal.
func TestTrainerNames(t *testing.T) {
	const name = "a\"b\\c\n*/ ''' \"\"\" ??/ ${x} \u2028 #{y}"
	files, err := adapters.WriteTrainers(trained(t, `my "net" */`, name, tensor.Float32), adapters.TrainerNames())
	if err != nil {
		if !strings.Contains(err.Error(), "cannot be embedded by Go") {
			t.Fatal(err)
		}
		others := strings.Split(strings.ReplaceAll(strings.Join(adapters.TrainerNames(), ","), "go,", ""), ",")
		if files, err = adapters.WriteTrainers(trained(t, `my "net" */`, name, tensor.Float32), others); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 5 {
		t.Fatalf("%d files", len(files))
	}
	for file, data := range files {
		if strings.Contains(string(data), name) || strings.Contains(string(data), "\u2028") || strings.Contains(string(data), "c\n*/") {
			t.Errorf("%s has the name as it is", file)
		}
	}
}

// TestTrainerRefuses: types that a language lacks, and outputs that no trainer gives.
func TestTrainerRefuses(t *testing.T) {
	for want, a := range map[string]adapters.Attached{
		`"new_w" is float16, which trainers do not take`: trained(t, "net", "w", tensor.Float16),
		`the file has the output "logits"`:               trained(t, "net", "w", tensor.Float32, "logits"),
		"is not UTF-8":                                   trained(t, "net\xff", "w", tensor.Float32),
	} {
		if _, err := adapters.WriteTrainers(a, []string{"python"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
