// Package margin declares losses that demand a distance: between scores, vectors or classes.
package margin

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		MarginRanking,
		HingeEmbedding,
		CosineEmbedding,
		TripletMargin,
		TripletMarginWithDistance,
		SoftMargin,
		MultiMargin,
		MultilabelMargin,
		MulticlassHinge,
		Hinge,
		SquaredHinge,
		CategoricalHinge,
		ArcFace,
		CosFace,
		SphereFace,
		NormalizedSoftmax,
		Center,
	}
}
