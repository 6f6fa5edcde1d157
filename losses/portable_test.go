package losses_test

import (
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// TestPortable holds every loss to what other engines than today's ONNX Runtime take:
// named nodes, no index and no factor that is huge, no operator without a kernel in
// ONNX Runtime 1.17.
func TestPortable(t *testing.T) {
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		for _, reduction := range []string{"mean", "none"} {
			options := losses.Values{"reduction": reduction}
			if !slices.ContainsFunc(l.Options(), func(o losses.Option) bool {
				return o.Name == "reduction" && slices.Contains(o.Choices, reduction)
			}) {
				options = nil // it has no such reduction
			}
			m, err := losses.Request{Catalog: all.Losses(), Loss: name, Options: options}.Model()
			if err != nil {
				t.Fatal(err)
			}
			types, err := infer.Graph(m.Graph, infer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			portable(t, name, m.Graph, map[string]bool{}, types)
		}
	}
}

func portable(t *testing.T, loss string, g *ir.Graph, names map[string]bool, types *infer.Types) {
	constants := map[string]*tensor.Tensor{}
	for _, c := range g.Initializers {
		constants[c.Name] = c.Tensor
	}
	for _, n := range g.Nodes {
		if n.Name == "" || names[n.Name] {
			t.Errorf("%s: the name %q of %s", loss, n.Name, n.Op)
		}
		names[n.Name] = true
		for i, in := range n.Inputs {
			switch c := constants[in]; {
			case c == nil || n.Op == "Slice" && i == 2: // up to the end, as every exporter says it
			case c.DType.IsInt() && largest(c) > 1<<31:
				t.Errorf("%s: the integer %v", loss, c.Floats())
			case c.DType == tensor.Float32 && largest(c) > 1e30 && (n.Op == "Mul" || n.Op == "Div"):
				t.Errorf("%s: the factor %v", loss, c.Floats())
			}
		}
		if n.Op == "ArgMin" || n.Op == "ArgMax" { // of int64: none before 1.22
			if of, _ := types.Of(n.Inputs[0]); of.DType != tensor.Int32 && !of.DType.IsFloat() {
				t.Errorf("%s: %s of %v", loss, n.Op, of.DType)
			}
		}
		for _, a := range n.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				portable(t, loss, body, names, types.Body(body))
			}
		}
	}
}

// largest is the largest magnitude of a tensor's finite numbers.
func largest(x *tensor.Tensor) (most float64) {
	for _, v := range x.Floats() {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			most = max(most, math.Abs(v))
		}
	}
	return most
}

// TestForRoundTrip: a file says for whom it was written, and gives the same bytes again.
func TestForRoundTrip(t *testing.T) {
	for _, target := range builder.Targets() {
		m, err := losses.Request{Catalog: all.Losses(), Loss: "mse", For: target}.Model()
		if err != nil {
			t.Fatal(err)
		}
		r, err := all.Losses().FromModel(m)
		if err != nil || r.For != target {
			t.Errorf("a file for %s says %q (%v)", target, r.For, err)
		}
	}
	if _, err := (losses.Request{Catalog: all.Losses(), Loss: "mse", For: "phones"}).Resolve(); err == nil {
		t.Error("an unknown consumer is taken")
	}
}
