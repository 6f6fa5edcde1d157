package builder_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

func gammaPrograms() []program {
	negative := func(name string, f func(x Value) Value) program { // away from whole numbers, about which slopes are steep
		p := unary(name, f)
		p.operands = []operand{{shape: tensor.Of("N", "D"), lo: -2.8, hi: -2.2}}
		return p
	}
	wide := func(name string, f func(x Value) Value) program { // on both sides of 3
		p := unary(name, f)
		p.operands = []operand{{shape: tensor.Of("N", "D"), lo: 1, hi: 5}}
		return p
	}
	return []program{
		unaryPositive("Lgamma", Value.Lgamma), wide("Lgamma above", Value.Lgamma), negative("Lgamma below", Value.Lgamma),
		unaryPositive("Digamma", Value.Digamma), wide("Digamma above", Value.Digamma), negative("Digamma below", Value.Digamma),
		unaryPositive("Trigamma", Value.Trigamma), wide("Trigamma above", Value.Trigamma),
		once(negative("Trigamma below", Value.Trigamma)),
		unaryPositive("LogFactorial", Value.LogFactorial),
		unaryPositive("LogRising", func(x Value) Value { return x.LogRising(x.Like(0.5)) }), wide("LogRising of both", func(x Value) Value { return x.LogRising(x.Square()) }),
		unary("Erf", Value.Erf), wide("Erf above", func(x Value) Value { return x.Erf().Mul(x) }),
		unary("Sin", Value.Sin), unary("Cos", Value.Cos), unary("Round", func(x Value) Value { return x.Round().Mul(x) }),
	}
}

// gammaRow is a number with log|Γ|, its derivatives, and erf, which mpmath computed.
type gammaRow struct{ x, lgamma, digamma, trigamma, erf float64 }

