package export_test

import (
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
)

// TestFunctions: a model with its functions expanded computes what ONNX Runtime computes
// from the model as it was.
func TestFunctions(t *testing.T) {
	data := read(t, "functions")
	m, err := export.Unmarshal(data)
	if err == nil {
		err = export.CheckForeign(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Nodes {
		if slices.Contains([]string{"Scale", "Choose"}, n.Op) {
			t.Errorf("%v is left", n)
		}
	}
	expanded, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Skipf("ONNX Runtime is not here: %v", err)
	}
	x := tensor.FromFloats(tensor.Float32, []int64{3}, []float64{-1, 0.5, 2})
	for _, c := range []int64{0, 1} {
		inputs := map[string]*tensor.Tensor{"x": x, "c": tensor.FromInts(tensor.Bool, nil, []int64{c})}
		var results [2]map[string]*tensor.Tensor
		for i, file := range [][]byte{data, expanded} {
			s, err := ort.Backend{}.Open(file, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if results[i], err = s.Run(t.Context(), inputs); err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		for _, name := range []string{"y", "t"} {
			if want, got := results[0][name].Floats(), results[1][name].Floats(); !slices.Equal(want, got) {
				t.Errorf("condition %d: %s is %v, want %v", c, name, got, want)
			}
		}
	}
}

func TestFunctionsRefused(t *testing.T) {
	_, err := export.Unmarshal(read(t, "refused_recursion"))
	wantLine(t, err, "functions call functions deeper than 16, or themselves")
}
