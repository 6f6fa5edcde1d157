// Command huber goes from a loss to its numbers: the options that the literal leaves
// out have PyTorch's defaults.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

func main() {
	file, err := export.Encode(regression.Huber.Model(regression.HuberOptions{}))
	if err != nil {
		log.Fatal(err)
	}
	session, err := reference.Backend{}.Open(file, runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(context.Background(), map[string]*tensor.Tensor{
		"input":  tensor.FromFloats(tensor.Float32, []int64{1, 4}, []float64{0, 0.5, 3, -4}),
		"target": tensor.FromFloats(tensor.Float32, []int64{1, 4}, []float64{0, 0, 0, 0}),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("loss %g, gradient", out["loss"].Float(0))
	for i := range out["grad_input"].Len() {
		fmt.Printf(" %g", out["grad_input"].Float(i))
	}
	fmt.Println()
}
