package conventions

import "math"

// optax declares the losses of optax, which leaves all but a few unreduced.
func optax() *Framework {
	f := &Framework{Name: "optax", Version: "0.2.8", Prefixes: []string{"optax", "optax.losses"}}
	add := func(name, params, arrays, note string, form func(a Args) (Form, error)) {
		f.Calls = append(f.Calls, &Call{Name: "optax." + name, Params: params, Arrays: arrays, Note: note, Form: func(a Args) (Form, error) {
			form, err := form(a)
			if err != nil {
				return form, err
			}
			return form.reduced("none").scaled(scaleOf(form)), nil
		}})
	}
	plain := func(loss string, o V) func(a Args) (Form, error) {
		return func(Args) (Form, error) {
			return Form{Loss: loss, Options: o, Inputs: pair("predictions", "targets")}, nil
		}
	}
	logits := func(loss string, o V, last bool) func(a Args) (Form, error) {
		return func(Args) (Form, error) {
			return Form{Loss: loss, Options: o, Inputs: pair("logits", "labels"), ClassesLast: last}, nil
		}
	}
	add("squared_error", "", "predictions, targets", "", plain("mse", nil))
	add("l2_loss", "", "predictions, targets", "half the squared error", plain("mse", V{"scale": 0.5}))
	add("log_cosh", "", "predictions, targets", "", plain("log_cosh", nil))
	add("huber_loss", "delta=1.0", "predictions, targets", "", func(a Args) (Form, error) {
		return Form{Loss: "huber", Options: V{"delta": a.num("delta")}, Inputs: pair("predictions", "targets")}, nil
	})
	add("softmax_cross_entropy", "axis=-1, where=None", "logits, labels", "", soft("cross_entropy"))
	add("safe_softmax_cross_entropy", "", "logits, labels", "", func(a Args) (Form, error) {
		return Form{}, a.missing("a logit of minus infinity with a target of 0 gives NaN here, as in PyTorch, and 0 there")
	})
	add("softmax_cross_entropy_with_integer_labels", "axis=-1, where=None", "logits, labels", "a label of -1 is the last class there, and ends the run here", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return logits("cross_entropy", V{"ignore_index": int64(math.MinInt32)}, true)(a)
	})
	add("sigmoid_binary_cross_entropy", "", "logits, labels", "", logits("binary_cross_entropy_with_logits", nil, false))
	add("sigmoid_focal_loss", "alpha=None, gamma=2.0", "logits, labels", "", func(a Args) (Form, error) {
		alpha := -1.0
		if !a.none("alpha") {
			alpha = a.num("alpha")
		}
		return logits("sigmoid_focal", V{"alpha": alpha, "gamma": a.num("gamma")}, false)(a)
	})
	add("hinge_loss", "", "predictor_outputs, targets", "exactly at the hinge the gradient is 0; JAX has one half", func(Args) (Form, error) {
		return hinge(1, []Binding{{"input1", "predictor_outputs"}, {"target", "targets"}}, "predictor_outputs", ""), nil
	})
	add("perceptron_loss", "", "predictor_outputs, targets", "exactly at the hinge the gradient is 0; JAX has one half", func(Args) (Form, error) {
		return hinge(0, []Binding{{"input1", "predictor_outputs"}, {"target", "targets"}}, "predictor_outputs", ""), nil
	})
	add("multiclass_hinge_loss", "", "scores, labels", "equal violations share the gradient evenly", func(Args) (Form, error) {
		return Form{Loss: "multiclass_hinge", Inputs: pair("scores", "labels")}, nil
	})
	add("multiclass_perceptron_loss", "", "scores, labels", "equal violations share the gradient evenly", func(Args) (Form, error) {
		return Form{Loss: "multiclass_hinge", Options: V{"margin": 0.0}, Inputs: pair("scores", "labels")}, nil
	})
	add("kl_divergence", "axis=-1, where=None", "log_predictions, targets", "", divergence(V{}, "log_predictions", "targets"))
	add("kl_divergence_with_log_targets", "axis=-1, where=None", "log_predictions, log_targets", "", divergence(V{"log_target": true}, "log_predictions", "log_targets"))
	add("generalized_kl_divergence", "", "log_predictions, targets", "", func(a Args) (Form, error) {
		return Form{}, a.missing("kl_div has no sum of predictions less targets added")
	})
	add("poly_loss_cross_entropy", "epsilon=2.0", "logits, labels", "", func(a Args) (Form, error) {
		return Form{}, a.missing("there is no poly loss, cross entropy + epsilon·(1 - p)")
	})
	add("cosine_distance", "epsilon=0.0, axis=-1", "predictions, targets", "vectors shorter than 1e-5 differ: a zero vector gives NaN there", cosine(1, 0))
	add("cosine_similarity", "epsilon=0.0, axis=-1", "predictions, targets", "vectors shorter than 1e-5 differ: a zero vector gives NaN there", cosine(-1, -1))
	add("triplet_margin_loss", "axis=-1, norm_degree=2.0, margin=1.0, eps=1e-6", "anchors, positives, negatives", "eps is added once, inside of the root", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		if err := a.only("norm_degree", 2.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "triplet_margin", Options: V{"margin": a.num("margin"), "eps": a.num("eps"), "eps_place": "root"}, Inputs: triple("anchors", "positives", "negatives")}, nil
	})
	add("dice_loss", "smooth=1.0, alpha=0.5, beta=0.5, apply_softmax=True", "predictions, targets", "", func(a Args) (Form, error) {
		return Form{}, a.missing("its classes are the last axis, and the loss is one number for each sample")
	})
	add("ctc_loss", "blank_id=0, log_epsilon=-100000.0", "logits, logit_paddings, labels, label_paddings", "", func(a Args) (Form, error) {
		return Form{}, a.missing("its scores are [N,T,C] with paddings, and a file takes [T,N,C] with lengths")
	})
	add("ntxent", "temperature=0.07", "embeddings, labels", "", func(a Args) (Form, error) {
		return Form{}, a.missing("it averages over pairs of equal labels, and there is no such loss")
	})
	return f
}

