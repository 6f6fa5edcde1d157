package builder

import (
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines the logarithm of the gamma function, its derivatives and the error
// function, of which ONNX has but the last, and ONNX Runtime that in float32 only. Up
// to 3 they are polynomials, beyond 3 Stirling's series with a polynomial for the rest,
// below 0 reflections. gamma_gen.py makes the polynomials.

// polynomial returns that of some coefficients, the highest first, at x in [-1, 1].
// float32 does not see the smallest of them.
func (x Value) polynomial(coefficients []float64) Value {
	for x.dtype != tensor.Float64 && math.Abs(coefficients[0]) < 1e-9 {
		coefficients = coefficients[1:]
	}
	y := x.Like(coefficients[0])
	for _, c := range coefficients[1:] {
		y = y.Mul(x).Shift(c)
	}
	return y
}

// gamma is an operand of the functions here, in the forms that their parts take. Where
// a part does not apply, its operand is a number that is as good as any.
type gamma struct {
	negative     Value // x < 0
	near, low    Value // |x| < 3, |x| < 1
	y, s         Value // near: 1+y is |x|, or 1+|x| where that is low; s = y-1
	small        Value // low: |x|
	f, r, t      Value // far: |x|, 1/|x|, 18/x²-1
	mirror       Value // negative: |x|
	pole         Value // x is negative and whole
	sine, cosine Value // negative: of π times the distance of |x| from the next whole number
}

func (x Value) gamma() gamma {
	g := gamma{negative: x.Less(x.Like(0))}
	a := Where(g.negative, x.Neg(), x) // -0 remains
	g.near, g.low = a.Less(a.Like(3)), a.Less(a.Like(1))
	n := Where(g.near, a, a.Like(2))
	g.y = Where(g.low, n, n.Shift(-1)) // exact, as is y-1 but for numbers near 0
	g.s = g.y.Shift(-1)
	g.small = Where(g.low, a, a.Like(1))
	g.f = Where(g.near, a.Like(3), a)
	g.r = g.f.Reciprocal()
	g.t = g.r.Square().Scale(18).Shift(-1)
	g.mirror = Where(g.negative, a, a.Like(0.5))
	whole := g.mirror.Round()
	g.pole = whole.Equal(g.mirror)
	angle := Where(g.pole, a.Like(0.5), g.mirror.Sub(whole)).Scale(math.Pi)
	g.sine, g.cosine = angle.Sin(), angle.Cos()
	return g
}

// join puts the parts of a function together. Where x is low it gets what correct says.
func (g gamma) join(near, far Value, correct, reflect func(Value) Value, pole float64) Value {
	y := Where(g.near, Where(g.low, correct(near), near), far)
	y = Where(g.negative, reflect(y), y)
	return Where(g.pole, y.Like(pole), y)
}

// Lgamma returns log|Γ(x)|, inf at 0 and whole numbers below it. Digits are relative
// to it for x > 0, also near 1 and 2, where it is 0.
func (x Value) Lgamma() Value {
	g := x.gamma()
	near := g.y.Mul(g.s).Mul(g.s.polynomial(lgammaNear))
	far := g.f.Shift(-0.5).Mul(g.f.Log().Shift(-1)).Add(g.r.Mul(g.t.polynomial(lgammaFar)).Shift(math.Log(2*math.Pi)/2 - 0.5))
	value := g.join(near, far, func(y Value) Value { return y.Sub(g.small.Log()) }, func(y Value) Value {
		return g.mirror.Log().Add(g.sine.Abs().Log()).Neg().Shift(math.Log(math.Pi)).Sub(y)
	}, math.Inf(1))
	return WithGradient("lgamma", value, vs(x), func(dy Value) []Value { return vs(dy.Mul(x.Digamma())) })
}

// LogFactorial returns log(x!), which is log|Γ(x+1)|.
func (x Value) LogFactorial() Value { return x.Shift(1).Lgamma() }

// Digamma returns the derivative of log|Γ(x)|: -inf at 0, inf at -0, NaN at whole
// numbers below.
func (x Value) Digamma() Value {
	g := x.gamma()
	root, rest := digammaRoot-1, digammaRest // of y, in two parts
	if x.dtype != tensor.Float64 {
		root = float64(float32(root))
		rest += digammaRoot - 1 - root
	}
	near := g.y.Shift(-root).Shift(-rest).Mul(g.s.polynomial(digammaNear)) // y-root is exact
	far := g.f.Log().Sub(g.r.Scale(0.5)).Sub(g.r.Square().Mul(g.t.polynomial(digammaFar)))
	value := g.join(near, far, func(y Value) Value { return y.Sub(g.small.Reciprocal()) }, func(y Value) Value {
		return y.Add(g.mirror.Reciprocal()).Add(g.cosine.Div(g.sine).Scale(math.Pi))
	}, math.NaN())
	return WithGradient("digamma", value, vs(x), func(dy Value) []Value { return vs(dy.Mul(x.Trigamma())) })
}

// Trigamma returns the derivative of [Value.Digamma], inf at 0 and whole numbers below.
func (x Value) Trigamma() Value {
	g := x.gamma()
	near := g.s.polynomial(trigammaNear)
	square := g.r.Square()
	far := g.r.Add(square.Scale(0.5)).Add(square.Mul(g.r).Mul(g.t.polynomial(trigammaFar)))
	return g.join(near, far, func(y Value) Value { return y.Add(g.small.Square().Reciprocal()) }, func(y Value) Value {
		return g.sine.Reciprocal().Scale(math.Pi).Square().Add(g.mirror.Square().Reciprocal()).Sub(y)
	}, math.Inf(1))
}

// Erf returns the error function, 2/sqrt(π) times the integral of exp(-t²) from 0 to x.
func (x Value) Erf() Value {
	value := Value{}
	if x.dtype == tensor.Float32 {
		value = emit("Erf", attr{}, x)
	} else {
		a := x.Abs()
		small := a.Less(a.Like(1))
		n := Where(small, x, x.Like(0))
		near := n.Mul(n.Square().Scale(2).Shift(-1).polynomial(erfNear))
		f := a.Clip(1, 6) // beyond it is 1
		s := f.Scale(2.2).Shift(-5.2).Div(f.Shift(2))
		rest := f.Square().Neg().Exp().Mul(s.polynomial(erfFar))
		value = Where(small, near, x.Sign().Mul(rest.Neg().Shift(1)))
		value = Where(x.Equal(x), value, x)
	}
	return WithGradient("erf", value, vs(x), func(dy Value) []Value { return vs(erfGrad(x, dy)) })
}

// erfGrad is 2/sqrt(π)·exp(-x²)·dy.
func erfGrad(x, dy Value) Value {
	return x.Square().Neg().Exp().Scale(2 / math.Sqrt(math.Pi)).Mul(dy)
}

// risingShift is how far the arguments of [Value.LogRising] go up before the series,
// which has all digits from there on.
const risingShift = 8

// The coefficients of Stirling's series in (8/y)², the highest first: log Γ(y) less
// (y-1/2)·log(y) - y + log(2π)/2, and log(y) - 1/(2y) less the digamma function, both
// times y (the latter times y²).
var (
	stirling        = stirlingSeries(func(n int) float64 { return 1 / float64(2*n*(2*n-1)) })
	stirlingDerived = stirlingSeries(func(n int) float64 { return 1 / float64(2*n) })
)

// stirlingSeries is the Bernoulli numbers B2, B4, ... times factors and powers of
// 1/64, the highest first.
func stirlingSeries(factor func(n int) float64) []float64 {
	bernoulli := []float64{1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6, -3617. / 510, 43867. / 798}
	series := make([]float64, len(bernoulli))
	for i, b := range bernoulli {
		series[len(bernoulli)-1-i] = b * factor(i+1) / math.Pow(risingShift*risingShift, float64(i))
	}
	return series
}

// LogRising returns log(Γ(x+t)/Γ(x)) for x above 0 and t from 0 on, broadcast. It has
// the digits of the result where both gammas are large and nearly equal.
func (x Value) LogRising(t Value) Value {
	s := x.Add(t)
	y, z := x.Shift(risingShift), s.Shift(risingShift)
	r, q := y.Reciprocal(), z.Reciprocal()
	tail := func(r Value, series []float64) Value {
		return r.Square().Scale(risingShift * risingShift).polynomial(series)
	}
	low, high := Value{}, Value{} // two products, of which neither overflows
	for k := range risingShift {
		ratio := x.Shift(float64(k)).Div(s.Shift(float64(k)))
		switch {
		case k == 0:
			low = ratio
		case k == risingShift/2:
			high = ratio
		case k < risingShift/2:
			low = low.Mul(ratio)
		default:
			high = high.Mul(ratio)
		}
	}
	value := y.Shift(-0.5).Mul(t.Div(y).Log1p()).Sub(t).Add(t.Mul(z.Log())).Add(low.Log()).Add(high.Log()).
		Add(q.Mul(tail(q, stirling)).Sub(r.Mul(tail(r, stirling))))
	return WithGradient("log_rising", value, vs(x, t), func(dy Value) []Value {
		derived := func(r Value) Value { return r.Scale(0.5).Add(r.Square().Mul(tail(r, stirlingDerived))) }
		dt, dx := z.Log().Sub(derived(q)), t.Div(y).Log1p().Sub(derived(q).Sub(derived(r))).Add(y.Sub(y)) // NaN at infinity
		for k := range risingShift {
			up := s.Shift(float64(k))
			dt = dt.Sub(up.Reciprocal())
			dx = dx.Add(t.Div(x.Shift(float64(k)).Mul(up)))
		}
		return vs(dx.Mul(dy), dt.Mul(dy))
	})
}
