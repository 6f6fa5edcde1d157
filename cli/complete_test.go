package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses/all"
)

// A shell is told losses, options, values and kinds of files.
func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"emit foc":                            "focal\tcross entropy that plays down easy rows|focal_tversky\t...|:4",
		"emit Smooth-L":                       "smooth_l1\t...|:4",
		"emit focal.onnx --ga":                "--gamma\t...|:4",
		"emit focal --reduction ":             "none|mean|sum|:4",
		"emit kl_div --log-target=":           "true|false|:4",
		"emit mse --dtype bf":                 "bfloat16|:4",
		"emit focal --with ":                  "weight|sample_weight|mask|normalizer|:4",
		"emit huber --grad ":                  "input|target|:4",
		"emit huber --adapter ru":             "rust|:4",
		"emit huber --for tr":                 "tract|:4",
		"attach model.onnx --loss mse --redu": "--reduction\t...|:4",
		"attach model.onnx --loss lab":        "label_relaxation\t...|:4",
		"show --format m":                     "mermaid|:4",
		"run ":                                "onnx|:8",
		"verify ./x":                          "onnx|:8",
		"emit no_such_loss --ga":              ":4",
	} {
		var out, said bytes.Buffer
		code := Run(all.Losses(), append([]string{"__complete"}, strings.Split(line, " ")...), strings.NewReader(""), &out, &said)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for i, l := range lines {
			if name, _, ok := strings.Cut(l, "\t"); ok && !strings.Contains(want, l) {
				lines[i] = name + "\t..."
			}
		}
		if got := strings.Join(lines, "|"); code != 0 || got != want {
			t.Errorf("%q: exit %d, %q, want %q", line, code, got, want)
		}
	}
	for _, args := range [][]string{{"__complete"}, {"__complete", ""}} {
		var out, said bytes.Buffer
		if Run(all.Losses(), args, strings.NewReader(""), &out, &said); strings.Contains(said.String(), "internal") {
			t.Errorf("%q: %s", args, &said)
		}
	}
}

// A request may come by standard input.
func TestConfigFromStandardInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.onnx")
	var out, said bytes.Buffer
	if code := Run(all.Losses(), []string{"emit", "--config", "-", "-o", path}, strings.NewReader("loss: huber\noptions: {delta: 0.5}\n"), &out, &said); code != 0 || !strings.Contains(said.String(), "delta=0.5") {
		t.Errorf("exit %d: %s", code, &said)
	}
	said.Reset()
	if code := Run(all.Losses(), []string{"emit", "--config", "-"}, strings.NewReader("loss: huber\nopset: x\n"), &out, &said); code != 2 || !strings.HasPrefix(said.String(), "lossgen: standard input:2: ") {
		t.Errorf("exit %d: %s", code, &said)
	}
}
