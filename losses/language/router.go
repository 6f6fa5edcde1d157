package language

import (
	"fmt"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file declares losses that keep logits small and experts equally busy.

// ZLossOptions configures [ZLoss].
type ZLossOptions struct {
	Coef      *float64         `opt:"coef" doc:"factor" bounds:"[0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// ZLoss keeps the partition function of a softmax near 1 (Zoph et al., ST-MoE, 2022).
var ZLoss = &losses.Def[ZLossOptions]{
	Spec: losses.Spec{
		Name: "z_loss", Presets: map[string]losses.Values{"router_z": {"coef": 1.0}}, Family: family, Witness: "transformers 5.24.0",
		Title:   "square of the log-partition function of logits",
		Formula: "coef·logsumexp(logits)^2",
		Inputs:  []losses.Input{trained("logits", "scores, the classes or experts along the last axis", losses.Real)},
		Shapes:  []losses.Shapes{{"logits": "*,V"}}, Star: "B,T", Logits: "logits",
		Traps: []string{
			"router_z is this loss with --coef 1, of the scores of experts; language models take about 1e-4 of it beside their cross entropy.",
			"Mean divides by all tokens: leave out padding with --with mask.",
			"It has no effect on the probabilities of a token, only on a number that is added to all its logits.",
		},
	},
	Defaults: ZLossOptions{Coef: new(1e-4), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ZLossOptions) string {
		return losses.Reduced(losses.Python(*o.Coef)+" * logits.logsumexp(-1) ** 2", o.Reduction)
	},
	Body: func(c *losses.Call, o ZLossOptions) losses.Term {
		x := c.In("logits")
		last := x.Rank() - 1
		return losses.Each(x.LogSumExp(last).Squeeze(last).Square().Scale(*o.Coef))
	},
	Golden: []losses.Case{
		{Name: "large_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"logits": "N,V"}, Set: map[string]losses.Edge{"logits": {0: 1e4, 1: 1e4, 2: -1e4, 3: -1e4}}},
	},
}

// LoadBalancingOptions configures [LoadBalancing].
type LoadBalancingOptions struct {
	TopK *int64 `opt:"top_k" doc:"experts that each token goes to" bounds:"[1,inf)" try:"1"`
	Form string `opt:"form" doc:"mixtral: of scores, the experts are the best top_k; switch: of probabilities and the one expert that each token went to, in groups" choices:"mixtral,switch" try:"switch"`
}

// LoadBalancing is the product of how many tokens an expert gets and how likely it is
// (Fedus et al., Switch Transformers, 2021), summed over experts.
var LoadBalancing = &losses.Def[LoadBalancingOptions]{
	Spec: losses.Spec{
		Name: "load_balancing", Aliases: []string{"moe_aux", "router_aux"}, Family: family, Witness: "transformers 5.24.0",
		Title:       "experts get equally many tokens",
		Formula:     "E·sum over experts of (share of tokens that go there)·(mean of its probability)",
		Inseparable: "it is about the shares of all tokens together; mask leaves out tokens",
		LabelPolicy: "an expert outside [0, E) ends the run with an index error, as PyTorch raises",
		Traps: []string{
			"In perfect balance it is top_k in the mixtral form and 1 in the switch form; multiply by the factor of your recipe, 0.01 or 0.001.",
			"Only the probabilities have a gradient; which experts are chosen does not.",
			"mixtral: put the scores of all layers one behind the other along the tokens, and repeat the mask as often.",
			"Of equal scores the first expert is taken; PyTorch's topk does not say which.",
			"switch: a mean over groups and experts of E^2 times the product, which with one group is the other form with --top_k 1.",
		},
	},
	Defaults: LoadBalancingOptions{TopK: new(int64(2)), Form: "mixtral"},
	Ports: func(o LoadBalancingOptions) ([]losses.Input, []losses.Shapes) {
		mask := losses.Input{Name: "mask", Doc: "which tokens count", Domain: losses.Mask, Optional: true}
		if o.Form == "switch" {
			return []losses.Input{
				trained("router_probs", "probabilities of the experts", losses.Simplex),
				{Name: "expert_index", Doc: "expert of each token", Domain: losses.Class, Of: losses.Of{Axis: "E"}},
				mask,
			}, []losses.Shapes{{"router_probs": "G,T,E", "expert_index": "G,T", "mask": "G,T"}}
		}
		return []losses.Input{trained("router_logits", "scores of the experts", losses.Real), mask},
			[]losses.Shapes{{"router_logits": "T,E", "mask": "T"}}
	},
	Reference: balanceReference,
	Body: func(c *losses.Call, o LoadBalancingOptions) losses.Term {
		if o.Form == "switch" {
			return losses.Term{Each: switchBalance(c), Reduced: true}
		}
		x := c.In("router_logits")
		experts := x.Shape()[1]
		if experts.Known() && experts.Size < *o.TopK {
			builder.Failf("load_balancing", "top_k is %d of %d experts", *o.TopK, experts.Size)
		}
		if c.Has("mask") {
			x = builder.Where(c.In("mask").Unsqueeze(1), x, x.Like(0))
		}
		_, best := x.TopK(1, tensor.D(*o.TopK), true)
		chosen := best.OneHot(2, experts, c.Compute).SumOver(1)
		return losses.Term{Each: balance(c, x.Softmax(1), chosen).Mul(c.B.Count(c.Compute, x.Shape()[1:])), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "nothing_kept", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:0"}},
		{Name: "all_experts", Sizes: map[string]int64{"E": 2}},
		{Name: "equal_scores", Fill: map[string]string{"router_logits": "constant:1"}, Set: map[string]losses.Edge{"router_logits": {0: 2, 1: 2, 2: 2, 5: 0.5}}},
		{Name: "equal_scores_one", Options: losses.Values{"top_k": int64(1)}, Fill: map[string]string{"router_logits": "constant:1"}, Set: map[string]losses.Edge{"router_logits": {1: 2, 2: 2}}},
	},
}

// balance is the sum over experts of the products of two means over the tokens that
// count: of probabilities and of which experts were chosen, [...,T,E].
func balance(c *losses.Call, p, chosen losses.Value) losses.Value {
	axis := p.Rank() - 2
	tokens := c.B.Count(c.Compute, p.Shape()[axis:axis+1])
	if c.Has("mask") {
		kept := c.In("mask").Cast(c.Compute)
		tokens = kept.SumOver(axis).Unsqueeze(axis)
		p, chosen = p.Mul(kept.Unsqueeze(axis+1)), chosen.Mul(kept.Unsqueeze(axis+1))
	}
	return chosen.SumOver(axis).Div(tokens).Mul(p.SumOver(axis).Div(tokens)).SumOver(axis)
}

// switchBalance is that of probabilities and chosen experts, the mean over groups and
// experts times the square of the number of experts.
func switchBalance(c *losses.Call) losses.Value {
	p := c.In("router_probs")
	chosen := c.In("expert_index").Within(p.Shape()[2]).OneHot(2, p.Shape()[2], c.Compute)
	if c.Has("mask") {
		p = builder.Where(c.In("mask").Unsqueeze(2), p, p.Like(0))
	}
	groups := balance(c, p, chosen)
	return groups.Sum().Div(groups.Numel()).Mul(c.B.Count(c.Compute, p.Shape()[2:]))
}

func balanceReference(c *losses.Call, o LoadBalancingOptions) string {
	probabilities, chosen, mean, mask := "router_logits.softmax(1)", fmt.Sprintf("F.one_hot(router_logits.argsort(dim=1, descending=True, stable=True).narrow(1, 0, %d), p.shape[1]).sum(1)", *o.TopK), ".mean(-2)", ""
	if o.Form == "switch" {
		probabilities, chosen = "router_probs", "F.one_hot({expert_index}, p.shape[-1])"
	}
	if c.Has("mask") {
		mean, mask = ".sum(-2) / mask.sum(-1, keepdim=True)", " * mask[..., None]"
		probabilities = strings.Replace(probabilities, "router_logits", "torch.where(mask[:, None], router_logits, 0)", 1)
		chosen = strings.Replace(chosen, "router_logits", "torch.where(mask[:, None], router_logits, 0)", 1)
		probabilities = strings.Replace(probabilities, "router_probs", "torch.where(mask[..., None], router_probs, 0)", 1)
	}
	text := "(lambda p: p.shape[-1] * ((CHOSEN.to(p)MASK)MEAN * (pMASK)MEAN).sum(-1).mean())(" + probabilities + ")"
	return c.Expand(strings.NewReplacer("CHOSEN", chosen, "MASK", mask, "MEAN", mean).Replace(text), nil)
}
