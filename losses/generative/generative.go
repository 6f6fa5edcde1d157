// Package generative declares losses of models that make data: adversarial, variational,
// of diffusion and flows, and distances between samples.
package generative

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		GAN,
		GradientPenalty,
		GaussianKL,
		FreeBits,
		VQ,
		MinSNR,
		FlowMatching,
		DenoisingScore,
		MMDGaussian,
		EnergyDistance,
		SlicedWasserstein,
	}
}

// family heads these losses in lists.
const family = "generative"
