package parts

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines what losses share that compare all rows with all others. They hold
// the differences of each pair, the product of three sizes.

// Apart is x[j] - y[i] of rows x [N,D] and y [M,D], as [M,N,D].
func Apart(x, y losses.Value) losses.Value { return x.Unsqueeze(0).Sub(y.Unsqueeze(1)) }

// DistancesFrom are the Euclidean distances of rows x [N,D] from rows y [M,D], as [M,N].
// The gradient of a distance of 0 is 0.
func DistancesFrom(x, y losses.Value) losses.Value {
	square := SquaredDistances(x, y)
	none := square.Equal(square.Like(0))
	return builder.Where(none, square.Like(0), builder.Where(none, square.Like(1), square).Sqrt())
}

// SquaredDistances are their squares.
func SquaredDistances(x, y losses.Value) losses.Value { return Apart(x, y).Square().SumOver(2) }

// MeanOfAll is the mean of all elements.
func MeanOfAll(v losses.Value) losses.Value { return v.Sum().Mul(v.Numel().Reciprocal()) }
