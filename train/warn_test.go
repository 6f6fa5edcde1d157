package train_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/train"
)

// TestWarnings: what real exports have lost is said, and nothing else.
func TestWarnings(t *testing.T) {
	const (
		merged   = "of equal values at export"
		folded   = "batch normalization folded in"
		dropout  = "the file has no Dropout"
		constant = "in Constant nodes"
	)
	for name, want := range map[string][]string{
		"mlp": {dropout}, "conv": {dropout}, "drop": nil,
		"zeros_eval":   {"fc.bias: " + merged, dropout},
		"norms_dynamo": {"1.weight, 1.bias: " + merged, dropout},
		"conv_eval":    {"2 convolutions have their " + folded, dropout},
		"conv_dynamo":  {"conv.weight, deep.weight: weights of 2 convolutions have their " + folded, dropout},
		"constants":    {dropout, constant},
	} {
		m, err := train.Read(read(t, "testdata/"+name+".onnx"), train.NormTrain)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Warnings) != len(want) {
			t.Errorf("%s: %d warnings, want %d: %q", name, len(m.Warnings), len(want), m.Warnings)
			continue
		}
		for i, text := range want {
			if !strings.Contains(m.Warnings[i], text) {
				t.Errorf("%s: %q does not say %q", name, m.Warnings[i], text)
			}
		}
	}
}

// TestTied: a parameter with two uses on purpose is one, with one gradient, and no word of
// merging.
func TestTied(t *testing.T) {
	m, err := train.Read(read(t, "../graft/testdata/words.onnx"), train.NormTrain)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Parameters, func(p train.Parameter) bool { return p.Name == "table.weight" })
	if m.Parameters[i].Uses != 2 || len(m.Warnings) != 0 {
		t.Errorf("got %d uses of table.weight and the warnings %q", m.Parameters[i].Uses, m.Warnings)
	}
	made, err := m.Attach(train.Options{Loss: crossEntropy()})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, out := range made.Model.Graph.Outputs {
		if out.Name == "grad_table.weight" {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d gradients of table.weight", count)
	}
}

// TestConstants: weights in Constant nodes are trained where they are named.
func TestConstants(t *testing.T) {
	m, err := train.Read(read(t, "testdata/constants.onnx"), train.NormTrain)
	if err != nil {
		t.Fatal(err)
	}
	var held []string
	for _, p := range m.Parameters {
		if p.Frozen == "from a Constant node" {
			held = append(held, p.Name)
		}
	}
	if len(held) != 1 {
		t.Fatalf("the weights in Constant nodes are %q, want one", held)
	}
	made, err := m.Attach(train.Options{Loss: crossEntropy(), Train: held})
	if err != nil {
		t.Fatal(err)
	}
	if names := outputs(made.Model); !slices.Equal(names, []string{"loss", "grad_" + held[0]}) {
		t.Errorf("the outputs are %q", names)
	}
}

func outputs(m *ir.Model) (names []string) {
	for _, p := range m.Graph.Outputs {
		names = append(names, p.Name)
	}
	return names
}
