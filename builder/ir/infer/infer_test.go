package infer

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

func port(name string, dtype tensor.DType, dims ...any) ir.Port {
	return ir.Port{Name: name, DType: dtype, Shape: tensor.Of(dims...)}
}

func node(op, in, out string, attrs ...any) ir.Node {
	n := ir.Node{Op: op, Inputs: strings.Split(in, " "), Outputs: strings.Split(out, " ")}
	for i := 0; i < len(attrs); i += 2 {
		n.Attributes = append(n.Attributes, ir.Attribute{Name: attrs[i].(string), Value: attrs[i+1]})
	}
	return n
}

func whole(name string, list ...int64) ir.Initializer {
	return ir.Initializer{Name: name, Tensor: tensor.FromInts(tensor.Int64, []int64{int64(len(list))}, list)}
}

// TestForms: sizes that a graph computes come out as forms over its letters.
func TestForms(t *testing.T) {
	g := &ir.Graph{
		Inputs:       []ir.Port{port("x", tensor.Float32, "N", "T", 4), port("y", tensor.Float32, "N", "T", 4)},
		Initializers: []ir.Initializer{whole("first", 0), whole("one", 1), whole("end", math.MaxInt64), whole("rest", -1), whole("two", 2)},
		Nodes: []ir.Node{
			node("Concat", "x y", "both", "axis", int64(1)),
			node("Slice", "both one end one", "behind"),
			node("Shape", "behind", "sizes"),
			node("Gather", "sizes first", "n"),
			node("Concat", "n rest", "to", "axis", int64(0)),
			node("Reshape", "behind to", "flat"),
			node("Gather", "sizes one", "t"),
			node("Div", "t two", "half"),
			node("ConstantOfShape", "half", "zeros"),
			node("Slice", "zeros first half", "all"),
			node("Slice", "both first end one two", "even"),
		},
	}
	types, err := Graph(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"both": "float32[N,2*T,4]", "behind": "float32[N,max(2*T-1,0),4]", "sizes": "int64[3]", "zeros": `float32["(max(2*T-1,0))//2"]`,
		"all": `float32["(max(2*T-1,0))//2"]`, "even": "float32[N,T,4]",
	} {
		if v, _ := types.Of(name); v.String() != want {
			t.Errorf("%s is %v, want %s", name, v, want)
		}
	}
	if v, _ := types.Of("flat"); !v.Shape[0].Is(0) && v.Shape[0] != tensor.S("N") {
		t.Errorf("flat is %v", v)
	}
}

