package losses

import "errors"

// CrossEntropyOptions configures [CrossEntropy].
type CrossEntropyOptions struct {
	Target         string    `opt:"target" doc:"what target holds: class indices, or a probability for each class" choices:"indices,probabilities"`
	IgnoreIndex    *int64    `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction      Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
	LabelSmoothing float64   `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0.1;1"`
}

// CrossEntropy is the negative log-likelihood of the target class under the
// softmax of the input.
var CrossEntropy = &Def[CrossEntropyOptions]{
	Spec: Spec{
		Name: "cross_entropy", Class: "CrossEntropyLoss", Aliases: []string{"ce", "label_smoothing"}, Family: "classification",
		Title:       "log-loss of the softmax of logits",
		Formula:     "-weight[target]·log(softmax(input)[target])",
		Torch:       "F.cross_entropy(input, {target}, weight={weight}, ignore_index={ignore_index}, reduction={reduction}, label_smoothing={label_smoothing})",
		LabelPolicy: gatherPolicy, Logits: "input", ZLoss: true,
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights. With --target probabilities it divides by the number of rows, whatever the weights.",
			"ignore_index -100 is on by default. If every label is ignored, mean is NaN and the gradient 0, as in PyTorch.",
			"Label smoothing spreads over all C classes, the true one included; weights apply to each class's share.",
		},
	},
	Defaults: CrossEntropyOptions{Target: "indices", IgnoreIndex: new(int64(-100)), Reduction: Mean},
	Ports: func(o CrossEntropyOptions) ([]Input, []Shapes) {
		if o.Target == "indices" {
			return []Input{logits, classLabels, classWeight}, perClass()
		}
		return []Input{logits, classProbabilities, classWeight}, []Shapes{
			{"input": "N,C,*", "target": "N,C,*", "weight": "C"},
			{"input": "C", "target": "C", "weight": "C"},
		}
	},
	Counts: func(c *Call, o CrossEntropyOptions) string {
		if o.Target == "probabilities" {
			return ""
		}
		return labelCounts(c, *o.IgnoreIndex)
	},
	Validate: func(o CrossEntropyOptions) error {
		if o.Target == "probabilities" && *o.IgnoreIndex >= 0 {
			return errors.New("ignore_index does not go with --target probabilities, where no label can be ignored")
		}
		return nil
	},
	Body: func(c *Call, o CrossEntropyOptions) Term {
		if o.Target == "probabilities" {
			return softCrossEntropy(c, c.In("input"), o.LabelSmoothing)
		}
		return classRows(c, c.In("input"), *o.IgnoreIndex, o.LabelSmoothing)
	},
}

// classRows is cross entropy of logits x with class indices as target.
func classRows(c *Call, x Value, ignore int64, smoothing float64) Term {
	r := labeled(c, x, ignore)
	w := r.perRow(c)
	if smoothing == 0 {
		row := r.flat(x.SoftmaxNLL(r.axis, r.index()))
		if !w.IsZero() {
			row = row.Mul(w)
		}
		return r.term(c, row, w)
	}
	var own, all Value
	if !w.IsZero() {
		own, all = w.Unsqueeze(r.axis), alongClasses(c.In("weight"), x)
	}
	term := r.term(c, r.flat(x.SmoothNLL(r.axis, r.index(), smoothing, own, all)), w)
	if !w.IsZero() {
		// PyTorch divides both parts of the loss by the weights' sum: the hard part
		// is 0/0 where that is 0, and so is the whole.
		term.ZeroIsNaN = true
	}
	return term
}

// softCrossEntropy is cross entropy of logits x with a probability per class:
// -sum_c w_c·q_c·log p_c with q = (1-eps)·target + eps/C.
func softCrossEntropy(c *Call, x Value, smoothing float64) Term {
	q := c.In("target")
	axis := classAxis(x)
	classes := c.B.Count(c.Compute, x.Shape()[axis:axis+1])
	if smoothing > 0 {
		q = q.Scale(1 - smoothing).Add(c.Const(smoothing).Div(classes))
	}
	terms := x.LogSoftmax(axis).Mul(q)
	if c.Has("weight") {
		terms = terms.Mul(alongClasses(c.In("weight"), x))
	}
	return Term{Each: terms.SumOver(axis).Neg(), Count: x.Numel().Div(classes)}
}
