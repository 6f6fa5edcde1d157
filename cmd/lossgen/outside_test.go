package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutside builds the programs of testdata/outside in a module of their own, as
// somebody's who has lossgen as a dependency, and runs them. What they print is
// PyTorch's numbers, or what a training has to come to.
func TestOutside(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/outside")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	module := "module outside\n\ngo 1.26\n\nrequire github.com/lossgen/lossgen v0.0.0\n\nreplace github.com/lossgen/lossgen => " + root + "\n"
	for name, data := range map[string]string{"go.mod": module, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	bin := filepath.Join(t.TempDir(), "bin") + string(os.PathSeparator)
	run("go", "build", "-o", bin, "./...")
	run(bin+"region", "emit", "missed.onnx", "--smooth_nr", "0")
	for command, want := range map[string]string{
		"huber":   "loss 1.53125, gradient 0 0.125 0.25 -0.25\n", // F.huber_loss with its defaults, and its gradient
		"network": "w 2.000 -1.000, bias 0.500\n",
		// The expression in the file, run by PyTorch, gives the number.
		"region run missed.onnx --input input=input.npy --input target=target.npy --engine reference -o out": "loss 0.7152799\n",
	} {
		words := strings.Fields(command)
		if got := run(bin+words[0], words[1:]...); !strings.HasSuffix(got, want) {
			t.Errorf("%s prints %q, want %q", command, got, want)
		}
	}
}
