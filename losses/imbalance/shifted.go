package imbalance

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares cross entropies of scores that are moved by the sizes of classes,
// or of rows that are weighed by them.

// LogitAdjustedOptions configures [LogitAdjusted] and [BalancedSoftmax].
type LogitAdjustedOptions struct {
	Tau *float64 `opt:"tau" doc:"factor of the logarithms that are added" bounds:"[0,inf)" try:"0;1.5"`
	parts.RowOptions
}

// LogitAdjusted is cross entropy under the prior of the classes (Menon et al., Long-tail
// learning via logit adjustment, 2021).
var LogitAdjusted = adjusted(losses.Spec{
	Name: "logit_adjusted", Aliases: []string{"logit_adjustment"}, Family: family,
	Title:   "cross entropy of scores with the prior of the classes added",
	Formula: "-log(softmax(input + tau·log(prior))[target])",
	Traps: []string{
		"The prior is added in training alone: a model that predicts from its plain scores is balanced.",
		"balanced_softmax is the same with numbers of samples instead of shares, since a common factor changes nothing.",
		"A class of prior 0 costs inf where it is the label, and has no gradient elsewhere.",
	},
}, losses.Input{Name: "prior", Doc: "share of each class", Domain: losses.Positive, Wide: true})

// BalancedSoftmax is cross entropy under the numbers of samples (Ren et al., Balanced
// meta-softmax for long-tailed visual recognition, 2020).
var BalancedSoftmax = adjusted(losses.Spec{
	Name: "balanced_softmax", Family: family,
	Title:   "cross entropy of scores with the logarithm of the classes' sizes added",
	Formula: "-log(softmax(input + tau·log(counts))[target])",
	Traps: []string{
		"It is logit_adjusted with numbers of samples instead of shares: the softmax ignores a common factor.",
		"A class without samples costs inf where it is the label.",
	},
}, counts())

func adjusted(s losses.Spec, sizes losses.Input) *losses.Def[LogitAdjustedOptions] {
	return &losses.Def[LogitAdjustedOptions]{
		Spec:     parts.OverRows(s, sizes),
		Defaults: LogitAdjustedOptions{Tau: new(1.0), RowOptions: parts.DefaultRows()},
		Reference: func(c *losses.Call, o LogitAdjustedOptions) string {
			return parts.TorchRows(c, o.RowOptions, fmt.Sprintf("(lambda x: %s)(x + %s * %s.log())", parts.TorchNLL, losses.Python(*o.Tau), sizes.Name))
		},
		Body: func(c *losses.Call, o LogitAdjustedOptions) losses.Term {
			return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
				shift := c.In(sizes.Name).Log().Scale(*o.Tau)
				return x.Add(parts.AlongClasses(c, shift, x)).SoftmaxNLL(r.Axis, r.Index())
			})
		},
		Golden: parts.RowCases(),
	}
}

// LDAMOptions configures [LDAM].
type LDAMOptions struct {
	MaxM *float64 `opt:"max_m" doc:"margin of the smallest class" bounds:"[0,inf)" try:"0;1"`
	S    *float64 `opt:"s" doc:"factor of the scores" bounds:"(0,inf)" try:"1;64"`
	parts.RowOptions
}

// LDAM is cross entropy with larger margins for smaller classes (Cao et al., Learning
// imbalanced datasets with label-distribution-aware margin loss, 2019).
var LDAM = &losses.Def[LDAMOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "ldam", Family: family,
		Title:   "cross entropy with a margin that grows as the class gets smaller",
		Formula: "m_c = max_m·(min(counts) / counts_c)^(1/4); -log(softmax(s·(input - m_target at target))[target])",
		Traps: []string{
			"The scores are cosines, of normalized features and class vectors, in the authors' network: s makes logits of them.",
			"Deferred re-weighting is another factor, of each row: --with sample_weight, with the weights of class_balanced.",
		},
	}, counts()),
	Defaults: LDAMOptions{MaxM: new(0.5), S: new(30.0), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o LDAMOptions) string {
		return parts.TorchRows(c, o.RowOptions, fmt.Sprintf("(lambda x: %s)(%s * torch.where(torch.zeros_like(x).scatter(-1, y, 1) > 0, x - %s * (counts.min() / counts) ** 0.25, x))",
			parts.TorchNLL, losses.Python(*o.S), losses.Python(*o.MaxM)))
	},
	Body: func(c *losses.Call, o LDAMOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			n := c.In("counts")
			margin := r.Of(n.MinKeep(0).Div(n).Pow(0.25).Scale(*o.MaxM)).Unsqueeze(r.Axis)
			own := x.Pick(r.Axis, r.Index()).Sub(margin)
			return x.Put(r.Axis, r.Index(), own).Scale(*o.S).SteepNLL(r.Axis, r.Index())
		})
	},
	Golden: parts.RowCases(),
}

