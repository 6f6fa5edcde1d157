package classification

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// NLLOptions configures [NLL].
type NLLOptions struct {
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// NLL is the negative log-likelihood of the target class, from log-probabilities.
var NLL = &losses.Def[NLLOptions]{
	Spec: losses.Spec{
		Name: "nll", Class: "NLLLoss", Aliases: []string{"nll_loss"}, Family: "classification",
		Title:   "negative log-likelihood from log-probabilities",
		Formula: "-weight[target]·input[target]",
		Inputs: []losses.Input{
			{Name: "input", Doc: "log-probabilities, classes along axis 1 (axis 0 at rank 1)", Domain: losses.LogProb, Of: losses.Of{Axis: "C"}, Grad: losses.Default},
			parts.ClassLabels(), parts.ClassWeight(),
		},
		Shapes:      parts.PerClass(),
		LabelPolicy: parts.GatherPolicy, Classes: "C",
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights.",
			"The input must hold log-probabilities: for logits use cross_entropy.",
		},
	},
	Defaults: NLLOptions{IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o NLLOptions) string {
		x := "input"
		if c.ClassesLast() { // PyTorch has no gradient of one whose classes were moved
			x = "input.contiguous()"
		}
		return c.Expand("F.nll_loss("+x+", {target}, weight={weight}, ignore_index={ignore_index}, reduction={reduction})",
			losses.Values{"ignore_index": *o.IgnoreIndex, "reduction": string(o.Reduction)})
	},
	Golden: []losses.Case{
		{Name: "map_probabilities_mean", Map: map[string]string{"input": "normalize,clip:0.1:0.9,log"}},
		{Name: "map_softmax_none", Options: losses.Values{"reduction": "none"}, Map: map[string]string{"input": "softmax,log"}, Shapes: map[string]string{"input": "N,C,A"}},
		{Name: "map_exp_sum", Options: losses.Values{"reduction": "sum"}, Map: map[string]string{"result": "exp", "input": "scale:0.125,log_softmax"}},
	},
	Body: func(c *losses.Call, o NLLOptions) losses.Term {
		r := parts.Labeled(c, c.In("input"), *o.IgnoreIndex)
		row := r.Flat(c.In("input").Pick(r.Axis, r.Index())).Neg()
		w := r.PerRow(c)
		if !w.IsZero() {
			row = row.Mul(w)
		}
		return r.Term(c, row, w)
	},
}
