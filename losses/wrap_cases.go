package losses

import "strings"

// wrapperCases are golden cases of what can be put around a loss: each option
// and input alone, all inputs together, a mask that keeps nothing, and one that
// broadcasts.
func wrapperCases(l Loss) []Case {
	var out []Case
	add := func(c Case) {
		for _, r := range reductionsOf(l) {
			each := c
			each.Name, each.Options = c.Name+"_"+r, withReduction(c.Options, r)
			out = append(out, each)
		}
	}
	all := Values{}
	for _, o := range WrapperOptions(l) {
		all[o.Name] = o.Try[0]
		if o.Name != "scale" {
			add(Case{Name: o.Name, Options: Values{o.Name: o.Try[0]}})
		}
	}
	add(Case{Name: "wrapper_options", Options: all})
	p, err := Request{Loss: l.names()[0]}.declare()
	if err != nil || p.inseparable() != "" {
		return out
	}
	for _, with := range [][]string{{"sample_weight"}, {"mask"}, {"sample_weight", "mask", "normalizer"}} {
		if len(p.wrapperInputs()) == len(perLossInputs) {
			add(Case{Name: "wrapped_" + strings.Join(with, "_"), With: with, Options: all})
		}
	}
	add(Case{Name: "mask_of_nothing", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:0"}})
	add(Case{Name: "mask_of_all", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:1"}})
	for _, r := range reductionsOf(l) {
		if r != string(None) {
			out = append(out, Case{Name: "normalizer_output_" + r, Normalizer: true, Options: withReduction(nil, r)},
				Case{Name: "normalizer_output_mask_" + r, Normalizer: true, With: []string{"mask"}, Options: withReduction(nil, r)})
		}
	}
	return append(out, labelWrapperCases(l)...)
}

// labelWrapperCases put a mask around ignored labels and class weights.
func labelWrapperCases(l Loss) []Case {
	if len(labelCases(l)) == 0 {
		return nil
	}
	ignored := map[string]Edge{"target": {1: -100, 2: -100}, "mask": {0: 0, 1: 1, 2: 0, 3: 1}}
	var out []Case
	for _, r := range reductionsOf(l) {
		out = append(out,
			Case{Name: "mask_with_ignored_" + r, With: []string{"mask"}, Set: ignored, Options: withReduction(nil, r)},
			Case{Name: "mask_with_weight_" + r, With: []string{"weight", "mask", "sample_weight"}, Set: ignored, Options: withReduction(nil, r)})
	}
	return out
}
