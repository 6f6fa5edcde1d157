package ort

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
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
// project's .venv, in $VIRTUAL_ENV, or of python3), then the folders of the
// system loader. A path that was asked for and does not exist is an error;
// the search does not go on without it. The library is not loaded.
//
// Nothing is taken from the working directory because it is the working
// directory: the project's .venv has to stand beside its go.mod or
// pyproject.toml and belong to the user, and relative folders in PATH or
// LD_LIBRARY_PATH are passed over.
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
		matches, _ := fs.Glob(os.DirFS(dir), pattern) // dir may have a name with * or [
		for _, name := range matches {
			path := filepath.Join(dir, name)
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

// virtualEnvs looks into the project's .venv and into the active environment.
func (f *finder) virtualEnvs() string {
	if path := f.project(); path != "" {
		return path
	}
	env := os.Getenv("VIRTUAL_ENV")
	switch {
	case env == "":
		f.note("VIRTUAL_ENV", "", "not set")
		return ""
	case !filepath.IsAbs(env):
		f.note("VIRTUAL_ENV", env, "no absolute path, so not looked at")
		return ""
	}
	path, _ := f.virtualEnv("VIRTUAL_ENV", env)
	return path
}

// rootFiles stand in the folder that is the root of a project.
var rootFiles = []string{"go.mod", "pyproject.toml"}

// project looks into the .venv beside the root file of the project that the
// working directory is in. A library runs as soon as it is loaded, so that of a
// folder which somebody else can write to is not one to load.
func (f *finder) project() string {
	dir, err := os.Getwd()
	for err == nil && !slices.ContainsFunc(rootFiles, func(name string) bool { return isFile(filepath.Join(dir, name)) }) {
		parent := filepath.Dir(dir)
		if parent == dir {
			f.note(".venv", "", "the working directory is in no project: no "+strings.Join(rootFiles, " or "))
			return ""
		}
		dir = parent
	}
	env := filepath.Join(dir, ".venv")
	if err != nil || !isDir(env) {
		f.note(".venv", env, "no such folder")
		return ""
	}
	path, err := f.virtualEnv(".venv", env)
	if path == "" || err != nil {
		return ""
	}
	for _, part := range []string{dir, env, filepath.Dir(path), path} {
		if reason := foreign(part); reason != "" {
			f.tried = f.tried[:len(f.tried)-1] // it was not taken
			f.note(".venv", part, reason+", so not loaded")
			return ""
		}
	}
	return path
}

// virtualEnv returns the library of the package in an environment, or "".
func (f *finder) virtualEnv(where, env string) (string, error) {
	for _, pattern := range []string{"lib/python3*/site-packages/onnxruntime/capi", "Lib/site-packages/onnxruntime/capi"} {
		sites, err := fs.Glob(os.DirFS(env), pattern)
		if err != nil {
			return "", err
		}
		for _, dir := range sites {
			if path := f.folder(where, filepath.Join(env, filepath.FromSlash(dir))); path != "" {
				return path, nil
			}
		}
		if len(sites) > 0 {
			return "", nil
		}
	}
	f.note(where, env, "no package onnxruntime")
	return "", nil
}

// locate prints the folder of the package without importing it, which would
// take a second and load a library of its own. An isolated interpreter does not
// look for packages in the working directory, but neither in the user's own
// folder, where pip puts them: that one is added.
const locate = `import importlib.util as u, site, sys
sys.path.append(site.getusersitepackages())
s = u.find_spec("onnxruntime")
print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")`

// pythons asks the interpreters on PATH.
func (f *finder) pythons() string {
	for _, name := range []string{"python3", "python"} {
		where := name + " on PATH"
		program := lookPath(name)
		if program == "" {
			f.note(where, "", "not found")
			continue
		}
		out, err := output(program, "-I", "-c", locate)
		switch {
		case err != nil:
			f.note(where, program, "does not run: "+oneLine(err.Error()))
		case out == "":
			f.note(where, program, "no package onnxruntime")
		case !filepath.IsAbs(out):
			f.note(where, program, fmt.Sprintf("answers %q, which is no absolute path", out))
		default:
			if path := f.folder(where, filepath.Join(out, "capi")); path != "" {
				return path
			}
		}
	}
	return ""
}

// lookPath returns a program in a folder that PATH names by an absolute path, or
// "". Other entries mean another folder wherever one stands.
func lookPath(name string) string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// system looks where the system loader does.
func (f *finder) system() string {
	seen := map[string]bool{}
	for _, dir := range systemFolders() {
		if !filepath.IsAbs(dir) || seen[dir] || !isDir(dir) {
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
	program := lookPath("ldconfig")
	if program == "" {
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
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Dir(program) // not where a file could choose what it runs
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
