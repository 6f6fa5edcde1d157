package ort

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/lossgen/lossgen/runtime"
)

// LibraryVariable is the environment variable that names the library.
const LibraryVariable = "LOSSGEN_ORT_LIBRARY"

// Attempt is one step of the search for the library.
type Attempt struct {
	Where   string // what was looked at: "--ort-library", "python3 on PATH", ...
	Path    string // the file or folder, where there is one
	Outcome string // "found", or why not
}

// Find looks for the ONNX Runtime library: the explicit path, then
// LOSSGEN_ORT_LIBRARY, then an installed Python package onnxruntime (in the
// nearest .venv, in $VIRTUAL_ENV, or of python3), then the folders of the
// system loader. A path that was asked for and does not exist is an error;
// the search does not go on without it. The library is not loaded.
func Find(explicit string) (path string, tried []Attempt, err error) {
	f := &finder{}
	for _, asked := range []struct{ where, path string }{
		{"--ort-library", explicit},
		{LibraryVariable, os.Getenv(LibraryVariable)},
	} {
		if asked.path == "" {
			f.note(asked.where, "", "not set")
			continue
		}
		path, err := f.asked(asked.where, asked.path)
		return path, f.tried, err
	}
	for _, step := range []func() string{f.virtualEnvs, f.pythons, f.system} {
		if path := step(); path != "" {
			return path, f.tried, nil
		}
	}
	return "", f.tried, fmt.Errorf("onnxruntime is %w: no library found; install it with %q, or name a library with --ort-library or %s",
		runtime.ErrUnavailable, InstallCommand, LibraryVariable)
}

// finder records what a search sees.
type finder struct{ tried []Attempt }

func (f *finder) note(where, path, outcome string) {
	f.tried = append(f.tried, Attempt{where, path, outcome})
}

// asked takes a path that the user named: it works or the search fails.
func (f *finder) asked(where, path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		full = path
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		f.note(where, full, "no such file")
		return "", fmt.Errorf("onnxruntime is %w: %s=%s: no such file", runtime.ErrUnavailable, where, path)
	case !info.IsDir():
		f.note(where, full, "found")
		return full, nil
	}
	if found := f.folder(where, full); found != "" {
		return found, nil
	}
	return "", fmt.Errorf("onnxruntime is %w: %s=%s: the folder holds no ONNX Runtime library of version %s or later",
		runtime.ErrUnavailable, where, path, MinVersion)
}

// folder returns the library in a folder, or "".
func (f *finder) folder(where, dir string) string {
	outcome := "no library here"
	for _, pattern := range libraryPatterns() {
		matches, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range matches {
			if v := fileVersion(path); v != "" && older(v, MinVersion) {
				outcome = fmt.Sprintf("version %s is too old, need %s or later", v, MinVersion)
				continue
			}
			f.note(where, path, "found")
			return path
		}
	}
	f.note(where, dir, outcome)
	return ""
}

func libraryPatterns() []string {
	switch goruntime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.*.dylib"}
	default:
		return []string{"libonnxruntime.so", "libonnxruntime.so.*"}
	}
}

// virtualEnvs looks into the nearest .venv above the working directory and
// into the active environment.
func (f *finder) virtualEnvs() string {
	dir, err := os.Getwd()
	for err == nil {
		if env := filepath.Join(dir, ".venv"); isDir(env) {
			if path := f.virtualEnv(".venv", env); path != "" {
				return path
			}
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			f.note(".venv", "", "none above the working directory")
			break
		}
		dir = parent
	}
	env := os.Getenv("VIRTUAL_ENV")
	if env == "" {
		f.note("VIRTUAL_ENV", "", "not set")
		return ""
	}
	return f.virtualEnv("VIRTUAL_ENV", env)
}

func (f *finder) virtualEnv(where, env string) string {
	for _, pattern := range []string{"lib/python3*/site-packages", "Lib/site-packages"} {
		sites, _ := filepath.Glob(filepath.Join(env, filepath.FromSlash(pattern), "onnxruntime", "capi"))
		for _, dir := range sites {
			if path := f.folder(where, dir); path != "" {
				return path
			}
		}
		if len(sites) > 0 {
			return ""
		}
	}
	f.note(where, env, "no package onnxruntime")
	return ""
}

// locate prints the folder of the package without importing it, which would
// take a second and load a library of its own.
const locate = `import importlib.util as u
s = u.find_spec("onnxruntime")
print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")`

// pythons asks the interpreters on PATH.
func (f *finder) pythons() string {
	for _, name := range []string{"python3", "python"} {
		where := name + " on PATH"
		program, err := exec.LookPath(name)
		if err != nil {
			f.note(where, "", "not found")
			continue
		}
		out, err := output(program, "-c", locate)
		switch {
		case err != nil:
			f.note(where, program, "does not run: "+oneLine(err.Error()))
		case out == "":
			f.note(where, program, "no package onnxruntime")
		default:
			if path := f.folder(where, filepath.Join(out, "capi")); path != "" {
				return path
			}
		}
	}
	return ""
}

// system looks where the system loader does.
func (f *finder) system() string {
	seen := map[string]bool{}
	for _, dir := range systemFolders() {
		if dir == "" || seen[dir] || !isDir(dir) {
			continue
		}
		seen[dir] = true
		if path := f.folder("system", dir); path != "" {
			return path
		}
	}
	return ""
}

func systemFolders() []string {
	switch goruntime.GOOS {
	case "windows":
		return filepath.SplitList(os.Getenv("PATH"))
	case "darwin":
		dirs := filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH"))
		return append(dirs, "/opt/homebrew/lib", "/usr/local/lib", "/usr/lib")
	}
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	dirs = append(dirs, loaderCache()...)
	dirs = append(dirs, "/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib")
	for _, pattern := range []string{"/usr/lib/*-linux-gnu*", "/usr/lib/*-linux-musl*"} {
		more, _ := filepath.Glob(pattern)
		dirs = append(dirs, more...)
	}
	return dirs
}

// loaderCache returns the folders of ONNX Runtime libraries in ldconfig's
// cache, whose lines read "libx.so.1 (libc6,x86-64) => /usr/lib/libx.so.1".
func loaderCache() []string {
	program, err := exec.LookPath("ldconfig")
	if err != nil {
		program = "/sbin/ldconfig" // often not on an ordinary user's PATH
	}
	out, err := output(program, "-p")
	if err != nil {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(out) {
		name, path, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if ok && strings.HasPrefix(name, "libonnxruntime.so") {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

func output(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).Output()
	return strings.TrimSpace(string(out)), err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
