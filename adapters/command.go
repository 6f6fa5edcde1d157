package adapters

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// commandLine returns the words of the command that writes a request's file, less
// the file's name. What a request does not have to say is left out.
func commandLine(r losses.Request, p *losses.Plan) ([]string, error) {
	words := []string{p.Loss}
	if nested(p.Options) {
		return append(words, "--config", "REQUEST.yaml"), nil // no flag takes tasks of tasks
	}
	for _, part := range changed(p.Loss, p.Options) {
		if part.name == "tasks" {
			for _, task := range part.value.([]losses.Task) {
				words = append(words, "--task", taskText(task))
			}
			continue
		}
		words = append(words, "--"+part.name+"="+losses.Text(part.value))
	}
	if len(r.With) > 0 {
		words = append(words, "--with", strings.Join(r.With, ","))
	}
	if p.DType != tensor.Float32 {
		words = append(words, "--dtype", p.DType.String())
	}
	if p.IndexDType != tensor.Int64 {
		words = append(words, "--index-dtype", p.IndexDType.String())
	}
	if p.Opset != ir.DefaultOpset {
		words = append(words, "--opset", strconv.FormatInt(p.Opset, 10))
	}
	if p.Normalizer {
		words = append(words, "--normalizer")
	}
	return append(words, derived(r, p)...), nil
}

// derived returns the flags for what follows from the rest of a request, unless
// that says otherwise: shapes, gradients and the upstream gradient.
func derived(r losses.Request, p *losses.Plan) []string {
	bare := r
	bare.Shapes, bare.Grad, bare.GradOutput = nil, nil, false
	plain, err := bare.Resolve()
	if err != nil {
		plain = &losses.Plan{} // say everything
	}
	var words []string
	shapes := map[string]string{}
	for _, port := range plain.Ports {
		shapes[port.Name] = port.Shape.List()
	}
	for _, port := range p.Ports {
		if text, ok := shapes[port.Name]; !ok || text != port.Shape.List() {
			words = append(words, "--shape", port.Name+"="+port.Shape.List())
		}
	}
	if !slices.Equal(plain.Grad, p.Grad) {
		grad := "none"
		if len(p.Grad) > 0 {
			grad = strings.Join(p.Grad, ",")
		}
		words = append(words, "--grad", grad)
	}
	if p.GradOutput && !plain.GradOutput {
		words = append(words, "--grad-output")
	}
	return words
}

type option struct {
	name  string
	value any
}

// changed returns the options of a loss that differ from its defaults, by name.
func changed(loss string, values losses.Values) []option {
	l, _, ok := losses.Find(loss)
	if !ok {
		return nil
	}
	defaults := losses.Values{}
	for _, o := range append(slices.Clone(l.Options()), losses.WrapperOptions(l)...) {
		defaults[o.Name] = o.Default
	}
	var list []option
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, tasks := values[name].([]losses.Task); tasks || losses.Text(values[name]) != losses.Text(defaults[name]) {
			list = append(list, option{name, values[name]})
		}
	}
	return list
}

// taskText writes a task as --task takes it.
func taskText(t losses.Task) string {
	text := t.Name + "=" + t.Loss
	for _, part := range changed(t.Loss, t.Options) {
		text += "," + part.name + "=" + losses.Text(part.value)
	}
	if t.Classification {
		text += ",classification=true"
	}
	return text
}

// nested reports whether a task is a composition itself.
func nested(values losses.Values) bool {
	tasks, _ := values["tasks"].([]losses.Task)
	return slices.ContainsFunc(tasks, func(t losses.Task) bool { return t.Options["tasks"] != nil })
}

// shellWord writes a word as a shell reads it.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_=,./+", r)
	}
	switch {
	case word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0:
		return word
	case strings.IndexFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) < 0:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return "$" + literal(word, '\'', escapePython)
}

// commandFor returns the whole command line for a stack.
func (d *Data) commandFor(stack string) Text {
	words := []string{"lossgen", "emit", d.command[0], "-o", string(d.File())}
	words = append(append(words, d.command[1:]...), "--adapter", stack)
	for i := range words {
		words[i] = shellWord(words[i])
	}
	return Text(strings.Join(words, " "))
}
