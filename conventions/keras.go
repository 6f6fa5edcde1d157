package conventions

import "strings"

// kerasReductions are Keras' words for reductions.
var kerasReductions = map[string]string{
	"sum_over_batch_size": "mean", "mean": "mean", "sum": "sum", "none": "none", "mean_with_sample_weight": "mean",
}

const kerasEps = 1e-7

// keras declares the losses of Keras 3, the classes and the functions of the same
// names, which return a loss for each row.
func keras() *Framework {
	f := &Framework{Name: "keras", Version: "3.15.1", Prefixes: []string{"keras.losses", "tf.keras.losses", "tensorflow.keras.losses"}}
	for _, d := range append(kerasElements(), kerasClasses()...) {
		f.Calls = append(f.Calls, d.class())
		if d.function != "" {
			f.Calls = append(f.Calls, d.functional())
		}
	}
	return f
}

// kerasLoss is a loss of Keras, as a class and as a function.
type kerasLoss struct {
	name, function string
	params         string // but those that all classes have
	note           string
	form           func(a Args) (Form, error)
}

func (d kerasLoss) class() *Call {
	params := strings.TrimPrefix(d.params+", reduction='sum_over_batch_size', name=None, dtype=None", ", ")
	return &Call{Name: "keras.losses." + d.name, Params: params, Arrays: "y_true, y_pred", Note: d.note, Form: func(a Args) (Form, error) {
		r, err := a.reduction("reduction", kerasReductions)
		if err != nil {
			return Form{}, err
		}
		f, err := d.form(a)
		if err != nil {
			return f, err
		}
		f.Weight, f.ByWeights = "sample_weight", a.str("reduction") == "mean_with_sample_weight"
		return f.reduced(r), nil
	}}
}

func (d kerasLoss) functional() *Call {
	return &Call{Name: "keras.losses." + d.function, Params: d.params, Arrays: "y_true, y_pred", Note: d.note, Form: func(a Args) (Form, error) {
		f, err := d.form(a)
		if err != nil {
			return f, err
		}
		return f.reduced("none"), nil
	}}
}

// averaged is a loss of elements whose last axis is averaged first.
func averaged(loss string, o func(a Args) V) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		f := Form{Loss: loss, Map: M{"loss": "mean_last"}, Inputs: swapped("y_true", "y_pred")}
		if o != nil {
			f.Options = o(a)
		}
		return f, nil
	}
}

const jaxAbs = "exactly at 0 the gradient is 0; keras on JAX has -1 there"

