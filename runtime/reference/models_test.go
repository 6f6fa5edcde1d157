package reference

import (
	"context"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

var nan, inf = math.NaN(), math.Inf(1)

func dims(sizes ...int64) []int64 { return sizes }

// f returns a float64 tensor, i an int64 one, b a bool one.
func f(dims []int64, v ...float64) *tensor.Tensor {
	return tensor.FromFloats(tensor.Float64, dims, v)
}

func i(dims []int64, v ...int64) *tensor.Tensor { return tensor.FromInts(tensor.Int64, dims, v) }

func i32(dims []int64, v ...int64) *tensor.Tensor { return tensor.FromInts(tensor.Int32, dims, v) }

func b(dims []int64, v ...int64) *tensor.Tensor { return tensor.FromInts(tensor.Bool, dims, v) }

// list and scalar are the commonest ranks.
func list(v ...float64) *tensor.Tensor { return f(dims(int64(len(v))), v...) }

func ilist(v ...int64) *tensor.Tensor { return i(dims(int64(len(v))), v...) }

func blist(v ...int64) *tensor.Tensor { return b(dims(int64(len(v))), v...) }

func scalar(v float64) *tensor.Tensor { return f(nil, v) }

// attrs makes attributes from names and values in turn.
func attrs(pairs ...any) []ir.Attribute {
	var out []ir.Attribute
	for k := 0; k < len(pairs); k += 2 {
		v := pairs[k+1]
		switch x := v.(type) {
		case int:
			v = int64(x)
		case []int:
			ints := []int64{}
			for _, d := range x {
				ints = append(ints, int64(d))
			}
			v = ints
		}
		out = append(out, ir.Attribute{Name: pairs[k].(string), Value: v})
	}
	return out
}

func port(name string, dtype tensor.DType, dims ...any) ir.Port {
	return ir.Port{Name: name, DType: dtype, Shape: tensor.Of(dims...)}
}

func op(name, inputs, output string, pairs ...any) ir.Node {
	n := ir.Node{Op: name, Outputs: []string{output}, Attributes: attrs(pairs...)}
	for _, r := range inputs {
		n.Inputs = append(n.Inputs, string(r))
	}
	return n
}

func marshal(t testing.TB, opset int64, g *ir.Graph) []byte {
	t.Helper()
	version, err := export.IRVersion(opset)
	if err != nil {
		t.Fatal(err)
	}
	g.Name = "test"
	data, err := export.Marshal(&ir.Model{IRVersion: version, Opset: opset, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, data []byte) runtime.Session {
	t.Helper()
	s, err := Backend{}.Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type values = map[string]*tensor.Tensor

func run(t testing.TB, data []byte, in values) values {
	t.Helper()
	out, err := open(t, data).Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantTensor compares dtype, sizes and values, floats to 1e-12.
func wantTensor(t *testing.T, name string, got, want *tensor.Tensor) {
	t.Helper()
	if got == nil || got.String() != want.String() {
		t.Fatalf("%s is %v, want %v", name, got, want)
	}
	g, w := got.Floats(), want.Floats()
	for k := range w {
		same := g[k] == w[k] || g[k] != g[k] && w[k] != w[k]
		if !same && !(math.Abs(g[k]-w[k]) <= 1e-12*max(1, math.Abs(w[k]))) {
			t.Fatalf("%s is %v, want %v", name, g, w)
		}
	}
}
