package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lossgen/lossgen"

// family is what declarations of losses may import.
var family = []string{"builder", "builder/tensor", "losses", "losses/parts"}

// policy says which packages of this module, and which other modules, a folder
// and those below it may import outside tests; the standard library is free.
// Losses cannot see how a model is written or run, engines cannot see losses,
// and each dependency stays in one place.
var policy = map[string][]string{
	"builder/tensor":                   {"github.com/x448/float16"},
	"builder/ir":                       {"builder/tensor"},
	"builder/ir/infer":                 {"builder/ir", "builder/tensor"},
	"builder":                          {"builder/ir", "builder/tensor"},
	"losses":                           {"builder", "builder/ir", "builder/tensor"},
	"losses/parts":                     {"builder", "builder/tensor", "losses"},
	"losses/composition":               append([]string{"losses/regression"}, family...), // its default tasks
	"losses/*":                         family,
	"losses/all":                       {"losses", "losses/*"},
	"losstest":                         {"builder", "builder/ir", "builder/tensor", "losses", "export", "runtime", "runtime/reference", "runtime/ort", "verify"},
	"export":                           {"builder/ir", "builder/ir/infer", "builder/tensor", "export/internal/onnxpb", "github.com/gogo/protobuf"},
	"graft":                            {"builder", "builder/ir", "builder/ir/infer", "builder/tensor", "export"},
	"train":                            {"builder", "builder/ir", "builder/tensor", "graft", "losses"},
	"safetensors":                      {"builder/ir", "builder/tensor"},
	"fit":                              {"builder/ir", "builder/tensor", "train", "safetensors", "export", "npy", "runtime"},
	"adapters":                         {"builder/ir", "builder/tensor", "losses", "export", "safetensors", "golang.org/x/mod"},
	"draw":                             {"builder/ir", "builder/ir/infer", "builder/tensor"},
	"cost":                             {"builder/ir", "builder/ir/infer", "builder/tensor", "export"},
	"npy":                              {"builder/tensor", "github.com/edsrzf/mmap-go"},
	"runtime":                          {"builder/ir", "builder/tensor"},
	"runtime/reference":                {"builder/ir", "builder/tensor", "runtime", "export", "github.com/owulveryck/onnx-go", "gorgonia.org/tensor", "gonum.org/v1/gonum"},
	"runtime/ort":                      {"builder/ir", "builder/tensor", "runtime", "export", "github.com/yalue/onnxruntime_go"},
	"testdata":                         {},
	"verify":                           {"builder", "builder/ir", "builder/tensor", "losses", "export", "graft", "train", "runtime", "runtime/reference", "testdata"},
	"cmd/lossgen":                      {"cli", "losses/all"},
	"conformance/live/domains":         {"builder", "builder/tensor", "losses", "losses/all", "cli"},
	"conformance/stacks/adapter_names": {"builder", "losses", "losses/all", "cli"},
	"conventions":                      {"builder/tensor", "losses"},
	"explain":                          {"builder/ir", "builder/ir/infer", "builder/tensor", "conventions", "losses", "export", "runtime", "runtime/reference", "verify"},
	"cli": {
		"adapters", "conventions", "explain", "builder/ir", "builder/tensor", "losses", "export", "graft", "train", "fit", "safetensors", "draw", "cost", "npy", "runtime", "runtime/reference", "runtime/ort", "verify",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/goccy/go-yaml",
		"github.com/cheggaaa/pb", "golang.org/x/term",
	},
}

func TestDependencies(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "examples" || d.Name() == "testdata"):
			return fs.SkipDir // examples use whatever a user would
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return checkImports(t, file, filepath.ToSlash(relative))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkImports compares a file's imports, whatever its build tags, with the
// policy.
func checkImports(t *testing.T, file, name string) error {
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	allowed, ok := allowedIn(path.Dir(name))
	if !ok {
		t.Errorf("%s: the policy has no line for its folder", name)
		return nil
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if !permits(allowed, imported) {
			t.Errorf("%s must not import %s", name, imported)
		}
	}
	return nil
}

// allowedIn finds the line of a folder, or of all beside it, or of the nearest one above.
func allowedIn(folder string) ([]string, bool) {
	for ; folder != "."; folder = path.Dir(folder) {
		for _, line := range []string{folder, path.Dir(folder) + "/*"} {
			if allowed, ok := policy[line]; ok {
				return allowed, true
			}
		}
	}
	return nil, false
}

func permits(allowed []string, imported string) bool {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return slices.Contains(allowed, own) || slices.Contains(allowed, path.Dir(own)+"/*")
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(allowed, func(a string) bool { return imported == a || strings.HasPrefix(imported, a+"/") })
}
