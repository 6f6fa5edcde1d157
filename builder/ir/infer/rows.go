package infer

import (
	"fmt"
	"maps"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// row is what is known of an operator: the element types that it takes and
// gives, as in "T:float T -> bool", and how its results are shaped.
//
// A letter stands for one element type, with its class where it is first met; a
// ? behind an input says that it may be absent, dots that more may follow.
type row struct {
	dtypes string
	infer  func(c *call) ([]Type, error)

	inputs, outputs []slot
}

// slot is the element type of an input or result.
type slot struct {
	name     string // a letter or a class
	class    string
	optional bool
	more     bool
}

// classes are the element types that an operator may take.
var classes = map[string][]tensor.DType{
	"any":   nil,
	"num":   {1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 16},
	"float": {tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16},
	"whole": {2, 3, 4, 5, 6, 7, 12, 13},
	"index": {tensor.Int32, tensor.Int64},
	"small": {tensor.Int32, 2, 3}, // what quantization takes
	"bool":  {tensor.Bool}, "int64": {tensor.Int64}, "float32": {tensor.Float32},
}

// rows has all operators.
var rows = compile(elementwiseRows, reductionRows, shapeRows, indexRows, matrixRows, windowRows, layerRows, recurrentRows, graphRows)

// Has reports whether an operator has a row.
func Has(op string) bool {
	_, ok := rows[op]
	return ok
}

func compile(families ...map[string]row) map[string]*row {
	all := map[string]*row{}
	for _, family := range families {
		for op, r := range maps.All(family) {
			in, out, _ := strings.Cut(r.dtypes, "->")
			known := map[string]string{}
			r.inputs, r.outputs = slots(in, known), slots(out, known)
			all[op] = &r
		}
	}
	return all
}

// slots reads one side of a row's element types. known are the classes of
// letters.
func slots(text string, known map[string]string) (list []slot) {
	for _, field := range strings.Fields(text) {
		s := slot{}
		field, s.more = strings.CutSuffix(field, "...")
		field, s.optional = strings.CutSuffix(field, "?")
		var classed bool
		if s.name, s.class, classed = strings.Cut(field, ":"); classed {
			known[s.name] = s.class
		} else if s.class = known[s.name]; s.class == "" {
			s.class = s.name
		}
		list = append(list, s)
	}
	return list
}

// apply infers a node's results: element types here, the rest by the row.
func (r *row) apply(c *call) ([]Type, error) {
	bound, err := r.bind(c)
	if err != nil {
		return nil, err
	}
	out, err := r.infer(c)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if len(r.outputs) == 0 || out[i].DType != tensor.Undefined {
			continue
		}
		s := r.outputs[min(i, len(r.outputs)-1)]
		if out[i].DType = bound[s.name]; len(classes[s.class]) == 1 {
			out[i].DType = classes[s.class][0]
		}
	}
	return out, nil
}

// bind compares the inputs' element types with the row's, and returns those that
// its letters stand for.
func (r *row) bind(c *call) (map[string]tensor.DType, error) {
	bound := map[string]tensor.DType{}
	for i, s := range r.inputs {
		if !s.optional && !s.more && !c.has(i) {
			return nil, fmt.Errorf("its input %d is required", i)
		}
	}
	for i, v := range c.in {
		if len(r.inputs) == 0 || v.DType == tensor.Undefined {
			continue
		}
		s := r.inputs[min(i, len(r.inputs)-1)]
		if i >= len(r.inputs) && !s.more {
			return nil, fmt.Errorf("it has %d inputs, want at most %d", len(c.in), len(r.inputs))
		}
		if allowed := classes[s.class]; allowed != nil && !contains(allowed, v.DType) {
			return nil, fmt.Errorf("its input %d is %v, want %s", i, v, s.class)
		}
		if _, isClass := classes[s.name]; isClass {
			continue
		}
		if other := bound[s.name]; other != tensor.Undefined && other != v.DType {
			return nil, fmt.Errorf("its input %d is %v, want %v as before", i, v, other)
		}
		bound[s.name] = v.DType
	}
	return bound, nil
}

func contains(list []tensor.DType, d tensor.DType) bool {
	for _, other := range list {
		if other == d {
			return true
		}
	}
	return false
}
