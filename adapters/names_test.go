package adapters

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/composition"
	"github.com/lossgen/lossgen/losses/regression"
)

// hostile are stems that mean something in a language, or end something there.
// conformance/stacks/adapter_names.py has all languages compile the like.
var hostile = []string{
	"", "class", "def", "None", "self", "type", "init", "main", "mod", "match", "2nd", "_X", "__x", "_", "größe", "损失", "💥",
	`a"b`, "a'b", `a\b`, `b\`, "a\nb", "a\rb", "a\x00b", "*/ x", "/* x", `\u000a x`, "\u2028x", "\u202ex", "{x}", "{{x}}", "%s%d",
	"$(x)", "`x`", "toString", "constructor", "__proto__", "result", "error", "inputs", "outputs", "string", "ort_api", "EOF", "NULL",
	"coding: latin-9", `"""`, "'''", "??/", "a[b]", "a b", "x_test", "x_linux", "x_windows_amd64", "ort", "std", "T", "l1",
}

// TestHostileStems compiles what the Go tools and Python can.
func TestHostileStems(t *testing.T) {
	dir := t.TempDir()
	request := composition.Combine("uncertainty")
	var tasks []losses.Task
	for _, name := range []string{"class", "def", "None", "toString", "constructor", "__proto__", "_X", "_", "a_b", "aB", "a__b", "EOF", "in", "err"} {
		tasks = append(tasks, regression.Huber.Task(name, regression.HuberOptions{}))
	}
	request.Options["tasks"] = tasks
	var described []*Data
	for _, r := range []losses.Request{request, {Catalog: all.Losses(), Loss: "focal", Options: losses.Values{"reduction": "none"}}} {
		d := build(t, r).describe(t)
		described = append(described, d)
	}
	var sources []string
	for i, stem := range hostile {
		d := *described[i%2]
		d.Stem = Text(stem)
		for _, s := range Stacks {
			fitted, err := s.fit(d)
			if s.Name == "go" && err != nil && strings.Contains(err.Error(), "cannot be embedded by Go") {
				continue
			}
			if err != nil {
				t.Fatalf("%q: %v", stem, err)
			}
			data, err := s.render(fitted)
			if err != nil {
				t.Fatalf("%q: %v", stem, err)
			}
			name := string(fitted.Source)
			checkText(t, name, string(data))
			checkName(t, name)
			path := filepath.Join(dir, fmt.Sprintf("%d_%s", len(sources), name))
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if owner, err := writtenFor(path); err != nil || owner != stem+".onnx" {
				t.Errorf("%s for %q says it is for %q, %v", name, stem, owner, err)
			}
			switch filepath.Ext(name) {
			case ".py":
				sources = append(sources, path)
			case ".go":
				compileGo(t, stem, data)
			}
		}
	}
	compilePython(t, sources)
}

// checkName wants a name that no system or tool reads otherwise.
func checkName(t *testing.T, name string) {
	t.Helper()
	base, _, _ := strings.Cut(name, ".")
	if identifier(base) != base || strings.HasSuffix(base, "_test") && filepath.Ext(name) == ".go" {
		t.Errorf("a source is called %q", name)
	}
}

// compileGo checks the types of a source but for those of ONNX Runtime's binding.
func compileGo(t *testing.T, stem string, data []byte) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "x.go", data, parser.ParseComments)
	if err != nil {
		t.Errorf("%q: %v", stem, err)
		return
	}
	check := types.Config{Importer: goImporter, Error: func(err error) {
		if !strings.Contains(err.Error(), "ort.") {
			t.Errorf("%q: %v", stem, err)
		}
	}}
	check.Check("losses", set, []*ast.File{f}, nil) // what is wrong goes to Error
}

var goImporter = binding{importer.ForCompiler(token.NewFileSet(), "gc", nil)}

// binding has an empty package for the binding.
type binding struct{ types.Importer }

func (b binding) Import(path string) (*types.Package, error) {
	if strings.Contains(path, "onnxruntime_go") {
		p := types.NewPackage(path, "ort")
		p.MarkComplete()
		return p, nil
	}
	return b.Importer.Import(path)
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		language language
		names    []string
		want     []string
	}{
		{python, []string{"class", "self", "input", "_x", "None"}, []string{"class_", "self_", "input", "x", "None_"}},
		{java, []string{"a_b", "aB", "class", "in", "_"}, []string{"aB", "aB_", "class_", "in", "loss"}},
		{golang, []string{"a_b", "aB", "type", "x", "x_shape"}, []string{"AB", "AB_", "Type", "X", "XShape"}},
		{rust, []string{"self", "type", "Self"}, []string{"self_", "type_", "Self_"}},
		{cpp, []string{"a__b", "a_b", "_X", "EOF", "errno", "and", "N"}, []string{"a_b", "a_b_", "X", "eof", "errno_", "and_", "N"}},
	} {
		members, shapes := c.language.members(c.names)
		var got []string
		for _, name := range c.names {
			got = append(got, members[name])
			if slices.Contains(c.want, shapes[name]) {
				t.Errorf("the shape of %s is called %s, as an input", name, shapes[name])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v become %v, want %v", c.names, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"a·b": "a·b", "a\nb": "a_b", `c:\u000a`: "c:_u000a", "x */ y": "x *_ y", `"""`: "'''", "???/": "?__/", "\u202ex": "_x",
	} {
		if got := fmt.Sprint(Text(text)); got != want {
			t.Errorf("%q prints as %q, want %q", text, got, want)
		}
	}
	all := "a\"'\\\n\x01ö\u2028💥"
	for want, l := range map[string]language{
		`"a\"'\\\x0a\x01ö\u2028💥"`:                             python,
		`"a\"'\\\u000a\u0001ö\u2028💥"`:                         js,
		`"a\"'\\\012\001\u00f6\u2028\ud83d\udca5"`:             java,
		`"a\"'\\\u{a}\u{1}ö\u{2028}💥"`:                         rust,
		`"a\"'\\\012\001\303\266\342\200\250\360\237\222\245"`: cpp,
	} {
		if got := literal(all, '"', l.escape); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRefuse: a source replaces its own forerunner only.
func TestRefuse(t *testing.T) {
	dir := t.TempDir()
	file := build(t, losses.Request{Catalog: all.Losses(), Loss: "mse"})
	emit := func(stem, stack string) error {
		t.Helper()
		files, err := file.write(stem, stack)
		if err != nil {
			t.Fatal(err)
		}
		if err := Refuse(dir, stem, files); err != nil {
			return err
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.rs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ stem, stack, want string }{
		{"ce_sum", "torch", ""},
		{"ce_sum", "torch", ""}, // emitted again
		{"ce-sum", "torch", `ce_sum_torch.py is the adapter of "ce_sum.onnx", and "ce-sum.onnx" gives the same name`},
		{"损失", "js", ""},
		{"焦点", "js", `is the adapter of "损失.onnx"`},
		{"Ce", "java", ""},
		{"ce", "java", `CeLoss.java is the adapter of "Ce.onnx"`},
		{"main", "go", "main.go is there and was not written by lossgen"},
		{"folder", "rust", "folder.rs is in the way"},
		{"ce_sum", "go", ""},
		{"ceSum", "go", `would declare CeSum, which`},
		{"ce_sum_inputs", "go", "would declare CeSumInputs"},
		{"ce_sum_test", "go", ""}, // a name of its own
		{"ce_sum", "cpp", ""},
		{"ceSum", "cpp", `would declare CeSum, which`},
		{"ce_sum_inputs", "cpp", ""},
	} {
		err := emit(c.stem, c.stack)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: %v, want %q", c.stack, c.stem, err, c.want)
		}
	}
}
