package language

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file has what losses of policies share: tokens of answers that a mask chooses,
// how far the policy is from a reference, and what mean divides by.

// TokenOptions are the options of all of them.
type TokenOptions struct {
	LossType         string           `opt:"loss_type" doc:"what mean divides by. grpo: each answer by its tokens, then by the answers; bnpo: the tokens; dr_grpo: answers·max_len; dapo: the input num_items; luspo: the answers" choices:"grpo,bnpo,dr_grpo,dapo,luspo" try:"grpo;bnpo;dr_grpo;dapo;luspo"`
	MaxLen           *int64           `opt:"max_len" doc:"most tokens of an answer, for dr_grpo" bounds:"[1,inf)" try:"8"`
	Beta             float64          `opt:"beta" doc:"factor of the divergence from the reference, which needs ref_logps where it is not 0" bounds:"[0,inf)" try:"0.04"`
	BiasCorrectionKL bool             `opt:"use_bias_correction_kl" doc:"multiply the divergence by the ratio of the policies, as TRL does by default"`
	Reduction        losses.Reduction `opt:"reduction" doc:"how the losses of the tokens are combined" choices:"none,mean,sum"`
}

// ports are the inputs and shapes.
func (o TokenOptions) ports() ([]losses.Input, []losses.Shapes) {
	inputs := []losses.Input{
		trained("logps", "log-probabilities of the tokens under the policy", losses.Real),
		reference("old_logps", "those of the policy that wrote the answers", losses.Real),
	}
	if o.Beta != 0 {
		inputs = append(inputs, reference("ref_logps", "those of the reference model", losses.Real))
	}
	inputs = append(inputs,
		reference("mask", "which tokens are of the answer", losses.Mask),
		reference("advantages", "how much better each answer is than its group", losses.Real))
	shapes := losses.Shapes{}
	for _, in := range inputs {
		shapes[in.Name] = "B,T"
	}
	shapes["advantages"] = "B"
	if o.LossType == "dapo" && o.Reduction == losses.Mean {
		inputs = append(inputs, losses.Input{Name: "num_items", Doc: "tokens of all batches of the step", Domain: losses.Positive, Wide: true})
		shapes["num_items"] = ""
	}
	return inputs, []losses.Shapes{shapes}
}

// inseparable is why single losses cannot be weighted, "" where they can.
func (o TokenOptions) inseparable() string {
	if o.LossType == "grpo" {
		return "mean divides the losses of an answer by its tokens"
	}
	return ""
}

// tokens are the tokens of the answers. Others are 0 in all of them, so that nothing
// of theirs reaches a gradient.
type tokens struct {
	mask       losses.Value
	logps      losses.Value
	difference losses.Value // of the policy from the one that wrote the answers
	reference  losses.Value // of the reference from the policy; the zero Value without one
	advantages losses.Value // [B,1]
}

func (o TokenOptions) tokens(c *losses.Call) tokens {
	mask := c.In("mask")
	kept := func(name string) losses.Value { return builder.Where(mask, c.In(name), c.Const(0)) }
	t := tokens{mask: mask, logps: kept("logps"), advantages: c.In("advantages").Unsqueeze(1)}
	t.difference = t.logps.Sub(kept("old_logps"))
	if o.Beta != 0 {
		t.reference = kept("ref_logps").Sub(t.logps)
	}
	return t
}

// number is how many tokens each answer has, [B,1], at least 1.
func (t tokens) number() losses.Value {
	n := t.mask.Cast(t.logps.DType()).SumOver(1).Unsqueeze(1)
	return n.Max(n.Like(1))
}

