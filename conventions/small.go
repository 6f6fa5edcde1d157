package conventions

// mlx declares the functions of mlx.nn.losses; some are means, others unreduced.
func mlx() *Framework {
	f := &Framework{Name: "mlx", Version: "0.32.4", Prefixes: []string{"mlx.nn.losses", "nn.losses"}}
	reduced := func(name, params, arrays, note string, form func(a Args) (Form, error)) {
		caller{f, "mlx.nn.losses"}.add(name, params, arrays, note, func(a Args) (Form, error) {
			r, err := a.reduction("reduction", plainReductions)
			if err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			return form.reduced(r), nil
		}).Read = true
	}
	const mean, none, two = "reduction='mean'", "reduction='none'", "inputs, targets"
	plain := func(form Form) func(a Args) (Form, error) {
		if form.Inputs == nil {
			form.Inputs = pair("inputs", "targets")
		}
		return fixed(form)
	}
	reduced("mse_loss", mean, "predictions, targets", "", plain(Form{Loss: "mse", Inputs: pair("predictions", "targets")}))
	reduced("l1_loss", mean, "predictions, targets", "", plain(Form{Loss: "l1", Inputs: pair("predictions", "targets")}))
	reduced("smooth_l1_loss", "beta=1.0, reduction='mean'", "predictions, targets", "", func(a Args) (Form, error) {
		return Form{Loss: "smooth_l1", Options: V{"beta": a.num("beta")}, Inputs: pair("predictions", "targets")}, nil
	})
	reduced("huber_loss", "delta=1.0, reduction='none'", two, "", func(a Args) (Form, error) {
		return Form{Loss: "huber", Options: V{"delta": a.num("delta")}, Inputs: pair("inputs", "targets")}, nil
	})
	reduced("log_cosh_loss", none, two, "", plain(Form{Loss: "log_cosh"}))
	reduced("cross_entropy", "axis=-1, label_smoothing=0.0, reduction='none'", "logits, targets", "a label of -1 is the last class there, and ends the run here", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel, "label_smoothing": a.num("label_smoothing")},
			Inputs: pair("logits", "targets"), ClassesLast: true, Weight: "weights"}, nil
	})
	reduced("binary_cross_entropy", "with_logits=True, reduction='mean'", two, "logits by default", func(a Args) (Form, error) {
		form := Form{Loss: "binary_cross_entropy_with_logits", Inputs: pair("inputs", "targets"), Weight: "weights"}
		if !a.is("with_logits") {
			form.Loss = "binary_cross_entropy"
		}
		return form, nil
	})
	reduced("nll_loss", "axis=-1, reduction='none'", two, "", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "nll", Options: V{"ignore_index": noLabel}, Inputs: pair("inputs", "targets"), ClassesLast: true}, nil
	})
	reduced("kl_div_loss", "axis=-1, reduction='none'", two, "targets are logarithms, too", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "kl_div", Options: V{"log_target": true}, Map: M{"loss": "sum_last"}, Inputs: pair("inputs", "targets")}, nil
	})
	reduced("gaussian_nll_loss", "full=False, eps=1e-6, reduction='mean'", "inputs, targets, vars", "", gaussianForm("eps", "inputs", "targets", "vars"))
	reduced("hinge_loss", none, two, "", func(Args) (Form, error) {
		return hinge(1, []Binding{{"input1", "inputs"}, {"target", "targets"}}, "inputs", ""), nil
	})
	reduced("margin_ranking_loss", "margin=0.0, reduction='none'", "inputs1, inputs2, targets", "", ranking("inputs1", "inputs2", "targets"))
	reduced("cosine_similarity_loss", "axis=1, eps=1e-8, reduction='none'", "x1, x2", "the cosine itself; vectors shorter than 1e-5 differ", func(a Args) (Form, error) {
		if err := a.only("axis", 1.0, -1.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "cosine_embedding", Options: V{"scale": -1.0}, Map: M{"loss": "shift:-1"}, Grad: []string{"input1", "input2"},
			Inputs: []Binding{{"input1", "x1"}, {"input2", "x2"}, {"target", "ones(x1)"}}}, nil
	})
	reduced("triplet_loss", "axis=-1, p=2, margin=1.0, eps=1e-6, reduction='none'", "anchors, positives, negatives", "eps is added once, inside of the root", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		if err := a.only("p", 2.0); err != nil {
			return Form{}, err
		}
		return Form{Loss: "triplet_margin", Options: V{"margin": a.num("margin"), "eps": a.num("eps"), "eps_place": "root"}, Inputs: triple("anchors", "positives", "negatives")}, nil
	})
	return f
}

