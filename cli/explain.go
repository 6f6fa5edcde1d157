package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/explain"
)

const explainLong = `explain finds which loss gives a number, of this module's losses as many frameworks
have them: in which order, from logits or probabilities, divided by what, with which
factor, clip, smoothing and weights. It prints what agrees, the frameworks' calls that
have it, and the command that reproduces it. A gradient tells apart what a number does
not. Of a file, it draws arrays, runs it, and explains its loss and gradients. The exit code is 0 where all that was given is explained, and else 1.`

const explainExample = `  lossgen explain --input y_true=t.npy --input y_pred=p.npy --value 0.9214326
  lossgen explain huber --input y=t.npy --input x=p.npy --value 0.92 --gradient x=g.npy
  lossgen explain --framework keras --input labels=y.npy --input logits=x.npy --value 1.31 --json
  lossgen explain exported.onnx`

// explainOptions are what explain is asked for.
type explainOptions struct {
	inputs, gradients []string
	value, framework  string
	asJSON            bool
}

func newExplain(a *app) *cobra.Command {
	o := &explainOptions{}
	cmd := &cobra.Command{
		Use: "explain [FILE.onnx] [LOSS]", Short: "find which convention of a loss gives a number", Long: explainLong, Example: explainExample,
		Args: func(cmd *cobra.Command, args []string) error {
			most := 1
			if len(args) > 0 && isModelPath(args[0]) {
				most = 2
			}
			return noMore(cmd, args[min(most, len(args)):])
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), o, args) },
	}
	cmd.Flags().StringArrayVar(&o.inputs, "input", nil, "an array as `name=file.npy`, or name=file.npz:member; once for each")
	cmd.Flags().StringArrayVar(&o.gradients, "gradient", nil, "the gradient of an array, as `name=file.npy`; once for each")
	cmd.Flags().StringVar(&o.value, "value", "", "the `number`, with all its digits")
	cmd.Flags().StringVar(&o.framework, "framework", "", "look at the calls of one `framework` alone, such as keras")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) explain(ctx context.Context, o *explainOptions, args []string) error {
	if len(args) > 0 && isModelPath(args[0]) {
		if o.value != "" || len(o.inputs) > 0 || len(o.gradients) > 0 {
			return usagef("a file is run on arrays that are drawn: leave out --value, --input and --gradient")
		}
		r, err := a.explainFile(ctx, o, args[0], strings.Join(args[1:], ""))
		if err != nil {
			return err
		}
		return a.deliverResult(o, r)
	}
	q := explain.Question{Catalog: a.losses, Value: o.value, Framework: o.framework}
	if len(args) == 1 {
		q.Loss = args[0]
	}
	if o.value == "" {
		return usagef("--value is missing: give the number to explain")
	}
	var err error
	if q.Arrays, err = readNamed("input", o.inputs); err != nil {
		return err
	}
	if q.Gradients, err = readNamed("gradient", o.gradients); err != nil {
		return err
	}
	done := a.showProgress(&q)
	r, err := explain.Ask(ctx, q)
	done()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return usage(err)
	}
	return a.deliverResult(o, r)
}

// deliverResult prints a result; one that does not explain all is an error.
func (a *app) deliverResult(o *explainOptions, r *explain.Result) (err error) {
	if o.asJSON {
		err = a.printJSON(r)
	} else {
		a.printPlain(func(a *app) { a.tellResult(r) })
	}
	if err != nil {
		return err
	}
	switch r.Explained {
	case true:
		return nil
	case "value":
		return errors.New("the value is explained, and the gradient is not")
	case "gradient":
		return errors.New("the gradient is explained, and the value is not")
	}
	return errors.New("no convention explains the number")
}

// readNamed reads arrays that are given as name=file.npy.
func readNamed(flag string, texts []string) (list []explain.Array, err error) {
	seen := map[string]bool{}
	for _, text := range texts {
		name, path, ok := strings.Cut(text, "=")
		if !ok || path == "" || !isIdentifier(name) {
			return nil, usagef("--%s is %q, want name=file.npy with a name as Python has them", flag, text)
		}
		if seen[name] {
			return nil, usagef("--%s gives %s twice", flag, name)
		}
		seen[name] = true
		t, err := readArray(path)
		if err != nil {
			return nil, usagef("--%s %s: %v", flag, name, err)
		}
		list = append(list, explain.Array{Name: name, Tensor: t})
	}
	return list, nil
}

// isIdentifier reports whether a name may stand in the expressions that are printed.
func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 60
}

// showProgress shows how far a search is, on a terminal.
func (a *app) showProgress(q *explain.Question) (done func()) {
	bar := a.bar()
	q.Progress = func(n, total int) { bar.show("trying conventions", n, total) }
	return bar.clear
}

func (a *app) tellResult(r *explain.Result) {
	fmt.Fprintf(a.stdout, "%d conventions tried; ", r.Tried)
	switch r.Explained {
	case false:
		fmt.Fprint(a.stdout, "none agrees more closely than chance would\n")
	default:
		fmt.Fprintf(a.stdout, "the odds that one as plain agrees by chance are %s\n", odds(r.Chance))
	}
	if len(r.LeftOut) > 0 {
		fmt.Fprintf(a.stdout, "not tried on so many rows, unless named: %s\n", strings.Join(r.LeftOut, ", "))
	}
	for i, x := range r.Answers {
		fmt.Fprintf(a.stdout, "\n%d. %s\n   %s\n", i+1, x.Words, x.Command)
		for _, in := range x.Inputs {
			fmt.Fprintf(a.stdout, "     %s = %s\n", in.Name, in.Expression)
		}
		fmt.Fprintf(a.stdout, "   value %s%s\n", x.Value, errorText(x.ValueError))
		for _, g := range x.Gradients {
			fmt.Fprintf(a.stdout, "   gradient of %s: %s%s\n", g.Name, g.Expression, errorText(x.GradientError))
		}
		for _, name := range sortedKeys(x.DiffersAt) {
			fmt.Fprintf(a.stdout, "   but at %v of %s\n", x.DiffersAt[name], name)
		}
		if len(x.Calls) > 0 {
			fmt.Fprintf(a.stdout, "   as %s\n", strings.Join(x.Calls, ", "))
		}
	}
	if n := r.Nearest; n != nil {
		fmt.Fprintf(a.stdout, "\nnearest, and not equal: %g, off by %.2g\n  %s\n  %s\n", n.Value, n.Error, n.Words, n.Command)
	}
	if p := r.PyTorch; p != nil {
		value := "nothing finite"
		if p.Value != nil {
			value = fmt.Sprintf("%.9g", *p.Value)
		}
		fmt.Fprintf(a.stdout, "\nPyTorch's own %s gives %s: %s\n", p.Expression, value, p.Why)
	}
}

func odds(p float64) string {
	if p < 1e-9 {
		return "below one in a billion"
	}
	return fmt.Sprintf("one in %.0f", 1/p)
}

func errorText(e *float64) string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf(", off by %.2g", *e)
}
