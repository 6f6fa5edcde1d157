package builder

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Target is a consumer that knows less than the standard, for which a graph can be
// written in fewer operators: see [For]. The zero Target is every other consumer.
type Target string

// profile is what a target lacks.
type profile struct {
	target    Target
	doc       string
	lacks     []string // operators of ONNX
	noFloat64 bool     // not even between other types
	lastOpset int64    // 0: any
}

// profiles declares the targets. A lowering asks whether an operator is there; what
// remains in a graph nevertheless is refused.
var profiles = []profile{
	{target: "accelerator", doc: "GPUs in browsers, TensorRT, CoreML and NPUs: no float64, sums in float32 stages, no operator whose result's size depends on data",
		lacks: []string{"ScatterElements", "ThresholdedRelu", "Compress", "Size", "Scan", "ArgMin"}, noFloat64: true},
	{target: "onnx2torch", doc: "the importer into PyTorch, up to opset 17",
		lacks: []string{"ScatterElements", "ThresholdedRelu", "Compress", "Size", "Scan", "allowzero", "ArgMin"}, lastOpset: 17},
	{target: "tract", doc: "the engine in Rust",
		lacks: []string{"ThresholdedRelu", "Compress", "Size", "Scan", "ArgMin"}},
}

// Targets returns the names of all targets, in order.
func Targets() []Target {
	var names []Target
	for _, p := range profiles {
		names = append(names, p.target)
	}
	return names
}

// Doc says in a line what the target is.
func (t Target) Doc() string { return t.profile().doc }

func (t Target) profile() profile {
	i := slices.IndexFunc(profiles, func(p profile) bool { return p.target == t })
	if i < 0 {
		return profile{}
	}
	return profiles[i]
}

// For writes the graph for a target.
func For(t Target) Option { return func(o *options) { o.target = t } }

// SizesFollowData reports whether the sizes of results may depend on what inputs hold,
// which targets do not know.
func (b *B) SizesFollowData() bool { return b.options.target == "" }

// Widest returns the type to compute in where float32 loses digits that count: float64,
// or the given type where the graph's consumers do not know that.
func (b *B) Widest(dtype tensor.DType) tensor.DType {
	if b.options.target.profile().noFloat64 {
		return dtype
	}
	return tensor.Float64
}

// has reports whether the graph's consumers know an operator or attribute.
func (e *emitter) has(name string) bool { return !slices.Contains(e.target.profile().lacks, name) }

// Check reports what a lowered graph holds that the target does not know.
func (t Target) Check(g *ir.Graph, opset int64) error {
	p := t.profile()
	if p.lastOpset > 0 && opset > p.lastOpset {
		return fmt.Errorf("%s knows opsets up to %d, not %d", t, p.lastOpset, opset)
	}
	for _, port := range slices.Concat(g.Inputs, g.Outputs) {
		if p.noFloat64 && port.DType == tensor.Float64 {
			return fmt.Errorf("%s knows no float64: %s has to be of another dtype", t, port.Name)
		}
	}
	for _, n := range g.Nodes {
		if slices.Contains(p.lacks, n.Op) {
			return fmt.Errorf("%s knows no %s", t, n.Op)
		}
		for _, a := range n.Attributes {
			if p.noFloat64 && n.Op == "Cast" && a.Value == int64(tensor.Float64) {
				return fmt.Errorf("%s knows no float64, in which a part is computed", t)
			}
		}
	}
	for _, c := range g.Initializers {
		if p.noFloat64 && c.Tensor.DType == tensor.Float64 {
			return fmt.Errorf("%s knows no float64, in which a part is computed", t)
		}
	}
	return nil
}
