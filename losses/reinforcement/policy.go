package reinforcement

import (
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of policies.

// PPOOptions configures [PPO].
type PPOOptions struct {
	Epsilon     *float64         `opt:"epsilon" doc:"how far the ratio of the policies may leave 1" bounds:"(0,1]" try:"0.2"`
	ValueCoeff  *float64         `opt:"value_coeff" doc:"factor of the loss of the values; with 0 there are none" bounds:"[0,inf)" try:"0;0.5"`
	ValueClip   *float64         `opt:"value_clip" doc:"how far values may leave the old ones; inf: as far as they like, and old_values are not needed" bounds:"(0,inf]" try:"1;inf"`
	EntropyCoef float64          `opt:"entropy_coef" doc:"factor of the entropy, which is subtracted; with 0 there is none" bounds:"[0,inf)" try:"0.01"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// PPO is proximal policy optimization (Schulman et al., 2017), with the loss of the
// values and the bonus of entropy.
var PPO = &losses.Def[PPOOptions]{
	Spec: losses.Spec{
		Name: "ppo", Family: family, Witness: "torchtune 0.6.1",
		Title:   "clipped policy gradient, and clipped values",
		Formula: "r = exp(logps - old_logps); max(-advantages·r, -advantages·clip(r, 1 - epsilon, 1 + epsilon)) + value_coeff/2·max((values - returns)^2, (clip(values, old_values ± value_clip) - returns)^2) - entropy_coef·entropy",
		Traps: []string{
			"The defaults are torchtune's. stable-baselines3: --epsilon 0.2 --value_coeff 1 --value_clip inf, since its vf_coef of 0.5 has no half beside it, and --entropy_coef; it normalizes the advantages before. cleanrl: --epsilon 0.2 --value_coeff 0.5.",
			"torchrl clips the logarithm of the ratio and takes smooth_l1 for the values.",
			"Tokens or steps that do not count are left out with --with mask. If none counts the mean is NaN; torchtune's is 0.",
			"Exactly at a bound of the ratio half of the gradient is left.",
		},
	},
	Defaults: PPOOptions{Epsilon: new(0.1), ValueCoeff: new(0.1), ValueClip: new(0.2), Reduction: losses.Mean},
	Ports: func(o PPOOptions) ([]losses.Input, []losses.Shapes) {
		inputs := []losses.Input{
			trained("logps", "log-probabilities of the actions, or tokens", losses.Real),
			given("old_logps", "those of the policy that chose them", losses.Real),
			given("advantages", "how much better they were than expected", losses.Real),
		}
		if *o.ValueCoeff > 0 {
			inputs = append(inputs, trained("values", "predicted values", losses.Real))
			if o.clipsValues() {
				inputs = append(inputs, given("old_values", "those predicted when the actions were chosen", losses.Real))
			}
			inputs = append(inputs, given("returns", "observed values", losses.Real))
		}
		if o.EntropyCoef > 0 {
			inputs = append(inputs, trained("entropy", "entropies of the policy", losses.Real))
		}
		tokens, rows := losses.Shapes{}, losses.Shapes{}
		for _, in := range inputs {
			tokens[in.Name], rows[in.Name] = "B,T", "N"
		}
		return inputs, []losses.Shapes{tokens, rows}
	},
	Reference: func(c *losses.Call, o PPOOptions) string {
		e := losses.Python(*o.Epsilon)
		text := fmt.Sprintf("(lambda r: torch.max(-advantages * r, -advantages * r.clamp(1 - %[1]s, 1 + %[1]s)))(torch.exp(logps - old_logps))", e)
		if *o.ValueCoeff > 0 {
			value := "(values - returns) ** 2"
			if o.clipsValues() {
				value = fmt.Sprintf("torch.max(%s, (values.clamp(old_values - CLIP, old_values + CLIP) - returns) ** 2)", value)
				value = strings.ReplaceAll(value, "CLIP", losses.Python(*o.ValueClip))
			}
			text += " + " + losses.Python(*o.ValueCoeff) + " * 0.5 * " + losses.Operand(value)
		}
		if o.EntropyCoef > 0 {
			text += " - " + losses.Python(o.EntropyCoef) + " * entropy"
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o PPOOptions) losses.Term {
		ratio := c.In("logps").Sub(c.In("old_logps")).Exp()
		down := c.In("advantages").Neg()
		loss := down.Mul(ratio).Max(down.Mul(ratio.Clip(1-*o.Epsilon, 1+*o.Epsilon)))
		if *o.ValueCoeff > 0 {
			values, returns := c.In("values"), c.In("returns")
			square := values.Sub(returns).Square()
			if o.clipsValues() {
				old := c.In("old_values")
				clipped := values.Max(old.Shift(-*o.ValueClip)).Min(old.Shift(*o.ValueClip))
				square = square.Max(clipped.Sub(returns).Square())
			}
			loss = loss.Add(square.Scale(*o.ValueCoeff / 2))
		}
		if o.EntropyCoef > 0 {
			loss = loss.Sub(c.In("entropy").Scale(o.EntropyCoef))
		}
		return losses.Each(loss)
	},
	Golden: []losses.Case{
		// In float32 the ratio is beside its bound.
		{Name: "at_the_bounds_none", Dtypes: []string{"float64"}, Options: losses.Values{"epsilon": 0.5, "value_clip": 0.5, "reduction": "none"}, Shapes: map[string]string{"logps": "N"},
			Fill: map[string]string{"old_logps": "constant:0", "old_values": "constant:0", "returns": "constant:2"}, Sizes: map[string]int64{"N": 6},
			Set: map[string]losses.Edge{"logps": {0: -0.6931471805599453, 1: 0.4054651081081644, 2: 0}, "advantages": {0: -1, 1: 1, 2: 1}, "values": {0: 0.5, 1: -0.5, 2: 0}}},
		{Name: "same_policy_mean", Fill: map[string]string{"old_logps": "like:logps", "old_values": "like:values"}},
	},
}

// clipsValues reports whether values are held near old ones.
func (o PPOOptions) clipsValues() bool { return !math.IsInf(*o.ValueClip, 1) }

func logits() losses.Input { return trained("logits", "scores of the actions", losses.Real) }

// Reinforce is the plain policy gradient (Williams, 1992).
var Reinforce = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "reinforce", Aliases: []string{"policy_gradient"}, Family: family,
		Title:       "log-probability of actions, weighted by their advantage",
		Formula:     "-advantages·log_softmax(logits)[actions]",
		Inputs:      []losses.Input{logits(), actions(), given("advantages", "return of the action, or what it has beyond a baseline", losses.Real)},
		Shapes:      []losses.Shapes{{"logits": "N,A", "actions": "N", "advantages": "N"}},
		LabelPolicy: actionPolicy, Logits: "logits",
		Traps: []string{
			"The value means nothing by itself, its gradient does.",
			"Returns without a baseline make the gradient noisy: subtract their mean.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced(c.Expand("-advantages * logits.log_softmax(1).gather(1, {actions}[:, None]).squeeze(1)", nil), o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term { return losses.Each(policyGradient(c)) },
}

// policyGradient is -advantages·log_softmax(logits)[actions].
func policyGradient(c *losses.Call) losses.Value {
	x := c.In("logits")
	index := c.In("actions").Within(x.Shape()[1]).Unsqueeze(1)
	return x.LogSoftmax(1).Pick(1, index).Squeeze(1).Neg().Mul(c.In("advantages"))
}

// A2COptions configures [A2C].
type A2COptions struct {
	VFCoef    *float64         `opt:"vf_coef" doc:"factor of the loss of the values" bounds:"[0,inf)" try:"0.25"`
	EntCoef   float64          `opt:"ent_coef" doc:"factor of the entropy, which is subtracted" bounds:"[0,inf)" try:"0.01"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// A2C is the policy gradient with a critic (Mnih et al., 2016).
var A2C = &losses.Def[A2COptions]{
	Spec: losses.Spec{
		Name: "a2c", Aliases: []string{"a3c", "actor_critic"}, Family: family, Witness: "stable-baselines3 2.9.2",
		Title:   "policy gradient, values and entropy together",
		Formula: "-advantages·log_softmax(logits)[actions] + vf_coef·(returns - values)^2 - ent_coef·entropy(softmax(logits))",
		Inputs: []losses.Input{
			logits(), actions(), given("advantages", "return of the action beyond the predicted value", losses.Real),
			trained("values", "predicted values", losses.Real), given("returns", "observed values", losses.Real),
		},
		Shapes:      []losses.Shapes{{"logits": "N,A", "actions": "N", "advantages": "N", "values": "N", "returns": "N"}},
		LabelPolicy: actionPolicy, Logits: "logits",
		Traps: []string{
			"The square of the values has no half; torchrl and others have one.",
			"advantages have no gradient, also where they are returns - values.",
		},
	},
	Defaults: A2COptions{VFCoef: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o A2COptions) string {
		text := "-advantages * log_p.gather(1, {actions}[:, None]).squeeze(1) + " + losses.Python(*o.VFCoef) + " * (returns - values) ** 2"
		if o.EntCoef > 0 {
			text += " + " + losses.Python(o.EntCoef) + " * (log_p.exp() * log_p).sum(1)"
		}
		return losses.Reduced(c.Expand("(lambda log_p: "+text+")(logits.log_softmax(1))", nil), o.Reduction)
	},
	Body: func(c *losses.Call, o A2COptions) losses.Term {
		loss := policyGradient(c).Add(c.In("returns").Sub(c.In("values")).Square().Scale(*o.VFCoef))
		if o.EntCoef > 0 {
			log := c.In("logits").LogSoftmax(1)
			loss = loss.Add(log.Exp().Mul(log).SumOver(1).Scale(o.EntCoef))
		}
		return losses.Each(loss)
	},
}

// SACOptions configures [SAC].
type SACOptions struct {
	Part      string           `opt:"part" doc:"what is trained: the actor, the two critics, or the logarithm of the entropy's coefficient" choices:"actor,critic,temperature" try:"critic;temperature"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SAC is the soft actor-critic (Haarnoja et al., 2018), in three losses.
var SAC = &losses.Def[SACOptions]{
	Spec: losses.Spec{
		Name: "sac", Aliases: []string{"soft_actor_critic"}, Family: family, Witness: "stable-baselines3 2.9.2",
		Title:   "soft actor-critic: its actor, its critics, its temperature",
		Formula: "actor: ent_coef·log_prob - min(q1, q2); critic: ((q1 - target)^2 + (q2 - target)^2)/2; temperature: -log_ent_coef·(log_prob + target_entropy)",
		Traps: []string{
			"The three are separate losses of separate parameters: take a file for each.",
			"In the actor's the critics are not trained, but their values have a gradient, which goes on to the action. Where both are equal each gets half.",
			"target is rewards + gamma·(1 - dones)·(min of the target critics - ent_coef·log_prob of the next action), without a gradient.",
			"temperature: log_prob has no gradient. target_entropy is minus the number of the action's dimensions as a rule.",
		},
	},
	Defaults: SACOptions{Part: "actor", Reduction: losses.Mean},
	Ports: func(o SACOptions) ([]losses.Input, []losses.Shapes) {
		q1, q2 := trained("q1", "values of the actions, of the first critic", losses.Real), trained("q2", "those of the second", losses.Real)
		logProb := "log-probabilities of the actions"
		switch o.Part {
		case "critic":
			return []losses.Input{q1, q2, given("target", "what the values should be", losses.Real)},
				[]losses.Shapes{{"q1": "N", "q2": "N", "target": "N"}}
		case "temperature":
			return []losses.Input{given("log_prob", logProb, losses.Real), trained("log_ent_coef", "logarithm of the coefficient", losses.Real), given("target_entropy", "entropy that the policy should have", losses.Real)},
				[]losses.Shapes{{"log_prob": "N", "log_ent_coef": "", "target_entropy": ""}}
		}
		return []losses.Input{trained("log_prob", logProb, losses.Real), q1, q2, given("ent_coef", "coefficient of the entropy", losses.Weight)},
			[]losses.Shapes{{"log_prob": "N", "q1": "N", "q2": "N", "ent_coef": ""}}
	},
	Reference: func(c *losses.Call, o SACOptions) string {
		return losses.Reduced(map[string]string{
			"actor":       "ent_coef * log_prob - torch.min(q1, q2)",
			"critic":      "((q1 - target) ** 2 + (q2 - target) ** 2) / 2",
			"temperature": "-log_ent_coef * (log_prob + target_entropy)",
		}[o.Part], o.Reduction)
	},
	Body: func(c *losses.Call, o SACOptions) losses.Term {
		switch o.Part {
		case "critic":
			square := func(name string) losses.Value { return c.In(name).Sub(c.In("target")).Square() }
			return losses.Each(square("q1").Add(square("q2")).Scale(0.5))
		case "temperature":
			return losses.Each(c.In("log_ent_coef").Neg().Mul(c.In("log_prob").Add(c.In("target_entropy"))))
		}
		return losses.Each(c.In("ent_coef").Mul(c.In("log_prob")).Sub(c.In("q1").Min(c.In("q2"))))
	},
	Golden: []losses.Case{
		{Name: "equal_critics_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"q2": "like:q1"}},
	},
}
