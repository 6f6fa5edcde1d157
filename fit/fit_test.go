package fit

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/npy"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/train"
)

// golden is what testdata/make.py wrote of a model.
type golden struct {
	Runs map[string]struct {
		Epochs       []Epoch
		Best         int
		Values, Last map[string][]float64
	}
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

// attached makes the training graph of a model of testdata.
func attached(t *testing.T, name, optimizer string) *train.Result {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	read, err := export.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := train.Read(read, train.NormTrain)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := train.ParseOptimizer(optimizer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := m.Attach(train.Options{Loss: losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}, Optimizer: rule, Eval: true})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// columns are the samples of a model of testdata, or others for validation.
func columns(t *testing.T, made *train.Result, name string, files ...string) (list []Column) {
	t.Helper()
	for i, input := range []string{"x", "target"} {
		k := slices.IndexFunc(made.Model.Graph.Inputs, func(p ir.Port) bool { return p.Name == input })
		c := Column{Port: made.Model.Graph.Inputs[k], Path: filepath.Join("testdata", name+"_"+files[i]+".npy")}
		if filepath.IsAbs(files[i]) {
			c.Path = files[i]
		}
		var err error
		if c.File, err = npy.Open(c.Path); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.File.Close() })
		list = append(list, c)
	}
	return list
}

// options trains as testdata/make.py does.
func options(t *testing.T, b runtime.Backend, made *train.Result, name string, validates bool) Options {
	o := Options{
		Open: func(m *ir.Model) (runtime.Session, error) {
			data, err := export.Marshal(m)
			if err != nil {
				return nil, err
			}
			return b.Open(data, runtime.Options{Threads: 1})
		},
		Data: columns(t, made, name, "x", "y"), Epochs: 4, Batch: 4,
	}
	if validates {
		o.Validation = columns(t, made, name, "other_x", "other_y")
	}
	return o
}

func trained(t *testing.T, made *train.Result, o Options) *Result {
	t.Helper()
	r, err := Run(context.Background(), made, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEqualsPyTorch: losses, validation and values are those of PyTorch in float64.
func TestEqualsPyTorch(t *testing.T) {
	for _, name := range []string{"mlp", "conv"} {
		var want golden
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err == nil {
			err = json.Unmarshal(data, &want)
		}
		if err != nil || len(want.Runs) != 3 {
			t.Fatal(len(want.Runs), err)
		}
		for _, b := range engines(t) {
			for optimizer, run := range want.Runs {
				made := attached(t, name, optimizer)
				best := trained(t, made, options(t, b, made, name, true))
				last := trained(t, made, options(t, b, made, name, false))
				if best.Best != run.Best || last.Best != 4 {
					t.Errorf("%s %s: the best epoch is %d, and %d without validation, want %d", name, optimizer, best.Best, last.Best, run.Best)
				}
				for i, e := range best.Epochs {
					near(t, name+" loss", []float64{e.Loss, *e.Validation, last.Epochs[i].Loss}, []float64{run.Epochs[i].Loss, *run.Epochs[i].Validation, run.Epochs[i].Loss})
				}
				compare(t, best.Values, run.Values)
				compare(t, last.Values, run.Last)
			}
		}
	}
}

func compare(t *testing.T, got []ir.Initializer, want map[string][]float64) {
	t.Helper()
	found := 0
	for _, v := range got {
		if want[v.Name] != nil {
			found++
			near(t, v.Name, v.Tensor.Floats(), want[v.Name])
		}
	}
	if found != len(want) {
		t.Errorf("%d of %d values", found, len(want))
	}
}

// near compares within what float32 loses in a dozen steps.
func near(t *testing.T, name string, got, want []float64) {
	t.Helper()
	largest := 1e-2
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 2e-5*largest) {
			t.Fatalf("%s is %v, want %v", name, got, want)
		}
	}
}

// same reports the first value that differs in a bit.
func same(t *testing.T, what string, got, want *Result) {
	t.Helper()
	if got.Best != want.Best || len(got.Epochs) != len(want.Epochs) {
		t.Fatalf("%s: epoch %d of %d, want %d of %d", what, got.Best, len(got.Epochs), want.Best, len(want.Epochs))
	}
	for i, e := range want.Epochs {
		if got.Epochs[i].Loss != e.Loss || *got.Epochs[i].Validation != *e.Validation {
			t.Errorf("%s: epoch %d has the loss %v, want %v", what, i+1, got.Epochs[i].Loss, e.Loss)
		}
	}
	for i, v := range want.Values {
		if !slices.Equal(got.Values[i].Tensor.Data, v.Tensor.Data) {
			t.Errorf("%s: %s differs", what, v.Name)
		}
	}
}

