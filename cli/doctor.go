package cli

import (
	"fmt"
	goruntime "runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/verify"
)

// diagnosis is what doctor finds.
type diagnosis struct {
	Lossgen string            `json:"lossgen"`
	Go      string            `json:"go"`
	System  string            `json:"system"`
	Cgo     bool              `json:"cgo"`
	Engines []engineDiagnosis `json:"engines"`
	Goldens goldenDiagnosis   `json:"goldens"`
}

type engineDiagnosis struct {
	Name      string              `json:"name"`
	Works     bool                `json:"works"`
	Version   string              `json:"version,omitempty"`
	Library   string              `json:"library,omitempty"`
	Reason    string              `json:"reason,omitempty"`  // why it does not work
	Install   string              `json:"install,omitempty"` // the command that would change that
	Tried     []attempt           `json:"tried,omitempty"`
	Providers []providerDiagnosis `json:"providers,omitempty"`
}

type attempt struct {
	Where   string `json:"where"`
	Path    string `json:"path,omitempty"`
	Outcome string `json:"outcome"`
}

type providerDiagnosis struct {
	Name    string `json:"name"`
	Works   bool   `json:"works"`
	Reason  string `json:"reason,omitempty"`
	Install string `json:"install,omitempty"`
}

type goldenDiagnosis struct {
	Embedded bool   `json:"embedded"`
	Losses   int    `json:"losses"`
	Reason   string `json:"reason,omitempty"`
}

func newDoctor(a *app) *cobra.Command {
	var asJSON bool
	var library string
	cmd := &cobra.Command{
		Use: "doctor", Short: "say which engines work here, and how to get the others", Args: noArgs,
		Long:    "doctor tries the engines and providers that run models, and says what was looked\nfor where, and which command installs what is missing.",
		Example: "  lossgen doctor\n  lossgen doctor --ort-library /opt/onnxruntime/lib",
		RunE: func(*cobra.Command, []string) error {
			d := diagnose(ort.Backend{Library: library})
			if asJSON {
				return a.printJSON(d)
			}
			a.tellDiagnosis(d)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&library, "ort-library", "", "`path` of the ONNX Runtime library")
	return cmd
}

func diagnose(b ort.Backend) diagnosis {
	d := diagnosis{
		Lossgen: losses.Version, Go: goruntime.Version(), System: goruntime.GOOS + "/" + goruntime.GOARCH, Cgo: ort.Providers() != nil,
		Engines: []engineDiagnosis{{Name: "reference", Works: true}, diagnoseORT(b)},
	}
	goldens, err := verify.EmbeddedGoldens(nil)
	if err == nil {
		var list []string
		list, err = goldens.Losses()
		d.Goldens.Losses = len(list)
	}
	if err != nil {
		d.Goldens.Reason = err.Error()
	}
	d.Goldens.Embedded = d.Goldens.Losses > 0
	return d
}

func diagnoseORT(b ort.Backend) engineDiagnosis {
	info, err := b.Load()
	e := engineDiagnosis{Name: "ort", Works: err == nil, Version: info.Version, Library: info.Path}
	for _, t := range info.Tried {
		e.Tried = append(e.Tried, attempt{t.Where, t.Path, t.Outcome})
	}
	if err != nil {
		e.Reason, _, _ = strings.Cut(oneLine(err.Error()), "; install it") // said below
		if e.Install = inVenv(ort.InstallCommand); ort.Providers() == nil {
			e.Install = "CGO_ENABLED=1 go install github.com/lossgen/lossgen/cmd/lossgen@latest"
		}
		return e
	}
	for _, p := range ort.Providers() {
		row := providerDiagnosis{Name: p.Name, Works: true}
		if err := b.Check(p.Name); err != nil {
			row.Works, row.Reason, row.Install = false, oneLine(err.Error()), inVenv(p.Install)
			row.Reason = strings.TrimPrefix(row.Reason, "provider "+p.Name+" is unavailable: ")
		}
		e.Providers = append(e.Providers, row)
	}
	return e
}

// inVenv installs into a .venv and makes it the active one, since that of a folder
// which is no project's is not looked at otherwise: many systems refuse pip
// outside of one.
func inVenv(install string) string {
	return strings.Replace(install, "python3 -m pip", "python3 -m venv .venv && . .venv/bin/activate && pip", 1)
}

func (a *app) tellDiagnosis(d diagnosis) {
	w := a.stdout
	cgo := "with cgo"
	if !d.Cgo {
		cgo = "without cgo"
	}
	fmt.Fprintf(w, "lossgen %s, %s, %s, %s\n\nengines\n", d.Lossgen, d.Go, d.System, cgo)
	for _, e := range d.Engines {
		fmt.Fprintf(w, "  %-10s %s\n", e.Name, verdict(e.Works, e.Reason))
		if e.Library != "" {
			fmt.Fprintf(w, "  %-10s ONNX Runtime %s, %s\n", "", ir.Plain(e.Version), ir.Plain(e.Library))
		}
		tellInstall(a, e.Install)
		for _, p := range e.Providers {
			fmt.Fprintf(w, "  %-10s provider %-5s %s\n", "", p.Name, verdict(p.Works, p.Reason))
			tellInstall(a, p.Install)
		}
	}
	for _, e := range d.Engines {
		if len(e.Tried) > 0 {
			fmt.Fprintf(w, "\nwhere the library of %s was looked for\n", e.Name)
		}
		var rows [][]string
		for _, t := range e.Tried {
			rows = append(rows, []string{t.Where, ir.Plain(t.Outcome), ir.Plain(t.Path)})
		}
		fmt.Fprint(w, table(rows))
	}
	switch g := d.Goldens; {
	case g.Embedded:
		fmt.Fprintf(w, "\ngolden cases of %d losses are in this program\n", g.Losses)
	case g.Reason != "":
		fmt.Fprintf(w, "\ngolden cases: %s\n", ir.Plain(g.Reason))
	default:
		fmt.Fprintf(w, "\nno golden cases are in this program: give verify a folder with --golden\n")
	}
}

func tellInstall(a *app, command string) {
	if command != "" {
		fmt.Fprintf(a.stdout, "  %-10s install it with: %s\n", "", command)
	}
}

func verdict(works bool, reason string) string {
	if works {
		return "works"
	}
	return "does not work: " + ir.Plain(reason)
}
