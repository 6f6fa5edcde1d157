package verify

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// mutation is one way of tampering with a model.
type mutation struct {
	where string // "node 3: " and the like, "" where there is one place
	kind  string // what is done there
	equal string // why neither numbers nor what the file says may change, "" where they do
	apply func(*ir.Model)
}

// equivalent says why an attribute may have another value without a difference.
var equivalent = map[string]string{
	"Reshape allowzero":              "a size of 0 stands where the operand has size 0, too",
	"ArgMin select_last_index":       "of axes that are as good to sum first, another is taken",
	"ArgMin keepdims":                "its result is read as a list of one",
	"ReduceSum keepdims":             "all axes are summed behind it",
	"ReduceSum noop_with_empty_axes": "there are axes",
	"Cast to":                        "the reference engine rounds nothing, and ONNX Runtime drops casts to float16 and back",
}

// equivalentConstant says the same of a constant.
func equivalentConstant(t *tensor.Tensor) string {
	switch {
	case t.Len() == 1 && t.DType == tensor.Int64 && t.Int(0) > 1<<30:
		return "no class has the one index or the other"
	case t.Len() == 1 && t.DType.IsFloat() && t.Float(0) > 1e30:
		return "both are beyond where a product saturates"
	}
	return ""
}

// mutations lists ways to tamper with m.
func mutations(m *ir.Model) []mutation {
	var list []mutation
	for i, init := range m.Graph.Initializers {
		list = append(list, mutation{init.Name + ": ", fmt.Sprintf("constant of type %v", init.Tensor.DType), equivalentConstant(init.Tensor), func(m *ir.Model) { changeConstant(m.Graph.Initializers[i].Tensor) }})
	}
	for i, n := range m.Graph.Nodes {
		where := fmt.Sprintf("node %d: ", i)
		if other, ok := exchanged()[n.Op]; ok {
			list = append(list, mutation{where, n.Op + " becomes " + other, "", func(m *ir.Model) { m.Graph.Nodes[i].Op = other }})
		}
		if len(n.Inputs) > 1 && n.Inputs[0] != n.Inputs[1] {
			list = append(list, mutation{where, "operands of " + n.Op + " exchanged", commutes(n.Op), func(m *ir.Model) {
				in := m.Graph.Nodes[i].Inputs
				in[0], in[1] = in[1], in[0]
			}})
		}
		for k, a := range n.Attributes {
			if v, ok := a.Value.(int64); ok {
				list = append(list, mutation{where, "attribute " + a.Name + " of " + n.Op, equivalent[n.Op+" "+a.Name], func(m *ir.Model) { m.Graph.Nodes[i].Attributes[k].Value = v ^ 1 }})
			}
		}
	}
	for i, p := range m.Metadata {
		if p.Key != versionKey { // a file of another version is judged by its outputs
			list = append(list, mutation{"", "metadata " + p.Key, "", func(m *ir.Model) { m.Metadata[i].Value += " " }})
		}
	}
	last := len(m.Graph.Outputs) - 1
	return append(list,
		mutation{"", "output renamed", "", func(m *ir.Model) { renameOutput(m, last, "grad_other") }},
		mutation{"", "doc string", "", func(m *ir.Model) { m.Graph.Doc = "x^2" }},
		mutation{"", "producer", "", func(m *ir.Model) { m.Producer = "other" }},
		mutation{"", "metadata added", "", func(m *ir.Model) { m.Metadata = append(m.Metadata, ir.Prop{Key: "note", Value: "1"}) }},
		mutation{"", "letter", "", func(m *ir.Model) { m.Graph.Outputs[last].Shape[0] = tensor.S("M") }},
	)
}

func changeConstant(t *tensor.Tensor) {
	if t.Len() == 0 {
		return
	}
	switch {
	case math.IsNaN(t.Float(0)):
		t.SetFloat(0, 1)
	case t.DType.IsFloat():
		t.SetFloat(0, t.Float(0)*1.03+0.02)
	default:
		t.SetInt(0, t.Int(0)^1)
	}
}

