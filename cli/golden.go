package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

const goldenLong = `golden writes the golden cases of a loss, what PyTorch computed, as ONNX backend
tests, so that any engine's own harness can run them: a folder for each case, with
model.onnx, test_data_set_0 and the tolerances in data.json.`

const goldenExample = `  lossgen golden huber -o huber-tests
  lossgen golden cross_entropy -o tests --dtype float16 --opset 21`

// goldenOptions are what golden is asked for.
type goldenOptions struct {
	dir    string
	dtype  string
	opset  int64
	target string
	golden string
}

func newGolden(a *app) *cobra.Command {
	o := &goldenOptions{}
	cmd := &cobra.Command{
		Use: "golden LOSS", Short: "write PyTorch's results as tests for any ONNX engine", Long: goldenLong, Example: goldenExample,
		Args: oneArg("a loss"),
		RunE: func(_ *cobra.Command, args []string) error { return a.golden(o, args[0]) },
	}
	cmd.Flags().StringVarP(&o.dir, "output", "o", "", "`folder` for the cases (default LOSS)")
	cmd.Flags().StringVar(&o.dtype, "dtype", "float32", "type of floating inputs and outputs: float32, float64, float16 or bfloat16")
	cmd.Flags().Int64Var(&o.opset, "opset", ir.DefaultOpset, "version of the ONNX operators, 13 to 28")
	cmd.Flags().StringVar(&o.target, "for", "", "write the files for one `consumer`: accelerator, onnx2torch or tract (default all others)")
	cmd.Flags().StringVar(&o.golden, "golden", "", "`folder` of golden cases (default those in this program)")
	return cmd
}

func (a *app) golden(o *goldenOptions, name string) error {
	loss, err := a.findLoss(name)
	if err != nil {
		return err
	}
	dtype, err := tensor.ParseDType(o.dtype)
	if err != nil || !dtype.IsFloat() {
		return usagef("--dtype is %q, want float32, float64, float16 or bfloat16", o.dtype)
	}
	if _, err := ir.VersionFor(o.opset); err != nil {
		return usage(err)
	}
	goldens, err := a.openGoldens(o.golden)
	if err != nil {
		return err
	}
	dir := o.dir
	if dir == "" {
		dir = loss.Declaration().Name
	}
	written, left, err := goldens.BackendTests(loss, dtype, o.opset, losses.Target(o.target), func(name string, files map[string][]byte) error {
		return writeTree(filepath.Join(dir, name), files)
	})
	if err != nil {
		return err
	}
	note := ""
	if left > 0 {
		note = fmt.Sprintf("; %d are left out: %v cannot hold their inputs, NaN may spread in them, or they cannot be written so", left, dtype)
	}
	a.say("wrote %d cases of %s to %s%s", written, loss.Declaration().Name, dir, note)
	return nil
}

// openGoldens opens a folder of golden cases; without one, those in the program.
func (a *app) openGoldens(dir string) (*verify.Goldens, error) {
	if dir == "" {
		return verify.EmbeddedGoldens(a.losses)
	}
	return verify.OpenGoldens(a.losses, dir)
}

// writeTree writes files by their path below a folder.
func writeTree(dir string, files map[string][]byte) error {
	for _, name := range sortedKeys(files) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return fmt.Errorf("cannot make the folder %s: %w", filepath.Dir(path), bare(err))
		}
		if err := export.WriteFile(path, files[name]); err != nil {
			return err
		}
	}
	return nil
}
