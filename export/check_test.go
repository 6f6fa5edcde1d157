package export_test

import (
	"errors"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

func TestCheckAccepts(t *testing.T) {
	for name, m := range ownModels() {
		if err := export.Check(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		read, err := export.Unmarshal(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := export.Check(read); err != nil {
			t.Errorf("%s as read from its file: %v", name, err)
		}
	}
	if err := export.Check(nil); err == nil {
		t.Error("a nil model is accepted")
	}
	if err := export.Check(model(8, 12, &ir.Graph{Outputs: make([]ir.Port, 1)})); !errors.Is(err, export.ErrOpset) {
		t.Errorf("opset 12: got error %v, want ErrOpset", err)
	}
}

// Each case breaks one thing in a valid model.
func TestCheckRejects(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(m *ir.Model, g *ir.Graph)
		want  string
	}{
		{"no graph", func(m *ir.Model, g *ir.Graph) { m.Graph = nil }, "no graph"},
		{"ir version", func(m *ir.Model, g *ir.Graph) { m.IRVersion = 9 }, "ir version 9 does not belong to opset 17: want 8"},
		{"metadata", func(m *ir.Model, g *ir.Graph) { m.Metadata[1].Key = "lossgen.loss" }, `metadata key "lossgen.loss" stands twice`},
		{"graph name", func(m *ir.Model, g *ir.Graph) { g.Name = "" }, "no name"},
		{"no outputs", func(m *ir.Model, g *ir.Graph) { g.Outputs = nil }, "no outputs"},
		{"input name", func(m *ir.Model, g *ir.Graph) { g.Inputs[0].Name = "in put" }, `input "in put": the name is no identifier`},
		{"input rank", func(m *ir.Model, g *ir.Graph) { g.Inputs[0].Shape = nil }, `input "input": the rank is unknown`},
		{"input dtype", func(m *ir.Model, g *ir.Graph) { g.Inputs[0].DType = 2 }, `input "input": element type uint8`},
		{"negative size", func(m *ir.Model, g *ir.Graph) { g.Inputs[0].Shape[0] = tensor.D(-1) }, `axis 0 is "-1"`},
		{"unnamed dim", func(m *ir.Model, g *ir.Graph) { g.Inputs[0].Shape[1] = tensor.Unknown("", 1) }, `axis 1 is "?1"`},
		{"input twice", func(m *ir.Model, g *ir.Graph) { g.Inputs[1].Name = "input" }, `input "input": the name "input" is taken`},
		{"initializer twice", func(m *ir.Model, g *ir.Graph) { g.Initializers[0].Name = "input" }, `initializer "input": the name "input" is taken`},
		{"initializer bytes", func(m *ir.Model, g *ir.Graph) { g.Initializers[0].Tensor.Dims[0] = 2 }, `initializer "axes": int64[2] has 8 bytes`},
		{"initializer size", func(m *ir.Model, g *ir.Graph) { g.Initializers[0].Tensor.Dims[0] = -2 }, `initializer "axes": size -2 is negative`},
		{"initializer unused", func(m *ir.Model, g *ir.Graph) {
			g.Initializers = append(g.Initializers, ints("more", nil, 1))
		}, `initializer "more": nothing uses it`},
		{"unknown operator", func(m *ir.Model, g *ir.Graph) { g.Nodes[2].Op = "Gelu" }, `node 2 (Gelu -> p): operator "Gelu"`},
		{"too few inputs", func(m *ir.Model, g *ir.Graph) { g.Nodes[4].Inputs = list("p") }, "node 4 (Mul -> pt): it has 1 inputs, want at least 2"},
		{"too many inputs", func(m *ir.Model, g *ir.Graph) { g.Nodes[6].Inputs = list("picked", "axes") }, "node 6 (ReduceMean -> loss): it has 2 inputs, want at most 1"},
		{"empty input", func(m *ir.Model, g *ir.Graph) { g.Nodes[4].Inputs[1] = "" }, "its input 1 is required"},
		{"no outputs of node", func(m *ir.Model, g *ir.Graph) { g.Nodes[4].Outputs = nil }, "node 4 (Mul): it has 0 outputs"},
		{"empty output", func(m *ir.Model, g *ir.Graph) { g.Nodes[4].Outputs = list("") }, "its output 0 is required"},
		{"undefined input", func(m *ir.Model, g *ir.Graph) { g.Nodes[4].Inputs[1] = "nope" }, `node 4 (Mul -> pt): its input "nope" is not defined before it`},
		{"order", func(m *ir.Model, g *ir.Graph) { g.Nodes[0], g.Nodes[1] = g.Nodes[1], g.Nodes[0] }, `node 0 (Reshape -> x): its input "size" is not defined before it`},
		{"name twice", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Outputs = list("p") }, `node 3 (Cast -> p): the name "p" is taken`},
		{"name in other case", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Outputs = list("P") }, `node 3 (Cast -> P): the names "p" and "P" differ in case only`},
		{"unknown attribute", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = attrs("to", int64(1), "saturate", int64(1)) }, `attribute "saturate" does not exist at opset 17`},
		{"attribute twice", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = attrs("to", int64(1), "to", int64(1)) }, `attribute "to" stands twice`},
		{"attribute missing", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = nil }, `node 3 (Cast -> t): attribute "to" (int64) is missing`},
		{"attribute type", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = attrs("to", float32(1)) }, `attribute "to": it is a float32, want int64`},
		{"attribute nil", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = attrs("to", nil) }, `attribute "to": a <nil> is no attribute value`},
		{"dead node", func(m *ir.Model, g *ir.Graph) {
			g.Nodes = append(g.Nodes, ir.Node{Op: "Neg", Inputs: list("p"), Outputs: list("dead")})
		}, "node 7 (Neg -> dead): nothing uses its outputs"},
		{"output undefined", func(m *ir.Model, g *ir.Graph) { g.Outputs[0].Name = "grad" }, `output "grad": nothing in the graph defines it`},
		{"output is input", func(m *ir.Model, g *ir.Graph) { g.Outputs[0].Name = "input" }, `output "input": no node produces it`},
		{"output twice", func(m *ir.Model, g *ir.Graph) { g.Outputs = append(g.Outputs, g.Outputs[0]) }, `output "loss": it stands twice`},
		{"output rank", func(m *ir.Model, g *ir.Graph) { g.Outputs[0].Shape = nil }, `output "loss": the rank is unknown`},
		{"declaration of nothing", declare("grad", "N"), `declaration of "grad": no node produces it`},
		{"declaration of an input", declare("input", "N"), `declaration of "input": no node produces it`},
		{"declaration twice", declare("p", "N", "p", "N"), `declaration of "p": it stands twice`},
		{"declaration without a name", declare("p", tensor.Unknown("", 1)), `declaration of "p": axis 0 is "?1"`},
		{"element types", func(m *ir.Model, g *ir.Graph) { g.Nodes[3].Attributes = attrs("to", int64(tensor.Float64)) }, "node 4 (Mul -> pt): its input 1 is float64[N,C], want float32 as before"},
		{"index type", func(m *ir.Model, g *ir.Graph) { g.Initializers[0] = floats("axes", []int64{1}, 1) }, "node 5 (ReduceSum -> picked): its input 1 is float32[1], want int64"},
		{"no such axis", func(m *ir.Model, g *ir.Graph) {
			g.Initializers[0] = ints("axes", []int64{1}, 2)
		}, "node 5 (ReduceSum -> picked): axis 2 does not exist, the rank is 2"},
		{"output of another rank", func(m *ir.Model, g *ir.Graph) { g.Outputs[0].Shape = tensor.Of("N") }, `node 6 (ReduceMean -> loss): its result "loss": it is float32[], and declared as float32[N]`},
		{"output of another type", func(m *ir.Model, g *ir.Graph) { g.Outputs[0].DType = tensor.Float64 }, `its result "loss": it is float32[], and declared as float64[]`},
		{"declaration of another rank", declare("p", "N"), `node 2 (Softmax -> p): its result "p": it is float32[N,C], and declared as float32[N]`},
		{"reduce axes as input", func(m *ir.Model, g *ir.Graph) { m.IRVersion, m.Opset = 8, 18 }, `node 6 (ReduceMean -> loss): attribute "axes" does not exist at opset 18`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := opsetModel(8, 17)
			test.spoil(m, m.Graph)
			wantLine(t, export.Check(m), test.want)
		})
	}
}

