package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutside builds the example as a module of its own, as a user would, and
// uses the loss like those of lossgen.
func TestOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := module(t)
	command := filepath.Join(dir, "own-lossgen")
	run(t, dir, "go", "build", "-mod=mod", "-o", command, ".")
	for _, c := range []struct {
		arguments, want string
	}{
		{"list", "wide_log_cosh "},
		{"describe wide_log_cosh", "difference at which the loss turns linear"},
		{"emit wide_log_cosh.onnx --width 0.5 --with mask --verify", "verified: metadata, bytes"},
		{"verify wide_log_cosh.onnx --engine reference", "differences"},
		{"emit multi_task --task depth=wide_log_cosh,width=2 --task seg=cross_entropy --verify", "(depth_input - depth_target) /"},
		{"emit wide_log_cosh.onnx --adapter torch", "wide_log_cosh_torch.py"},
		{"cases wide_log_cosh", `"case": "width_0.5_mean"`},
	} {
		out := run(t, dir, command, strings.Fields(c.arguments)...)
		// What is wanted may stand in two of the lines that a long one becomes.
		if joined := strings.ReplaceAll(out, "\nlossgen:   ", " "); !strings.Contains(strings.ReplaceAll(joined, "  ", " "), c.want) {
			t.Errorf("%s: no %q in:\n%s", c.arguments, c.want, out)
		}
	}
}

// module is a folder with the example's source and a go.mod that finds this
// checkout.
func module(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := read(t, filepath.Join(root, "go.mod"))
	mod = strings.Replace(mod, "module github.com/lossgen/lossgen", "module example.com/own", 1)
	mod += "\nrequire github.com/lossgen/lossgen v0.0.0\n\nreplace github.com/lossgen/lossgen => " + root + "\n"
	for name, text := range map[string]string{
		"go.mod": mod, "go.sum": read(t, filepath.Join(root, "go.sum")), "main.go": read(t, "main.go"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func run(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out.String())
	}
	return out.String()
}
