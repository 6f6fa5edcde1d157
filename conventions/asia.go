package conventions

// paddle declares the functions of paddle.nn.functional.
func paddle() *Framework {
	f := &Framework{Name: "paddle", Version: "3.3.1", Prefixes: []string{"paddle.nn.functional", "paddle.nn"}}
	c := caller{f, "paddle.nn.functional"}
	reduced := func(name, params, arrays, note string, form func(a Args) (Form, error)) {
		c.add(name, params, arrays, note, func(a Args) (Form, error) {
			r, err := a.reduction("reduction", map[string]string{"none": "none", "mean": "mean", "sum": "sum", "batchmean": "batchmean"})
			if err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			if r == "batchmean" && form.Loss != "kl_div" {
				return form, a.missing("reduction batchmean is for kl_div")
			}
			return form.reduced(r), nil
		})
	}
	const r = "reduction='mean', name=None"
	plain := func(loss string, o func(a Args) V) func(a Args) (Form, error) {
		return func(a Args) (Form, error) {
			form := Form{Loss: loss, Inputs: pair("input", "label")}
			if o != nil {
				form.Options = o(a)
			}
			return form, nil
		}
	}
	reduced("mse_loss", r, "input, label", "", plain("mse", nil))
	reduced("l1_loss", r, "input, label", "", plain("l1", nil))
	reduced("smooth_l1_loss", "reduction='mean', delta=1.0, is_huber=True, name=None", "input, label", "with is_huber, the default, it is Huber", func(a Args) (Form, error) {
		if a.is("is_huber") {
			return Form{Loss: "huber", Options: V{"delta": a.num("delta")}, Inputs: pair("input", "label")}, nil
		}
		return Form{Loss: "smooth_l1", Options: V{"beta": a.num("delta")}, Inputs: pair("input", "label")}, nil
	})
	c.add("square_error_cost", "", "input, label", "", fixed(Form{Loss: "mse", Options: V{"reduction": "none"}, Inputs: pair("input", "label")}))
	reduced("cross_entropy", "ignore_index=-100, reduction='mean', soft_label=False, axis=-1, use_softmax=True, label_smoothing=0.0, name=None", "input, label",
		"nothing kept: 0 there, NaN here; with a negative ignore_index, the default, mean divides by all rows there and by the kept ones here, which is the same where no label is ignored", paddleCrossEntropy)
	reduced("nll_loss", "ignore_index=-100, reduction='mean', name=None", "input, label", "", func(a Args) (Form, error) {
		return Form{Loss: "nll", Options: V{"ignore_index": int64(a.num("ignore_index"))}, Inputs: pair("input", "label")}, nil
	})
	reduced("binary_cross_entropy", r, "input, label", "", plain("binary_cross_entropy", nil))
	reduced("binary_cross_entropy_with_logits", r, "logit, label", "", func(Args) (Form, error) {
		return Form{Loss: "binary_cross_entropy_with_logits", Inputs: pair("logit", "label")}, nil
	})
	c.add("log_loss", "epsilon=1e-4, name=None", "input, label", "epsilon is added inside of both logarithms", func(a Args) (Form, error) {
		return Form{Loss: "binary_cross_entropy", Options: V{"eps": a.num("epsilon"), "reduction": "none"}, Inputs: pair("input", "label")}, nil
	})
	reduced("sigmoid_focal_loss", "alpha=0.25, gamma=2.0, reduction='sum', name=None", "logit, label", "a normalizer comes by --with normalizer", func(a Args) (Form, error) {
		return Form{Loss: "sigmoid_focal", Options: V{"alpha": a.num("alpha"), "gamma": a.num("gamma")}, Inputs: pair("logit", "label")}, nil
	})
	reduced("kl_div", "reduction='mean', log_target=False, name=None", "input, label", "", func(a Args) (Form, error) {
		return Form{Loss: "kl_div", Options: V{"log_target": a.is("log_target")}, Inputs: pair("input", "label")}, nil
	})
	reduced("poisson_nll_loss", "log_input=True, full=False, epsilon=1e-8, reduction='mean', name=None", "input, label", "", poissonForm("epsilon", "input", "label"))
	reduced("gaussian_nll_loss", "full=False, epsilon=1e-6, reduction='mean', name=None", "input, label, variance", "", gaussianForm("epsilon", "input", "label", "variance"))
	reduced("margin_ranking_loss", "margin=0.0, reduction='mean', name=None", "input, other, label", "", ranking("input", "other", "label"))
	reduced("hinge_embedding_loss", "margin=1.0, reduction='mean', name=None", "input, label", "", plain("hinge_embedding", func(a Args) V { return V{"margin": a.num("margin")} }))
	reduced("cosine_embedding_loss", "margin=0.0, reduction='mean', name=None", "input1, input2, label", "", cosineForm("input1", "input2", "label"))
	reduced("soft_margin_loss", r, "input, label", "", plain("soft_margin", nil))
	reduced("multi_label_soft_margin_loss", r, "input, label", "", plain("multilabel_soft_margin", nil))
	reduced("triplet_margin_loss", "margin=1.0, p=2.0, epsilon=1e-6, swap=False, reduction='mean', name=None", "input, positive, negative", "", tripletForm("epsilon", "input"))
	reduced("multi_margin_loss", "p=1, margin=1.0, reduction='mean', name=None", "input, label", "exactly at the hinge the gradient is 0, and there that of a violation", func(a Args) (Form, error) {
		return Form{Loss: "multi_margin", Options: V{"p": int64(a.num("p")), "margin": a.num("margin")}, Inputs: pair("input", "label")}, nil
	})
	reduced("ctc_loss", "blank=0, reduction='mean', norm_by_times=False", "log_probs, labels, input_lengths, label_lengths", "takes logits, whatever their name; an infeasible sequence is 0 there and inf here", func(a Args) (Form, error) {
		if err := a.only("norm_by_times", false); err != nil {
			return Form{}, err
		}
		return Form{Loss: "ctc", Options: V{"blank": int64(a.num("blank"))}, Map: M{"log_probs": "log_softmax"},
			Inputs: []Binding{{"log_probs", "log_probs"}, {"targets", "labels"}, {"input_lengths", "input_lengths"}, {"target_lengths", "label_lengths"}}}, nil
	})
	c.add("dice_loss", "epsilon=1e-5, name=None", "input, label", "", func(a Args) (Form, error) {
		return Form{}, a.missing("its classes are the last axis of probabilities, and its labels have an axis of size 1")
	})
	c.add("npair_loss", "l2_reg=0.002", "anchor, positive, labels", "", func(a Args) (Form, error) {
		return Form{}, a.missing("there is no such loss of pairs with a penalty of lengths")
	})
	return f
}

