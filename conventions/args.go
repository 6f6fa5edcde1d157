package conventions

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/losses"
)

// param is a literal argument of a call.
type param struct {
	name string
	def  any
}

// Args are the arguments of a call that is made.
type Args struct {
	call  *Call
	given map[string]any
}

// bind gives the arguments of a text their names and checks them.
func (c *Call) bind(t callText) (Args, error) {
	a := Args{call: c, given: map[string]any{}}
	set := func(name string, value any) error {
		i := slices.IndexFunc(c.params, func(p param) bool { return p.name == name })
		switch {
		case slices.Contains(c.arrays, name):
			return fmt.Errorf("%s: %s is an array, and arrays are left out of the call", c.Name, name)
		case i < 0:
			return fmt.Errorf("%s has no argument %q: it has %s", c.Name, name, orNone(c.paramNames()))
		case !sameKind(c.params[i].def, value):
			return fmt.Errorf("%s: argument %s is %s, want %s", c.Name, name, Literal(value), kindOf(c.params[i].def))
		}
		if _, twice := a.given[name]; twice {
			return fmt.Errorf("%s: argument %s is given twice", c.Name, name)
		}
		a.given[name] = value
		return nil
	}
	if len(t.positional) > len(c.params) {
		return a, fmt.Errorf("%s takes %d arguments, not %d", c.Name, len(c.params), len(t.positional))
	}
	for i, value := range t.positional {
		if err := set(c.params[i].name, value); err != nil {
			return a, err
		}
	}
	for _, k := range t.keywords {
		if err := set(k.name, k.value); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (c *Call) paramNames() (list []string) {
	for _, p := range c.params {
		list = append(list, p.name)
	}
	return list
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// sameKind reports whether a value may be given where the default is another. Where
// None is the default, anything goes.
func sameKind(def, value any) bool {
	if def == nil || value == nil {
		return true
	}
	switch def.(type) {
	case bool:
		f, isNumber := value.(float64)
		_, isBool := value.(bool)
		return isBool || isNumber && (f == 0 || f == 1)
	case float64:
		_, ok := value.(float64)
		return ok
	case string:
		_, ok := value.(string)
		return ok
	}
	return true
}

func kindOf(def any) string {
	switch def.(type) {
	case bool:
		return "True or False"
	case float64:
		return "a number"
	case string:
		return "a string"
	}
	return "another value"
}

// Literal writes a value as Python does.
func Literal(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		return "'" + v + "'"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, Literal(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "?"
}

// Text writes the call with the arguments that differ from their defaults.
func (a Args) Text() string {
	var parts []string
	if a.call.First != "" {
		parts = append(parts, Literal(a.call.First))
	}
	for _, p := range a.call.params {
		if v, ok := a.given[p.name]; ok && Literal(v) != Literal(p.def) {
			parts = append(parts, p.name+"="+Literal(v))
		}
	}
	return a.call.Name + "(" + strings.Join(parts, ", ") + ")"
}

// value is that of an argument, or its default.
func (a Args) value(name string) any {
	if v, ok := a.given[name]; ok {
		return v
	}
	i := slices.IndexFunc(a.call.params, func(p param) bool { return p.name == name })
	if i < 0 {
		panic("conventions: " + a.call.Name + " declares no argument " + name)
	}
	return a.call.params[i].def
}

// num is a number, 0 where the argument is none.
func (a Args) num(name string) float64 {
	f, _ := a.value(name).(float64)
	return f
}

func (a Args) is(name string) bool {
	switch v := a.value(name).(type) {
	case bool:
		return v
	case float64:
		return v != 0
	}
	return false
}

func (a Args) str(name string) string {
	s, _ := a.value(name).(string)
	return s
}

func (a Args) none(name string) bool { return a.value(name) == nil }

// Missing is the error of a call that cannot be reproduced.
type Missing struct{ Call, What string }

// Error implements error.
func (m *Missing) Error() string { return fmt.Sprintf("%s cannot be reproduced: %s", m.Call, m.What) }

// missing says what keeps a call from being reproduced.
func (a Args) missing(format string, args ...any) error {
	return &Missing{a.Text(), fmt.Sprintf(format, args...)}
}

// only refuses values of an argument other than these.
func (a Args) only(name string, values ...any) error {
	for _, v := range values {
		if Literal(a.value(name)) == Literal(v) {
			return nil
		}
	}
	var texts []string
	for _, v := range values {
		texts = append(texts, Literal(v))
	}
	return a.missing("argument %s is %s, and only %s is known", name, Literal(a.value(name)), strings.Join(texts, " or "))
}

// reduction is an argument as one of ours: given are the framework's words.
func (a Args) reduction(name string, words map[string]string) (string, error) {
	text := "none"
	if !a.none(name) {
		text = a.str(name)
	}
	if r, ok := words[text]; ok {
		return r, nil
	}
	var known []string
	for w := range words {
		known = append(known, w)
	}
	slices.Sort(known)
	return "", a.missing("%s is %q, and there are %s", name, text, strings.Join(known, ", "))
}

var plainReductions = map[string]string{"none": "none", "mean": "mean", "sum": "sum"}

// V is options by name.
type V = losses.Values

// M is steps by name.
type M = map[string]string

// steps joins steps, leaving out empty ones.
func steps(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), ",")
}

// number writes a number in a step.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// clip is the step that keeps probabilities between eps and 1 - eps.
func clip(eps float64) string {
	if eps == 0 {
		return ""
	}
	return "clip:" + number(eps) + ":" + number(1-eps)
}
