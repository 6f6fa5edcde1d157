package losses

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Def is a loss with options of type O, a struct whose field tags declare the
// options. The losses of this package are variables of it.
//
// A literal of O sets some options and leaves out the others, which then have
// their defaults. Options with a default other than 0 or false are pointers, so
// that 0 can be set: FocalOptions{Gamma: new(0.0)}. The functions of a Def see all
// options: a pointer is nil there only if the option is none.
type Def[O any] struct {
	Spec
	// Defaults are PyTorch's, with every pointer set but those of options that are
	// none by default.
	Defaults O
	// Ports gives inputs and shapes that depend on the options, instead of the
	// Spec's.
	Ports func(o O) ([]Input, []Shapes)
	// Validate finds options that do not go together.
	Validate func(o O) error
	// Complete fills in what options leave open, where that takes more than
	// defaults.
	Complete func(o O) (O, error)
	// Adapt changes a Spec whose other fields depend on the options, too.
	Adapt func(s *Spec, o O)
	// Body builds the graph.
	Body func(c *Call, o O) Term
	// Reference writes the PyTorch expression where the template Torch cannot.
	Reference func(c *Call, o O) string
	// Golden adds cases beside those that are derived from the declaration.
	Golden []Case

	read    readOptions
	checked struct {
		once sync.Once
		err  error
	}
}

// readOptions are the options in the tags of a declaration, which are read once.
type readOptions struct {
	once sync.Once
	list []Option
	err  error
}

// options returns what the tags say; callers do not change it.
func (d *Def[O]) options() ([]Option, error) {
	d.read.once.Do(func() { d.read.list, d.read.err = optionsOf(d.Defaults) })
	return d.read.list, d.read.err
}

// Declaration implements [Loss].
func (d *Def[O]) Declaration() Spec { return d.specFor(d.Defaults) }

func (d *Def[O]) specFor(o O) Spec {
	s := d.Spec
	if d.Ports != nil {
		s.Inputs, s.Shapes = d.Ports(o)
	}
	if d.Adapt != nil {
		d.Adapt(&s, o)
	}
	return s
}

// Options implements [Loss].
func (d *Def[O]) Options() []Option {
	list, _ := d.options()
	return slices.Clone(list)
}

// Check implements [Loss]. A declaration is looked at once: each request asks.
func (d *Def[O]) Check() error {
	d.checked.once.Do(func() { d.checked.err = d.check() })
	return d.checked.err
}

func (d *Def[O]) check() error {
	list, err := d.options()
	switch {
	case err == nil && d.Body == nil:
		err = errors.New("there is no Body that builds the graph")
	case err == nil:
		err = checkDomains(d.Declaration(), list)
	}
	if err != nil {
		return fmt.Errorf("%s is declared wrongly: %w", d.Name, err)
	}
	return nil
}

// Cases implements [Loss].
func (d *Def[O]) Cases() []Case { return d.Golden }

// For implements [Loss].
func (d *Def[O]) For(v Values) (Spec, error) {
	o, err := d.typed(v)
	return d.specFor(o), err
}

// typed fills the options struct from values that completed ones hold.
func (d *Def[O]) typed(v Values) (O, error) {
	o := d.Defaults
	list, _ := d.options()
	fill(&o, list, v)
	if d.Validate != nil {
		if err := d.Validate(o); err != nil {
			return o, fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return o, nil
}

// complete checks the options, too.
func (d *Def[O]) complete(v Values) (Values, error) {
	o, err := d.typed(v)
	if err != nil || d.Complete == nil {
		return v, err
	}
	if o, err = d.Complete(o); err != nil {
		return v, fmt.Errorf("%s: %w", d.Name, err)
	}
	return d.values(o), nil
}

// values returns all options as Values.
func (d *Def[O]) values(o O) Values {
	v := Values{}
	fields := reflect.ValueOf(o)
	list, _ := d.options()
	for _, opt := range list {
		v[opt.Name] = fromField(fields.FieldByIndex(opt.field))
	}
	return v
}

// given returns the options that a literal sets.
func (d *Def[O]) given(o O) Values {
	v := Values{}
	fields := reflect.ValueOf(o)
	list, _ := d.options()
	for _, opt := range list {
		if f := fields.FieldByIndex(opt.field); !f.IsZero() {
			v[opt.Name] = fromField(f)
		}
	}
	return v
}

func (d *Def[O]) build(c *Call, v Values) Term {
	o, _ := d.typed(v)
	return d.Body(c, o)
}

func (d *Def[O]) reference(c *Call, v Values) string {
	if d.Reference != nil {
		o, _ := d.typed(v)
		return d.Reference(c, o)
	}
	return c.Expand(d.Torch, v)
}

// Model returns the loss with these options as an ONNX model. Each change alters
// the request before: which gradients, which shapes, which dtype.
func (d *Def[O]) Model(o O, changes ...func(*Request)) (*ir.Model, error) {
	r := d.Request(o)
	for _, change := range changes {
		change(&r)
	}
	return r.Model()
}

// Request asks for the loss with these options.
func (d *Def[O]) Request(o O) Request {
	return Request{Catalog: Catalog{d}, Loss: d.Name, Options: d.given(o)}
}

// Task is the loss as a task of a composition, which decides on the reduction
// where o does not.
func (d *Def[O]) Task(name string, o O) Task {
	return Task{Name: name, Loss: d.Name, Options: d.given(o), catalog: Catalog{d}}
}

// On adds the loss to a graph under construction: see [Request.On].
func (d *Def[O]) On(o O, inputs map[string]builder.Value) builder.Value {
	return d.Request(o).On(inputs)
}

// Expand fills a template of a PyTorch expression, as in [Spec.Torch].
func (c *Call) Expand(template string, v Values) string {
	var pairs []string
	for _, in := range c.plan.Spec.Inputs {
		text := in.Name
		switch {
		case !c.Has(in.Name):
			text = "None"
		case in.Domain.IsIndex() && c.plan.Request.IndexDType != tensor.Int64:
			text += ".long()"
		}
		pairs = append(pairs, "{"+in.Name+"}", text)
	}
	for name, value := range v { // an input with an option's name goes first
		pairs = append(pairs, "{"+name+"}", Python(value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// Reduced writes a reduction of a PyTorch expression.
func Reduced(expression string, r Reduction) string {
	if r == None {
		return expression
	}
	return fmt.Sprintf("(%s).%s()", expression, r)
}

// nearest returns the names most like name by edit distance.
func nearest(name string, known []string, n int) []string {
	type scored struct {
		name  string
		score int
	}
	var list []scored
	for _, k := range known {
		score := editDistance(name, k)
		if strings.HasPrefix(k, name) || strings.HasPrefix(name, k) {
			score = min(score, 1)
		} else if strings.Contains(k, name) || strings.Contains(name, k) {
			score = min(score, 3)
		}
		if score <= max(2, len(name)/2) {
			list = append(list, scored{k, score})
		}
	}
	slices.SortStableFunc(list, func(a, b scored) int { return a.score - b.score })
	var out []string
	for _, s := range list[:min(n, len(list))] {
		out = append(out, s.name)
	}
	return out
}

// editDistance counts the insertions, deletions and replacements between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
