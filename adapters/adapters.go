// Package adapters writes source files that make an emitted loss file part of a
// training stack: a torch.nn.Module, a differentiable function of JAX, and so on.
//
//	files, err := adapters.Write(m, "focal", []string{"torch", "jax"})
//
// A source file belongs beside its .onnx file and needs the stack and its ONNX
// Runtime, not lossgen. Each stack is one template in the folder templates and
// one row in the table of stacks; a template sees [Data], which is read from the
// model alone.
package adapters

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"regexp"
	"strings"
	"text/template"

	"github.com/lossgen/lossgen/builder/ir"
)

//go:embed templates
var templates embed.FS

// Stack is a training stack that has an adapter.
type Stack struct {
	Name     string // as given to --adapter
	File     string // template of the file's name
	Template string // file in the folder templates
	Parts    string // file there with parts that stacks share, or ""
	Lacks    string // dtype of floating inputs and outputs that the stack cannot pass, or ""
	Language string // for lists
	// Format, where there is one, rewrites the source as the language wants it.
	Format func([]byte) ([]byte, error)
}

// Stacks lists the stacks in the order of help texts.
var Stacks = []Stack{
	{Name: "torch", File: "{{.Name}}_torch.py", Template: "torch.py.tmpl", Parts: "python.tmpl", Language: "PyTorch"},
	{Name: "jax", File: "{{.Name}}_jax.py", Template: "jax.py.tmpl", Parts: "python.tmpl", Lacks: "bfloat16", Language: "JAX"},
	{Name: "tensorflow", File: "{{.Name}}_tensorflow.py", Template: "tensorflow.py.tmpl", Parts: "python.tmpl", Lacks: "bfloat16", Language: "TensorFlow and Keras"},
	{Name: "js", File: "{{.Name}}.mjs", Template: "js.mjs.tmpl", Parts: "native.tmpl", Lacks: "bfloat16", Language: "JavaScript"},
	{Name: "java", File: "{{.Type}}Loss.java", Template: "java.java.tmpl", Parts: "native.tmpl", Language: "Java", Format: asciiJava},
	{Name: "rust", File: "{{.Name}}.rs", Template: "rust.rs.tmpl", Parts: "native.tmpl", Language: "Rust"},
	{Name: "cpp", File: "{{.Name}}.hpp", Template: "cpp.hpp.tmpl", Parts: "native.tmpl", Language: "C++"},
	{Name: "go", File: "{{.Name}}.go", Template: "go.go.tmpl", Parts: "native.tmpl", Language: "Go", Format: format.Source},
}

// Names returns the names of all stacks.
func Names() []string {
	var names []string
	for _, s := range Stacks {
		names = append(names, s.Name)
	}
	return names
}

// Write renders the adapters of a model for the named stacks. stem is the name of
// the .onnx file without its extension. The result maps file names to contents.
func Write(m *ir.Model, stem string, stacks []string) (map[string][]byte, error) {
	data, err := Describe(m, stem)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range stacks {
		s, err := find(name)
		if err != nil {
			return nil, err
		}
		file, err := s.FileName(data)
		if err != nil {
			return nil, err
		}
		if files[file], err = s.render(data); err != nil {
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

// FileName returns the name of the stack's source file.
func (s Stack) FileName(d *Data) (string, error) {
	t, err := template.New(s.Name).Parse(s.File)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, d)
	return b.String(), err
}

func (s Stack) render(d *Data) ([]byte, error) {
	if s.Lacks == d.DType {
		return nil, fmt.Errorf("the %s adapter cannot pass %s arrays to ONNX Runtime: emit with --dtype float32", s.Name, s.Lacks)
	}
	files := []string{"templates/" + s.Template}
	if s.Parts != "" {
		files = append(files, "templates/"+s.Parts)
	}
	t, err := template.New(s.Template).Funcs(functions).ParseFS(templates, files...)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return nil, err
	}
	if s.Format != nil {
		return s.Format(tidy(b.Bytes()))
	}
	return tidy(b.Bytes()), nil
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