// exchanged maps operators to others of the same signature.
func exchanged() map[string]string {
	return map[string]string{
		"Add": "Sub", "Sub": "Add", "Mul": "Div", "Div": "Mul", "Max": "Min", "Min": "Max", "Less": "Greater", "Greater": "Less",
		"Abs": "Neg", "Neg": "Abs", "Exp": "Tanh", "Log": "Exp", "And": "Or", "Or": "And", "Relu": "Abs", "Sqrt": "Exp",
		"ReduceMax": "ReduceMin", "ReduceMin": "ReduceMax", "Softmax": "LogSoftmax",
	}
}

func commutes(op string) string {
	switch op {
	case "Add", "Mul", "Max", "Min", "Equal", "And", "Or":
		return "it commutes"
	}
	return ""
}

func renameOutput(m *ir.Model, i int, name string) {
	old := m.Graph.Outputs[i].Name
	m.Graph.Outputs[i].Name = name
	for _, n := range m.Graph.Nodes {
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for k := range list {
				if list[k] == old {
					list[k] = name
				}
			}
		}
	}
}

// requests are those whose files are tampered with.
func tampered() []losses.Request {
	return []losses.Request{
		{Catalog: all.Losses(), Loss: "huber", Options: losses.Values{"delta": 0.7}, With: []string{"weight"}},
		{Catalog: all.Losses(), Loss: "cross_entropy", Options: losses.Values{"label_smoothing": 0.1}, With: []string{"weight"}},
		{Catalog: all.Losses(), Loss: "focal", Options: losses.Values{"gamma": 1.5}},
		{Catalog: all.Losses(), Loss: "quantile", Options: losses.Values{"reduction": "none"}},
		{Catalog: all.Losses(), Loss: "mse"},
	}
}

// TestMutations tampers with files in every way above. The bytes show all of it. A
// file that says to be of another version is not proven, and one that may be is
// judged by its numbers: these show all that changes them. Numbers take long, so that
// each kind of change is judged by them in one place, and with every set in each.
func TestMutations(t *testing.T) {
	engines := allEngines(t) // the reference engine rounds no number between
	total, judged, equal, kinds := 0, 0, map[string]int{}, map[string]bool{}
	for _, r := range tampered() {
		data := emitted(t, r)
		original, err := export.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range mutations(original) {
			bad, err := mutated(data, change.apply)
			if err != nil {
				continue // an attribute that the operator has not
			}
			total++
			if !seen(t, bad) {
				t.Errorf("%s: %s%s: not seen", r.Loss, change.where, change.kind)
			}
			kind := change.kind + change.equal
			if kinds[kind] && !every {
				continue
			}
			kinds[kind] = true
			judged++
			other, err := mutated(bad, func(m *ir.Model) { setVersion(m, "0.0.1") })
			if err != nil {
				t.Fatal(err)
			}
			if seen(t, other, engines...) {
				continue
			}
			if equal[change.equal]++; change.equal == "" {
				t.Errorf("%s: %s%s: not seen by the numbers", r.Loss, change.where, change.kind)
			}
		}
	}
	t.Logf("%d mutations, all seen by the bytes, %d of them judged by the numbers, too; these do not change one: %v", total, judged, equal)
	if total < 100 {
		t.Errorf("%d mutations: want 100 or more", total)
	}
}

// seen reports whether a file is found not to be what its request gives: by its
// bytes, or by its numbers on one of the engines, of which further ones are asked
// where the first sees nothing.
func seen(t *testing.T, data []byte, engines ...Engine) bool {
	f, c := readFile(all.Losses(), data)
	if f == nil {
		return !c.Pass
	}
	defer f.close()
	f.options = Options{Catalog: all.Losses(), AllowVersion: true, Seed: 1}
	for n := range max(len(engines), 1) {
		checks := f.sameFile(t.Context(), engines[:min(n+1, len(engines))])
		if slices.ContainsFunc(checks, func(c Check) bool { return !c.Pass }) {
			return true
		}
	}
	return false
}

// mutated returns the bytes of a file after a change.
func mutated(data []byte, apply func(*ir.Model)) ([]byte, error) {
	m, err := export.Unmarshal(data)
	if err != nil {
		return nil, err
	}
	apply(m)
	return export.Marshal(m)
}

// setVersion makes a model say that it is of another version.
func setVersion(m *ir.Model, version string) {
	m.ProducerVersion = version
	for i := range m.Metadata {
		if m.Metadata[i].Key == versionKey {
			m.Metadata[i].Value = version
		}
	}
}
