package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/draw"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

const showLong = `show prints the graph of an ONNX file, or of a loss without writing a file. For a
loss, the flags of emit apply, its options included.`

const showExample = `  lossgen show focal.onnx
  lossgen show huber --delta 0.5 --grad none
  lossgen show mse --format dot | dot -Tsvg -o mse.svg
  lossgen show mse --format mermaid`

// showFormats are the forms of a graph.
var showFormats = []string{"text", "dot", "mermaid", "json"}

func newShow(a *app) *cobra.Command {
	var format string
	var request *requestFlags
	cmd := &cobra.Command{
		Use: "show FILE|LOSS", Short: "print the graph of a file or loss", Long: showLong, Example: showExample,
		Args: oneArg("a file or the name of a loss"),
		RunE: func(_ *cobra.Command, args []string) error { return a.show(request, args[0], format) },
	}
	request = addRequestFlags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "text", "`form` of the graph: "+strings.Join(showFormats, ", "))
	setLossHelp(cmd, a)
	return cmd
}

func (a *app) show(f *requestFlags, arg, format string) error {
	write := map[string]func(*ir.Model) error{
		"text":    func(m *ir.Model) error { return draw.Text(a.stdout, m) },
		"dot":     func(m *ir.Model) error { return draw.Dot(a.stdout, m) },
		"mermaid": func(m *ir.Model) error { return draw.Mermaid(a.stdout, m) },
		"json":    func(m *ir.Model) error { return a.printJSON(draw.Describe(m)) },
	}[format]
	if write == nil {
		return usagef("--format is %q, want one of %s", format, strings.Join(showFormats, ", "))
	}
	m, err := f.model(arg)
	if err != nil {
		return err
	}
	return write(m)
}

// model reads the file, or builds the loss, that arg names.
func (f *requestFlags) model(arg string) (*ir.Model, error) {
	if isFile(arg) {
		if name := f.firstSet(); name != "" {
			return nil, usagef("--%s is for a loss, and %s is a file", name, arg)
		}
		m, _, err := readModel(arg)
		return m, err
	}
	c, err := f.configuration()
	if err != nil {
		return nil, usage(err)
	}
	r, err := f.request(arg, c.request)
	if err != nil {
		return nil, usage(err)
	}
	m, err := build(r)
	if err != nil {
		return nil, err
	}
	return export.Unmarshal(m.data) // with the defaults that the file states
}

// firstSet returns a flag of the request that was given, or "".
func (f *requestFlags) firstSet() (name string) {
	f.flags.Visit(func(flag *pflag.Flag) {
		if flag.Name != "format" && name == "" {
			name = flag.Name
		}
	})
	return name
}

// isFile tells files from names of losses.
func isFile(arg string) bool {
	if isModelPath(arg) || strings.ContainsRune(arg, os.PathSeparator) {
		return true
	}
	if _, _, ok := losses.Find(arg); ok {
		return false
	}
	_, err := os.Stat(arg)
	return err == nil
}

// readModel reads an ONNX file.
func readModel(path string) (*ir.Model, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	m, err := export.Unmarshal(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, data, nil
}
