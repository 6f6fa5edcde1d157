package distillation

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of the scores of classes.

// class is the target of a class for each row.
func class() losses.Input {
	return losses.Input{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "V"}}
}

// KDOptions configures [KD].
type KDOptions struct {
	Temperature *float64         `opt:"temperature" doc:"what both scores are divided by" bounds:"(0,inf)" try:"1;2"`
	Alpha       *float64         `opt:"alpha" doc:"weight of the teacher; the labels have the rest" bounds:"[0,1]" try:"0;1"`
	Squared     *bool            `opt:"squared" doc:"multiply the teacher's part by the square of the temperature" try:"false"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses of the rows are combined" choices:"none,mean,sum"`
}

// KD is knowledge distillation (Hinton et al., Distilling the Knowledge in a Neural
// Network, 2015).
var KD = &losses.Def[KDOptions]{
	Spec: losses.Spec{
		Name: "kd", Aliases: []string{"hinton", "knowledge_distillation"}, Family: family,
		Title:   "divergence from a teacher at a temperature, and cross entropy",
		Formula: "alpha·T^2·KL(softmax(teacher/T) || softmax(student/T)) + (1 - alpha)·cross_entropy(student, target)",
		Inputs:  logits(class()), Shapes: rows("target"), Star: "N", Sizes: classCases(),
		LabelPolicy: parts.RangePolicy,
		Traps: []string{
			"The square of the temperature keeps the gradient of both parts alike; Hinton has it, torchtune, Liger and TRL do not: --squared=false.",
			"The mean is over rows (batchmean): PyTorch's kl_div with reduction mean also divides by the classes.",
			"The teacher has no gradient.",
			oneClass,
		},
	},
	Defaults: KDOptions{Temperature: new(4.0), Alpha: new(0.9), Squared: new(true), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o KDOptions) string {
		ce := c.Expand("-student.log_softmax(-1).gather(-1, {target}.unsqueeze(-1)).squeeze(-1)", nil)
		return losses.Reduced(fmt.Sprintf("%s * %s + %s * %s", losses.Python(*o.Alpha*o.factor()), torchDivergence(torchLog("teacher", *o.Temperature), torchLog("student", *o.Temperature)), losses.Python(1-*o.Alpha), ce), o.Reduction)
	},
	Body: func(c *losses.Call, o KDOptions) losses.Term {
		x := c.In("student")
		last := x.Rank() - 1
		learned := divergence(logProbabilities(c.In("teacher"), *o.Temperature), logProbabilities(x, *o.Temperature))
		ce := x.SoftmaxNLL(last, labeled(c).Unsqueeze(last)).Squeeze(last)
		return losses.Each(learned.Scale(*o.Alpha * o.factor()).Add(ce.Scale(1 - *o.Alpha)))
	},
	Golden: []losses.Case{
		{Name: "large_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"student": "steps:-2:2:0.5", "teacher": "steps:-2:2:0.5"}, Set: map[string]losses.Edge{"student": {0: 1e4, 4: -1e4}, "teacher": {1: 1e4, 4: 1e4}}},
	},
}

func (o KDOptions) factor() float64 {
	if *o.Squared {
		return *o.Temperature * *o.Temperature
	}
	return 1
}

// KLOptions configures [ReverseKL].
type KLOptions struct {
	Temperature *float64         `opt:"temperature" doc:"what both scores are divided by" bounds:"(0,inf)" try:"2"`
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses of the rows are combined" choices:"none,mean,sum"`
}

func defaultKL() KLOptions {
	return KLOptions{Temperature: new(1.0), IgnoreIndex: new(int64(-100)), Reduction: losses.Mean}
}

// ForwardKLOptions configures [ForwardKL].
type ForwardKLOptions struct {
	KLOptions
	Entropy *bool `opt:"entropy" doc:"less the teacher's entropy; without it the loss is the cross entropy" try:"false"`
}

// ignoredRows are golden cases of rows that do not count.
func ignoredRows() []losses.Case {
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		o := losses.Values{"reduction": string(r)}
		list = append(list,
			losses.Case{Name: "one_ignored_" + string(r), Options: o, With: []string{"labels"}, Set: map[string]losses.Edge{"labels": {1: -100}}},
			losses.Case{Name: "all_ignored_" + string(r), Options: o, With: []string{"labels"}, Fill: map[string]string{"labels": "constant:-100"}},
		)
	}
	return list
}

// largeRows are golden cases of scores that are far apart. The gradient of reverse_kl is
// the difference of numbers as large as those, which float32 rounds.
func largeRows() []losses.Case {
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		list = append(list, losses.Case{
			Name: "large_" + string(r), Options: losses.Values{"reduction": string(r)},
			Fill: map[string]string{"student": "steps:-2:2:0.5", "teacher": "steps:-2:2:0.5"},
			Set:  map[string]losses.Edge{"student": {0: 1e4, 4: -1e4}, "teacher": {1: 1e4, 4: 1e4}},
		})
	}
	return list
}

// klTraps are those of all losses here that leave out rows.
func klTraps(further ...string) []string {
	return append(further, "The mean is over the rows that count; of none it is 0.", "The teacher has no gradient.", oneClass)
}

