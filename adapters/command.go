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

// commandLine returns the words of the command that writes a plan's file, less
// the file's name. What a request does not have to say is left out.
func commandLine(p *losses.Plan) []string {
	words := []string{p.Loss}
	if nested(p.Options) {
		return append(words, "--config", "REQUEST.yaml") // no flag takes tasks of tasks
	}
	changed := p.Changed()
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		if tasks, ok := changed[name].([]losses.Task); ok {
			for _, task := range tasks {
				words = append(words, "--task", taskText(task))
			}
			continue
		}
		words = append(words, "--"+name+"="+losses.Text(changed[name]))
	}
	if len(p.With) > 0 {
		words = append(words, "--with", strings.Join(p.With, ","))
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
	return append(words, derived(p)...)
}

// derived returns the flags for what follows from the rest of a request, unless
// that says otherwise: shapes, gradients and the upstream gradient.
func derived(p *losses.Plan) []string {
	bare := p.Request
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

// taskText writes a task as --task takes it.
func taskText(t losses.Task) string {
	text := t.Name + "=" + t.Loss
	changed := t.Changed()
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		text += "," + name + "=" + losses.Text(changed[name])
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
