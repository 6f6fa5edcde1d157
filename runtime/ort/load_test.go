//go:build cgo

package ort

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/runtime"
)

func TestLoad(t *testing.T) {
	needLibrary(t)
	info, err := Backend{}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if older(info.Version, MinVersion) || info.Path == "" || len(info.Tried) == 0 {
		t.Errorf("got %+v", info)
	}
	if again, err := (Backend{Library: info.Path}).Load(); err != nil || again.Version != info.Version {
		t.Errorf("the loaded library again: got %+v, error %v", again, err)
	}
	other := touch(t, t.TempDir(), "other.so")
	_, err = Backend{Library: other}.Load()
	if !errors.Is(err, runtime.ErrUnavailable) || !strings.Contains(err.Error(), "this process has loaded "+info.Path) {
		t.Errorf("another library: got error %v", err)
	}
}

// What a process prints and returns that fails to load its first library is
// seen from outside.
func TestLoadErrors(t *testing.T) {
	if library := os.Getenv("ORT_TEST_LOAD"); library != "" {
		_, err := Backend{Library: library}.Load()
		if !errors.Is(err, runtime.ErrUnavailable) {
			t.Fatalf("got error %v", err)
		}
		os.Stdout.WriteString("error: " + err.Error() + "\n")
		return
	}
	dir := t.TempDir()
	for path, want := range map[string]string{
		touch(t, dir, "empty.so"):     "empty.so: Error loading ONNX shared library",
		filepath.Join(dir, "none.so"): "none.so: no such file",
		dir:                           "the folder holds no ONNX Runtime library of version 1.24 or later",
		touch(t, dir, "libonnxruntime.so.1.19.2"): "version 1.19.2 is too old, need 1.24 or later",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLoadErrors$")
		cmd.Env = append(os.Environ(), "ORT_TEST_LOAD="+path)
		out, err := cmd.CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		if err != nil || !strings.HasPrefix(line, "error: onnxruntime is unavailable: ") || !strings.Contains(line, want) {
			t.Errorf("%s: got %q, error %v", path, out, err)
		}
	}
}

// A provider that is asked to run a model alone does not get the processor's
// help: here, the processor itself is refused.
func TestProviderAlone(t *testing.T) {
	needLibrary(t)
	if _, err := (Backend{}).Load(); err != nil {
		t.Fatal(err)
	}
	_, err := open(readModel(t, "add"), runtime.Options{}, providers[0], true)
	if err == nil || !strings.Contains(err.Error(), "fallback") {
		t.Errorf("got error %v", err)
	}
}

func TestProviders(t *testing.T) {
	needLibrary(t)
	if err := (Backend{}).Check("cpu"); err != nil {
		t.Error(err)
	}
	if err := (Backend{}).Check("tpu"); err == nil || errors.Is(err, runtime.ErrUnavailable) {
		t.Errorf("got error %v", err)
	}
	// Opening on a provider works exactly where its check passes.
	err := Backend{}.Check("cuda")
	s, openErr := Backend{}.Open(readModel(t, "square_f32"), runtime.Options{Provider: "cuda"})
	if openErr == nil {
		defer s.Close()
	}
	if (err == nil) != (openErr == nil) || err != nil && (!errors.Is(openErr, runtime.ErrUnavailable) || err.Error() != openErr.Error()) {
		t.Errorf("check: %v, open: %v", err, openErr)
	}
	if len(Providers()) != 2 || Providers()[0].Name != "cpu" {
		t.Errorf("got %v", Providers())
	}
}