func paddleCrossEntropy(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	form := Form{Loss: "cross_entropy", Options: V{"label_smoothing": a.num("label_smoothing")}, Inputs: pair("input", "label"), ClassesLast: true}
	if a.is("soft_label") {
		form.Options["target"] = "probabilities"
	} else {
		form.Options["ignore_index"] = int64(a.num("ignore_index"))
	}
	if a.is("use_softmax") {
		return form, nil
	}
	if a.is("soft_label") || a.num("label_smoothing") != 0 {
		return form, a.missing("probabilities with soft labels have no loss here")
	}
	delete(form.Options, "label_smoothing")
	form.Loss, form.Map = "nll", M{"input": "log"}
	return form, nil
}

func poissonForm(eps, input, target string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		return Form{Loss: "poisson_nll", Options: V{"log_input": a.is("log_input"), "full": a.is("full"), "eps": a.num(eps)}, Inputs: pair(input, target)}, nil
	}
}

func gaussianForm(eps, input, target, variance string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		return Form{Loss: "gaussian_nll", Options: V{"full": a.is("full"), "eps": a.num(eps)},
			Inputs: append(pair(input, target), Binding{"var", Expr(variance)})}, nil
	}
}

func ranking(first, second, target string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		return Form{Loss: "margin_ranking", Options: V{"margin": a.num("margin")},
			Inputs: []Binding{{"input1", Expr(first)}, {"input2", Expr(second)}, {"target", Expr(target)}}}, nil
	}
}

func cosineForm(first, second, target string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		return Form{Loss: "cosine_embedding", Options: V{"margin": a.num("margin")},
			Inputs: []Binding{{"input1", Expr(first)}, {"input2", Expr(second)}, {"target", Expr(target)}}}, nil
	}
}

func tripletForm(eps, anchor string) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		return Form{Loss: "triplet_margin", Options: V{"margin": a.num("margin"), "p": a.num("p"), "eps": a.num(eps), "swap": a.is("swap")},
			Inputs: triple(anchor, "positive", "negative")}, nil
	}
}

