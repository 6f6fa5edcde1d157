package graft

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file turns parts that are taken out of a sequence into ranges of what was split,
// as unoptimized exports have them.

// unroll puts ranges in the place of SequenceAt where the sequence is that of a
// SplitToSequence, and reports whether there was one.
func unroll(g *ir.Graph, types *infer.Types) bool {
	splits := map[string]ir.Node{}
	var nodes []ir.Node
	found := false
	for i, n := range g.Nodes {
		if n.Op == "SplitToSequence" && len(n.Inputs) > 0 && len(n.Outputs) == 1 {
			splits[n.Outputs[0]] = n
		}
		split, ok := splits[firstInput(n)]
		if n.Op != "SequenceAt" || !ok || len(n.Inputs) != 2 {
			nodes = append(nodes, n)
			continue
		}
		start, end, ok := part(split, n, types)
		if !ok {
			nodes = append(nodes, n)
			continue
		}
		found = true
		nodes = append(nodes, rangeOf(fmt.Sprintf("%s/%d", n.Outputs[0], i), split, n, start, end)...)
	}
	used := map[string]bool{}
	for _, n := range nodes {
		for _, name := range reads(n) {
			used[name] = true
		}
	}
	g.Nodes = slices.DeleteFunc(nodes, func(n ir.Node) bool { return n.Op == "SplitToSequence" && len(n.Outputs) == 1 && !used[n.Outputs[0]] })
	return found
}

func firstInput(n ir.Node) string {
	if len(n.Inputs) == 0 {
		return ""
	}
	return n.Inputs[0]
}

// part returns where the part that a SequenceAt takes begins and ends.
func part(split, at ir.Node, types *infer.Types) (start, end int64, ok bool) {
	number := func(list []string, i int) []tensor.Dim {
		if i >= len(list) {
			return nil
		}
		t, _ := types.Of(list[i])
		for _, d := range t.Ints {
			if !d.Known() {
				return nil
			}
		}
		return t.Ints
	}
	index, sizes := number(at.Inputs, 1), number(split.Inputs, 1)
	if len(index) != 1 || index[0].Size < 0 {
		return 0, 0, false
	}
	k := index[0].Size
	given, _ := types.Of(append(slices.Clone(split.Inputs), "")[1])
	switch {
	case len(split.Inputs) == 1: // parts of 1
		return k, k + 1, true
	case len(sizes) == 1 && len(given.Shape) == 0: // parts of one size
		return k * sizes[0].Size, (k + 1) * sizes[0].Size, sizes[0].Size > 0 && k < tensor.MaxSize/sizes[0].Size
	case k < int64(len(sizes)):
		for _, d := range sizes[:k] {
			start += d.Size
		}
		return start, start + sizes[k].Size, true
	}
	return 0, 0, false
}

// rangeOf is the range as nodes. Parts of 1 lose their axis unless they keep it.
func rangeOf(name string, split, at ir.Node, start, end int64) []ir.Node {
	axis, _ := split.Attr("axis").(int64)
	constant := func(what string, value int64) ir.Node {
		t := tensor.FromInts(tensor.Int64, []int64{1}, []int64{value})
		return ir.Node{Op: "Constant", Outputs: []string{name + "/" + what}, Attributes: []ir.Attribute{{Name: "value", Value: t}}}
	}
	out := at.Outputs[0]
	keeps, given := split.Attr("keepdims").(int64)
	squeezed := len(split.Inputs) == 1 && given && keeps == 0
	if squeezed {
		out = name + "/part"
	}
	nodes := []ir.Node{constant("start", start), constant("end", end), constant("axis", axis), {
		Op: "Slice", Name: at.Name, Outputs: []string{out},
		Inputs: []string{split.Inputs[0], name + "/start", name + "/end", name + "/axis"},
	}}
	if squeezed {
		nodes = append(nodes, ir.Node{Op: "Squeeze", Inputs: []string{out, name + "/axis"}, Outputs: at.Outputs})
	}
	return nodes
}
