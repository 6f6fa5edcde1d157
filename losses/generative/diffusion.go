package generative

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of models that take away noise.

// MinSNROptions configures [MinSNR].
type MinSNROptions struct {
	Gamma      *float64         `opt:"gamma" doc:"largest signal-to-noise ratio that counts" bounds:"(0,inf)" try:"1"`
	Prediction string           `opt:"prediction" doc:"what pred and target are: the noise, the velocity, or the data" choices:"epsilon,v,x0"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses of the samples are combined" choices:"none,mean,sum"`
}

// MinSNR weighs steps of diffusion by how noisy they are (Hang et al., Efficient Diffusion
// Training via Min-SNR Weighting Strategy, 2023).
var MinSNR = &losses.Def[MinSNROptions]{
	Spec: losses.Spec{
		Name: "min_snr", Aliases: []string{"min_snr_gamma"}, Family: family,
		Title:   "squared difference, weighted by the step's noise",
		Formula: "snr = a/(1 - a), a = alphas_cumprod; w·mean((pred - target)^2), w = min(snr, gamma)/snr, /(snr + 1) for v, alone for x0",
		Witness: "diffusers 0.42.1",
		Inputs: []losses.Input{
			{Name: "pred", Doc: "predictions, a sample along axis 0", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "what they should be", Domain: losses.Real, Grad: losses.OnDemand},
			{Name: "alphas_cumprod", Doc: "share of the signal at each sample's step, between 0 and 1", Domain: losses.Unit},
		},
		Shapes: []losses.Shapes{{"pred": "N,D,*", "target": "N,D,*", "alphas_cumprod": "N"}}, Star: "",
		Traps: []string{
			"The weight is another one for each kind of prediction; that of epsilon for a model of v is a common mistake.",
			"alphas_cumprod is of the sample's step, not the whole schedule. At 1 there is no noise: the ratio is infinite; at 0 the weight of epsilon is NaN (0/0).",
			"The mean of each sample comes first, then the weight.",
		},
	},
	Defaults: MinSNROptions{Gamma: new(5.0), Prediction: "epsilon", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MinSNROptions) string {
		weight := map[string]string{"epsilon": " / snr", "v": " / (snr + 1)", "x0": ""}[o.Prediction]
		return losses.Reduced(fmt.Sprintf("(lambda snr: snr.clamp(max=%s)%s * F.mse_loss(pred, target, reduction='none').flatten(1).mean(1))(alphas_cumprod / (1 - alphas_cumprod))", losses.Python(*o.Gamma), weight), o.Reduction)
	},
	Body: func(c *losses.Call, o MinSNROptions) losses.Term {
		a := c.In("alphas_cumprod")
		snr := a.Div(a.Neg().Shift(1))
		weight := snr.Clip(math.Inf(-1), *o.Gamma)
		switch o.Prediction {
		case "epsilon":
			weight = weight.Div(snr)
		case "v":
			weight = weight.Div(snr.Shift(1))
		}
		square := c.In("pred").Sub(c.In("target")).Square()
		return losses.Each(weight.Mul(parts.MeanOver(square, parts.From(1, square)...)))
	},
	Golden: []losses.Case{
		{Name: "limit_none", Options: losses.Values{"gamma": 1.0, "reduction": "none"}, Set: map[string]losses.Edge{"alphas_cumprod": {0: 0.5, 1: 0.25, 2: 0.75, 3: 0.999}}},
	},
}

// FlowMatchingOptions configures [FlowMatching].
type FlowMatchingOptions struct {
	Toward    string           `opt:"toward" doc:"where the velocity leads" choices:"x1,x0" try:"x0"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// FlowMatching teaches a velocity along straight lines (Lipman et al., Flow Matching for
// Generative Modeling, 2023; Liu et al., 2023).
var FlowMatching = &losses.Def[FlowMatchingOptions]{
	Spec: losses.Spec{
		Name: "flow_matching", Aliases: []string{"rectified_flow"}, Family: family,
		Title:   "squared difference of a velocity from that of a straight line",
		Formula: "(velocity - (x1 - x0))^2",
		Inputs: []losses.Input{
			{Name: "velocity", Doc: "predicted velocities", Domain: losses.Real, Grad: losses.Default},
			{Name: "x0", Doc: "where the lines begin", Domain: losses.Real, Grad: losses.OnDemand},
			{Name: "x1", Doc: "where they end", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("velocity", "x0", "x1"), Star: "N,D",
		Traps: []string{
			"Recipes differ in which end is noise, and in the sign: with x0 noise the velocity x1 - x0 leads to the data; code that predicts noise minus data is --toward x0.",
			"The point x0 + t·(x1 - x0) that the model is asked at, and weights of t, are outside of the loss.",
		},
	},
	Defaults: FlowMatchingOptions{Toward: "x1", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o FlowMatchingOptions) string {
		way := map[string]string{"x1": "x1 - x0", "x0": "x0 - x1"}[o.Toward]
		return losses.Reduced(fmt.Sprintf("(velocity - (%s)) ** 2", way), o.Reduction)
	},
	Body: func(c *losses.Call, o FlowMatchingOptions) losses.Term {
		start, end := c.In("x0"), c.In("x1")
		if o.Toward == "x0" {
			start, end = end, start
		}
		return losses.Each(c.In("velocity").Sub(end.Sub(start)).Square())
	},
}

// DenoisingScore is denoising score matching (Vincent, A Connection Between Score Matching
// and Denoising Autoencoders, 2011; Song and Ermon, 2019).
var DenoisingScore = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "denoising_score", Aliases: []string{"denoising_score_matching", "dsm"}, Family: family,
		Title:   "squared difference of a score from that of added noise",
		Formula: "sum over D of sigma^2·(score + noise/sigma)^2 / 2",
		Inputs: []losses.Input{
			{Name: "score", Doc: "predicted gradients of the log-density at the noisy samples, a sample along axis 0", Domain: losses.Real, Grad: losses.Default},
			{Name: "noise", Doc: "standard normal noise that was added, before its factor sigma", Domain: losses.Real},
			{Name: "sigma", Doc: "that factor, for each sample", Domain: losses.Positive},
		},
		Shapes: []losses.Shapes{{"score": "N,D,*", "noise": "N,D,*", "sigma": "N"}}, Star: "",
		Traps: []string{
			"The sum is over a sample, half of it, weighted by sigma^2; the mean is over samples.",
			"A model of the noise itself learns by mse: its prediction is -sigma times the score.",
			"sigma 0 gives NaN.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("(lambda s: (s ** 2 * (score + noise / s) ** 2).flatten(1).sum(1) / 2)(sigma.reshape(-1, *[1] * (score.dim() - 1)))", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		score := c.In("score")
		axes := parts.From(1, score)
		sigma := c.In("sigma").Unsqueeze(axes...)
		off := score.Add(c.In("noise").Div(sigma))
		return losses.Each(sigma.Square().Mul(off.Square()).SumOver(axes...).Scale(0.5))
	},
}
