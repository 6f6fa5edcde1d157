package cost_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/cost"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/verify"
)

// TestSizes compares the sizes of every intermediate result with a run on an
// engine, for graphs that golden cases have at the first or last opset: the first of
// each loss, and those in which an operator meets operands as it did in no graph
// before. With LOSSGEN_TEST_EVERY=1, as the conformance runner has it, every graph is
// compared. Cases of one graph, constants aside, have the same operators on the same
// values, so that the first of them is run.
func TestSizes(t *testing.T) {
	goldens, err := verify.EmbeddedGoldens(all.Losses())
	if err != nil {
		t.Fatal(err)
	}
	every, met := os.Getenv("LOSSGEN_TEST_EVERY") != "", map[string]bool{}
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		t.Run(name, func(t *testing.T) {
			cases, err := goldens.Cases(name)
			if err != nil {
				t.Fatal(err)
			}
			results, graphs, asked, seen := 0, 0, map[string]bool{}, map[string]bool{}
			for _, c := range cases {
				request := c.Request
				request.Catalog = nil
				text := fmt.Sprintf("%#v", request)
				if asked[text] {
					continue
				}
				asked[text] = true
				first := modelOf(t, c, max(export.MinOpset, l.Declaration().EmptyOpset))
				k := structure(first.Graph)
				if seen[k] { // the last opset has the same, too
					continue
				}
				seen[k] = true
				if fresh := meets(t, first.Graph, met); fresh || every || graphs == 0 {
					graphs++
					results += compareSizes(t, c, first) + compareSizes(t, c, modelOf(t, c, export.MaxOpset))
				}
			}
			t.Logf("%d cases, %d of %d graphs, %d results", len(cases), graphs, len(seen), results)
			if results == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}

// meets adds to the set what operators meet in a graph: their attributes, and of each
// operand its type, its rank and the operator that gives it. It reports whether
// anything is new.
func meets(t *testing.T, g *ir.Graph, met map[string]bool) (fresh bool) {
	t.Helper()
	types, err := infer.Graph(g, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{}
	for _, i := range g.Initializers {
		from[i.Name] = "constant"
		if i.Tensor.DType == tensor.Int64 {
			from[i.Name] = fmt.Sprint(i.Tensor.Ints())
		}
	}
	for _, n := range g.Nodes {
		key := n.Op + attributes(n)
		for _, name := range n.Inputs {
			v, _ := types.Of(name)
			key += fmt.Sprint(" ", from[name], v.DType, len(v.Shape))
		}
		for _, name := range n.Outputs {
			from[name] = n.Op
		}
		fresh = fresh || !met[key]
		met[key] = true
	}
	return fresh
}

func modelOf(t *testing.T, c *verify.Golden, opset int64) *ir.Model {
	t.Helper()
	request := c.Request
	request.Opset, request.DType = opset, tensor.Float32
	return model(t, request)
}

// structure is a graph but for the values of its constants of floats.
func structure(g *ir.Graph) string {
	text := &strings.Builder{}
	fmt.Fprintln(text, g.Inputs, g.Outputs, g.Values)
	for _, i := range g.Initializers {
		fmt.Fprint(text, i.Name, i.Tensor)
		if !i.Tensor.DType.IsFloat() {
			fmt.Fprint(text, i.Tensor.Data)
		}
	}
	for _, n := range g.Nodes {
		fmt.Fprint(text, n.Op, n.Inputs, n.Outputs, attributes(n))
	}
	return text.String()
}

func attributes(n ir.Node) (text string) {
	for _, a := range n.Attributes {
		if body, ok := a.Value.(*ir.Graph); ok {
			a.Value = structure(body)
		}
		text += fmt.Sprint(a)
	}
	return text
}

// compareSizes returns how many results it compared: forms over the letters, and
// numbers.
func compareSizes(t *testing.T, c *verify.Golden, m *ir.Model) int {
	t.Helper()
	types, err := infer.Graph(m.Graph, infer.Options{})
	if err != nil {
		t.Fatalf("%s: %v", c.Case, err)
	}
	all := results(m.Graph, types)
	inputs := inputsOf(m.Graph, c)
	sizes := lettersOf(m.Graph, inputs)
	got, err := run(m.Graph, all, m, inputs)
	if errors.Is(err, runtime.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%s: %v", c.Case, err)
	}
	for _, p := range all {
		v, _ := types.Of(p.Name)
		for i, d := range v.Shape {
			if n, err := d.Eval(sizes); err == nil && n != got[p.Name].Dims[i] || got[p.Name].DType != v.DType {
				t.Errorf("%s, opset %d: %s is %v, inferred %v", c.Case, m.Opset, p.Name, got[p.Name], v)
			}
		}
	}
	for _, name := range counts(m.Graph) {
		switch x := got[name]; x.DType {
		case tensor.Int64:
			sizes[name] = x.Int(0)
		case tensor.Bool:
			sizes[name] = 0
			for _, b := range x.Data {
				sizes[name] += int64(b)
			}
		}
	}
	report, err := cost.Estimate(m, cost.Options{Sizes: sizes})
	if err != nil {
		t.Errorf("%s, opset %d: %v", c.Case, m.Opset, err)
		return 0
	}
	for _, n := range report.Nodes {
		for _, r := range n.Results {
			if x := got[r.Name]; !slices.Equal(x.Dims, r.Dims) || x.DType.String() != r.DType {
				t.Errorf("%s, opset %d: %s is %v, want %v%v", c.Case, m.Opset, r.Name, x, r.DType, r.Dims)
			}
		}
	}
	return len(all)
}

// results are all results of a graph, of any size.
func results(g *ir.Graph, types *infer.Types) (all []ir.Port) {
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			v, _ := types.Of(name)
			p := ir.Port{Name: name, DType: v.DType, Shape: slices.Clone(v.Shape)} // nil makes the file invalid
			for i := range p.Shape {
				p.Shape[i] = tensor.S(fmt.Sprintf("any_%s_%d", name, i))
			}
			all = append(all, p)
		}
	}
	return all
}

// counts are the results that tell a size from the values of inputs: the
// largest of a list of integers, which ends in the least size, the end of a slice,
// and the masks of rows that are kept.
func counts(g *ir.Graph) []string {
	isLeast := func(i ir.Initializer, n ir.Node) bool {
		return i.Tensor.DType == tensor.Int64 && i.Name == n.Inputs[len(n.Inputs)-1]
	}
	lists, computed, names, masks := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, n := range g.Nodes {
		computed[n.Outputs[0]] = true
		switch {
		case n.Op == "Concat":
			lists[n.Outputs[0]] = slices.ContainsFunc(g.Initializers, func(i ir.Initializer) bool { return isLeast(i, n) })
		case n.Op == "ReduceMax" && lists[n.Inputs[0]]:
			names[n.Outputs[0]] = true
		case n.Op == "Compress":
			masks[n.Inputs[1]] = true
		case n.Op == "Slice" && computed[n.Inputs[2]]:
			names[n.Inputs[2]] = true
		}
	}
	list := slices.AppendSeq(slices.Collect(maps.Keys(names)), maps.Keys(masks))
	return slices.DeleteFunc(list, func(name string) bool { return !computed[name] })
}

// run computes results of a graph, whether they are outputs of the file or not.
func run(g *ir.Graph, results []ir.Port, m *ir.Model, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	own, model := *g, *m
	own.Outputs, model.Graph = results, &own
	data, err := export.Marshal(&model)
	if err != nil {
		return nil, err
	}
	s, err := open(data)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(context.Background(), inputs)
}

// open takes the reference engine, which checks the sizes that a file declares,
// or ONNX Runtime where that lacks an operator.
func open(data []byte) (runtime.Session, error) {
	s, err := reference.Backend{}.Open(data, runtime.Options{})
	if !errors.Is(err, reference.ErrNoKernel) {
		return s, err
	}
	return ort.Backend{}.Open(data, runtime.Options{Threads: 1})
}

func inputsOf(g *ir.Graph, c *verify.Golden) map[string]*tensor.Tensor {
	inputs := map[string]*tensor.Tensor{}
	for _, p := range g.Inputs {
		for _, in := range c.Inputs {
			if in.Name == p.Name {
				inputs[p.Name] = in.Tensor.Cast(p.DType)
			}
		}
	}
	return inputs
}

func lettersOf(g *ir.Graph, inputs map[string]*tensor.Tensor) cost.Sizes {
	sizes := cost.Sizes{}
	for _, p := range g.Inputs {
		for i, d := range p.Shape {
			if d.IsLetter() {
				sizes[d.Sym] = inputs[p.Name].Dims[i]
			}
		}
	}
	return sizes
}

func model(t *testing.T, request losses.Request) *ir.Model {
	t.Helper()
	m, err := request.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTotals checks figures that can be counted by hand.
func TestTotals(t *testing.T) {
	r, err := cost.Estimate(model(t, losses.Request{Catalog: all.Losses(), Loss: "mse"}), cost.Options{Sizes: cost.Sizes{"N": 4096, "D": 1000}, Bandwidth: 40})
	if err != nil {
		t.Fatal(err)
	}
	const full = 4 * 4096 * 1000
	// The difference takes three passes, its square two, the sum one, the gradient two.
	if r.Passes < 8 || r.Passes > 8.1 {
		t.Errorf("%v passes, want 8", r.Passes)
	}
	if r.InputBytes != 2*full || r.OutputBytes != full+4 || r.LeastBytes != 3*full+4 {
		t.Errorf("%d bytes in and %d out", r.InputBytes, r.OutputBytes)
	}
	if r.PeakBytes < 2*full || r.PeakBytes > 2.01*full {
		t.Errorf("peak of %d bytes, want the difference and its square", r.PeakBytes)
	}
	text := &strings.Builder{}
	if err := r.Print(text); err != nil || !strings.Contains(text.String(), "memory at 40 GB/s") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestInPlace: cross_entropy scatters into the softmax without a copy.
func TestInPlace(t *testing.T) {
	r, err := cost.Estimate(model(t, losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}), cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Nodes {
		if n.Op == "ScatterElements" && !n.InPlace {
			t.Error("ScatterElements copies")
		}
	}
	if r.PeakRatio > 2.1 {
		t.Errorf("memory of %.2f predictions, want 2: the softmax and the gradient", r.PeakRatio)
	}
}

// TestCompress: a mask's size is what it keeps, at most all rows, or all elements
// without an axis.
func TestCompress(t *testing.T) {
	axis := []ir.Attribute{{Name: "axis", Value: int64(0)}}
	for _, c := range []struct {
		attributes []ir.Attribute
		kept       cost.Sizes
		want       []int64
	}{
		{axis, cost.Sizes{"t": 2}, []int64{2, 3}},
		{axis, cost.Sizes{"t": 9}, []int64{4, 3}},
		{axis, nil, []int64{4, 3}},
		{nil, cost.Sizes{"t": 5}, []int64{5}},
		{nil, nil, []int64{12}},
	} {
		g := &ir.Graph{
			Name:    "compress",
			Inputs:  []ir.Port{{Name: "x", DType: tensor.Float32, Shape: tensor.Of("N", "D")}, {Name: "m", DType: tensor.Bool, Shape: tensor.Of("M")}},
			Outputs: []ir.Port{{Name: "y", DType: tensor.Float32}},
			Nodes: []ir.Node{
				{Op: "Not", Inputs: []string{"m"}, Outputs: []string{"t"}},
				{Op: "Compress", Inputs: []string{"x", "t"}, Outputs: []string{"y"}, Attributes: c.attributes},
			},
		}
		sizes := cost.Sizes{"N": 4, "D": 3, "M": 4}
		maps.Copy(sizes, c.kept)
		report, err := cost.Estimate(&ir.Model{IRVersion: 8, Opset: 17, Graph: g}, cost.Options{Sizes: sizes})
		if err != nil {
			t.Fatal(err)
		}
		if got := report.Nodes[1].Results[0].Dims; !slices.Equal(got, c.want) {
			t.Errorf("axis %v, sizes %v: %v, want %v", c.attributes, c.kept, got, c.want)
		}
		if assumed := slices.Contains(report.Assumed, "t"); assumed != (c.kept == nil) {
			t.Errorf("axis %v, sizes %v: assumed is %v", c.attributes, c.kept, report.Assumed)
		}
	}
}

func TestErrors(t *testing.T) {
	m := model(t, losses.Request{Catalog: all.Losses(), Loss: "mse"})
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(cost.ParseSizes("N")), `size "N": want a letter and a number, as in N=4096`},
		{second(cost.ParseSizes("N=2,N=3")), `size "N=3": N has a size already`},
		{second(cost.ParseSizes("N=-1")), `size "N=-1": want a letter and a number, as in N=4096`},
		{second(cost.ParseBandwidth("40")), `bandwidth "40": want a number of GB/s, as in 40GB/s`},
		{second(cost.Estimate(m, cost.Options{Sizes: cost.Sizes{"X": 1}})), "no input has a size X: the letters are D, N"},
	} {
		if fmt.Sprint(c.err) != c.want {
			t.Errorf("error %v, want %s", c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
