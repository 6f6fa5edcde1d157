package conventions

import "math"

// noLabel is an ignore_index for frameworks that ignore no label.
const noLabel = int64(math.MinInt32)

// caller adds the calls of a framework, with its module in front.
type caller struct {
	f      *Framework
	module string
}

func (c caller) add(name, params, arrays, note string, form func(a Args) (Form, error)) *Call {
	call := &Call{Name: c.module + "." + name, Params: params, Arrays: arrays, Note: note, Form: form}
	c.f.Calls = append(c.f.Calls, call)
	return call
}

// fixed is a form without arguments.
func fixed(f Form) func(a Args) (Form, error) { return func(Args) (Form, error) { return f, nil } }

// tensorflow declares the losses of tf.nn, which leave every loss unreduced.
func tensorflow() *Framework {
	f := &Framework{Name: "tensorflow", Version: "2.21.0", Prefixes: []string{"tf.nn", "tensorflow.nn"}}
	c := caller{f, "tf.nn"}
	none := V{"reduction": "none"}
	c.add("softmax_cross_entropy_with_logits", "axis=-1, name=None", "labels, logits", "the gradient of a row whose target does not sum to 1 is p - t there", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "cross_entropy", Options: V{"target": "probabilities", "reduction": "none"}, Inputs: swapped("labels", "logits"), ClassesLast: true}, nil
	})
	c.add("sparse_softmax_cross_entropy_with_logits", "name=None", "labels, logits", "", fixed(Form{
		Loss: "cross_entropy", Options: V{"ignore_index": noLabel, "reduction": "none"}, Inputs: swapped("labels", "logits"), ClassesLast: true}))
	c.add("sigmoid_cross_entropy_with_logits", "name=None", "labels, logits", "", fixed(Form{
		Loss: "binary_cross_entropy_with_logits", Options: none, Inputs: swapped("labels", "logits")}))
	c.add("weighted_cross_entropy_with_logits", "name=None", "labels, logits, pos_weight", "", fixed(Form{
		Loss: "binary_cross_entropy_with_logits", Options: none, With: []string{"pos_weight"}, Inputs: append(swapped("labels", "logits"), Binding{"pos_weight", "pos_weight"})}))
	c.add("log_poisson_loss", "compute_full_loss=False, name=None", "targets, log_input", "", func(a Args) (Form, error) {
		return Form{Loss: "poisson_nll", Options: V{"full": a.is("compute_full_loss"), "reduction": "none"}, Inputs: swapped("targets", "log_input")}, nil
	})
	c.add("l2_loss", "name=None", "t", "half the sum of the squares", fixed(Form{
		Loss: "mse", Options: V{"reduction": "sum", "scale": 0.5}, Inputs: []Binding{{"input", "t"}, {"target", "zeros(t)"}}}))
	c.add("ctc_loss", "logits_time_major=True, unique=None, blank_index=None, name=None", "labels, logits, label_length, logit_length", "an infeasible sequence is inf here and 708 there", func(a Args) (Form, error) {
		if !a.is("logits_time_major") {
			return Form{}, a.missing("a file takes scores that are [T,N,C]")
		}
		blank := int64(0)
		if !a.none("blank_index") {
			blank = int64(a.num("blank_index"))
		}
		return Form{Loss: "ctc", Options: V{"blank": blank, "reduction": "none"}, Map: M{"log_probs": "log_softmax"},
			Inputs: []Binding{{"targets", "labels"}, {"log_probs", "logits"}, {"target_lengths", "label_length"}, {"input_lengths", "logit_length"}}}, nil
	})
	return f
}

// tensorflow1 declares tf.compat.v1.losses, which divide by how many weights are not 0.
func tensorflow1() *Framework {
	f := &Framework{Name: "tensorflow1", Version: "2.21.0", Prefixes: []string{"tf.compat.v1.losses", "tf.losses"}}
	const common = "weights=1.0, scope=None, loss_collection='losses', reduction='weighted_sum_by_nonzero_weights'"
	words := map[string]string{"weighted_sum_by_nonzero_weights": "mean", "weighted_sum": "sum", "weighted_mean": "mean", "none": "none"}
	add := func(name, params, arrays, note string, form func(a Args) (Form, error)) {
		if params != "" {
			params += ", "
		}
		caller{f, "tf.compat.v1.losses"}.add(name, params+common, arrays, note, func(a Args) (Form, error) {
			r, err := a.reduction("reduction", words)
			if err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			form.Weight, form.ByNonzero, form.ByWeights = "weights", a.str("reduction") == "weighted_sum_by_nonzero_weights", a.str("reduction") == "weighted_mean"
			if w := a.num("weights"); w != 1 {
				if w == 0 || form.ByWeights {
					return form, a.missing("a number is a weight of every loss: weights 0 give 0")
				}
				form = form.reduced(r).scaled(w)
			}
			return form.reduced(r), nil
		})
	}
	plain := func(loss string, o func(a Args) V) func(a Args) (Form, error) {
		return func(a Args) (Form, error) {
			form := Form{Loss: loss, Inputs: swapped("labels", "predictions")}
			if o != nil {
				form.Options = o(a)
			}
			return form, nil
		}
	}
	add("mean_squared_error", "", "labels, predictions", "", plain("mse", nil))
	add("absolute_difference", "", "labels, predictions", "", plain("l1", nil))
	add("huber_loss", "delta=1.0", "labels, predictions", "", plain("huber", func(a Args) V { return V{"delta": a.num("delta")} }))
	add("log_loss", "epsilon=1e-7", "labels, predictions", "epsilon is added inside of both logarithms", plain("binary_cross_entropy", func(a Args) V { return V{"eps": a.num("epsilon")} }))
	add("hinge_loss", "", "labels, logits", "labels are 0 and 1; exactly at the hinge the gradient is 0", func(Args) (Form, error) {
		return hinge(1, []Binding{{"target", "sign(labels)"}, {"input1", "logits"}}, "logits", ""), nil
	})
	add("sigmoid_cross_entropy", "label_smoothing=0.0", "multi_class_labels, logits", "", func(a Args) (Form, error) {
		return Form{Loss: "binary_cross_entropy_with_logits", Map: M{"target": smoothed(a.num("label_smoothing"))}, Inputs: swapped("multi_class_labels", "logits")}, nil
	})
	add("softmax_cross_entropy", "label_smoothing=0.0", "onehot_labels, logits", "the gradient of a row whose target does not sum to 1 is p - t there", func(a Args) (Form, error) {
		return Form{Loss: "cross_entropy", Options: V{"target": "probabilities", "label_smoothing": a.num("label_smoothing")}, Inputs: swapped("onehot_labels", "logits"), ClassesLast: true}, nil
	})
	add("sparse_softmax_cross_entropy", "", "labels, logits", "", func(Args) (Form, error) {
		return Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel}, Inputs: swapped("labels", "logits"), ClassesLast: true}, nil
	})
	add("cosine_distance", "axis=None", "labels, predictions", "", func(a Args) (Form, error) {
		return Form{}, a.missing("it divides by no length, and cosine_embedding does")
	})
	add("mean_pairwise_squared_error", "", "labels, predictions", "", func(a Args) (Form, error) {
		return Form{}, a.missing("there is no loss of the differences of all pairs of a row")
	})
	return f
}
