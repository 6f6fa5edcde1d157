package builder_test

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// A graph is built in one function; its gradient is more nodes of it.
func ExampleBuild() {
	g, err := builder.Build("mse", func(b *builder.B) {
		x := b.Input("input", tensor.Float32, tensor.Of("N"))
		t := b.Input("target", tensor.Float32, tensor.Of("N"))
		loss := x.Sub(t).Square().Sum()
		b.Output("loss", loss)
		b.Output("grad_input", builder.Grad(loss, loss.Like(1), x)[0])
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(g)
	// Output:
	// graph mse
	// %0 float32[N] = Input "input"
	// %1 float32[N] = Input "target"
	// %2 float32[N] = Guard %1 %0 N
	// %3 float32[N] = Sub %0 %2
	// %4 float32[N] = Square %3
	// %5 float32[] = SumAll %4
	// %6 float32[] = Const [2]
	// %7 float32[N] = Mul %6 %3
	// output loss = %5
	// output grad_input = %7
}

// Mistakes are errors that name the line of the code that made them.
func ExampleBuild_mistake() {
	_, err := builder.Build("mistake", func(b *builder.B) {
		x := b.Input("x", tensor.Float32, tensor.Of("N", 3))
		y := b.Input("y", tensor.Float32, tensor.Of("M", 3))
		b.Output("z", x.Mul(y))
	})
	fmt.Println(err)
	// Output:
	// example_test.go:43: Mul: cannot broadcast [N,3] with [M,3]: axis 0 is N and M
}

// A gradient is made of ordinary nodes, so it can be differentiated again: the
// second derivative of x³ is 6x.
func ExampleGrad() {
	g, err := builder.Build("cube", func(b *builder.B) {
		x := b.Input("x", tensor.Float64, tensor.Of("N"))
		one := b.Const(tensor.Float64, 1)
		first := builder.Grad(x.Pow(3), one, x)[0]
		b.Output("second", builder.Grad(first, one, x)[0])
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(g)
	// Output:
	// graph cube
	// %0 float64[N] = Input "x"
	// %1 float64[] = Const [6]
	// %2 float64[N] = Mul %1 %0
	// output second = %2
}
