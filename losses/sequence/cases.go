package sequence

import (
	"math"

	"github.com/lossgen/lossgen/losses"
)

// ctcCases are all golden cases of CTC: lengths, labels and time must fit, so
// none is derived from the declaration.
func ctcCases() []losses.Case {
	var out []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		for _, list := range [][]losses.Case{ctcLengths(), ctcShapes(), ctcOptions(), ctcEdges(r)} {
			for _, c := range list {
				c.Name += "_" + string(r)
				c.Options = losses.WithReduction(c.Options, string(r))
				out = append(out, c)
			}
		}
	}
	return out
}

// ctcCase has 4 sequences of 5 classes, 6 steps and 3 labels at most, whose
// lengths are given.
func ctcCase(name string, steps, labels []float64) losses.Case {
	return losses.Case{
		Name: name,
		Fill: map[string]string{
			"targets":       "uniform:1:5",
			"input_lengths": "constant:0", "target_lengths": "constant:0",
		},
		Set: map[string]losses.Edge{"input_lengths": edgesOf(steps), "target_lengths": edgesOf(labels)},
	}
}

func edgesOf(values []float64) losses.Edge {
	e := losses.Edge{}
	for i, v := range values {
		e[i] = v
	}
	return e
}

var (
	ctcSteps  = []float64{6, 5, 6, 3}
	ctcLabels = []float64{3, 2, 1, 0}
)

func with(c losses.Case, change func(*losses.Case)) losses.Case {
	change(&c)
	return c
}

func ctcLengths() []losses.Case {
	same := func(c *losses.Case) { c.Fill["targets"] = "constant:2" }
	zeroInfinity := func(c *losses.Case) { c.Options = losses.Values{"zero_infinity": true} }
	return []losses.Case{
		ctcCase("lengths", ctcSteps, ctcLabels),
		ctcCase("full", []float64{6, 6, 6, 6}, []float64{3, 3, 3, 3}),
		ctcCase("no_labels", ctcSteps, []float64{0, 0, 0, 0}),
		ctcCase("no_steps", []float64{0, 0, 6, 1}, []float64{0, 2, 3, 1}),
		with(ctcCase("no_steps_zero_infinity", []float64{0, 0, 6, 1}, []float64{0, 2, 3, 1}), zeroInfinity),
		with(ctcCase("repeated", []float64{6, 5, 5, 3}, []float64{3, 3, 2, 2}), same),
		with(ctcCase("no_path", []float64{4, 2, 6, 1}, []float64{3, 2, 3, 2}), same),
		with(with(ctcCase("no_path_zero_infinity", []float64{4, 2, 6, 1}, []float64{3, 2, 3, 2}), same), zeroInfinity),
		with(ctcCase("padding", ctcSteps, ctcLabels), func(c *losses.Case) {
			c.Set["targets"] = losses.Edge{5: -1, 7: 0, 8: 99, 9: -100, 10: 5, 11: 99999}
		}),
	}
}

func ctcShapes() []losses.Case {
	split := func(total int64) func(*losses.Case) {
		return func(c *losses.Case) {
			c.Shapes = map[string]string{"targets": "L"}
			c.Sizes = map[string]int64{"L": total}
		}
	}
	sizes := func(s map[string]int64) func(*losses.Case) { return func(c *losses.Case) { c.Sizes = s } }
	return []losses.Case{
		with(ctcCase("split", ctcSteps, ctcLabels), split(6)),
		with(ctcCase("split_empty_first", ctcSteps, []float64{0, 2, 0, 1}), split(3)),
		with(ctcCase("split_no_labels", ctcSteps, []float64{0, 0, 0, 0}), split(0)),
		with(ctcCase("one_sequence", []float64{5}, []float64{3}), func(c *losses.Case) {
			c.Shapes = map[string]string{"log_probs": "T,C"}
		}),
		with(ctcCase("one_sequence_of_lists", []float64{5}, []float64{3}), func(c *losses.Case) {
			c.Shapes = map[string]string{"log_probs": "T,C", "input_lengths": "1"}
		}),
		with(ctcCase("one_padded_sequence", []float64{5}, []float64{2}), func(c *losses.Case) {
			c.Shapes = map[string]string{"log_probs": "T,C", "targets": "1,S"}
		}),
		with(ctcCase("single", []float64{6}, []float64{2}), sizes(map[string]int64{"N": 1})),
		with(ctcCase("one_step", []float64{1, 1, 1, 0}, []float64{0, 1, 2, 0}), sizes(map[string]int64{"T": 1})),
		with(ctcCase("one_class", ctcSteps, []float64{0, 0, 0, 0}), sizes(map[string]int64{"C": 1})),
		with(ctcCase("no_columns", ctcSteps, []float64{0, 0, 0, 0}), sizes(map[string]int64{"S": 0})),
		with(ctcCase("long", []float64{60, 51}, []float64{12, 9}), sizes(map[string]int64{"T": 60, "N": 2, "S": 12, "C": 20})),
	}
}

