package reference

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
)

var unaryKernels = []row{
	{op: "Abs", min: 1, max: 1, run: numeric(math.Abs, func(v int64) int64 { return max(v, -v) })},
	{op: "Atan", min: 1, max: 1, run: floating(math.Atan)},
	{op: "Exp", min: 1, max: 1, run: floating(math.Exp)},
	{op: "Log", min: 1, max: 1, run: floating(math.Log)},
	{op: "Neg", min: 1, max: 1, run: numeric(func(v float64) float64 { return -v }, func(v int64) int64 { return -v })},
	{op: "Reciprocal", min: 1, max: 1, run: floating(func(v float64) float64 { return 1 / v })},
	{op: "Relu", min: 1, max: 1, run: numeric(func(v float64) float64 { return max(v, 0) }, func(v int64) int64 { return max(v, 0) })},
	{op: "Sigmoid", min: 1, max: 1, run: floating(sigmoid)},
	{op: "Sign", min: 1, max: 1, run: numeric(signOf[float64], signOf[int64])},
	{op: "Softplus", min: 1, max: 1, run: floating(softplus)},
	{op: "Sqrt", min: 1, max: 1, run: floating(math.Sqrt)},
	{op: "Cos", min: 1, max: 1, run: floating(math.Cos)},
	{op: "Sin", min: 1, max: 1, run: floating(math.Sin)},
	{op: "Erf", min: 1, max: 1, run: floating(math.Erf)},
	{op: "Round", min: 1, max: 1, run: floating(math.RoundToEven)},
	{op: "Tanh", min: 1, max: 1, run: floating(math.Tanh)},
	{op: "HardSigmoid", min: 1, max: 1, attrs: "alpha=f beta=f", run: hardSigmoid},
	{op: "HardSwish", min: 1, max: 1, run: floating(func(v float64) float64 { return v * max(0, min(1, v/6+0.5)) })},
	{op: "LeakyRelu", min: 1, max: 1, attrs: "alpha=f", run: belowZero(0.01, func(alpha, v float64) float64 { return alpha * v })},
	{op: "Elu", min: 1, max: 1, attrs: "alpha=f", run: belowZero(1, func(alpha, v float64) float64 { return alpha * math.Expm1(v) })},
	{op: "ThresholdedRelu", min: 1, max: 1, attrs: "alpha=f", run: thresholdedRelu},
	{op: "Identity", min: 1, max: 1, run: func(c *call) (*array, error) { return c.in[0], nil }},
	{op: "IsInf", min: 1, max: 1, attrs: "detect_negative=i detect_positive=i", run: isInf},
	{op: "IsNaN", min: 1, max: 1, run: func(c *call) (*array, error) { return c.test(math.IsNaN) }},
	{op: "Not", min: 1, max: 1, run: not},
	{op: "Cast", min: 1, max: 1, attrs: "to=i! saturate=i round_mode=s", run: cast},
	{op: "Clip", min: 1, max: 3, run: clip},
}

// numeric applies one function to floats and another to integers.
func numeric(onFloat func(float64) float64, onInt func(int64) int64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.sameType(0, false); err != nil {
			return nil, err
		}
		x := c.in[0]
		out, err := newArray(x.dtype, x.dims, c.limit)
		if err != nil {
			return nil, err
		}
		for k, v := range x.f {
			out.f[k] = onFloat(v)
		}
		for k, v := range x.i {
			out.i[k] = onInt(v)
		}
		return out.wrap(), nil
	}
}

// floating applies a function to floats only.
func floating(f func(float64) float64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		if err := c.floats(); err != nil {
			return nil, err
		}
		return numeric(f, nil)(c)
	}
}

// sigmoid never overflows: it uses the exponential that is at most 1.
func sigmoid(v float64) float64 {
	if v >= 0 {
		return 1 / (1 + math.Exp(-v))
	}
	e := math.Exp(v)
	return e / (1 + e)
}

func softplus(v float64) float64 {
	return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
}

