package language

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file declares losses of policies that are trained on groups of answers.

// GRPOOptions configures [GRPO].
type GRPOOptions struct {
	TokenOptions
	EpsLow  *float64 `opt:"eps_low" doc:"how far the ratio may fall below 1" bounds:"[0,1]" try:"0.1"`
	EpsHigh *float64 `opt:"eps_high" doc:"how far it may rise above 1; none: as far as eps_low" bounds:"[0,inf)" try:"0.28"`
	Delta   *float64 `opt:"delta" doc:"limit of the ratio that is not clipped" bounds:"(1,inf)" try:"1.5"`
	Level   string   `opt:"importance_sampling_level" doc:"the ratio is that of each token, or that of the mean over the answer" choices:"token,sequence" try:"sequence"`
}

// GRPO is group relative policy optimization (Shao et al., DeepSeekMath, 2024).
var GRPO = &losses.Def[GRPOOptions]{
	Spec: losses.Spec{
		Name: "grpo", Family: family, Witness: "trl 1.16.0",
		Presets: map[string]losses.Values{
			"bnpo": {"loss_type": "bnpo"}, "dr_grpo": {"loss_type": "dr_grpo"}, "luspo": {"loss_type": "luspo"},
			"dapo": {"loss_type": "dapo", "eps_high": 0.28}, "gspo": {"importance_sampling_level": "sequence"},
		},
		Title:   "clipped policy gradient of tokens, over groups of answers",
		Formula: "r = exp(logps - old_logps); -min(r·advantages, clip(r, 1 - eps_low, 1 + eps_high)·advantages) + beta·(exp(q) - q - 1), q = ref_logps - logps",
		Traps: append([]string{
			"bnpo, dr_grpo, dapo and luspo are names of their own, and values of loss_type: they differ in what mean divides by. TRL's default is dapo. gspo is --importance_sampling_level sequence.",
			"Exactly at a bound of the ratio half of the gradient is left.",
		}, tokenTraps...),
	},
	Defaults: GRPOOptions{TokenOptions: defaultTokens("grpo"), EpsLow: new(0.2), Level: "token"},
	Ports:    func(o GRPOOptions) ([]losses.Input, []losses.Shapes) { return o.ports() },
	Adapt: func(s *losses.Spec, o GRPOOptions) {
		if s.Inseparable = o.inseparable(); o.Level == "sequence" {
			s.Inseparable = "the ratio of a token is that of its whole answer"
		}
	},
	Reference: func(c *losses.Call, o GRPOOptions) string {
		ratio := "torch.exp(d)"
		if o.Level == "sequence" {
			ratio = "torch.exp(d.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1))"
		}
		low, high := o.bounds()
		first := "r"
		if o.Delta != nil {
			first = fmt.Sprintf("r.clamp(max=%s)", losses.Python(*o.Delta))
		}
		return o.torch(fmt.Sprintf("-torch.min(%s * a, r.clamp(%s, %s) * a)", first, losses.Python(low), losses.Python(high)), ratio)
	},
	Body: func(c *losses.Call, o GRPOOptions) losses.Term {
		t := o.tokens(c)
		ratio := t.difference.Exp()
		if o.Level == "sequence" {
			ratio = t.difference.SumOver(1).Unsqueeze(1).Div(t.number()).Exp()
		}
		low, high := o.bounds()
		free := ratio
		if o.Delta != nil {
			free = ratio.Clip(math.Inf(-1), *o.Delta)
		}
		each := free.Mul(t.advantages).Min(ratio.Clip(low, high).Mul(t.advantages)).Neg()
		return o.term(c, t, each.BroadcastTo(t.mask.Shape()), ratio)
	},
	Golden: tokenCases(
		losses.Case{Name: "at_the_bounds_none", Dtypes: []string{"float64"}, Options: losses.Values{"eps_low": 0.5, "eps_high": 1.0, "reduction": "none"}, Fill: map[string]string{"mask": "constant:1", "old_logps": "constant:0"}, Set: map[string]losses.Edge{"logps": {0: math.Log(0.5), 1: math.Log(2), 2: 0, 6: math.Log(0.5), 7: math.Log(2), 8: 0}, "advantages": {0: 1, 1: -1}}},
		losses.Case{Name: "sequence_bnpo", Options: losses.Values{"loss_type": "bnpo", "importance_sampling_level": "sequence", "beta": 0.04}},
		losses.Case{Name: "far_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"mask": "constant:1"}, Set: map[string]losses.Edge{"logps": {0: -1e4, 1: 30}}},
	),
}

// bounds are those of the ratio.
func (o GRPOOptions) bounds() (low, high float64) {
	if o.EpsHigh == nil {
		return 1 - *o.EpsLow, 1 + *o.EpsLow
	}
	return 1 - *o.EpsLow, 1 + *o.EpsHigh
}

// tokenTraps are those of every loss here.
var tokenTraps = []string{
	"beta is 0 by default, as in TRL, and no reference model is needed then; its use_bias_correction_kl is off here.",
	"An answer without tokens counts as 0 among the answers of grpo and luspo; without any token at all the loss is 0, but with num_items 0 NaN.",
	"What the mask leaves out may hold anything, NaN too.",
	"Right after the answers were written the policy is still the one that wrote them: give logps as old_logps, too. The ratio is 1 then, and its gradient that of the policy.",
}

func defaultTokens(kind string) TokenOptions {
	return TokenOptions{LossType: kind, MaxLen: new(int64(1024)), Reduction: losses.Mean}
}

// CISPOOptions configures [CISPO].
type CISPOOptions struct {
	TokenOptions
	EpsHigh *float64 `opt:"eps_high" doc:"limit of the ratio" bounds:"(0,inf)" try:"1.5"`
}

// CISPO weighs the policy gradient by a ratio that is clipped and has no gradient
// (MiniMax-M1, 2025).
var CISPO = &losses.Def[CISPOOptions]{
	Spec: losses.Spec{
		Name: "cispo", Family: family, Witness: "trl 1.16.0",
		Title:   "policy gradient of tokens with clipped weights",
		Formula: "-stop_gradient(min(exp(logps - old_logps), eps_high))·advantages·logps + beta·(exp(q) - q - 1), q = ref_logps - logps",
		Traps: append([]string{
			"The weight has no gradient, so that no token loses its own. Its limit is eps_high itself, not 1 + eps_high.",
			"The value means little: it changes with the policy in the weight, too.",
		}, tokenTraps...),
		NotDerivative: "the clipped ratio is taken as a constant",
	},
	Defaults: CISPOOptions{TokenOptions: defaultTokens("dapo"), EpsHigh: new(5.0)},
	Ports:    func(o CISPOOptions) ([]losses.Input, []losses.Shapes) { return o.ports() },
	Adapt:    func(s *losses.Spec, o CISPOOptions) { s.Inseparable = o.inseparable() },
	Reference: func(c *losses.Call, o CISPOOptions) string {
		return o.torch(fmt.Sprintf("-r.clamp(max=%s).detach() * a * l", losses.Python(*o.EpsHigh)), "torch.exp(d)")
	},
	Body: func(c *losses.Call, o CISPOOptions) losses.Term {
		t := o.tokens(c)
		ratio := t.difference.Exp()
		weight := ratio.Clip(math.Inf(-1), *o.EpsHigh).StopGradient()
		return o.term(c, t, weight.Mul(t.advantages).Mul(t.logps).Neg(), ratio)
	},
	Golden: tokenCases(),
}

// SAPOOptions configures [SAPO].
type SAPOOptions struct {
	TokenOptions
	TauPos *float64 `opt:"tau_pos" doc:"steepness for advantages above 0" bounds:"(0,inf)" try:"2"`
	TauNeg *float64 `opt:"tau_neg" doc:"steepness for the others" bounds:"(0,inf)" try:"0.5"`
}

// SAPO plays down tokens whose ratio is far from 1, without a bound (Gao et al., Soft
// Adaptive Policy Optimization, 2025).
var SAPO = &losses.Def[SAPOOptions]{
	Spec: losses.Spec{
		Name: "sapo", Family: family, Witness: "trl 1.16.0",
		Title:   "policy gradient of tokens through a sigmoid of the ratio",
		Formula: "r = exp(logps - old_logps); -sigmoid(tau·(r - 1))·4/tau·advantages + beta·(exp(q) - q - 1), q = ref_logps - logps",
		Traps: append([]string{
			"tau is tau_pos where the advantage is above 0 and tau_neg elsewhere, at 0 too.",
		}, tokenTraps...),
	},
	Defaults: SAPOOptions{TokenOptions: defaultTokens("grpo"), TauPos: new(1.0), TauNeg: new(1.05)},
	Ports:    func(o SAPOOptions) ([]losses.Input, []losses.Shapes) { return o.ports() },
	Adapt:    func(s *losses.Spec, o SAPOOptions) { s.Inseparable = o.inseparable() },
	Reference: func(c *losses.Call, o SAPOOptions) string {
		tau := fmt.Sprintf("torch.where(a > 0, torch.full_like(a, %s), %s)", losses.Python(*o.TauPos), losses.Python(*o.TauNeg))
		return o.torch("(lambda tau: -torch.sigmoid(tau * (r - 1)) * 4 / tau * a)("+tau+")", "torch.exp(d)")
	},
	Body: func(c *losses.Call, o SAPOOptions) losses.Term {
		t := o.tokens(c)
		ratio := t.difference.Exp()
		tau := builder.Where(t.advantages.Greater(c.Const(0)), c.Const(*o.TauPos), c.Const(*o.TauNeg))
		gate := ratio.Shift(-1).Mul(tau).Sigmoid().Scale(-4).Div(tau)
		return o.term(c, t, gate.Mul(t.advantages), ratio)
	},
	Golden: tokenCases(),
}
