package losses

import (
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
)

// This file turns a declaration into plain data, for programs that read it as
// JSON.

// Description is a loss as plain data, with the defaults of its options.
type Description struct {
	Name        string              `json:"name"`
	Class       string              `json:"class"`
	Aliases     []string            `json:"aliases"` // PyTorch's function and class name among them
	Family      string              `json:"family"`
	Title       string              `json:"title"`
	Formula     string              `json:"formula"`
	Torch       string              `json:"torch"`   // the PyTorch expression
	Witness     string              `json:"witness"` // the library that the loss was compared with, "" for PyTorch
	LabelPolicy string              `json:"label_policy"`
	Traps       []string            `json:"traps"`
	NaNRows     bool                `json:"nan_rows"`
	Cancels     bool                `json:"cancels"`
	NoSecond    string              `json:"no_second"`  // why there are no products with the Hessian, "" where there are
	Exceptions  []string            `json:"exceptions"` // where an engine differs from the others
	For         []DescribedTarget   `json:"for"`        // the consumers that files may be written for
	Options     []DescribedOption   `json:"options"`
	Inputs      []DescribedInput    `json:"inputs"`
	Shapes      []map[string]string `json:"shapes"`    // the accepted ones, the default first
	Star        string              `json:"star"`      // what "*" in a shape stands for by default
	Classes     string              `json:"classes"`   // the letter of the classes, which class_axis last moves from axis 1 to the end
	Broadcast   []string            `json:"broadcast"` // the inputs whose shapes may broadcast with the first
	// EmptyOpset is the first opset at which every axis may be empty, 0 for the first
	// of all. Undefined names golden cases, such as empty_mean, for which PyTorch
	// returns uninitialized memory, or raises where a file cannot.
	EmptyOpset int64             `json:"empty_opset"`
	Undefined  []string          `json:"undefined"`
	Outputs    []DescribedOutput `json:"outputs"`
	// Inputs that options bring or change, and shapes that only they have.
	OptionInputs []OptionInput       `json:"option_inputs"`
	OptionShapes []map[string]string `json:"option_shapes"`
	// What every loss of the kind takes beside its own options and inputs.
	WrapperOptions []DescribedOption `json:"wrapper_options"`
	WrapperInputs  []DescribedInput  `json:"wrapper_inputs"`
}

// DescribedTarget is a consumer that files may be written for.
type DescribedTarget struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Refused string `json:"refused"` // why not for the loss with its defaults; empty where it can be
}

// Text says what the consumer is, or why the loss cannot be written for it.
func (t DescribedTarget) Text() string {
	if t.Refused != "" {
		return "no: " + t.Refused
	}
	return t.Doc
}

// targetsOf says for which consumers a loss can be written.
func targetsOf(l Loss) []DescribedTarget {
	var out []DescribedTarget
	for _, t := range builder.Targets() {
		d := DescribedTarget{Name: string(t), Doc: t.Doc()}
		if _, err := (Request{Catalog: Catalog{l}, Loss: l.names()[0], For: t}).Model(); err != nil {
			d.Refused = errors.Unwrap(err).Error()
		}
		out = append(out, d)
	}
	return out
}

// DescribedOption is an option as plain data. Infinite numbers are the strings
// "inf" and "-inf"; an infinite bound is null.
type DescribedOption struct {
	Name         string   `json:"name"`
	Doc          string   `json:"doc"`
	Type         string   `json:"type"`
	Default      any      `json:"default"`
	Nullable     bool     `json:"nullable"`
	Min          *float64 `json:"min"`
	Max          *float64 `json:"max"`
	MinExclusive bool     `json:"min_exclusive"`
	MaxExclusive bool     `json:"max_exclusive"`
	Choices      []string `json:"choices"`
	Try          []any    `json:"try"`
}

// DescribedInput is an input as plain data.
type DescribedInput struct {
	Name           string          `json:"name"`
	Doc            string          `json:"doc"`
	Domain         Domain          `json:"domain"`
	Values         DescribedValues `json:"values"`
	Optional       bool            `json:"optional"`
	Differentiable bool            `json:"differentiable"`
	DefaultGrad    bool            `json:"default_grad"`
	Wide           bool            `json:"wide"`  // float32 in 16-bit files
	Shape          string          `json:"shape"` // the default one
}

