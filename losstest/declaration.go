package losstest

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

var (
	lossName    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	identifier  = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)
	titleForm   = regexp.MustCompile(`^\S.{0,70}[^.\s]$`)
	witnessForm = regexp.MustCompile(`^([a-z][a-zA-Z0-9._-]* [0-9][0-9a-z.]*)?$`)
	unfilled    = regexp.MustCompile(`\{[a-z_0-9]+\}|\n`)
)

// declaration checks what a declaration says of itself.
func declaration(t *testing.T, h *harness) {
	s := h.spec
	if !lossName.MatchString(s.Name) {
		t.Errorf("name %q: want lower-case letters, digits and underscores", s.Name)
	}
	if !titleForm.MatchString(s.Title) {
		t.Errorf("title %q: want one short line without a period", s.Title)
	}
	if !witnessForm.MatchString(s.Witness) {
		t.Errorf("witness %q: want a library and its version", s.Witness)
	}
	if s.Family == "" || s.Formula == "" || strings.Contains(s.Formula, "\n") {
		t.Errorf("family %q and formula %q: want one line each", s.Family, s.Formula)
	}
	for _, trap := range s.Traps {
		if !strings.HasSuffix(trap, ".") {
			t.Errorf("trap %q: want a sentence", trap)
		}
	}
	for _, name := range append([]string{s.Name, s.Name + "_loss", s.Class}, s.Aliases...) {
		if l, _, ok := h.catalog.Find(name); name != "" && (!ok || l.Declaration().Name != s.Name) {
			t.Errorf("the name %q does not find the loss", name)
		}
	}
	for _, v := range h.variants() {
		p, err := v.request.Resolve()
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		checkInputs(t, p.Spec)
		if text := p.Expression(); text == "" || unfilled.MatchString(text) {
			t.Errorf("%s: PyTorch expression %q", v.name, text)
		}
	}
	if _, err := h.catalog.Cases(h.loss); err != nil {
		t.Errorf("golden cases: %v", err)
	}
}

// checkInputs checks the inputs and shapes of a declaration.
func checkInputs(t *testing.T, s losses.Spec) {
	t.Helper()
	differentiable := false
	for _, in := range s.Inputs {
		if !identifier.MatchString(in.Name) || in.Doc == "" || in.Domain == "" {
			t.Errorf("input %q: want a name, a doc and a domain", in.Name)
		}
		differentiable = differentiable || in.Grad == losses.Default
		if in.Domain.IsIndex() && (in.Grad != losses.No || s.LabelPolicy == "") {
			t.Errorf("input %s: labels have no gradient, and a label policy", in.Name)
		}
		for _, pattern := range s.Shapes {
			if _, ok := pattern[in.Name]; !ok {
				t.Errorf("shapes %v say nothing of input %s", pattern, in.Name)
			}
		}
	}
	for _, pattern := range s.Shapes {
		if len(pattern) != len(s.Inputs) {
			t.Errorf("shapes %v name an input that is not declared", pattern)
		}
	}
	if !differentiable {
		t.Error("no input is differentiated by default")
	}
}

// options checks that options are documented and that their bounds hold.
func options(t *testing.T, h *harness) {
	for _, o := range h.loss.Options() {
		if !lossName.MatchString(o.Name) || o.Doc == "" {
			t.Errorf("option %q: want a name and a doc", o.Name)
		}
		if err := o.Check(o.Default); err != nil {
			t.Errorf("default: %v", err)
		}
		for _, v := range o.Try {
			if err := o.Check(v); err != nil {
				t.Errorf("try: %v", err)
			}
		}
		for _, v := range outside(o) {
			_, err := losses.Request{Catalog: h.catalog, Loss: h.spec.Name, Options: losses.Values{o.Name: v}}.Resolve()
			if err == nil || !strings.Contains(err.Error(), o.Name) {
				t.Errorf("option %s = %v: got error %v, want one that names the option", o.Name, v, err)
			}
		}
	}
}

// outside returns values that an option must refuse.
func outside(o losses.Option) []any {
	var numbers []float64
	if !math.IsInf(o.Min, -1) {
		numbers = append(numbers, beyond(o, o.Min, o.MinOpen, -1))
	}
	if !math.IsInf(o.Max, 1) {
		numbers = append(numbers, beyond(o, o.Max, o.MaxOpen, 1))
	}
	list := []any{struct{}{}}
	for _, v := range numbers {
		if o.Kind == "floats" {
			list = append(list, []float64{v})
			continue
		}
		list = append(list, v)
	}
	switch o.Kind {
	case "float":
		list = append(list, math.NaN(), "words")
	case "floats":
		list = append(list, []float64{math.NaN()}, []float64{}, 1)
	case "int":
		list = append(list, 0.5, math.NaN())
	case "choice":
		list = append(list, "no such choice", 1)
	case "bool":
		list = append(list, 2, "maybe")
	}
	return list
}

