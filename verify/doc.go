// Package verify checks losses and their files: against what PyTorch computed,
// engine against engine, and gradients against finite differences.
//
// [Loss] runs every golden case of a declared loss, [File] judges an .onnx file
// that lossgen has written:
//
//	engines := []verify.Engine{{Backend: reference.Backend{}}, {Backend: ort.Backend{}}}
//	report := verify.Loss(ctx, regression.Huber, engines, verify.Options{})
//	report.WriteText(os.Stdout)
//	if !report.Passed() { ... }
package verify
