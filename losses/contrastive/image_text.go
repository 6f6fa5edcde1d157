package contrastive

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of images and the texts that describe them.

// pairInputs are features of images and texts, and the scale that is learned.
func pairInputs(bias losses.Input) ([]losses.Input, []losses.Shapes) {
	features := func(name, doc string) losses.Input {
		return losses.Input{Name: name, Doc: doc, Domain: losses.Direction, Of: losses.Of{Axis: "D"}, Grad: losses.Default}
	}
	bias.Name, bias.Doc, bias.Domain, bias.Grad = "logit_bias", "added to each logit", losses.Real, losses.Default
	return []losses.Input{
			features("image_features", "features of images, of length 1"),
			features("text_features", "features of the texts that belong to them, of length 1"),
			{Name: "logit_scale", Doc: "factor of each product", Domain: losses.Positive, Grad: losses.Default},
			bias,
		}, []losses.Shapes{
			{"image_features": "N,D", "text_features": "N,D", "logit_scale": "", "logit_bias": ""},
		}
}

// pairLogits are the logits of each image with each text.
func pairLogits(c *losses.Call) losses.Value {
	l := c.In("logit_scale").Mul(c.In("image_features")).MatMulT(c.In("text_features"))
	if c.Has("logit_bias") {
		l = l.Add(c.In("logit_bias"))
	}
	return l
}

// CLIP is the loss of Radford et al., Learning Transferable Visual Models From Natural
// Language Supervision, 2021.
var CLIP = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "clip", Aliases: []string{"symmetric_contrastive"}, Family: family,
		Title:       "each image has to find its text, and each text its image",
		Formula:     "l = logit_scale·image_features·text_features + logit_bias; mean of -log softmax of l over the texts and over the images, at the pair",
		Witness:     "open_clip_torch 3.3.0",
		Inseparable: inBatch,
		Traps: []string{
			"The features have to have length 1 already: nothing is normalised here.",
			"logit_scale is the exponential of the number that is learned, which starts at log(1/0.07); keeping it at 100 or below is the trainer's. The chain rule for the logarithm multiplies grad_logit_scale by logit_scale.",
			"On several devices the features of all of them belong in one batch: N is the number of all pairs then.",
			inBatchMemory,
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Ports: func(parts.ReductionOnly) ([]losses.Input, []losses.Shapes) {
		return pairInputs(losses.Input{Optional: true})
	},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		bias := ""
		if c.Has("logit_bias") {
			bias = " + logit_bias"
		}
		return c.Expand("(lambda l: (F.cross_entropy(l, torch.arange(len(l)), reduction={reduction}) + F.cross_entropy(l.T, torch.arange(len(l)), reduction={reduction})) / 2)"+
			"(logit_scale * image_features @ text_features.T"+bias+")", losses.Values{"reduction": string(o.Reduction)})
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		l := pairLogits(c)
		return losses.Each(diagonalNLL(l, 1).Add(diagonalNLL(l, 0)).Scale(0.5))
	},
	Golden: []losses.Case{
		{Name: "all_alike_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"image_features": "constant:0.5", "text_features": "constant:0.5"}},
		{Name: "hot_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"logit_scale": "constant:1e4"}},
	},
}

// SigLIP asks of each pair on its own whether it belongs together (Zhai et al., Sigmoid
// Loss for Language Image Pre-Training, 2023).
var SigLIP = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "siglip", Aliases: []string{"sigmoid_contrastive"}, Family: family,
		Title:       "whether each image and each text belong together",
		Formula:     "l = logit_scale·image_features·text_features + logit_bias; sum over the texts of -log sigmoid(l) at the pair and -log sigmoid(-l) elsewhere",
		Witness:     "open_clip_torch 3.3.0",
		Inseparable: inBatch,
		Traps: []string{
			"Mean divides the sum over all N x N pairs by N, not by their number.",
			"logit_scale starts at 10, the exponential of what is learned, and logit_bias at -10; without the bias the many negatives rule at first.",
			"The features have to have length 1 already.",
			inBatchMemory,
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Ports:    func(parts.ReductionOnly) ([]losses.Input, []losses.Shapes) { return pairInputs(losses.Input{}) },
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-F.logsigmoid((2 * torch.eye(len(image_features), dtype=image_features.dtype) - 1) * (logit_scale * image_features @ text_features.T + logit_bias)).sum(1)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		l := pairLogits(c)
		return losses.Each(builder.Where(itself(l), l.Neg(), l).Softplus().SumOver(1))
	},
	Golden: []losses.Case{
		{Name: "start_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"logit_scale": "constant:10", "logit_bias": "constant:-10"}},
		{Name: "hot_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"logit_scale": "constant:1e4"}},
	},
}
