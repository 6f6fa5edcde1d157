// Package losses is what loss functions are declared with, and what makes a model of
// a declaration.
//
// A loss is one declaration ([Def]): its inputs, options, formula, PyTorch expression
// and graph. Its command-line flags, help, metadata, golden cases and tests come from
// that. The packages below declare losses by family, and package all lists them:
//
//	model, err := regression.Huber.Model(regression.HuberOptions{Delta: new(0.5)})
//
// [Request.Model] turns a request by name into an ONNX model that computes the loss
// and its gradient. The name is looked up in a [Catalog]:
//
//	r := losses.Request{Catalog: all.Losses(), Loss: "huber", Options: losses.Values{"delta": 0.5}}
//	model, err := r.Model()
//
// Several losses make one with package composition. Scale, masks, weights of single
// losses and other wrappers go around any of them: [WrapperOptions] lists the options.
//
// Another module declares a loss of its own as a [Def], from the pieces in package
// parts where they fit, and adds it to the catalogue that it hands to the command:
// package cli then is the whole command for it.
//
// All losses follow PyTorch's definition, also at kinks, on empty batches and
// where a value is not finite.
package losses
