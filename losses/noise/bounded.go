package noise

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that are bounded where cross entropy is not.

// GeneralizedCrossEntropyOptions configures [GeneralizedCrossEntropy].
type GeneralizedCrossEntropyOptions struct {
	Q     *float64 `opt:"q" doc:"between cross entropy, near 0, and the absolute error 1 - p, at 1" bounds:"(0,1]" try:"0.25;1"`
	Floor float64  `opt:"floor" doc:"least probability, below which there is no gradient" bounds:"[0,1)" try:"1e-7;0.25"`
	parts.RowOptions
}

// GeneralizedCrossEntropy is a power of the probability of the class (Zhang and
// Sabuncu, Generalized cross entropy loss, 2018).
var GeneralizedCrossEntropy = &losses.Def[GeneralizedCrossEntropyOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "generalized_cross_entropy", Aliases: []string{"gce", "lq"}, Family: family, Witness: "keras 3.15.1",
		Title:   "between cross entropy and absolute error, by a power",
		Formula: "p = softmax(input)[target]; (1 - max(p, floor)^q) / q",
		Traps: []string{
			"A row costs at most 1/q, and the gradient of a hopeless one goes to 0: such rows stop learning.",
			"Code that raises the probability itself to q has a NaN gradient in float32 where it underflows to 0; here the power is exp(-q·cross entropy), which has none.",
			"Repositories for noisy labels limit probabilities to 1e-7 from below: --floor 1e-7. keras takes probabilities, has no default q, and clips them too.",
			"The truncated form gives rows above (1 - k^q)/q no weight: that is a mask (--with mask) of the rows of an earlier epoch.",
		},
	}),
	Defaults: GeneralizedCrossEntropyOptions{Q: new(0.7), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o GeneralizedCrossEntropyOptions) string {
		q := losses.Python(*o.Q)
		row := fmt.Sprintf("(1 - torch.exp(%s * %s)) / %[1]s", q, parts.TorchPicked("x.log_softmax(-1)"))
		if o.Floor > 0 {
			row = fmt.Sprintf("(1 - %s.clamp_min(%s) ** %s) / %[3]s", parts.TorchPicked("x.softmax(-1)"), losses.Python(o.Floor), q)
		}
		return parts.TorchRows(c, o.RowOptions, row)
	},
	Body: func(c *losses.Call, o GeneralizedCrossEntropyOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			nll := x.SoftmaxNLL(r.Axis, r.Index())
			power := nll.Scale(-*o.Q).Exp()
			if o.Floor > 0 {
				power = parts.AtLeast(nll.Neg().Exp(), o.Floor).Pow(*o.Q)
			}
			return power.Neg().Shift(1).Scale(1 / *o.Q)
		})
	},
	Golden: parts.RowCases(),
}

// SymmetricCrossEntropyOptions configures [SymmetricCrossEntropy].
type SymmetricCrossEntropyOptions struct {
	Alpha *float64 `opt:"alpha" doc:"factor of cross entropy" bounds:"[0,inf)" try:"6"`
	Beta  *float64 `opt:"beta" doc:"factor of reverse cross entropy" bounds:"[0,inf)" try:"0.5"`
	ReverseOptions
}

// ReverseOptions configures [ReverseCrossEntropy].
type ReverseOptions struct {
	LogZero *float64 `opt:"log_zero" doc:"number that stands for the logarithm of a label's zeros" bounds:"(-inf,0]" try:"-4"`
	Floor   *float64 `opt:"floor" doc:"least probability, below which there is no gradient" bounds:"[0,1)" try:"0;0.25"`
	parts.RowOptions
}

func defaultReverse() ReverseOptions {
	return ReverseOptions{LogZero: new(math.Log(1e-4)), Floor: new(1e-7), RowOptions: parts.DefaultRows()}
}

// SymmetricCrossEntropy is cross entropy in both directions (Wang et al., Symmetric
// cross entropy for robust learning with noisy labels, 2019).
var SymmetricCrossEntropy = &losses.Def[SymmetricCrossEntropyOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "symmetric_cross_entropy", Aliases: []string{"sce"}, Family: family,
		Title:   "cross entropy of prediction and label, and of label and prediction",
		Formula: "p = softmax(input); -alpha·log(p[target]) - beta·log_zero·sum over c != target of max(p_c, floor)",
		Traps: []string{
			"The paper calls log_zero A and writes -4; its public code cuts a label's zeros to 1e-4, whose logarithm -9.2103 is the default here.",
			"alpha 0.1 and beta 1 are those of CIFAR-10; for CIFAR-100 they are 6 and 0.1.",
			"The floor of 1e-7 stands after the softmax, as in the public code: a perfect prediction costs 3.7e-6 with 5 classes, not 0.",
		},
	}),
	Defaults: SymmetricCrossEntropyOptions{Alpha: new(0.1), Beta: new(1.0), ReverseOptions: defaultReverse()},
	Reference: func(c *losses.Call, o SymmetricCrossEntropyOptions) string {
		return parts.TorchRows(c, o.RowOptions, fmt.Sprintf("%s * %s + %s * %s", losses.Python(*o.Alpha), losses.Operand(parts.TorchNLL), losses.Python(*o.Beta), o.torch()))
	},
	Body: func(c *losses.Call, o SymmetricCrossEntropyOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			return x.SoftmaxNLL(r.Axis, r.Index()).Scale(*o.Alpha).Add(o.row(x, r).Scale(*o.Beta))
		})
	},
	Golden: parts.RowCases(),
}

