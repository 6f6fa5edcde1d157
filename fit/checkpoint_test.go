package fit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/safetensors"
	"github.com/lossgen/lossgen/train"
)

// TestResume: training that goes on, from an epoch's end or from the middle of one where
// it was interrupted, comes to the same bits as training at one go. A model with Dropout
// goes on from the end of an epoch.
func TestResume(t *testing.T) {
	for _, name := range []string{"mlp", "conv", "drop"} {
		for _, b := range engines(t) {
			if name == "drop" && b.Name() != "ort" {
				continue // it has no Dropout
			}
			for stop, wanted := range map[int]int{0: 2, 4: 2, 8: 2, 11: 2} { // samples of the third epoch
				made := attached(t, name, "adamw,lr=0.05")
				data := name
				if name == "drop" {
					data = "mlp"
				}
				o := options(t, b, made, data, true)
				o.Shuffle, o.Seed, o.Epochs = true, 3, 5
				want := trained(t, made, o)
				o.Checkpoint = filepath.Join(t.TempDir(), "c")
				if stop == 0 {
					o.Epochs = wanted
					trained(t, made, o)
				} else {
					interrupt(t, made, o, wanted+1, stop)
				}
				o.Epochs = 5
				got := trained(t, made, o)
				if got.Begun != wanted {
					t.Errorf("%s: it went on from epoch %d, want %d", name, got.Begun, wanted)
				}
				same(t, name+" on "+b.Name(), got, want)
				if again := trained(t, made, o); again.Begun != 5 {
					t.Errorf("%s: a checkpoint of the end has %d epochs", name, again.Begun)
				}
			}
		}
	}
}

// interrupt ends training once so many samples of an epoch are done.
func interrupt(t *testing.T, made *train.Result, o Options, epoch, samples int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(e, done, _ int) {
		if e == epoch && done == samples {
			cancel()
		}
	}
	if _, err := Run(ctx, made, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it is interrupted", err)
	}
}

// TestDropoutSeeds: masks follow from the seed, and differ between epochs.
func TestDropoutSeeds(t *testing.T) {
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Skip("ONNX Runtime is not here")
	}
	made := attached(t, "drop", "sgd,lr=0")
	o := options(t, ort.Backend{}, made, "mlp", false)
	o.Epochs = 3
	first := trained(t, made, o)
	again := trained(t, made, o)
	o.Seed = 1
	other := trained(t, made, o)
	if first.Epochs[0].Loss != again.Epochs[0].Loss || first.Epochs[2].Loss != again.Epochs[2].Loss {
		t.Error("the same seed gives other masks")
	}
	if first.Epochs[0].Loss == first.Epochs[1].Loss || first.Epochs[0].Loss == other.Epochs[0].Loss {
		t.Error("another epoch or seed gives the same masks")
	}
}

// TestCheckpointRefuses: a file that is no checkpoint, or that of another run, is left as it
// is and no training begins.
func TestCheckpointRefuses(t *testing.T) {
	model := attached(t, "mlp", "sgd,lr=0.1")
	o := options(t, reference.Backend{}, model, "mlp", true)
	o.Epochs, o.Notes = 1, map[string]string{"seed": "0", "batch": "4"}
	o.Checkpoint = filepath.Join(t.TempDir(), "c")
	trained(t, model, o)
	good, err := os.ReadFile(o.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	arrays, notes, err := safetensors.Unmarshal(good)
	if err != nil {
		t.Fatal(err)
	}
	with := func(arrays []ir.Initializer, old, new string) []byte {
		data, err := safetensors.Marshal(arrays, map[string]string{noteKey: strings.Replace(notes[noteKey], old, new, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	more := append(arrays[:len(arrays):len(arrays)], ir.Initializer{Name: "more", Tensor: tensor.New(tensor.Float32, 2)})
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"it is no safetensors file", []byte("something else")},
		{"it is no checkpoint of lossgen fit", with(arrays, notes[noteKey], "")},
		{`it is of another run: its seed is "1", and here it is "0"`, with(arrays, `"seed":"0"`, `"seed":"1"`)},
		{"it has no value", with(arrays[1:], "", "")},
		{`it has "more" as float32[2], which this run has not`, with(more, "", "")},
		{"makes no sense", with(arrays, `"at":0`, `"at":-4`)},
		{"makes no sense", with(arrays, `"at":0`, `"at":3`)},
		{"makes no sense", with(arrays, `"at":0`, `"at":12`)},
		{"makes no sense", with(arrays, `"best":1`, `"best":7`)},
		{"makes no sense", with(arrays, `"best":1`, `"best":0`)},
		{"makes no sense", with(arrays, `"epoch":1`, `"epoch":3`)},
		{"makes no sense", with(arrays, `"sum":"0x0p+00"`, `"sum":"x"`)},
	} {
		if err := os.WriteFile(o.Checkpoint, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Run(context.Background(), model, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if left, _ := os.ReadFile(o.Checkpoint); string(left) != string(c.data) {
			t.Errorf("%s: the file has changed", c.want)
		}
	}
}