// TestShuffle: an epoch in another order is that of samples in that order, and the order
// depends on the seed and the epoch.
func TestShuffle(t *testing.T) {
	made := attached(t, "mlp", "adam,lr=0.05")
	o := options(t, reference.Backend{}, made, "mlp", true)
	o.Epochs, o.Shuffle, o.Seed = 1, true, 7
	got := trained(t, made, o)
	r := &run{Options: o, data: &samples{count: 11}}
	var files []string
	for _, c := range o.Data {
		rows, err := c.File.Rows(r.order(1))
		if err != nil {
			t.Fatal(err)
		}
		data, err := npy.Encode(rows)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), c.Port.Name)
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	o.Shuffle, o.Data = false, columns(t, made, "mlp", files...)
	same(t, "shuffled", trained(t, made, o), got)
	other := &run{Options: o, data: r.data}
	other.Shuffle, other.Seed = true, 8
	if slices.Equal(r.order(1), r.order(2)) || slices.Equal(r.order(1), other.order(1)) || !slices.Equal(r.order(3), r.order(3)) {
		t.Error("the order does not follow from the seed and the epoch")
	}
}

// TestSum: a loss that adds up is not divided by the samples.
func TestSum(t *testing.T) {
	made := attached(t, "mlp", "sgd,lr=0.2")
	o := options(t, reference.Backend{}, made, "mlp", false)
	o.Epochs, o.Batch = 1, 11
	mean := trained(t, made, o).Epochs[0].Loss
	o.Sum = true
	if sum := trained(t, made, o).Epochs[0].Loss; sum != mean {
		t.Errorf("the only batch has the loss %v, and the epoch %v", mean, sum)
	}
	o.Batch = 4
	o.Data[0].File.Close()
	o.Data = columns(t, made, "mlp", "x", "y")
	if sum := trained(t, made, o).Epochs[0].Loss; sum < 2*mean {
		t.Errorf("three batches add up to %v, one is %v", sum, mean)
	}
}

// TestStops: a loss that is no number ends training, and no checkpoint has its values.
func TestStops(t *testing.T) {
	made := attached(t, "mlp", "sgd")
	o := options(t, reference.Backend{}, made, "mlp", false)
	o.Checkpoint = filepath.Join(t.TempDir(), "c")
	all, err := o.Data[0].File.Rows(upTo(11))
	if err != nil {
		t.Fatal(err)
	}
	all.SetFloat(5*5, math.NaN()) // of the second batch
	data, err := npy.Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.npy")
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Data = columns(t, made, "mlp", file, "y")
	_, err = Run(context.Background(), made, o)
	if err == nil || !strings.Contains(err.Error(), "epoch 1, step 2 of 3: the loss is NaN: try a smaller lr") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(o.Checkpoint); err == nil {
		t.Error("there is a checkpoint")
	}
	o.Data = columns(t, made, "mlp", "x", "y")
	o.Validation = columns(t, made, "mlp", file, "y")
	if _, err = Run(context.Background(), made, o); err == nil || !strings.Contains(err.Error(), "validation of epoch 1: the loss is NaN") {
		t.Errorf("got %v", err)
	}
}

// TestSamples: columns that do not fit together.
func TestSamples(t *testing.T) {
	made := attached(t, "mlp", "sgd")
	for want, change := range map[string]func(o *Options){
		"has 11 rows and testdata/mlp_other_y.npy has 5": func(o *Options) { o.Data = columns(t, made, "mlp", "x", "other_y") },
		"no input has an open first axis": func(o *Options) {
			for i := range o.Data {
				o.Data[i].Port.Shape = append(tensor.Shape{tensor.D(11)}, o.Data[i].Port.Shape[1:]...)
			}
		},
		"validation: testdata/mlp_x.npy has 11 rows": func(o *Options) { o.Validation = columns(t, made, "mlp", "x", "other_y") },
	} {
		o := options(t, reference.Backend{}, made, "mlp", false)
		change(&o)
		if _, err := Run(context.Background(), made, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
