// Package losses declares loss functions: for each one its inputs, options,
// formula, PyTorch equivalent and graph.
//
// A loss is one declaration ([Def]); its command-line flags, help, metadata,
// golden cases and tests come from it. [All] lists them, [Find] finds one by any
// of its names, and [Request.Model] turns a request for one into an ONNX model
// that computes the loss and its gradient:
//
//	model, err := losses.Request{Loss: "huber", Options: losses.Values{"delta": 0.5}}.Model()
//
// Go code that knows the loss at compile time uses the typed form:
//
//	model, err := losses.Huber.Model(losses.HuberOptions{Delta: new(0.5)})
//
// Several losses make one with [Combine]. Scale, masks, weights of single losses
// and other wrappers go around any of them: [WrapperOptions] lists the options.
//
// Another module declares a loss of its own as a [Def] and makes it known with
// [Register]; package cli then is the whole command for it.
//
// All losses follow PyTorch's definition, also at kinks, on empty batches and
// where a value is not finite.
package losses
