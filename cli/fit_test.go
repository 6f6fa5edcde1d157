package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/npy"
)

const fitData = "../fit/testdata/"

// fitted runs fit with the samples of a model of fit's testdata. The names OUT/ in the
// arguments are in a folder of its own, whose files it returns.
func fitted(t *testing.T, stderr func(said string), args ...string) (code int, said string, files []string) {
	t.Helper()
	folder := t.TempDir()
	for i, arg := range args {
		args[i] = strings.ReplaceAll(strings.ReplaceAll(arg, "OUT/", folder+"/"), "DATA/", fitData)
	}
	w := &watched{then: stderr}
	code = Run(all.Losses(), append([]string{"fit"}, args...), strings.NewReader(""), w, w)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files = append(files, e.Name())
	}
	return code, w.String(), files
}

// watched keeps what is written, and tells of it.
type watched struct {
	bytes.Buffer
	then func(said string)
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.then != nil {
		w.then(w.String())
	}
	return n, err
}

const (
	fitOne  = "DATA/conv.onnx --loss cross_entropy --data x=DATA/conv_x.npy --data target=DATA/conv_y.npy --batch 4 --epochs 3 -o OUT/t.onnx "
	fitMore = "--validate x=DATA/conv_other_x.npy --validate target=DATA/conv_other_y.npy "
)

// TestFit: the lines, the files and the record of a training; the trained model runs.
func TestFit(t *testing.T) {
	var record string
	code, said, files := fitted(t, func(string) {}, strings.Fields(fitOne+fitMore+"--optimizer adamw,lr=0.05 --label-smoothing 0.1 --seed 4 --checkpoint OUT/c --record OUT/r.json")...)
	if code != 0 || strings.Join(files, " ") != "c r.json t.onnx" {
		t.Fatalf("exit %d with the files %q: %s", code, files, said)
	}
	for _, text := range []string{
		"conv.weight        float32[3,1,3,3]  trained", "epoch 1 of 3: loss ", ", validation ", "epoch 3 of 3", "the best epoch is ",
		"1 layers that were in training are not any more", "wrote ",
	} {
		if !strings.Contains(strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(text), " ")) {
			t.Errorf("does not say %q: %s", text, said)
		}
	}
	for _, line := range strings.Split(said, "\n") {
		if path, ok := strings.CutSuffix(line, "r.json"); ok {
			record = strings.TrimPrefix(path, "lossgen: wrote ") + "r.json"
		}
	}
	data, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../docs/fit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	value.(map[string]any)["color"] = "red"
	if schema.Validate(value) == nil {
		t.Error("the schema takes what no record has")
	}
	model := filepath.Join(filepath.Dir(record), "t.onnx")
	if code, said := command("run", model, "--input", "x="+fitData+"conv_x.npy", "-o", t.TempDir()); code != 0 {
		t.Error(said)
	}
	if code, said := command("apply", fitData+"conv.onnx", filepath.Join(filepath.Dir(record), "c"), "-o", filepath.Join(t.TempDir(), "m.onnx")); code != 0 {
		t.Errorf("a checkpoint does not go back into the model: %s", said)
	}
}

// TestFitInterrupted: Ctrl-C leaves a checkpoint where one is wanted, and nothing else.
func TestFitInterrupted(t *testing.T) {
	for checkpoint, want := range map[string]string{"": "", "--checkpoint OUT/c": "c"} {
		done := false
		code, said, files := fitted(t, func(said string) {
			if !done && strings.Contains(said, "epoch 2 of") {
				done = true
				syscall.Kill(os.Getpid(), syscall.SIGINT)
			}
		}, strings.Fields(fitOne+"--epochs 1000000 --record OUT/r.json "+checkpoint)...)
		if code != 1 || strings.Join(files, " ") != want || !strings.HasSuffix(said, "lossgen: interrupted\n") {
			t.Errorf("exit %d with the files %q: %s", code, files, said)
		}
	}
}

// TestFitRefuses: a mistake is one line, and no file is left.
func TestFitRefuses(t *testing.T) {
	folder := t.TempDir()
	array := func(name string, x *tensor.Tensor) string {
		data, err := npy.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name+".npy")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	few := array("few", tensor.New(tensor.Int64, 10))
	double := array("double", tensor.New(tensor.Float64, 11, 1, 4, 4))
	flat := array("flat", tensor.New(tensor.Float32, 11, 16))
	none := array("none", tensor.New(tensor.Float32, 0, 1, 4, 4))
	labels := tensor.New(tensor.Int64, 11)
	labels.SetInt(3, 7)
	wrong := array("wrong", labels)
	const x, y = "--data x=DATA/conv_x.npy ", "--data target=DATA/conv_y.npy "
	const start = "DATA/conv.onnx -o OUT/t.onnx --loss cross_entropy "
	for _, c := range []struct{ args, want string }{
		{"DATA/conv.onnx -o OUT/t.onnx " + x + y, "fit needs a loss: name one with --loss"},
		{start + x, "input target is missing: give --data target=file.npy, int64[batch]"},
		{start + x + y + "--data z=DATA/conv_y.npy", `--data: the training graph takes no data called "z": it takes x, target`},
		{start + x + x, "--data gives x twice"},
		{start + "--data x", `--data is "x", want name=file.npy`},
		{start + "--data x=nothing.npy " + y, "--data: cannot read nothing.npy: no such file"},
		{start + "--data x=DATA/conv.onnx " + y, "conv.onnx: it is no .npy file"},
		{start + "--data x=" + double + " " + y, "holds float64[11 1 4 4], want float32[batch,1,4,4] for x: convert it with x.astype('float32')"},
		{start + "--data x=" + flat + " " + y, "its rank is 2, not 4"},
		{start + "--data x=DATA/mlp_x.npy " + y, "its rank is 2, not 4"},
		{start + x + "--data target=" + few, "axis 0 has size 10, but batch is 11 in x"},
		{start + "--data x=" + none + " --data target=" + array("no_labels", tensor.New(tensor.Int64, 0)), "has no rows"},
		{start + x + y + "--validate x=DATA/conv_other_x.npy", "input target is missing: give --validate target=file.npy"},
		{start + x + y + "--epochs 0", "--epochs is 0, want 1 or more"},
		{start + x + y + "--batch 0", "--batch is 0, want 1 or more"},
		{start + x + y + "--optimizer none", "--optimizer none trains nothing"},
		{start + x + y + "--loss mse", "--data: DATA/conv_y.npy holds int64[11], want float32[batch,3] for target"},
		{start + x + y + "-o -", "give fit a file"},
		{"nothing.onnx --loss mse", "cannot read nothing.onnx"},
	} {
		code, said, files := fitted(t, nil, strings.Fields(c.args)...)
		want := strings.ReplaceAll(c.want, "DATA/", fitData)
		if code == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, want) || len(files) > 0 {
			t.Errorf("%s: exit %d with the files %q: %q, want one line with %q", c.args, code, files, said, want)
		}
	}
	code, said, files := fitted(t, nil, strings.Fields(start+x+"--data target="+wrong)...)
	if code != 1 || !strings.Contains(said, "epoch 1, step 1 of 1: input target has the label 7 at [") || len(files) > 0 {
		t.Errorf("a label of no class: exit %d with the files %q: %s", code, files, said)
	}
}