// tinygrad declares the methods of tinygrad's Tensor.
func tinygrad() *Framework {
	f := &Framework{Name: "tinygrad", Version: "0.14.0", Prefixes: []string{"tinygrad.Tensor", "Tensor"}}
	reduced := func(name, params, note string, form func(a Args) (Form, error)) {
		caller{f, "tinygrad.Tensor"}.add(name, params, "self, Y", note, func(a Args) (Form, error) {
			r, err := a.reduction("reduction", plainReductions)
			if err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			form.Inputs = pair("self", "Y")
			return form.reduced(r), nil
		})
	}
	const mean = "reduction='mean'"
	reduced("binary_crossentropy", mean, "0 and 1 on the wrong side are infinite there, and 100 here", fixed(Form{Loss: "binary_cross_entropy"}))
	reduced("binary_crossentropy_logits", mean, "", fixed(Form{Loss: "binary_cross_entropy_with_logits"}))
	reduced("cross_entropy", "reduction='mean', label_smoothing=0.0", "", func(a Args) (Form, error) {
		return Form{Loss: "cross_entropy", Options: V{"label_smoothing": a.num("label_smoothing"), "ignore_index": noLabel}}, nil
	})
	reduced("sparse_categorical_crossentropy", "ignore_index=-1, label_smoothing=0.0, reduction='mean'",
		"mean divides by all rows there, and by the kept ones here: the same where no label is ignored", func(a Args) (Form, error) {
			return Form{Loss: "cross_entropy", Options: V{"label_smoothing": a.num("label_smoothing"), "ignore_index": int64(a.num("ignore_index"))}, ClassesLast: true}, nil
		})
	reduced("nll_loss", "ignore_index=None, reduction='mean'", "", func(a Args) (Form, error) {
		index := noLabel
		if !a.none("ignore_index") {
			index = int64(a.num("ignore_index"))
		}
		return Form{Loss: "nll", Options: V{"ignore_index": index}}, nil
	})
	return f
}

// sklearn declares scikit-learn's metrics that are losses.
func sklearn() *Framework {
	f := &Framework{Name: "scikit-learn", Version: "1.9.1", Prefixes: []string{"sklearn.metrics"}}
	c := caller{f, "sklearn.metrics"}
	// Rows that have weights are divided by their sum.
	weighted := func(name, params, note string, form func(a Args) (Form, error)) {
		c.add(name, params, "y_true, y_pred", note, func(a Args) (Form, error) {
			form, err := form(a)
			form.Weight, form.ByWeights = "sample_weight", true
			return form.reduced("mean"), err
		})
	}
	rows := M{"loss": "mean_last"}
	plain := func(loss string, o V) func(a Args) (Form, error) {
		return fixed(Form{Loss: loss, Options: o, Map: rows, Inputs: swapped("y_true", "y_pred"), Shapes: map[string]string{"input": "N,D"}})
	}
	weighted("mean_squared_error", "", "[N] is a column: give [N,1]", plain("mse", nil))
	weighted("mean_absolute_error", "", "[N] is a column: give [N,1]", plain("l1", nil))
	weighted("mean_squared_log_error", "", "", plain("msle", nil))
	weighted("mean_absolute_percentage_error", "", "", plain("mape", V{"floor": 2.220446049250313e-16}))
	c.add("root_mean_squared_error", "", "y_true, y_pred", "of one output; of several, the mean of their roots", fixed(Form{
		Loss: "mse", Options: V{"reduction": "mean"}, Map: M{"result": "sqrt"}, Shapes: map[string]string{"input": "N"}, Inputs: swapped("y_true", "y_pred")}))
	c.add("mean_pinball_loss", "alpha=0.5", "y_true, y_pred", "", func(a Args) (Form, error) {
		return Form{Loss: "quantile", Options: V{"quantiles": []float64{a.num("alpha")}, "reduction": "mean"},
			Inputs: []Binding{{"target", "y_true"}, {"input", "column(y_pred)"}}}, nil
	})
	c.add("mean_poisson_deviance", "", "y_true, y_pred", "", fixed(Form{Loss: "poisson_deviance", Options: V{"reduction": "mean"}, Shapes: map[string]string{"mean": "N"},
		Inputs: []Binding{{"target", "y_true"}, {"mean", "y_pred"}}}))
	c.add("mean_gamma_deviance", "", "y_true, y_pred", "", fixed(Form{Loss: "gamma_deviance", Options: V{"reduction": "mean"}, Shapes: map[string]string{"mean": "N"},
		Inputs: []Binding{{"target", "y_true"}, {"mean", "y_pred"}}}))
	c.add("mean_tweedie_deviance", "power=0", "y_true, y_pred", "", tweedieForm)
	c.add("log_loss", "normalize=True", "y_true, y_pred", "of labels and probabilities of classes, kept 1.19e-7 from 0 and 1 in float32", func(a Args) (Form, error) {
		form := Form{Loss: "nll", Options: V{"ignore_index": noLabel}, Map: M{"input": steps(clip(1.1920928955078125e-07), "log")}, Inputs: swapped("y_true", "y_pred"), Weight: "sample_weight", ByWeights: a.is("normalize")}
		if a.is("normalize") {
			return form.reduced("mean"), nil
		}
		return form.reduced("sum"), nil
	})
	c.add("brier_score_loss", "scale_by_half='auto', labels=None", "y_true, y_proba", "", func(a Args) (Form, error) {
		list, ok := a.value("labels").([]any)
		if !ok {
			return Form{}, a.missing("labels are needed, as in labels=[0, 1, 2]: they say how many classes there are")
		}
		for i, v := range list {
			if Literal(v) != Literal(float64(i)) {
				return Form{}, a.missing("labels are counted from 0 here, as in labels=[0, 1, 2]")
			}
		}
		scale := 1.0
		if half := a.value("scale_by_half"); half == true || half == "auto" && len(list) == 2 {
			scale = 0.5
		}
		return Form{Loss: "mse", Options: V{"reduction": "mean"}, Map: M{"loss": "sum_last"}, Inputs: []Binding{{"target", Expr("onehot_" + number(float64(len(list))) + "(y_true)")}, {"input", "y_proba"}},
			Weight: "sample_weight", ByWeights: true}.scaled(scale), nil
	})
	c.add("hinge_loss", "", "y_true, pred_decision", "labels are -1 and 1, or 0 and 1", func(Args) (Form, error) {
		form := hinge(1, []Binding{{"target", "signs(y_true)"}, {"input1", "pred_decision"}}, "pred_decision", "")
		form.Shapes = map[string]string{"input1": "N"}
		form.Weight, form.ByWeights = "sample_weight", true
		return form.reduced("mean"), nil
	})
	return f
}

