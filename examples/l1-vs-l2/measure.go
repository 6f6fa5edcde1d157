package main

import (
	"math"
	"slices"
)

// figures describe predictions of held-out rows, in the target's unit.
type figures struct {
	MAE    float64 // mean absolute error
	RMSE   float64 // root of the mean squared error
	Median float64 // absolute error
	Bias   float64 // mean of prediction - measured value
	Mean   float64 // of the predictions
	Spread float64 // standard deviation of the predictions
	// Influence is the mean absolute difference from the predictions of the
	// training on clean targets.
	Influence float64
	// Covered is the share of measured values between the quantiles 0.1 and 0.9,
	// NaN where there are none.
	Covered float64
}

func measure(o, clean *outcome, d *dataset) figures {
	n := float64(len(d.target))
	f := figures{Covered: math.NaN()}
	var misses []float64
	for i, p := range o.Prediction {
		e := p - d.target[i]
		misses = append(misses, math.Abs(e))
		f.MAE += math.Abs(e) / n
		f.RMSE += e * e / n
		f.Bias += e / n
		f.Mean += p / n
		f.Influence += math.Abs(p-clean.Prediction[i]) / n
	}
	f.RMSE = math.Sqrt(f.RMSE)
	f.Median = median(misses)
	for _, p := range o.Prediction {
		f.Spread += (p - f.Mean) * (p - f.Mean) / n
	}
	f.Spread = math.Sqrt(f.Spread)
	if o.Lower == nil {
		return f
	}
	inside := 0.0
	for i, y := range d.target {
		if o.Lower[i] <= y && y <= o.Upper[i] {
			inside++
		}
	}
	f.Covered = inside / n
	return f
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	middle := len(s) / 2
	if len(s)%2 == 1 {
		return s[middle]
	}
	return (s[middle-1] + s[middle]) / 2
}
