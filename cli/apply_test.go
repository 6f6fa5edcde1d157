package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/safetensors"
)

// command runs a command line, and returns what it said.
func command(args ...string) (code int, said string) {
	var out, errors bytes.Buffer
	code = Run(all.Losses(), args, strings.NewReader(""), &out, &errors)
	return code, out.String() + errors.String()
}

// startValues returns what attach writes for a model of its testdata.
func startValues(t *testing.T, args ...string) []ir.Initializer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "t.onnx")
	if code, said := command(append([]string{"attach", "-o", file}, args...)...); code != 0 {
		t.Fatal(said)
	}
	data, err := os.ReadFile(strings.TrimSuffix(file, ".onnx") + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := safetensors.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// writeValues writes values to a file.
func writeValues(t *testing.T, values []ir.Initializer) string {
	t.Helper()
	data, err := safetensors.Marshal(values, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v.safetensors")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// changed returns values that differ from those given in every element.
func changed(values []ir.Initializer) (out []ir.Initializer) {
	for _, v := range values {
		floats := v.Tensor.Floats()
		for i := range floats {
			floats[i] += 1
		}
		out = append(out, ir.Initializer{Name: v.Name, Tensor: tensor.FromFloats(v.Tensor.DType, v.Tensor.Dims, floats)})
	}
	return out
}

// TestApply: what attach gave comes back under its name, of initializers, Constant nodes,
// statistics, and of models whose data is in another file.
func TestApply(t *testing.T) {
	for _, c := range []struct {
		model, train string
		says         []string
	}{
		{"conv.onnx", "", []string{"12 values are new, and 18 of an optimizer", "2 layers that were in training"}},
		{"conv_dynamo.onnx", "", nil},
		{"mlp_outside.onnx", "", []string{"4 values are new"}},
		{"constants.onnx", "*", nil},
		{"zeros_eval.onnx", "", nil}, // one bias for two layers
		{"drop.onnx", "", []string{"1 layers that were in training"}},
		{"mlp.onnx", "fc.*", []string{"2 values are new", "without a new value: head.weight, head.bias"}},
	} {
		values := changed(startValues(t, attachModels+c.model, "--loss", "cross_entropy", "--optimizer", "adam", "--train="+c.train))
		file := filepath.Join(t.TempDir(), "m.onnx")
		code, said := command("apply", attachModels+c.model, writeValues(t, values), "-o", file)
		if code != 0 {
			t.Errorf("%s: %s", c.model, said)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(said, text) {
				t.Errorf("%s: does not say %q: %s", c.model, text, said)
			}
		}
		m, _, err := readModel(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			i := slices.IndexFunc(m.Graph.Initializers, func(got ir.Initializer) bool { return got.Name == v.Name })
			state := v.Name == "lr" || v.Name == "step" || strings.HasPrefix(v.Name, "m_") || strings.HasPrefix(v.Name, "v_")
			if state != (i < 0) || i >= 0 && !bytes.Equal(m.Graph.Initializers[i].Tensor.Data, v.Tensor.Data) {
				t.Errorf("%s: %s has not the value that was given", c.model, v.Name)
			}
		}
		if got := trainingNodes(m); len(got) > 0 {
			t.Errorf("%s: in training are %v", c.model, got)
		}
	}
}

func trainingNodes(m *ir.Model) (list []ir.Node) {
	for _, n := range m.Graph.Nodes {
		if n.Attr("training_mode") == int64(1) || n.Op == "Dropout" && len(n.Inputs) > 2 {
			list = append(list, n)
		}
	}
	return list
}

// TestApplyTraining: with --training, and the values that it had, a model is what it was.
func TestApplyTraining(t *testing.T) {
	for _, name := range []string{"conv.onnx", "drop.onnx", "mlp.onnx"} {
		was, _, err := readModel(attachModels + name)
		if err != nil {
			t.Fatal(err)
		}
		values := startValues(t, attachModels+name, "--loss", "cross_entropy")
		file := filepath.Join(t.TempDir(), "m.onnx")
		if code, said := command("apply", attachModels+name, writeValues(t, values), "-o", file, "--training"); code != 0 {
			t.Fatal(said)
		}
		want, err := export.Marshal(was)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another model: %v", name, err)
		}
		if name != "mlp.onnx" && len(trainingNodes(was)) == 0 {
			t.Errorf("%s has no layer in training", name)
		}
	}
}

// TestApplyRefuses: a mistake is one line, and no file is left.
func TestApplyRefuses(t *testing.T) {
	one := func(name string, dtype tensor.DType, dims ...int64) string {
		return writeValues(t, []ir.Initializer{{Name: name, Tensor: tensor.New(dtype, dims...)}})
	}
	broken := filepath.Join(t.TempDir(), "v.safetensors")
	if err := os.WriteFile(broken, []byte("no such file"), 0o666); err != nil {
		t.Fatal(err)
	}
	model := attachModels + "mlp.onnx"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{model}, "apply needs a model and the values for it"},
		{[]string{model, one("fc.wieght", tensor.Float32, 8, 6)}, `the model has no parameter "fc.wieght": did you mean fc.weight`},
		{[]string{model, one("new_fc.weight", tensor.Float32, 8, 6)}, `the output "new_fc.weight" is a value of "fc.weight", save it as that`},
		{[]string{model, one("m_conv", tensor.Float32, 8, 6)}, `the model has no parameter "m_conv"`},
		{[]string{model, one("fc.weight", tensor.Float32, 6, 8)}, `"fc.weight" is float32[6,8] in the values and float32[8,6] in the model`},
		{[]string{model, one("fc.weight", tensor.Float64, 8, 6)}, `"fc.weight" is float64[8,6] in the values and float32[8,6] in the model`},
		{[]string{model, one("lr", tensor.Float32)}, "there is no value of the model's among them"},
		{[]string{model, broken}, "it is no safetensors file"},
		{[]string{model, "nothing.safetensors"}, "cannot read nothing.safetensors"},
		{[]string{"nothing.onnx", broken}, "cannot read nothing.onnx"},
	} {
		file := filepath.Join(t.TempDir(), "m.onnx")
		code, said := command(append([]string{"apply", "-o", file}, c.args...)...)
		_, err := os.Stat(file)
		if code == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, c.want) || err == nil {
			t.Errorf("%q: exit %d, %q, want one line with %q and no file", c.args, code, said, c.want)
		}
	}
}
