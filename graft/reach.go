package graft

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file finds the nodes that gradients pass through, and refuses what has no rule.

// findPaths finds the nodes that depend on what gradients are wanted of, through
// floating-point values, and that an output depends on.
func (p *Prepared) findPaths(of []string) {
	carries, needed := map[string]bool{}, map[string]bool{}
	for name := range p.wrt {
		carries[name] = true
	}
	for _, n := range p.model.Graph.Nodes {
		if slices.ContainsFunc(reads(n), func(name string) bool { return carries[name] }) {
			for _, name := range n.Outputs {
				t, ok := p.types.Of(name)
				carries[name] = ok && (t.DType.IsFloat() || t.DType == tensor.Undefined)
			}
		}
	}
	for _, name := range of {
		needed[name] = true
	}
	p.paths, p.reach = map[int]bool{}, map[string]bool{}
	for i, n := range slices.Backward(p.model.Graph.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(name string) bool { return name != "" && carries[name] && needed[name] }) {
			p.paths[i] = true
			for _, name := range reads(n) {
				needed[name] = needed[name] || carries[name]
				p.reach[name] = needed[name]
			}
		}
	}
	for _, name := range of {
		p.reach[name] = carries[name]
	}
}

// Reaches reports whether a gradient flows to an input or initializer that it is wanted
// of.
func (p *Prepared) Reaches(name string) bool { return p.wrt[name] && p.reach[name] }

// reads lists the values that a node depends on, those of its bodies included.
func reads(n ir.Node) []string { return append(slices.Clone(n.Inputs), captured(n)...) }

// captured lists the values that a node's bodies take from around them.
func captured(n ir.Node) (names []string) {
	for _, a := range n.Attributes {
		body, ok := a.Value.(*ir.Graph)
		if !ok {
			continue
		}
		own := map[string]bool{"": true}
		for _, in := range body.Inputs {
			own[in.Name] = true
		}
		for _, c := range body.Initializers {
			own[c.Name] = true
		}
		use := func(list []string) {
			for _, name := range list {
				if !own[name] && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		for _, inner := range body.Nodes {
			use(reads(inner))
			for _, name := range inner.Outputs {
				own[name] = true
			}
		}
		for _, out := range body.Outputs {
			use([]string{out.Name})
		}
	}
	return names
}

// refuse names all operators on the way of a gradient that have no rule, each with the
// first of its nodes.
func (p *Prepared) refuse() error {
	var missing []string
	first, count := map[string]ir.Node{}, map[string]int{}
	for i, n := range p.model.Graph.Nodes {
		if !p.paths[i] || p.rules[n.Op] != nil {
			continue
		}
		if count[n.Op]++; count[n.Op] == 1 {
			missing, first[n.Op] = append(missing, n.Op), n
		}
	}
	if len(missing) == 0 {
		return nil
	}
	parts := make([]string, len(missing))
	for i, op := range missing {
		parts[i] = label(first[op])
		if n := count[op]; n > 1 {
			parts[i] += fmt.Sprintf(" and %d more", n-1)
		}
	}
	what := "this operator"
	if len(missing) > 1 {
		what = fmt.Sprintf("these %d operators", len(missing))
	}
	return errors.New("there is no rule for the gradient of " + what + ": " + strings.Join(parts, "; ") +
		": take the gradient of an output before them, or only of what does not pass through them")
}
