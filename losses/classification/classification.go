// Package classification declares losses over classes and probabilities: a label, or a probability for each class.
package classification

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		CrossEntropy,
		NLL,
		SoftNLL,
		Focal,
		Poly1CrossEntropy,
		Poly1Focal,
		Sparsemax,
		Entmax15,
		BCE,
		BCEWithLogits,
		MultilabelSoftMargin,
		KLDiv,
		LinearCrossEntropy,
		AdaptiveLogSoftmax,
	}
}
