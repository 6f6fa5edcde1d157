package export_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
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

// doubling returns a model whose functions each call the next one twice.
func doubling(t *testing.T, levels int) []byte {
	t.Helper()
	m := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(read(t, "refused_recursion"), m); err != nil {
		t.Fatal(err)
	}
	m.Functions = nil
	for i := range levels {
		call := func(in, out string) *onnxpb.NodeProto {
			n := &onnxpb.NodeProto{OpType: new(fmt.Sprintf("f%d", i+1)), Domain: new("own"), Input: []string{in}, Output: []string{out}}
			if i == levels-1 {
				n.OpType, n.Domain = new("Abs"), nil
			}
			return n
		}
		m.Functions = append(m.Functions, &onnxpb.FunctionProto{Name: new(fmt.Sprintf("f%d", i)), Domain: new("own"), Input: []string{"x"}, Output: []string{"y"},
			Node: []*onnxpb.NodeProto{call("x", "t"), call("t", "y")}})
	}
	m.Graph.Node[0].OpType = new("f0")
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFunctionsAreBounded: a few functions may be as many nodes as they like only up to a
// bound.
func TestFunctionsAreBounded(t *testing.T) {
	m, err := export.Unmarshal(doubling(t, 10))
	if err == nil {
		err = export.CheckForeign(m)
	}
	if err != nil || len(m.Graph.Nodes) != 1024 {
		t.Errorf("10 levels: got %d nodes, error %v", len(m.Graph.Nodes), err)
	}
	_, err = export.Unmarshal(doubling(t, 16))
	wantLine(t, err, "the functions of the model have more than 100000 nodes")
}

func TestFunctionsRefused(t *testing.T) {
	_, err := export.Unmarshal(read(t, "refused_recursion"))
	wantLine(t, err, "functions call functions deeper than 16, or themselves")
}
