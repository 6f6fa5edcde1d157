package generative

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares distances between sets of samples.

// samples are two sets of rows.
func samples() []losses.Input {
	return []losses.Input{
		{Name: "x", Doc: "samples, one a row", Domain: losses.Point, Grad: losses.Default},
		{Name: "y", Doc: "samples to be like", Domain: losses.Point, Grad: losses.OnDemand},
	}
}

// twoSets are their shapes.
func twoSets() []losses.Shapes { return []losses.Shapes{{"x": "N,D", "y": "M,D"}} }

// memory is what all distances of pairs take.
const memory = "Memory is that of the differences of all pairs: N·N·D, N·M·D and M·M·D numbers."

// MMDGaussianOptions configures [MMDGaussian].
type MMDGaussianOptions struct {
	Blur *float64 `opt:"blur" doc:"standard deviation of the kernel" bounds:"(0,inf)" try:"0.25;2"`
}

// MMDGaussian is half the squared maximum mean discrepancy (Gretton et al., A Kernel
// Two-Sample Test, 2012).
var MMDGaussian = &losses.Def[MMDGaussianOptions]{
	Spec: losses.Spec{
		Name: "mmd_gaussian", Aliases: []string{"mmd"}, Family: family,
		Title:   "maximum mean discrepancy of samples, with a Gaussian kernel",
		Formula: "k(a, b) = exp(-|a - b|^2 / (2·blur^2)); mean k(x, x)/2 + mean k(y, y)/2 - mean k(x, y)",
		Witness: "geomloss 0.3.1",
		Inputs:  samples(), Shapes: twoSets(),
		Traps: []string{
			"It is half the squared discrepancy, as in geomloss, and biased: each sample is compared with itself, too.",
			"Other code sums kernels of several widths, or takes the width from the data.",
			memory,
		},
	},
	Defaults: MMDGaussianOptions{Blur: new(0.5)},
	Reference: func(c *losses.Call, o MMDGaussianOptions) string {
		return fmt.Sprintf("(lambda k: (k(x, x).mean() + k(y, y).mean()) / 2 - k(x, y).mean())(lambda a, b: torch.exp(-((a[:, None] - b[None]) ** 2).sum(2) / (2 * %s ** 2)))", losses.Python(*o.Blur))
	},
	Body: func(c *losses.Call, o MMDGaussianOptions) losses.Term {
		return between(c, func(x, y losses.Value) losses.Value {
			return parts.SquaredDistances(x, y).Scale(-1 / (2 * *o.Blur * *o.Blur)).Exp()
		})
	},
	Golden: []losses.Case{
		{Name: "same_points", Sizes: map[string]int64{"M": 4}, Fill: map[string]string{"y": "like:x"}},
	},
}

// EnergyDistance is the maximum mean discrepancy of minus the distance (Székely and
// Rizzo, 2013).
var EnergyDistance = &losses.Def[struct{}]{
	Spec: losses.Spec{
		Name: "energy_distance", Family: family,
		NoSecond: "PyTorch's second derivative is NaN at the distance of a row from itself",
		Title:    "mean distance between samples less that within them",
		Formula:  "mean |x - y| - mean |x - x'|/2 - mean |y - y'|/2",
		Inputs:   samples(), Shapes: twoSets(),
		Traps: []string{
			"It is half of what statistics calls so. geomloss limits distances to 1e-4 from below, which changes the fifth digit.",
			"The gradient of a distance of 0 is 0.",
			memory,
		},
	},
	Reference: func(c *losses.Call, _ struct{}) string {
		return "(lambda k: (k(x, x).mean() + k(y, y).mean()) / 2 - k(x, y).mean())(lambda a, b: -(a[:, None] - b[None]).norm(dim=2))"
	},
	Body: func(c *losses.Call, _ struct{}) losses.Term {
		return between(c, func(x, y losses.Value) losses.Value { return parts.DistancesFrom(x, y).Neg() })
	},
	Golden: []losses.Case{
		{Name: "same_points", Sizes: map[string]int64{"M": 4}, Fill: map[string]string{"y": "like:x"}},
	},
}

// between compares both sets by a kernel of all pairs.
func between(c *losses.Call, kernel func(x, y losses.Value) losses.Value) losses.Term {
	mean := func(x, y losses.Value) losses.Value { return parts.MeanOfAll(kernel(x, y)) }
	x, y := c.In("x"), c.In("y")
	return losses.Term{Each: mean(x, x).Add(mean(y, y)).Scale(0.5).Sub(mean(x, y)), Reduced: true}
}

// SlicedWassersteinOptions configures [SlicedWasserstein].
type SlicedWassersteinOptions struct {
	P   *float64 `opt:"p" doc:"power of the distances" bounds:"[1,10]" try:"1;2"`
	Eps float64  `opt:"eps" doc:"added under the root, which keeps the gradient of equal samples finite" bounds:"[0,inf)" try:"0.25"`
}

// SlicedWasserstein compares sorted projections (Bonneel et al., Sliced and Radon
// Wasserstein Barycenters of Measures, 2015).
var SlicedWasserstein = &losses.Def[SlicedWassersteinOptions]{
	Spec: losses.Spec{
		Name: "sliced_wasserstein", Aliases: []string{"swd"}, Family: family,
		Title:   "distance of sorted projections of samples",
		Formula: "mean(|sort(x·projections) - sort(y·projections)|^p + eps)^(1/p)",
		Inputs: []losses.Input{
			{Name: "x", Doc: "samples, one a row", Domain: losses.Real, Grad: losses.Default},
			{Name: "y", Doc: "as many samples to be like", Domain: losses.Real, Grad: losses.OnDemand},
			{Name: "projections", Doc: "directions, one a column", Domain: losses.Real},
		},
		Shapes: []losses.Shapes{{"x": "N,D", "y": "N,D", "projections": "D,P"}},
		Traps: []string{
			"The projections are an input: random columns of length 1, drawn anew for each step.",
			"The root is that of the mean over all projections; other code takes it for each one, or not at all.",
			"Equal projections stay in the order of the samples, which PyTorch's sort leaves open: it decides which of them has which gradient.",
			"Equal sets have a gradient that is NaN for p above 1; --eps keeps it finite.",
		},
	},
	Defaults: SlicedWassersteinOptions{P: new(2.0)},
	Reference: func(c *losses.Call, o SlicedWassersteinOptions) string {
		p := losses.Python(*o.P)
		return fmt.Sprintf("(((x @ projections).sort(dim=0, stable=True).values - (y @ projections).sort(dim=0, stable=True).values).abs().pow(%[1]s).mean() + %[2]s) ** (1 / %[1]s)", p, losses.Python(o.Eps))
	},
	Body: func(c *losses.Call, o SlicedWassersteinOptions) losses.Term {
		sorted := func(name string) losses.Value {
			v, _ := c.In(name).MatMul(c.In("projections")).Sort(0, false)
			return v
		}
		mean := parts.MeanOfAll(sorted("x").Sub(sorted("y")).Abs().Pow(*o.P))
		return losses.Term{Each: mean.Shift(o.Eps).Pow(1 / *o.P), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "equal_projections", Fill: map[string]string{"x": "constant:1", "projections": "constant:1"}},
		{Name: "equal_eps", Options: losses.Values{"eps": 0.25}, Fill: map[string]string{"y": "like:x"}},
	},
}
