package losses

import "math"

// ctcCases are all golden cases of CTC: lengths, labels and time must fit, so
// none is derived from the declaration.
func ctcCases() []Case {
	var out []Case
	for _, r := range []Reduction{None, Mean, Sum} {
		for _, list := range [][]Case{ctcLengths(), ctcShapes(), ctcOptions(), ctcEdges(r)} {
			for _, c := range list {
				c.Name += "_" + string(r)
				c.Options = withReduction(c.Options, string(r))
				out = append(out, c)
			}
		}
	}
	return out
}

// ctcCase has 4 sequences of 5 classes, 6 steps and 3 labels at most, whose
// lengths are given.
func ctcCase(name string, steps, labels []float64) Case {
	return Case{
		Name: name,
		Fill: map[string]string{
			"targets":       "uniform:1:5",
			"input_lengths": "constant:0", "target_lengths": "constant:0",
		},
		Set: map[string]Edge{"input_lengths": edgesOf(steps), "target_lengths": edgesOf(labels)},
	}
}

func edgesOf(values []float64) Edge {
	e := Edge{}
	for i, v := range values {
		e[i] = v
	}
	return e
}

var (
	ctcSteps  = []float64{6, 5, 6, 3}
	ctcLabels = []float64{3, 2, 1, 0}
)

func (c Case) with(change func(*Case)) Case {
	change(&c)
	return c
}

func ctcLengths() []Case {
	same := func(c *Case) { c.Fill["targets"] = "constant:2" }
	zeroInfinity := func(c *Case) { c.Options = Values{"zero_infinity": true} }
	return []Case{
		ctcCase("lengths", ctcSteps, ctcLabels),
		ctcCase("full", []float64{6, 6, 6, 6}, []float64{3, 3, 3, 3}),
		ctcCase("no_labels", ctcSteps, []float64{0, 0, 0, 0}),
		ctcCase("no_steps", []float64{0, 0, 6, 1}, []float64{0, 2, 3, 1}),
		ctcCase("no_steps_zero_infinity", []float64{0, 0, 6, 1}, []float64{0, 2, 3, 1}).with(zeroInfinity),
		ctcCase("repeated", []float64{6, 5, 5, 3}, []float64{3, 3, 2, 2}).with(same),
		ctcCase("no_path", []float64{4, 2, 6, 1}, []float64{3, 2, 3, 2}).with(same),
		ctcCase("no_path_zero_infinity", []float64{4, 2, 6, 1}, []float64{3, 2, 3, 2}).with(same).with(zeroInfinity),
		ctcCase("padding", ctcSteps, ctcLabels).with(func(c *Case) {
			c.Set["targets"] = Edge{5: -1, 7: 0, 8: 99, 9: -100, 10: 5, 11: 99999}
		}),
	}
}

func ctcShapes() []Case {
	split := func(total int64) func(*Case) {
		return func(c *Case) {
			c.Shapes = map[string]string{"targets": "L"}
			c.Sizes = map[string]int64{"L": total}
		}
	}
	sizes := func(s map[string]int64) func(*Case) { return func(c *Case) { c.Sizes = s } }
	return []Case{
		ctcCase("split", ctcSteps, ctcLabels).with(split(6)),
		ctcCase("split_empty_first", ctcSteps, []float64{0, 2, 0, 1}).with(split(3)),
		ctcCase("split_no_labels", ctcSteps, []float64{0, 0, 0, 0}).with(split(0)),
		ctcCase("one_sequence", []float64{5}, []float64{3}).with(func(c *Case) {
			c.Shapes = map[string]string{"log_probs": "T,C"}
		}),
		ctcCase("one_sequence_of_lists", []float64{5}, []float64{3}).with(func(c *Case) {
			c.Shapes = map[string]string{"log_probs": "T,C", "input_lengths": "1"}
		}),
		ctcCase("one_padded_sequence", []float64{5}, []float64{2}).with(func(c *Case) {
			c.Shapes = map[string]string{"log_probs": "T,C", "targets": "1,S"}
		}),
		ctcCase("single", []float64{6}, []float64{2}).with(sizes(map[string]int64{"N": 1})),
		ctcCase("one_step", []float64{1, 1, 1, 0}, []float64{0, 1, 2, 0}).with(sizes(map[string]int64{"T": 1})),
		ctcCase("one_class", ctcSteps, []float64{0, 0, 0, 0}).with(sizes(map[string]int64{"C": 1})),
		ctcCase("no_columns", ctcSteps, []float64{0, 0, 0, 0}).with(sizes(map[string]int64{"S": 0})),
		ctcCase("long", []float64{60, 51}, []float64{12, 9}).with(sizes(map[string]int64{"T": 60, "N": 2, "S": 12, "C": 20})),
	}
}

