package reference

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// TestMemory: the values of a run take no more than was allowed, whether one is
// large or many are held; values that are over do not count, nor does the same
// memory twice.
func TestMemory(t *testing.T) {
	port := func(name string, dims ...any) ir.Port {
		return ir.Port{Name: name, DType: tensor.Float32, Shape: tensor.Of(dims...)}
	}
	chain := &ir.Graph{Name: "chain", Inputs: []ir.Port{port("x", "N")}, Outputs: []ir.Port{port("y", "N")}}
	held := &ir.Graph{Name: "held", Inputs: []ir.Port{port("x", "N")}, Outputs: []ir.Port{port("y", "N")}}
	last, all := "x", "x"
	for i := range 50 {
		name := fmt.Sprintf("v%d", i)
		chain.Nodes = append(chain.Nodes, ir.Node{Op: "Neg", Inputs: []string{last}, Outputs: []string{name}})
		held.Nodes = append(held.Nodes, ir.Node{Op: "Neg", Inputs: []string{"x"}, Outputs: []string{name}})
		last = name
	}
	for i := range 50 {
		name := fmt.Sprintf("w%d", i)
		held.Nodes = append(held.Nodes, ir.Node{Op: "Add", Inputs: []string{all, fmt.Sprintf("v%d", i)}, Outputs: []string{name}})
		all = name
	}
	chain.Nodes = append(chain.Nodes, ir.Node{Op: "Identity", Inputs: []string{last}, Outputs: []string{"y"}})
	held.Nodes = append(held.Nodes, ir.Node{Op: "Identity", Inputs: []string{all}, Outputs: []string{"y"}})
	large := &ir.Graph{
		Name: "large", Inputs: []ir.Port{port("x", "N")}, Outputs: []ir.Port{port("y", "M", "N")},
		Initializers: []ir.Initializer{{Name: "to", Tensor: tensor.FromInts(tensor.Int64, []int64{2}, []int64{1 << 28, 1000})}},
		Nodes:        []ir.Node{{Op: "Expand", Inputs: []string{"x", "to"}, Outputs: []string{"y"}}},
	}
	for _, c := range []struct {
		graph  *ir.Graph
		memory int64
		fits   bool
	}{
		{chain, 4 * 8000, true}, {chain, 2*8000 - 1, false}, {held, 4 * 8000, false}, {held, 60 * 8000, true}, {large, 0, false}, {large, 1 << 40, false},
	} {
		s, err := Backend{}.Open(marshal(t, 17, c.graph), runtime.Options{Memory: c.memory})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(context.Background(), map[string]*tensor.Tensor{"x": tensor.New(tensor.Float32, 1000)})
		if (err == nil) != c.fits || err != nil && !strings.Contains(err.Error(), "beyond the memory") && !strings.Contains(err.Error(), "elements") {
			t.Errorf("%s in %d bytes: got error %v, want it to fit: %v", c.graph.Name, c.memory, err, c.fits)
		}
	}
}
