package ranking

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of two items, and of an item among others.

var inf, nan = math.Inf(1), math.NaN()

// BPROptions configures [BPR].
type BPROptions struct {
	Eps       float64          `opt:"eps" doc:"added to the probability before the logarithm" bounds:"[0,inf)" try:"1e-10;0.25"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BPR is Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, 2009.
var BPR = &losses.Def[BPROptions]{
	Spec: losses.Spec{
		Name: "bpr", Family: family,
		Title:   "log-loss of an item being above another",
		Formula: "-log(sigmoid(positive - negative) + eps)",
		Witness: "recbole 1.2.1",
		Inputs: []losses.Input{
			{Name: "positive", Doc: "scores of items that were chosen", Domain: losses.Real, Grad: losses.Default},
			{Name: "negative", Doc: "scores of items that were not", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: parts.Elementwise("positive", "negative"), Star: "N",
		Traps: []string{
			"recbole adds 1e-10 to the probability, --eps 1e-10, which limits the loss to 23 and its gradient to almost 0 there.",
			"The paper adds the squared lengths of the embeddings; that is another term.",
		},
	},
	Defaults: BPROptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o BPROptions) string {
		if o.Eps > 0 {
			return losses.Reduced(fmt.Sprintf("-(torch.sigmoid(positive - negative) + %s).log()", losses.Python(o.Eps)), o.Reduction)
		}
		return losses.Reduced("-F.logsigmoid(positive - negative)", o.Reduction)
	},
	Body: func(c *losses.Call, o BPROptions) losses.Term {
		d := c.In("positive").Sub(c.In("negative"))
		if o.Eps > 0 {
			return losses.Each(d.Sigmoid().Shift(o.Eps).Log().Neg())
		}
		return losses.Each(d.LogSigmoid().Neg())
	},
}

// PairOptions configures losses of the pairs in lists.
type PairOptions struct {
	Empty     string           `opt:"empty" doc:"the mean over no pairs" choices:"nan,zero" try:"zero"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of pairs are combined" choices:"mean,sum"`
}

// torch reduces what an expression makes of the difference d of two scores.
func (o PairOptions) torch(c *losses.Call, pair string) string {
	total := ".sum()"
	if o.Reduction == losses.Mean {
		total += " / k.sum()"
		if o.Empty == "zero" {
			total += ".clamp(min=1)"
		}
	}
	return torchLists(c, "(lambda d, k: torch.where(k, "+pair+", 0)"+total+")(s[:, :, None] - s[:, None, :], "+torchPairs+")", nil)
}

// term reduces what pair makes of the difference of two scores.
func (o PairOptions) term(c *losses.Call, pair func(d losses.Value) losses.Value) losses.Term {
	l := readLists(c)
	kept := l.pairs()
	return losses.Term{Each: pair(each(l.scores)), Kept: losses.Both{Value: kept}, Divisor: losses.Both{Value: kept.Cast(c.Compute)}, EmptyIsZero: o.Empty == "zero"}
}

// RankNet is Burges et al., Learning to Rank using Gradient Descent, 2005.
var RankNet = &losses.Def[PairOptions]{
	Spec: losses.Spec{
		Name: "ranknet", Aliases: []string{"pairwise_logistic"}, Family: family,
		Title:   "log-loss of the more relevant item being above",
		Formula: "mean of log(1 + exp(-(s_i - s_j))) over the pairs of a list with label_i > label_j",
		Witness: "allrank 1.4.3",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"Mean divides by the number of pairs of the whole batch. Without any it is NaN, as in allRank; rax has 0, --empty zero.",
			ofPairs,
		},
	},
	Defaults:  PairOptions{Empty: "nan", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PairOptions) string { return o.torch(c, "-F.logsigmoid(d)") },
	Body: func(c *losses.Call, o PairOptions) losses.Term {
		return o.term(c, func(d losses.Value) losses.Value { return d.LogSigmoid().Neg() })
	},
	Golden: listCases("mean", "sum"),
}

