package export

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

//go:generate sh -c "python3 schema_gen.py > schema_table.go"

// form is what an operator looks like from a version of the operator set on.
type form struct {
	since   int64
	inputs  count
	outputs count
	attrs   attrs // sorted by name
}

// count is how many inputs or outputs an operator takes. Those before min must
// be there.
type count struct{ min, max int }

// many is the max of a variadic operator.
const many = 1<<31 - 1

// attrSpec describes an attribute. def is nil when it has no default.
type attrSpec struct {
	name     string
	kind     kind
	required bool
	def      any
}

type attrs []attrSpec

// required and optional attributes have no default.
func required(name string, k kind) attrSpec { return attrSpec{name: name, kind: k, required: true} }
func optional(name string, k kind) attrSpec { return attrSpec{name: name, kind: k} }

// defaulted is an optional attribute with a default: an int64, float32 or string.
func defaulted(name string, def any) attrSpec {
	k, _ := kindOf(def)
	return attrSpec{name: name, kind: k, def: def}
}

// kind is the type of an attribute, numbered as in AttributeProto.
type kind int32

const (
	kindFloat   kind = onnxpb.AttributeFloat
	kindInt     kind = onnxpb.AttributeInt
	kindString  kind = onnxpb.AttributeString
	kindTensor  kind = onnxpb.AttributeTensor
	kindGraph   kind = onnxpb.AttributeGraph
	kindFloats  kind = onnxpb.AttributeFloats
	kindInts    kind = onnxpb.AttributeInts
	kindStrings kind = onnxpb.AttributeStrings
)

// String returns the Go type that carries the kind in [ir.Attribute].
func (k kind) String() string {
	switch k {
	case kindFloat:
		return "float32"
	case kindInt:
		return "int64"
	case kindString:
		return "string"
	case kindTensor:
		return "*tensor.Tensor"
	case kindGraph:
		return "*ir.Graph"
	case kindFloats:
		return "[]float32"
	case kindInts:
		return "[]int64"
	case kindStrings:
		return "[]string"
	default:
		return fmt.Sprintf("kind %d", int32(k))
	}
}

// kindOf returns the kind of an attribute value. A nil tensor or graph has none.
func kindOf(value any) (kind, error) {
	switch v := value.(type) {
	case float32:
		return kindFloat, nil
	case int64:
		return kindInt, nil
	case string:
		return kindString, nil
	case []float32:
		return kindFloats, nil
	case []int64:
		return kindInts, nil
	case []string:
		return kindStrings, nil
	case *tensor.Tensor:
		if v != nil {
			return kindTensor, nil
		}
	case *ir.Graph:
		if v != nil {
			return kindGraph, nil
		}
	default:
		return 0, fmt.Errorf("a %T is no attribute value: use int64, float32, string, []int64, []float32, []string, *tensor.Tensor or *ir.Graph", value)
	}
	return 0, fmt.Errorf("the %T is nil", value)
}

// lookup returns the form of an operator at an opset.
func lookup(op string, opset int64) (form, error) {
	if _, err := IRVersion(opset); err != nil {
		return form{}, err
	}
	forms := schema[op]
	for i := len(forms) - 1; i >= 0; i-- {
		if forms[i].since <= opset {
			return forms[i], nil
		}
	}
	return form{}, fmt.Errorf("operator %q is not among the standard operators that lossgen knows at opset %d", op, opset)
}

// Keeps reports whether a node means the same at another opset: what it says exists
// there too, and what it leaves out has the same default.
func Keeps(n ir.Node, from, to int64) bool {
	f, err := lookup(n.Op, from)
	g, err2 := lookup(n.Op, to)
	switch {
	case err != nil || err2 != nil:
		return false
	case !bodiesKeep(n, from, to):
		return false
	case f.since == g.since:
		return true
	case g.inputs.check("input", n.Inputs) != nil || g.outputs.check("output", n.Outputs) != nil:
		return false
	case n.Op == "Split" && len(n.Inputs) == 1: // from opset 18 on it says in how many parts
		return false
	}
	for _, spec := range slices.Concat(f.attrs, g.attrs) {
		before, was := f.attr(spec.name)
		after, is := g.attr(spec.name)
		if n.Attr(spec.name) != nil && (!is || before.kind != after.kind) || n.Attr(spec.name) == nil && was && is && !reflect.DeepEqual(before.def, after.def) {
			return false
		}
	}
	return true
}

// bodiesKeep reports whether all nodes of a node's bodies do.
func bodiesKeep(n ir.Node, from, to int64) bool {
	for _, a := range n.Attributes {
		body, ok := a.Value.(*ir.Graph)
		if ok && slices.ContainsFunc(body.Nodes, func(inner ir.Node) bool { return !Keeps(inner, from, to) }) {
			return false
		}
	}
	return true
}

// attr returns the spec of the attribute called name.
func (f form) attr(name string) (attrSpec, bool) {
	for _, a := range f.attrs {
		if a.name == name {
			return a, true
		}
	}
	return attrSpec{}, false
}