// scaleOf is the factor that a form's options have already.
func scaleOf(f Form) float64 {
	if s, ok := f.Options["scale"].(float64); ok {
		return s
	}
	return 1
}

func triple(anchor, positive, negative string) []Binding {
	return []Binding{{"anchor", Expr(anchor)}, {"positive", Expr(positive)}, {"negative", Expr(negative)}}
}

// soft is cross entropy with a probability of each class, along the last axis.
func soft(loss string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: loss, Options: V{"target": "probabilities"}, Inputs: pair("logits", "labels"), ClassesLast: true}, nil
	}
}

// divergence is the Kullback-Leibler divergence of each row.
func divergence(o V, input, target string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "kl_div", Options: o, Map: M{"loss": "sum_last"}, Inputs: pair(input, target)}, nil
	}
}

// cosine is a factor times 1 - cosine, with a number added first.
func cosine(factor, shift float64) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		if a.num("epsilon") > 1e-8 {
			return Form{}, a.missing("cosine_embedding keeps no squared norm above epsilon")
		}
		f := Form{Loss: "cosine_embedding", Options: V{}, Grad: []string{"input1"},
			Inputs: []Binding{{"input1", "predictions"}, {"input2", "targets"}, {"target", "ones(predictions)"}}}
		if factor != 1 {
			f.Options["scale"] = factor
		}
		if shift != 0 {
			f.Map = M{"loss": "shift:" + number(shift)}
		}
		return f, nil
	}
}

// scipy declares densities of jax.scipy and scipy, whose losses are their negatives.
func scipy() *Framework {
	f := &Framework{Name: "jax", Version: "0.10.2", Prefixes: []string{"jax.scipy.stats", "scipy.stats"}}
	f.Calls = []*Call{{
		Name: "jax.scipy.stats.norm.logpdf", Arrays: "x, loc, scale", Note: "the loss is minus this; scale is a standard deviation",
		Form: func(Args) (Form, error) {
			return Form{Loss: "gaussian_nll", Options: V{"full": true, "eps": 1e-30, "scale": -1.0, "reduction": "none"}, Map: M{"var": "square"}, Grad: []string{"input", "var"},
				Inputs: []Binding{{"target", "x"}, {"input", "loc"}, {"var", "scale"}}}, nil
		},
	}}
	return f
}