func tweedieForm(a Args) (Form, error) {
	inputs := []Binding{{"target", "y_true"}, {"mean", "y_pred"}}
	shapes := map[string]string{"mean": "N"}
	switch p := a.num("power"); {
	case p == 0:
		return Form{Loss: "mse", Options: V{"reduction": "mean"}, Shapes: map[string]string{"input": "N"}, Inputs: swapped("y_true", "y_pred")}, nil
	case p == 1:
		return Form{Loss: "poisson_deviance", Options: V{"reduction": "mean"}, Inputs: inputs, Shapes: shapes}, nil
	case p == 2:
		return Form{Loss: "gamma_deviance", Options: V{"reduction": "mean"}, Inputs: inputs, Shapes: shapes}, nil
	case p > 1 && p < 2:
		return Form{Loss: "tweedie", Options: V{"p": p, "form": "deviance", "reduction": "mean"}, Inputs: inputs, Shapes: shapes}, nil
	}
	return Form{}, a.missing("there is a deviance for powers of 0 and from 1 to 2")
}

// torchmetrics declares functions of torchmetrics that are losses.
func torchmetrics() *Framework {
	f := &Framework{Name: "torchmetrics", Version: "1.9.0", Prefixes: []string{"torchmetrics.functional"}}
	c := caller{f, "torchmetrics.functional"}
	mean := V{"reduction": "mean"}
	flat := func(loss string, o V) func(a Args) (Form, error) {
		return fixed(Form{Loss: loss, Options: o, Inputs: pair("preds", "target")}.reduced("mean"))
	}
	c.add("mean_squared_error", "squared=True", "preds, target", "", func(a Args) (Form, error) {
		form := Form{Loss: "mse", Options: mean, Inputs: pair("preds", "target")}
		if !a.is("squared") {
			form.Map = M{"result": "sqrt"}
		}
		return form, nil
	})
	c.add("mean_absolute_error", "", "preds, target", "", flat("l1", nil))
	c.add("mean_absolute_percentage_error", "", "preds, target", "", flat("mape", nil))
	c.add("mean_squared_log_error", "", "preds, target", "", flat("msle", nil))
	c.add("log_cosh_error", "", "preds, target", "", flat("log_cosh", nil))
	c.add("symmetric_mean_absolute_percentage_error", "", "preds, target", "", fixed(Form{Loss: "smape", Options: V{"floor": 1.17e-6, "reduction": "mean"},
		Inputs: []Binding{{"pred", "preds"}, {"target", "target"}}}))
	c.add("kl_divergence", "log_prob=False, reduction='mean'", "p, q", "p, the first, is the truth", func(a Args) (Form, error) {
		r, err := a.reduction("reduction", plainReductions)
		if err != nil {
			return Form{}, err
		}
		form := Form{Loss: "kl_div", Options: V{"log_target": a.is("log_prob")}, Map: M{"loss": "sum_last"}, Inputs: swapped("p", "q")}
		if !a.is("log_prob") {
			form.Map = M{"loss": "sum_last", "input": "normalize,log", "target": "normalize"}
		}
		return form.reduced(r), nil
	})
	c.add("cosine_similarity", "reduction='sum'", "preds, target", "the cosine itself, summed; vectors shorter than 1e-5 differ", func(a Args) (Form, error) {
		r, err := a.reduction("reduction", plainReductions)
		if err != nil {
			return Form{}, err
		}
		return Form{Loss: "cosine_embedding", Options: V{"scale": -1.0}, Map: M{"loss": "shift:-1"}, Grad: []string{"input1"},
			Inputs: []Binding{{"input1", "preds"}, {"input2", "target"}, {"target", "ones(preds)"}}}.reduced(r), nil
	})
	c.add("perplexity", "ignore_index=None", "preds, target", "", func(a Args) (Form, error) {
		return Form{}, a.missing("its classes are the last axis of three")
	})
	return f
}

