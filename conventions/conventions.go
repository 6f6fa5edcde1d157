// Package conventions knows what the losses of other frameworks compute, as data:
// one declaration for each call, with its arguments, and the request of this module
// that gives the same value and gradient.
package conventions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/losses"
)

// Framework is a library and the version that its calls were compared with.
type Framework struct {
	Name    string
	Version string
	// Prefixes are the modules that its calls are written with, the usual one first.
	Prefixes []string
	Calls    []*Call
}

// Call declares a loss of a framework.
type Call struct {
	Name  string // as written, with its module
	First string // a string that the first argument is, where a name has several losses
	// Params are the literal arguments in order, with their defaults, as Python writes
	// them.
	Params string
	// Arrays are the arrays that it takes, in order.
	Arrays string
	// Read: declared from the source, not run.
	Read bool
	// Note says where the gradient or a special value differs: kinks, clips, empties.
	Note string
	// Form is the request for arguments. An error says what is missing.
	Form func(a Args) (Form, error)

	framework *Framework
	params    []param
	arrays    []string
}

// Form is the request that a call stands for.
type Form struct {
	Loss    string
	Options losses.Values
	Map     map[string]string
	With    []string
	Grad    []string          // nil: those of the loss
	Shapes  map[string]string // where the loss's default is not the framework's
	Inputs  []Binding         // in the framework's order of arguments
	// ClassesLast: the classes are the last axis of the framework's arrays.
	ClassesLast bool
	// Weight is the framework's name of what weights losses, "" where it takes none;
	// ByWeights divides by the sum of the weights, ByNonzero by how many are not 0.
	Weight               string
	ByWeights, ByNonzero bool
}

// Binding gives an input of the file an expression over the framework's arrays.
type Binding struct {
	Input string
	Expr  Expr
}

// Framework returns the framework that the call is of.
func (c *Call) Framework() *Framework { return c.framework }

// ArrayNames are the arrays that the call takes, in order.
func (c *Call) ArrayNames() []string { return c.arrays }

// names are all ways to write the call's name.
func (c *Call) names() []string {
	list := []string{c.Name}
	usual := c.framework.Prefixes[0]
	if rest, ok := strings.CutPrefix(c.Name, usual+"."); ok {
		for _, prefix := range c.framework.Prefixes[1:] {
			list = append(list, prefix+"."+rest)
		}
	}
	return list
}

// Frameworks are all that are known.
func Frameworks() []*Framework { return all() }

// OfFramework lists the calls of a framework by its name, or the error names those
// that there are.
func OfFramework(name string) (*Framework, error) {
	var known []string
	for _, f := range all() {
		if strings.EqualFold(f.Name, name) || slices.Contains(f.Prefixes, name) {
			return f, nil
		}
		known = append(known, f.Name)
	}
	if near := losses.Closest(strings.ToLower(name), known); len(near) > 0 {
		return nil, fmt.Errorf("no framework %q: did you mean %s?", name, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("no framework %q: there are %s", name, strings.Join(known, ", "))
}

// ForLoss lists the calls that are the loss with the defaults of their arguments.
func ForLoss(loss string) []*Call {
	var list []*Call
	for _, f := range all() {
		for _, c := range f.Calls {
			if form, err := c.Default(); err == nil && form.Loss == loss {
				list = append(list, c)
			}
		}
	}
	return list
}

// find returns the call with a name, or an error with the nearest.
func find(t *callText) (*Call, error) {
	name := t.name
	var known, firsts []string
	for _, f := range all() {
		for _, c := range f.Calls {
			for _, n := range c.names() {
				known = append(known, n)
				if n != name {
					continue
				}
				if c.First == "" {
					return c, nil
				}
				if len(t.positional) > 0 && t.positional[0] == c.First {
					t.positional = t.positional[1:]
					return c, nil
				}
				firsts = append(firsts, Literal(c.First))
			}
		}
	}
	if firsts != nil {
		return nil, fmt.Errorf("%s needs a name first: there are %s", name, strings.Join(firsts, ", "))
	}
	if near := nearest(name, known); len(near) > 0 {
		return nil, fmt.Errorf("no call %q is known: did you mean %s?", name, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("no call %q is known: `lossgen list --like NAME` lists those of a framework", name)
}

// nearest are the calls most like a name: those whose last word is near it, too.
func nearest(name string, known []string) []string {
	last := func(n string) string { return strings.ToLower(n[strings.LastIndexByte(n, '.')+1:]) }
	if near := losses.Closest(name, known); len(near) > 0 {
		return near
	}
	var words []string
	for _, n := range known {
		words = append(words, last(n))
	}
	var list []string
	for _, word := range losses.Closest(last(name), words) {
		if i := slices.Index(words, word); i >= 0 && !slices.Contains(list, known[i]) {
			list = append(list, known[i])
		}
	}
	return list
}

// Signature is the call with its arguments and their defaults.
func (c *Call) Signature() string {
	var parts []string
	if c.First != "" {
		parts = append(parts, Literal(c.First))
	}
	for _, p := range c.params {
		if p.name != "name" && p.name != "dtype" && p.name != "scope" {
			parts = append(parts, p.name+"="+Literal(p.def))
		}
	}
	return c.Name + "(" + strings.Join(parts, ", ") + ")"
}

// Default is the form of the call without arguments.
func (c *Call) Default() (Form, error) { return c.Form(Args{call: c, given: map[string]any{}}) }
