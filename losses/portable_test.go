package losses_test

import (
	"math"
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
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
			portable(t, name, m.Graph, map[string]bool{})
		}
	}
}

func portable(t *testing.T, loss string, g *ir.Graph, names map[string]bool) {
	for _, c := range g.Initializers {
		for i := range c.Tensor.Len() {
			if v := c.Tensor.Float(i); c.Tensor.DType.IsInt() && math.Abs(v) > 1<<31 {
				t.Errorf("%s: the integer %v", loss, v)
			} else if a := math.Abs(v); c.Tensor.DType == tensor.Float32 && a > 1e30 && !math.IsInf(a, 1) {
				t.Errorf("%s: the factor %v", loss, v)
			}
		}
	}
	for _, n := range g.Nodes {
		if n.Name == "" || names[n.Name] {
			t.Errorf("%s: the name %q of %s", loss, n.Name, n.Op)
		}
		names[n.Name] = true
		if n.Op == "ArgMin" || n.Op == "ArgMax" { // of int64: none before 1.22
			i := slices.IndexFunc(g.Nodes, func(m ir.Node) bool { return m.Outputs[0] == n.Inputs[0] })
			for ; g.Nodes[i].Op == "Min" || g.Nodes[i].Op == "Sub"; i = slices.IndexFunc(g.Nodes, func(m ir.Node) bool { return m.Outputs[0] == g.Nodes[i].Inputs[0] }) {
			}
			if g.Nodes[i].Op != "Cast" || g.Nodes[i].Attributes[0].Value != int64(tensor.Int32) {
				t.Errorf("%s: %s of what is no int32", loss, n.Op)
			}
		}
		for _, a := range n.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				portable(t, loss, body, names)
			}
		}
	}
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
