package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/cost"
	"github.com/lossgen/lossgen/draw"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

const showLong = `show prints the graph of an ONNX file, or of a loss without writing a file. For a
loss, the flags of emit apply, its options included.

--cost prints instead what a run costs: per node the sizes of its results, the
full-size passes, the bytes read and written and an estimated time, and in total
the peak of memory too. --size gives letters their sizes; those without one are
N=4096, C=1000, D=1000, I=256, T=200, S=30, and 64 for any other letter.
--bandwidth is that of memory.`

const showExample = `  lossgen show focal.onnx
  lossgen show huber --delta 0.5 --grad none
  lossgen show mse --format dot | dot -Tsvg -o mse.svg
  lossgen show mse --format mermaid
  lossgen show cross_entropy --cost --size N=2048,C=32000`

// showFormats are the forms of a graph.
var showFormats = []string{"text", "dot", "mermaid", "json"}

func newShow(a *app) *cobra.Command {
	var format string
	var c costFlags
	var request *requestFlags
	cmd := &cobra.Command{
		Use: "show FILE|LOSS", Short: "print the graph of a file or loss", Long: showLong, Example: showExample,
		Args: oneArg("a file or the name of a loss"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.wanted {
				return a.cost(request, args[0], c, cmd.Flags().Changed("format"))
			}
			if name := c.firstSet(cmd.Flags()); name != "" {
				return usagef("--%s needs --cost", name)
			}
			return a.show(request, args[0], format)
		},
	}
	request = addRequestFlags(cmd.Flags(), a)
	cmd.Flags().StringVar(&format, "format", "text", "`form` of the graph: "+strings.Join(showFormats, ", "))
	cmd.Flags().BoolVar(&c.wanted, "cost", false, "print what a run costs: passes, bytes, time and memory")
	cmd.Flags().StringVar(&c.sizes, "size", "", "`sizes` of letters for --cost, as in N=4096,C=1000")
	cmd.Flags().StringVar(&c.bandwidth, "bandwidth", "", "`speed` of memory for --cost, as in 40GB/s (default as measured with the kernels)")
	cmd.Flags().BoolVar(&c.json, "json", false, "print the costs as JSON")
	request.addOptions(a, cmd)
	setLossHelp(cmd, a)
	return cmd
}

// showFlags are the flags that say nothing of a loss.
var showFlags = []string{"format", "cost", "size", "bandwidth", "json"}

// costFlags are the flags of --cost.
type costFlags struct {
	wanted, json     bool
	sizes, bandwidth string
}

// firstSet returns a flag that was given beside --cost, or "".
func (c costFlags) firstSet(flags *pflag.FlagSet) string {
	for _, name := range showFlags[2:] {
		if flags.Changed(name) {
			return name
		}
	}
	return ""
}

// cost prints what a run of a file or loss costs.
func (a *app) cost(f *requestFlags, arg string, c costFlags, format bool) (err error) {
	if format {
		return usagef("--format is of the graph, and --cost prints none: use --json")
	}
	var o cost.Options
	if c.sizes != "" {
		if o.Sizes, err = cost.ParseSizes(c.sizes); err != nil {
			return usage(err)
		}
	}
	if c.bandwidth != "" {
		if o.Bandwidth, err = cost.ParseBandwidth(c.bandwidth); err != nil {
			return usage(err)
		}
	}
	m, err := f.model(arg)
	if err != nil {
		return err
	}
	report, err := cost.Estimate(m.Plain(), o)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", arg, err)
	case c.json:
		return a.printJSON(report)
	}
	return report.Print(a.stdout)
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
	if isFile(f.losses, arg) {
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
		if !slices.Contains(showFlags, flag.Name) && name == "" {
			name = flag.Name
		}
	})
	return name
}

// isFile tells files from names of losses.
func isFile(all losses.Catalog, arg string) bool {
	if isModelPath(arg) || strings.ContainsRune(arg, os.PathSeparator) {
		return true
	}
	if _, _, ok := all.Find(arg); ok {
		return false
	}
	_, err := os.Stat(arg)
	return err == nil
}