// declare states sizes: pairs of a name and its only size.
func declare(pairs ...any) func(m *ir.Model, g *ir.Graph) {
	return func(m *ir.Model, g *ir.Graph) {
		for i := 0; i < len(pairs); i += 2 {
			g.Values = append(g.Values, port(pairs[i].(string), tensor.Float32, pairs[i+1]))
		}
	}
}

func TestCheckConstant(t *testing.T) {
	m := valuesModel()
	m.Graph.Nodes[1].Attributes = attrs("value_int", int64(1), "value_float", float32(1))
	wantLine(t, export.Check(m), "node 1 (Constant -> three): it has 2 attributes, want exactly one value")
	m.Graph.Nodes[1].Attributes = attrs("value", &tensor.Tensor{})
	wantLine(t, export.Check(m), `attribute "value": element type undefined`)
}

func TestCheckSubgraphs(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(scan *ir.Node, body *ir.Graph)
		want  string
	}{
		{"untyped ports are fine", func(scan *ir.Node, body *ir.Graph) { body.Inputs[0] = ir.Port{Name: "state"} }, ""},
		{"inner node", func(scan *ir.Node, body *ir.Graph) { body.Nodes[0].Inputs[1] = "nope" },
			`node 0 (Scan -> loss): attribute "body": node 0 (Mul -> scaled): its input "nope" is not defined`},
		{"own output too early", func(scan *ir.Node, body *ir.Graph) { body.Nodes[0].Inputs[1] = "loss" }, `its input "loss" is not defined`},
		{"shadowing", func(scan *ir.Node, body *ir.Graph) { body.Inputs[1].Name = "Input" }, `the names "input" and "Input" differ in case only`},
		{"outer value as output", func(scan *ir.Node, body *ir.Graph) { body.Outputs[1].Name = "scale" }, `output "scale": nothing in the graph defines it`},
		{"body inputs", func(scan *ir.Node, body *ir.Graph) { scan.Inputs = list("start", "input", "scale") }, "its body has 2 inputs, want 3"},
		{"body outputs", func(scan *ir.Node, body *ir.Graph) { scan.Outputs = list("loss") }, "its body has 2 outputs for 1 outputs"},
		{"scan inputs", func(scan *ir.Node, body *ir.Graph) { scan.Attributes[0].Value = int64(3) }, "num_scan_inputs is 3, want 1 to 2"},
		{"no body", func(scan *ir.Node, body *ir.Graph) { scan.Attributes = scan.Attributes[:1] }, `attribute "body" (*ir.Graph) is missing`},
		{"itself", func(scan *ir.Node, body *ir.Graph) {
			*body = ir.Graph{Name: "b", Nodes: []ir.Node{*scan}}
		}, "nest deeper than 8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := scanModel()
			scan := &m.Graph.Nodes[0]
			test.spoil(scan, scan.Attributes[1].Value.(*ir.Graph))
			if err := export.Check(m); test.want != "" || err != nil {
				wantLine(t, err, test.want)
			}
		})
	}
}
