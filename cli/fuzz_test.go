package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// FuzzConfig: any bytes are a configuration, or an error of one line that names a
// line; and any configuration is a model or a wrong request.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"", "loss: focal\noptions: {gamma: 2}\nwith: [weight]\ndtype: float16\n",
		"loss: mse\nshape:\n  input: [N, 3]\n  target: N,3\ngrad: none\nopset: 21\n",
		"tasks:\n  depth: {loss: l1}\n  seg: ce\nweighting: fixed\nweights: [1, 2]\n",
		"loss: huber\ndelta: 1\n", "- a\n- b\n", "loss: &a [*a]\n", "loss: \"\\x00\"\n", "a: {b: {c: [", "loss: mse\n---\nloss: l1\n",
		"loss: ce\noptions:\n  ignore_index: 99999999999999999999\n  label_smoothing: .nan\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := configuration{request: losses.Request{Catalog: all.Losses()}}
		if err := c.parse(data); err != nil {
			if text := err.Error(); !strings.HasPrefix(text, ":") || strings.ContainsAny(text, "\n\r") {
				t.Errorf("%q: error %q", data, text)
			}
			return
		}
		if _, err := build(c.request); err != nil && strings.Contains(err.Error(), "internal error") {
			t.Errorf("%q: %v", data, err)
		}
	})
}

// FuzzFlags: whatever is said about shapes, inputs and options, emit writes a whole
// file and exits 0, or writes none, says one line and exits 2.
func FuzzFlags(f *testing.F) {
	f.Add("mse", "--shape=input=N,C,H,W")
	f.Add("cross_entropy", "--shape=input=N,7\n--shape=target=N\n--with=weight\n--label-smoothing=0.1")
	f.Add("gaussian_nll", "--shape=input=\n--shape=var=\n--grad=var")
	f.Add("l1", "--shape=input=N,N,0,1\n--dtype=bfloat16\n--opset=13")
	f.Add("multi_task", "--task=a=mse,reduction=sum\n--task=b=ce\n--shape=a_input=N,3")
	f.Add("huber", "--delta=-1\n--shape==\n--grad=,\n--with")
	f.Fuzz(func(t *testing.T, loss, lines string) {
		args := []string{"emit", "--", loss}
		for _, line := range strings.Split(lines, "\n") {
			if strings.HasPrefix(line, "-o") || strings.HasPrefix(line, "--o") || !strings.HasPrefix(line, "--") || line == "--" ||
				strings.HasPrefix(line, "--c") || strings.HasPrefix(line, "--a") || strings.HasPrefix(line, "--verify") || strings.HasPrefix(line, "--h") {
				continue // these read and write other files, or print help
			}
			args = append(args[:1], append([]string{line}, args[1:]...)...)
		}
		path := filepath.Join(t.TempDir(), "model.onnx")
		var stderr strings.Builder
		args = append([]string{"emit", "-o", path}, args[1:]...)
		code := Run(all.Losses(), args, nil, &strings.Builder{}, &stderr)
		_, err := os.Stat(path)
		said := strings.TrimSuffix(stderr.String(), "\n")
		wrong := code == 2 && err != nil && !strings.Contains(said, "\n") && strings.HasPrefix(said, "lossgen: ")
		if right := code == 0 && err == nil; !right && !wrong {
			t.Errorf("%q: exit %d, file %v, said %q", args, code, err, said)
		}
	})
}
