package graft_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
)

// sample is a small model whose gradients are compared with differences.
type sample struct {
	name   string
	nodes  []ir.Node // the last one's first output is differentiated
	inputs []input   // the floating ones are differentiated
	consts map[string]*tensor.Tensor
	opset  int64
	ort    bool // the reference engine knows not all of it
	single bool // no engine knows all of it in float64
}

// input is one of a model, with the sizes of a run. Values are from lo to hi, distinct
// enough that a small step crosses no kink.
type input struct {
	name   string
	shape  tensor.Shape
	sizes  []int64
	lo, hi float64
}

func in(name string, dims string, sizes ...int64) input {
	shape, err := tensor.ParseShape(dims)
	if err != nil {
		panic(err)
	}
	return input{name, shape, sizes, -2, 2}
}

// within returns the input with values from lo to hi.
func (i input) within(lo, hi float64) input {
	i.lo, i.hi = lo, hi
	return i
}

func node(op, inputs, output string, attrs ...ir.Attribute) ir.Node {
	return ir.Node{Op: op, Inputs: words(inputs), Outputs: words(output), Attributes: attrs}
}

// words splits at spaces; - is an absent name.
func words(text string) []string {
	var list []string
	word := ""
	for _, r := range text + " " {
		if r != ' ' {
			word += string(r)
			continue
		}
		if word == "-" {
			word = ""
		}
		list, word = append(list, word), ""
	}
	return list
}

func attr(name string, value any) ir.Attribute { return ir.Attribute{Name: name, Value: value} }

func ints(values ...int64) *tensor.Tensor {
	return tensor.FromInts(tensor.Int64, []int64{int64(len(values))}, values)
}

func (s sample) dtype() tensor.DType {
	if s.single {
		return tensor.Float32
	}
	return tensor.Float64
}

// model returns the sample's model. Constants that are floating have its element type.
func (s sample) model() *ir.Model {
	g := &ir.Graph{Name: s.name, Nodes: s.nodes}
	for _, i := range s.inputs {
		g.Inputs = append(g.Inputs, ir.Port{Name: i.name, DType: s.dtype(), Shape: i.shape})
	}
	for _, name := range slices.Sorted(maps.Keys(s.consts)) {
		t := s.consts[name]
		if t.DType.IsFloat() {
			t = t.Cast(s.dtype())
		}
		g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: t})
	}
	last := s.nodes[len(s.nodes)-1]
	types, err := infer.Graph(g, infer.Options{})
	if err != nil {
		panic(err)
	}
	y, _ := types.Of(last.Outputs[0])
	g.Outputs = []ir.Port{{Name: last.Outputs[0], DType: s.dtype(), Shape: y.Shape}}
	m := &ir.Model{Opset: s.opset, Graph: g}
	if m.Opset == 0 {
		m.Opset = 17
	}
	m.IRVersion, _ = ir.VersionFor(m.Opset)
	return m
}

// engine opens the model where it runs in full.
func (s sample) engine(t *testing.T, m *ir.Model) runtime.Session {
	t.Helper()
	if err := export.CheckForeign(m); err != nil {
		t.Fatal(err)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var engine runtime.Backend = reference.Backend{}
	if s.ort || s.single {
		engine = ort.Backend{}
		if _, err := (ort.Backend{}).Load(); err != nil {
			t.Skipf("ONNX Runtime is not here: %v", err)
		}
	}
	session, err := engine.Open(data, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// TestRules: the gradient of each operator is that of differences, along a random
// direction for each input.
func TestRules(t *testing.T) {
	tested := map[string]bool{}
	for _, s := range samples() {
		for _, n := range s.nodes {
			tested[n.Op] = true
		}
		t.Run(s.name, func(t *testing.T) { s.test(t) })
	}
	for _, c := range layerCases(t) {
		tested[c.Op] = true // in TestLayers
	}
	for _, op := range graft.Operators() {
		if !tested[op] {
			t.Errorf("no sample has %s", op)
		}
	}
}

func (s sample) test(t *testing.T) {
	made, err := graft.Grad(s.model(), graft.GradOptions{GradOutput: true})
	if err != nil {
		t.Fatal(err)
	}
	session := s.engine(t, made)
	random := rand.New(rand.NewPCG(3, uint64(len(s.name))))
	values := map[string]*tensor.Tensor{}
	for _, i := range s.inputs {
		values[i.name] = draw(random, s.dtype(), i)
	}
	out := s.nodes[len(s.nodes)-1].Outputs[0]
	forward := s.engine(t, s.model())
	y := run(t, forward, values)[out]
	weight := draw(random, s.dtype(), input{sizes: y.Dims, lo: -1, hi: 1})
	all := maps.Clone(values)
	all["grad_output"] = weight
	grads := run(t, session, all)
	step, tolerance := 1e-6, 1e-6
	if s.single {
		step, tolerance = 1e-3, 3e-3
	}
	for _, i := range s.inputs {
		x, grad := values[i.name], grads["grad_"+i.name]
		if grad == nil || !slices.Equal(grad.Dims, x.Dims) {
			t.Fatalf("the gradient of %s is %v, want %v", i.name, grad, x)
		}
		direction := draw(random, s.dtype(), input{sizes: x.Dims, lo: -1, hi: 1})
		want := (s.along(t, forward, values, i.name, direction, weight, step) - s.along(t, forward, values, i.name, direction, weight, -step)) / (2 * step)
		got, size := 0.0, 1.0
		for k := range x.Len() {
			got += grad.Float(k) * direction.Float(k)
			size += math.Abs(grad.Float(k))
		}
		if math.Abs(got-want) > tolerance*size || math.IsNaN(got) {
			t.Errorf("the slope of %s is %v, by differences %v", i.name, got, want)
		}
	}
}

// along returns the weighted sum of the output with an input moved along a direction.
func (s sample) along(t *testing.T, session runtime.Session, values map[string]*tensor.Tensor, name string, direction, weight *tensor.Tensor, step float64) float64 {
	t.Helper()
	moved := maps.Clone(values)
	x := tensor.New(s.dtype(), values[name].Dims...)
	for k := range x.Len() {
		x.SetFloat(k, values[name].Float(k)+step*direction.Float(k))
	}
	moved[name] = x
	y, total := run(t, session, moved)[s.nodes[len(s.nodes)-1].Outputs[0]], 0.0
	for k := range y.Len() {
		total += y.Float(k) * weight.Float(k)
	}
	return total
}

func run(t *testing.T, s runtime.Session, values map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	out, err := s.Run(t.Context(), values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func draw(random *rand.Rand, dtype tensor.DType, i input) *tensor.Tensor {
	x := tensor.New(dtype, i.sizes...)
	for k := range x.Len() {
		x.SetFloat(k, i.lo+(i.hi-i.lo)*random.Float64())
	}
	return x
}

// refused is what Grad says of a model that it cannot differentiate.
func refused(t *testing.T, m *ir.Model, o graft.GradOptions, want string) {
	t.Helper()
	_, err := graft.Grad(m, o)
	if err == nil || fmt.Sprint(err) != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// TestBehindUnasked: nothing is differentiated in front of a parameter whose other operand
// no gradient is wanted of, whatever operators it has.
func TestBehindUnasked(t *testing.T) {
	for _, name := range []string{"head.weight", "head.bias"} {
		made, err := graft.Grad(readFile(t, "testdata/mlp.onnx"), graft.GradOptions{Wrt: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		if last := made.Graph.Outputs[len(made.Graph.Outputs)-1].Name; last != "grad_"+name {
			t.Errorf("the last output is %s", last)
		}
	}
}
