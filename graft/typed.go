package graft

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file brings a model into the form that is put onto a graph.

// maxChoices bounds how often conditions are looked at again after a branch was chosen.
const maxChoices = 8

// typed returns the model with its branches chosen where a condition is known before a
// run, with ranges for the parts of sequences, and the types of its values. The model that it is given stays as it is.
func typed(m *ir.Model) (*ir.Model, *infer.Types, error) {
	copied, graph := *m, *m.Graph
	copied.Graph = &graph
	if err := openSizes(&graph); err != nil {
		return nil, nil, err
	}
	for again := 0; ; again++ {
		types, err := infer.Graph(&graph, infer.Options{})
		if err != nil {
			return nil, nil, err
		}
		chosen, unrolled := choose(&graph, types), unroll(&graph, types)
		if again == maxChoices || !chosen && !unrolled {
			return &copied, types, nil
		}
	}
}

// openSizes checks the inputs' shapes, and takes a form whose letters no input has for a
// letter of its own.
func openSizes(g *ir.Graph) error {
	letters := map[string]bool{}
	g.Inputs = slices.Clone(g.Inputs)
	for i, in := range g.Inputs {
		if in.Shape == nil {
			return fmt.Errorf("input %s has no rank: export the model with shapes, in which sizes may stay open", strconv.Quote(in.Name))
		}
		g.Inputs[i].Shape = slices.Clone(in.Shape)
		for _, d := range in.Shape {
			if d.IsLetter() {
				letters[d.Sym] = true
			}
		}
	}
	for _, in := range g.Inputs {
		for k, d := range in.Shape {
			if !slices.ContainsFunc(d.Letters(), func(s string) bool { return !letters[s] }) {
				continue
			}
			in.Shape[k] = tensor.Dim{Sym: strconv.QuoteToASCII(d.String())}
		}
	}
	return nil
}

// choose puts the nodes of a branch in the place of an If whose condition is known, and
// reports whether there was one.
func choose(g *ir.Graph, types *infer.Types) bool {
	var nodes []ir.Node
	found := false
	taken := map[string]bool{}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			taken[name] = true
		}
	}
	for i, n := range g.Nodes {
		branch := branchOf(n, types)
		if branch == nil {
			nodes = append(nodes, n)
			continue
		}
		found = true
		inner := renamed(branch, n, func(name string) string {
			for taken[name] {
				name = fmt.Sprintf("%s/%d", name, i)
			}
			taken[name] = true
			return name
		})
		nodes = append(nodes, inner...)
	}
	g.Nodes = nodes
	return found
}

// branchOf returns the branch that an If takes in every run, or nil.
func branchOf(n ir.Node, types *infer.Types) *ir.Graph {
	if n.Op != "If" || len(n.Inputs) != 1 {
		return nil
	}
	t, _ := types.Of(n.Inputs[0])
	if len(t.Ints) != 1 || !t.Ints[0].Known() {
		return nil
	}
	name := "then_branch"
	if t.Ints[0].Is(0) {
		name = "else_branch"
	}
	branch, _ := n.Attr(name).(*ir.Graph)
	return branch
}

// renamed returns a branch's nodes with names that are free around it, and its outputs
// under those of the node that it stands for.
func renamed(branch *ir.Graph, n ir.Node, free func(string) string) []ir.Node {
	names := map[string]string{}
	var nodes []ir.Node
	for _, c := range branch.Initializers {
		names[c.Name] = free(c.Name)
		nodes = append(nodes, ir.Node{Op: "Constant", Outputs: []string{names[c.Name]}, Attributes: []ir.Attribute{{Name: "value", Value: c.Tensor}}})
	}
	for _, inner := range branch.Nodes {
		for _, name := range inner.Outputs {
			if name != "" {
				names[name] = free(name)
			}
		}
		nodes = append(nodes, inner.Renamed(names))
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		from := branch.Outputs[i].Name
		if to, ok := names[from]; ok {
			from = to
		}
		nodes = append(nodes, ir.Node{Op: "Identity", Inputs: []string{from}, Outputs: []string{name}})
	}
	return nodes
}
