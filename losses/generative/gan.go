package generative

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// GANOptions configures [GAN].
type GANOptions struct {
	Losses    string           `opt:"losses" doc:"which pair of losses" choices:"bce,hinge,wasserstein,lsgan,relativistic,relativistic_average,relativistic_lsgan"`
	Side      string           `opt:"side" doc:"whose loss: that of the discriminator, or that of the generator" choices:"discriminator,generator" try:"generator"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// GAN is both sides of adversarial training (Goodfellow et al., Generative Adversarial
// Nets, 2014; Lim and Ye, 2017; Arjovsky et al., 2017; Mao et al., 2017; Jolicoeur-Martineau, 2019).
var GAN = &losses.Def[GANOptions]{
	Spec: losses.Spec{
		Name: "gan", Aliases: []string{"adversarial"}, Family: family,
		Title:   "a discriminator of real and fake samples, or its generator",
		Formula: "bce: softplus(-real) + softplus(fake); hinge: max(0, 1 - real) + max(0, 1 + fake); wasserstein: fake - real; lsgan: ((real - 1)^2 + fake^2)/2",
		Star:    "N",
		Traps: []string{
			"Inputs are scores without an activation.",
			"The generator's bce is the non-saturating softplus(-fake), not minus the discriminator's; its hinge and wasserstein are both -fake.",
			"Both parts of the discriminator's loss are added; other code takes their mean, half of this.",
			"A relativistic generator changes the places of real and fake, and needs both.",
			"wasserstein needs a gradient_penalty or clipped weights.",
			"Exactly at the hinge the gradient is 0.",
		},
	},
	Defaults: GANOptions{Losses: "bce", Side: "discriminator", Reduction: losses.Mean},
	Ports: func(o GANOptions) ([]losses.Input, []losses.Shapes) {
		side := losses.Default
		if o.Side == "generator" {
			side = losses.OnDemand
		}
		both := []losses.Input{
			{Name: "real", Doc: "the discriminator's scores of real samples", Domain: losses.Real, Grad: side},
			{Name: "fake", Doc: "its scores of generated samples", Domain: losses.Real, Grad: losses.Default},
		}
		if o.Side == "generator" && !o.relativistic() {
			return both[1:], parts.Elementwise("fake")
		}
		return both, parts.Elementwise("real", "fake")
	},
	Adapt: func(s *losses.Spec, o GANOptions) {
		if o.Losses == "relativistic_average" || o.Losses == "relativistic_lsgan" {
			s.Inseparable = "each score is compared with the mean of all others"
		}
	},
	Reference: func(c *losses.Call, o GANOptions) string {
		return losses.Reduced(ganReference[o.Losses][o.Side], o.Reduction)
	},
	Body: func(c *losses.Call, o GANOptions) losses.Term {
		real, fake := c.In("real"), c.In("fake")
		if o.Side == "generator" {
			if !o.relativistic() {
				return losses.Each(generator(o.Losses, fake))
			}
			real, fake = fake, real
		}
		return losses.Each(discriminator(o.Losses, real, fake))
	},
	Golden: ganCases(),
}

func (o GANOptions) relativistic() bool {
	return o.Losses == "relativistic" || o.Losses == "relativistic_average" || o.Losses == "relativistic_lsgan"
}

func generator(name string, fake losses.Value) losses.Value {
	switch name {
	case "bce":
		return fake.Neg().Softplus()
	case "lsgan":
		return fake.Shift(-1).Square().Scale(0.5)
	}
	return fake.Neg()
}

func discriminator(name string, real, fake losses.Value) losses.Value {
	half := func(a, b losses.Value) losses.Value { return a.Add(b).Scale(0.5) }
	switch name {
	case "bce":
		return real.Neg().Softplus().Add(fake.Softplus())
	case "hinge":
		return real.Neg().Shift(1).Relu().Add(fake.Shift(1).Relu())
	case "wasserstein":
		return fake.Sub(real)
	case "lsgan":
		return half(real.Shift(-1).Square(), fake.Square())
	case "relativistic":
		return real.Sub(fake).Neg().Softplus()
	}
	above, below := real.Sub(parts.MeanOfAll(fake)), fake.Sub(parts.MeanOfAll(real))
	if name == "relativistic_average" {
		return half(above.Neg().Softplus(), below.Softplus())
	}
	return half(above.Shift(-1).Square(), below.Shift(1).Square())
}

var ganReference = map[string]map[string]string{
	"bce":          {"discriminator": "F.softplus(-real) + F.softplus(fake)", "generator": "F.softplus(-fake)"},
	"hinge":        {"discriminator": "F.relu(1 - real) + F.relu(1 + fake)", "generator": "-fake"},
	"wasserstein":  {"discriminator": "fake - real", "generator": "-fake"},
	"lsgan":        {"discriminator": "((real - 1) ** 2 + fake ** 2) / 2", "generator": "(fake - 1) ** 2 / 2"},
	"relativistic": {"discriminator": "F.softplus(-(real - fake))", "generator": "F.softplus(-(fake - real))"},
	"relativistic_average": {
		"discriminator": "(F.softplus(-(real - fake.mean())) + F.softplus(fake - real.mean())) / 2",
		"generator":     "(F.softplus(-(fake - real.mean())) + F.softplus(real - fake.mean())) / 2",
	},
	"relativistic_lsgan": {
		"discriminator": "((real - fake.mean() - 1) ** 2 + (fake - real.mean() + 1) ** 2) / 2",
		"generator":     "((fake - real.mean() - 1) ** 2 + (real - fake.mean() + 1) ** 2) / 2",
	},
}

// ganCases are the generator of each pair, and the corners of the hinge.
func ganCases() []losses.Case {
	list := []losses.Case{
		{Name: "corners_none", Options: losses.Values{"losses": "hinge", "reduction": "none"}, Set: map[string]losses.Edge{"real": {0: 1, 1: 0.5}, "fake": {0: -1, 1: -0.5}}},
		{Name: "large_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"real": {0: 1e4, 1: -1e4}, "fake": {0: 1e4, 1: -1e4}}},
	}
	for name := range ganReference {
		list = append(list, losses.Case{Name: "generator_" + name, Options: losses.Values{"losses": name, "side": "generator"}})
	}
	slices.SortFunc(list, func(a, b losses.Case) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// GradientPenaltyOptions configures [GradientPenalty].
type GradientPenaltyOptions struct {
	Form      string           `opt:"form" doc:"wgan: squared distance of the length from center; r1: half the squared length" choices:"wgan,r1"`
	Center    *float64         `opt:"center" doc:"length that gradients should have" bounds:"[0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the samples are combined" choices:"none,mean,sum"`
}

// GradientPenalty keeps a critic's slope at 1 (Gulrajani et al., Improved Training of
// Wasserstein GANs, 2017) or at 0 (Mescheder et al., 2018).
var GradientPenalty = &losses.Def[GradientPenaltyOptions]{
	Spec: losses.Spec{
		Name: "gradient_penalty", Aliases: []string{"wgan_gp"}, Family: family,
		Title:   "how far the lengths of gradients are from 1",
		Formula: "(|gradients| - center)^2 of each sample; r1: |gradients|^2 / 2",
		Inputs: []losses.Input{
			{Name: "gradients", Doc: "gradients of a critic's scores for its inputs, a sample along axis 0", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: []losses.Shapes{{"gradients": "N,D,*"}}, Star: "",
		Traps: []string{
			"The gradients are an input: training needs those of gradients, with create_graph=True in PyTorch.",
			"The factor, 10 in the paper, is --scale. Gradients at points between real and fake samples are the paper's; r1's are at real ones.",
			"The gradient of a sample of zeros is 0.",
		},
	},
	Defaults: GradientPenaltyOptions{Form: "wgan", Center: new(1.0), Reduction: losses.Mean},
	Validate: func(o GradientPenaltyOptions) error {
		if o.Form == "r1" && *o.Center != 1 {
			return errors.New("center goes with --form wgan")
		}
		return nil
	},
	Reference: func(c *losses.Call, o GradientPenaltyOptions) string {
		if o.Form == "r1" {
			return losses.Reduced("gradients.flatten(1).pow(2).sum(1) / 2", o.Reduction)
		}
		return losses.Reduced(fmt.Sprintf("(gradients.flatten(1).norm(dim=1) - %s) ** 2", losses.Python(*o.Center)), o.Reduction)
	},
	Body: func(c *losses.Call, o GradientPenaltyOptions) losses.Term {
		g := c.In("gradients")
		axes := parts.From(1, g)
		if o.Form == "r1" {
			return losses.Each(g.Square().SumOver(axes...).Scale(0.5))
		}
		return losses.Each(g.Norm(2, axes...).Squeeze(axes...).Shift(-*o.Center).Square())
	},
	Golden: []losses.Case{
		{Name: "zero_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"gradients": {0: 0, 1: 0, 2: 0}}},
	},
}
