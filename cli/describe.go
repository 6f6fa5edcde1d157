package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

func newDescribe(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "describe LOSS", Short: "say what a loss computes, its options, inputs and traps", Args: oneArg("the name of a loss"),
		Example: "  lossgen describe huber\n  lossgen describe CrossEntropyLoss\n  lossgen describe focal --json",
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := a.findLoss(args[0])
			if err != nil {
				return err
			}
			d, err := losses.Describe(l)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(struct {
					losses.Description
					Like []string `json:"like"` // calls of other frameworks
				}{d, signatures(d.Name)})
			}
			a.printPlain(func(a *app) { a.describe(l, d) })
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// signatures are the calls of other frameworks that are a loss.
func signatures(loss string) []string {
	list := []string{}
	for _, c := range conventions.ForLoss(loss) {
		list = append(list, c.Signature())
	}
	return list
}

func (a *app) describe(l losses.Loss, d losses.Description) {
	fmt.Fprintf(a.stdout, "%s: %s\n", d.Name, d.Title)
	if len(d.Aliases) > 0 {
		fmt.Fprintf(a.stdout, "also called %s\n", strings.Join(d.Aliases, ", "))
	}
	fmt.Fprintf(a.stdout, "\nformula\n  %s\n\npytorch, with the defaults\n  %s\n", d.Formula, d.Torch)
	if d.Witness != "" {
		fmt.Fprintf(a.stdout, "\ncompared with\n  %s\n", d.Witness)
	}
	fmt.Fprintf(a.stdout, "\noptions\n%s", optionTable(l))
	a.describeInputs(d)
	a.describeWrappers(l, d)
	a.section("outputs", len(d.Outputs), func(i int) string { return fmt.Sprintf("%s [%s]", d.Outputs[i].Name, d.Outputs[i].Shape) })
	if d.LabelPolicy != "" {
		fmt.Fprintf(a.stdout, "\nlabels\n  %s\n", d.LabelPolicy)
	}
	a.section("mind", len(d.Traps), func(i int) string { return d.Traps[i] })
	a.section("in other engines", len(d.Exceptions), func(i int) string { return d.Exceptions[i] })
	a.section("for one consumer, by --for", len(d.For), func(i int) string { return d.For[i].Name + ": " + d.For[i].Text() })
	same := signatures(d.Name)
	a.section("elsewhere, for --like", len(same), func(i int) string { return same[i] })
	if d.NaNRows {
		fmt.Fprintf(a.stdout, "\nnan\n  Where an input is NaN, the gradient of its element or row may be NaN where\n  PyTorch gives a number.\n")
	}
}

func (a *app) describeInputs(d losses.Description) {
	var rows [][]string
	for _, in := range d.Inputs {
		notes := []string{in.Doc + " (" + string(in.Domain) + ")"}
		if in.Optional {
			notes = append(notes, "added by --with "+in.Name)
		}
		switch {
		case in.DefaultGrad:
			notes = append(notes, "has a gradient")
		case in.Differentiable:
			notes = append(notes, "gradient on demand")
		}
		rows = append(rows, []string{in.Name, "[" + in.Shape + "]", strings.Join(notes, "; ")})
	}
	fmt.Fprintf(a.stdout, "\ninputs\n%s", table(rows))
	a.section("shapes, * for any further axes", len(d.Shapes), func(i int) string {
		var parts []string
		for _, in := range d.Inputs {
			parts = append(parts, fmt.Sprintf("%s [%s]", in.Name, d.Shapes[i][in.Name]))
		}
		return strings.Join(parts, "  ")
	})
	a.section("inputs that options bring or change", len(d.OptionInputs), func(i int) string {
		in := d.OptionInputs[i]
		return fmt.Sprintf("--%s %s: %s [%s] %s (%s)", in.Option, losses.Text(in.Value), in.Name, in.Shape, in.Doc, in.Domain)
	})
	if len(d.Broadcast) > 0 {
		fmt.Fprintf(a.stdout, "  or a shape of its own that broadcasts with that of %s: %s\n", d.Inputs[0].Name, strings.Join(d.Broadcast, ", "))
	}
}

// describeWrappers says what can be put around the loss.
func (a *app) describeWrappers(l losses.Loss, d losses.Description) {
	rows := optionRows(losses.WrapperOptions(l))
	for _, in := range d.WrapperInputs {
		rows = append(rows, []string{"--with " + in.Name, in.Doc, "[" + in.Shape + "]"})
	}
	if len(d.WrapperInputs) > 0 {
		rows = append(rows, []string{"--normalizer", "an output normalizer: what mean would divide by, beside a sum", "[]"})
	}
	if d.NoSecond == "" {
		rows = append(rows, []string{"--hvp", "inputs vector_NAME and outputs hvp_NAME: the Hessian times the vectors", ""})
	} else {
		rows = append(rows, []string{"--hvp", "no: " + d.NoSecond, ""})
	}
	rows = append(rows, []string{"--loss-dtype", "type of the loss and grad_output: float32 beside 16-bit inputs", "default --dtype"})
	fmt.Fprintf(a.stdout, "\naround it\n%s", table(rows))
}

func (a *app) section(title string, n int, line func(i int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "\n%s\n", title)
	for i := range n {
		fmt.Fprintf(a.stdout, "  %s\n", line(i))
	}
}

// optionTable describes the options of a loss as flags, one a line.
func optionTable(l losses.Loss) string { return table(optionRows(l.Options())) }

func optionRows(options []losses.Option) [][]string {
	var rows [][]string
	for _, o := range options {
		name := o.Name
		if o.Kind == "tasks" {
			name = "task" // once for each
		}
		rows = append(rows, []string{"--" + name, o.Doc, o.Want() + ", default " + losses.Text(o.Default)})
	}
	return rows
}

// table aligns columns, indented by two.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var s strings.Builder
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			line += fmt.Sprintf(" %-*s ", widths[i], cell)
		}
		s.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return s.String()
}
