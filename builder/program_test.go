package builder_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
)

// This file builds small graphs and runs them.

type (
	Value   = builder.Value
	tensors = map[string]*tensor.Tensor
)

const f64 = tensor.Float64

// build returns the graph of f, or ends the test.
func build(t *testing.T, f func(b *builder.B), options ...builder.Option) *builder.Graph {
	t.Helper()
	g, err := builder.Build("test", f, options...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// file returns the bytes of a graph's model.
func file(t *testing.T, g *builder.Graph, opset int64) []byte {
	t.Helper()
	version, err := export.IRVersion(opset)
	if err != nil {
		t.Fatal(err)
	}
	m := &ir.Model{IRVersion: version, Opset: opset, Graph: g.Lower(opset)}
	if err := export.Check(m); err != nil {
		t.Fatalf("opset %d: %v\n%v", opset, err, g)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// engines are the reference engine and, where it is installed, ONNX Runtime.
func engines(t *testing.T) []runtime.Backend {
	t.Helper()
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Logf("ONNX Runtime is left out: %v", err)
		return []runtime.Backend{reference.Backend{}}
	}
	return []runtime.Backend{reference.Backend{}, ort.Backend{}}
}

func open(t *testing.T, e runtime.Backend, g *builder.Graph) runtime.Session {
	t.Helper()
	s, err := e.Open(file(t, g, export.DefaultOpset), runtime.Options{Threads: 1})
	if err != nil {
		t.Fatalf("%s: %v\n%v", e.Name(), err, g)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func run(t *testing.T, s runtime.Session, inputs tensors) tensors {
	t.Helper()
	out, err := s.Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// closeTo reports whether two numbers are equal: both NaN, the same infinity, or
// within a tolerance.
func closeTo(a, b, tol float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tol*max(1, math.Abs(b))
}

// operand is an input of a program under test: float64 unless it is an index.
type operand struct {
	shape  tensor.Shape
	lo, hi float64 // values are between; both 0 is -2 to 2
	index  int64   // for an index: its values are below
}

func real(dims ...any) operand     { return operand{shape: tensor.Of(dims...)} }
func positive(dims ...any) operand { return operand{shape: tensor.Of(dims...), lo: 0.3, hi: 2} }
func index(below int64, dims ...any) operand {
	return operand{shape: tensor.Of(dims...), index: below}
}

// program is a function under test.
type program struct {
	name     string
	operands []operand
	f        func(b *builder.B, x []Value) Value
	once     bool // it is not twice differentiable
	single   bool // ONNX Runtime runs it in float32 only
	rounded  bool // its operands are turned to float32
}

// sizes are those of the letters.
func sizes(shape tensor.Shape) []int64 {
	letters := map[string]int64{"N": 3, "C": 4, "D": 2, "E": 5}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i], _ = d.Eval(letters)
	}
	return dims
}

func name(i int) string { return "x" + string(rune('0'+i)) }

// declare declares the operands as inputs.
func (p program) declare(b *builder.B) []Value {
	x := make([]Value, len(p.operands))
	for i, o := range p.operands {
		if o.index > 0 {
			x[i] = b.Input(name(i), tensor.Int64, o.shape)
			continue
		}
		x[i] = b.Input(name(i), f64, o.shape)
		if p.rounded {
			x[i] = x[i].Cast(tensor.Float32)
		}
	}
	return x
}

// draw returns random operands.
func (p program) draw(seed uint64) tensors {
	random := rand.New(rand.NewPCG(seed, 7))
	in := tensors{}
	for i, o := range p.operands {
		if o.index > 0 {
			x := tensor.New(tensor.Int64, sizes(o.shape)...)
			for k := range x.Len() {
				x.SetInt(k, random.Int64N(o.index))
			}
			in[name(i)] = x
			continue
		}
		lo, hi := o.lo, o.hi
		if lo == 0 && hi == 0 {
			lo, hi = -2, 2
		}
		in[name(i)] = uniform(random, lo, hi, sizes(o.shape))
	}
	return in
}

func uniform(random *rand.Rand, lo, hi float64, dims []int64) *tensor.Tensor {
	x := tensor.New(f64, dims...)
	for k := range x.Len() {
		x.SetFloat(k, lo+(hi-lo)*random.Float64())
	}
	return x
}

// weigher declares inputs of weights, which differ from element to element, so
// that a gradient in the wrong place is seen.
type weigher struct {
	b  *builder.B
	in tensors
}

// sum returns the sum of v times weights.
func (w weigher) sum(v Value) Value {
	n := fmt.Sprintf("w%d", len(w.in))
	w.in[n] = uniform(rand.New(rand.NewPCG(uint64(len(w.in)), 1)), 0.5, 1.5, sizes(v.Shape()))
	return v.Mul(w.b.Input(n, f64, v.Shape()).Cast(v.DType())).Sum()
}

// objective returns the weighted sum of a program's result; of order 2, that of
// its gradients.
func (p program) objective(w weigher, x []Value, order int) Value {
	y := w.sum(p.f(w.b, x))
	if order == 1 {
		return y
	}
	var total Value
	for _, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
		term := w.sum(dx)
		if !total.IsZero() {
			term = total.Add(term)
		}
		total = term
	}
	return total
}

// real returns the operands that can be differentiated.
func (p program) real(x []Value) []Value {
	var list []Value
	for _, v := range x {
		if v.DType().IsFloat() {
			list = append(list, v)
		}
	}
	return list
}
