package draw

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// model has a small and a large constant, a subgraph that uses a value from
// outside, and text that both picture languages have to quote.
func model() *ir.Model {
	port := func(name string, dims ...any) ir.Port {
		return ir.Port{Name: name, DType: tensor.Float32, Shape: tensor.Of(dims...)}
	}
	ramp := make([]float64, 12)
	for i := range ramp {
		ramp[i] = float64(i) / 4
	}
	body := &ir.Graph{
		Name:    "body",
		Inputs:  []ir.Port{{Name: "state"}, {Name: "row"}},
		Outputs: []ir.Port{{Name: "next"}},
		Nodes: []ir.Node{
			{Op: "Mul", Inputs: []string{"row", "y"}, Outputs: []string{"scaled"}},
			{Op: "Add", Inputs: []string{"state", "scaled"}, Outputs: []string{"next"}},
		},
	}
	return &ir.Model{
		IRVersion: 8, Opset: 17, Producer: "test", Metadata: []ir.Prop{{Key: "note", Value: "two\nlines"}},
		Graph: &ir.Graph{
			Name: "sample", Doc: `"a" < b & c\d`,
			Inputs: []ir.Port{port("x", "N", 4), port("y", 4)},
			Initializers: []ir.Initializer{
				{Name: "half", Tensor: tensor.FromFloats(tensor.Float32, nil, []float64{0.5})},
				{Name: "ramp", Tensor: tensor.FromFloats(tensor.Float32, []int64{3, 4}, ramp)},
			},
			Nodes: []ir.Node{
				{Op: "Sub", Inputs: []string{"x", "half"}, Outputs: []string{"t0"}},
				{Op: "Cast", Inputs: []string{"t0"}, Outputs: []string{"t1"}, Attributes: []ir.Attribute{{Name: "to", Value: int64(1)}}},
				{Op: "Scan", Inputs: []string{"ramp", "t1"}, Outputs: []string{"out"}, Attributes: []ir.Attribute{{Name: "body", Value: body}, {Name: "num_scan_inputs", Value: int64(1)}}},
			},
			Outputs: []ir.Port{port("out", 3, 4)},
			Values:  []ir.Port{port("t0", 3, 4)},
		},
	}
}

func text(t *testing.T, write func(io.Writer, *ir.Model) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, model()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	const want = `sample: 3 nodes, opset 17
  "a" < b & c\d

metadata
  note = two lines

inputs
  x  float32[N,4]
  y  float32[4]

outputs
  out  float32[3,4]

declared sizes of results
  t0  float32[3,4]

constants
  half  float32[] = 0.5
  ramp  float32[3,4] = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, ... (12 elements)]

nodes
  t0   float32[3,4] = Sub(x, half)
  t1   float32[3,4] = Cast(t0) to=float32
  out  float32[3,4] = Scan(ramp, t1) num_scan_inputs=1

    body of Scan

    inputs
      state  any type
      row    any type

    outputs
      next  any type

    nodes
      scaled  float32[4]   = Mul(row, y)
      next    float32[3,4] = Add(state, scaled)
`
	if got := text(t, Text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDot wants the boxes and the edges, that of a value used inside a subgraph
// too, and Graphviz to accept them where it is here.
func TestDot(t *testing.T) {
	got := text(t, Dot)
	for _, want := range []string{
		`label="sample: \"a\" < b & c\\d"`,
		`n0 [label="x\nfloat32[N,4]"`,
		`n2 [label="ramp\nfloat32[3,4]", shape=note`,
		`n3 [label="Sub\n(x, 0.5)\n→ t0\nfloat32[3,4]"`,
		`label="Cast\nto=float32\n→ t1\nfloat32[3,4]"`,
		`label="Scan\n(ramp, t1)\nbody of 2 nodes\n→ out\nfloat32[3,4]"`,
		"n1 -> n5;", "n2 -> n5;", "n4 -> n5;", "n5 -> n6;",
		"{ rank=source; n0; n1; }", "{ rank=sink; n6; }",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	program, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("Graphviz is not here")
	}
	cmd := exec.Command(program, "-Tplain")
	cmd.Stdin = strings.NewReader(got)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("dot: %v\n%s", err, out)
	}
}

func TestMermaid(t *testing.T) {
	got := text(t, Mermaid)
	for _, want := range []string{
		`title: 'sample: "a" < b & c\d'`,
		`n0("x<br>float32[N,4]"):::input`,
		`n3["Sub<br>(x, 0.5)<br>→ t0<br>float32[3,4]"]`,
		"n1 --> n5", `n6("out<br>float32[3,4]"):::output`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestDescribe(t *testing.T) {
	data, err := json.Marshal(Describe(model()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"dims":["N",4]`, `"op":"Scan"`, `"attributes":{"body":{"name":"body"`, `"values":[0.5]`, `"declared":[{"name":"t0"`, `"results":[{"name":"t1","dtype":"float32","dims":[3,4]}]`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
}

// composed is a composition as lossgen emits it: two tasks with a common size,
// the second of them composed of one more, and a weight for each.
func composed() *ir.Model {
	port := func(name string) ir.Port {
		return ir.Port{Name: name, DType: tensor.Float32, Shape: tensor.Of("N")}
	}
	node := func(op, out string, in ...string) ir.Node {
		return ir.Node{Op: op, Inputs: in, Outputs: []string{out}}
	}
	return &ir.Model{
		Metadata: []ir.Prop{{Key: "lossgen.options", Value: `{"tasks":[{"name":"a"},{"name":"b","options":{"tasks":[{"name":"c"}]}}]}`}},
		Graph: &ir.Graph{
			Name: "composed", Inputs: []ir.Port{port("a_input"), port("b_c_input"), port("scales")},
			Nodes: []ir.Node{
				node("Shape", "size", "a_input"), node("Reshape", "checked", "b_c_input", "size"),
				node("Abs", "loss_a", "a_input"), node("Abs", "loss_b_c", "checked"), node("Exp", "w", "scales"),
				node("Mul", "product", "loss_a", "loss_b_c"), node("Add", "loss", "product", "w"),
				node("Div", "grad_a_input", "product", "loss_a"),
			},
			Outputs: []ir.Port{port("loss"), port("loss_a"), port("loss_b_c"), port("grad_a_input")},
		},
	}
}

func TestGroups(t *testing.T) {
	p := newPicture(composed())
	want := map[string]string{
		"a_input": "a", "b_c_input": "c", "scales": "", "Shape → size": "a", "Reshape → checked": "c",
		"Abs → loss_a": "a", "Abs → loss_b_c": "c", "Exp → w": "", "Mul → product": "", "Add → loss": "",
		"Div → grad_a_input": "a", "loss": "", "loss_a": "a", "loss_b_c": "c", "grad_a_input": "a",
	}
	for _, b := range p.boxes {
		name, got := b.lines[0], ""
		if b.kind == nodeBox {
			name += " " + b.lines[len(b.lines)-2]
		}
		if b.group >= 0 {
			got = p.groups[b.group].name
		}
		if group, ok := want[name]; !ok || got != group {
			t.Errorf("%s is in group %q, want %q", name, got, group)
		}
	}
	for _, c := range []struct {
		write func(io.Writer, *ir.Model) error
		part  string
	}{{Dot, `subgraph cluster_2 { label="c"`}, {Mermaid, `subgraph g1 ["b"]`}} {
		var out bytes.Buffer
		if err := c.write(&out, composed()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.part) {
			t.Errorf("no %s in:\n%s", c.part, out.String())
		}
	}
}
