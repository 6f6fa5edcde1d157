package ort

import (
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/runtime"
)

// isolate takes every library out of the search's sight and returns an empty
// working directory.
func isolate(t *testing.T) string {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{LibraryVariable, "VIRTUAL_ENV", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		t.Setenv(name, "")
	}
	return dir
}

func touch(t *testing.T, parts ...string) string {
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindAsked(t *testing.T) {
	dir := isolate(t)
	missing := filepath.Join(dir, "missing.so")
	present := touch(t, dir, "present.so")

	if path, tried, err := Find(present); path != present || err != nil || len(tried) != 1 {
		t.Errorf("got %q %v %v", path, tried, err)
	}
	if path, _, err := Find("present.so"); path != present || err != nil {
		t.Errorf("a relative path: got %q %v", path, err)
	}
	_, _, err := Find(missing)
	if !errors.Is(err, runtime.ErrUnavailable) || err.Error() != "onnxruntime is unavailable: --ort-library="+missing+": no such file" {
		t.Errorf("got error %v", err)
	}
	t.Setenv(LibraryVariable, missing)
	_, tried, err := Find("")
	if err == nil || err.Error() != "onnxruntime is unavailable: "+LibraryVariable+"="+missing+": no such file" {
		t.Errorf("got error %v", err)
	}
	if len(tried) != 2 || tried[0].Outcome != "not set" || tried[1].Outcome != "no such file" {
		t.Errorf("tried %v", tried)
	}
	if path, _, err := Find(present); path != present || err != nil {
		t.Errorf("the explicit path comes first: got %q %v", path, err)
	}
}

func TestFindInEnvironments(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("the file names are Linux's")
	}
	dir := isolate(t)
	touch(t, dir, "go.mod")
	capi := filepath.Join("lib", "python3.11", "site-packages", "onnxruntime", "capi")
	touch(t, dir, ".venv", capi, "libonnxruntime_providers_shared.so")
	old := touch(t, dir, ".venv", capi, "libonnxruntime.so.1.20.1")
	active := filepath.Join(dir, "active")
	current := touch(t, active, capi, "libonnxruntime.so.1.32.0")
	below := filepath.Join(dir, "a", "b")
	touch(t, below, "file")
	t.Chdir(below)
	t.Setenv("VIRTUAL_ENV", active)

	path, tried, err := Find("")
	if path != current || err != nil {
		t.Errorf("got %q %v after %v", path, err, tried)
	}
	if n := len(tried); n != 4 || tried[n-2].Path != filepath.Dir(old) || !strings.Contains(tried[n-2].Outcome, "1.20.1 is too old") {
		t.Errorf("tried %v", tried)
	}
	fresh := touch(t, dir, ".venv", capi, "libonnxruntime.so.1.30.0")
	if path, _, err := Find(""); path != fresh || err != nil {
		t.Errorf("the project's .venv comes first: got %q %v", path, err)
	}
}

func TestFindOnPath(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("the interpreter is a shell script")
	}
	dir := isolate(t)
	pkg := filepath.Join(dir, "site", "onnxruntime")
	library := touch(t, pkg, "capi", "libonnxruntime.so.1.32.0")
	python := filepath.Join(dir, "bin", "python3")
	touch(t, python)
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho "+pkg+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(python, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(python))
	if path, tried, err := Find(""); path != library || err != nil {
		t.Errorf("got %q %v after %v", path, err, tried)
	}

	if err := os.WriteFile(python, []byte("#!/bin/sh\necho\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(library))
	path, tried, err := Find("")
	if path != library || err != nil {
		t.Errorf("got %q %v after %v", path, err, tried)
	}
}

// TestPlanted: a library that lies where the command is run, or in a folder above,
// is not found by that.
func TestPlanted(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("the file names are Linux's")
	}
	capi := filepath.Join("onnxruntime", "capi", "libonnxruntime.so.1.32.0")
	site := filepath.Join("lib", "python3.11", "site-packages", capi)
	python := func(t *testing.T, parts ...string) {
		path := touch(t, parts...)
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho "+filepath.Join(filepath.Dir(path), "onnxruntime")+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		touch(t, filepath.Dir(path), capi)
	}
	for name, plant := range map[string]func(t *testing.T, dir string){
		"here":                func(t *testing.T, dir string) { touch(t, dir, "libonnxruntime.so") },
		".venv here":          func(t *testing.T, dir string) { touch(t, dir, ".venv", site) },
		".venv above":         func(t *testing.T, dir string) { touch(t, filepath.Dir(dir), ".venv", site) },
		".venv above project": func(t *testing.T, dir string) { touch(t, filepath.Dir(dir), ".venv", site); touch(t, dir, "go.mod") },
		"python in PATH .":    func(t *testing.T, dir string) { t.Setenv("PATH", "."); python(t, dir, "python3") },
		"python in PATH bin":  func(t *testing.T, dir string) { t.Setenv("PATH", "bin:"); python(t, dir, "bin", "python3") },
		"loader path": func(t *testing.T, dir string) {
			t.Setenv("LD_LIBRARY_PATH", ".:lib")
			touch(t, dir, "lib", "libonnxruntime.so")
		},
		"VIRTUAL_ENV": func(t *testing.T, dir string) { t.Setenv("VIRTUAL_ENV", "env"); touch(t, dir, "env", site) },
		"writable by all": func(t *testing.T, dir string) {
			touch(t, dir, "go.mod")
			if err := os.Chmod(filepath.Dir(touch(t, dir, ".venv", site)), 0o777); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(isolate(t), "work")
			touch(t, dir, "file")
			t.Chdir(dir)
			plant(t, dir)
			if path, tried, _ := Find(""); strings.HasPrefix(path, filepath.Dir(dir)) {
				t.Errorf("found %s after %v", path, tried)
			}
		})
	}
}

// TestIsolatedPython: the interpreter itself does not look into the working
// directory either, nor where PYTHONPATH points.
func TestIsolatedPython(t *testing.T) {
	python := lookPath("python3")
	if python == "" {
		t.Skip("there is no python3")
	}
	dir := isolate(t)
	t.Setenv("PATH", filepath.Dir(python))
	t.Setenv("HOME", dir)
	t.Setenv("PYTHONPATH", dir)
	touch(t, dir, "onnxruntime", "__init__.py")
	touch(t, dir, "onnxruntime", "capi", "libonnxruntime.so.1.32.0")
	for _, module := range []string{"importlib.py", "site.py", "sitecustomize.py", "usercustomize.py"} {
		if err := os.WriteFile(filepath.Join(dir, module), []byte("open('ran', 'w')\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if path, tried, _ := Find(""); strings.HasPrefix(path, dir) {
		t.Errorf("found %s after %v", path, tried)
	}
	if isFile(filepath.Join(dir, "ran")) {
		t.Error("a module of the working directory ran")
	}
}

func TestFileVersion(t *testing.T) {
	for name, want := range map[string]string{
		"libonnxruntime.so.1.32.0": "1.32.0", "libonnxruntime.1.24.1.dylib": "1.24.1",
		"libonnxruntime.so.1": "", "libonnxruntime.so": "", "onnxruntime.dll": "",
	} {
		if got := fileVersion(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if !older("1.9.2", "1.24") || older("1.24.0", "1.24") || older("2.0", "1.24") {
		t.Error("versions are compared wrongly")
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		" a\n b\t c ": "a b c",
		"Non-zero status code returned while running Cast node. Name:'x' Status Message: /src/onnxruntime/core/a.cc:12 virtual Status onnxruntime::F(int) const ok was false. No.": "Cast x: ok was false. No.",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
