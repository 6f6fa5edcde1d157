package losses_test

import (
	"context"
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// A loss with typed options becomes a model, the model a file, and an engine runs
// it. Options that are left out have PyTorch's defaults.
func ExampleDef_Model() {
	model, err := regression.Huber.Model(regression.HuberOptions{Delta: new(0.5), Reduction: losses.Sum})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := export.Marshal(model)
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := reference.Backend{}.Open(data, runtime.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	outputs, err := session.Run(context.Background(), map[string]*tensor.Tensor{
		"input":  tensor.FromFloats(tensor.Float32, []int64{1, 2}, []float64{0.5, 4}),
		"target": tensor.FromFloats(tensor.Float32, []int64{1, 2}, []float64{0, 0}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outputs["loss"].Float(0), outputs["grad_input"].Floats())
	// Output: 2 [0.5 0.5]
}

// A request names a loss and its options as the command line does.
func ExampleRequest_Resolve() {
	plan, err := losses.Request{Catalog: all.Losses(), Loss: "ce", Shapes: map[string]string{"input": "N,C,H,W"}, With: []string{"weight"}}.Resolve()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Expression())
	for _, port := range plan.Ports {
		fmt.Println(port.Name, port.DType, port.Shape)
	}
	// Output:
	// F.cross_entropy(input, target, weight=weight, ignore_index=-100, reduction='mean', label_smoothing=0)
	// input float32 [N,C,H,W]
	// target int64 [N,H,W]
	// weight float32 [C]
}
