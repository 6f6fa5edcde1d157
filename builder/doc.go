// Package builder builds immutable, typed tensor graphs and differentiates them.
//
// A graph is built inside [Build], from inputs and the methods of [Value]:
//
//	g, err := builder.Build("mse", func(b *builder.B) {
//		x := b.Input("input", tensor.Float32, tensor.Of("N", "D"))
//		t := b.Input("target", tensor.Float32, tensor.Of("N", "D"))
//		loss := x.Sub(t).Square().Sum()
//		b.Output("loss", loss)
//		b.Output("grad_input", builder.Grad(loss, loss.Like(1), x)[0])
//	})
//
// Types and shapes are inferred when a node is made. A mistake ends Build with
// an [*Error] that names the file and line of the author's code. Ranks are
// fixed; sizes may be letters, and equal letters mean equal sizes: a lowered
// graph fails at run time when its inputs contradict them.
//
// Equal nodes are shared, and only rewrites that are exact in IEEE arithmetic
// are made. [Grad] adds the nodes of a gradient to the graph; they are ordinary
// nodes, so a gradient can be differentiated again. At kinks the gradients
// follow PyTorch: |x|' is 0 at 0, relu' is 0 at 0, a tie of Max or Min gives
// each side one half, Clip gives 0 at and beyond its bounds.
//
// [Graph.Lower] turns a graph into ONNX nodes for an opset. How an operator is
// lowered, how it is differentiated and which types it takes stand in one row
// of a table (ops_*.go).
package builder
