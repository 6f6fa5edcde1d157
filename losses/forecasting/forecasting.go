// Package forecasting declares negative log-likelihoods of distributions that a model
// predicts, and deviances.
package forecasting

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		LaplaceNLL,
		StudentTNLL,
		LognormalNLL,
		GammaNLL,
		ZIPNLL,
		NegativeBinomialNLL,
		MDN,
		Evidential,
		BetaNLL,
		CRPSGaussian,
		CRPSLaplace,
		CRPSLogistic,
		CRPSEnsemble,
		EnergyScore,
		QuantileHorizon,
		Tweedie,
		GammaDeviance,
		PoissonDeviance,
	}
}

// family heads these losses in lists.
const family = "forecasting"

// parameter is a parameter of a distribution that a model predicts.
func parameter(name, doc string, d losses.Domain) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: d, Grad: losses.Default}
}

// observed is the value that is to be likely.
func observed(d losses.Domain) losses.Input {
	return losses.Input{Name: "target", Doc: "observed values", Domain: d, Grad: losses.OnDemand}
}

// plain is the reference of a loss without options.
func plain(expression string) func(*losses.Call, parts.ReductionOnly) string {
	return func(_ *losses.Call, o parts.ReductionOnly) string { return losses.Reduced(expression, o.Reduction) }
}

var mean = parts.ReductionOnly{Reduction: losses.Mean}

// steps are the shapes of numbers for each series, for each of its steps, and for each
// of several channels of these.
func steps(names ...string) []losses.Shapes {
	var list []losses.Shapes
	for _, shape := range []string{"N,H", "N", "N,H,D"} {
		s := losses.Shapes{}
		for _, name := range names {
			s[name] = shape
		}
		list = append(list, s)
	}
	return list
}
