package train

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
)

// This file finds out what an export has lost that training needs.

// anonymous are names that exporters make up for constants.
var anonymous = regexp.MustCompile(`^(val_\d+|onnx::\w+_\d+|\d+)$`)

// unpacked is how PyTorch's exporter names the first result of a normalization: a Conv
// that has such a name took its place.
var unpacked = regexp.MustCompile(`^getitem(_\d+)?$`)

const (
	asIs = "export it with dynamo=True, optimize=False, or with dynamo=False, training=TrainingMode.TRAINING, do_constant_folding=False"
	most = 4 // names in a warning
)

func (m *Model) warnf(format string, a ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, a...))
}

// warn looks at the model as it was exported.
func (m *Model) warn() {
	g := m.ir.Graph
	if merged := m.merged(); len(merged) > 0 {
		m.warnf("%s: of equal values at export, one for several uses, which training ties: %s", few(merged), asIs)
	}
	var folded []string
	dropout := false
	for _, n := range g.Nodes {
		dropout = dropout || n.Op == "Dropout"
		isConv := n.Op == "Conv" || n.Op == "ConvTranspose"
		if isConv && (anonymous.MatchString(n.Inputs[1]) || unpacked.MatchString(n.Outputs[0])) {
			folded = append(folded, n.Inputs[1])
		}
	}
	if len(folded) > 0 {
		m.warnf("%s: weights of %d convolutions have their batch normalization folded in, which is gone for training: %s", few(folded), len(folded), asIs)
	}
	if !dropout {
		m.warnf("the file has no Dropout: if the model has, it was exported for inference and trains without")
	}
}

// merged lists initializers that stand for several parameters: those that have other
// names, and those of one repeated value that several nodes read.
func (m *Model) merged() []string {
	var list []string
	renamed := map[string]bool{}
	for _, root := range m.roots {
		renamed[root] = true
	}
	for _, c := range m.ir.Graph.Initializers {
		if !c.Tensor.DType.IsFloat() || len(c.Tensor.Dims) == 0 || anonymous.MatchString(c.Name) {
			continue
		}
		if renamed[c.Name] || len(m.uses[c.Name]) > 1 && same(c) {
			list = append(list, c.Name)
		}
	}
	return list
}

// same reports whether all elements are one number.
func same(c ir.Initializer) bool {
	values := c.Tensor.Floats()
	return !slices.ContainsFunc(values, func(v float64) bool { return v != values[0] })
}

// few writes names, and how many more there are.
func few(names []string) string {
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}
