// Package imbalance declares losses of classes of which some are rare, and of samples
// that have several classes or none.
package imbalance

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		LogitAdjusted,
		BalancedSoftmax,
		LDAM,
		ClassBalanced,
		AsymmetricSingleLabel,
		Asymmetric,
		ZLPR,
		TwoWay,
		DistributionBalanced,
	}
}

// family heads these losses in lists.
const family = "imbalance"

// timm is the library that some of these losses were compared with.
const timm = "timm 1.0.31"

// counts is the input of the size of each class.
func counts() losses.Input {
	return losses.Input{Name: "counts", Doc: "number of samples of each class", Domain: losses.Positive, Wide: true}
}