// beyond returns the nearest value that a bound excludes.
func beyond(o losses.Option, bound float64, open bool, direction float64) float64 {
	switch {
	case open:
		return bound
	case o.Kind == "int":
		return bound + direction
	default:
		return math.Nextafter(bound, math.Inf(int(direction)))
	}
}

// refusals checks that requests which cannot be served name what is wrong.
func refusals(t *testing.T, h *harness) {
	name, first := h.spec.Name, h.spec.Inputs[0].Name
	refuse := func(what, mention string, r losses.Request) {
		r.Loss = name
		_, err := r.Model()
		if err == nil || !strings.Contains(err.Error(), mention) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got error %v, want one line with %q", what, err, mention)
		}
	}
	refuse("an integer dtype", "int64", losses.Request{Catalog: h.catalog, DType: tensor.Int64})
	refuse("a loss of another dtype", "float16", losses.Request{Catalog: h.catalog, LossDType: tensor.Float16})
	refuse("a float32 loss of float64", "float64", losses.Request{Catalog: h.catalog, DType: tensor.Float64, LossDType: tensor.Float32})
	refuse("a float64 loss of float16", "use float32 or float16", losses.Request{Catalog: h.catalog, DType: tensor.Float16, LossDType: tensor.Float64})
	refuse("a floating index dtype", "float32", losses.Request{Catalog: h.catalog, IndexDType: tensor.Float32})
	refuse("an unknown option", "no_such", losses.Request{Catalog: h.catalog, Options: losses.Values{"no_such": 1}})
	refuse("an unknown optional input", "no_such", losses.Request{Catalog: h.catalog, With: []string{"no_such"}})
	refuse("an unknown gradient", "no_such", losses.Request{Catalog: h.catalog, Grad: []string{"no_such"}})
	refuse("a shape of no input", "no_such", losses.Request{Catalog: h.catalog, Shapes: map[string]string{"no_such": "N"}})
	refuse("a shape that is none", first, losses.Request{Catalog: h.catalog, Shapes: map[string]string{first: "N,-1"}})
	p := plan(t, losses.Request{Catalog: h.catalog, Loss: name})
	for _, port := range p.Ports {
		if port.Domain.IsIndex() {
			refuse("the gradient of labels", port.Name, losses.Request{Catalog: h.catalog, Grad: []string{port.Name}})
		}
		if !strings.Contains(h.patternsOf(port.Name), "*") {
			refuse("a rank that is not accepted", port.Name, losses.Request{Catalog: h.catalog, Shapes: map[string]string{port.Name: "A,B,C,D,E,F,G"}})
		}
	}
	h.refuseConflicts(p, refuse)
}

// patternsOf joins the declared shapes of an input.
func (h *harness) patternsOf(input string) string {
	var s strings.Builder
	for _, pattern := range h.spec.Shapes {
		s.WriteString(pattern[input] + " ")
	}
	return s.String()
}

// refuseConflicts gives two inputs that share a letter different sizes.
func (h *harness) refuseConflicts(p *losses.Plan, refuse func(what, mention string, r losses.Request)) {
	for i, a := range p.Ports {
		for _, b := range p.Ports[i+1:] {
			for axis, d := range b.Shape {
				if d.Known() || !contains(a.Shape, d) {
					continue
				}
				one, two := pin(a.Shape, d, 6), pin(b.Shape, b.Shape[axis], 7)
				refuse("sizes that conflict", b.Name, losses.Request{Catalog: h.catalog, Shapes: map[string]string{a.Name: one.List(), b.Name: two.List()}})
			}
		}
	}
}

func contains(s tensor.Shape, d tensor.Dim) bool {
	for _, x := range s {
		if x == d {
			return true
		}
	}
	return false
}

// pin returns a shape in which a letter is a size.
func pin(s tensor.Shape, letter tensor.Dim, size int64) tensor.Shape {
	out := append(tensor.Shape{}, s...)
	for i, d := range out {
		if d == letter {
			out[i] = tensor.D(size)
		}
	}
	return out
}
