// Package robust declares losses of numbers that errors far from the usual ones do
// not rule, or that weigh errors by the size or the side that they are of.
package robust

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		LogCosh,
		Charbonnier,
		PseudoHuber,
		Cauchy,
		GemanMcClure,
		Welsch,
		TukeyBiweight,
		GeneralRobust,
		Wing,
		AdaptiveWing,
		EpsilonInsensitive,
		Expectile,
		MSLE,
		MAPE,
		SMAPE,
		WMAPE,
		MASE,
		BerHu,
	}
}

// family heads these losses in lists.
const family = "robust"
