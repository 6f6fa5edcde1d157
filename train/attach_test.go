package train_test

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/train"
)

// golden is what testdata/make.py wrote of a model.
type golden struct {
	Batches []map[string]array
	Runs    map[string]struct {
		Clip      float64
		Losses    []float64
		Values    map[string]array
		Evaluated float64
	}
}

type array struct {
	Dims   []int64
	Values []float64
}

func (a array) as(dtype tensor.DType) *tensor.Tensor {
	return tensor.FromFloats(tensor.Float64, a.Dims, a.Values).Cast(dtype)
}

// crossEntropy is the loss of the goldens.
func crossEntropy() losses.Request {
	return losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", Options: losses.Values{"label_smoothing": 0.1}}
}

// engines are those that are here, the reference engine always.
func engines(t *testing.T) []runtime.Backend {
	list := []runtime.Backend{reference.Backend{}}
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Logf("ONNX Runtime is not here: %v", err)
		return list
	}
	return append(list, ort.Backend{})
}

func read(t *testing.T, path string) *ir.Model {
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

// attach makes a training graph of a file of testdata.
func attach(t *testing.T, path string, mode train.BatchNorm, o train.Options) (*train.Model, *train.Result) {
	t.Helper()
	m, err := train.Read(read(t, path), mode)
	if err != nil {
		t.Fatal(err)
	}
	if o.Loss.Loss == "" {
		o.Loss = crossEntropy()
	}
	out, err := m.Attach(o)
	if err != nil {
		t.Fatal(err)
	}
	return m, out
}

func open(t *testing.T, b runtime.Backend, m *ir.Model) runtime.Session {
	t.Helper()
	if err := export.CheckForeign(m); err != nil {
		t.Fatal(err)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Open(data, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func run(t *testing.T, s runtime.Session, inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	out, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSteps: a few steps leave what torch.optim makes in float64, with batch
// normalization's statistics, and the loss out of training is PyTorch's after eval().
func TestSteps(t *testing.T) {
	for _, name := range []string{"mlp", "conv"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		var want golden
		if err == nil {
			err = json.Unmarshal(data, &want)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Runs) != 6 {
			t.Fatalf("%d runs of %s, want one for each optimizer and one that clips", len(want.Runs), name)
		}
		for _, b := range engines(t) {
			for optimizer := range want.Runs {
				t.Run(name+"/"+b.Name()+"/"+optimizer, func(t *testing.T) { compareSteps(t, b, name, optimizer, want) })
			}
		}
	}
}

func compareSteps(t *testing.T, b runtime.Backend, name, optimizer string, want golden) {
	rule, err := train.ParseOptimizer(optimizer)
	if err != nil {
		t.Fatal(err)
	}
	golden := want.Runs[optimizer]
	_, made := attach(t, "testdata/"+name+".onnx", train.NormTrain, train.Options{Optimizer: rule, ClipNorm: golden.Clip, Eval: true})
	values := map[string]*tensor.Tensor{}
	for _, v := range made.Values {
		values[v.Name] = v.Tensor
	}
	session := open(t, b, made.Model)
	for i, batch := range want.Batches {
		got := run(t, session, with(values, batch))
		near(t, "loss", got["loss"], array{Values: golden.Losses[i : i+1]})
		for output, v := range got {
			if input, ok := strings.CutPrefix(output, "new_"); ok {
				values[input] = v
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(golden.Values)) {
		near(t, n, values[n], golden.Values[n])
	}
	evaluated := with(values, want.Batches[0])
	for n := range evaluated {
		if !slices.ContainsFunc(made.Eval.Graph.Inputs, func(p ir.Port) bool { return p.Name == n }) {
			delete(evaluated, n)
		}
	}
	near(t, "evaluated", run(t, open(t, b, made.Eval), evaluated)["loss"], array{Values: []float64{golden.Evaluated}})
}

// with adds a batch to values.
func with(values map[string]*tensor.Tensor, batch map[string]array) map[string]*tensor.Tensor {
	out := maps.Clone(values)
	for name, a := range batch {
		out[name] = a.as(map[bool]tensor.DType{true: tensor.Int64, false: tensor.Float32}[name == "target"])
	}
	return out
}

func near(t *testing.T, name string, got *tensor.Tensor, want array) {
	t.Helper()
	if got == nil || got.Len() != len(want.Values) {
		t.Fatalf("%s is %v, want %d elements", name, got, len(want.Values))
	}
	largest, off := 1e-2, 0.0
	for i, v := range want.Values {
		largest = max(largest, math.Abs(v))
		if d := math.Abs(got.Float(i) - v); !(d <= off) {
			off = d
		}
	}
	if !(off <= 1e-5*largest) {
		t.Errorf("%s is off by %.2g, its largest element is %.2g", name, off, largest)
	}
}
