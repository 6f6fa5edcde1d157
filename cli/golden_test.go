package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses/all"
)

const goldenFile = `golden cases of mse, made by torch 0
-- tiny --
{"dtypes":["float32","float64"],"grad":["input"],"request":{"grad":["input"],"shape":{"input":"N"}}}
input input float64 [2] 1 3
input target float64 [2] 0 1
output loss [] 2.5
output grad_input [2] 1 2
`

// TestGoldenFolder: golden and verify take cases from a folder of text files.
func TestGoldenFolder(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(filepath.Join(dir, "mse.txt"), []byte(goldenFile), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"golden", "mse", "--golden", dir, "-o", out}, {"verify", "mse", "--golden", dir, "--engine", "reference"}} {
		var stderr bytes.Buffer
		if code := Run(all.Losses(), args, nil, io.Discard, &stderr); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, &stderr)
		}
	}
	for _, file := range []string{"model.onnx", "data.json", "test_data_set_0/input_1.pb", "test_data_set_0/output_1.pb"} {
		if _, err := os.Stat(filepath.Join(out, "test_tiny", file)); err != nil {
			t.Error(err)
		}
	}
}

// TestGoldenStaysInFolder: a case whose name is a way out of the folder is refused
// in one line, and nothing is written anywhere.
func TestGoldenStaysInFolder(t *testing.T) {
	for _, name := range []string{"../../out", "..", "/tmp/x", `..\x`, "a/b", "", "\x1b[2J"} {
		root := t.TempDir()
		dir := filepath.Join(root, "in")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(goldenFile, "-- tiny --", "-- "+name+" --", 1)
		if err := os.WriteFile(filepath.Join(dir, "mse.txt"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		code := Run(all.Losses(), []string{"golden", "mse", "--golden", dir, "-o", filepath.Join(root, "a", "b")}, nil, io.Discard, &stderr)
		if line := stderr.String(); code != 1 || !strings.HasPrefix(line, "lossgen: golden cases: mse.txt:2: ") || strings.Count(line, "\n") != 1 || strings.Contains(line, "\x1b") {
			t.Errorf("%q: exit %d, %q", name, code, line)
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
			t.Errorf("%q: %v beside the golden cases, %v", name, entries, err)
		}
	}
}
