package losses_test

import (
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// BenchmarkEmit times a request becoming the bytes of a file, with the parts of
// it: choices, graph with gradient, nodes, bytes.
func BenchmarkEmit(b *testing.B) {
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		request := losses.Request{Catalog: all.Losses(), Loss: name}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var data []byte
			for b.Loop() {
				model, err := request.Model()
				if err != nil {
					b.Fatal(err)
				}
				if data, err = export.Marshal(model); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data)), "file-bytes")
		})
	}
}

// BenchmarkBuild times building and differentiating the graph alone.
func BenchmarkBuild(b *testing.B) {
	for _, l := range all.Losses() {
		plan, err := losses.Request{Catalog: all.Losses(), Loss: l.Declaration().Name}.Resolve()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(plan.Loss, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := plan.Graph(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGrad times differentiation in a graph that is built already.
func BenchmarkGrad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := builder.Build("chain", func(g *builder.B) {
			x := g.Input("x", tensor.Float32, tensor.Of("N", "D"))
			y := x
			for range 50 {
				y = y.Square().Scale(0.5).Tanh()
			}
			g.Output("grad_x", builder.Grad(y.Sum(), g.Const(tensor.Float32, 1), x)[0])
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
