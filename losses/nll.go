package losses

// NLLOptions configures [NLL].
type NLLOptions struct {
	IgnoreIndex *int64    `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction   Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// NLL is the negative log-likelihood of the target class, from log-probabilities.
var NLL = &Def[NLLOptions]{
	Spec: Spec{
		Name: "nll", Class: "NLLLoss", Family: "classification",
		Title:   "negative log-likelihood from log-probabilities",
		Formula: "-weight[target]·input[target]",
		Torch:   "F.nll_loss(input, {target}, weight={weight}, ignore_index={ignore_index}, reduction={reduction})",
		Inputs: []Input{
			{Name: "input", Doc: "log-probabilities, classes along axis 1 (axis 0 at rank 1)", Domain: LogProb, Of: Of{Axis: "C"}, Grad: Default},
			classLabels, classWeight,
		},
		Shapes:      perClass(),
		LabelPolicy: gatherPolicy,
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights.",
			"The input must hold log-probabilities: for logits use cross_entropy.",
		},
	},
	Defaults: NLLOptions{IgnoreIndex: new(int64(-100)), Reduction: Mean},
	Counts:   func(c *Call, o NLLOptions) string { return labelCounts(c, *o.IgnoreIndex) },
	Body: func(c *Call, o NLLOptions) Term {
		r := labeled(c, c.In("input"), *o.IgnoreIndex)
		row := r.flat(c.In("input").Pick(r.axis, r.index())).Neg()
		w := r.perRow(c)
		if !w.IsZero() {
			row = row.Mul(w)
		}
		return r.term(c, row, w)
	},
}
