package losses

import (
	"fmt"
	"math"
	"slices"
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
		for name, value := range extremes(in.Domain) {
			for _, r := range edgeReductions(l) {
				out = append(out, Case{
					Name:    fmt.Sprintf("%s_%s_%s", in.Name, name, r),
					Options: withReduction(nil, r),
					Set:     map[string]Edge{in.Name: {0: value}},
				})
			}
		}
	}
	if len(spec.Inputs) > 1 && spec.Inputs[0].Domain == Real && spec.Inputs[1].Domain == Real && sameShape(spec, 0, 1) {
		for _, r := range reductionsOf(l) {
			out = append(out, Case{
				Name: "equal_" + r, Options: withReduction(nil, r),
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

func extremes(d Domain) map[string]float64 {
	inf, nan := math.Inf(1), math.NaN()
	switch d {
	case Real, LogProb:
		return map[string]float64{"nan": nan, "inf": inf, "minus_inf": -inf, "large": 1e4, "minus_large": -1e4, "minus_zero": math.Copysign(0, -1)}
	case Unit:
		return map[string]float64{"zero": 0, "one": 1}
	case Simplex:
		return map[string]float64{"nan": nan, "zero": 0, "one": 1}
	case Positive:
		return map[string]float64{"nan": nan, "zero": 0, "large": 1e4, "inf": inf}
	default:
		return nil
	}
}

// labelCases are the cases of a loss with class labels and an ignored one.
func labelCases(l Loss) []Case {
	labels := slices.IndexFunc(l.Declaration().Inputs, func(in Input) bool { return in.Domain == Class })
	ignore := slices.IndexFunc(l.Options(), func(o Option) bool { return o.Name == "ignore_index" })
	if labels < 0 || ignore < 0 {
		return nil
	}
	name := l.Declaration().Inputs[labels].Name
	skip := float64(-100)
	var out []Case
	for _, r := range reductionsOf(l) {
		o := withReduction(nil, r)
		out = append(out,
			Case{Name: "one_ignored_" + r, Options: o, Set: map[string]Edge{name: {1: skip}}},
			Case{Name: "all_ignored_" + r, Options: o, Set: map[string]Edge{name: {0: skip, 1: skip, 2: skip, 3: skip}}},
			Case{Name: "first_and_last_class_" + r, Options: o, Set: map[string]Edge{name: {0: 0, 1: 4}}},
		)
		if slices.ContainsFunc(l.Declaration().Inputs, func(in Input) bool { return in.Name == "weight" }) {
			w := []string{"weight"}
			out = append(out,
				Case{Name: "weight_one_ignored_" + r, Options: o, With: w, Set: map[string]Edge{name: {1: skip}}},
				Case{Name: "weight_zero_" + r, Options: o, With: w, Set: map[string]Edge{name: {0: 0, 1: 1}, "weight": {0: 0}}},
				Case{Name: "weight_all_zero_" + r, Options: o, With: w, Fill: map[string]string{"weight": "constant:0"}, Set: map[string]Edge{name: {2: skip}}},
			)
		}
	}
	return out
}
