package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/safetensors"
	"github.com/lossgen/lossgen/train"
)

const applyLong = `apply writes the values of a .safetensors file back into the model that they were
trained for: the initializers of those names, running statistics included. What the
optimizer keeps (lr, step, m_NAME, v_NAME, acc_NAME) may stay in the file and is left
out. Batch normalization and Dropout are as outside of training, unless --training
leaves them as the model has them, to train it further.`

const applyExample = `  lossgen apply resnet18.onnx trained.safetensors -o resnet18_trained.onnx
  lossgen apply net.onnx net.checkpoint -o net_more.onnx --training`

// applyFlags are what apply is asked for.
type applyFlags struct {
	output   string
	training bool
}

func newApply(a *app) *cobra.Command {
	f := &applyFlags{}
	cmd := &cobra.Command{
		Use: "apply MODEL.onnx VALUES.safetensors -o TRAINED.onnx", Short: "write trained values back into their model", Long: applyLong, Example: applyExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("apply needs a model and the values for it: try `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.apply(f, args[0], args[1]) },
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write, - for standard output (default MODEL_trained.onnx)")
	cmd.Flags().BoolVar(&f.training, "training", false, "leave layers in training that are so in the model")
	return cmd
}

func (a *app) apply(f *applyFlags, path, valuesPath string) error {
	m, err := readModelWithData(path)
	if err != nil {
		return err
	}
	data, err := readFile(valuesPath)
	if err != nil {
		return err
	}
	values, _, err := safetensors.Unmarshal(data)
	if err != nil {
		return fmt.Errorf("%s: %w", valuesPath, err)
	}
	made, err := train.Apply(m, values, f.training)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", path, valuesPath, err)
	}
	return a.writeApplied(made, trainedName(f.output, path))
}

// trainedName is the file of a trained model.
func trainedName(output, path string) string {
	if output != "" {
		return output
	}
	return strings.TrimSuffix(path, ".onnx") + "_trained.onnx"
}

// writeApplied writes a model with other values, and says which it has.
func (a *app) writeApplied(made *train.Applied, output string) error {
	data, err := encodeForeign(made.Model)
	if err != nil {
		return err
	}
	if err := a.writeModel(made.Model, data, output); err != nil {
		return err
	}
	a.say("%d values are new, and %d of an optimizer are left out", len(made.Written), len(made.State))
	if len(made.Kept) > 0 {
		a.say("without a new value: %s", strings.Join(made.Kept, ", "))
	}
	if made.Layers > 0 {
		a.say("%d layers that were in training are not any more", made.Layers)
	}
	return nil
}
