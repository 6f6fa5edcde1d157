package losses

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
)

// exceptionsOf says where an engine that runs a loss's file differs from all others. What
// conformance/consumers finds for single losses stands in docs/support.md.
func exceptionsOf(s Spec, m *ir.Model) []string {
	out := []string{}
	has := func(op string) bool {
		return slices.ContainsFunc(m.Graph.Nodes, func(n ir.Node) bool { return n.Op == op })
	}
	if has("Gemm") { // which is the gradient of a matrix, a sum over rows
		out = append(out, "ONNX Runtime up to 1.19: a run without rows that asks for gradients of matrices fails.")
	}
	if has("Sqrt") {
		out = append(out, "ONNX Runtime up to 1.19: the square root of infinity is NaN in float32, so that infinite inputs may give NaN.")
	}
	if slices.ContainsFunc(s.Inputs, Input.NamesClasses) {
		out = append(out, "OpenVINO: a label that is no class does not end the run.")
	}
	return out
}