func ctcOptions() []Case {
	upstream := func(c *Case) { c.GradOutput = true }
	option := func(name string, value any) func(*Case) {
		return func(c *Case) { c.Options = withReduction(c.Options, ""); c.Options[name] = value }
	}
	return []Case{
		ctcCase("blank_last", ctcSteps, ctcLabels).with(option("blank", int64(4))).with(func(c *Case) { c.Fill["targets"] = "uniform:0:4" }),
		ctcCase("blank_middle", ctcSteps, ctcLabels).with(option("blank", int64(2))).with(func(c *Case) {
			c.Set["targets"] = Edge{0: 0, 1: 3, 2: 3, 3: 4, 4: 1, 6: 1}
		}),
		ctcCase("upstream", ctcSteps, ctcLabels).with(upstream),
		ctcCase("true_gradient", ctcSteps, ctcLabels).with(option("true_gradient", true)),
		ctcCase("true_gradient_upstream", ctcSteps, ctcLabels).with(option("true_gradient", true)).with(upstream),
		ctcCase("true_gradient_no_path", []float64{4, 2, 6, 1}, []float64{3, 3, 3, 2}).with(option("true_gradient", true)),
		ctcCase("true_gradient_zero_infinity", []float64{4, 2, 6, 1}, []float64{3, 3, 3, 2}).
			with(option("true_gradient", true)).with(option("zero_infinity", true)),
	}
}

func ctcEdges(r Reduction) []Case {
	if r == Sum {
		return nil // none and mean show them
	}
	inf := math.Inf(1)
	logProbs := func(e Edge) func(*Case) { return func(c *Case) { c.Set["log_probs"] = e } }
	labels := func(c *Case) { c.Set["targets"] = Edge{0: 1, 1: 2, 2: 3, 3: 4, 4: 4, 6: 2} }
	trueGradient := func(c *Case) { c.Options = Values{"true_gradient": true} }
	impossible := Edge{2*20 + 0: -inf, 2*20 + 1: -inf, 1*20 + 8: -inf, 4*20 + 13: -inf, 5*20 + 19: -inf}
	return []Case{
		ctcCase("impossible_classes", ctcSteps, ctcLabels).with(labels).with(logProbs(impossible)),
		ctcCase("impossible_classes_true_gradient", ctcSteps, ctcLabels).with(labels).with(logProbs(impossible)).with(trueGradient),
		ctcCase("impossible_step", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{20: -inf, 21: -inf, 22: -inf, 23: -inf, 24: -inf})),
		ctcCase("unlikely", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{0: -80, 20: -80, 21: -80, 22: -80, 23: -80, 24: -80, 46: -80})),
		ctcCase("large", ctcSteps, ctcLabels).with(labels).with(func(c *Case) {
			c.Set["log_probs"] = Edge{0: -1e4, 20: -1e4, 21: -1e4, 22: -1e4, 23: -1e4, 24: -1e4, 46: -1e4}
			c.Dtypes = []string{"float64"} // PyTorch's float32 has no digits left
		}),
		ctcCase("nan_blank", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{20: math.NaN(), 86: -1})),
		ctcCase("nan_other_class", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{24: math.NaN()})),
		ctcCase("nan_first_step_later_label", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{3: math.NaN()})),
		ctcCase("nan_after_the_end", ctcSteps, ctcLabels).with(labels).with(logProbs(Edge{5*20 + 5: math.NaN(), 4*20 + 16: math.NaN()})),
	}
}