func gammaRows(t *testing.T) (rows []gammaRow) {
	t.Helper()
	f, err := os.Open("testdata/gamma.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r gammaRow
		if _, err := fmt.Sscan(lines.Text(), &r.x, &r.lgamma, &r.digamma, &r.trigamma, &r.erf); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// functions are those that the rows have, with what they should be.
var functions = map[string]struct {
	f    func(Value) Value
	want func(gammaRow) float64
}{
	"Lgamma":   {Value.Lgamma, func(r gammaRow) float64 { return r.lgamma }},
	"Digamma":  {Value.Digamma, func(r gammaRow) float64 { return r.digamma }},
	"Trigamma": {Value.Trigamma, func(r gammaRow) float64 { return r.trigamma }},
	"Erf":      {Value.Erf, func(r gammaRow) float64 { return r.erf }},
}

// TestGammaIsExact holds the functions against exact numbers, in float64 and float32.
// Errors are relative above 0; below, where the reflection adds up larger numbers, they
// are relative to the result and 1.
func TestGammaIsExact(t *testing.T) {
	rows := gammaRows(t)
	for dtype, tol := range map[tensor.DType]float64{f64: 2e-15, tensor.Float32: 1e-6} {
		x := tensor.New(dtype, int64(len(rows)))
		for i, r := range rows {
			x.SetFloat(i, r.x)
		}
		g := build(t, func(b *builder.B) {
			in := b.Input("x", dtype, tensor.Of("N"))
			for name, f := range functions {
				b.Output(name, f.f(in))
			}
		})
		for _, e := range engines(t) {
			out := run(t, open(t, e, g), tensors{"x": x})
			for name, f := range functions {
				worst, at := 0.0, 0.0
				for i, r := range rows {
					if x.Float(i) != r.x {
						continue // float32 does not have it
					}
					want := f.want(r)
					if dtype == tensor.Float32 && math.Abs(want) > math.MaxFloat32 {
						want = math.Inf(1)
					}
					scale := math.Abs(want)
					if r.x < 0 && name != "Erf" {
						scale++
					}
					if off := math.Abs(out[name].Float(i)-want) / scale; out[name].Float(i) != want && !(off <= worst) {
						worst, at = off, r.x
					}
				}
				t.Logf("%s: %v: %s is off by %.2g at %v", e.Name(), dtype, name, worst, at)
				if !(worst <= tol) {
					t.Errorf("%s: %v: %s is off by %.2g at %v", e.Name(), dtype, name, worst, at)
				}
			}
		}
	}
}

// TestGammaAtPoles: infinities, NaN, 0 and whole numbers below it, as PyTorch has them.
// Of the second derivative at whole numbers below 0 PyTorch has 1e32, which is inf here.
func TestGammaAtPoles(t *testing.T) {
	x := tensor.FromFloats(f64, []int64{9}, []float64{0, zero, -1, -2, inf, -inf, nan, -1e308, 1e308})
	want := map[string][]float64{
		"lgamma":        {inf, inf, inf, inf, inf, inf, nan, inf, inf},                       // torch.lgamma(x)
		"digamma":       {-inf, inf, nan, nan, inf, nan, nan, nan, 709.1962086421661},        // torch.digamma(x)
		"trigamma":      {inf, inf, inf, inf, 0, inf, nan, inf, 1e-308},                      // torch.polygamma(1, x), but for whole numbers below 0
		"erf":           {0, 0, -0.8427007929497149, -0.9953222650189527, 1, -1, nan, -1, 1}, // torch.erf(x)
		"lgamma_slope":  {-inf, inf, nan, nan, inf, nan, nan, nan, 709.1962086421661},        // torch.autograd.grad(torch.lgamma(x).sum(), x)
		"erf_slope":     {1.1283791670955126, 1.1283791670955126, 0.4151074974205947, 0.020666985354092053, 0, 0, nan, 0, 0},
		"digamma_slope": {inf, inf, inf, inf, 0, inf, nan, inf, 1e-308},
	}
	g := build(t, func(b *builder.B) {
		in := b.Input("x", f64, tensor.Of("N"))
		for name, f := range map[string]func(Value) Value{"lgamma": Value.Lgamma, "digamma": Value.Digamma, "trigamma": Value.Trigamma, "erf": Value.Erf} {
			y := f(in)
			b.Output(name, y)
			if name != "trigamma" {
				b.Output(name+"_slope", builder.Grad(y, y.Like(1), in)[0])
			}
		}
	})
	for _, e := range engines(t) {
		out := run(t, open(t, e, g), tensors{"x": x})
		for name, list := range want {
			for i, w := range list {
				if got := out[name].Float(i); !exactly(got, w) {
					t.Errorf("%s: %s of %v is %v, want %v", e.Name(), name, x.Float(i), got, w)
				}
			}
		}
	}
}

// TestLogRising holds log(Γ(x+t)/Γ(x)) and its slopes against numbers that mpmath
// computed with 60 digits, also where x is so large that the gammas' own logarithms
// have no digit of the difference left.
func TestLogRising(t *testing.T) {
	rows := [][5]float64{ // x, t, the value, its slopes along x and t
		{1e-300, 0.5, -690.203162955289, 9.999999999999999e+299, -1.9635100260214235},
		{0x1p-20, 7, -7.283690062687408, 1048578.4499985776, 1.872784481530549},
		{0.25, 0.5, -1.084741573266782, 3.141592653589793, -1.0858608797864722},
		{0.25, 3, -0.3522205935893521, 5.2444444444444445, 1.016990911068179},
		{0.5, 10000, 82103.75028918544, 11.173850398414272, 9.21034037239285},
		{1, 0.5, -0.12078223763524522, 0.6137056388801094, 0.03648997397857652},
		{1.25, 0.5, 0.013870715401327605, 0.4749259869231266, 0.24747245354686118},
		{2, 0, 0, 0, 0.42278433509846713},
		{3, 0.0078125, 0.007221292819759973, 0.0030807286484803055, 0.9258650637469474},
		{7.5, 0.5, 0.9907971243066813, 0.06888399370952321, 2.01564147795561},
		{16, 1e6, 12815697.718165156, 11.074512729516732, 13.815526057844192},
		{1024, 1, 6.931471805599453, 0.0009765625, 6.931960007376601},
		{65536, 20, 221.80999666160128, 0.00030513155220095205, 11.090652391097391},
		{0x1p40, 0.5, 13.862943611198792, 4.547473508865675e-13, 27.725887222397812},
		{0x1p40, 5, 138.62943611199816, 4.547473508856369e-12, 27.725887222401905},
	}
	for dtype, tol := range map[tensor.DType]float64{f64: 4e-15, tensor.Float32: 2e-6} {
		x, s := tensor.New(dtype, int64(len(rows))), tensor.New(dtype, int64(len(rows)))
		for i, r := range rows {
			x.SetFloat(i, r[0])
			s.SetFloat(i, r[1])
		}
		g := build(t, func(b *builder.B) {
			in, up := b.Input("x", dtype, tensor.Of("N")), b.Input("t", dtype, tensor.Of("N"))
			y := in.LogRising(up)
			slopes := builder.Grad(y, y.Like(1), in, up)
			b.Output("y", y)
			b.Output("along_x", slopes[0])
			b.Output("along_t", slopes[1])
		})
		for _, e := range engines(t) {
			out := run(t, open(t, e, g), tensors{"x": x, "t": s})
			for i, r := range rows {
				if x.Float(i) != r[0] {
					continue // float32 does not have it
				}
				for k, name := range []string{"y", "along_x", "along_t"} {
					if got, want := out[name].Float(i), r[2+k]; !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
						t.Errorf("%s: %v: %s of %v and %v is %v, want %v", e.Name(), dtype, name, r[0], r[1], got, want)
					}
				}
			}
		}
	}
}