// ClassBalancedOptions configures [ClassBalanced].
type ClassBalancedOptions struct {
	Beta     *float64 `opt:"beta" doc:"how much new samples of a class overlap with those before" bounds:"(0,1)" try:"0.5;0.9999"`
	Gamma    float64  `opt:"gamma" doc:"how strongly well-classified rows are played down, as in focal" bounds:"[0,inf)" try:"2"`
	Safe     bool     `opt:"safe" doc:"a class without samples has weight 0" try:"true"`
	ByWeight bool     `opt:"by_weight" doc:"mean divides by the sum of the rows' weights, not by their number" try:"true"`
	parts.RowOptions
}

// ClassBalanced is cross entropy, or focal loss, weighed by the effective number of
// samples (Cui et al., Class-balanced loss based on effective number of samples, 2019).
var ClassBalanced = &losses.Def[ClassBalancedOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "class_balanced", Aliases: []string{"effective_number"}, Family: family, Witness: "balanced-loss 0.1.1",
		Title:   "cross entropy weighed by the effective number of samples of a class",
		Formula: "e_c = (1 - beta) / (1 - beta^counts_c), w = C·e / sum(e); w[target]·(1 - p)^gamma·ce; p = softmax(input)[target]",
		Traps: []string{
			"Mean divides by the number of rows, as in balanced-loss, which hands one-hot targets to cross_entropy; with labels and weights cross_entropy divides by the weights' sum: --by_weight.",
			"A class without samples has an infinite weight, which makes all losses NaN: --safe leaves it out.",
			"1 - beta^counts is computed so that it keeps its digits for a beta near 1, also in float32.",
		},
	}, counts()),
	Defaults: ClassBalancedOptions{Beta: new(0.999), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o ClassBalancedOptions) string {
		weight := torchEffective(o) + "[y.squeeze(-1)]"
		row := losses.Operand(parts.TorchNLL)
		if o.Gamma > 0 {
			row = fmt.Sprintf("(lambda n: (1 - torch.exp(-n)) ** %s * n)(%s)", losses.Python(o.Gamma), parts.TorchNLL)
		}
		if o.ByWeight {
			return parts.TorchRowsBy(c, o.RowOptions, weight+" * "+row, weight)
		}
		return parts.TorchRows(c, o.RowOptions, weight+" * "+row)
	},
	Body: func(c *losses.Call, o ClassBalancedOptions) losses.Term {
		var weight losses.Value
		term := parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			weight = r.Of(effective(c, o))
			nll := x.SoftmaxNLL(r.Axis, r.Index())
			if o.Gamma > 0 {
				nll = nll.Neg().Exp().Neg().Shift(1).Pow(o.Gamma).Mul(nll)
			}
			return nll.Mul(weight.Unsqueeze(r.Axis))
		})
		if o.ByWeight {
			text := fmt.Sprintf("torch.where({target} != %d, %s[torch.where({target} == %[1]d, 0, {target})], 0)", *o.IgnoreIndex, torchEffective(o))
			term.Divisor = losses.Both{Value: builder.Where(term.Kept.Value, weight, weight.Like(0)), Torch: c.Expand(text, nil)}
		}
		return term
	},
	Golden: append(parts.RowCases(),
		losses.Case{Name: "no_samples_safe_none", Options: losses.Values{"safe": true, "reduction": "none"}, Set: map[string]losses.Edge{"counts": {0: 0}, "target": {0: 0, 1: 1}}},
		losses.Case{Name: "many_samples_none", Options: losses.Values{"beta": 0.9999, "reduction": "none"}, Set: map[string]losses.Edge{"counts": {0: 1, 1: 1e5, 2: 1e4, 3: 10, 4: 100}}},
		losses.Case{Name: "by_weight_normalizer", Options: losses.Values{"by_weight": true, "reduction": "sum"}, Normalizer: true},
	),
}

// effective is the weight of each class. 1 - beta^n is 2t/(1 + t) of t = tanh(u/2) with
// u = -n·log(beta), which keeps its digits where u is small.
func effective(c *losses.Call, o ClassBalancedOptions) losses.Value {
	n := c.In("counts")
	t := n.Scale(-math.Log(*o.Beta) / 2).Tanh()
	e := t.Shift(1).Div(t).Scale((1 - *o.Beta) / 2)
	if o.Safe {
		e = builder.Where(n.Greater(n.Like(0)), e, n.Like(0))
	}
	return e.Div(e.SumKeep(0)).Mul(c.B.Count(c.Compute, n.Shape()))
}

func torchEffective(o ClassBalancedOptions) string {
	each := fmt.Sprintf("%s / -torch.expm1(counts * math.log(%s))", losses.Python(1-*o.Beta), losses.Python(*o.Beta))
	if o.Safe {
		each = "torch.where(counts > 0, " + each + ", 0)"
	}
	return "(lambda e: e / e.sum() * len(e))(" + each + ")"
}
