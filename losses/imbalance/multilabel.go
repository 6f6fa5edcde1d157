package imbalance

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of samples that have any number of classes.

// multilabel are scores, and which classes a sample has.
func multilabel() []losses.Input {
	return []losses.Input{
		{Name: "input", Doc: "logits of each class", Domain: losses.Real, Grad: losses.Default},
		{Name: "target", Doc: "whether the sample has the class: above 0.5", Domain: losses.Event},
	}
}

// ZLPR compares all scores with 0 by two sums of exponentials (Su et al., ZLPR: a novel
// loss for multi-label classification, 2022).
var ZLPR = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "zlpr", Aliases: []string{"multilabel_categorical_cross_entropy"}, Family: family, Witness: timm,
		Title:   "positives above 0 and negatives below it, by log-sum-exps over classes",
		Formula: "log(1 + sum over negatives of exp(input)) + log(1 + sum over positives of exp(-input))",
		Inputs:  multilabel(), Shapes: []losses.Shapes{{"input": "N,C,*", "target": "N,C,*"}}, Logits: "input", Classes: "C",
		Traps: []string{
			"There is one loss for each sample, not one for each class; mean is over samples.",
			"The threshold of a prediction is 0. Samples without a class, or with all, are nothing special.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		each := "(lambda z, m: torch.cat([torch.where(m, -math.inf, input), z], 1).logsumexp(1) + torch.cat([torch.where(m, -input, -math.inf), z], 1).logsumexp(1))" +
			"(torch.zeros_like(input.sum(1, keepdim=True)), target > 0.5)"
		return losses.Reduced(each, o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x, t := c.In("input"), c.In("target")
		axis := c.ClassAxis(x)
		positive := t.Greater(t.Like(0.5))
		return losses.Each(aboveZero(x, positive.Not(), axis).Add(aboveZero(x.Neg(), positive, axis)).Squeeze(axis))
	},
	Golden: []losses.Case{
		{Name: "none_and_all_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}, Sizes: map[string]int64{"N": 2, "C": 3}, Set: map[string]losses.Edge{"target": {0: 1, 1: 1, 2: 1}}},
		{Name: "large_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 2, "C": 3}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 3: 1e4, 4: -1e4}, "target": {0: 1, 1: 0, 3: 0, 4: 1}}},
	},
}

// aboveZero is log(1 + sum of exp(x)) over the elements that a mask holds for. Its
// gradient exp(x - value) is 0 also where none is above -inf.
func aboveZero(x, mask losses.Value, axis int) losses.Value {
	z := builder.Where(mask, x, x.Like(math.Inf(-1)))
	value := z.LogSumExp(axis).Softplus()
	return builder.WithGradient("above_zero", value, []losses.Value{z}, func(dy losses.Value) []losses.Value {
		return []losses.Value{z.Sub(value).Exp().Mul(dy)}
	})
}

// TwoWayOptions configures [TwoWay].
type TwoWayOptions struct {
	Positive *float64 `opt:"positive_temperature" doc:"what scores of positives are divided by" bounds:"(0,inf)" try:"1"`
	Negative *float64 `opt:"negative_temperature" doc:"what scores of negatives are divided by" bounds:"(0,inf)" try:"2"`
}

// TwoWay compares positives with negatives of their sample, and of their class (Kobayashi,
// Two-way multi-label loss, 2023).
var TwoWay = &losses.Def[TwoWayOptions]{
	Spec: losses.Spec{
		Name: "two_way", Family: family, Witness: timm,
		Title:   "positives above negatives, within each sample and within each class",
		Formula: "mean over samples, and over classes, that have positives of softplus(tp·lse over positives of -input/tp + tn·lse over negatives of input/tn)",
		Inputs:  multilabel(), Shapes: []losses.Shapes{{"input": "N,C", "target": "N,C"}}, Logits: "input",
		Traps: []string{
			"Samples and classes without a positive are left out of both means; with none at all the loss is 0.",
			"What is no positive, or no negative, counts as a score of -1e4, as in timm.",
		},
		Inseparable: "it compares all samples of a batch",
	},
	Defaults: TwoWayOptions{Positive: new(4.0), Negative: new(1.0)},
	Reference: func(c *losses.Call, o TwoWayOptions) string {
		p, n := losses.Python(*o.Positive), losses.Python(*o.Negative)
		return fmt.Sprintf("(lambda m: sum(torch.where(m.any(d), F.softplus(torch.where(m, -input / %s, -1e4).logsumexp(d) * %[1]s + torch.where(m, -1e4, input / %s).logsumexp(d) * %[2]s, threshold=700), 0).sum() / m.any(d).sum().clamp_min(1) for d in (0, 1)))(target > 0.5)", p, n)
	},
	Body: func(c *losses.Call, o TwoWayOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		positive := t.Greater(t.Like(0.5))
		along := func(axis int) losses.Value {
			up := builder.Where(positive, x.Scale(-1 / *o.Positive), x.Like(-1e4)).LogSumExp(axis).Scale(*o.Positive)
			down := builder.Where(positive, x.Like(-1e4), x.Scale(1 / *o.Negative)).LogSumExp(axis).Scale(*o.Negative)
			any := positive.Cast(c.Compute).SumKeep(axis).Greater(c.Const(0))
			number := any.Cast(c.Compute).Sum()
			return builder.Where(any, up.Add(down).Softplus(), c.Const(0)).Sum().Div(number.Max(number.Like(1)))
		}
		return losses.Term{Each: along(0).Add(along(1)), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "no_positives", Fill: map[string]string{"target": "constant:0"}},
		{Name: "all_positives", Fill: map[string]string{"target": "constant:1"}},
		{Name: "infinite_beside_no_positive", Sizes: map[string]int64{"N": 1, "C": 2}, Set: map[string]losses.Edge{"input": {0: 0.5, 1: math.Inf(1)}, "target": {0: 1, 1: 0}}},
		{Name: "one_positive", Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"target": {6: 1}}},
	},
}

// DistributionBalancedOptions configures [DistributionBalanced].
type DistributionBalancedOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DistributionBalanced weighs elements by how rare their class is among those of the
// sample (Wu et al., Distribution-balanced loss for multi-label classification, 2020).
var DistributionBalanced = &losses.Def[DistributionBalancedOptions]{
	Spec: losses.Spec{
		Name: "distribution_balanced", Aliases: []string{"db_loss"}, Family: family, Witness: timm,
		Title:   "focal binary cross entropy with weights for rare classes",
		Formula: "c = clamp(counts, 1, num_samples - 1), w = 0.1 + sigmoid(10·((1/c) / sum(target/c) - 0.2)), z = input - 0.025·log(num_samples/c - 1); w times focal bce of z, negatives of 2z and half",
		Inputs: append(multilabel(), counts(),
			losses.Input{Name: "num_samples", Doc: "number of samples of the data that counts are of", Domain: losses.Positive, Wide: true}),
		Shapes: []losses.Shapes{{"input": "N,C", "target": "N,C", "counts": "C", "num_samples": ""}}, Logits: "input",
		Traps: []string{
			"A sample without a class divides by the smallest normal float32, as in timm: its weights are all 1.1.",
			"The constants are timm's: alpha 0.1, beta 10, mu 0.2, init_bias 0.05, negatives scaled by 2, focal gamma 2 with factor 2.",
		},
		Inseparable: "the weight of a class depends on all classes of its sample",
	},
	Defaults: DistributionBalancedOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o DistributionBalancedOptions) string {
		each := "(lambda c: (lambda w, z: w * (target * -F.logsigmoid(z) * torch.sigmoid(-z) ** 2 * 2 + (1 - target) * -F.logsigmoid(-2 * z) / 2 * torch.sigmoid(2 * z) ** 2 * 2))" +
			"(torch.sigmoid(10 * ((1 / c) / (target / c).sum(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) - 0.2)) + 0.1, input - (num_samples / c - 1).log() * 0.05 / 2))" +
			"(torch.minimum(counts.clamp(min=1), num_samples - 1))"
		return losses.Reduced(each, o.Reduction)
	},
	Body: func(c *losses.Call, o DistributionBalancedOptions) losses.Term {
		x, t, total := c.In("input"), c.In("target"), c.In("num_samples")
		n := parts.AtLeast(c.In("counts"), 1).Min(total.Shift(-1))
		share := n.Reciprocal().Div(parts.AtLeast(t.Div(n).SumKeep(1), smallestNormal))
		w := share.Shift(-0.2).Scale(10).Sigmoid().Shift(0.1)
		z := x.Sub(total.Div(n).Shift(-1).Log().Scale(0.025))
		positive := z.Neg().Softplus().Mul(z.Neg().Sigmoid().Square()).Scale(2)
		negative := z.Scale(2).Softplus().Mul(z.Scale(2).Sigmoid().Square())
		return losses.Each(w.Mul(t.Mul(positive).Add(t.Neg().Shift(1).Mul(negative))))
	},
	Golden: []losses.Case{
		{Name: "no_class_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"num_samples": {0: 100}, "counts": {0: 3, 1: 99, 2: 100, 3: 0, 4: 40}}},
		{Name: "usual_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"num_samples": {0: 100}, "counts": {0: 3, 1: 99, 2: 17, 3: 1, 4: 40}}},
	},
}

// smallestNormal is the smallest float32 that has all digits.
const smallestNormal = 0x1p-126
