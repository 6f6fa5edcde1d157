package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/losses"
)

const gradLong = `grad writes a model of anybody's with, behind its own outputs, its gradients: grad_NAME
for each input or parameter that --wrt names, by default for the floating-point inputs.
In a pattern * stands for any characters. A parameter that is named becomes an input.

Of an output that is no single number the file has an input grad_output, the gradient
of something with respect to it. Sizes that are open in the model stay open.`

const gradExample = `  lossgen grad classifier.onnx
  lossgen grad classifier.onnx --of logits --wrt 'fc.*,input' -o grads.onnx
  lossgen grad ssim.onnx --grad-output`

// wrapped writes words in lines.
func wrapped(words []string) string {
	const width = 80
	text, line := "", " "
	for _, word := range words {
		if len(line)+len(word) > width {
			text, line = text+line+"\n", " "
		}
		line += " " + word
	}
	return text + line
}

// gradFlags are what grad is asked for.
type gradFlags struct {
	output     string
	of         string
	wrt        []string
	gradOutput bool
	opset      int64
}

func newGrad(a *app) *cobra.Command {
	f := &gradFlags{}
	cmd := &cobra.Command{
		Use: "grad MODEL.onnx", Short: "write any model with its gradients", Example: gradExample,
		Long: gradLong + "\n\nOperators that a gradient passes through:\n" + wrapped(graft.Operators()),
		Args: oneArg("the file of a model"),
		RunE: func(_ *cobra.Command, args []string) error { return a.grad(f, args[0]) },
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write, - for standard output (default MODEL_grad.onnx)")
	cmd.Flags().StringVar(&f.of, "of", "", "`output` to differentiate (default the only floating-point one)")
	cmd.Flags().StringSliceVar(&f.wrt, "wrt", nil, "`names` or patterns of inputs and parameters, with commas (default the floating-point inputs)")
	cmd.Flags().BoolVar(&f.gradOutput, "grad-output", false, "an input grad_output also where the output is a single number")
	cmd.Flags().Int64Var(&f.opset, "opset", 0, "`version` of the operators (default the model's)")
	return cmd
}

func (a *app) grad(f *gradFlags, path string) error {
	m, err := readModelWithData(path)
	if err != nil {
		return err
	}
	o := graft.GradOptions{Of: f.of, GradOutput: f.gradOutput, Opset: f.opset}
	if o.Wrt, err = chosen("--wrt", f.wrt, graft.Sources(m)); err != nil {
		return err
	}
	if _, err := chosen("--of", oneOrNone(f.of), names(m.Graph.Outputs)); err != nil {
		return err
	}
	if f.opset != 0 {
		if _, err := ir.VersionFor(f.opset); err != nil {
			return usagef("--opset: %v", err)
		}
	}
	made, err := graft.Grad(m, o)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	made.ProducerVersion = losses.Version
	output := f.output
	if output == "" {
		output = strings.TrimSuffix(path, ".onnx") + "_grad.onnx"
	}
	data, err := encodeForeign(made)
	if err != nil {
		return err
	}
	return a.writeModel(made, data, output)
}

// encodeForeign checks a model that is made of somebody's and returns its file.
func encodeForeign(m *ir.Model) ([]byte, error) {
	if err := export.CheckForeign(m); err != nil {
		return nil, fmt.Errorf("internal error, please report it: %w", err)
	}
	if err := fitsFile(m, maxFile); err != nil {
		return nil, err
	}
	return export.Marshal(m)
}

// writeModel writes the file of a model, or to standard output for "-".
func (a *app) writeModel(m *ir.Model, data []byte, output string) (err error) {
	where := "wrote " + output
	if output == "-" {
		where = "wrote to standard output"
		_, err = a.stdout.Write(data)
	} else {
		err = export.WriteFile(output, data)
	}
	if err != nil {
		return err
	}
	a.say("%s: %d bytes, %d nodes, opset %d", where, len(data), len(m.Graph.Nodes), m.Opset)
	a.tellPorts("input", m.Graph.Inputs)
	a.tellPorts("output", m.Graph.Outputs)
	return nil
}

// fitsFile reports a model whose constants alone are more than a file may have.
func fitsFile(m *ir.Model, most int64) error {
	total := int64(0)
	for _, c := range m.Graph.Initializers {
		total += int64(len(c.Tensor.Data))
	}
	if total < most {
		return nil
	}
	return fmt.Errorf("the parameters that stay in the file have %d bytes, and a file has less than %s: name more of them with --wrt, so that they are inputs", total, bytesText(most))
}

func names(ports []ir.Port) []string {
	var list []string
	for _, p := range ports {
		list = append(list, p.Name)
	}
	return list
}

func oneOrNone(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// chosen returns those of the known names that are given, in their own order. Each given
// one is a name, or a pattern in which * stands for any characters.
func chosen(flag string, given, known []string) ([]string, error) {
	taken := map[string]bool{}
	for _, pattern := range given {
		found := false
		for _, name := range known {
			if name == pattern || matches(pattern, name) {
				taken[name], found = true, true
			}
		}
		if !found {
			return nil, usagef("%s: the model has no %s%s", flag, strconv.Quote(pattern), nearest(pattern, known))
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !taken[name] }), nil
}

// nearest suggests names, or lists a few.
func nearest(name string, known []string) string {
	if near := losses.Closest(name, known); len(near) > 0 {
		return ": did you mean " + strings.Join(near, ", ") + "?"
	}
	const most = 8
	text := strings.Join(known[:min(len(known), most)], ", ")
	if len(known) > most {
		text += ", ..."
	}
	return ": it has " + text
}

// matches reports whether a name is of a pattern.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 || !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, last)
}