// The boosting libraries: an objective's gradient is that of the sum, row by row.

func xgboost() *Framework {
	f := &Framework{Name: "xgboost", Version: "3.2.0", Prefixes: []string{"xgboost"}}
	c := caller{f, "xgboost"}
	boosted(c, "objective", []boost{
		{"reg:squarederror", "", Form{Loss: "mse", Options: V{"scale": 0.5}, Shapes: map[string]string{"input": "N"}}},
		{"reg:squaredlogerror", "", Form{Loss: "msle", Options: V{"scale": 0.5}, Shapes: map[string]string{"input": "N"}}},
		{"reg:pseudohubererror", "", Form{Loss: "pseudo_huber", Shapes: map[string]string{"input": "N"}}},
		{"reg:absoluteerror", "the leaves of tree_method hist become medians, which the gradient does not tell", Form{Loss: "l1", Shapes: map[string]string{"input": "N"}}},
		{"binary:logistic", "", Form{Loss: "binary_cross_entropy_with_logits", Shapes: map[string]string{"input": "N"}}},
		{"multi:softprob", "its Hessian is 2p(1 - p)", Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel}}},
		{"count:poisson", "", Form{Loss: "poisson_nll", Shapes: map[string]string{"input": "N"}}},
	})
	return f
}

func lightgbm() *Framework {
	f := &Framework{Name: "lightgbm", Version: "4.7.0", Prefixes: []string{"lightgbm"}}
	c := caller{f, "lightgbm"}
	n := map[string]string{"input": "N"}
	boosted(c, "objective", []boost{
		{"regression", "", Form{Loss: "mse", Options: V{"scale": 0.5}, Shapes: n}},
		{"regression_l1", "the leaves become medians, which the gradient does not tell", Form{Loss: "l1", Shapes: n}},
		{"huber", "", Form{Loss: "huber", Options: V{"delta": 0.9}, Shapes: n}},
		{"binary", "", Form{Loss: "binary_cross_entropy_with_logits", Shapes: n}},
		{"cross_entropy", "", Form{Loss: "binary_cross_entropy_with_logits", Shapes: n}},
		{"multiclass", "its Hessian is K/(K - 1)·p(1 - p)", Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel}}},
		{"poisson", "", Form{Loss: "poisson_nll", Shapes: n}},
	})
	return f
}

func catboost() *Framework {
	f := &Framework{Name: "catboost", Version: "1.2.10", Prefixes: []string{"catboost"}}
	c := caller{f, "catboost"}
	n := map[string]string{"input": "N"}
	boosted(c, "loss_function", []boost{
		{"RMSE", "its gradient is that of half the squared error", Form{Loss: "mse", Options: V{"scale": 0.5}, Shapes: n}},
		{"MAE", "", Form{Loss: "l1", Shapes: n}},
		{"LogCosh", "", Form{Loss: "log_cosh", Shapes: n}},
		{"Logloss", "", Form{Loss: "binary_cross_entropy_with_logits", Shapes: n}},
		{"MultiClass", "", Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel}}},
		{"Poisson", "", Form{Loss: "poisson_nll", Shapes: n}},
	})
	return f
}

// boost is an objective of a boosting library.
type boost struct {
	name, note string
	form       Form
}

// boosted declares a call for each objective.
func boosted(c caller, function string, list []boost) {
	for _, b := range list {
		c.add(function, "", "raw, label", b.note, func(Args) (Form, error) {
			form := b.form
			form.Inputs, form.Weight = pair("raw", "label"), "weight"
			return form.reduced("sum"), nil
		}).First = b.name
	}
}
