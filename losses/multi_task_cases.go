package losses

import (
	"maps"
	"math"
)

// multiTaskCases are golden cases of every weighting, over tasks of different
// losses and shapes, with masks, weights and a composition inside another.
func multiTaskCases() []Case {
	var out []Case
	mixed := []Task{
		{Name: "depth", Loss: "huber", Options: Values{"delta": 0.5}},
		{Name: "seg", Loss: "cross_entropy", Options: Values{"label_smoothing": 0.1, "softcap": 3.0}, Classification: true},
		{Name: "aux", Loss: "focal", Options: Values{"reduction": "sum", "scale": 0.5}},
	}
	plain := []Task{mixed[0], {Name: "seg", Loss: "cross_entropy"}, mixed[2]}
	shapes := map[string]string{"depth_input": "N,1,H,W", "seg_input": "N,C,H,W"}
	sizes := map[string]int64{"H": 2, "W": 3, "aux_N": 6, "aux_C": 2}
	parameters := map[string]map[string]string{
		"uncertainty": {"log_vars": "normal:0.5"}, "revised": {"scales": "uniform:0.5:1.5"}, "imtl_l": {"scales": "normal:0.5"},
	}
	for _, w := range []string{"uncertainty", "fixed", "revised", "geometric", "smooth_tchebycheff", "imtl_l"} {
		o := Values{"weighting": w, "tasks": plain}
		out = append(out,
			Case{Name: "mixed_" + w, Options: o, Shapes: shapes, Sizes: sizes, Fill: parameters[w]},
			Case{
				Name: "masked_" + w, Options: o, Shapes: shapes, Sizes: sizes, Fill: parameters[w],
				With: []string{"depth_mask", "depth_sample_weight", "seg_weight", "aux_mask"}, GradOutput: true,
				Set: map[string]Edge{"aux_mask": {0: 0, 3: 0}, "seg_target": {1: -100, 5: -100}},
			},
			Case{
				Name: "behind_masks_" + w, Options: o, Shapes: shapes, Sizes: sizes, With: []string{"depth_mask", "aux_mask"},
				Fill: merged(parameters[w], map[string]string{"depth_mask": "constant:1", "aux_mask": "constant:1"}),
				Set: map[string]Edge{
					"depth_mask": {1: 0}, "depth_input": {1: math.NaN()}, "depth_target": {1: math.Inf(1)},
					"aux_mask": {0: 0, 3: 0}, "aux_input": {0: math.NaN(), 1: math.Inf(-1), 7: math.NaN()}, "aux_target": {0: -5, 3: 100},
				},
			},
			Case{Name: "missing_" + w, Options: o, With: []string{"aux_mask"}, Sizes: sizes, Fill: map[string]string{"aux_mask": "constant:0"}},
			Case{Name: "three_" + w, Options: Values{"weighting": w, "reduction": "none", "tasks": []Task{
				{Name: "a", Loss: "mse"}, {Name: "b", Loss: "l1"}, {Name: "c", Loss: "cross_entropy"},
			}}, Shapes: map[string]string{"c_input": "N,C,D"}, With: []string{"b_mask"}},
			Case{Name: "single_task_" + w, Options: Values{"weighting": w, "tasks": []Task{{Name: "only", Loss: "bce_with_logits", Options: Values{"temperature": 2.0}}}}},
			Case{Name: "equal_losses_" + w, Options: Values{"weighting": w}, Fill: map[string]string{"b_input": "like:a_input", "b_target": "like:a_target"}},
			Case{Name: "zero_loss_" + w, Options: Values{"weighting": w}, Fill: map[string]string{"b_target": "like:b_input"}},
		)
	}
	return append(out,
		Case{Name: "half", Options: Values{"tasks": mixed, "half": true}, Shapes: shapes, Sizes: sizes},
		Case{Name: "revised_classification", Options: Values{"tasks": mixed, "weighting": "revised"}, Shapes: shapes, Sizes: sizes},
		Case{Name: "fixed_numbers", Options: Values{"tasks": plain, "weighting": "fixed", "weights": Weights{"depth": 2, "aux": -0.25}}},
		Case{Name: "fixed_input", Options: Values{"tasks": plain, "weighting": "fixed"}, With: []string{"task_weights"}, Set: map[string]Edge{"task_weights": {1: 0}}},
		Case{Name: "mu_half", Options: Values{"tasks": plain, "weighting": "smooth_tchebycheff", "mu": 0.5}},
		Case{Name: "nadir", Options: Values{"tasks": plain, "weighting": "smooth_tchebycheff", "mu": 0.25}, With: []string{"nadir"}},
		Case{Name: "nadir_large", Options: Values{"tasks": plain, "weighting": "smooth_tchebycheff"}, With: []string{"nadir"}, Set: map[string]Edge{"nadir": {0: 70001}}},
		Case{Name: "large_losses", Options: Values{"weighting": "smooth_tchebycheff", "mu": 0.01}, Fill: map[string]string{"a_input": "normal:1e4"}},
		Case{Name: "nested", Options: Values{"tasks": []Task{
			{Name: "heads", Loss: "multi_task", Options: Values{"weighting": "fixed", "weights": Weights{"l": 0.25}, "scale": 3.0, "tasks": []Task{
				{Name: "l", Loss: "l1"}, {Name: "r", Loss: "quantile"},
			}}},
			{Name: "seg", Loss: "nll"},
		}}, With: []string{"heads_l_mask"}},
		Case{Name: "every_kind", Options: Values{"tasks": []Task{
			{Name: "box", Loss: "complete_box_iou"}, {Name: "cls", Loss: "sigmoid_focal"}, {Name: "obj", Loss: "bce_with_logits"},
			{Name: "kl", Loss: "kl_div", Options: Values{"reduction": "batchmean"}}, {Name: "g", Loss: "gaussian_nll"}, {Name: "t", Loss: "triplet_margin"},
		}}, With: []string{"obj_pos_weight", "kl_mask", "box_mask"}},
		Case{Name: "sums", Options: Values{"tasks": plain, "reduction": "sum"}, With: []string{"seg_normalizer"}},
	)
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}
