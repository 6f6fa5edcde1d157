package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/adapters"
	"github.com/lossgen/lossgen/losses"
)

// This file tells shells what may come next on a command line.

// completing reports whether a shell asks.
func (a *app) completing() bool {
	return len(a.args) > 0 && (a.args[0] == cobra.ShellCompRequestCmd || a.args[0] == cobra.ShellCompNoDescRequestCmd)
}

// namesLoss are the commands whose arguments are losses; those of others are files.
var namesLoss = []string{"emit", "show", "describe", "verify", "golden", "explain"}

// complete gives the commands and their flags what a shell may offer. The options of a
// loss are offered once the line names it.
func (a *app) complete(root *cobra.Command) {
	loss := a.lossOf(a.args[1:max(1, len(a.args)-1)]) // the last word is not finished
	for _, cmd := range root.Commands() {
		cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if slices.Contains(namesLoss, cmd.Name()) && !strings.ContainsAny(word, `./\`) && (len(args) == 0 || cmd.Name() == "verify") {
				return a.lossNames(word), cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"onnx"}, cobra.ShellCompDirectiveFilterFileExt
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if values := a.valuesOf(f, loss); values != nil {
				cmd.RegisterFlagCompletionFunc(f.Name, func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
					return begun(values, word), cobra.ShellCompDirectiveNoFileComp
				})
			}
		})
	}
}

// begun are the values that continue a word, or the last of a list with commas.
func begun(values []string, word string) (list []string) {
	before := word[:strings.LastIndexByte(word, ',')+1]
	for _, v := range values {
		if strings.HasPrefix(before+v, word) {
			list = append(list, before+v)
		}
	}
	return list
}

// lossOf is the loss that words name, nil for none.
func (a *app) lossOf(words []string) losses.Loss {
	for _, word := range words {
		name := strings.TrimPrefix(word, "--loss=")
		if l, _, ok := a.losses.Find(lossName(name)); ok {
			return l
		}
	}
	return nil
}

// lossNames are the losses that a word begins, with their titles.
func (a *app) lossNames(word string) (names []string) {
	for _, l := range a.losses {
		if s := l.Declaration(); strings.HasPrefix(s.Name, strings.ReplaceAll(strings.ToLower(word), "-", "_")) {
			names = append(names, s.Name+"\t"+s.Title)
		}
	}
	return names
}

// valuesOf are those that a flag takes, nil for any. It makes the options of the loss
// visible.
func (a *app) valuesOf(f *pflag.Flag, loss losses.Loss) []string {
	switch f.Name {
	case "loss":
		return a.lossNames("")
	case "dtype":
		return []string{"float32", "float64", "float16", "bfloat16"}
	case "loss-dtype":
		return []string{"float32"}
	case "index-dtype":
		return []string{"int64", "int32"}
	case "format":
		return showFormats
	case "adapter":
		return adapters.Names()
	case "for":
		var names []string
		for _, t := range losses.Targets() {
			names = append(names, string(t))
		}
		return names
	}
	if loss == nil {
		return nil
	}
	for _, o := range append(loss.Options(), losses.WrapperOptions(loss)...) {
		if flagName(o.Name) == f.Name {
			f.Hidden = false
			if o.Kind == "bool" {
				return []string{"true", "false"}
			}
			return o.Choices
		}
	}
	return inputNames(f.Name, a.losses, loss)
}

// inputNames are the inputs that --with and --grad take.
func inputNames(flag string, catalog losses.Catalog, loss losses.Loss) (names []string) {
	plan, err := losses.Request{Catalog: catalog, Loss: loss.Declaration().Name}.Resolve()
	if err != nil {
		return nil
	}
	for _, in := range plan.Inputs() {
		if flag == "with" && in.Optional || flag == "grad" && in.Grad != losses.No {
			names = append(names, in.Name)
		}
	}
	return names
}
