// Command network trains a layer in Go: its output and a loss become one graph, which
// is differentiated as a whole.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// step is a linear layer, the Huber loss of what it predicts, and the gradients of its
// parameters.
func step(b *builder.B) {
	x := b.Input("x", tensor.Float32, tensor.Of("N", 2))
	target := b.Input("target", tensor.Float32, tensor.Of("N", 1))
	w := b.Input("w", tensor.Float32, tensor.Of(2, 1))
	bias := b.Input("bias", tensor.Float32, tensor.Of(1))
	loss := regression.Huber.On(regression.HuberOptions{Delta: new(0.5)},
		map[string]builder.Value{"input": x.MatMul(w).Add(bias), "target": target})
	b.Output("loss", loss)
	gradients := builder.Grad(loss, loss.Like(1), w, bias)
	b.Output("grad_w", gradients[0])
	b.Output("grad_bias", gradients[1])
}

func floats(dims []int64, values ...float64) *tensor.Tensor {
	return tensor.FromFloats(tensor.Float32, dims, values)
}

func main() {
	graph, err := builder.Build("step", step)
	if err != nil {
		log.Fatal(err)
	}
	file, err := export.Encode(graph.Model(17))
	if err != nil {
		log.Fatal(err)
	}
	session, err := reference.Backend{}.Open(file, runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	inputs := map[string]*tensor.Tensor{ // target = 2·x0 - x1 + 0.5
		"x":      floats([]int64{4, 2}, 0, 0, 1, 0, 0, 1, 1, 1),
		"target": floats([]int64{4, 1}, 0.5, 2.5, -0.5, 1.5),
		"w":      floats([]int64{2, 1}, 0, 0),
		"bias":   floats([]int64{1}, 0),
	}
	for range 400 {
		out, err := session.Run(context.Background(), inputs)
		if err != nil {
			log.Fatal(err)
		}
		for _, name := range []string{"w", "bias"} {
			p, g := inputs[name], out["grad_"+name]
			for i := range p.Len() {
				p.SetFloat(i, p.Float(i)-0.5*g.Float(i))
			}
		}
	}
	fmt.Printf("w %.3f %.3f, bias %.3f\n", inputs["w"].Float(0), inputs["w"].Float(1), inputs["bias"].Float(0))
}