// term adds the divergence to the losses of the tokens.
func (o TokenOptions) term(c *losses.Call, t tokens, each, ratio losses.Value) losses.Term {
	if o.Beta != 0 {
		kl := t.reference.Exp().Sub(t.reference).Shift(-1)
		if o.BiasCorrectionKL {
			kl = kl.Mul(ratio)
		}
		each = each.Add(kl.Scale(o.Beta))
	}
	out := losses.Term{Each: each, Kept: losses.Both{Value: t.mask, Torch: "mask"}}
	answers := losses.Both{Value: c.B.Count(c.Compute, t.mask.Shape()[:1]), Torch: "len(mask)"}
	switch o.LossType {
	case "grpo":
		out.Count = answers
		if o.Reduction == losses.Mean {
			out.Each = each.Div(t.number())
		}
	case "bnpo":
		out.Divisor, out.EmptyIsZero = losses.Both{Value: t.mask.Cast(c.Compute), Torch: "mask"}, true
	case "dr_grpo":
		out.Count = losses.Both{Value: answers.Scale(float64(*o.MaxLen)), Torch: fmt.Sprintf("(len(mask) * %d)", *o.MaxLen)}
	case "luspo":
		out.Count = answers
	case "dapo":
		if o.Reduction == losses.Mean { // none and sum do not have the input
			out.Divisor = losses.Both{Value: c.In("num_items"), Torch: "num_items"}
		}
	}
	return out
}

// torch writes the loss whose tokens have one of the form each, over their logps l,
// difference d, ratio r and advantages a, [B,1].
func (o TokenOptions) torch(each, ratio string) string {
	kl, argument, parameter := "", "", ""
	if o.Beta != 0 {
		kl, argument, parameter = "torch.exp(q) - q - 1", ", torch.where(mask, ref_logps - logps, 0)", ", q"
		if o.BiasCorrectionKL {
			kl = "(" + kl + ") * r"
		}
		each += " + " + losses.Python(o.Beta) + " * (" + kl + ")"
	}
	text := fmt.Sprintf("torch.where(mask, (lambda l, d, a%s: (lambda r: %s)(%s))(torch.where(mask, logps, 0), torch.where(mask, logps - old_logps, 0), advantages[:, None]%s), 0)", parameter, each, ratio, argument)
	if o.Reduction == losses.None {
		return text
	}
	if o.Reduction == losses.Sum {
		return text + ".sum()"
	}
	switch o.LossType {
	case "grpo":
		return text + ".sum(1).div(mask.sum(1).clamp(min=1)).mean()"
	case "bnpo":
		return text + ".sum() / mask.sum().clamp(min=1)"
	case "dr_grpo":
		return text + fmt.Sprintf(".sum() / (len(mask) * %d)", *o.MaxLen)
	case "dapo":
		return text + ".sum() / num_items"
	}
	return text + ".sum(1).mean()"
}

// tokenCases are cases of all of them: with answers of no token and nothing but
// padding, which may hold anything.
func tokenCases(more ...losses.Case) []losses.Case {
	list := slices.Clone(more)
	for _, kind := range []string{"grpo", "bnpo", "dr_grpo", "luspo"} {
		list = append(list,
			losses.Case{Name: "no_tokens_" + kind, Options: losses.Values{"loss_type": kind}, Fill: map[string]string{"mask": "constant:0"}},
			losses.Case{Name: "empty_answer_" + kind, Options: losses.Values{"loss_type": kind, "beta": 0.04}, Set: map[string]losses.Edge{
				"mask": {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, "logps": {0: math.NaN()}, "old_logps": {1: math.Inf(1)}, "ref_logps": {2: math.Inf(-1)},
			}},
		)
	}
	return append(list,
		losses.Case{Name: "weighted_behind_mask_mean", With: []string{"sample_weight"}, Options: losses.Values{"loss_type": "bnpo"}, Set: map[string]losses.Edge{
			"mask": {0: 0, 1: 0, 2: 1}, "sample_weight": {0: math.NaN(), 1: math.Inf(1)}, "logps": {1: math.NaN()},
		}},
		losses.Case{Name: "corrected_divergence_none", Options: losses.Values{"beta": 0.5, "use_bias_correction_kl": true, "reduction": "none"}, Fill: map[string]string{"mask": "constant:1"}},
		losses.Case{Name: "same_policy_none", Options: losses.Values{"beta": 0.5, "reduction": "none"}, Fill: map[string]string{"mask": "constant:1", "old_logps": "like:logps", "ref_logps": "like:logps"}},
	)
}
