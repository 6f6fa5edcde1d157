package language

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/losses"
)

// This file declares direct preference optimization, with the losses that differ from
// it in what they make of the two log-ratios.

// DPOOptions configures [DPO].
type DPOOptions struct {
	Type           string           `opt:"type" doc:"what becomes of the log-ratios" choices:"sigmoid,hinge,ipo,robust,exo_pair,nca_pair,bco_pair,sppo_hard,apo_zero,apo_down,discopop,sigmoid_norm,aot" try:"hinge;ipo;robust;nca_pair;bco_pair;sppo_hard;apo_zero;apo_down;discopop;sigmoid_norm;aot"`
	Beta           *float64         `opt:"beta" doc:"how strongly the policy is held to the reference" bounds:"(0,inf)" try:"0.5"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"probability that a preference is the wrong way round; for sigmoid, robust, exo_pair and aot" bounds:"[0,0.5)" try:"0.1"`
	Tau            *float64         `opt:"tau" doc:"temperature of discopop's weight" bounds:"(0,inf)" try:"0.5"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DPO is direct preference optimization (Rafailov et al., 2023).
var DPO = &losses.Def[DPOOptions]{
	Spec: losses.Spec{
		Name: "dpo", Presets: map[string]losses.Values{"ipo": {"type": "ipo"}, "rso": {"type": "hinge"}}, Family: family, Witness: "trl 1.16.0",
		Title:   "preference between two answers, against a reference model",
		Formula: "c, r = policy - reference log-probabilities of the chosen and the rejected answer; -logsigmoid(beta·(c - r))",
		Traps: []string{
			"Log-probabilities are sums over the tokens of the answer. ipo and sigmoid_norm divide by the lengths themselves, as TRL does; the paper of ipo has sums: give lengths of 1.",
			"label_smoothing: torchtune's DPOLoss and older TRL smooth the sigmoid form as it is here; TRL 1.16 ignores the option there. robust is the smoothed loss without its bias.",
			"exo_pair needs a label_smoothing above 0; TRL takes 1e-3.",
			"hinge is torchtune's RSOLoss, whose gamma is beta. Exactly at the hinge the gradient is 0.",
			"aot compares the sorted log-ratios of the whole batch; equal ones stay in the order of the rows.",
			"discopop overflows to NaN where beta·(c - r) is far below 0 (-88 in float32).",
			"Several types together are a weighted sum of means: use multi_task.",
		},
	},
	Defaults: DPOOptions{Type: "sigmoid", Beta: new(0.1), Tau: new(0.05), Reduction: losses.Mean},
	Ports: func(o DPOOptions) ([]losses.Input, []losses.Shapes) {
		inputs := []losses.Input{
			trained("policy_chosen_logps", "log-probabilities of the chosen answers", losses.Real),
			trained("policy_rejected_logps", "log-probabilities of the rejected answers", losses.Real),
			reference("reference_chosen_logps", "those of the reference model", losses.Real),
			reference("reference_rejected_logps", "those of the reference model", losses.Real),
		}
		if o.perToken() {
			inputs = append(inputs,
				reference("chosen_lengths", "tokens of the chosen answers; fewer than 1 count as 1", losses.Weight),
				reference("rejected_lengths", "tokens of the rejected answers; fewer than 1 count as 1", losses.Weight))
		}
		return inputs, perRow(inputs)
	},
	Validate: func(o DPOOptions) error {
		if o.Type == "exo_pair" && o.LabelSmoothing == 0 {
			return errors.New("type exo_pair needs a label_smoothing above 0, such as 0.001")
		}
		return nil
	},
	Adapt: func(s *losses.Spec, o DPOOptions) {
		if o.Type == "aot" {
			s.Inseparable = "type aot sorts the whole batch"
		}
	},
	Reference: func(c *losses.Call, o DPOOptions) string {
		return losses.Reduced(dpoTorch(o), o.Reduction)
	},
	Body: func(c *losses.Call, o DPOOptions) losses.Term {
		if o.Type == "aot" {
			sorted := func(chosen, rejected string) losses.Value {
				elements, _ := c.In(chosen).Sub(c.In(rejected)).Sort(0, false)
				return elements
			}
			margin := sorted("policy_chosen_logps", "policy_rejected_logps").Sub(sorted("reference_chosen_logps", "reference_rejected_logps"))
			return losses.Each(smoothed(margin.Scale(*o.Beta), o.LabelSmoothing))
		}
		chosen := c.In("policy_chosen_logps").Sub(c.In("reference_chosen_logps"))
		rejected := c.In("policy_rejected_logps").Sub(c.In("reference_rejected_logps"))
		if o.perToken() {
			chosen, rejected = chosen.Div(length(c.In("chosen_lengths"))), rejected.Div(length(c.In("rejected_lengths")))
		}
		return losses.Each(o.loss(chosen, rejected))
	},
	Golden: dpoCases(),
}

// perToken reports whether log-ratios are divided by lengths.
func (o DPOOptions) perToken() bool { return o.Type == "ipo" || o.Type == "sigmoid_norm" }

// length is the number of tokens, 1 at least.
func length(n losses.Value) losses.Value { return n.Max(n.Like(1)) }

// smoothed is -(1 - s)·logsigmoid(x) - s·logsigmoid(-x).
func smoothed(x losses.Value, s float64) losses.Value {
	loss := x.LogSigmoid().Scale(s - 1)
	if s == 0 {
		return loss
	}
	return loss.Sub(x.Neg().LogSigmoid().Scale(s))
}

// loss is that of the two log-ratios.
func (o DPOOptions) loss(chosen, rejected losses.Value) losses.Value {
	x := chosen.Sub(rejected).Scale(*o.Beta)
	c, r, s := chosen.Scale(*o.Beta), rejected.Scale(*o.Beta), o.LabelSmoothing
	switch o.Type {
	case "hinge":
		return x.Neg().Shift(1).Relu()
	case "ipo":
		return chosen.Sub(rejected).Shift(-1 / (2 * *o.Beta)).Square()
	case "robust":
		return smoothed(x, s).Scale(1 / (1 - 2*s))
	case "exo_pair":
		kl := func(x losses.Value, log float64) losses.Value { return x.Sigmoid().Mul(x.LogSigmoid().Shift(-log)) }
		return kl(x, math.Log1p(-s)).Add(kl(x.Neg(), math.Log(s)))
	case "nca_pair":
		return c.LogSigmoid().Neg().Sub(c.Neg().LogSigmoid().Scale(0.5)).Sub(r.Neg().LogSigmoid().Scale(0.5))
	case "bco_pair":
		return c.LogSigmoid().Add(r.Neg().LogSigmoid()).Neg()
	case "sppo_hard":
		return chosen.Shift(-0.5 / *o.Beta).Square().Add(rejected.Shift(0.5 / *o.Beta).Square())
	case "apo_zero":
		return c.Neg().Sigmoid().Add(r.Sigmoid())
	case "apo_down":
		return c.Sigmoid().Add(x.Neg().Sigmoid())
	case "discopop":
		weight := x.Scale(1 / *o.Tau)
		return x.Neg().Exp().Mul(weight.Sigmoid()).Sub(x.LogSigmoid().Mul(weight.Neg().Sigmoid()))
	}
	return smoothed(x, s)
}

// smoothedTorch is [smoothed] of x.
func smoothedTorch(s float64) string {
	if s == 0 {
		return "-F.logsigmoid(x)"
	}
	return fmt.Sprintf("-F.logsigmoid(x) * (1 - %[1]s) - F.logsigmoid(-x) * %[1]s", losses.Python(s))
}

// dpoTorch is the loss before reduction, of log-ratios c and r, their difference x and
// what beta makes of the three.
func dpoTorch(o DPOOptions) string {
	forms := map[string]string{
		"sigmoid": smoothedTorch(o.LabelSmoothing), "sigmoid_norm": smoothedTorch(o.LabelSmoothing), "aot": smoothedTorch(o.LabelSmoothing),
		"hinge":     "F.relu(1 - x)",
		"ipo":       "(c - r - 1 / (2 * BETA)) ** 2",
		"robust":    "(" + smoothedTorch(o.LabelSmoothing) + ") / (1 - 2 * SMOOTHING)",
		"exo_pair":  "torch.sigmoid(x) * (F.logsigmoid(x) - math.log1p(-SMOOTHING)) + torch.sigmoid(-x) * (F.logsigmoid(-x) - math.log(SMOOTHING))",
		"nca_pair":  "-F.logsigmoid(BETA * c) - F.logsigmoid(-BETA * c) / 2 - F.logsigmoid(-BETA * r) / 2",
		"bco_pair":  "-F.logsigmoid(BETA * c) - F.logsigmoid(-BETA * r)",
		"sppo_hard": "(c - 0.5 / BETA) ** 2 + (r + 0.5 / BETA) ** 2",
		"apo_zero":  "1 - torch.sigmoid(BETA * c) + torch.sigmoid(BETA * r)",
		"apo_down":  "torch.sigmoid(BETA * c) + 1 - torch.sigmoid(x)",
		"discopop":  "-F.logsigmoid(x) * (1 - torch.sigmoid(x / TAU)) + torch.exp(-x) * torch.sigmoid(x / TAU)",
	}
	form := strings.NewReplacer("BETA", losses.Python(*o.Beta), "SMOOTHING", losses.Python(o.LabelSmoothing), "TAU", losses.Python(*o.Tau))
	chosen, rejected := "policy_chosen_logps - reference_chosen_logps", "policy_rejected_logps - reference_rejected_logps"
	if o.Type == "aot" {
		chosen, rejected = "(policy_chosen_logps - policy_rejected_logps).sort(dim=0, stable=True).values", "(reference_chosen_logps - reference_rejected_logps).sort(0).values"
	}
	if o.perToken() {
		chosen, rejected = "("+chosen+") / chosen_lengths.clamp(min=1)", "("+rejected+") / rejected_lengths.clamp(min=1)"
	}
	text := form.Replace(forms[o.Type])
	return fmt.Sprintf("(lambda c, r: (lambda x: %s)(%s * (c - r)))(%s, %s)", text, losses.Python(*o.Beta), chosen, rejected)
}

// dpoCases has every type with smoothed labels, and with log-ratios at kinks and far
// from 0.
func dpoCases() []losses.Case {
	list := []losses.Case{
		{Name: "short_answers_none", Options: losses.Values{"type": "ipo", "reduction": "none"}, Set: map[string]losses.Edge{"chosen_lengths": {0: 0, 1: 1}, "rejected_lengths": {0: 12, 1: 0.5}}},
		{Name: "at_the_hinge_none", Options: losses.Values{"type": "hinge", "beta": 0.5, "reduction": "none"}, Fill: map[string]string{"policy_rejected_logps": "constant:0", "reference_chosen_logps": "constant:0", "reference_rejected_logps": "constant:0"}, Set: map[string]losses.Edge{"policy_chosen_logps": {0: 2, 1: 1.75, 2: 2.25}}},
	}
	for _, kind := range []string{"robust", "exo_pair", "sigmoid_norm", "aot"} {
		list = append(list, losses.Case{Name: kind + "_smoothed_none", Options: losses.Values{"type": kind, "label_smoothing": 0.1, "reduction": "none"}})
	}
	for _, kind := range []string{"exo_pair", "nca_pair", "bco_pair", "apo_zero", "apo_down"} {
		o := losses.Values{"type": kind, "reduction": "none"}
		if kind == "exo_pair" {
			o["label_smoothing"] = 0.1
		}
		list = append(list, losses.Case{Name: kind + "_far_none", Options: o, Set: map[string]losses.Edge{"policy_chosen_logps": {0: 1e4, 1: -1e4, 2: 300}, "policy_rejected_logps": {1: 1e4, 2: -300, 3: 1e4}}})
	}
	return list
}
