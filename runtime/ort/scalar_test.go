//go:build cgo

package ort

import (
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// TestHalfScalarHasRankZero: the model sees an input of rank 0, not [1].
func TestHalfScalarHasRankZero(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float16, tensor.BFloat16, tensor.Float32} {
		needHalfScalars(t, dtype)
		model, err := export.Marshal(&ir.Model{IRVersion: 8, Opset: 17, Graph: &ir.Graph{
			Name:    "rank",
			Inputs:  []ir.Port{{Name: "x", DType: dtype, Shape: tensor.Shape{}}},
			Outputs: []ir.Port{{Name: "sizes", DType: tensor.Int64, Shape: tensor.Of("R")}, {Name: "same", DType: dtype, Shape: tensor.Shape{}}},
			Nodes: []ir.Node{
				{Op: "Shape", Inputs: []string{"x"}, Outputs: []string{"sizes"}},
				{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"same"}},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Backend{}.Open(model, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		in := tensors{"x": floats(dtype, nil, 3)}
		out, err := s.Run(bg, in)
		if err != nil {
			t.Fatal(err)
		}
		if n := out["sizes"].Len(); n != 0 {
			t.Errorf("%v: the model sees rank %d", dtype, n)
		}
		bound := tensors{"sizes": tensor.New(tensor.Int64, 0), "same": tensor.New(dtype)}
		b, err := s.Bind(in, bound)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		in["x"].SetFloat(0, 5)
		if err := b.Run(bg); err != nil {
			t.Fatal(err)
		}
		wantFloats(t, bound["same"], dtype, nil, 5)
	}
}
