// Package detection declares losses of detectors: boxes and their scores.
package detection

import "github.com/lossgen/lossgen/losses"

// torchvision has these losses, in the version that goldens are made with.
const torchvision = "torchvision 0.29.2"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		SigmoidFocal,
		GeneralizedBoxIoU,
		DistanceBoxIoU,
		CompleteBoxIoU,
		IoU,
		EfficientBoxIoU,
		SIoU,
		AlphaIoU,
		BoundedIoU,
		NWD,
		QualityFocal,
		DistributionFocal,
		Varifocal,
		GaussianFocal,
		BalancedL1,
		GHMC,
		GHMR,
		Seesaw,
	}
}
