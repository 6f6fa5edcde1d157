package verify

import (
	"fmt"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// mutation is one way of tampering with a model.
type mutation struct {
	name  string
	equal bool // the numbers do not change, so that only the bytes show it
	apply func(*ir.Model)
}

// mutations lists ways to tamper with m.
func mutations(m *ir.Model) []mutation {
	var list []mutation
	for i, init := range m.Graph.Initializers {
		list = append(list, mutation{"constant " + init.Name, false, func(m *ir.Model) { changeConstant(m.Graph.Initializers[i].Tensor) }})
	}
	for i, n := range m.Graph.Nodes {
		where := fmt.Sprintf("node %d (%s)", i, n.Op)
		if other, ok := exchanged()[n.Op]; ok {
			list = append(list, mutation{where + " becomes " + other, false, func(m *ir.Model) { m.Graph.Nodes[i].Op = other }})
		}
		if len(n.Inputs) > 1 && n.Inputs[0] != n.Inputs[1] {
			list = append(list, mutation{where + " operands exchanged", commutes(n.Op), func(m *ir.Model) {
				in := m.Graph.Nodes[i].Inputs
				in[0], in[1] = in[1], in[0]
			}})
		}
		for k, a := range n.Attributes {
			if v, ok := a.Value.(int64); ok {
				list = append(list, mutation{where + " attribute " + a.Name, false, func(m *ir.Model) { m.Graph.Nodes[i].Attributes[k].Value = v ^ 1 }})
			}
		}
	}
	for i, p := range m.Metadata {
		if p.Key != "lossgen.version" { // a file of another version is judged by its outputs
			list = append(list, mutation{"metadata " + p.Key, true, func(m *ir.Model) { m.Metadata[i].Value += " " }})
		}
	}
	last := len(m.Graph.Outputs) - 1
	return append(list,
		mutation{"output renamed", false, func(m *ir.Model) { renameOutput(m, last, "grad_other") }},
		mutation{"doc string", true, func(m *ir.Model) { m.Graph.Doc = "x^2" }},
		mutation{"producer", true, func(m *ir.Model) { m.Producer = "other" }},
		mutation{"metadata added", true, func(m *ir.Model) { m.Metadata = append(m.Metadata, ir.Prop{Key: "note", Value: "1"}) }},
		mutation{"letter", true, func(m *ir.Model) { m.Graph.Outputs[last].Shape[0] = tensor.S("M") }},
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

func commutes(op string) bool {
	switch op {
	case "Add", "Mul", "Max", "Min", "Equal", "And", "Or":
		return true
	}
	return false
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

// TestMutations tampers with files in every way above. The byte check has to see
// all of it, the numeric checks nearly all that changes numbers.
func TestMutations(t *testing.T) {
	total, equal, seen := 0, 0, 0
	for _, r := range []losses.Request{
		{Loss: "huber", Options: losses.Values{"delta": 0.7}, With: []string{"weight"}},
		{Loss: "cross_entropy", Options: losses.Values{"label_smoothing": 0.1}, With: []string{"weight"}},
		{Loss: "focal", Options: losses.Values{"gamma": 1.5}},
		{Loss: "quantile", Options: losses.Values{"reduction": "none"}},
		{Loss: "mse"},
	} {
		data, err := Emit(r)
		if err != nil {
			t.Fatal(err)
		}
		original, err := export.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range mutations(original) {
			m, _ := export.Unmarshal(data)
			change.apply(m)
			bad, err := export.Marshal(m)
			if err != nil {
				continue // an attribute that the operator has not
			}
			total++
			if File(t.Context(), bad, referenceOnly(), Options{}).Passed() {
				t.Errorf("%s: %s: not seen", r.Loss, change.name)
			}
			switch numbers := File(t.Context(), bad, referenceOnly(), Options{skipBytes: true}); {
			case change.equal:
				equal++
			case !numbers.Passed():
				seen++
			default:
				t.Logf("%s: %s: not seen by the numbers", r.Loss, change.name)
			}
		}
	}
	changed := total - equal
	t.Logf("%d mutations, %d change numbers, the numeric checks see %d of these", total, changed, seen)
	if total < 100 || float64(seen) < 0.75*float64(changed) {
		t.Errorf("%d mutations, %d of %d seen by the numeric checks: want 100 or more, and three quarters seen", total, seen, changed)
	}
}
