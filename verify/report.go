package verify

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/lossgen/lossgen/builder/ir"
)

// Report is what was checked and what came out.
type Report struct {
	Subject string  `json:"subject"` // the loss; callers may put a file's name here
	Loss    string  `json:"loss,omitempty"`
	Checks  []Check `json:"checks"`
}

// Check is one row of a report: one kind of check on one engine.
type Check struct {
	Name   string `json:"check"`            // "golden", "bytes", "engines", "differences", ...
	Engine string `json:"engine,omitempty"` // "" where none was needed
	DType  string `json:"dtype,omitempty"`
	Pass   bool   `json:"pass"`
	// Cases were run, Failed of them did not pass. Skipped counts what could not
	// be checked: Notes say why.
	Cases    int           `json:"cases"`
	Failed   int           `json:"failed"`
	Skipped  int           `json:"skipped"`
	Outputs  []OutputError `json:"outputs,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	Failures []string      `json:"failures,omitempty"` // the first few, a line each
}

// OutputError is the largest error of one output over the cases of a check.
// Relative errors and errors in units of the last place are those of numbers for
// which the relative tolerance counts: of numbers next to 0 they say nothing.
type OutputError struct {
	Output   string  `json:"output"`
	Elements int     `json:"elements"`
	Wrong    int     `json:"wrong"` // elements outside the tolerance
	MaxAbs   float64 `json:"max_abs"`
	MaxRel   float64 `json:"max_rel"`
	MaxULP   float64 `json:"max_ulp"`
	// Place is where the error is largest, measured by the tolerance:
	// "case[1,2]", "" where there is no error at all.
	Place string `json:"place"`
	score float64
}

// maxFailures bounds the failures that a check describes.
const maxFailures = 5

// Passed reports whether every check passed.
func (r *Report) Passed() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.Pass })
}

// fail counts a failed case and describes it.
func (c *Check) fail(format string, a ...any) {
	c.Failed++
	if len(c.Failures) < maxFailures {
		c.Failures = append(c.Failures, fmt.Sprintf(format, a...))
	}
}

// note adds a remark once.
func (c *Check) note(format string, a ...any) {
	if text := fmt.Sprintf(format, a...); !slices.Contains(c.Notes, text) {
		c.Notes = append(c.Notes, text)
	}
}

// done returns the check with its verdict.
func (c Check) done() Check {
	c.Pass = c.Failed == 0
	return c
}

// add takes the comparison of one case's output into the check and reports
// whether the output is right.
func (c *Check) add(name, place string, d Diff) bool {
	i := slices.IndexFunc(c.Outputs, func(o OutputError) bool { return o.Output == name })
	if i < 0 {
		i = len(c.Outputs)
		c.Outputs = append(c.Outputs, OutputError{Output: name})
	}
	o := &c.Outputs[i]
	o.Elements += d.Elements
	o.Wrong += d.Wrong
	o.MaxAbs, o.MaxRel, o.MaxULP = max(o.MaxAbs, d.MaxAbs), max(o.MaxRel, d.MaxRel), max(o.MaxULP, d.MaxULP)
	if d.score > o.score {
		o.score, o.Place = d.score, place+d.Place
	}
	return d.OK()
}

// merge adds the counts and errors of another run of the same check.
func (c *Check) merge(b Check) {
	c.Cases += b.Cases
	c.Skipped += b.Skipped
	for _, f := range b.Failures {
		if len(c.Failures) < maxFailures {
			c.Failures = append(c.Failures, f)
		}
	}
	c.Failed += b.Failed
	for _, n := range b.Notes {
		c.note("%s", n)
	}
	for _, o := range b.Outputs {
		c.add(o.Output, "", Diff{Elements: o.Elements, Wrong: o.Wrong, MaxAbs: o.MaxAbs, MaxRel: o.MaxRel, MaxULP: o.MaxULP, Place: o.Place, score: o.score})
	}
}

// WriteText writes the report as a table, with what failed below it.
func (r *Report) WriteText(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n", ir.Plain(r.Subject))
	table := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  check\tengine\tdtype\tcases\toutput\tlargest error\tulp\tplace\tresult")
	for _, c := range r.Checks {
		c.writeRows(table)
	}
	table.Flush()
	for _, c := range r.Checks {
		for _, text := range c.Notes {
			fmt.Fprintf(&s, "  note: %s: %s\n", c.label(), ir.Plain(text))
		}
		for _, text := range c.Failures {
			fmt.Fprintf(&s, "  failed: %s: %s\n", c.label(), ir.Plain(text))
		}
		if more := c.Failed - len(c.Failures); more > 0 {
			fmt.Fprintf(&s, "  failed: %s: and %d more\n", c.label(), more)
		}
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func (c Check) label() string {
	parts := []string{c.Name, c.Engine, c.DType}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}

// writeRows writes a check: one row for each output.
func (c Check) writeRows(w io.Writer) {
	result := "ok"
	switch {
	case !c.Pass:
		result = fmt.Sprintf("%d failed", c.Failed)
	case c.Cases == 0:
		result = "nothing to check"
	case c.Skipped > 0:
		result = fmt.Sprintf("ok, %d skipped", c.Skipped)
	}
	head := fmt.Sprintf("  %s\t%s\t%s\t%d", c.Name, cmp.Or(c.Engine, "-"), cmp.Or(c.DType, "-"), c.Cases)
	if len(c.Outputs) == 0 {
		fmt.Fprintf(w, "%s\t-\t-\t-\t-\t%s\n", head, result)
	}
	for _, o := range c.Outputs {
		row := result
		if !c.Pass {
			row = "ok"
			if o.Wrong > 0 {
				row = fmt.Sprintf("%d of %d wrong", o.Wrong, o.Elements)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%.1e abs, %.1e rel\t%.3g\t%s\t%s\n", head, o.Output, o.MaxAbs, o.MaxRel, o.MaxULP, cmp.Or(o.Place, "-"), row)
		head = "  \t\t\t"
	}
}