func kerasElements() []kerasLoss {
	return []kerasLoss{
		{"MeanSquaredError", "mean_squared_error", "", "", averaged("mse", nil)},
		{"MeanAbsoluteError", "mean_absolute_error", "", jaxAbs, averaged("l1", nil)},
		{"MeanAbsolutePercentageError", "mean_absolute_percentage_error", "", jaxAbs, averaged("mape", func(Args) V { return V{"percent": true, "floor": kerasEps} })},
		{"MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "", "predictions below 1e-7 have a gradient of 0", averaged("msle", func(Args) V { return V{"floor": kerasEps} })},
		{"Huber", "huber", "delta=1.0", "", averaged("huber", func(a Args) V { return V{"delta": a.num("delta")} })},
		{"LogCosh", "log_cosh", "", "", averaged("log_cosh", nil)},
		{"Poisson", "poisson", "", "takes rates; 1e-7 is added inside the logarithm", averaged("poisson_nll", func(Args) V { return V{"log_input": false, "eps": kerasEps} })},
		{"Hinge", "hinge", "", "exactly at the hinge the gradient is 0; keras has 1 on TensorFlow and one half on JAX and torch", kerasHinge("mean_last")},
		{"SquaredHinge", "squared_hinge", "", "", kerasHinge("square,mean_last")},
		{"BinaryCrossentropy", "binary_crossentropy", "from_logits=False, label_smoothing=0.0, axis=-1", "probabilities are kept in [1e-7, 1 - 1e-7], with a gradient of 0 beyond", kerasBinary},
		{"BinaryFocalCrossentropy", "binary_focal_crossentropy", "apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1",
			"alpha counts only with apply_class_balancing; from logits as keras on TensorFlow, which keeps them: on JAX and torch the sigmoid is clipped to [1e-7, 1 - 1e-7]", kerasBinaryFocal},
		{"CosineSimilarity", "cosine_similarity", "axis=-1", "vectors shorter than 1e-5 differ: keras divides by max(norm, 1e-7)", kerasCosine},
	}
}

func kerasHinge(steps string) func(a Args) (Form, error) {
	return func(Args) (Form, error) {
		return hinge(1, []Binding{{"target", "signs(y_true)"}, {"input1", "y_pred"}}, "y_pred", steps), nil
	}
}

// smoothed are the steps of binary label smoothing.
func smoothed(share float64) string {
	if share == 0 {
		return ""
	}
	return steps("scale:"+number(1-share), "shift:"+number(share/2))
}

func kerasBinary(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	f := Form{Loss: "binary_cross_entropy_with_logits", Map: M{"loss": "mean_last", "target": smoothed(a.num("label_smoothing"))}, Inputs: swapped("y_true", "y_pred")}
	if !a.is("from_logits") {
		f.Loss, f.Map["input"] = "binary_cross_entropy", clip(kerasEps)
	}
	return f, nil
}

func kerasBinaryFocal(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	alpha := -1.0
	if a.is("apply_class_balancing") {
		alpha = a.num("alpha")
	}
	f := Form{Loss: "sigmoid_focal", Options: V{"alpha": alpha, "gamma": a.num("gamma")}, Inputs: swapped("y_true", "y_pred"),
		Map: M{"loss": "mean_last", "target": smoothed(a.num("label_smoothing"))}}
	if !a.is("from_logits") {
		f.Options["activation"], f.Options["clip"] = "none", kerasEps
	}
	return f, nil
}

func kerasCosine(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	return Form{Loss: "cosine_embedding", Map: M{"loss": "shift:-1"}, Grad: []string{"input1"},
		Inputs: []Binding{{"input2", "y_true"}, {"input1", "y_pred"}, {"target", "ones(y_pred)"}}}, nil
}

func kerasClasses() []kerasLoss {
	return []kerasLoss{
		{"SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", "from_logits=False, ignore_class=None, axis=-1",
			"probabilities are divided by their sum, then kept in [1e-7, 1 - 1e-7] with a gradient of 0 beyond; keras on TensorFlow clips first", kerasSparse},
		{"CategoricalCrossentropy", "categorical_crossentropy", "from_logits=False, label_smoothing=0.0, axis=-1",
			"on TensorFlow the gradient of a row whose target does not sum to 1 is p - t", kerasCategorical},
		{"CategoricalFocalCrossentropy", "categorical_focal_crossentropy", "alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1",
			"targets must be one-hot; alpha is one factor for every class", kerasCategoricalFocal},
		{"KLDivergence", "kl_divergence", "", "both are kept in [1e-7, 1]", func(Args) (Form, error) {
			return Form{Loss: "kl_div", Map: M{"target": "clip:1e-07:1", "input": "clip:1e-07:1,log", "loss": "sum_last"}, Inputs: swapped("y_true", "y_pred")}, nil
		}},
		{"CategoricalHinge", "categorical_hinge", "", "", func(a Args) (Form, error) {
			return Form{}, a.missing("there is no hinge between the true class and the largest other one that counts the true one as 0")
		}},
		{"CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy", "q=0.5", "", func(a Args) (Form, error) {
			return Form{}, a.missing("there is no generalized cross entropy, (1 - p^q) / q")
		}},
		{"Dice", "dice", "axis=None", "one ratio for the whole batch; both empty: 1", kerasRegion("dice", nil)},
		{"Tversky", "tversky", "alpha=0.5, beta=0.5, axis=None", "alpha weighs what is there and not predicted, whatever the documentation says", kerasRegion("tversky", func(a Args) V {
			return V{"alpha": a.num("beta"), "beta": a.num("alpha")}
		})},
		{"CTC", "ctc", "", "", func(a Args) (Form, error) {
			return Form{}, a.missing("its scores are [N,T,C], and a file takes [T,N,C]")
		}},
	}
}

func kerasSparse(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	f := Form{Loss: "cross_entropy", Options: V{}, Inputs: swapped("y_true", "y_pred"), ClassesLast: true}
	if !a.none("ignore_class") {
		f.Options["ignore_index"] = int64(a.num("ignore_class"))
	}
	if !a.is("from_logits") {
		f.Loss, f.Map = "nll", M{"input": steps("normalize", clip(kerasEps), "log")}
	}
	return f, nil
}

func kerasCategorical(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	if a.is("from_logits") {
		return Form{Loss: "cross_entropy", Options: V{"target": "probabilities", "label_smoothing": a.num("label_smoothing")}, Inputs: swapped("y_true", "y_pred"), ClassesLast: true}, nil
	}
	f := Form{Loss: "soft_nll", Map: M{"input": steps("normalize", clip(kerasEps), "log")}, Inputs: swapped("y_true", "y_pred"), ClassesLast: true}
	if share := a.num("label_smoothing"); share != 0 {
		f.Map["target"] = "smooth:" + number(share)
	}
	return f, nil
}

func kerasCategoricalFocal(a Args) (Form, error) {
	if err := a.only("axis", -1.0); err != nil {
		return Form{}, err
	}
	if a.num("label_smoothing") != 0 {
		return Form{}, a.missing("focal takes labels, and smoothed ones are no labels")
	}
	f := Form{Loss: "focal", Options: V{"alpha": a.num("alpha"), "gamma": a.num("gamma")}, Inputs: swapped("argmax(y_true)", "y_pred"), ClassesLast: true}
	if !a.is("from_logits") {
		f.Map = M{"input": steps("normalize", clip(kerasEps), "log")}
	}
	return f, nil
}

// kerasRegion is an overlap of the whole batch.
func kerasRegion(loss string, o func(a Args) V) func(a Args) (Form, error) {
	return func(a Args) (Form, error) {
		if err := a.only("axis", nil); err != nil {
			return Form{}, err
		}
		options := V{"activation": "none", "target": "probabilities", "batch": true, "average": "micro", "smooth_nr": 0.0, "smooth_dr": kerasEps}
		if o != nil {
			for name, value := range o(a) {
				options[name] = value
			}
		}
		return Form{Loss: loss, Options: options, Inputs: swapped("y_true", "y_pred")}, nil
	}
}

// kerasJAX declares what Keras computes otherwise on JAX and on torch than on
// TensorFlow, which keeps the logits of a sigmoid.
func kerasJAX() *Framework {
	f := &Framework{Name: "keras-jax", Version: "3.15.1", Prefixes: []string{"keras_jax.losses"}}
	d := kerasLoss{"BinaryFocalCrossentropy", "binary_focal_crossentropy", "apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1",
		"from logits, too, the probabilities are kept in [1e-7, 1 - 1e-7] inside of the logarithm, with a gradient of 0 beyond", func(a Args) (Form, error) {
			form, err := kerasBinaryFocal(a)
			if err == nil && a.is("from_logits") {
				form.Options["clip"] = kerasEps
			}
			return form, err
		}}
	f.Calls = []*Call{d.class(), d.functional()}
	for _, c := range f.Calls {
		c.Name = "keras_jax." + strings.TrimPrefix(c.Name, "keras.")
	}
	return f
}
