// Package adapters writes source files that make an emitted loss file part of a
// training stack: a torch.nn.Module, a differentiable function of JAX, and so on.
//
//	files, err := adapters.Write(plan, data, "focal", []string{"torch", "jax"})
//
// A source file belongs beside its .onnx file and needs the stack and its ONNX
// Runtime, not lossgen. It refuses any other file, by a hash. Each stack is one
// template in the folder templates and one row in the table of stacks; a template
// sees [Data], which is read from the file alone.
package adapters

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/lossgen/lossgen/losses"
)

//go:embed templates
var templates embed.FS

// Stack is a training stack that has an adapter.
type Stack struct {
	Name     string // as given to --adapter
	File     string // template of the file's name
	Template string // file in the folder templates
	Parts    string // file there with parts that stacks share
	Lacks    string // dtype of floating inputs and outputs that the stack cannot pass, or ""
	Language string // for lists
	names    language
	// declares, where files of a folder share their names, lists those that a type
	// brings along.
	declares func(typeName string) []string
	// allows, where there is one, says why a source file cannot be called so.
	allows func(d *Data) error
	// Format, where there is one, rewrites the source as the language wants it.
	Format func([]byte) ([]byte, error)
}

// Stacks lists the stacks in the order of help texts.
var Stacks = []Stack{
	{Name: "torch", File: "{{.Name}}_torch.py", Template: "torch.py.tmpl", Parts: "python.tmpl", Language: "PyTorch", names: python},
	{Name: "jax", File: "{{.Name}}_jax.py", Template: "jax.py.tmpl", Parts: "python.tmpl", Lacks: "bfloat16", Language: "JAX", names: python},
	{Name: "tensorflow", File: "{{.Name}}_tensorflow.py", Template: "tensorflow.py.tmpl", Parts: "python.tmpl", Lacks: "bfloat16",
		Language: "TensorFlow and Keras", names: python},
	{Name: "js", File: "{{.Name}}.mjs", Template: "js.mjs.tmpl", Parts: "native.tmpl", Lacks: "bfloat16", Language: "JavaScript", names: js},
	{Name: "java", File: "{{.Type}}Loss.java", Template: "java.java.tmpl", Parts: "native.tmpl", Language: "Java", names: java, Format: asciiJava},
	{Name: "rust", File: "{{.Name}}.rs", Template: "rust.rs.tmpl", Parts: "native.tmpl", Language: "Rust", names: rust},
	{Name: "cpp", File: "{{.Name}}.hpp", Template: "cpp.hpp.tmpl", Parts: "native.tmpl", Language: "C++", names: cpp,
		declares: func(t string) []string { return []string{t} }},
	{Name: "go", File: "{{.Name}}.go", Template: "go.go.tmpl", Parts: "native.tmpl", Language: "Go", names: golang,
		declares: func(t string) []string { return []string{t, t + "Inputs", t + "Outputs", "Open" + t} },
		allows:   embeds, Format: format.Source},
}

// Names returns the names of all stacks.
func Names() []string {
	var names []string
	for _, s := range Stacks {
		names = append(names, s.Name)
	}
	return names
}

// Write renders the adapters of a plan's file, given by its bytes, for the named stacks.
// stem is the file's name without its extension. The result maps file names to
// contents; [Refuse] says whether they may be written into a folder.
func Write(plan *losses.Plan, file []byte, stem string, stacks []string) (map[string][]byte, error) {
	if plan.HVP {
		return nil, errors.New("adapters take no products with the Hessian: run the file with --hvp in ONNX Runtime itself")
	}
	d, err := Describe(plan, file, stem)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range stacks {
		s, err := find(name)
		if err != nil {
			return nil, err
		}
		fitted, err := s.fit(*d)
		if err != nil {
			return nil, err
		}
		if files[string(fitted.Source)], err = s.render(fitted); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func find(name string) (Stack, error) {
	for _, s := range Stacks {
		if s.Name == name {
			return s, nil
		}
	}
	return Stack{}, fmt.Errorf("no adapter is called %q: there are %s", name, strings.Join(Names(), ", "))
}

// fit names what the stack's source has of the file's name.
func (s Stack) fit(d Data) (*Data, error) {
	stem := string(d.Stem)
	d.Name, d.Type = s.names.moduleName(stem), s.names.className(stem)
	if d.Trainer != nil { // net_train.onnx has a NetTrainer
		d.Type = s.names.className(strings.TrimSuffix(stem, "_train"))
	}
	t, err := template.New(s.Name).Parse(s.File)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return nil, err
	}
	d.Source, d.Command = Text(b.String()), d.commandFor(s.Name)
	if s.allows != nil {
		return &d, s.allows(&d)
	}
	return &d, nil
}

func (s Stack) render(d *Data) ([]byte, error) {
	if s.Lacks == d.DType {
		return nil, fmt.Errorf("the %s adapter cannot pass %s arrays to ONNX Runtime: emit with --dtype float32", s.Name, s.Lacks)
	}
	t, err := template.New(s.Template).Funcs(functions).Funcs(s.functions(d)).
		ParseFS(templates, "templates/"+s.Template, "templates/"+s.Parts)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return nil, err
	}
	text := tidy(b.Bytes())
	if s.Format != nil {
		if text, err = s.Format(text); err != nil {
			return nil, err
		}
	}
	return append([]byte(mark(s.Parts, d)), text...), nil
}

// functions are those that templates may call.
var functions = template.FuncMap{
	"join":  strings.Join,
	"tuple": tuple,
	"wrap":  wrap,
	"minus": func(a, b int) int { return a - b },

	"embedPattern": embedPattern,

	"element": element,
	"camel":   camelName,

	"buffer":   buffer,
	"asBuffer": asBuffer,
	"size":     size,
	"explicit": explicit,

	"rustArray": rustArray,
	"javaType":  javaType,
}

// functions are those that depend on the language and on the file's names.
func (s Stack) functions(d *Data) template.FuncMap {
	var names []string
	for _, p := range d.ports() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	members, shapes := s.names.members(slices.Compact(names))
	return template.FuncMap{
		"quote":  func(text any) string { return literal(plainText(text), '"', s.names.escape) },
		"single": func(text Text) string { return literal(string(text), '\'', s.names.escape) },
		"member": func(name string) string { return members[name] },
		"shape":  func(name string) string { return shapes[name] },
		"form":   func(f Form) string { return s.names.write(f.dim) },
	}
}

// plainText is text without the care for comments.
func plainText(text any) string {
	if t, ok := text.(Text); ok {
		return string(t)
	}
	return fmt.Sprint(text)
}

// tuple writes names as a tuple of Python.
func tuple(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, literal(n, '"', escapePython))
	}
	if len(quoted) == 1 {
		return "(" + quoted[0] + ",)"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

var (
	trailing = regexp.MustCompile(`[ \t]+\n`)
	gap      = regexp.MustCompile(`\n{4,}`)
)

// tidy removes what the parts of a template that were left out leave behind.
func tidy(text []byte) []byte {
	text = trailing.ReplaceAll(text, []byte("\n"))
	text = gap.ReplaceAll(text, []byte("\n\n\n"))
	return append(bytes.TrimSpace(text), '\n')
}
