package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// page is the page of a family.
var page = template.Must(template.New("").Parse(`# {{.Title}}

Losses of {{.Of}}. This page is written from the declarations; ` + "`lossgen describe NAME`" + ` says the same of one loss.
{{range .Losses}}
- [{{.Name}}](#{{.Name}}): {{.Title}}{{end}}
{{range .Losses}}
## {{.Name}}

{{.Sentence}}{{with .Names}} Also called {{.}}.{{end}}

    {{.Formula}}

In PyTorch, with the defaults:

    {{.Torch}}
{{with .Witness}}
Compared with {{.}}.
{{end}}
| option | | |
| --- | --- | --- |
{{range .OptionRows}}| ` + "`--{{.Name}}`" + ` | {{.Doc}} | {{.Want}}, default {{.Default}} |
{{end}}
| input | shape | |
| --- | --- | --- |
{{range .InputRows}}| ` + "`{{.Name}}`" + ` | {{.Shape}} | {{.Doc}} |
{{end}}
Accepted shapes, ` + "`*`" + ` for any further axes: {{.ShapeText}}.
{{with .LabelPolicy}}
Labels: {{.}}.
{{end}}{{with .Traps}}
{{range .}}- {{.}}
{{end}}{{end}}{{end}}`))

// described is a loss as its page has it.
type described struct {
	losses.Description
	loss losses.Loss
}

// Sentence is the title as one.
func (d described) Sentence() string { return strings.ToUpper(d.Title[:1]) + d.Title[1:] + "." }

// Names are the names beside the canonical one.
func (d described) Names() string {
	var names []string
	for _, name := range d.Aliases {
		names = append(names, "`"+name+"`")
	}
	return strings.Join(names, ", ")
}

type row struct{ Name, Doc, Shape, Want, Default string }

// OptionRows are the options, in order.
func (d described) OptionRows() []row {
	var rows []row
	for _, o := range d.loss.Options() {
		rows = append(rows, row{Name: o.Name, Doc: cell(o.Doc), Want: cell(o.Want()), Default: cell(losses.Text(o.Default))})
	}
	return rows
}

// InputRows are the inputs, in order.
func (d described) InputRows() []row {
	var rows []row
	for _, in := range d.Inputs {
		doc := in.Doc
		if in.Optional {
			doc += "; added by `--with " + in.Name + "`"
		}
		switch {
		case in.DefaultGrad:
			doc += "; has a gradient"
		case in.Differentiable:
			doc += "; gradient on demand"
		}
		rows = append(rows, row{Name: in.Name, Shape: "[" + in.Shape + "]", Doc: cell(doc)})
	}
	return rows
}

// ShapeText lists the accepted shapes of all inputs.
func (d described) ShapeText() string {
	var forms []string
	for _, shape := range d.Shapes {
		var parts []string
		for _, in := range d.Inputs {
			parts = append(parts, fmt.Sprintf("%s [%s]", in.Name, shape[in.Name]))
		}
		forms = append(forms, "`"+strings.Join(parts, " ")+"`")
	}
	return strings.Join(forms, ", or ")
}

// cell is a text in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// TestPages keeps the page of each family equal to the declarations.
func TestPages(t *testing.T) {
	const dir = "../../docs/losses"
	want := map[string]bool{}
	for _, f := range all.Families() {
		var list []described
		for _, l := range f.Losses {
			d, err := losses.Describe(l)
			if err != nil {
				t.Fatal(err)
			}
			if d.Family != f.Name {
				t.Errorf("%s says to be of family %s, and stands in %s", d.Name, d.Family, f.Name)
			}
			list = append(list, described{d, l})
		}
		var s strings.Builder
		err := page.Execute(&s, map[string]any{"Title": strings.ToUpper(f.Name[:1]) + f.Name[1:], "Of": f.Title, "Losses": list})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, f.Name+".md")
		want[path] = true
		if data, _ := os.ReadFile(path); string(data) == s.String() {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the declarations say: run make generate", path)
		} else if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		if !want[filepath.ToSlash(path)] {
			t.Errorf("%s is of no family", path)
		}
	}
}
