package cost_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/cost"
)

func whole(name string, list ...int64) ir.Initializer {
	dims := []int64{int64(len(list))}
	if len(list) == 1 {
		dims = nil
	}
	return ir.Initializer{Name: name, Tensor: tensor.FromInts(tensor.Int64, dims, list)}
}

func apply(op string, in []string, out ...string) ir.Node {
	return ir.Node{Op: op, Inputs: in, Outputs: out}
}

// TestHostile: what a file claims takes no memory, and nothing of it panics. Each
// fault is one line.
func TestHostile(t *testing.T) {
	x := func(dims ...any) []ir.Port {
		return []ir.Port{{Name: "x", DType: tensor.Float32, Shape: tensor.Of(dims...)}}
	}
	one := []string{"x"}
	body := &ir.Graph{Name: "body", Inputs: []ir.Port{{Name: "s"}, {Name: "row"}}, Outputs: []ir.Port{{Name: "next"}},
		Nodes: []ir.Node{apply("Add", []string{"s", "row"}, "next")}}
	scan := apply("Scan", []string{"k", "x"}, "y")
	scan.Attributes = []ir.Attribute{{Name: "body", Value: body}, {Name: "num_scan_inputs", Value: int64(1)}}
	for _, c := range []struct {
		name      string
		inputs    []ir.Port
		constants []ir.Initializer
		nodes     []ir.Node
		want      string
	}{
		{"range", nil, []ir.Initializer{whole("a", 0), whole("b", 1<<40), whole("c", 1)}, []ir.Node{apply("Range", []string{"a", "b", "c"}, "y")}, ""},
		{"longer range", nil, []ir.Initializer{whole("a", 0), whole("b", 1<<62), whole("c", 1)}, []ir.Node{apply("Range", []string{"a", "b", "c"}, "y")},
			`node 0 (Range -> y): int64[4611686018427387904] has more than 256 TiB: give smaller sizes`},
		{"large input", x(int64(1) << 50), nil, []ir.Node{apply("Neg", one, "y")}, `input "x": float32[1125899906842624] has more than 256 TiB: give smaller sizes`},
		{"large product", x(int64(1)<<40, int64(1)<<40), nil, []ir.Node{apply("Neg", one, "y")}, `input "x": float32[1099511627776,1099511627776] has more than 256 TiB: give smaller sizes`},
		{"64 axes", x(slices.Repeat([]any{1}, 64)...), nil, []ir.Node{apply("Neg", one, "y")}, ""},
		{"64 axes of 2", x(slices.Repeat([]any{2}, 64)...), nil, []ir.Node{apply("Neg", one, "y")}, "has more than 256 TiB"},
		{"1000 axes", x(slices.Repeat([]any{1}, 1000)...), nil, []ir.Node{apply("Neg", one, "y")}, `input "x": it has 1000 axes, want at most 64`},
		{"more axes", x(slices.Repeat([]any{1}, 64)...), []ir.Initializer{whole("k", 0, 1, 2)}, []ir.Node{apply("Unsqueeze", []string{"x", "k"}, "y")},
			`node 0 (Unsqueeze -> y): its result "y": it has 67 axes, want at most 64`},
		{"no outputs", x("N"), nil, []ir.Node{apply("Neg", one)}, `node 0 (Neg): it has 0 outputs, want at least 1`},
		{"empty output", x("N"), nil, []ir.Node{apply("Neg", one, "")}, `node 0 (Neg -> ): its output 0 is required and has no name`},
		{"empty input", x("N"), nil, []ir.Node{apply("Neg", []string{""}, "y")}, `node 0 (Neg -> y): its input 0 is required and has no name`},
		{"no operator", x("N"), nil, []ir.Node{apply("", one, "y")}, `sizes N=4096: node 0 ( -> y): the sizes of its results are not known to this command`},
		{"unknown operator", x("N"), nil, []ir.Node{apply("Frob", one, "y")}, `the sizes of its results are not known to this command`},
		{"convolution", x("N", 3, 8, 8), []ir.Initializer{{Name: "w", Tensor: tensor.FromFloats(tensor.Float32, []int64{1, 3, 1, 1}, make([]float64, 3))}},
			[]ir.Node{apply("Conv", []string{"x", "w"}, "y")}, `node 0 (Conv -> y): this command does not know how long it takes`},
		{"many steps", x(int64(1)<<44, 1), []ir.Initializer{{Name: "k", Tensor: tensor.FromFloats(tensor.Float32, []int64{1}, []float64{0})}}, []ir.Node{scan}, ""},
		{"values", append(x("N"), ir.Port{Name: "n", DType: tensor.Int64, Shape: tensor.Shape{}}), []ir.Initializer{whole("a", 0), whole("c", 1)},
			[]ir.Node{apply("Range", []string{"a", "n", "c"}, "y")},
			`sizes N=4096: node 0 (Range -> y): its size depends on the values of inputs: give one of n, which are integers, a size`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &ir.Graph{Name: "g", Inputs: c.inputs, Initializers: c.constants, Nodes: c.nodes, Outputs: []ir.Port{{Name: "y", DType: tensor.Float32}}}
			if c.name == "longer range" || c.name == "range" || c.name == "values" {
				g.Outputs[0].DType = tensor.Int64
			}
			if len(c.nodes[0].Outputs) == 0 || c.nodes[0].Outputs[0] == "" {
				g.Outputs = nil
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := cost.Estimate(&ir.Model{IRVersion: 8, Opset: 17, Graph: g}, cost.Options{})
			runtime.ReadMemStats(&after)
			if text := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.Contains(text, c.want) && err != nil || strings.Contains(text, "\n") {
				t.Errorf("error %q, want %q", text, c.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
				t.Errorf("it takes %d bytes", took)
			}
		})
	}
}

// TestGivenInput: an integer that is an input can be given, as the error asks.
func TestGivenInput(t *testing.T) {
	g := &ir.Graph{
		Name: "g", Inputs: []ir.Port{{Name: "n", DType: tensor.Int64, Shape: tensor.Shape{}}}, Outputs: []ir.Port{{Name: "y", DType: tensor.Int64}},
		Initializers: []ir.Initializer{whole("a", 0), whole("c", 1)}, Nodes: []ir.Node{apply("Range", []string{"a", "n", "c"}, "y")},
	}
	r, err := cost.Estimate(&ir.Model{IRVersion: 8, Opset: 17, Graph: g}, cost.Options{Sizes: cost.Sizes{"n": 7}})
	if err != nil || !slices.Equal(r.Nodes[0].Results[0].Dims, []int64{7}) {
		t.Errorf("%v, error %v", r, err)
	}
}

// TestLongGraph: time and memory grow with the nodes of a file, not faster.
func TestLongGraph(t *testing.T) {
	const nodes = 100_000
	g := &ir.Graph{Name: "g", Inputs: []ir.Port{{Name: "x", DType: tensor.Float32, Shape: tensor.Of("N")}}, Outputs: []ir.Port{{Name: fmt.Sprint("t", nodes-1), DType: tensor.Float32}}}
	for i, last := 0, "x"; i < nodes; i++ {
		g.Nodes = append(g.Nodes, apply("Exp", []string{last}, fmt.Sprint("t", i)))
		last = fmt.Sprint("t", i)
	}
	r, err := cost.Estimate(&ir.Model{IRVersion: 8, Opset: 17, Graph: g}, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Nodes) != nodes || r.PeakBytes != 4*4096 {
		t.Errorf("%d nodes and a peak of %d bytes, want %d and those of one value", len(r.Nodes), r.PeakBytes, nodes)
	}
}