// TestScales: the scales of Resize may be joined from constants, in which a file may say
// more elements than it has.
func TestScales(t *testing.T) {
	part := func(name string, v ...float64) ir.Initializer {
		return ir.Initializer{Name: name, Tensor: tensor.FromFloats(tensor.Float32, []int64{int64(len(v))}, v)}
	}
	short := part("short", 2, 2)
	short.Tensor.Data = short.Tensor.Data[:6]
	for _, c := range []struct {
		scales ir.Initializer
		want   string
	}{{part("scales", 2, 3), "float32[N,C,2*H,6]"}, {short, "float32[?,?,?,?]"}} {
		g := &ir.Graph{
			Inputs:       []ir.Port{port("x", tensor.Float32, "N", "C", "H", 2)},
			Initializers: []ir.Initializer{part("ones", 1, 1), c.scales},
			Nodes: []ir.Node{node("Concat", "ones "+c.scales.Name, "all", "axis", int64(0)), node("Resize", "x  all", "y"),
				{Op: "Constant", Outputs: []string{"floats"}, Attributes: []ir.Attribute{{Name: "value_floats", Value: []float32{1, 1, 2, 0.5}}}}, node("Resize", "x  floats", "z")},
		}
		types, err := Graph(g, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := types.Of("y"); v.String() != c.want {
			t.Errorf("y is %v, want %s", v, c.want)
		}
		if v, _ := types.Of("z"); v.String() != "float32[N,C,2*H,1]" {
			t.Errorf("z is %v", v)
		}
	}
}

// TestPads: PyTorch's exporter turns the pads of F.pad by a matrix whose rows it reverses.
func TestPads(t *testing.T) {
	g := &ir.Graph{
		Inputs:       []ir.Port{port("x", tensor.Float32, "N", 5, "H")},
		Initializers: []ir.Initializer{whole("pads", 1, 2, 0, 3, 0, 0), whole("rows", -1, 2), whole("first", 0), whole("last", -1), whole("end", -math.MaxInt64), whole("flat", -1)},
		Nodes: []ir.Node{
			node("Reshape", "pads rows", "m"), node("Slice", "m last end first last", "reversed"), node("Transpose", "reversed", "t", "perm", []int64{1, 0}),
			node("Reshape", "t flat", "all"), node("Pad", "x all", "y"), node("Transpose", "m", "t2"), node("Reshape", "t2 flat", "all2"),
		},
	}
	types, err := Graph(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"all": "[0 0 1 0 3 2]", "all2": "[1 0 0 2 3 0]"} {
		if v, _ := types.Of(name); fmt.Sprint(v.Ints) != want {
			t.Errorf("%s holds %v, want %s", name, v.Ints, want)
		}
	}
	if v, _ := types.Of("y"); v.String() != "float32[N,8,H+3]" {
		t.Errorf("y is %v", v)
	}
}

// TestQuotients: quotients of quotients are quotients of letters, so that two ways
// to the same size agree.
func TestQuotients(t *testing.T) {
	h := tensor.S("H")
	halved := func(d tensor.Dim) tensor.Dim { // a window of 3 by 2 with 1 around
		return plus(over(plus(d, tensor.D(-1)), tensor.D(2)), tensor.D(1))
	}
	for _, c := range []struct{ got, want tensor.Dim }{
		{over(times(h, tensor.D(4)), tensor.D(2)), times(h, tensor.D(2))},
		{over(plus(times(h, tensor.D(2)), tensor.D(3)), tensor.D(2)), plus(h, tensor.D(1))},
		{over(over(h, tensor.D(2)), tensor.D(3)), over(h, tensor.D(6))},
		{halved(halved(h)), plus(over(plus(h, tensor.D(-1)), tensor.D(4)), tensor.D(1))},
		{over(plus(over(h, tensor.D(2)), h), tensor.D(1)), plus(h, over(h, tensor.D(2)))},
		{over(h, h), Unknown}, {over(Unknown, tensor.D(2)), Unknown}, {over(h, tensor.D(0)), Unknown},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	for n := int64(-20); n < 60; n++ { // the rules above hold for numbers
		for _, d := range []tensor.Dim{over(over(h, tensor.D(2)), tensor.D(3)), halved(halved(halved(h))), over(plus(times(h, tensor.D(6)), tensor.D(-5)), tensor.D(4))} {
			letters["H"] = max(n, 0)
			got, ok := valueOf(d)
			var want int64
			switch m := letters["H"]; d {
			case over(over(h, tensor.D(2)), tensor.D(3)):
				want = m / 2 / 3
			case halved(halved(halved(h))):
				for range 3 {
					m = floor(m-1, 2) + 1
				}
				want = m
			default:
				want = floor(6*m-5, 4)
			}
			if !ok || got != want {
				t.Errorf("%v of %d is %d, want %d", d, letters["H"], got, want)
			}
		}
	}
	letters["H"] = 9
}

// TestErrors: what cannot be is one line that names the node.
func TestErrors(t *testing.T) {
	body := &ir.Graph{Name: "body", Inputs: []ir.Port{{Name: "s"}, {Name: "row"}}, Outputs: []ir.Port{{Name: "next"}},
		Nodes: []ir.Node{node("Concat", "s row", "next", "axis", int64(0))}}
	deep := &ir.Graph{Name: "deep", Outputs: []ir.Port{{Name: "q"}}}
	deep.Nodes = []ir.Node{node("If", "c", "q", "then_branch", deep, "else_branch", deep)}
	for _, c := range []struct {
		node ir.Node
		want string
	}{
		{node("Add", "x i", "y"), `node 0 (Add -> y): its input 1 is int64[N], want float32 as before`},
		{node("Add", "x w", "y"), `node 0 (Add -> y): [[N,3] [5]]: they do not broadcast`},
		{node("And", "x x", "y"), `node 0 (And -> y): its input 0 is float32[N,3], want bool`},
		{node("Add", "x nope", "y"), `node 0 (Add -> y): its input "nope" is not defined before it`},
		{node("Softmax", "x", "y", "axis", int64(2)), `node 0 (Softmax -> y): axis 2 does not exist, the rank is 2`},
		{node("MatMul", "x x", "y"), ``},
		{node("MatMul", "x w", "y"), `node 0 (MatMul -> y): it multiplies [N,3] by [5]: the inner sizes 3 and 5 differ`},
		{node("Reshape", "w two", "y"), `node 0 (Reshape -> y): cannot reshape [5] to [2]: 5 elements for 2`},
		{node("Concat", "x w", "y", "axis", int64(0)), `node 0 (Concat -> y): its input 1 is float32[5] beside [N,3]: the ranks differ`},
		{node("Scan", "w x", "y", "body", body, "num_scan_inputs", int64(1)), `node 0 (Scan -> y): its state 0 begins as float32[5] and is float32[8] behind a step`},
		{node("If", "c", "y", "then_branch", deep, "else_branch", deep), `graphs nest deeper than 8`},
		{node("Unsqueeze", "x many", "y"), `node 0 (Unsqueeze -> y): its result "y": it has 66 axes, want at most 64`},
		{node("Neg", "x", "declared"), `node 0 (Neg -> declared): its result "declared": it is float32[N,3], and declared as float32[N,4]`},
	} {
		axes := make([]int64, 64)
		for i := range axes {
			axes[i] = int64(i)
		}
		g := &ir.Graph{
			Inputs: []ir.Port{port("x", tensor.Float32, "N", 3), port("i", tensor.Int64, "N"), port("w", tensor.Float32, 5), port("c", tensor.Bool)},
			Values: []ir.Port{port("declared", tensor.Float32, "N", 4)}, Initializers: []ir.Initializer{whole("two", 2), whole("many", axes...)},
			Nodes: []ir.Node{c.node},
		}
		_, err := Graph(g, Options{})
		switch text := fmt.Sprint(err); {
		case c.want == "" && err != nil, !strings.Contains(text, c.want) && c.want != "", strings.Contains(text, "\n"):
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// TestBounded: what a graph claims takes no memory, and forms do not grow without
// end.
func TestBounded(t *testing.T) {
	g := &ir.Graph{
		Inputs:       []ir.Port{port("x", tensor.Float32, int64(1)<<50, "N")},
		Initializers: []ir.Initializer{whole("zero", 0), whole("one", 1), whole("huge", 1<<50), whole("sizes", 1<<50, 1<<50)},
		Nodes: []ir.Node{
			node("Range", "zero huge one", "range"), node("ConstantOfShape", "sizes", "filled"), node("Expand", "x sizes", "spread"),
			node("Tile", "x sizes", "tiled"), node("Shape", "x", "n"),
		},
	}
	for i, last := 0, "n"; i < 200; i++ {
		next := fmt.Sprint("m", i)
		g.Nodes = append(g.Nodes, node("Mul", last+" "+last, next), node("Add", next+" "+last, next+"a"))
		last = next + "a"
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Graph(g, Options{}); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("it takes %d bytes", took)
	}
	g = &ir.Graph{Inputs: []ir.Port{port("x", tensor.Float32, slices.Repeat([]any{"N"}, 64)...)}}
	for i := range 70_000 {
		g.Nodes = append(g.Nodes, node("Transpose", "x", fmt.Sprint("t", i)))
	}
	if _, err := Graph(g, Options{}); err == nil || !strings.Contains(err.Error(), "more than 4194304 axes") {
		t.Errorf("error %v, want one of too many axes", err)
	}
}

// random makes graphs that make no sense.
type random struct{ *rand.Rand }

var oddNumbers = []int64{-1 << 63, -1 << 40, -3, -2, -1, 0, 1, 2, 3, 4, 64, 65, 1 << 31, 1 << 40, 1<<63 - 1}

func pick[T any](r random, of ...T) T { return of[r.IntN(len(of))] }

func (r random) list() []int64 {
	list := make([]int64, r.IntN(6))
	for i := range list {
		list[i] = pick(r, oddNumbers...)
	}
	return list
}

func (r random) body() *ir.Graph {
	g := &ir.Graph{Name: "body", Nodes: []ir.Node{node("Neg", "f0", "b0")}}
	for i := range r.IntN(5) {
		g.Inputs = append(g.Inputs, ir.Port{Name: fmt.Sprint("in", i)})
		g.Outputs = append(g.Outputs, ir.Port{Name: pick(r, "in0", "b0", "nope", "f1")})
	}
	return g
}

// graph has inputs, constants and some sizes, and the node at last.
func (r random) graph(op string) *ir.Graph {
	g := &ir.Graph{Name: "g", Nodes: []ir.Node{node("Shape", "f0", "s0"), node("Shape", "f1", "s1"), node("Identity", "k0", "s2")}}
	for i := range 4 {
		shape := make([]any, r.IntN(5))
		for k := range shape {
			shape[k] = pick[any](r, "N", "C", 0, 1, 2, 3, 4, int64(1)<<62)
		}
		p := port(fmt.Sprint("f", i), pick[tensor.DType](r, 0, 1, 1, 6, 7, 9, 99), shape...)
		if r.IntN(5) == 0 {
			p.Shape = nil
		}
		g.Inputs = append(g.Inputs, p)
		k := whole(fmt.Sprint("k", i), r.list()...)
		if k.Tensor.Len() > 0 && r.IntN(2) == 0 {
			k.Tensor.Dims, k.Tensor.Data = nil, k.Tensor.Data[:8]
		}
		g.Initializers = append(g.Initializers, k)
	}
	g.Initializers = append(g.Initializers, ir.Initializer{Name: "broken", Tensor: &tensor.Tensor{DType: 1, Dims: []int64{1 << 40, -3}}})
	n := ir.Node{Op: op, Outputs: []string{"y0", "y1", "y2"}[:r.IntN(4)]}
	for range r.IntN(6) {
		n.Inputs = append(n.Inputs, pick(r, "", "f0", "f1", "f2", "f3", "k0", "k1", "k2", "k3", "s0", "s1", "s2", "broken"))
	}
	for _, name := range strings.Fields("axis axes keepdims noop_with_empty_axes to perm start end allowzero blocksize value equation kernel_shape " +
		"strides pads dilations auto_pad group ceil_mode output_shape output_padding body num_scan_inputs scan_input_axes scan_output_axes " +
		"then_branch else_branch hidden_size direction layout batch_dims num_outputs transA transB select_last_index") {
		value := map[int]any{
			0: pick(r, oddNumbers...), 1: r.list(), 2: pick(r, "SAME_UPPER", "ij,j->i", "...", "ab...->...a", "", "é,->", "bidirectional"),
			3: r.body(), 4: g.Initializers[r.IntN(4)].Tensor,
		}[r.IntN(12)]
		if value != nil {
			n.Attributes = append(n.Attributes, ir.Attribute{Name: name, Value: value})
		}
	}
	g.Nodes = append(g.Nodes, n)
	return g
}

// TestRobust: no row panics, whatever inputs and attributes a node has.
func TestRobust(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	for _, op := range slices.Sorted(maps.Keys(rows)) {
		for range 120 {
			g := r.graph(op)
			check(t, g, Options{})
			check(t, g, Options{Largest: true, Sizes: map[string]int64{"N": 2, "C": 0, "y0": 3, "k1": 1}})
		}
	}
}

// check infers a graph, and prints it where that panics.
func check(t *testing.T, g *ir.Graph, o Options) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v: %+v\ninputs %v", p, g.Nodes[len(g.Nodes)-1], g.Inputs)
		}
	}()
	if _, err := Graph(g, o); err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("the error %q has several lines", err)
	}
}
