// Package image declares losses that compare images, or ask of one to be smooth.
package image

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		SSIM,
		MSSSIM,
		PSNR,
		TotalVariation,
		GradientDifference,
		SobelEdge,
		NCC,
	}
}

// family heads these losses in lists.
const family = "image"
