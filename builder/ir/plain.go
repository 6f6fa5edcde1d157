package ir

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Plain returns s with everything escaped that does not print: a file of
// unknown origin may hold names that move the cursor of a terminal, end a line
// or write from right to left.
func Plain(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			out.WriteString(`\x` + strconv.FormatUint(uint64(s[0])+0x100, 16)[1:])
		case hidden(r):
			quoted := strconv.QuoteRune(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.WriteRune(r)
		}
		s = s[size:]
	}
	return out.String()
}

// hidden also holds for bytes that are no UTF-8, which come as [utf8.RuneError].
func hidden(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }

// line returns a text of several lines as one that is [Plain].
func line(s string) string { return Plain(strings.Join(strings.Fields(s), " ")) }

// Plain returns a copy of the model for printing, in which every name is [Plain],
// and every text on one line. Constants are shared.
func (m *Model) Plain() *Model {
	c := *m
	c.Producer, c.ProducerVersion = Plain(m.Producer), Plain(m.ProducerVersion)
	c.Metadata = each(m.Metadata, func(p Prop) Prop { return Prop{Plain(p.Key), line(p.Value)} })
	c.Graph = m.Graph.plain()
	return &c
}

func (g *Graph) plain() *Graph {
	return &Graph{
		Name: Plain(g.Name), Doc: line(g.Doc),
		Inputs: each(g.Inputs, Port.plain), Outputs: each(g.Outputs, Port.plain), Values: each(g.Values, Port.plain),
		Initializers: each(g.Initializers, func(i Initializer) Initializer { return Initializer{Plain(i.Name), i.Tensor} }),
		Nodes:        each(g.Nodes, Node.plain),
	}
}

// plain escapes the name alone: letters of sizes print as they are.
func (p Port) plain() Port {
	p.Name = Plain(p.Name)
	return p
}

func (n Node) plain() Node {
	return Node{
		Op: Plain(n.Op), Inputs: each(n.Inputs, Plain), Outputs: each(n.Outputs, Plain),
		Attributes: each(n.Attributes, func(a Attribute) Attribute {
			switch v := a.Value.(type) {
			case *Graph:
				a.Value = v.plain()
			case string:
				a.Value = Plain(v)
			case []string:
				a.Value = each(v, Plain)
			}
			a.Name = Plain(a.Name)
			return a
		}),
	}
}

// each returns the list of f of each item, nil of nil.
func each[T any](list []T, f func(T) T) []T {
	out := slices.Clone(list)
	for i, item := range out {
		out[i] = f(item)
	}
	return out
}
