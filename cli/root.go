package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/losses"
)

// app holds what all commands share. Data goes to stdout, everything else to
// stderr.
type app struct {
	losses losses.Catalog
	stdin  io.Reader
	stdout *bufio.Writer
	stderr io.Writer
	args   []string // nil for any
}

// say writes a line for the reader to standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, "lossgen: %s\n", clipped(ir.Plain(oneLine(fmt.Sprintf(format, args...)))))
}

// printPlain prints what write prints with everything escaped that does not print:
// texts of losses that are declared elsewhere.
func (a *app) printPlain(write func(a *app)) {
	var text bytes.Buffer
	inner := *a
	inner.stdout = bufio.NewWriter(&text)
	write(&inner)
	inner.stdout.Flush()
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(a.stdout, ir.Plain(strings.TrimSuffix(line, "\n")))
	}
}

// maxLine bounds a line for the reader: names from a file may have any length.
const maxLine = 2000

func clipped(line string) string {
	if len(line) <= maxLine {
		return line
	}
	return strings.ToValidUTF8(line[:maxLine], "") + "..."
}

// sayWrapped says a long line in several, of which the further ones begin with two
// more spaces.
func (a *app) sayWrapped(text string) {
	const width = 100
	line := ""
	for _, word := range strings.SplitAfter(text, " ") {
		if len(line)+len(word) > width && strings.TrimSpace(line) != "" {
			a.say("%s", line)
			line = "  "
		}
		line += word
	}
	a.say("%s", line)
}

// usageError is a wrong command line, which exits 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// usage marks an error as one of the command line.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// report prints an error as one line and returns the exit code.
func (a *app) report(err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		a.say("interrupted")
		return 1
	case errors.Is(err, losses.ErrUnknownLoss):
		a.say("%v: `lossgen list` shows all", err)
		return 2
	case errors.As(err, &wrong):
		a.say("%v", err)
		return 2
	default:
		a.say("%v", err)
		return 1
	}
}

// oneLine joins lines: an engine's messages may have several.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		if i > 0 {
			line = strings.TrimSpace(line)
		}
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.Join(lines, "; ")
}

const rootLong = `lossgen writes a loss function together with its gradient as one small .onnx
file of standard operators. The file computes what PyTorch computes, and any
program with an ONNX engine can train with it.`

const rootExample = `  lossgen list                           which losses there are
  lossgen emit cross_entropy             write cross_entropy.onnx
  lossgen describe huber                 what it computes, its options and traps
  lossgen emit huber.onnx --delta 0.5    an option of the loss is a flag
  lossgen show huber.onnx                the graph in the file`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "lossgen", Short: "loss functions with their gradients as ONNX files", Long: rootLong, Example: rootExample,
		Version: losses.Version, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.Args = func(cmd *cobra.Command, args []string) error { return a.unknownCommand(root, args) }
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("lossgen {{.Version}}\n")
	root.SetGlobalNormalizationFunc(func(fs *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(flagName(name))
	})
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp(a, root))
	root.AddCommand(newEmit(a), newExplain(a), newGrad(a), newAttach(a), newApply(a), newFit(a), newList(a), newDescribe(a), newShow(a), newRun(a), newVerify(a), newGolden(a), newDoctor(a), newCases(a), newVersion(a))
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.Short = "print a script that completes command lines in a shell"
	}
	if a.completing() {
		a.complete(root)
	}
	return root
}

func newHelp(a *app, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "help for a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return usage(err)
			}
			if cmd == root {
				if err := a.unknownCommand(root, rest); err != nil {
					return err
				}
			}
			cmd.InitDefaultHelpFlag()
			if err := cmd.Flags().Parse(rest); err != nil {
				return flagError(cmd, err)
			}
			return cmd.Help()
		},
	}
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "lossgen %s\n", losses.Version)
			return err
		},
	}
}

// unknownCommand refuses a first word that is no command.
func (a *app) unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, _, ok := a.losses.Find(lossName(args[0])); ok {
		return usagef("unknown command %q: did you mean `lossgen emit %s`?", args[0], args[0])
	}
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	near := losses.Closest(args[0], names)
	if len(near) == 0 {
		return usagef("unknown command %q: `lossgen help` shows all", args[0])
	}
	return usagef("unknown command %q: did you mean %s?", args[0], strings.Join(near, ", "))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, but got %q", cmd.Name(), args[0])
	}
	return nil
}

// oneArg wants exactly one argument, called what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s needs %s: try `%s --help`", cmd.Name(), what, cmd.CommandPath())
		}
		return noMore(cmd, args[1:])
	}
}

// noMore refuses further arguments; a value after a boolean flag is one, too.
func noMore(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if args[0] == "true" || args[0] == "false" {
		return usagef("unexpected argument %q: write the value of a flag as --flag=%s", args[0], args[0])
	}
	return usagef("unexpected argument %q: %s takes one", args[0], cmd.Name())
}

// flagError rewrites the flag package's errors as usage errors.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		return usagef("flag --%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return usagef("--%s is %q, want %s", f.Name, invalid.GetValue(), wanted(f.Value.Type()))
	}
	return usage(err)
}

func wanted(flagType string) string {
	switch flagType {
	case "bool":
		return "true or false"
	case "int", "int64":
		return "a whole number"
	default:
		return "a " + flagType
	}
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	name := err.GetSpecifiedName()
	if short := err.GetSpecifiedShortnames(); short != "" {
		return usagef("unknown flag -%s: `%s --help` shows all", short, cmd.CommandPath())
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	near := losses.Closest(name, known)
	if len(near) == 0 {
		return usagef("unknown flag --%s: `%s --help` shows all", name, cmd.CommandPath())
	}
	return usagef("unknown flag --%s: did you mean --%s?", name, strings.Join(near, ", --"))
}
