// Package regression declares losses of numbers and of distributions of numbers.
package regression

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		L1,
		MSE,
		SmoothL1,
		Huber,
		Quantile,
		PoissonNLL,
		GaussianNLL,
		RMSE,
		R2,
		Pearson,
		Concordance,
		CosineSimilarity,
	}
}
