package graft_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
)

// golden is what testdata/make.py wrote of a model.
type golden struct {
	Inputs, Outputs map[string]array
}

type array struct {
	Dims   []int64
	Values []float64
}

// TestGoldens: models that PyTorch exported have the gradients that its autograd gives in
// float64, at another batch.
func TestGoldens(t *testing.T) {
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Skipf("ONNX Runtime is not here: %v", err)
	}
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) != 3 {
		t.Fatalf("got the goldens %v, error %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { compareGolden(t, path) })
	}
}

func compareGolden(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	var want golden
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := readFile(t, strings.TrimSuffix(path, ".json")+".onnx")
	var o graft.GradOptions
	for _, name := range graft.Sources(m) {
		if _, ok := want.Outputs["grad_"+name]; ok {
			o.Wrt = append(o.Wrt, name)
		}
	}
	made, err := graft.Grad(m, o)
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]*tensor.Tensor{}
	for _, in := range made.Graph.Inputs {
		a := want.Inputs[in.Name]
		inputs[in.Name] = tensor.FromFloats(in.DType, a.Dims, a.Values)
	}
	got := run(t, open(t, made), inputs)
	if len(got) != len(want.Outputs) {
		t.Errorf("got %d outputs, want %d", len(got), len(want.Outputs))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Outputs)) {
		a := want.Outputs[name]
		largest, off := 1e-3, 0.0
		for i, v := range a.Values {
			largest, off = max(largest, math.Abs(v)), max(off, math.Abs(got[name].Float(i)-v))
		}
		if off > 2e-6*largest {
			t.Errorf("%s is off by %.2g, its largest element is %.2g", name, off, largest)
		}
	}
}

func readFile(t *testing.T, path string) *ir.Model {
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

// open opens a model in ONNX Runtime.
func open(t *testing.T, m *ir.Model) runtime.Session {
	t.Helper()
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ort.Backend{}.Open(data, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestBytes: the same model and options give the same bytes.
func TestBytes(t *testing.T) {
	var files [2]string
	for i := range files {
		m := readFile(t, "testdata/words.onnx")
		made, err := graft.Grad(m, graft.GradOptions{Wrt: []string{"table.weight"}})
		if err != nil {
			t.Fatal(err)
		}
		data, err := export.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = string(data)
	}
	if files[0] != files[1] {
		t.Error("two runs give different bytes")
	}
}

// TestBranches: a branch that every run takes is taken while building, and names that are
// in both branches do not meet.
func TestBranches(t *testing.T) {
	branch := func(op string) *ir.Graph {
		return &ir.Graph{Name: op, Outputs: []ir.Port{{Name: "inner", DType: tensor.Float64}},
			Initializers: []ir.Initializer{{Name: "k", Tensor: tensor.FromFloats(tensor.Float64, nil, []float64{3})}},
			Nodes:        []ir.Node{node(op, "x", "v"), node("Mul", "v k", "inner")}}
	}
	choice := func(condition, output string) ir.Node {
		return node("If", condition, output, attr("then_branch", branch("Exp")), attr("else_branch", branch("Neg")))
	}
	s := sample{name: "branches", ort: true, inputs: []input{in("x", "N,3", 2, 3)}, nodes: []ir.Node{
		node("Shape", "x", "s"), node("Size", "s", "rank"), node("Equal", "rank two", "flat"),
		choice("flat", "a"), choice("no", "b"), node("Mul", "a b", "v"), node("Add", "v a", "y"),
	}, consts: map[string]*tensor.Tensor{"two": tensor.FromInts(tensor.Int64, nil, []int64{2}), "no": tensor.New(tensor.Bool)}}
	s.test(t)

	open := s
	open.nodes = slices.Clone(s.nodes)
	open.nodes[2] = node("IsNaN", "z", "flat")
	open.inputs = append(open.inputs, in("z", ""))
	refused(t, open.model(), graft.GradOptions{Wrt: []string{"x"}},
		"there is no rule for the gradient of this operator: If -> a: take the gradient of an output before them, or only of what does not pass through them")
}

// TestSequences: parts that are taken out of a sequence are ranges. The product of two of
// them has each as the other's gradient.
func TestSequences(t *testing.T) {
	for _, test := range []struct {
		name   string
		second *tensor.Tensor
		first  int64 // the part that is multiplied with part 1
		size   int64 // of a part
		attrs  []ir.Attribute
	}{
		{"parts of 2", tensor.FromInts(tensor.Int64, nil, []int64{2}), 2, 2, nil}, {"parts", ints(2, 2, 2), 0, 2, nil},
		{"parts of 1", nil, 3, 1, nil}, {"parts without axis", nil, 5, 1, []ir.Attribute{attr("keepdims", int64(0))}},
	} {
		s := sample{name: test.name, inputs: []input{in("x", "N,6", 2, 6)}, consts: map[string]*tensor.Tensor{
			"i": tensor.FromInts(tensor.Int64, nil, []int64{test.first}), "j": tensor.FromInts(tensor.Int64, nil, []int64{1})}}
		split := node("SplitToSequence", "x", "q", append(test.attrs, attr("axis", int64(1)))...)
		if test.second != nil {
			s.consts["sizes"] = test.second
			split.Inputs = append(split.Inputs, "sizes")
		}
		s.nodes = []ir.Node{split, node("SequenceAt", "q i", "a"), node("SequenceAt", "q j", "b"), node("Mul", "a b", "p"), node("Identity", "p", "y")}
		m := s.model()
		m.Graph.Outputs = []ir.Port{{Name: "y", DType: tensor.Float64}}
		made, err := graft.Grad(m, graft.GradOptions{})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		x := tensor.FromFloats(tensor.Float64, []int64{1, 6}, []float64{1, 2, 3, 4, 5, 6})
		dims := made.Graph.Outputs[0].Shape
		ones := make([]int64, len(dims))
		for i := range ones {
			ones[i] = 1
		}
		if len(ones) == 2 {
			ones[1] = test.size
		}
		above := tensor.New(tensor.Float64, ones...)
		for i := range above.Len() {
			above.SetFloat(i, 1)
		}
		got := run(t, s.engine(t, made), map[string]*tensor.Tensor{"x": x, "grad_output": above})["grad_x"].Floats()
		want := make([]float64, 6)
		for k := range test.size {
			a, b := test.first*test.size+k, test.size+k
			want[a], want[b] = x.Float(int(b)), x.Float(int(a))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", test.name, got, want)
		}
	}
}
