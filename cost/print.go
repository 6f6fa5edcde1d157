package cost

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes a report as a table.
func (c *Report) Print(w io.Writer) error {
	text := &strings.Builder{}
	fmt.Fprintf(text, "sizes %v; a pass reads or writes as many elements as %s has\n", c.Sizes, c.Prediction)
	for _, name := range c.Assumed {
		fmt.Fprintf(text, "%s depends on the values of inputs, and is taken for the largest possible: --size %s=2 says otherwise\n", name, name)
	}
	fmt.Fprintln(text)
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "passes\tread\twritten\ttime\t  node\n")
	for _, n := range c.Nodes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t  %s\n", passes(n.Passes), bytes(n.BytesRead), bytes(n.BytesWritten), duration(n.Nanoseconds), n.describe())
	}
	fmt.Fprintf(table, "%s\t%s\t%s\t%s\t  total, %d nodes\n", passes(c.Passes), bytes(c.BytesRead), bytes(c.BytesWritten), duration(c.Nanoseconds), len(c.Nodes))
	table.Flush()
	moved := plus(c.BytesRead, c.BytesWritten)
	fmt.Fprintf(text, `
moved        %s; any program must move %s, inputs read and outputs written once
time         %s, memory at %g GB/s; kernels as on %s
peak memory  %s of intermediate results, %s of outputs: %.2f times %s
             beside %s of inputs
`, bytes(moved), bytes(c.LeastBytes), duration(c.Nanoseconds), c.Bandwidth, c.Machine,
		bytes(c.PeakBytes), bytes(c.OutputBytes), c.PeakRatio, c.Prediction, bytes(c.InputBytes))
	_, err := io.WriteString(w, text.String())
	return err
}

// describe is the node's operator, with its results.
func (n *Node) describe() string {
	var results []string
	for _, r := range n.Results {
		results = append(results, fmt.Sprintf("%s %s%s", r.Name, r.DType, dims(r.Dims)))
	}
	text := strings.Join(results, ", ") + " = " + n.Op
	switch {
	case n.Op == "Scan":
		text += fmt.Sprintf(", %d steps, body included", n.Steps)
	case n.InPlace:
		text += ", in place"
	}
	return text
}

func dims(d []int64) string { return strings.ReplaceAll(fmt.Sprint(d), " ", ",") }

func passes(n float64) string {
	if n < 0.005 {
		return "-"
	}
	return fmt.Sprintf("%.2f", n)
}

func bytes(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1f us", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
	return fmt.Sprintf("%.2f s", ns/1e9)
}
