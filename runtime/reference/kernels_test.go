package reference

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// kernelCase is one node with its inputs (nil for an absent one) and either its
// outputs or a part of the error that it gives.
type kernelCase struct {
	op    string
	opset int64 // 0 for 17
	attrs []ir.Attribute
	in    []*tensor.Tensor
	want  []*tensor.Tensor
	fails string
}

func in(t ...*tensor.Tensor) []*tensor.Tensor { return t }

// symbols returns a shape of the tensor's rank without sizes.
func symbols(t *tensor.Tensor) tensor.Shape {
	s := tensor.Shape{}
	for k := range t.Dims {
		s = append(s, tensor.S(fmt.Sprintf("D%d", k)))
	}
	return s
}

// model returns the case as a model with one node.
func (c kernelCase) model() (*ir.Graph, values) {
	g := &ir.Graph{}
	feeds := values{}
	n := ir.Node{Op: c.op, Attributes: c.attrs}
	for k, t := range c.in {
		if t == nil {
			n.Inputs = append(n.Inputs, "")
			continue
		}
		name := fmt.Sprintf("x%d", k)
		n.Inputs = append(n.Inputs, name)
		g.Inputs = append(g.Inputs, ir.Port{Name: name, DType: t.DType, Shape: symbols(t)})
		feeds[name] = t
	}
	outputs := c.want
	if outputs == nil {
		outputs = in(list())
	}
	for k, t := range outputs {
		name := fmt.Sprintf("y%d", k)
		n.Outputs = append(n.Outputs, name)
		g.Outputs = append(g.Outputs, ir.Port{Name: name, DType: t.DType, Shape: symbols(t)})
	}
	g.Nodes = []ir.Node{n}
	return g, feeds
}

func (c kernelCase) check(t *testing.T) {
	opset := c.opset
	if opset == 0 {
		opset = 17
	}
	g, feeds := c.model()
	data := marshal(t, opset, g)
	s, err := Backend{}.Open(data, runtime.Options{})
	var out values
	if err == nil {
		out, err = s.Run(context.Background(), feeds)
	}
	if c.fails != "" {
		if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("error is %v, want %q", err, c.fails)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range c.want {
		name := fmt.Sprintf("y%d", k)
		wantTensor(t, name, out[name], want)
	}
}

func TestKernels(t *testing.T) {
	seen := map[string]bool{}
	all := slices.Concat(unaryCases, binaryCases, reduceCases, axisCases, shapeCases, indexCases, linearCases, loopCases, layerCases)
	for k, c := range all {
		seen[c.op] = true
		t.Run(fmt.Sprintf("%s_%d", c.op, k), c.check)
	}
	for name := range kernels {
		if !seen[name] {
			t.Errorf("no case for %s", name)
		}
	}
}

func TestNaNs(t *testing.T) {
	for _, c := range []kernelCase{
		{op: "Relu", in: in(list(nan, -1)), want: in(list(nan, 0))},
		{op: "Sign", in: in(list(nan, -0.5, 0, 3)), want: in(list(nan, -1, 0, 1))},
		{op: "Clip", in: in(list(nan), scalar(0), scalar(1)), want: in(list(nan))},
		{op: "Max", in: in(list(nan, 1), list(1, nan)), want: in(list(nan, nan))},
		{op: "Min", in: in(list(nan, 1), list(1, nan)), want: in(list(nan, nan))},
		{op: "ReduceMax", in: in(list(1, nan)), attrs: attrs("keepdims", 0), want: in(scalar(nan))},
		{op: "ReduceMin", in: in(list(nan, 1)), attrs: attrs("keepdims", 0), want: in(scalar(nan))},
		{op: "Equal", in: in(scalar(nan), scalar(nan)), want: in(b(nil, 0))},
		{op: "LessOrEqual", in: in(scalar(nan), scalar(nan)), want: in(b(nil, 0))},
		{op: "Greater", in: in(scalar(nan), scalar(0)), want: in(b(nil, 0))},
		{op: "ArgMax", in: in(list(1, nan, 5)), attrs: attrs("keepdims", 0), want: in(i(nil, 1))},
		{op: "Softmax", in: in(list(nan, 1)), want: in(list(nan, nan))},
		{op: "Where", in: in(blist(1, 0), list(nan, nan), list(1, 1)), want: in(list(nan, 1))},
		{op: "Sigmoid", in: in(list(nan, inf, -inf)), want: in(list(nan, 1, 0))},
		{op: "Softplus", in: in(list(nan, inf, -inf, 1000)), want: in(list(nan, inf, 0, 1000))},
	} {
		t.Run(c.op, c.check)
	}
}

// Floats are not rounded to float32 between nodes, so that a tiny difference
// survives a cast.
func TestCastDoesNotRound(t *testing.T) {
	g := &ir.Graph{
		Inputs:  []ir.Port{port("x", tensor.Float64)},
		Outputs: []ir.Port{port("y", tensor.Float64), port("z", tensor.Float32)},
		Nodes:   []ir.Node{op("Cast", "x", "z", "to", 1), op("Cast", "z", "y", "to", 11)},
	}
	out := run(t, marshal(t, 17, g), values{"x": scalar(1 + 1e-12)})
	if got := out["y"].Float(0); got != 1+1e-12 {
		t.Errorf("y is %v", got)
	}
	if got := out["z"].Float(0); got != 1 {
		t.Errorf("z is %v", got)
	}
}

func TestLongSumIsAccurate(t *testing.T) {
	v := make([]float64, 1<<25)
	for k := range v {
		v[k] = 0.1
	}
	want := 0.1 * float64(len(v))
	if got := sum(v); math.Abs(got-want) > 1e-12*want {
		t.Errorf("sum is %v, want %v", got, want)
	}
	if got := sum([]float64{inf, 1}); got != inf {
		t.Errorf("sum is %v, want +Inf", got)
	}
}

func BenchmarkMul(bench *testing.B) {
	x := &array{dtype: tensor.Float64, dims: []int{1000, 1000}, f: make([]float64, 1_000_000)}
	row := &array{dtype: tensor.Float64, dims: []int{1000, 1}, f: make([]float64, 1000)}
	for bench.Loop() {
		if _, err := kernels["Mul"].run(&call{in: []*array{x, row}, limit: maxElements}); err != nil {
			bench.Fatal(err)
		}
	}
}
