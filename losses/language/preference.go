package language

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file declares losses of preferences that need no reference model, and those of
// single answers.

// SimPOOptions configures [SimPO].
type SimPOOptions struct {
	Beta           *float64         `opt:"beta" doc:"factor of the difference" bounds:"(0,inf)" try:"2"`
	Gamma          *float64         `opt:"gamma" doc:"margin that is demanded" bounds:"[0,inf)" try:"0"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"probability that a preference is the wrong way round" bounds:"[0,0.5)" try:"0.1"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// pair are the log-probabilities of two answers.
func pair(prefix, of string, further ...losses.Input) []losses.Input {
	return append([]losses.Input{
		trained(prefix+"chosen_logps", of+" of the chosen answers", losses.Real),
		trained(prefix+"rejected_logps", of+" of the rejected answers", losses.Real),
	}, further...)
}

// SimPO is preference optimization without a reference (Meng et al., 2024).
var SimPO = &losses.Def[SimPOOptions]{
	Spec: losses.Spec{
		Name: "simpo", Family: family, Witness: "trl 1.16.0",
		Title:   "preference between two answers by a margin",
		Formula: "-logsigmoid(beta·(policy_chosen_logps - policy_rejected_logps) - gamma)",
		Traps: []string{
			"Log-probabilities are means over the tokens of the answer; dpo and cpo take sums.",
			"Papers use a beta of 2 to 2.5; 0.1 is TRL's default. gamma is subtracted as it is: papers give its ratio to beta.",
		},
	},
	Defaults: SimPOOptions{Beta: new(0.1), Gamma: new(0.5), Reduction: losses.Mean},
	Ports: func(o SimPOOptions) ([]losses.Input, []losses.Shapes) {
		inputs := pair("policy_", "mean log-probability of the tokens")
		return inputs, perRow(inputs)
	},
	Reference: func(c *losses.Call, o SimPOOptions) string {
		text := fmt.Sprintf("(lambda x: %s)(%s * (policy_chosen_logps - policy_rejected_logps) - %s)", smoothedTorch(o.LabelSmoothing), losses.Python(*o.Beta), losses.Python(*o.Gamma))
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o SimPOOptions) losses.Term {
		margin := c.In("policy_chosen_logps").Sub(c.In("policy_rejected_logps")).Scale(*o.Beta).Shift(-*o.Gamma)
		return losses.Each(smoothed(margin, o.LabelSmoothing))
	},
}

// CPOOptions configures [CPO].
type CPOOptions struct {
	Beta           *float64         `opt:"beta" doc:"factor of the difference" bounds:"(0,inf)" try:"0.5"`
	Alpha          *float64         `opt:"alpha" doc:"factor of nll" bounds:"[0,inf)" try:"0.5"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"probability that a preference is the wrong way round" bounds:"[0,0.5)" try:"0.1"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// nll is the optional loss of imitating the chosen answers, which each row gets.
func nll() losses.Input {
	return losses.Input{Name: "nll", Doc: "cross entropy of the chosen answers, a number that is added to each row's loss", Domain: losses.Real, Optional: true, Grad: losses.Default}
}

// CPO is contrastive preference optimization (Xu et al., 2024).
var CPO = &losses.Def[CPOOptions]{
	Spec: losses.Spec{
		Name: "cpo", Family: family, Witness: "trl 1.16.0",
		Title:   "preference between two answers, and imitation of the better one",
		Formula: "-logsigmoid(beta·(policy_chosen_logps - policy_rejected_logps)) + alpha·nll",
		Traps: []string{
			"Log-probabilities are sums over the tokens of the answer; simpo takes means.",
			"nll is there with --with nll only: give it causal_lm of the chosen answers. With reduction sum each row adds it.",
		},
	},
	Defaults: CPOOptions{Beta: new(0.1), Alpha: new(1.0), Reduction: losses.Mean},
	Ports: func(o CPOOptions) ([]losses.Input, []losses.Shapes) {
		inputs := pair("policy_", "log-probability")
		shapes := perRow(inputs)
		shapes[0]["nll"] = ""
		return append(inputs, nll()), shapes
	},
	Reference: func(c *losses.Call, o CPOOptions) string {
		text := fmt.Sprintf("(lambda x: %s)(%s * (policy_chosen_logps - policy_rejected_logps))", smoothedTorch(o.LabelSmoothing), losses.Python(*o.Beta))
		if c.Has("nll") {
			text += " + " + losses.Python(*o.Alpha) + " * nll"
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o CPOOptions) losses.Term {
		loss := smoothed(c.In("policy_chosen_logps").Sub(c.In("policy_rejected_logps")).Scale(*o.Beta), o.LabelSmoothing)
		if c.Has("nll") {
			loss = loss.Add(c.In("nll").Scale(*o.Alpha))
		}
		return losses.Each(loss)
	},
}

// ORPOOptions configures [ORPO].
type ORPOOptions struct {
	Beta      *float64         `opt:"beta" doc:"factor of the odds ratio" bounds:"(0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// ORPO is odds-ratio preference optimization (Hong et al., 2024).
var ORPO = &losses.Def[ORPOOptions]{
	Spec: losses.Spec{
		Name: "orpo", Family: family, Witness: "trl 1.16.0",
		Title:   "preference between two answers by the ratio of their odds",
		Formula: "odds = exp(logps)/(1 - exp(logps)); -beta·logsigmoid(log odds of chosen - log odds of rejected) + nll",
		Traps: []string{
			"Log-probabilities are means over the tokens of the answer, below 0. Those of 0, a certain answer, have NaN or infinite gradients, as in PyTorch; above 0 the loss is NaN.",
			"nll is there with --with nll only: give it causal_lm of the chosen answers. With reduction sum each row adds it.",
			"log(1 - exp(x)) loses all digits near 0 and far below it when it is computed as it is written; this file does not.",
		},
	},
	Defaults: ORPOOptions{Beta: new(0.1), Reduction: losses.Mean},
	Ports: func(o ORPOOptions) ([]losses.Input, []losses.Shapes) {
		below := losses.Of{Low: -30, High: 0}
		inputs := pair("", "mean log-probability of the tokens")
		for i := range inputs {
			inputs[i].Domain, inputs[i].Of = losses.Interval, below
		}
		shapes := perRow(inputs)
		shapes[0]["nll"] = ""
		return append(inputs, nll()), shapes
	},
	Reference: func(c *losses.Call, o ORPOOptions) string {
		odds := "(lambda x: x - torch.where(x > -math.log(2), (-torch.expm1(torch.where(x > -math.log(2), x, -0.5))).log(), torch.log1p(-torch.exp(torch.where(x > -math.log(2), -1, x)))))"
		text := fmt.Sprintf("(lambda odds: -%s * F.logsigmoid(odds(chosen_logps) - odds(rejected_logps)))(%s)", losses.Python(*o.Beta), odds)
		if c.Has("nll") {
			text += " + nll"
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o ORPOOptions) losses.Term {
		loss := logOdds(c.In("chosen_logps")).Sub(logOdds(c.In("rejected_logps"))).LogSigmoid().Scale(-*o.Beta)
		if c.Has("nll") {
			loss = loss.Add(c.In("nll"))
		}
		return losses.Each(loss)
	},
	Golden: []losses.Case{
		{Name: "near_certain_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"chosen_logps": {0: -1e-3, 1: -0.0078125, 2: -0.6875, 3: -0.703125}, "rejected_logps": {0: -2, 1: -1e-4, 2: -0.5, 3: -29}}},
		{Name: "equal_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"rejected_logps": "like:chosen_logps"}},
	},
}

// logOdds is log(p/(1-p)) of x = log(p), which is x - log(1 - exp(x)). Near 0
// 1 - exp(x) is -tanh(x/2)·(1 + exp(x)), with all digits.
func logOdds(x losses.Value) losses.Value {
	e, near := x.Exp(), x.Greater(x.Like(-math.Ln2))
	minus := x.Scale(0.5).Tanh().Mul(e.Shift(1)) // exp(x) - 1
	far := builder.Where(near, x.Like(0), e).Neg().Log1p()
	value := x.Sub(builder.Where(near, minus.Neg().Log(), far))
	return builder.WithGradient("log_odds", value, []losses.Value{x}, func(dy losses.Value) []losses.Value {
		return []losses.Value{dy.Neg().Div(minus)}
	})
}

// KTOOptions configures [KTO].
type KTOOptions struct {
	Beta              *float64         `opt:"beta" doc:"how strongly the policy is held to the reference" bounds:"(0,inf)" try:"0.5"`
	DesirableWeight   *float64         `opt:"desirable_weight" doc:"factor of the loss of good answers" bounds:"[0,inf)" try:"0.5"`
	UndesirableWeight *float64         `opt:"undesirable_weight" doc:"factor of the loss of bad answers" bounds:"[0,inf)" try:"0.25"`
	Reduction         losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// KTO is Kahneman-Tversky optimization (Ethayarajh et al., 2024): of single answers,
// which are good or bad.
var KTO = &losses.Def[KTOOptions]{
	Spec: losses.Spec{
		Name: "kto", Aliases: []string{"apo_zero_unpaired"}, Family: family, Witness: "trl 1.16.0",
		Title:   "single answers that are good or bad",
		Formula: "r = policy_logps - reference_logps; weight·sigmoid(beta·(kl - r)) if desirable, else weight·sigmoid(beta·(r - kl))",
		Inputs: []losses.Input{
			trained("policy_logps", "log-probabilities of the answers", losses.Real),
			reference("reference_logps", "those of the reference model", losses.Real),
			reference("desirable", "whether the answer is good", losses.Mask),
			reference("kl", "the mean of policy - reference log-probabilities of answers to other questions, 0 at least", losses.Weight),
		},
		Shapes: []losses.Shapes{{"policy_logps": "N", "reference_logps": "N", "desirable": "N", "kl": ""}},
		Traps: []string{
			"kl has no gradient; limit it to 0 from below before. With a kl of 0 the loss is TRL's apo_zero_unpaired.",
			"Mean divides by all answers; good and bad ones may be absent.",
		},
	},
	Defaults: KTOOptions{Beta: new(0.1), DesirableWeight: new(1.0), UndesirableWeight: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o KTOOptions) string {
		text := fmt.Sprintf("(lambda r: torch.where(desirable, %[2]s * (1 - torch.sigmoid(%[1]s * (r - kl))), %[3]s * (1 - torch.sigmoid(%[1]s * (kl - r)))))(policy_logps - reference_logps)",
			losses.Python(*o.Beta), losses.Python(*o.DesirableWeight), losses.Python(*o.UndesirableWeight))
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o KTOOptions) losses.Term {
		good := c.In("desirable")
		gain := c.In("policy_logps").Sub(c.In("reference_logps")).Sub(c.In("kl")).Scale(*o.Beta)
		weight := builder.Where(good, c.Const(*o.DesirableWeight), c.Const(*o.UndesirableWeight))
		return losses.Each(builder.Where(good, gain.Neg(), gain).Sigmoid().Mul(weight))
	},
	Golden: []losses.Case{
		{Name: "good_alone_mean", Fill: map[string]string{"desirable": "constant:1"}},
		{Name: "bad_alone_mean", Fill: map[string]string{"desirable": "constant:0"}},
	},
}

// RewardBTOptions configures [RewardBT].
type RewardBTOptions struct {
	Center    float64          `opt:"center" doc:"factor of the square of the sum of both rewards, which keeps them near 0" bounds:"[0,inf)" try:"0.01"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// RewardBT trains a reward model on preferences (Bradley and Terry, 1952).
var RewardBT = &losses.Def[RewardBTOptions]{
	Spec: losses.Spec{
		Name: "reward_bt", Aliases: []string{"bradley_terry", "reward_model"}, Family: family,
		Title:   "the reward of the chosen answer is above that of the rejected one",
		Formula: "-logsigmoid(chosen - rejected - margin) + center·(chosen + rejected)^2",
		Inputs: []losses.Input{
			trained("chosen", "rewards of the chosen answers", losses.Real),
			trained("rejected", "rewards of the rejected answers", losses.Real),
			{Name: "margin", Doc: "how much better the chosen answers are", Domain: losses.Weight, Optional: true},
		},
		Shapes: []losses.Shapes{{"chosen": "N", "rejected": "N", "margin": "N"}},
		Traps: []string{
			"It knows differences of rewards only: center keeps them from drifting. TRL's trainer has it as center_rewards_coefficient, off by default.",
		},
	},
	Defaults: RewardBTOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o RewardBTOptions) string {
		margin, center := "", ""
		if c.Has("margin") {
			margin = " - margin"
		}
		if o.Center != 0 {
			center = " + " + losses.Python(o.Center) + " * (chosen + rejected) ** 2"
		}
		return losses.Reduced("-F.logsigmoid(chosen - rejected"+margin+")"+center, o.Reduction)
	},
	Body: func(c *losses.Call, o RewardBTOptions) losses.Term {
		good, bad := c.In("chosen"), c.In("rejected")
		x := good.Sub(bad)
		if c.Has("margin") {
			x = x.Sub(c.In("margin"))
		}
		loss := x.LogSigmoid().Neg()
		if o.Center != 0 {
			loss = loss.Add(good.Add(bad).Square().Scale(o.Center))
		}
		return losses.Each(loss)
	},
}
