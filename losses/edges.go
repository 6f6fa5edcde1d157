package losses

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file derives the golden cases of values where losses go wrong.

// edgeCases replaces elements of the first row of each input by values that are
// not finite or very large, and makes inputs equal.
func edgeCases(l Loss) []Case {
	spec := l.Declaration()
	var out []Case
	for _, in := range spec.Inputs {
		if in.Optional {
			continue
		}
		for name, value := range in.edges() {
			for _, r := range edgeReductions(l) {
				out = append(out, Case{
					Name:    fmt.Sprintf("%s_%s_%s", in.Name, name, r),
					Options: WithReduction(nil, r),
					Set:     map[string]Edge{in.Name: {0: value}},
				})
			}
		}
	}
	if comparesAlike(spec) {
		for _, r := range reductionsOf(l) {
			out = append(out, Case{
				Name: "equal_" + r, Options: WithReduction(nil, r),
				Fill: map[string]string{spec.Inputs[1].Name: "like:" + spec.Inputs[0].Name},
			})
		}
	}
	out = append(out, labelCases(l)...)
	slices.SortFunc(out, func(a, b Case) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// sameShape reports whether two inputs have one shape by default.
func sameShape(s Spec, i, k int) bool {
	return s.Shapes[0][s.Inputs[i].Name] == s.Shapes[0][s.Inputs[k].Name]
}

// edgeReductions shows an edge element by element where the loss can.
func edgeReductions(l Loss) []string {
	all := reductionsOf(l)
	if slices.Contains(all, string(None)) {
		return []string{string(None), string(Mean)}
	}
	return all
}

// edges are the values of the input that have golden cases of their own.
func (in Input) edges() map[string]float64 {
	if edges := in.Domain.row().edges; edges != nil {
		return edges(in.Of)
	}
	return nil
}

// labeling is what cases of labels know of a loss that ignores one of them.
type labeling struct {
	input   string // with the labels
	ignored float64
	count   int     // of the labels
	last    float64 // class
	weight  string  // the optional input with class weights, or ""
}

// labelingOf returns the labeling of a loss, and whether there is one.
func labelingOf(l Loss) (labeling, bool) {
	spec := l.Declaration()
	at := slices.IndexFunc(spec.Inputs, func(in Input) bool { return in.NamesClasses() && in.Of.Ignored != "" })
	p, err := requestFor(l).Resolve()
	if at < 0 || err != nil {
		return labeling{}, false
	}
	in := spec.Inputs[at]
	labels := p.Ports[slices.IndexFunc(p.Ports, func(port Port) bool { return port.Name == in.Name })]
	size := func(d tensor.Dim) int64 { return sizeOf(d, map[string]int64{}, spec.Sizes) }
	ignored, _ := p.Ignored(labels)
	found := labeling{input: in.Name, ignored: float64(ignored), count: 1, last: float64(p.Classes(labels, size) - 1)}
	for _, d := range labels.Shape {
		found.count *= int(size(d))
	}
	for _, other := range spec.Inputs {
		if other.Optional && other.Domain == Weight && spec.Shapes[0][other.Name] == in.Of.Axis {
			found.weight = other.Name
		}
	}
	return found, true
}

// labelCases are the cases of a loss with class labels and an ignored one.
func labelCases(l Loss) []Case {
	y, ok := labelingOf(l)
	if !ok {
		return nil
	}
	all := Edge{}
	for i := range y.count {
		all[i] = y.ignored
	}
	var out []Case
	for _, r := range reductionsOf(l) {
		o := WithReduction(nil, r)
		out = append(out,
			Case{Name: "one_ignored_" + r, Options: o, Set: map[string]Edge{y.input: {1: y.ignored}}},
			Case{Name: "all_ignored_" + r, Options: o, Set: map[string]Edge{y.input: all}},
			Case{Name: "first_and_last_class_" + r, Options: o, Set: map[string]Edge{y.input: {0: 0, 1: y.last}}},
		)
		if y.weight != "" {
			w := []string{y.weight}
			out = append(out,
				Case{Name: y.weight + "_one_ignored_" + r, Options: o, With: w, Set: map[string]Edge{y.input: {1: y.ignored}}},
				Case{Name: y.weight + "_zero_" + r, Options: o, With: w, Set: map[string]Edge{y.input: {0: 0, 1: 1}, y.weight: {0: 0}}},
				Case{Name: y.weight + "_all_zero_" + r, Options: o, With: w, Fill: map[string]string{y.weight: "constant:0"}, Set: map[string]Edge{y.input: {2: y.ignored}}},
			)
		}
	}
	return out
}
