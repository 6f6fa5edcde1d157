package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Marshal writes byte for byte what the onnx package writes for the same model.
func TestMarshalEqualsOnnxPackage(t *testing.T) {
	for name, m := range ownModels() {
		got, err := export.Marshal(m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(got, read(t, name)) {
			back, err := export.Unmarshal(got)
			want, wantErr := export.Unmarshal(read(t, name))
			t.Errorf("%s: bytes differ (%v, %v): %s", name, err, wantErr, cmp.Diff(want, back))
		}
	}
}

func TestMarshalIsDeterministicAndPure(t *testing.T) {
	for name, m := range ownModels() {
		first, err := export.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if again, _ := export.Marshal(m); !bytes.Equal(first, again) {
				t.Fatalf("%s: two calls give different bytes", name)
			}
		}
		if diff := cmp.Diff(ownModels()[name], m); diff != "" {
			t.Errorf("%s: Marshal changed the model: %s", name, diff)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, m := range ownModels() {
		data, err := export.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := export.Unmarshal(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		given := cmp.Transformer("attributes", func(n ir.Node) map[string]any {
			out := map[string]any{"op": n.Op, "in": n.Inputs, "out": n.Outputs}
			for _, a := range n.Attributes {
				out["attribute "+a.Name] = a.Value
			}
			return out
		})
		ignore := cmpopts.IgnoreMapEntries(func(key string, _ any) bool {
			return strings.HasPrefix(key, "attribute ") && !stated(m.Graph, strings.TrimPrefix(key, "attribute "))
		})
		if diff := cmp.Diff(m, back, given, ignore, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s changed (-before +after): %s", name, diff)
		}
		if again, err := export.Marshal(back); err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: the bytes of the model read back differ (%v)", name, err)
		}
	}
}

// stated reports whether a hand-written model states the attribute somewhere.
func stated(g *ir.Graph, name string) bool {
	for _, n := range g.Nodes {
		for _, a := range n.Attributes {
			if a.Name == name {
				return true
			}
		}
	}
	return false
}

// The attributes that a bare node gets, from the operators' documentation.
func TestDefaultsAreWritten(t *testing.T) {
	tests := []struct {
		op     string
		opsets string
		want   string
	}{
		{"Reshape", "13", ""},
		{"Reshape", "14 17 19 25 28", "allowzero=0"},
		{"Shape", "13 14", ""},
		{"Shape", "15 28", "start=0"},
		{"Cast", "13 17 18", ""},
		{"Cast", "19 23", "saturate=1"},
		{"Cast", "24 28", "round_mode=up saturate=1"},
		{"Softmax", "13 28", "axis=-1"},
		{"LogSoftmax", "13 28", "axis=-1"},
		{"Gather", "13 28", "axis=0"},
		{"GatherElements", "17", "axis=0"},
		{"ScatterElements", "13 15", "axis=0"},
		{"ScatterElements", "16 28", "axis=0 reduction=none"},
		{"ReduceSum", "13 28", "keepdims=1 noop_with_empty_axes=0"},
		{"ReduceMean", "13 17", "keepdims=1"},
		{"ReduceMean", "18 28", "keepdims=1 noop_with_empty_axes=0"},
		{"ReduceMax", "17", "keepdims=1"},
		{"ReduceMax", "20", "keepdims=1 noop_with_empty_axes=0"},
		{"ArgMax", "13 28", "axis=0 keepdims=1 select_last_index=0"},
		{"TopK", "13 28", "axis=-1 largest=1 sorted=1"},
		{"CumSum", "17", "exclusive=0 reverse=0"},
		{"Range", "13 26", ""},
		{"Range", "27 28", "stash_type=1"},
		{"Flatten", "17", "axis=1"},
		{"Gemm", "17", "alpha=1 beta=1 transA=0 transB=0"},
		{"HardSigmoid", "17", "alpha=0.2 beta=0.5"},
		{"ThresholdedRelu", "17", "alpha=1"},
		{"IsInf", "17", "detect_negative=1 detect_positive=1"},
		{"Mod", "13 28", "fmod=0"},
		{"Compress", "17", ""},
		{"GatherND", "17", "batch_dims=0"},
		{"Transpose", "17", ""},
		{"Add", "17", ""},
		{"Constant", "17", ""},
	}
	for _, test := range tests {
		for _, opset := range strings.Fields(test.opsets) {
			var n int64
			fmt.Sscan(opset, &n)
			if got := defaults(t, test.op, n); got != test.want {
				t.Errorf("%s at opset %s: got %q, want %q", test.op, opset, got, test.want)
			}
		}
	}
}

func defaults(t *testing.T, op string, opset int64) string {
	t.Helper()
	data, err := export.Marshal(model(8, opset, &ir.Graph{Nodes: []ir.Node{{Op: op, Inputs: list("a", "b")}}}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := export.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range m.Graph.Nodes[0].Attributes {
		out = append(out, fmt.Sprintf("%s=%v", a.Name, a.Value))
	}
	return strings.Join(out, " ")
}

func TestMarshalErrors(t *testing.T) {
	one := func(n ir.Node) *ir.Model { return model(8, 17, &ir.Graph{Nodes: []ir.Node{n}}) }
	loop := &ir.Graph{}
	loop.Nodes = []ir.Node{{Op: "Scan", Attributes: attrs("body", loop)}}
	short := &tensor.Tensor{DType: tensor.Float32, Dims: []int64{2}, Data: make([]byte, 4)}
	tests := []struct {
		m    *ir.Model
		want string
	}{
		{nil, "no graph"},
		{&ir.Model{Opset: 17}, "no graph"},
		{model(8, 12, &ir.Graph{}), "unsupported opset 12: use 13 to 28"},
		{one(ir.Node{Op: "Gelu", Outputs: list("t1")}), `node 0 (Gelu -> t1): operator "Gelu"`},
		{one(ir.Node{Op: "Abs\n", Attributes: attrs("to", 1)}), `node 0 (Abs\n)`},
		{one(ir.Node{Op: "Cast", Attributes: attrs("to", 1)}), `attribute "to": a int is no attribute value`},
		{one(ir.Node{Op: "Constant", Attributes: attrs("value", (*tensor.Tensor)(nil))}), "the *tensor.Tensor is nil"},
		{one(ir.Node{Op: "Constant", Attributes: attrs("value", short)}), "float32[2] has 4 bytes of data, want 8"},
		{model(8, 17, &ir.Graph{Initializers: []ir.Initializer{{Name: "w"}}}), `initializer "w": the tensor is nil`},
		{model(8, 17, loop), "nest deeper than 8"},
	}
	for _, test := range tests {
		_, err := export.Marshal(test.m)
		wantLine(t, err, test.want)
	}
}

// wantLine checks that err is one line that contains want.
func wantLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one line with %q", err, want)
	}
}

func TestIRVersion(t *testing.T) {
	want := map[int64]int64{13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13, 27: 13, 28: 14}
	for opset := int64(export.MinOpset); opset <= export.MaxOpset; opset++ {
		if got, err := export.IRVersion(opset); err != nil || got != want[opset] {
			t.Errorf("opset %d: got ir version %d (%v), want %d", opset, got, err, want[opset])
		}
	}
	for _, opset := range []int64{12, 29, 0, -1, math.MaxInt64, math.MinInt64} {
		if _, err := export.IRVersion(opset); !errors.Is(err, export.ErrOpset) {
			t.Errorf("opset %d: got error %v, want ErrOpset", opset, err)
		}
	}
}