// ReverseCrossEntropy is the passive part of [SymmetricCrossEntropy].
var ReverseCrossEntropy = &losses.Def[ReverseOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "reverse_cross_entropy", Aliases: []string{"rce"}, Family: family,
		Title:   "cross entropy of the label under the prediction",
		Formula: "p = softmax(input); -log_zero·sum over c != target of max(p_c, floor)",
		Traps: []string{
			"With a floor of 0 it is -log_zero times the absolute error 1 - p[target]; --log_zero -1 --floor 0 is that error.",
			"A row costs at most -log_zero, and the gradient of a hopeless one goes to 0.",
		},
	}),
	Defaults: defaultReverse(),
	Reference: func(c *losses.Call, o ReverseOptions) string {
		return parts.TorchRows(c, o.RowOptions, o.torch())
	},
	Body: func(c *losses.Call, o ReverseOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, o.row)
	},
	Golden: parts.RowCases(),
}

// row sums the probabilities of the other classes.
func (o ReverseOptions) row(x losses.Value, r parts.Rows) losses.Value {
	p := parts.AtLeast(x.Softmax(r.Axis), *o.Floor)
	none := x.Like(0).BroadcastTo(r.Index().Shape())
	return p.Put(r.Axis, r.Index(), none).SumKeep(r.Axis).Scale(-*o.LogZero)
}

// torch is row in PyTorch.
func (o ReverseOptions) torch() string {
	return fmt.Sprintf("%s * %s.scatter(-1, y, 0).sum(-1)", losses.Python(-*o.LogZero), parts.TorchAtLeast("x.softmax(-1)", *o.Floor))
}

// NormalizedCrossEntropy is cross entropy divided by that of all labels (Ma et al.,
// Normalized loss functions for deep learning with noisy labels, 2020).
var NormalizedCrossEntropy = &losses.Def[parts.RowOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "normalized_cross_entropy", Aliases: []string{"nce"}, Family: family,
		Title:   "cross entropy as a share of that of all labels",
		Formula: "p = softmax(input); log(p[target]) / sum_c log(p_c)",
		Traps: []string{
			"It lies between 0 and 1 and learns slowly by itself: the paper adds a passive loss, such as reverse_cross_entropy, as a second task of multi_task.",
			"With one class it is 0/0.",
		},
	}),
	Defaults: parts.DefaultRows(),
	Reference: func(c *losses.Call, o parts.RowOptions) string {
		return parts.TorchRows(c, o, "(lambda l: "+parts.TorchPicked("l")+" / l.sum(-1))(x.log_softmax(-1))")
	},
	Body: func(c *losses.Call, o parts.RowOptions) losses.Term {
		return parts.RowTerm(c, o, func(x losses.Value, r parts.Rows) losses.Value {
			l := x.LogSoftmax(r.Axis)
			return l.Pick(r.Axis, r.Index()).Div(l.SumKeep(r.Axis))
		})
	},
	Golden: parts.RowCases(),
}

// TaylorOptions configures [TaylorCrossEntropy].
type TaylorOptions struct {
	Order *int64 `opt:"order" doc:"number of terms" bounds:"[1,16]" try:"1;3"`
	parts.RowOptions
}

// TaylorCrossEntropy is the first terms of cross entropy's series (Feng et al., Can
// cross entropy loss be robust to label noise, 2020).
var TaylorCrossEntropy = &losses.Def[TaylorOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "taylor_cross_entropy", Aliases: []string{"taylor_ce"}, Family: family,
		Title:   "the first terms of the series of cross entropy",
		Formula: "u = 1 - softmax(input)[target]; sum of u^k / k for k from 1 to order",
		Traps:   []string{"--order 1 is the absolute error 1 - p; more terms come nearer to cross entropy, and to its trust in each label."},
	}),
	Defaults: TaylorOptions{Order: new(int64(2)), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o TaylorOptions) string {
		return parts.TorchRows(c, o.RowOptions, fmt.Sprintf("(lambda u: sum(u ** k / k for k in range(1, %d)))(1 - %s)", *o.Order+1, parts.TorchPicked("x.softmax(-1)")))
	},
	Body: func(c *losses.Call, o TaylorOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			u := x.SoftmaxNLL(r.Axis, r.Index()).Neg().Exp().Neg().Shift(1)
			sum := u
			for k := int64(2); k <= *o.Order; k++ {
				sum = sum.Add(u.Pow(float64(k)).Scale(1 / float64(k)))
			}
			return sum
		})
	},
	Golden: parts.RowCases(),
}
