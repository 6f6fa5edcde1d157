package draw

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
)

// This file draws a graph: inputs on top, outputs at the bottom, an edge for
// each value that a node uses. Small constants stand inside the nodes that use
// them.

// picture is what Graphviz and Mermaid both draw.
type picture struct {
	title  string
	boxes  []box
	edges  []edge
	groups []group
}

type kind int

const (
	inputBox kind = iota
	nodeBox
	constantBox
	outputBox
)

type box struct {
	kind  kind
	lines []string
	group int // outermost for none
}

// edge leads from one box to another, by index. An edge of a shape carries sizes
// alone.
type edge struct {
	from, to int
	shape    bool
}

func newPicture(m *ir.Model) *picture {
	m = m.Plain()
	g := m.Graph
	p := &picture{title: g.Name, groups: groupsOf(m)}
	if g.Doc != "" {
		p.title += ": " + g.Doc
	}
	types, _ := infer.Graph(g, infer.Options{}) // as far as they make sense
	made := map[string]int{}                    // the box that a value comes from
	for _, in := range g.Inputs {
		made[in.Name] = p.add(inputBox, in.Name, portType(in))
	}
	inside := map[string]string{} // small constants
	for _, c := range g.Initializers {
		if c.Tensor.Len() <= 3 {
			inside[c.Name] = values(c.Tensor)
		}
	}
	for _, c := range g.Initializers {
		if _, small := inside[c.Name]; !small {
			made[c.Name] = p.add(constantBox, c.Name, c.Tensor.String())
		}
	}
	for _, n := range g.Nodes {
		at := p.add(nodeBox, operation(n, inside, types)...)
		for i, name := range append(slices.Clone(n.Inputs), captured(n)...) {
			if from, ok := made[name]; ok {
				p.edges = append(p.edges, edge{from, at, i > 0 && slices.Contains(reshaping, n.Op)})
			}
		}
		for _, name := range n.Outputs {
			made[name] = at
		}
	}
	for _, out := range g.Outputs {
		from, ok := made[out.Name]
		at := p.add(outputBox, out.Name, portType(out))
		if ok {
			p.edges = append(p.edges, edge{from, at, false})
		}
	}
	p.assign()
	return p
}

func (p *picture) add(k kind, lines ...string) int {
	p.boxes = append(p.boxes, box{k, lines, outermost})
	return len(p.boxes) - 1
}

