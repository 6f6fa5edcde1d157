package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/losses"
)

func newList(a *app) *cobra.Command {
	var asJSON bool
	var like string
	cmd := &cobra.Command{
		Use: "list", Short: "list all losses", Args: noArgs,
		Long: "list prints every loss with a title, by family. `lossgen describe LOSS` says more\n" +
			"about one. With --like it prints the calls of another framework that\n" +
			"`lossgen emit --like` takes, with the loss that each is.",
		Example: "  lossgen list\n  lossgen list --json\n  lossgen list --like keras",
		RunE: func(*cobra.Command, []string) error {
			if like != "" {
				return a.listLike(like, asJSON)
			}
			if asJSON {
				return a.listJSON()
			}
			a.printPlain((*app).list)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&like, "like", "", "list the calls of a `framework`, such as keras, that emit knows")
	return cmd
}

func (a *app) list() {
	var families []string
	width := 0
	for _, l := range a.losses {
		s := l.Declaration()
		if !slices.Contains(families, s.Family) {
			families = append(families, s.Family)
		}
		width = max(width, len(s.Name))
	}
	for _, family := range families {
		fmt.Fprintln(a.stdout, family)
		for _, l := range a.losses {
			if s := l.Declaration(); s.Family == family {
				fmt.Fprintf(a.stdout, "  %-*s  %s\n", width, s.Name, s.Title)
			}
		}
	}
}

func (a *app) listJSON() error {
	type entry struct {
		Name    string   `json:"name"`
		Class   string   `json:"class"`
		Aliases []string `json:"aliases"`
		Family  string   `json:"family"`
		Title   string   `json:"title"`
	}
	var all []entry
	for _, l := range a.losses {
		s := l.Declaration()
		all = append(all, entry{s.Name, s.Class, losses.OtherNames(s), s.Family, s.Title})
	}
	return a.printJSON(all)
}

// printJSON writes a value as indented JSON.
func (a *app) printJSON(value any) error {
	data, err := encodeJSON(value)
	if err == nil {
		_, err = a.stdout.Write(data)
	}
	return err
}

// encodeJSON returns a value as indented JSON. Formulas keep their < and >; what
// does not print is escaped, since names may come from a file of anybody's.
func encodeJSON(value any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	var plain []byte
	for _, r := range out.String() {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			plain = utf8.AppendRune(plain, r)
		default: // it stands in a string, since the rest of JSON prints
			for _, unit := range utf16.Encode([]rune{r}) {
				plain = fmt.Appendf(plain, `\u%04x`, unit)
			}
		}
	}
	return plain, nil
}

func newCases(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cases [LOSS]...", Short: "print the golden cases (for development)", Hidden: true,
		Long:    "cases prints the requests and inputs for which PyTorch computes golden outputs, of\nthe named losses or of all, as JSON.",
		Example: "  lossgen cases huber --json",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.cases(args)
		},
	}
	cmd.Flags().Bool("json", true, "print JSON, the only form there is")
	return cmd
}

func (a *app) cases(names []string) error {
	chosen := a.losses
	if len(names) > 0 {
		chosen = nil
	}
	for _, name := range names {
		l, err := a.findLoss(name)
		if err != nil {
			return err
		}
		chosen = append(chosen, l)
	}
	all := []losses.GoldenCase{}
	for _, l := range chosen {
		list, err := a.losses.Cases(l)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	return a.printJSON(all)
}

// findLoss finds a loss by any of its names.
func (a *app) findLoss(name string) (losses.Loss, error) {
	l, err := a.losses.Named(name)
	return l, usage(err)
}
