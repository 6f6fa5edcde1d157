// Package noise declares losses of classes for labels that may be wrong: they limit what
// a single row can cost, or tell the model less than that its label is certain.
package noise

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		GeneralizedCrossEntropy,
		SymmetricCrossEntropy,
		ReverseCrossEntropy,
		NormalizedCrossEntropy,
		TaylorCrossEntropy,
		LabelRelaxation,
		BiTemperedLogistic,
		JSDCrossEntropy,
	}
}

// family heads these losses in lists.
const family = "noise"

// timm is the library that some of these losses were compared with.
const timm = "timm 1.0.31"
