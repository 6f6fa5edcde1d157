package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses/all"
)

const attachModels = "../train/testdata/"

// attached runs attach in a folder of its own, and returns what it said and wrote.
func attached(t *testing.T, args ...string) (code int, said string, files []string) {
	t.Helper()
	folder := t.TempDir()
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "OUT/", folder+"/")
	}
	var out, errors bytes.Buffer
	code = Run(all.Losses(), append([]string{"attach"}, args...), strings.NewReader(""), &out, &errors)
	if out.Len() > 0 {
		t.Errorf("%q prints %q", args, out.String())
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files = append(files, e.Name())
	}
	return code, errors.String(), files
}

// TestAttach: the files, their inputs and outputs, the table and the warnings.
func TestAttach(t *testing.T) {
	for _, c := range []struct {
		args  string
		files string
		says  []string
	}{
		{"conv.onnx --loss cross_entropy --label-smoothing 0.1 --optimizer adamw,lr=0.01 --clip-norm 1 --eval OUT/e.onnx -o OUT/t.onnx", "e.onnx t.onnx t.safetensors",
			[]string{"input   step ", "output  new_v_conv.weight ", "output  new_norm.running_var", "norm.running_mean       float32[4]        frozen: statistics", "conv.weight             float32[4,1,3,3]  trained", "warning: the file has no Dropout"}},
		{"mlp.onnx --loss cross_entropy --with weight --index-dtype int32 --train fc.* --freeze *.bias --outputs out --accumulate --embed --opset 18 -o OUT/t.onnx", "t.onnx",
			[]string{"opset 18", "input   weight         float32[3]", "input   target         int32[batch]", "input   acc_fc.weight  float32[8,6]", "output  new_acc_fc.weight  float32[8,6]", "output  out                float32[batch,3]", "fc.bias      float32[8]    frozen: as asked"}},
		{"conv.onnx --loss mse --output out --batchnorm eval -o OUT/t.onnx", "t.onnx t.safetensors", []string{"input   target       float32[batch,3]", "output  grad_head.bias "}},
		{"mlp.onnx --loss multi_task --task a=mse --task b=cross_entropy --bind a_input=out,b_input=out -o OUT/t.onnx", "t.onnx t.safetensors", []string{"input   a_target", "input   b_target"}},
		{"mlp.onnx --loss cross_entropy --target probabilities -o OUT/t.onnx", "t.onnx t.safetensors", []string{"input   target       float32[batch,3]"}},
		{"mlp.onnx --loss multi_task --task a=mse --weighting uncertainty --bind a_input=out -o OUT/t.onnx", "t.onnx t.safetensors", []string{"warning: the loss's input log_vars gets no gradient here"}},
	} {
		code, said, files := attached(t, strings.Fields(attachModels+c.args)...)
		if code != 0 || strings.Join(files, " ") != c.files {
			t.Errorf("%s: exit %d with the files %q: %s", c.args, code, files, said)
		}
		for _, text := range c.says {
			if !strings.Contains(strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(text), " ")) {
				t.Errorf("%s: does not say %q: %s", c.args, text, said)
			}
		}
	}
}

// TestAttachBytes: the same request gives the same bytes.
func TestAttachBytes(t *testing.T) {
	var first [][]byte
	for range 2 {
		folder := t.TempDir()
		var out, said bytes.Buffer
		if code := Run(all.Losses(), []string{"attach", attachModels + "conv.onnx", "--loss", "cross_entropy", "--optimizer", "adam", "-o", filepath.Join(folder, "t.onnx")}, strings.NewReader(""), &out, &said); code != 0 {
			t.Fatal(said.String())
		}
		var files [][]byte
		for _, name := range []string{"t.onnx", "t.safetensors"} {
			data, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, data)
		}
		if first == nil {
			first = files
		}
		for i := range files {
			if !bytes.Equal(files[i], first[i]) {
				t.Error("two runs differ")
			}
		}
	}
}

