package generative

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of what a model keeps of its inputs.

// latent are the mean and the logarithm of the variance of each number of a code.
func latent(suffix string, d losses.Differentiation) []losses.Input {
	return []losses.Input{
		{Name: "mu" + suffix, Doc: "means", Domain: losses.Real, Grad: d},
		{Name: "logvar" + suffix, Doc: "logarithms of the variances", Domain: losses.Real, Grad: d},
	}
}

// GaussianKLOptions configures [GaussianKL].
type GaussianKLOptions struct {
	Prior     string           `opt:"prior" doc:"standard: mean 0 and variance 1; gaussian: mu2 and logvar2" choices:"standard,gaussian" try:"gaussian"`
	Code      string           `opt:"code" doc:"how the divergences of one code are combined" choices:"sum,mean" try:"mean"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the samples are combined" choices:"none,mean,sum"`
}

// GaussianKL is the divergence of variational autoencoders (Kingma and Welling, 2013).
var GaussianKL = &losses.Def[GaussianKLOptions]{
	Spec: losses.Spec{
		Name: "gaussian_kl", Aliases: []string{"vae_kl"}, Family: family,
		Title:   "divergence of normal distributions from one, or another",
		Formula: "sum over D of (mu^2 + exp(logvar) - 1 - logvar)/2",
		Traps: []string{
			"The sum is over a code, the mean over samples; recipes that take the mean over both have a loss of 1/D of that: --code mean.",
			"logvar is the logarithm of the variance, not of the deviation. Its exponential overflows above 88 in float32.",
			"A factor (beta) is --scale.",
		},
	},
	Defaults: GaussianKLOptions{Prior: "standard", Code: "sum", Reduction: losses.Mean},
	Ports: func(o GaussianKLOptions) ([]losses.Input, []losses.Shapes) {
		list, shapes := latent("", losses.Default), losses.Shapes{"mu": "N,D", "logvar": "N,D"}
		if o.Prior == "gaussian" {
			list = append(list, latent("2", losses.OnDemand)...)
			shapes["mu2"], shapes["logvar2"] = "N,D", "N,D"
		}
		return list, []losses.Shapes{shapes}
	},
	Reference: func(c *losses.Call, o GaussianKLOptions) string {
		text := "-(1 + logvar - mu ** 2 - logvar.exp())"
		if o.Prior == "gaussian" {
			text = "(logvar2 - logvar + (logvar - logvar2).exp() + (mu - mu2) ** 2 * (-logvar2).exp() - 1)"
		}
		return losses.Reduced(fmt.Sprintf("%s.%s(1) / 2", text, o.Code), o.Reduction)
	},
	Body: func(c *losses.Call, o GaussianKLOptions) losses.Term {
		mu, logvar := c.In("mu"), c.In("logvar")
		each := divergence(mu, logvar)
		if o.Prior == "gaussian" {
			apart := logvar.Sub(c.In("logvar2"))
			square := mu.Sub(c.In("mu2")).Square().Mul(c.In("logvar2").Neg().Exp())
			each = apart.Exp().Sub(apart).Add(square).Shift(-1).Scale(0.5)
		}
		if o.Code == "mean" {
			return losses.Each(parts.MeanOver(each, 1))
		}
		return losses.Each(each.SumOver(1))
	},
	Golden: []losses.Case{
		{Name: "prior_itself_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"mu": "constant:0", "logvar": "constant:0"}},
	},
}

// divergence is that of each number from the standard normal distribution.
func divergence(mu, logvar losses.Value) losses.Value {
	return logvar.Shift(1).Sub(mu.Square()).Sub(logvar.Exp()).Scale(-0.5)
}

// FreeBitsOptions configures [FreeBits].
type FreeBitsOptions struct {
	Lam       *float64         `opt:"lam" doc:"divergence of each number of the code that costs nothing" bounds:"[0,inf)" try:"0;0.125"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the numbers of the code are combined" choices:"none,mean,sum"`
}

// FreeBits lets each number of a code have some information for free (Kingma et al.,
// Improved Variational Inference with Inverse Autoregressive Flow, 2016).
var FreeBits = &losses.Def[FreeBitsOptions]{
	Spec: losses.Spec{
		Name: "free_bits", Family: family,
		Title:   "divergence from a normal distribution, with a part for free",
		Formula: "sum over D of max(mean over the batch of the divergence, lam)",
		Inputs:  latent("", losses.Default), Shapes: []losses.Shapes{{"mu": "N,D", "logvar": "N,D"}},
		Inseparable: "the loss of a number of the code is that of the whole batch",
		Traps: []string{
			"The limit is applied behind the mean over the batch. Code that limits each sample gives another loss.",
			"A number of the code below or at the limit has no gradient.",
			"The sum over the code is the default reduction.",
		},
	},
	Defaults: FreeBitsOptions{Lam: new(0.5), Reduction: losses.Sum},
	Reference: func(c *losses.Call, o FreeBitsOptions) string {
		return losses.Reduced(fmt.Sprintf("(-(1 + logvar - mu ** 2 - logvar.exp()) / 2).mean(0).clamp(min=%s)", losses.Python(*o.Lam)), o.Reduction)
	},
	Body: func(c *losses.Call, o FreeBitsOptions) losses.Term {
		return losses.Each(parts.MeanOver(divergence(c.In("mu"), c.In("logvar")), 0).Clip(*o.Lam, math.Inf(1)))
	},
	Golden: []losses.Case{
		{Name: "at_the_limit_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"mu": "constant:1", "logvar": "constant:0"}},
	},
}

// VQOptions configures [VQ].
type VQOptions struct {
	Beta      *float64         `opt:"beta" doc:"weight of the commitment" bounds:"[0,inf)" try:"0;1"`
	Codebook  *bool            `opt:"codebook" doc:"the codes move, too; false where they are moving averages" try:"false"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// VQ draws codes and encoder to each other (van den Oord et al., Neural Discrete
// Representation Learning, 2017).
var VQ = &losses.Def[VQOptions]{
	Spec: losses.Spec{
		Name: "vq", Aliases: []string{"vq_vae"}, Family: family,
		Title:   "squared difference of a code and what it stands for",
		Formula: "(codes - stop(z))^2 + beta·(z - stop(codes))^2",
		Inputs: []losses.Input{
			{Name: "z", Doc: "what the encoder gives", Domain: losses.Real, Grad: losses.Default},
			{Name: "codes", Doc: "the nearest code of each", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: parts.Elementwise("z", "codes"), Star: "N,D",
		NotDerivative: "z is a constant for the codes, and the codes are for z",
		Traps: []string{
			"Each part is a constant for the other: without both stops the encoder has a gradient of 1 + beta times the difference.",
			"Where codes are moving averages only the commitment is left: --codebook=false.",
			"Choosing the code and passing the decoder's gradient on to the encoder are outside of the loss.",
		},
	},
	Defaults: VQOptions{Beta: new(0.25), Codebook: new(true), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o VQOptions) string {
		text := fmt.Sprintf("%s * (z - codes.detach()) ** 2", losses.Python(*o.Beta))
		if *o.Codebook {
			text = "(codes - z.detach()) ** 2 + " + text
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o VQOptions) losses.Term {
		z, codes := c.In("z"), c.In("codes")
		each := z.Sub(codes.StopGradient()).Square().Scale(*o.Beta)
		if *o.Codebook {
			each = codes.Sub(z.StopGradient()).Square().Add(each)
		}
		return losses.Each(each)
	},
}
