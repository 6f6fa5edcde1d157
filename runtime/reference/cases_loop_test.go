package reference

import (
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// sums is the body of a loop that adds up x, and the step's own share of what it has
// by then.
func sums() *ir.Graph {
	return &ir.Graph{
		Name:    "step",
		Inputs:  []ir.Port{port("s", tensor.Float64), port("x", tensor.Float64)},
		Outputs: []ir.Port{port("n", tensor.Float64), port("o", tensor.Float64)},
		Nodes:   []ir.Node{op("Add", "sx", "n"), op("Div", "xn", "o")},
	}
}

// grows is a body whose state is a longer one behind the step.
func grows() *ir.Graph {
	return &ir.Graph{
		Name:    "step",
		Inputs:  []ir.Port{port("s", tensor.Float64, "N"), port("x", tensor.Float64, "N")},
		Outputs: []ir.Port{port("n", tensor.Float64, "M")},
		Nodes:   []ir.Node{op("Concat", "sx", "n", "axis", 0)},
	}
}

var loopCases = []kernelCase{
	{op: "Scan", attrs: attrs("body", sums(), "num_scan_inputs", 1), in: in(scalar(1), list(1, 2, 4)), want: in(scalar(8), list(0.5, 0.5, 0.5))},
	{op: "Scan", attrs: attrs("body", sums(), "num_scan_inputs", 1, "scan_input_directions", []int{1}),
		in: in(scalar(0), list(1, 3, 4)), want: in(scalar(8), list(1, 3./7, 1./8))},
	{op: "Scan", attrs: attrs("body", sums(), "num_scan_inputs", 1, "scan_input_directions", []int{1}, "scan_output_directions", []int{1}),
		in: in(scalar(0), list(1, 3, 4)), want: in(scalar(8), list(1./8, 3./7, 1))},
	{op: "Scan", attrs: attrs("body", sums(), "num_scan_inputs", 1), in: in(scalar(3), list()), want: in(scalar(3), list())},
	{op: "Scan", attrs: attrs("body", grows(), "num_scan_inputs", 1), in: in(list(1), scalar(1)), fails: "want one length"},
	{op: "Scan", attrs: attrs("body", grows(), "num_scan_inputs", 1), in: in(list(1), f(dims(2, 1), 1, 2)), fails: "step 0: state 0 turns from float64[1] into float64[2]"},
}
