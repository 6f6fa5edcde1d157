package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

// This file lists what is computed: losses with options and steps on their inputs,
// unreduced.

// form is a loss before reduction, over named arrays.
type form struct {
	loss    losses.Loss
	request losses.Request // unreduced
	inputs  []conventions.Binding
	cost    float64
	calls   []conventions.Variant // framework calls that it is, up to reduction
}

// key tells forms apart.
func (f form) key() string {
	var b strings.Builder
	fmt.Fprint(&b, f.request.Loss, "|")
	for _, name := range slices.Sorted(maps.Keys(f.request.Options)) {
		fmt.Fprint(&b, name, "=", losses.Text(f.request.Options[name]), ";")
	}
	for _, name := range slices.Sorted(maps.Keys(f.request.Map)) {
		fmt.Fprint(&b, name, ":", f.request.Map[name], ";")
	}
	fmt.Fprint(&b, f.request.With)
	bindings := slices.Clone(f.inputs)
	slices.SortFunc(bindings, func(a, b conventions.Binding) int { return strings.Compare(a.Input, b.Input) })
	for _, in := range bindings {
		fmt.Fprint(&b, "|", in.Input, "=", shapeOf(in.Expr))
	}
	return b.String()
}

// shapeOf is an expression without the name of its array.
func shapeOf(e conventions.Expr) string { return e.NumPy(func(string) string { return "x" }) }

// forms are all of a question, each once.
func (s *search) forms() ([]form, error) {
	frameworks, err := s.question.frameworks()
	if err != nil {
		return nil, err
	}
	index := map[string]int{}
	var list []form
	add := func(f form) {
		key := f.key()
		i, known := index[key]
		if !known {
			index[key] = len(list)
			list = append(list, f)
			return
		}
		list[i].cost = min(list[i].cost, f.cost)
		list[i].calls = append(list[i].calls, f.calls...)
	}
	for _, l := range s.question.Catalog {
		if s.loss == nil || s.loss == l {
			for _, f := range ownForms(l) {
				add(f)
			}
		}
	}
	for _, framework := range frameworks {
		for _, call := range framework.Calls {
			for _, v := range call.Variants() {
				if f, ok := s.callForm(v); ok {
					add(f)
				}
			}
		}
	}
	return list, nil
}

// callForm is the form of a framework's call.
func (s *search) callForm(v conventions.Variant) (form, bool) {
	l, _, ok := s.question.Catalog.Find(v.Form.Loss)
	if !ok || s.loss != nil && s.loss != l {
		return form{}, false
	}
	f := form{loss: l, inputs: v.Inputs, cost: 0.5 + float64(v.Changed), calls: []conventions.Variant{v}}
	f.request = losses.Request{Catalog: losses.Catalog{l}, Loss: v.Form.Loss, Options: losses.Values{}, With: v.Form.With}
	for name, value := range v.Form.Options {
		if name != "reduction" && name != "scale" {
			f.request.Options[name] = value
		}
	}
	f.request.Options = changedOptions(l, f.request.Options)
	f.request.Map = inputSteps(v.Form.Map)
	if strings.Contains(v.Form.Map[losses.MapLosses], "square") {
		f.request.Map = withStep(f.request.Map, losses.MapLosses, "square")
	}
	if len(f.request.Map) > 0 {
		f.cost++
	}
	return f, true
}

// changedOptions are those that are not the defaults.
func changedOptions(l losses.Loss, o losses.Values) losses.Values {
	out := losses.Values{}
	for name, value := range o {
		i := slices.IndexFunc(l.Options(), func(o losses.Option) bool { return o.Name == name })
		if i < 0 || losses.Text(l.Options()[i].Default) != losses.Text(value) {
			out[name] = value
		}
	}
	// No label at all is ignored: the default says so too, where no label is negative.
	if index, ok := out["ignore_index"].(int64); ok && index < -1000 {
		delete(out, "ignore_index")
	}
	return out
}

