package composition

import (
	"maps"
	"math"

	"github.com/lossgen/lossgen/losses"
)

// multiTaskCases are golden cases of every weighting, over tasks of different
// losses and shapes, with masks, weights and a composition inside another.
func multiTaskCases() []losses.Case {
	var out []losses.Case
	mixed := []losses.Task{
		{Name: "depth", Loss: "huber", Options: losses.Values{"delta": 0.5}},
		{Name: "seg", Loss: "cross_entropy", Options: losses.Values{"label_smoothing": 0.1, "softcap": 3.0}, Classification: true},
		{Name: "aux", Loss: "focal", Options: losses.Values{"reduction": "sum", "scale": 0.5}},
	}
	plain := []losses.Task{mixed[0], {Name: "seg", Loss: "cross_entropy"}, mixed[2]}
	shapes := map[string]string{"depth_input": "N,1,H,W", "seg_input": "N,C,H,W"}
	sizes := map[string]int64{"H": 2, "W": 3, "aux_N": 6, "aux_C": 2}
	parameters := map[string]map[string]string{
		"uncertainty": {"log_vars": "normal:0.5"}, "revised": {"scales": "uniform:0.5:1.5"}, "imtl_l": {"scales": "normal:0.5"},
	}
	for _, w := range []string{"uncertainty", "fixed", "revised", "geometric", "smooth_tchebycheff", "imtl_l"} {
		o := losses.Values{"weighting": w, "tasks": plain}
		out = append(out,
			losses.Case{Name: "mixed_" + w, Options: o, Shapes: shapes, Sizes: sizes, Fill: parameters[w]},
			losses.Case{
				Name: "masked_" + w, Options: o, Shapes: shapes, Sizes: sizes, Fill: parameters[w],
				With: []string{"depth_mask", "depth_sample_weight", "seg_weight", "aux_mask"}, GradOutput: true,
				Set: map[string]losses.Edge{"aux_mask": {0: 0, 3: 0}, "seg_target": {1: -100, 5: -100}},
			},
			losses.Case{
				Name: "behind_masks_" + w, Options: o, Shapes: shapes, Sizes: sizes, With: []string{"depth_mask", "aux_mask"},
				Fill: merged(parameters[w], map[string]string{"depth_mask": "constant:1", "aux_mask": "constant:1"}),
				Set: map[string]losses.Edge{
					"depth_mask": {1: 0}, "depth_input": {1: math.NaN()}, "depth_target": {1: math.Inf(1)},
					"aux_mask": {0: 0, 3: 0}, "aux_input": {0: math.NaN(), 1: math.Inf(-1), 7: math.NaN()}, "aux_target": {0: -5, 3: 100},
				},
			},
			losses.Case{Name: "missing_" + w, Options: o, With: []string{"aux_mask"}, Sizes: sizes, Fill: map[string]string{"aux_mask": "constant:0"}},
			losses.Case{Name: "three_" + w, Options: losses.Values{"weighting": w, "reduction": "none", "tasks": []losses.Task{
				{Name: "a", Loss: "mse"}, {Name: "b", Loss: "l1"}, {Name: "c", Loss: "cross_entropy"},
			}}, Shapes: map[string]string{"c_input": "N,C,D"}, With: []string{"b_mask"}},
			losses.Case{Name: "single_task_" + w, Options: losses.Values{"weighting": w, "tasks": []losses.Task{{Name: "only", Loss: "bce_with_logits", Options: losses.Values{"temperature": 2.0}}}}},
			losses.Case{Name: "equal_losses_" + w, Options: losses.Values{"weighting": w}, Fill: map[string]string{"b_input": "like:a_input", "b_target": "like:a_target"}},
			losses.Case{Name: "zero_loss_" + w, Options: losses.Values{"weighting": w}, Fill: map[string]string{"b_target": "like:b_input"}},
		)
	}
	return append(out,
		losses.Case{Name: "half", Options: losses.Values{"tasks": mixed, "half": true}, Shapes: shapes, Sizes: sizes},
		losses.Case{Name: "revised_classification", Options: losses.Values{"tasks": mixed, "weighting": "revised"}, Shapes: shapes, Sizes: sizes},
		losses.Case{Name: "fixed_numbers", Options: losses.Values{"tasks": plain, "weighting": "fixed", "weights": losses.Weights{"depth": 2, "aux": -0.25}}},
		losses.Case{Name: "fixed_input", Options: losses.Values{"tasks": plain, "weighting": "fixed"}, With: []string{"task_weights"}, Set: map[string]losses.Edge{"task_weights": {1: 0}}},
		losses.Case{Name: "mu_half", Options: losses.Values{"tasks": plain, "weighting": "smooth_tchebycheff", "mu": 0.5}},
		losses.Case{Name: "nadir", Options: losses.Values{"tasks": plain, "weighting": "smooth_tchebycheff", "mu": 0.25}, With: []string{"nadir"}},
		losses.Case{Name: "nadir_large", Options: losses.Values{"tasks": plain, "weighting": "smooth_tchebycheff"}, With: []string{"nadir"}, Set: map[string]losses.Edge{"nadir": {0: 70001}}},
		losses.Case{Name: "large_losses", Options: losses.Values{"weighting": "smooth_tchebycheff", "mu": 0.01}, Fill: map[string]string{"a_input": "normal:1e4"}},
		losses.Case{Name: "nested", Options: losses.Values{"tasks": []losses.Task{
			{Name: "heads", Loss: "multi_task", Options: losses.Values{"weighting": "fixed", "weights": losses.Weights{"l": 0.25}, "scale": 3.0, "tasks": []losses.Task{
				{Name: "l", Loss: "l1"}, {Name: "r", Loss: "quantile"},
			}}},
			{Name: "seg", Loss: "nll"},
		}}, With: []string{"heads_l_mask"}},
		losses.Case{Name: "every_kind", Options: losses.Values{"tasks": []losses.Task{
			{Name: "box", Loss: "complete_box_iou"}, {Name: "cls", Loss: "sigmoid_focal"}, {Name: "obj", Loss: "bce_with_logits"},
			{Name: "kl", Loss: "kl_div", Options: losses.Values{"reduction": "batchmean"}}, {Name: "g", Loss: "gaussian_nll"}, {Name: "t", Loss: "triplet_margin"},
		}}, With: []string{"obj_pos_weight", "kl_mask", "box_mask"}},
		losses.Case{Name: "sums", Options: losses.Values{"tasks": plain, "reduction": "sum"}, With: []string{"seg_normalizer"}},
	)
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}