// OptionInput is an input that a loss has, or that is another one, with a value of an
// option which is not its default.
type OptionInput struct {
	Option string `json:"option"`
	Value  any    `json:"value"`
	DescribedInput
}

// DescribedValues says which values an input may have, for programs that draw some.
type DescribedValues struct {
	Doc          string    `json:"doc"`
	Kind         string    `json:"kind"` // float, index or bool
	Low          *float64  `json:"low"`  // null where there is no bound
	High         *float64  `json:"high"`
	LowExclusive bool      `json:"low_exclusive"`
	Only         []float64 `json:"only"` // all values, where they are few
	// Form is what holds for values together, along the axis: sum and log_sum (they,
	// or their exponentials, sum to 1), norm (vectors of length 1), direction (vectors
	// of more than one element), distance (coordinates of points), corners (of boxes),
	// ties (equal ones are common), whole (numbers), equality (whether two are equal is
	// all that counts), list (ended by the first -1), length (at most the axis's size),
	// prefix (true up to a place, at least once).
	Form string `json:"form"`
	// Axis is a letter of the shapes; without one that of classes is axis 1, or 0 at
	// rank 1. SumAxis is the one whose size lengths add up to, in shapes without Axis.
	Axis    string `json:"axis"`
	SumAxis string `json:"sum_axis"`
	// Classes: the values are classes, or there is one along the axis for each. Of
	// labels there are as many as the axis's size and MoreClasses, or what the option
	// says.
	Classes        bool   `json:"classes"`
	MoreClasses    int64  `json:"more_classes"`
	ClassesOption  string `json:"classes_option"`
	IgnoredOption  string `json:"ignored_option"`  // its value is a label that does not count
	ExcludedOption string `json:"excluded_option"` // its value is a class that no label names
	Checked        bool   `json:"checked"`         // PyTorch raises on a label that is no class
}

// DescribedOutput is an output of the default request.
type DescribedOutput struct {
	Name  string `json:"name"`
	Shape string `json:"shape"`
}

// Describe returns a loss as plain data.
func Describe(l Loss) (Description, error) {
	s := l.Declaration()
	d := Description{
		Name: s.Name, Class: s.Class, Aliases: OtherNames(s), Family: s.Family, Title: s.Title, Formula: s.Formula, Witness: s.Witness,
		LabelPolicy: s.LabelPolicy, Traps: append([]string{}, s.Traps...), NaNRows: s.NaNRows, Cancels: s.Cancels, NoSecond: s.NoSecond, For: targetsOf(l), Star: s.Star, Classes: s.Classes, Broadcast: append([]string{}, s.Broadcast...),
		EmptyOpset: s.EmptyOpset, Undefined: append([]string{}, s.Undefined...),
		Options: []DescribedOption{}, WrapperOptions: []DescribedOption{}, OptionInputs: []OptionInput{}, OptionShapes: []map[string]string{},
	}
	plan, err := requestFor(l).Resolve()
	if err != nil {
		return d, err
	}
	if slices.ContainsFunc(l.Options(), func(o Option) bool { return o.Name == "ignore_index" }) {
		d.Traps = append(d.Traps, "A NaN in an ignored row is NaN in that row's own gradient, as in PyTorch, and nowhere else; the input mask leaves rows out whatever they hold.")
	}
	d.Torch = plan.Expression()
	m, err := plan.Model()
	if err != nil {
		return d, err
	}
	d.Exceptions = exceptionsOf(s, m)
	for _, port := range m.Graph.Outputs {
		d.Outputs = append(d.Outputs, DescribedOutput{port.Name, port.Shape.List()})
	}
	all, err := describeInputs(plan, nil)
	if err != nil {
		return d, err
	}
	d.Inputs, d.WrapperInputs = all[:len(s.Inputs)], append([]DescribedInput{}, all[len(s.Inputs):]...)
	for _, o := range l.Options() {
		d.Options = append(d.Options, o.describe())
	}
	for _, o := range WrapperOptions(l) {
		d.WrapperOptions = append(d.WrapperOptions, o.describe())
	}
	for _, pattern := range s.Shapes {
		d.Shapes = append(d.Shapes, pattern)
	}
	return d, d.addOptionInputs(l)
}

