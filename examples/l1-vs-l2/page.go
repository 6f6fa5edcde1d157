package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style template.CSS

// textFile holds what the pages of both versions say.
//
//go:embed texts.json
var textFile []byte

// texts is the content of that file.
type texts struct {
	Question string    `json:"question"`
	Answer   string    `json:"answer"`
	Note     string    `json:"note"`
	Pictures []caption `json:"pictures"`
}

type caption struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Caption string `json:"caption"`
}

// titles are the losses' names for readers.
var titles = map[string]string{
	"mse": "L2 (mse)", "l1": "L1 (l1)", "huber": "Huber (delta 1)", "quantile": "quantile (its median)",
}

var head = []string{"loss", "trained on", "MAE", "RMSE", "median error", "bias", "spread", "influence", "covered"}

// page is what the HTML page shows.
type page struct {
	Style    template.CSS
	Question string
	Answer   string
	Note     string
	Head     []string
	Rows     [][]string
	Pictures []shown
	Record   [][2]string
}

// shown is a picture inside the page.
type shown struct {
	caption
	PNG    []byte
	Source template.URL
}

func newPage(list []comparison, pictures [][]byte, engine string, epochs int) (page, error) {
	var text texts
	if err := json.Unmarshal(textFile, &text); err != nil {
		return page{}, err
	}
	p := page{Style: style, Question: text.Question, Answer: text.Answer + " " + influences(list), Note: text.Note, Head: head, Rows: table(list)}
	for i, c := range text.Pictures {
		source := "data:image/png;base64," + base64.StdEncoding.EncodeToString(pictures[i])
		p.Pictures = append(p.Pictures, shown{c, pictures[i], template.URL(source)})
	}
	p.Record = [][2]string{
		{"Versions", fmt.Sprintf("lossgen %s, %s, gonum/plot %s", losses.Version, goruntime.Version(), version("gonum.org/v1/plot"))},
		{"Runtime", fmt.Sprintf("%s on the CPU, %s/%s", engine, goruntime.GOOS, goruntime.GOARCH)},
		{"Data path", "examples/l1-vs-l2/data/diabetes.csv"},
		{"Training", fmt.Sprintf("10-%d-1 network with tanh (10-%d-3 for quantile), AdamW, rate %g, decay %d, %d epochs of all rows, float32", hidden, hidden, rate, decay, epochs)},
		{"Constraints", "None of size: the CPU suffices, in seconds. Engines and versions differ in the last digits of float32, which training may enlarge to the first decimal shown."},
	}
	return p, nil
}

// influences states what outliers do in this run.
func influences(list []comparison) string {
	var parts []string
	for _, r := range list {
		parts = append(parts, fmt.Sprintf("%s by %.1f", r.Name, r.OnOutliers.Influence))
	}
	return "Here the outliers move a prediction on average: " + strings.Join(parts, ", ") + "."
}

// table returns two rows for each loss.
func table(list []comparison) [][]string {
	var rows [][]string
	for _, r := range list {
		rows = append(rows, cells(r.Name, "clean", r.OnClean), cells(r.Name, "outliers", r.OnOutliers))
	}
	return rows
}

func cells(name, on string, f figures) []string {
	row := []string{name, on}
	for _, v := range []float64{f.MAE, f.RMSE, f.Median, f.Bias, f.Spread, f.Influence} {
		row = append(row, fmt.Sprintf("%.1f", v))
	}
	if on == "clean" {
		row[len(row)-1] = "" // compared with itself
	}
	covered := ""
	if !math.IsNaN(f.Covered) {
		covered = fmt.Sprintf("%.0f%%", 100*f.Covered)
	}
	return append(row, covered)
}

func printTable(w io.Writer, list []comparison) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, table(list)...) {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// version is that of a module in this program.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "of an unknown version"
}

// write writes the pictures and the page.
func write(folder string, p page) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := t.Execute(&html, p); err != nil {
		return err
	}
	for _, pic := range p.Pictures {
		if err := export.WriteFile(filepath.Join(folder, pic.Name), pic.PNG); err != nil {
			return err
		}
	}
	return export.WriteFile(filepath.Join(folder, "index.html"), html.Bytes())
}
