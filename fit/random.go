package fit

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
)

// This file gives nodes that draw numbers their seeds.

// drawing are the operators that draw numbers; Dropout does so in training.
var drawing = []string{"Dropout", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}

func drawsNumbers(m *ir.Model) bool {
	return slices.ContainsFunc(m.Graph.Nodes, func(n ir.Node) bool { return draws(n) })
}

func draws(n ir.Node) bool {
	return slices.Contains(drawing, n.Op) && (n.Op != "Dropout" || len(n.Inputs) > 2)
}

// seeded returns a model whose drawing nodes have seeds of their own in each epoch.
func seeded(m *ir.Model, seed uint64, epoch int) *ir.Model {
	out, g := *m, *m.Graph
	g.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		if !draws(n) {
			continue
		}
		n.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a ir.Attribute) bool { return a.Name == "seed" })
		value := seedOf(seed, epoch, i)
		if n.Op == "Dropout" { // an integer there, and a float in the others
			n.Attributes = append(n.Attributes, ir.Attribute{Name: "seed", Value: value})
		} else {
			n.Attributes = append(n.Attributes, ir.Attribute{Name: "seed", Value: float32(value)})
		}
		g.Nodes[i] = n
	}
	out.Graph = &g
	return &out
}

// seedOf mixes a seed of 24 bits, which a float holds exactly.
func seedOf(seed uint64, epoch, node int) int64 {
	h := fnv.New64a()
	for _, n := range []uint64{seed, uint64(epoch), uint64(node)} {
		h.Write([]byte(strconv.FormatUint(n, 10) + ";"))
	}
	return int64(h.Sum64() >> 40)
}