// signOf returns -1, 0 or 1, and NaN for NaN.
func signOf[T int64 | float64](v T) T {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

func hardSigmoid(c *call) (*array, error) {
	alpha, beta := c.floatAttr("alpha", 0.2), c.floatAttr("beta", 0.5)
	return floating(func(v float64) float64 { return max(0, min(1, alpha*v+beta)) })(c)
}

// belowZero keeps what is not below 0 and applies a function of alpha to the rest.
func belowZero(def float32, f func(alpha, v float64) float64) func(*call) (*array, error) {
	return func(c *call) (*array, error) {
		alpha := c.floatAttr("alpha", def)
		return floating(func(v float64) float64 {
			if v < 0 {
				return f(alpha, v)
			}
			return v
		})(c)
	}
}

// thresholdedRelu keeps what is above alpha, which NaN is not.
func thresholdedRelu(c *call) (*array, error) {
	alpha := c.floatAttr("alpha", 1)
	return floating(func(v float64) float64 {
		if v > alpha {
			return v
		}
		return 0
	})(c)
}

// test applies a predicate to floats.
func (c *call) test(f func(float64) bool) (*array, error) {
	if err := c.floats(); err != nil {
		return nil, err
	}
	out, err := newArray(tensor.Bool, c.in[0].dims, c.limit)
	if err != nil {
		return nil, err
	}
	for k, v := range c.in[0].f {
		out.b[k] = f(v)
	}
	return out, nil
}

func isInf(c *call) (*array, error) {
	negative, positive := c.intAttr("detect_negative", 1) != 0, c.intAttr("detect_positive", 1) != 0
	return c.test(func(v float64) bool {
		return positive && math.IsInf(v, 1) || negative && math.IsInf(v, -1)
	})
}

func not(c *call) (*array, error) {
	x := c.in[0]
	if x.dtype != tensor.Bool {
		return nil, fmt.Errorf("input is %v, want bool", x)
	}
	out, err := newArray(tensor.Bool, x.dims, c.limit)
	if err != nil {
		return nil, err
	}
	for k, v := range x.b {
		out.b[k] = !v
	}
	return out, nil
}

// cast converts between kinds. From float to float nothing is rounded: only
// the declared dtype changes, and the outputs of a model are rounded once.
func cast(c *call) (*array, error) {
	x, to := c.in[0], tensor.DType(c.intAttr("to", 0))
	if to.IsFloat() && x.dtype.IsFloat() || to == x.dtype {
		out := x.shaped(x.dims)
		out.dtype = to
		return out, nil
	}
	out, err := newArray(to, x.dims, c.limit)
	if err != nil {
		return nil, err
	}
	switch {
	case to.IsFloat():
		convert(out.f, x.i, func(v int64) float64 { return float64(v) })
		convert(out.f, x.b, func(v bool) float64 { return float64(bit(v)) })
	case to.IsInt():
		convert(out.i, x.f, truncation(to))
		convert(out.i, x.i, func(v int64) int64 { return v })
		convert(out.i, x.b, bit)
	default:
		convert(out.b, x.f, func(v float64) bool { return v != 0 })
		convert(out.b, x.i, func(v int64) bool { return v != 0 })
	}
	return out.wrap(), nil
}

func convert[A, R any](dst []R, src []A, f func(A) R) {
	for k, v := range src {
		dst[k] = f(v)
	}
}

func bit(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// truncation cuts fractions off. NaN and values out of range, which the
// standard leaves open, give the lowest integer, as x86 processors do.
func truncation(to tensor.DType) func(float64) int64 {
	bound, lowest := float64(1<<62)*2, int64(math.MinInt64)
	if to == tensor.Int32 {
		bound, lowest = 1<<31, math.MinInt32
	}
	return func(v float64) int64 {
		t := math.Trunc(v)
		if t >= -bound && t < bound {
			return int64(t)
		}
		return lowest
	}
}

// clip has the standard's default bounds, the lowest and the highest finite
// value of the dtype: with one bound absent an infinity becomes finite.
func clip(c *call) (*array, error) {
	if err := c.sameType(0, false); err != nil {
		return nil, err
	}
	x := c.in[0]
	lowInt, highInt := extremes(x.dtype)
	high := largest[x.dtype]
	low := -high
	for k, bound := range c.in[1:] {
		switch {
		case bound == nil:
		case bound.rank() != 0:
			return nil, fmt.Errorf("input %d is %v, want rank 0", k+1, bound)
		case bound.i != nil && k == 0:
			lowInt = bound.i[0]
		case bound.i != nil:
			highInt = bound.i[0]
		case k == 0:
			low = bound.f[0]
		default:
			high = bound.f[0]
		}
	}
	return numeric(func(v float64) float64 { return min(max(v, low), high) },
		func(v int64) int64 { return min(max(v, lowInt), highInt) })(&call{in: c.in[:1], limit: c.limit})
}

var largest = map[tensor.DType]float64{
	tensor.Float32: math.MaxFloat32, tensor.Float64: math.MaxFloat64,
	tensor.Float16: 65504, tensor.BFloat16: 0x1.fep127,
}
