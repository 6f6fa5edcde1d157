package parts

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// LogitCrossEntropy is (1-t)·x + w·softplus(-x) with w = 1 + (positive-1)·t. Its
// gradient is w·sigmoid(x) - positive·t; without positive (the zero Value) that
// is sigmoid(x) - t.
func LogitCrossEntropy(x, t, positive losses.Value) losses.Value {
	value := t.Neg().Shift(1).Mul(x)
	if positive.IsZero() {
		left, rest := value.Sub(x.Clip(math.Inf(-1), 0)), x.SoftplusOfAbs()
		value = left.Add(rest).WithParts(left, rest)
		return builder.WithGradient("logit_cross_entropy", value, []losses.Value{x, t}, func(dy losses.Value) []losses.Value {
			return []losses.Value{x.Sigmoid().Sub(t).Mul(dy), x.Neg().Mul(dy)}
		})
	}
	down, more := x.Neg().Softplus(), positive.Shift(-1)
	w := more.Mul(t).Shift(1)
	value = value.Add(w.Mul(down))
	return builder.WithGradient("weighted_logit_cross_entropy", value, []losses.Value{x, t}, func(dy losses.Value) []losses.Value {
		dx := w.Mul(x.Sigmoid()).Sub(positive.Mul(t))
		return []losses.Value{dx.Mul(dy), positive.Mul(down).Sub(x.Softplus()).Mul(dy)}
	})
}

// LogAddExp is log(exp(a) + exp(b)).
func LogAddExp(a, b losses.Value) losses.Value {
	d := b.Sub(a)
	value := a.Max(b).Add(d.SoftplusOfAbs())
	return builder.WithGradient("log_add_exp", value, []losses.Value{a, b}, func(dy losses.Value) []losses.Value {
		return []losses.Value{d.Neg().Sigmoid().Mul(dy), d.Sigmoid().Mul(dy)}
	})
}
