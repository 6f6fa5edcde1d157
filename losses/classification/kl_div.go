package classification

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// KLDivOptions configures [KLDiv].
type KLDivOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined; batchmean divides the sum by the batch size" choices:"none,batchmean,sum,mean"`
	LogTarget bool             `opt:"log_target" doc:"target holds log-probabilities" try:"true"`
}

// KLDiv is the Kullback-Leibler divergence of a distribution from the target.
var KLDiv = &losses.Def[KLDivOptions]{
	Spec: losses.Spec{
		Name: "kl_div", Class: "KLDivLoss", Aliases: []string{"kl"}, Family: "classification",
		Title:   "Kullback-Leibler divergence from log-probabilities",
		Formula: "target·(log(target) - input); log_target: exp(target)·(target - input)",
		Torch:   "F.kl_div(input, target, reduction={reduction}, log_target={log_target})",
		Star:    "N,C", Broadcast: []string{"target"},
		Traps: []string{
			"mean divides by the number of elements, which is not the divergence per sample: use batchmean.",
			"input holds log-probabilities; target holds probabilities unless --log_target.",
			"PyTorch's order is (log q, p), so the result is KL(target || input).",
		},
	},
	Defaults: KLDivOptions{Reduction: losses.Mean},
	Ports: func(o KLDivOptions) ([]losses.Input, []losses.Shapes) {
		target := losses.Input{Name: "target", Doc: "probabilities", Domain: losses.Simplex, Grad: losses.OnDemand}
		if o.LogTarget {
			target.Doc, target.Domain = "log-probabilities", losses.LogProb
		}
		return []losses.Input{{Name: "input", Doc: "log-probabilities", Domain: losses.LogProb, Grad: losses.Default}, target}, parts.Elementwise("input", "target")
	},
	Golden: []losses.Case{
		{Name: "map_clipped_mean", Map: map[string]string{"target": "clip:0.125:1", "input": "clip:0.125:1,log", "loss": "sum_last"}},
		{Name: "map_roots_none", Options: losses.Values{"reduction": "none"}, Map: map[string]string{"target": "square", "input": "exp,sqrt,log"}},
	},
	Body: func(c *losses.Call, o KLDivOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		term := losses.Term{}
		if o.LogTarget {
			term.Each = t.Exp().Mul(t.Sub(x))
		} else {
			term.Each = t.XLogX().Sub(t.Mul(x))
		}
		if o.Reduction == losses.BatchMean {
			term.Count = losses.Both{Value: c.Const(1), Torch: "1"}
			if x.Rank() > 0 {
				term.Count = losses.Both{Value: c.B.Count(c.Compute, c.Shape("input")[:1]), Torch: "input.size(0)"} // also where x was broadcast
			}
		}
		return term
	},
}
