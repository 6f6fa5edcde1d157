//go:build cgo

package ort

import (
	"context"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// TestDeclaredSizes: nothing is allocated because a file declares it.
func TestDeclaredSizes(t *testing.T) {
	needLibrary(t)
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float16} {
		for name, shape := range map[string]tensor.Shape{
			"one": tensor.Of(1 << 38), "several": tensor.Of("N", "N", "N", "N", "N", "N", "N"), "too many to count": tensor.Of(1<<40, 1<<40),
		} {
			data, err := export.Marshal(&ir.Model{IRVersion: 8, Opset: 17, Graph: &ir.Graph{
				Name: "lie", Inputs: []ir.Port{{Name: "x", DType: dtype, Shape: tensor.Of("N")}}, Outputs: []ir.Port{{Name: "y", DType: dtype, Shape: shape}},
				Nodes: []ir.Node{{Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			s, err := Backend{}.Open(data, runtime.Options{})
			if err != nil {
				continue // the library sees that itself
			}
			out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": tensor.New(dtype, 1000)})
			if err == nil && out["y"].Len() != 1000 {
				t.Errorf("%v, %s: got %v", dtype, name, out["y"])
			}
			s.Close()
		}
	}
}
