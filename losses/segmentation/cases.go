package segmentation

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
)

// small are the sizes of golden cases: a loss has as many gradients as it has scores.
func small() map[string]int64 {
	return map[string]int64{"N": 2, "C": 3, "H": 2, "W": 1, "A": 2, "B": 3, "E": 1}
}

// pixels are those of each sample, and of small targets.
const pixels, targets = 2, 4

// regionCases are golden cases of regions at their edges: absent classes, perfect and
// hopeless predictions, other inputs, and options together.
func regionCases() []losses.Case {
	one, right, wrong := losses.Edge{}, losses.Edge{}, losses.Edge{} // every pixel has class 2
	for i := range targets {
		one[i] = 2
	}
	for i := range 3 * targets {
		right[i], wrong[i] = -1e4, 0
		if i/pixels%3 == 2 {
			right[i], wrong[i] = 1e4, -1e4
		}
	}
	probabilities := func(more losses.Values) losses.Values {
		v := losses.Values{"activation": "none", "target": "probabilities"}
		for name, value := range more {
			v[name] = value
		}
		return v
	}
	list := []losses.Case{
		{Name: "one_class_in_target", Set: map[string]losses.Edge{"target": one}},
		{Name: "perfect", Set: map[string]losses.Edge{"input": right, "target": one}},
		{Name: "hopeless", Set: map[string]losses.Edge{"input": wrong, "target": one}},
		{Name: "perfect_unsmoothed", Options: losses.Values{"smooth_nr": 0.0, "smooth_dr": 0.0, "eps": 1e-7}, Set: map[string]losses.Edge{"input": right, "target": one}},
		{Name: "empty_target", Options: probabilities(nil), Fill: map[string]string{"target": "constant:0"}},
		{Name: "empty_both", Options: probabilities(nil), Fill: map[string]string{"input": "constant:0", "target": "constant:0"}},
		{Name: "equal_probabilities", Options: probabilities(losses.Values{"squared": true}), Fill: map[string]string{"target": "like:input"}},
		{Name: "foreground_of_batch", Options: probabilities(losses.Values{"include_background": false, "batch": true})},
		{Name: "sigmoid_ignored", Options: losses.Values{"activation": "sigmoid", "squared": true}, Set: map[string]losses.Edge{"target": {1: -100}}},
	}
	for i := range list {
		list[i].Options = losses.WithReduction(list[i].Options, string(losses.None))
	}
	return append(list,
		losses.Case{Name: "batch_of_none", Options: losses.Values{"batch": true}, Sizes: map[string]int64{"N": 0}},
		losses.Case{Name: "no_pixels", Sizes: map[string]int64{"H": 0}},
		losses.Case{Name: "row_of_classes_batch", Options: losses.Values{"batch": true}, Shapes: map[string]string{"input": "N,C"}},
	)
}

// classCases are those of a class in the average, and of masks.
func classCases() []losses.Case {
	absent := map[string]losses.Edge{"target": {}} // there is one class in each sample
	for i := range targets {
		absent["target"][i] = float64(i / pixels * 2)
	}
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean} {
		add := func(name string, c losses.Case) {
			c.Name, c.Options = name+"_"+string(r), losses.WithReduction(c.Options, string(r))
			list = append(list, c)
		}
		for _, rule := range []string{"count", "zero", "skip"} {
			for _, batch := range []bool{false, true} {
				add(fmt.Sprintf("absent_%s_%v", rule, batch), losses.Case{With: []string{"weight"}, Set: absent, Options: losses.Values{"absent": rule, "batch": batch}})
			}
			add("micro_"+rule, losses.Case{With: []string{"weight"}, Set: absent,
				Options: losses.Values{"average": "micro", "absent": rule, "include_background": false}})
		}
		add("all_ignored_skip", losses.Case{Fill: map[string]string{"target": "constant:-100"}, Options: losses.Values{"absent": "skip"}})
		add("log_clamped", losses.Case{Options: losses.Values{"log": true, "eps": 0.25}})
		add("masked_classes", losses.Case{With: []string{"mask", "weight"}, Spoiled: true, Options: losses.Values{"activation": "sigmoid"}})
		add("masked_probabilities", losses.Case{With: []string{"mask", "sample_weight"}, Spoiled: true,
			Options: losses.Values{"activation": "sigmoid", "target": "probabilities"}})
		add("masked_samples", losses.Case{With: []string{"mask", "sample_weight", "weight"}, Spoiled: true, Options: losses.Values{"average": "micro"}})
	}
	return list
}
