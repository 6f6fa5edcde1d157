package adapters

import (
	"fmt"
	"slices"
	"strings"
)

// This file is what the templates of typed languages use beside Data.

// elements gives the type of an element in each language. The 16-bit floats are
// given as their bits where a language has no type for them.
var elements = map[string]map[string]string{
	"go":   {"float32": "float32", "float64": "float64", "float16": "uint16", "bfloat16": "uint16", "int64": "int64", "int32": "int32", "bool": "bool"},
	"cpp":  {"float32": "float", "float64": "double", "float16": "uint16_t", "bfloat16": "uint16_t", "int64": "int64_t", "int32": "int32_t", "bool": "unsigned char"},
	"onnx": {"float32": "FLOAT", "float64": "DOUBLE", "float16": "FLOAT16", "bfloat16": "BFLOAT16", "int64": "INT64", "int32": "INT32", "bool": "BOOL"},
	"rust": {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32", "bool": "bool"},
	"java": {"float32": "float", "float64": "double", "float16": "short", "bfloat16": "short", "int64": "long", "int32": "int", "bool": "byte"},
}

// element returns the type of an element in a language.
func element(language, dtype string) (string, error) {
	name, ok := elements[language][dtype]
	if !ok {
		return "", fmt.Errorf("%s elements have no type in %s", dtype, language)
	}
	return name, nil
}

// buffer returns Java's class for memory with elements.
func buffer(dtype string) (string, error) {
	name, err := element("java", dtype)
	return typeName(name) + "Buffer", err
}

// asBuffer returns the call that makes such a buffer of a ByteBuffer.
func asBuffer(dtype string) (string, error) {
	name, err := buffer(dtype)
	if name == "ByteBuffer" {
		return "", err
	}
	return ".as" + name + "()", err
}

// size returns the bytes of an element.
func size(dtype string) int {
	switch {
	case strings.HasSuffix(dtype, "16"):
		return 2
	case strings.HasSuffix(dtype, "32"):
		return 4
	case strings.HasSuffix(dtype, "64"):
		return 8
	}
	return 1
}

// explicit reports whether Java must be told the type of the elements, which the
// class of their buffer leaves open.
func explicit(dtype string) bool { return size(dtype) < 4 }

// HasExplicit reports whether an input or output is of such a type.
func (d *Data) HasExplicit() bool { return slices.ContainsFunc(d.JavaTypes(), explicit) }

// JavaTypes returns the element types of all inputs and outputs, each once.
func (d *Data) JavaTypes() []string {
	var types []string
	for _, p := range d.ports() {
		types = append(types, p.DType)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Buffers returns the classes of Java that they need, besides ByteBuffer.
func (d *Data) Buffers() ([]string, error) {
	var names []string
	for _, dtype := range d.JavaTypes() {
		name, err := buffer(dtype)
		if err != nil {
			return nil, err
		}
		if name != "ByteBuffer" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// All returns the inputs in the file's order, with grad_output.
func (d *Data) All() []Input {
	all := slices.Clone(d.Inputs)
	if d.GradOutput != nil {
		all = append(all, Input{Port: *d.GradOutput, Doc: "gradient that arrives at the loss from further on"})
	}
	return all
}

// Half reports whether the floating inputs and gradients have 16 bits.
func (d *Data) Half() bool { return strings.HasSuffix(d.DType, "16") }

// HasScalar reports whether an output of more than 16 bits has rank 0.
func (d *Data) HasScalar() bool {
	return slices.ContainsFunc(d.Outputs, func(p Port) bool { return p.Rank() == 0 && !explicit(p.DType) })
}

// ScalarsOnly reports whether all inputs have rank 0.
func (d *Data) ScalarsOnly() bool {
	return !slices.ContainsFunc(d.All(), func(in Input) bool { return in.Rank() > 0 })
}

// Numbers returns the sizes that the file fixes, as text, each once.
func (d *Data) Numbers() []string {
	var numbers []string
	for _, p := range d.ports() {
		for _, dim := range p.Dims {
			if dim.Known && !slices.Contains(numbers, dim.Text) {
				numbers = append(numbers, dim.Text)
			}
		}
	}
	return numbers
}

func (d *Data) ports() []Port {
	ports := slices.Clone(d.Outputs)
	for _, in := range d.All() {
		ports = append(ports, in.Port)
	}
	return ports
}