func withStep(all map[string]string, name, step string) map[string]string {
	out := map[string]string{name: step}
	maps.Copy(out, all)
	return out
}

// inputSteps are the steps on inputs.
func inputSteps(all map[string]string) map[string]string {
	var out map[string]string
	for name, text := range all {
		if name != losses.MapLosses && name != losses.MapResult && text != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = text
		}
	}
	return out
}

// ownForms are a loss with its defaults, with each option changed, with its optional
// inputs, and with an input in another form.
func ownForms(l losses.Loss) []form {
	spec := l.Declaration()
	var list []form
	if spec.Tasks != nil {
		return nil
	}
	add := func(o losses.Values, with []string, steps map[string]string, cost float64) {
		f := form{loss: l, cost: cost}
		f.request = losses.Request{Catalog: losses.Catalog{l}, Loss: spec.Name, Options: changedOptions(l, o), With: with, Map: steps}
		s, err := l.For(complete(l, o))
		if err != nil {
			return
		}
		for _, in := range s.Inputs {
			if !in.Optional || slices.Contains(with, in.Name) {
				f.inputs = append(f.inputs, conventions.Binding{Input: in.Name, Expr: conventions.Expr(in.Name)})
			}
		}
		list = append(list, f)
	}
	add(nil, nil, nil, 0)
	for _, o := range l.Options() {
		for _, value := range triedValues(o) {
			add(losses.Values{o.Name: value}, nil, nil, 1)
		}
	}
	for _, in := range spec.Inputs {
		if in.Optional {
			add(nil, []string{in.Name}, nil, 0.5)
		}
	}
	for _, steps := range otherForms(spec) {
		add(nil, nil, steps, 1.5)
	}
	return list
}

// complete gives the options that are left out their defaults.
func complete(l losses.Loss, o losses.Values) losses.Values {
	out := losses.Values{}
	for _, option := range l.Options() {
		out[option.Name] = option.Default
	}
	maps.Copy(out, o)
	return out
}

// triedValues are values of an option other than its default.
func triedValues(o losses.Option) []any {
	var list []any
	switch o.Kind {
	case "bool":
		return []any{o.Default != true}
	case "choice":
		if o.Name == "reduction" {
			return nil
		}
		for _, c := range o.Choices {
			list = append(list, c)
		}
	case "int":
		for _, n := range []int64{-1, 0, 1, 2, 255} {
			list = append(list, n)
		}
	case "float":
		for _, v := range append(slices.Clone(conventions.Grid(o.Name)), 0) {
			list = append(list, v)
		}
		list = append(list, o.Try...)
	}
	return slices.DeleteFunc(list, func(v any) bool {
		return v == nil || losses.Text(v) == losses.Text(o.Default) || o.Check(v) != nil
	})
}

// otherForms are steps on the first input for values of another kind than PyTorch takes:
// probabilities for their logarithms, or for logits; standard deviations for variances.
func otherForms(spec losses.Spec) (list []map[string]string) {
	first := spec.Inputs[0]
	one := func(name string, steps ...string) {
		for _, text := range steps {
			list = append(list, map[string]string{name: text})
		}
	}
	switch {
	case first.Domain == losses.LogProb:
		one(first.Name, "log", "log_softmax", "clip:1e-07:0.9999999,log")
	case first.Domain == losses.Unit:
		one(first.Name, "sigmoid", "clip:1e-07:0.9999999", "clip:1e-12:0.999999999999", "clip:1e-15:0.999999999999999", "clip:1e-08:0.99999999")
	case spec.ZLoss || spec.Classes != "" && spec.Logits == first.Name:
		one(first.Name, "softmax", "log", "clip:1e-07:0.9999999,log")
	case spec.Logits != "" && first.Name == spec.Logits:
		one(first.Name, "sigmoid")
	}
	for _, in := range spec.Inputs {
		if in.Name == "var" {
			one(in.Name, "square", "exp")
		}
	}
	return list
}
