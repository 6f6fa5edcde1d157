// Package draw shows the graph of a model: as text, as a picture for Graphviz or
// Mermaid, and as plain data.
package draw

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// shown is how many elements of a constant are written out.
const shown = 8

// maxWidth bounds the columns: names from a file may have any length.
const maxWidth = 60

// Text writes a listing: inputs, outputs, constants, and nodes in order, one a
// line.
func Text(w io.Writer, m *ir.Model) error {
	m = m.Plain()
	var s strings.Builder
	g := m.Graph
	fmt.Fprintf(&s, "%s: %d nodes, opset %d\n", g.Name, len(g.Nodes), m.Opset)
	if g.Doc != "" {
		fmt.Fprintf(&s, "  %s\n", g.Doc)
	}
	if len(m.Metadata) > 0 {
		s.WriteString("\nmetadata\n")
	}
	for _, p := range m.Metadata {
		fmt.Fprintf(&s, "  %s = %s\n", p.Key, p.Value)
	}
	types, _ := infer.Graph(g, infer.Options{}) // as far as they make sense
	list(&s, g, types, "")
	_, err := io.WriteString(w, s.String())
	return err
}

func list(s *strings.Builder, g *ir.Graph, types *infer.Types, indent string) {
	listPorts(s, "inputs", g.Inputs, indent)
	listPorts(s, "outputs", g.Outputs, indent)
	if len(g.Values) > 0 {
		listPorts(s, "declared sizes of results", g.Values, indent)
	}
	if len(g.Initializers) > 0 {
		fmt.Fprintf(s, "\n%sconstants\n", indent)
	}
	width := 0
	for _, c := range g.Initializers {
		width = min(max(width, len(c.Name)), maxWidth)
	}
	for _, c := range g.Initializers {
		fmt.Fprintf(s, "%s  %-*s  %v = %s\n", indent, width, c.Name, c.Tensor, values(c.Tensor))
	}
	fmt.Fprintf(s, "\n%snodes\n", indent)
	width, wide := 0, 0
	for _, n := range g.Nodes {
		width = min(max(width, len(strings.Join(n.Outputs, ", "))), maxWidth)
		wide = min(max(wide, len(resultTypes(n, types))), maxWidth)
	}
	for _, n := range g.Nodes {
		fmt.Fprintf(s, "%s  %-*s  %-*s = %s(%s)%s\n", indent, width, strings.Join(n.Outputs, ", "), wide, resultTypes(n, types), n.Op, strings.Join(n.Inputs, ", "), attributes(n))
		for _, a := range n.Attributes {
			if body, ok := a.Value.(*ir.Graph); ok {
				fmt.Fprintf(s, "\n%s    %s of %s\n", indent, a.Name, n.Op)
				list(s, body, types.Body(body), indent+"    ")
			}
		}
	}
}

func listPorts(s *strings.Builder, title string, ports []ir.Port, indent string) {
	fmt.Fprintf(s, "\n%s%s\n", indent, title)
	width := 0
	for _, p := range ports {
		width = min(max(width, len(p.Name)), maxWidth)
	}
	for _, p := range ports {
		fmt.Fprintf(s, "%s  %-*s  %s\n", indent, width, p.Name, portType(p))
	}
}

// resultTypes are the types of a node's results.
func resultTypes(n ir.Node, types *infer.Types) string {
	parts := make([]string, len(n.Outputs))
	for i, name := range n.Outputs {
		t, _ := types.Of(name)
		parts[i] = t.String()
	}
	return strings.Join(parts, ", ")
}

// portType is a port's dtype and shape, as far as they are known.
func portType(p ir.Port) string {
	switch {
	case p.DType == tensor.Undefined:
		return "any type"
	case p.Shape == nil:
		return p.DType.String() + " of any shape"
	}
	return p.DType.String() + p.Shape.String()
}

// values writes the elements of a small constant, and the first of a larger one.
func values(t *tensor.Tensor) string {
	n := min(t.Len(), shown)
	parts := make([]string, n)
	for i := range n {
		parts[i] = number(t, i)
	}
	text := strings.Join(parts, ", ")
	if n < t.Len() {
		text += fmt.Sprintf(", ... (%d elements)", t.Len())
	}
	if len(t.Dims) == 0 {
		return text
	}
	return "[" + text + "]"
}

func number(t *tensor.Tensor, i int) string {
	switch {
	case t.DType == tensor.Bool:
		return strconv.FormatBool(t.Int(i) != 0)
	case t.DType == tensor.Float64:
		return strconv.FormatFloat(t.Float(i), 'g', -1, 64)
	case t.DType.IsFloat():
		return strconv.FormatFloat(t.Float(i), 'g', -1, 32)
	}
	return strconv.FormatInt(t.Int(i), 10)
}

// attributes writes a node's attributes behind it, apart from graphs.
func attributes(n ir.Node) string {
	var s strings.Builder
	for _, a := range n.Attributes {
		if _, ok := a.Value.(*ir.Graph); !ok {
			fmt.Fprintf(&s, " %s=%s", a.Name, attribute(n.Op, a))
		}
	}
	return s.String()
}

func attribute(op string, a ir.Attribute) string {
	switch v := a.Value.(type) {
	case *tensor.Tensor:
		return v.String() + " " + values(v)
	case int64:
		if op == "Cast" && a.Name == "to" {
			return tensor.DType(v).String()
		}
	case string:
		return strconv.Quote(v)
	case []string:
		return fmt.Sprintf("%q", v)
	case []int64:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ",")
	case []float32:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ",")
	}
	return fmt.Sprint(a.Value)
}