// TestAttachRefuses: a mistake is one line, and no file is left.
func TestAttachRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"mlp.onnx -o OUT/t.onnx":                                       "attach needs a loss: name one with --loss",
		"mlp.onnx --loss mes -o OUT/t.onnx":                            `unknown loss "mes": did you mean ce, mae, mse?`,
		"mlp.onnx --loss mse --delta 1 -o OUT/t.onnx":                  "mse has no option --delta",
		"mlp.onnx --loss mse --batchnorm on -o OUT/t.onnx":             `--batchnorm is "on", want train, eval, file`,
		"mlp.onnx --loss mse --optimizer lion -o OUT/t.onnx":           `--optimizer: there is no "lion"`,
		"mlp.onnx --loss mse --clip-norm 0 -o OUT/t.onnx":              "--clip-norm is 0, want a number above 0",
		"mlp.onnx --loss mse --clip-norm nan -o OUT/t.onnx":            "--clip-norm is NaN, want a number above 0",
		"mlp.onnx --loss mse --clip-norm 1 --accumulate -o OUT/t.onnx": "--clip-norm limits the sum of all batches",
		"mlp.onnx --loss mse --bind target -o OUT/t.onnx":              `--bind is "target", want input=name`,
		"mlp.onnx --loss mse --bind input=out,input=out -o OUT/t.onnx": "--bind gives input twice",
		"mlp.onnx --loss mse --train head.wieght -o OUT/t.onnx":        `--train: the model has no "head.wieght": did you mean head.weight, head.bias?`,
		"mlp.onnx --loss mse --freeze tail* -o OUT/t.onnx":             `--freeze: the model has no "tail*"`,
		"mlp.onnx --loss mse --output ouf -o OUT/t.onnx":               `--output: the model has no "ouf": did you mean out?`,
		"mlp.onnx --loss mse --outputs ouf -o OUT/t.onnx":              `--outputs: the model has no "ouf": did you mean out?`,
		"mlp.onnx --loss mse --opset 12 -o OUT/t.onnx":                 "unsupported opset 12",
		"mlp.onnx --loss mse --eval OUT/t.onnx -o OUT/t.onnx":          "--eval and -o are one file",
		"mlp.onnx --loss mse -o -":                                     "-o - leaves no place for the file beside it: use --embed",
		"mlp.onnx --loss mse --reduction none -o OUT/t.onnx":           "reduction none gives no single number to train on",
		"mlp.onnx --loss mse --with nothing -o OUT/t.onnx":             `mse has no optional input "nothing"`,
		"mlp.onnx --loss mse --shape target=7 -o OUT/t.onnx":           "mlp.onnx: --loss: mse: ",
		"nothing.onnx --loss mse -o OUT/t.onnx":                        "cannot read",
		"make.py --loss mse -o OUT/t.onnx":                             "make.py: not an ONNX model",
		"mlp.onnx --loss mse -o OUT/no/t.onnx":                         "cannot write",
	} {
		code, said, files := attached(t, strings.Fields(attachModels+args)...)
		if code == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, want) || len(files) > 0 {
			t.Errorf("%s: exit %d with the files %q: %q, want one line with %q", args, code, files, said, want)
		}
	}
}

// TestVerifyAttached: what attach and grad write is judged by its gradients.
func TestVerifyAttached(t *testing.T) {
	folder := t.TempDir()
	step, grads := filepath.Join(folder, "t.onnx"), filepath.Join(folder, "g.onnx")
	for _, args := range [][]string{
		{"attach", attachModels + "conv.onnx", "--loss", "cross_entropy", "--optimizer", "adamw", "-o", step},
		{"grad", attachModels + "mlp.onnx", "-o", grads},
	} {
		if code, said := command(args...); code != 0 {
			t.Fatal(said)
		}
	}
	code, said := command("verify", step, grads)
	if code != 0 || !strings.Contains(said, "new_m_conv.weight") || !strings.Contains(said, "grad_x") {
		t.Errorf("exit %d: %s", code, said)
	}
}