// PairwiseHinge wants the more relevant item above by 1.
var PairwiseHinge = &losses.Def[PairOptions]{
	Spec: losses.Spec{
		Name: "pairwise_hinge", Family: family,
		Title:   "the more relevant item above by 1",
		Formula: "mean of max(0, 1 - (s_i - s_j)) over the pairs of a list with label_i > label_j",
		Witness: "rax 0.4.0",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"Mean divides by the number of pairs of the whole batch, those above by 1 included. Without any it is NaN; rax has 0, --empty zero.",
			"Exactly at the hinge the gradient is 0.",
			ofPairs,
		},
	},
	Defaults:  PairOptions{Empty: "nan", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PairOptions) string { return o.torch(c, "(1 - d).clamp(min=0)") },
	Body: func(c *losses.Call, o PairOptions) losses.Term {
		return o.term(c, func(d losses.Value) losses.Value { return d.Neg().Shift(1).Relu() })
	},
	Golden: append(listCases("mean", "sum"), losses.Case{Name: "hinge", Sizes: map[string]int64{"N": 1, "L": 4}, Set: map[string]losses.Edge{"scores": {0: 3, 1: 2, 2: 1, 3: 0.5}, "labels": {0: 3, 1: 2, 2: 1, 3: 0}}}),
}

// SampledSoftmax corrects a softmax over sampled classes for how likely each was drawn
// (Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, 2015).
var SampledSoftmax = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "sampled_softmax", Family: family,
		Title:   "log-loss of the true class among sampled ones",
		Formula: "t = true_logits - true_logq, s = sampled_logits - sampled_logq; -log(exp(t) / (exp(t) + sum of exp(s) over the samples that are not target))",
		Inputs: []losses.Input{
			{Name: "true_logits", Doc: "score of each row's own class", Domain: losses.Real, Grad: losses.Default},
			{Name: "sampled_logits", Doc: "scores of the sampled classes", Domain: losses.Real, Grad: losses.Default},
			{Name: "true_logq", Doc: "logarithm of how likely each row's class was to be drawn", Domain: losses.Real},
			{Name: "sampled_logq", Doc: "the same of the sampled classes", Domain: losses.Real},
			{Name: "sampled_ids", Doc: "numbers of the sampled classes", Domain: losses.Group},
			{Name: "target", Doc: "number of each row's own class", Domain: losses.Group},
		},
		Shapes:      []losses.Shapes{{"true_logits": "N", "sampled_logits": "N,S", "true_logq": "N", "sampled_logq": "S", "sampled_ids": "S", "target": "N"}},
		LabelPolicy: parts.GroupPolicy,
		Traps: []string{
			"A sample that is a row's own class does not count in that row.",
			"true_logq and sampled_logq are logarithms of expected counts, or of probabilities: a constant in both changes nothing. Without them popular classes are pushed down.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return c.Expand("F.cross_entropy(torch.cat([(true_logits - true_logq)[:, None], (sampled_logits - sampled_logq).masked_fill({sampled_ids} == {target}[:, None], -math.inf)], 1), "+
			"torch.zeros(len(true_logits), dtype=torch.long), reduction={reduction})", losses.Values{"reduction": string(o.Reduction)})
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		own, others := c.In("true_logits").Sub(c.In("true_logq")), c.In("sampled_logits").Sub(c.In("sampled_logq"))
		hit := c.In("target").Unsqueeze(1).Equal(c.In("sampled_ids").Unsqueeze(0))
		logits := builder.Concat(1, own.Unsqueeze(1), builder.Where(hit, others.Like(-inf), others))
		first := c.B.Const(tensor.Int64, 0).BroadcastTo(tensor.Shape{own.Shape()[0], tensor.D(1)})
		return losses.Each(logits.SoftmaxNLL(1, first).Squeeze(1))
	},
	Golden: []losses.Case{
		{Name: "all_hits_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"sampled_ids": "constant:3", "target": "constant:3"}},
		{Name: "no_samples_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"S": 0}},
		{Name: "far_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"true_logits": {0: -1e4, 1: 1e4}, "sampled_logits": {0: 1e4, 5: -1e4}}},
	},
}
