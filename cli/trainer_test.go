package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/adapters"
)

// TestTrainers: attach writes a source for each language, which names the files beside it.
func TestTrainers(t *testing.T) {
	folder := t.TempDir()
	args := []string{"attach", attachModels + "conv.onnx", "--loss", "cross_entropy", "--optimizer", "adamw", "-o", filepath.Join(folder, "net_train.onnx"), "--adapter", strings.Join(adapters.TrainerNames(), ",")}
	if code, said := command(args...); code != 0 {
		t.Fatal(said)
	}
	sources := []string{"net_train.py", "net_train.mjs", "net_train.go", "net_train.rs", "NetTrainer.java", "net_train.hpp"}
	for _, name := range sources {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
		}
		for _, text := range []string{"net_train.onnx", "net_train_eval.onnx", "net_train.safetensors", "norm.running_mean", "new_v_conv.weight"} {
			if !strings.Contains(string(data), text) {
				t.Errorf("%s does not name %s", name, text)
			}
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != len(sources)+3 {
		t.Errorf("%d files, want %d: %v", len(entries), len(sources)+3, err)
	}
	if code, said := command(args...); code != 0 {
		t.Errorf("attaching again: %s", said)
	}
	if err := os.WriteFile(filepath.Join(folder, "net_train.py"), []byte("mine = 1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, said := command(args...); code != 2 || !strings.Contains(said, "was not written by lossgen") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// TestTrainersRefuse: what no trainer can do is one line, and no file is left.
func TestTrainersRefuse(t *testing.T) {
	const start = "mlp.onnx --loss cross_entropy -o OUT/t.onnx --adapter "
	for args, want := range map[string]string{
		start + "python":                                    "--adapter writes a type that steps: name an --optimizer",
		start + "python --optimizer sgd --embed":            "--adapter reads the file of values that --embed leaves out",
		start + "python --optimizer sgd --accumulate":       "--adapter steps with each batch",
		start + "python --optimizer sgd --outputs out":      "--adapter gives the loss alone",
		start + "python --optimizer sgd -o OUT/t.bin":       "give -o a file that ends in .onnx",
		start + "python --optimizer sgd --eval /tmp/e.onnx": "--adapter looks for the file of --eval beside the other",
		start + "torch --optimizer sgd":                     `no trainer is called "torch": there are python, js, go, rust, java, cpp`,
	} {
		code, said, files := attached(t, strings.Fields(attachModels+args)...)
		if code != 2 || strings.Count(said, "\n") != 1 || !strings.Contains(said, want) || len(files) > 0 {
			t.Errorf("%s: exit %d with the files %q: %q, want one line with %q", args, code, files, said, want)
		}
	}
}