// ForwardKL makes the student cover what the teacher finds likely.
var ForwardKL = &losses.Def[ForwardKLOptions]{
	Spec: losses.Spec{
		Name: "forward_kl", Family: family,
		Title:   "divergence of the student from the teacher",
		Formula: "KL(softmax(teacher/T) || softmax(student/T))",
		Witness: "trl 1.16.0",
		Inputs:  logits(tokens()), Shapes: rows("labels"), Star: "N", Sizes: classCases(), LabelPolicy: anyLabel,
		Traps: klTraps(
			"torchtune's ForwardKLLoss is the cross entropy, without the teacher's entropy: --entropy=false has the same gradient and another value.",
			"There is no square of the temperature here: kd has it."),
	},
	Defaults: ForwardKLOptions{KLOptions: defaultKL(), Entropy: new(true)},
	Reference: func(c *losses.Call, o ForwardKLOptions) string {
		p, q := torchLog("teacher", *o.Temperature), torchLog("student", *o.Temperature)
		each := torchDivergence(p, q)
		if !*o.Entropy {
			each = fmt.Sprintf("-(%s.exp() * %s).sum(-1)", p, q)
		}
		return torchKept(c, each, *o.IgnoreIndex, o.Reduction)
	},
	Body: func(c *losses.Call, o ForwardKLOptions) losses.Term {
		p, q := logProbabilities(c.In("teacher"), *o.Temperature), logProbabilities(c.In("student"), *o.Temperature)
		each := divergence(p, q)
		if !*o.Entropy {
			each = p.Exp().Mul(q).SumOver(p.Rank() - 1).Neg()
		}
		return kept(c, each, *o.IgnoreIndex)
	},
	Golden: append(ignoredRows(), largeRows()...),
}

// ReverseKL makes the student certain of what the teacher finds likely.
var ReverseKL = &losses.Def[KLOptions]{
	Spec: losses.Spec{
		Name: "reverse_kl", Family: family,
		Title:   "divergence of the teacher from the student",
		Formula: "KL(softmax(student/T) || softmax(teacher/T))",
		Witness: "torchtune 0.6.1",
		Inputs:  logits(tokens()), Shapes: rows("labels"), Star: "N", Sizes: classCases(), LabelPolicy: anyLabel,
		Traps: klTraps("It is small where the student finds only one of the likely classes; forward_kl wants all of them."),
	},
	Defaults: defaultKL(),
	Reference: func(c *losses.Call, o KLOptions) string {
		return torchKept(c, torchDivergence(torchLog("student", *o.Temperature), torchLog("teacher", *o.Temperature)), *o.IgnoreIndex, o.Reduction)
	},
	Body: func(c *losses.Call, o KLOptions) losses.Term {
		return kept(c, divergence(logProbabilities(c.In("student"), *o.Temperature), logProbabilities(c.In("teacher"), *o.Temperature)), *o.IgnoreIndex)
	},
	Golden: ignoredRows(),
}

// GeneralizedJSDOptions configures [GeneralizedJSD].
type GeneralizedJSDOptions struct {
	KLOptions
	Beta *float64 `opt:"beta" doc:"weight of the teacher in the mixture, and of its divergence" bounds:"(0,1)" try:"0.1;0.75"`
}

// GeneralizedJSD is the divergence of both from their mixture (Agarwal et al., On-Policy
// Distillation of Language Models, 2024).
var GeneralizedJSD = &losses.Def[GeneralizedJSDOptions]{
	Spec: losses.Spec{
		Name: "generalized_jsd", Aliases: []string{"gkd"}, Family: family,
		Title:   "divergence of student and teacher from a mixture of both",
		Formula: "m = beta·teacher + (1 - beta)·student; beta·KL(teacher || m) + (1 - beta)·KL(student || m)",
		Witness: "trl 1.16.0",
		Inputs:  logits(tokens()), Shapes: rows("labels"), Star: "N", Sizes: classCases(), LabelPolicy: anyLabel,
		Traps: klTraps(
			"beta is within (0, 1): TRL takes 0 for forward_kl and 1 for reverse_kl, which are no limits of this loss.",
			"GKD's default temperature is 0.9, here it is 1."),
	},
	Defaults: GeneralizedJSDOptions{KLOptions: defaultKL(), Beta: new(0.5)},
	Reference: func(c *losses.Call, o GeneralizedJSDOptions) string {
		beta, rest := losses.Python(*o.Beta), losses.Python(1-*o.Beta)
		each := fmt.Sprintf("(lambda s, t: (lambda m: (%[1]s * torch.exp(t) * (t - m) + %[2]s * torch.exp(s) * (s - m)).sum(-1))(torch.logaddexp(s + math.log(%[2]s), t + math.log(%[1]s))))(%[3]s, %[4]s)",
			beta, rest, torchLog("student", *o.Temperature), torchLog("teacher", *o.Temperature))
		return torchKept(c, each, *o.IgnoreIndex, o.Reduction)
	},
	Body: func(c *losses.Call, o GeneralizedJSDOptions) losses.Term {
		s, t := logProbabilities(c.In("student"), *o.Temperature), logProbabilities(c.In("teacher"), *o.Temperature)
		m := parts.LogAddExp(s.Shift(math.Log(1-*o.Beta)), t.Shift(math.Log(*o.Beta)))
		return kept(c, divergence(t, m).Scale(*o.Beta).Add(divergence(s, m).Scale(1-*o.Beta)), *o.IgnoreIndex)
	},
	Golden: append(ignoredRows(), largeRows()...),
}
