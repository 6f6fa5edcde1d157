package reinforcement

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of the values of actions.

// DQNOptions configures [DQN].
type DQNOptions struct {
	Beta      *float64         `opt:"beta" doc:"difference from which on the loss is linear, as that of smooth_l1" bounds:"(0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DQN is deep Q-learning (Mnih et al., 2015).
var DQN = &losses.Def[DQNOptions]{
	Spec: losses.Spec{
		Name: "dqn", Aliases: []string{"q_learning"}, Family: family, Witness: "stable-baselines3 2.9.2",
		Title:   "smooth L1 loss of the value of the action that was taken",
		Formula: "d = |q_values[actions] - target|; d^2/(2·beta) if d < beta else d - beta/2",
		Inputs: []losses.Input{
			trained("q_values", "predicted value of each action", losses.Real), actions(),
			given("target", "what the value of the action should be", losses.Real),
		},
		Shapes:      []losses.Shapes{{"q_values": "N,A", "actions": "N", "target": "N"}},
		LabelPolicy: actionPolicy,
		Traps: []string{
			"target is rewards + gamma·(1 - dones)·max of the target network's values, without a gradient; double Q-learning takes the value of the action that the trained network likes best.",
			"The other actions have gradient 0.",
		},
	},
	Defaults: DQNOptions{Beta: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o DQNOptions) string {
		return c.Expand(fmt.Sprintf("F.smooth_l1_loss(q_values.gather(1, {actions}[:, None]).squeeze(1), target, beta=%s, reduction='%s')", losses.Python(*o.Beta), o.Reduction), nil)
	},
	Body: func(c *losses.Call, o DQNOptions) losses.Term {
		return losses.Each(parts.SmoothL1(taken(c, c.In("q_values")).Sub(c.In("target")), *o.Beta))
	},
	Golden: []losses.Case{
		{Name: "bounds_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"q_values": "constant:0"}, Set: map[string]losses.Edge{"target": {0: 1, 1: -1, 2: 0, 3: 1e4}}},
	},
}

// C51 is categorical Q-learning (Bellemare et al., 2017).
var C51 = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "c51", Aliases: []string{"categorical_dqn"}, Family: family,
		Title:   "cross entropy of a distribution of values",
		Formula: "-sum over atoms of target_probs·log_softmax(logits)",
		Inputs: []losses.Input{
			trained("logits", "scores of the atoms, for the action that was taken", losses.Real),
			given("target_probs", "probabilities of the target's distribution on the same atoms", losses.Simplex),
		},
		Shapes: []losses.Shapes{{"logits": "N,K", "target_probs": "N,K"}}, Logits: "logits",
		Traps: []string{
			"target_probs is the distribution of the next state, shifted by the reward and projected onto the atoms again; that is not done here, and it has no gradient.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-(target_probs * logits.log_softmax(1)).sum(1)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(c.In("target_probs").Mul(c.In("logits").LogSoftmax(1)).SumOver(1).Neg())
	},
}

// QuantileHuberOptions configures [QuantileHuber].
type QuantileHuberOptions struct {
	Kappa           *float64         `opt:"kappa" doc:"difference from which on the loss is linear" bounds:"(0,inf)" try:"0.5"`
	SumOverQuantile *bool            `opt:"sum_over_quantiles" doc:"sum over the predicted quantiles; false: their mean" try:"false"`
	Reduction       losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// QuantileHuber is the loss of QR-DQN and IQN (Dabney et al., 2018).
var QuantileHuber = &losses.Def[QuantileHuberOptions]{
	Spec: losses.Spec{
		Name: "quantile_huber", Aliases: []string{"qr_dqn", "iqn"}, Family: family, Witness: "sb3-contrib 2.9.2",
		Title:   "quantiles of a distribution of values against its samples",
		Formula: "u = target_m - theta_k; sum over k of mean over m of |tau_k - [u < 0]|·huber(u, kappa)/kappa",
		Inputs: []losses.Input{
			trained("theta", "predicted quantiles, for the action that was taken", losses.Real),
			given("target", "samples, or quantiles, of the target's distribution", losses.Real),
			given("tau", "which quantiles theta are, of all rows or of each", losses.Unit),
		},
		Shapes: []losses.Shapes{{"theta": "N,K", "target": "N,M", "tau": "K"}, {"theta": "N,K", "target": "N,M", "tau": "N,K"}},
		Traps: []string{
			"It sums over theta and takes the mean over target; sb3-contrib's sum_over_quantiles=False takes both means.",
			"All pairs of a row are in memory: N·K·M numbers.",
			"A difference of 0 counts as above the quantile, whose gradient is 0 there anyway.",
		},
	},
	Defaults: QuantileHuberOptions{Kappa: new(1.0), SumOverQuantile: new(true), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o QuantileHuberOptions) string {
		how := "mean"
		if *o.SumOverQuantile {
			how = "sum"
		}
		text := fmt.Sprintf("(lambda u: ((tau[..., :, None] - (u.detach() < 0).to(u)).abs() * F.huber_loss(u, torch.zeros_like(u), reduction='none', delta=%[1]s) / %[1]s).mean(2).%[2]s(1))(target[:, None, :] - theta[:, :, None])", losses.Python(*o.Kappa), how)
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o QuantileHuberOptions) losses.Term {
		theta, target, tau := c.In("theta"), c.In("target"), c.In("tau")
		u := target.Unsqueeze(1).Sub(theta.Unsqueeze(2))
		slope := tau.Unsqueeze(tau.Rank()).Sub(u.Less(u.Like(0)).Cast(c.Compute)).Abs().StopGradient()
		pairs := slope.Mul(parts.Huber(u, *o.Kappa)).Scale(1 / *o.Kappa)
		rows := pairs.SumOver(2).Div(c.B.Count(c.Compute, target.Shape()[1:])).SumOver(1)
		if !*o.SumOverQuantile {
			rows = rows.Div(c.B.Count(c.Compute, theta.Shape()[1:]))
		}
		return losses.Each(rows)
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"theta": "constant:1", "target": "constant:1"}, Set: map[string]losses.Edge{"target": {0: 2, 1: 0}}},
	},
}