// addOptionInputs tries the values of each option for inputs and shapes that the
// defaults do not have.
func (d *Description) addOptionInputs(l Loss) error {
	plain := l.Declaration()
	for _, o := range l.Options() {
		for _, value := range o.Try {
			r := requestFor(l)
			r.Options = Values{o.Name: value}
			p, err := r.declare()
			if err != nil || reflect.DeepEqual(p.Spec.Inputs, plain.Inputs) && reflect.DeepEqual(p.Spec.Shapes, plain.Shapes) {
				continue // some values go with those of other options only
			}
			inputs, err := describeInputs(p, r.Options)
			if err != nil {
				return err
			}
			d.addOption(o, value, inputs[:len(p.Spec.Inputs)], p.Spec.Shapes)
		}
	}
	return nil
}

func (d *Description) addOption(o Option, value any, inputs []DescribedInput, shapes []Shapes) {
	for _, in := range inputs {
		if !slices.ContainsFunc(d.Inputs, func(known DescribedInput) bool { return reflect.DeepEqual(known, in) }) {
			d.OptionInputs = append(d.OptionInputs, OptionInput{o.Name, plain(value), in})
		}
	}
	for _, pattern := range shapes {
		equal := func(known map[string]string) bool { return maps.Equal(known, pattern) }
		if !slices.ContainsFunc(append(d.Shapes, d.OptionShapes...), equal) {
			d.OptionShapes = append(d.OptionShapes, pattern)
		}
	}
}

// OtherNames lists the names of a loss beside the canonical one: PyTorch's
// function where it differs, the class, the short forms.
func OtherNames(s Spec) []string {
	var all []string
	if strings.Contains(s.Torch, "."+s.Name+"_loss(") {
		all = append(all, s.Name+"_loss")
	}
	if s.Class != "" {
		all = append(all, s.Class)
	}
	out := []string{}
	for _, name := range append(append(all, s.Aliases...), slices.Sorted(maps.Keys(s.Presets))...) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// describeInputs gives each input, optional ones too, its default shape. options are
// those of the plan that are not the defaults.
func describeInputs(p *Plan, options Values) ([]DescribedInput, error) {
	r := Request{Catalog: p.Catalog, Loss: p.Loss, Options: options}
	for _, in := range p.Inputs() {
		if in.Optional {
			r.With = append(r.With, in.Name)
		}
	}
	plan, err := r.Resolve()
	if err != nil {
		return nil, err
	}
	var out []DescribedInput
	for _, p := range plan.Ports {
		out = append(out, DescribedInput{
			Name: p.Name, Doc: p.Doc, Domain: p.Domain, Values: p.describeValues(), Optional: p.Optional,
			Differentiable: p.Grad != No, DefaultGrad: p.Grad == Default, Wide: p.Wide, Shape: p.Shape.List(),
		})
	}
	return out, nil
}

func (in Input) describeValues() DescribedValues {
	r := in.Domain.row()
	low, high := in.bounds()
	return DescribedValues{
		Doc: r.doc, Kind: r.kind, Low: finite(low), High: finite(high), LowExclusive: r.open, Only: append([]float64{}, r.only...),
		Form: r.form, Axis: in.Of.Axis, SumAxis: in.Of.Sum,
		Classes: r.classes, MoreClasses: in.Of.More, ClassesOption: in.Of.Option,
		IgnoredOption: in.Of.Ignored, ExcludedOption: in.Of.Except, Checked: in.NamesClasses() && !in.Of.Unchecked,
	}
}

func (o Option) describe() DescribedOption {
	d := DescribedOption{
		Name: o.Name, Doc: o.Doc, Type: o.Kind, Default: plain(o.Default), Nullable: o.Nullable,
		Min: finite(o.Min), Max: finite(o.Max), MinExclusive: o.MinOpen, MaxExclusive: o.MaxOpen,
		Choices: append([]string{}, o.Choices...), Try: []any{},
	}
	for _, value := range o.Try {
		d.Try = append(d.Try, plain(value))
	}
	return d
}

// finite returns nil for infinity, which JSON lacks.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// plain returns an option's value as JSON can hold it.
func plain(value any) any {
	if f, ok := value.(float64); ok && math.IsInf(f, 0) {
		return Text(f)
	}
	return value
}

// Closest returns the known names that are most like name, best first, at most
// three.
func Closest(name string, known []string) []string { return nearest(fold(name), known, 3) }