// mindspore declares the classes of mindspore.nn.
func mindspore() *Framework {
	f := &Framework{Name: "mindspore", Version: "2.10.0", Prefixes: []string{"mindspore.nn", "mindspore"}}
	reduced := func(name, params, arrays, note string, form func(a Args) (Form, error)) {
		caller{f, "mindspore.nn"}.add(name, params, arrays, note, func(a Args) (Form, error) {
			r, err := a.reduction("reduction", map[string]string{"none": "none", "mean": "mean", "sum": "sum", "batchmean": "batchmean"})
			if err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			if r == "batchmean" && form.Loss != "kl_div" {
				return form, a.missing("reduction batchmean is for kl_div")
			}
			return form.reduced(r), nil
		})
	}
	const r, two = "reduction='mean'", "logits, labels"
	plain := func(loss string, o func(a Args) V) func(a Args) (Form, error) {
		return func(a Args) (Form, error) {
			form := Form{Loss: loss, Inputs: pair("logits", "labels")}
			if o != nil {
				form.Options = o(a)
			}
			return form, nil
		}
	}
	reduced("MSELoss", r, two, "", plain("mse", nil))
	reduced("L1Loss", r, two, "", plain("l1", nil))
	reduced("MAELoss", r, two, "", plain("l1", nil))
	reduced("HuberLoss", "reduction='mean', delta=1.0", two, "", plain("huber", func(a Args) V { return V{"delta": a.num("delta")} }))
	reduced("SmoothL1Loss", "beta=1.0, reduction='none'", two, "", plain("smooth_l1", func(a Args) V { return V{"beta": a.num("beta")} }))
	caller{f, "mindspore.nn"}.add("RMSELoss", "", two, "", fixed(Form{Loss: "mse", Options: V{"reduction": "mean"}, Map: M{"result": "sqrt"}, Inputs: pair("logits", "labels")}))
	reduced("CrossEntropyLoss", "ignore_index=-100, reduction='mean', label_smoothing=0.0", two, "", func(a Args) (Form, error) {
		return Form{Loss: "cross_entropy", Options: V{"ignore_index": int64(a.num("ignore_index")), "label_smoothing": a.num("label_smoothing")}, Inputs: pair("logits", "labels")}, nil
	})
	reduced("NLLLoss", "ignore_index=-100, reduction='mean'", two, "", plain("nll", func(a Args) V { return V{"ignore_index": int64(a.num("ignore_index"))} }))
	reduced("BCEWithLogitsLoss", r, two, "", plain("binary_cross_entropy_with_logits", nil))
	caller{f, "mindspore.nn"}.add("BCELoss", r, two, "", func(a Args) (Form, error) {
		return Form{}, a.missing("its logarithms stop at log(1e-12), and those of binary_cross_entropy at -100")
	})
	reduced("KLDivLoss", r, two, "", plain("kl_div", nil))
	reduced("PoissonNLLLoss", "log_input=True, full=False, eps=1e-8, reduction='mean'", "input, target", "", poissonForm("eps", "input", "target"))
	reduced("GaussianNLLLoss", "full=False, eps=1e-6, reduction='mean'", "logits, labels, var", "", gaussianForm("eps", "logits", "labels", "var"))
	reduced("MarginRankingLoss", "margin=0.0, reduction='mean'", "input1, input2, target", "", ranking("input1", "input2", "target"))
	reduced("HingeEmbeddingLoss", "margin=1.0, reduction='mean'", two, "exactly at the hinge the gradient is 0, and one half there", plain("hinge_embedding", func(a Args) V { return V{"margin": a.num("margin")} }))
	reduced("CosineEmbeddingLoss", "margin=0.0, reduction='mean'", "logits_x1, logits_x2, labels", "", cosineForm("logits_x1", "logits_x2", "labels"))
	reduced("TripletMarginLoss", "p=2.0, swap=False, eps=1e-6, reduction='mean', margin=1.0", "x, positive, negative", "", tripletForm("eps", "x"))
	reduced("FocalLoss", "gamma=2.0, reduction='mean'", two, "labels are [N,1] there", func(a Args) (Form, error) {
		return Form{Loss: "focal", Options: V{"gamma": a.num("gamma")}, Inputs: []Binding{{"input", "logits"}, {"target", "flat(labels)"}}}, nil
	})
	caller{f, "mindspore.nn"}.add("DiceLoss", "smooth=1e-5", two, "", func(a Args) (Form, error) {
		return Form{Loss: "dice", Options: V{"activation": "none", "target": "probabilities", "batch": true, "average": "micro", "squared": true, "smooth_nr": a.num("smooth"), "smooth_dr": a.num("smooth")}, Inputs: pair("logits", "labels")}, nil
	})
	for _, c := range f.Calls { // measured elsewhere, and it does not install with the others
		c.Read = true
	}
	return f
}

