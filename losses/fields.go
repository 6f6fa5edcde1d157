package losses

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// This file reads options from the fields of a struct, and writes them there.

// optionsOf reads the options from a struct of defaults. A field has the tags opt
// (name), doc, bounds ("(0,inf)"), choices ("a,b") and try ("0.5;1"). Options that
// losses share stand in structs that are embedded.
//
// What a literal of the struct leaves out must mean the default. A number or bool
// whose default is not its type's zero value is a pointer therefore, and nil is
// the default; a pointer whose default is nil may be none. Choices and lists need
// no pointer: "" and nil are none of their values.
//
// The error is about the first field that is declared wrongly. Its option is in
// the list, too, where so much is known of it that a command can name it.
func optionsOf(defaults any) ([]Option, error) {
	v := reflect.ValueOf(defaults)
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the options are a %T, want a struct", defaults)
	}
	var out []Option
	var mistake error
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			continue // its fields follow
		}
		value, err := v.FieldByIndexErr(f.Index)
		if err != nil {
			continue // of an embedded pointer, which is a mistake itself
		}
		o, err := optionOf(f, value)
		o.field = f.Index
		switch {
		case slices.ContainsFunc(out, func(p Option) bool { return p.Name == o.Name }):
			err = errors.New("there are two of the name")
		case o.Name != "":
			out = append(out, o)
		}
		if err != nil && mistake == nil {
			mistake = fmt.Errorf("option %q (field %s): %w", f.Tag.Get("opt"), f.Name, err)
		}
	}
	return out, mistake
}

var optionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// optionOf reads the option of a field that holds its default. An option that
// cannot be read has no name.
func optionOf(f reflect.StructField, value reflect.Value) (Option, error) {
	o := Option{
		Name: f.Tag.Get("opt"), Doc: f.Tag.Get("doc"), Kind: kindOf(f.Type),
		Min: math.Inf(-1), Max: math.Inf(1), MinOpen: true, MaxOpen: true,
	}
	pointer := f.Type.Kind() == reflect.Pointer
	switch {
	case !f.IsExported():
		return Option{}, errors.New("the field is not exported")
	case !optionName.MatchString(o.Name):
		return Option{}, errors.New(`the field's tag must name it in lower-case letters, digits and _, as in opt:"width"`)
	case o.Kind == "":
		return Option{}, fmt.Errorf("no option is a %v: want float64, int64, bool, a pointer to one of these, a string type or []float64", f.Type)
	case (o.Kind == "float" || o.Kind == "int" || o.Kind == "bool") && !pointer && !value.IsZero():
		return o, fmt.Errorf("the default is %v, so the field must be a *%v, nil for the default: a literal that leaves out a %[2]v makes it %[3]v",
			value, f.Type, reflect.Zero(f.Type))
	}
	o.Nullable = pointer && value.IsNil()
	o.Default = fromField(value)
	if err := o.readTags(f.Tag); err != nil {
		return o, err
	}
	if o.Check(o.Default) != nil {
		return o, fmt.Errorf("the default is %q, want %s", Text(o.Default), o.Want())
	}
	return o, nil
}

// kindOf names the kind of option that a field of a type holds, "" where none is
// held in one.
func kindOf(t reflect.Type) string {
	held := map[reflect.Type]string{
		reflect.TypeFor[float64](): "float", reflect.TypeFor[*float64](): "float",
		reflect.TypeFor[int64](): "int", reflect.TypeFor[*int64](): "int",
		reflect.TypeFor[bool](): "bool", reflect.TypeFor[*bool](): "bool",
		reflect.TypeFor[[]float64](): "floats", reflect.TypeFor[[]Task](): "tasks", reflect.TypeFor[Weights](): "weights",
	}
	if t.Kind() == reflect.String {
		return "choice"
	}
	return held[t]
}

// readTags reads choices, bounds and the values that tests use.
func (o *Option) readTags(tag reflect.StructTag) error {
	if c := tag.Get("choices"); c != "" {
		o.Choices = strings.Split(c, ",")
	}
	if b := tag.Get("bounds"); b != "" {
		if err := o.setBounds(b); err != nil {
			return err
		}
	}
	for _, choice := range o.Choices {
		o.Try = append(o.Try, choice)
	}
	if t := tag.Get("try"); t != "" {
		o.Try = nil
		for _, text := range strings.Split(t, ";") {
			value, err := o.Parse(text)
			if err != nil {
				return fmt.Errorf("try %q: %w", text, err)
			}
			o.Try = append(o.Try, value)
		}
	}
	return nil
}

var interval = regexp.MustCompile(`^([[(])(.+),(.+)([])])$`)

// setBounds reads an interval such as "[0,1)".
func (o *Option) setBounds(text string) error {
	bad := fmt.Errorf(`bounds %q are no interval such as "[0,1)" or "(0,inf)"`, text)
	part := interval.FindStringSubmatch(text)
	if part == nil {
		return bad
	}
	lo, err := strconv.ParseFloat(part[2], 64)
	hi, err2 := strconv.ParseFloat(part[3], 64)
	if err != nil || err2 != nil || !(lo <= hi) {
		return bad
	}
	o.Min, o.Max, o.MinOpen, o.MaxOpen = lo, hi, part[1] == "(", part[4] == ")"
	return nil
}

// fill sets the fields of a struct of options that v has values for.
func fill(to any, options []Option, v Values) {
	fields := reflect.ValueOf(to).Elem()
	for _, opt := range options {
		if value, ok := v[opt.Name]; ok {
			toField(fields.FieldByIndex(opt.field), value)
		}
	}
}

func fromField(f reflect.Value) any {
	switch {
	case f.Kind() == reflect.Pointer && f.IsNil():
		return nil
	case f.Kind() == reflect.Pointer:
		return f.Elem().Interface()
	case f.Kind() == reflect.String:
		return f.String()
	}
	return f.Interface()
}

func toField(f reflect.Value, value any) {
	v := reflect.ValueOf(value)
	switch {
	case value == nil:
		f.SetZero()
	case f.Kind() == reflect.Pointer:
		held := reflect.New(f.Type().Elem())
		held.Elem().Set(v)
		f.Set(held)
	default:
		f.Set(v.Convert(f.Type()))
	}
}