func ctcOptions() []losses.Case {
	upstream := func(c *losses.Case) { c.GradOutput = true }
	option := func(name string, value any) func(*losses.Case) {
		return func(c *losses.Case) { c.Options = losses.WithReduction(c.Options, ""); c.Options[name] = value }
	}
	return []losses.Case{
		with(with(ctcCase("blank_last", ctcSteps, ctcLabels), option("blank", int64(4))), func(c *losses.Case) { c.Fill["targets"] = "uniform:0:4" }),
		with(with(ctcCase("blank_middle", ctcSteps, ctcLabels), option("blank", int64(2))), func(c *losses.Case) {
			c.Set["targets"] = losses.Edge{0: 0, 1: 3, 2: 3, 3: 4, 4: 1, 6: 1}
		}),
		with(ctcCase("upstream", ctcSteps, ctcLabels), upstream),
		with(ctcCase("true_gradient", ctcSteps, ctcLabels), option("true_gradient", true)),
		with(with(ctcCase("true_gradient_upstream", ctcSteps, ctcLabels), option("true_gradient", true)), upstream),
		with(ctcCase("true_gradient_no_path", []float64{4, 2, 6, 1}, []float64{3, 3, 3, 2}), option("true_gradient", true)),
		with(with(ctcCase("true_gradient_zero_infinity", []float64{4, 2, 6, 1}, []float64{3, 3, 3, 2}),
			option("true_gradient", true)), option("zero_infinity", true)),
	}
}

func ctcEdges(r losses.Reduction) []losses.Case {
	if r == losses.Sum {
		return nil // none and mean show them
	}
	inf := math.Inf(1)
	logProbs := func(e losses.Edge) func(*losses.Case) { return func(c *losses.Case) { c.Set["log_probs"] = e } }
	labels := func(c *losses.Case) { c.Set["targets"] = losses.Edge{0: 1, 1: 2, 2: 3, 3: 4, 4: 4, 6: 2} }
	trueGradient := func(c *losses.Case) { c.Options = losses.Values{"true_gradient": true} }
	impossible := losses.Edge{2*20 + 0: -inf, 2*20 + 1: -inf, 1*20 + 8: -inf, 4*20 + 13: -inf, 5*20 + 19: -inf}
	return []losses.Case{
		with(with(ctcCase("impossible_classes", ctcSteps, ctcLabels), labels), logProbs(impossible)),
		with(with(with(ctcCase("impossible_classes_true_gradient", ctcSteps, ctcLabels), labels), logProbs(impossible)), trueGradient),
		with(with(ctcCase("impossible_step", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{20: -inf, 21: -inf, 22: -inf, 23: -inf, 24: -inf})),
		with(with(ctcCase("unlikely", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{0: -80, 20: -80, 21: -80, 22: -80, 23: -80, 24: -80, 46: -80})),
		with(with(ctcCase("large", ctcSteps, ctcLabels), labels), func(c *losses.Case) {
			c.Set["log_probs"] = losses.Edge{0: -1e4, 20: -1e4, 21: -1e4, 22: -1e4, 23: -1e4, 24: -1e4, 46: -1e4}
			c.Dtypes = []string{"float64"} // PyTorch's float32 has no digits left
		}),
		with(with(ctcCase("nan_blank", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{20: math.NaN(), 86: -1})),
		with(with(ctcCase("nan_other_class", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{24: math.NaN()})),
		with(with(ctcCase("nan_first_step_later_label", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{3: math.NaN()})),
		with(with(ctcCase("nan_after_the_end", ctcSteps, ctcLabels), labels), logProbs(losses.Edge{5*20 + 5: math.NaN(), 4*20 + 16: math.NaN()})),
	}
}