// captured are the names that the graphs inside a node use. Their own names are
// no others' at this level, since names are unique in a model.
func captured(n ir.Node) (names []string) {
	seen := map[string]bool{}
	for _, a := range n.Attributes {
		body, ok := a.Value.(*ir.Graph)
		if !ok {
			continue
		}
		for _, inner := range body.Nodes {
			for _, name := range append(slices.Clone(inner.Inputs), captured(inner)...) {
				if !seen[name] {
					seen[name] = true
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// operation labels a node: its operator, then its operands where one is a
// constant or where their order counts, as in "(·, 0.5)", and its results with their
// types.
func operation(n ir.Node, inside map[string]string, types *infer.Types) []string {
	lines := []string{n.Op}
	operands := make([]string, len(n.Inputs))
	constants := 0
	for i, name := range n.Inputs {
		operands[i] = name
		if text, ok := inside[name]; ok {
			operands[i] = text
			constants++
		}
	}
	if len(operands) > 1 && (constants > 0 || !slices.Contains(unordered, n.Op)) {
		lines = append(lines, "("+strings.Join(operands, ", ")+")")
	}
	for _, a := range n.Attributes {
		if body, ok := a.Value.(*ir.Graph); ok {
			lines = append(lines, fmt.Sprintf("%s of %d nodes", a.Name, len(body.Nodes)))
		} else if slices.Contains(telling, a.Name) {
			lines = append(lines, a.Name+"="+attribute(n.Op, a))
		}
	}
	if len(n.Outputs) > 0 {
		lines = append(lines, "→ "+strings.Join(n.Outputs, ", "), resultTypes(n, types))
	}
	return lines
}

// unordered are operators whose operands may change places.
var unordered = []string{"Add", "Mul", "Max", "Min", "Equal", "And", "Or", "Xor", "Sum"}

// reshaping are operators whose first operand alone has values.
var reshaping = []string{"Reshape", "Expand", "Slice", "Unsqueeze", "Squeeze"}

// telling are the attributes that a picture shows.
var telling = []string{"to", "axis", "axes", "perm"}

// Dot writes the graph for Graphviz.
func Dot(w io.Writer, m *ir.Model) error {
	p := newPicture(m)
	var s strings.Builder
	fmt.Fprintf(&s, "digraph {\n  label=%s; labelloc=t; fontname=\"Helvetica\"; rankdir=TB; ranksep=0.3; nodesep=0.2;\n", dotText(p.title))
	s.WriteString("  node [fontname=\"Helvetica\", fontsize=11, style=filled, margin=\"0.1,0.05\"];\n")
	styles := map[kind]string{
		inputBox:    `shape=box, style="filled,rounded", fillcolor="#cfe8cf"`,
		nodeBox:     `shape=box, fillcolor="#f4f4f4"`,
		constantBox: `shape=note, fillcolor="#fff2cc"`,
		outputBox:   `shape=box, style="filled,rounded", fillcolor="#cfdcf2"`,
	}
	p.members(outermost,
		func(i int) {
			fmt.Fprintf(&s, "  n%d [label=%s, %s];\n", i, dotText(p.boxes[i].lines...), styles[p.boxes[i].kind])
		},
		func(g int) {
			fmt.Fprintf(&s, "  subgraph cluster_%d { label=%s; labeljust=l; fontsize=16; style=\"filled,rounded\"; color=\"#8899aa\"; fillcolor=\"#eef3f8\";\n",
				g, dotText(p.groups[g].name))
		},
		func() { s.WriteString("  }\n") })
	for _, e := range p.edges {
		fmt.Fprintf(&s, "  n%d -> n%d;\n", e.from, e.to)
	}
	fmt.Fprintf(&s, "  { rank=source;%s }\n  { rank=sink;%s }\n}\n", p.ids(inputBox), p.ids(outputBox))
	_, err := io.WriteString(w, s.String())
	return err
}

func (p *picture) ids(k kind) string {
	var s strings.Builder
	for i, b := range p.boxes {
		if b.kind == k && b.group == outermost { // ranks do not go across groups
			fmt.Fprintf(&s, " n%d;", i)
		}
	}
	return s.String()
}

func dotText(lines ...string) string {
	text := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Join(lines, "\n"))
	return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`
}

// Mermaid writes the graph as a Mermaid flowchart, which Markdown viewers draw.
func Mermaid(w io.Writer, m *ir.Model) error {
	p := newPicture(m)
	var s strings.Builder
	fmt.Fprintf(&s, "---\ntitle: '%s'\n---\nflowchart TD\n", strings.ReplaceAll(p.title, "'", "''")) // YAML
	forms := map[kind]string{inputBox: "(%s):::input", nodeBox: "[%s]", constantBox: "[%s]:::constant", outputBox: "(%s):::output"}
	p.members(outermost,
		func(i int) { fmt.Fprintf(&s, "  n%d"+forms[p.boxes[i].kind]+"\n", i, mermaidText(p.boxes[i].lines...)) },
		func(g int) { fmt.Fprintf(&s, "  subgraph g%d [%s]\n", g, mermaidText(p.groups[g].name)) },
		func() { s.WriteString("  end\n") })
	for _, e := range p.edges {
		fmt.Fprintf(&s, "  n%d --> n%d\n", e.from, e.to)
	}
	s.WriteString("  classDef input fill:#cfe8cf,stroke:#333,color:#000\n")
	s.WriteString("  classDef output fill:#cfdcf2,stroke:#333,color:#000\n")
	s.WriteString("  classDef constant fill:#fff2cc,stroke:#333,color:#000\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// mermaidText quotes a label; Mermaid writes marks as entities.
func mermaidText(lines ...string) string {
	text := strings.NewReplacer("#", "#35;", "&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;").Replace(strings.Join(lines, "\n"))
	return `"` + strings.ReplaceAll(text, "\n", "<br>") + `"`
}