// mxnet declares the classes of mxnet.gluon.loss: a loss for each sample, the mean over
// its other axes.
func mxnet() *Framework {
	f := &Framework{Name: "mxnet", Version: "1.9.1", Prefixes: []string{"mxnet.gluon.loss", "gluon.loss"}}
	sample := func(name, params, note string, form func(a Args) (Form, error)) {
		caller{f, "mxnet.gluon.loss"}.add(name, params, "pred, label", note, func(a Args) (Form, error) {
			if err := a.only("batch_axis", 0.0); err != nil {
				return Form{}, err
			}
			form, err := form(a)
			if err != nil {
				return form, err
			}
			form = form.reduced("none")
			if w := a.num("weight"); !a.none("weight") && w != scaleDefault(form) {
				form.Options["scale"] = w
			}
			form.Weight = "sample_weight"
			return form, nil
		}).Read = true
	}
	const tail = "weight=None, batch_axis=0"
	means := M{"loss": "mean_rest"}
	plain := func(loss string, o V) func(a Args) (Form, error) {
		return fixed(Form{Loss: loss, Options: o, Map: means, Inputs: pair("pred", "label")})
	}
	sample("L2Loss", "weight=1.0, batch_axis=0", "half the squared error", func(a Args) (Form, error) {
		return Form{Loss: "mse", Options: V{"scale": a.num("weight") / 2}, Map: M{"loss": "mean_rest"}, Inputs: pair("pred", "label")}, nil
	})
	sample("L1Loss", tail, "", plain("l1", nil))
	sample("HuberLoss", "rho=1.0, weight=None, batch_axis=0", "divided by rho: smooth L1", func(a Args) (Form, error) {
		return Form{Loss: "smooth_l1", Options: V{"beta": a.num("rho")}, Map: M{"loss": "mean_rest"}, Inputs: pair("pred", "label")}, nil
	})
	sample("SigmoidBinaryCrossEntropyLoss", "from_sigmoid=False, weight=None, batch_axis=0", "from_sigmoid: 1e-12 is added inside of both logarithms", func(a Args) (Form, error) {
		if a.is("from_sigmoid") {
			return Form{Loss: "binary_cross_entropy", Options: V{"eps": 1e-12}, Map: M{"loss": "mean_rest"}, Inputs: pair("pred", "label")}, nil
		}
		return Form{Loss: "binary_cross_entropy_with_logits", Map: M{"loss": "mean_rest"}, Inputs: pair("pred", "label")}, nil
	})
	sample("SoftmaxCrossEntropyLoss", "axis=-1, sparse_label=True, from_logits=False, weight=None, batch_axis=0", "from_logits says that pred holds log-probabilities", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		form := Form{Loss: "cross_entropy", Options: V{"ignore_index": noLabel}, Inputs: pair("pred", "label"), ClassesLast: true}
		switch {
		case !a.is("sparse_label") && a.is("from_logits"):
			form.Loss, form.Options = "soft_nll", V{}
		case !a.is("sparse_label"):
			form.Options = V{"target": "probabilities"}
		case a.is("from_logits"):
			form.Loss = "nll"
		}
		return form, nil
	})
	sample("KLDivLoss", "from_logits=True, axis=-1, weight=None, batch_axis=0", "the sum over the classes, in 1.9.1", func(a Args) (Form, error) {
		if err := a.only("axis", -1.0); err != nil {
			return Form{}, err
		}
		form := Form{Loss: "kl_div", Map: M{"loss": "sum_rest"}, Inputs: pair("pred", "label")}
		if !a.is("from_logits") {
			form.Map["input"] = "log_softmax"
		}
		return form, nil
	})
	sample("HingeLoss", "margin=1.0, weight=None, batch_axis=0", "", func(a Args) (Form, error) {
		return hinge(a.num("margin"), []Binding{{"input1", "pred"}, {"target", "label"}}, "pred", "mean_rest"), nil
	})
	sample("SquaredHingeLoss", "margin=1.0, weight=None, batch_axis=0", "", func(a Args) (Form, error) {
		return hinge(a.num("margin"), []Binding{{"input1", "pred"}, {"target", "label"}}, "pred", "square,mean_rest"), nil
	})
	sample("TripletLoss", "margin=1.0, weight=None, batch_axis=0", "", func(a Args) (Form, error) {
		return Form{}, a.missing("its distances are summed before the margin is added, over all axes")
	})
	f.Calls[len(f.Calls)-1].Arrays = "pred, positive, negative"
	caller{f, "mxnet.gluon.loss"}.add("PoissonNLLLoss", "weight=None, from_logits=True, batch_axis=0, compute_full=False", "pred, target", "a full mean, as no other loss of gluon", func(a Args) (Form, error) {
		return Form{Loss: "poisson_nll", Options: V{"log_input": a.is("from_logits"), "full": a.is("compute_full"), "reduction": "mean"}, Inputs: pair("pred", "target")}, nil
	}).Read = true
	return f
}

// scaleDefault is a factor that a form has for the default of weight.
func scaleDefault(f Form) float64 {
	if s := scaleOf(f); s != 1 {
		return 2 * s
	}
	return 1
}
