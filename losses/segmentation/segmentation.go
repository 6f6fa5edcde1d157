// Package segmentation declares losses that compare regions: which pixels a class is predicted for with those that it is at.
package segmentation

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		Dice,
		Jaccard,
		Tversky,
		FocalTversky,
		GeneralizedDice,
		LovaszHinge,
		LovaszSoftmax,
		TopKCrossEntropy,
		OHEMCrossEntropy,
		DiceCE,
		BCEDice,
		DiceFocal,
		LogCoshDice,
		ExponentialLog,
		Boundary,
		HausdorffDT,
		MCC,
		BalancedBCE,
		UnifiedFocal,
		SensitivitySpecificity,
		SoftF1,
	}
}
