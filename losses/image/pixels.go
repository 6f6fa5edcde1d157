package image

import (
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of pixels, and of small windows of them.

// PSNROptions configures [PSNR].
type PSNROptions struct {
	DataRange *float64         `opt:"data_range" doc:"difference between white and black" bounds:"(0,inf)" try:"255"`
	Over      string           `opt:"over" doc:"what the squared difference is averaged over, before the logarithm" choices:"batch,image"`
	Eps       float64          `opt:"eps" doc:"added to the mean squared difference, which keeps equal images finite" bounds:"[0,inf)" try:"1e-8"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the images are combined" choices:"none,mean,sum"`
}

// PSNR is minus the peak signal-to-noise ratio, in decibels.
var PSNR = &losses.Def[PSNROptions]{
	Spec: losses.Spec{
		Name: "psnr", Family: family,
		Title:   "minus the peak signal-to-noise ratio, in decibels",
		Formula: "10·log10(mean((input - target)^2) / data_range^2 + eps)",
		Witness: "kornia 0.9.0",
		Inputs:  parts.Regression(),
		Shapes:  []losses.Shapes{{"input": "N,*", "target": "N,*"}}, Star: "D",
		Traps: []string{
			"Equal images give -inf, with a NaN gradient, as in kornia; --eps 1e-8 limits the loss to -80, as piq does.",
			"kornia takes one ratio for the whole batch, piq the mean of those of its images: --over image.",
			"Its gradient is that of mse divided by mse: it grows without bound near the target.",
		},
	},
	Defaults: PSNROptions{DataRange: new(1.0), Over: "batch", Reduction: losses.Mean},
	Adapt: func(s *losses.Spec, o PSNROptions) {
		s.Inseparable = wholeImage
		if o.Over == "batch" {
			s.Inseparable = "the ratio is that of the whole batch"
		}
	},
	Reference: func(c *losses.Call, o PSNROptions) string {
		square := "((input - target) ** 2)"
		mean := square + ".mean()"
		if rank := len(c.Shape("input")); o.Over == "image" && rank == 1 {
			mean = square
		} else if o.Over == "image" {
			mean = square + ".mean(tuple(range(1, input.dim())))"
		}
		return losses.Reduced(fmt.Sprintf("10 * torch.log10(%s / %s ** 2 + %s)", mean, losses.Python(*o.DataRange), losses.Python(o.Eps)), o.Reduction)
	},
	Body: func(c *losses.Call, o PSNROptions) losses.Term {
		square := c.In("input").Sub(c.In("target")).Square()
		var mean losses.Value
		if o.Over == "image" {
			mean = parts.MeanOver(square, parts.From(1, square)...)
		} else {
			mean = square.Sum().Mul(square.Numel().Reciprocal())
		}
		share := mean.Div(c.Const(*o.DataRange * *o.DataRange)).Shift(o.Eps)
		return losses.Each(share.Log().Scale(10 / math.Ln10))
	},
	Golden: []losses.Case{
		{Name: "equal_eps_image", Options: losses.Values{"over": "image", "eps": 1e-8}, Fill: map[string]string{"target": "like:input"}},
		{Name: "range_255_image_none", Options: losses.Values{"over": "image", "data_range": 255.0, "reduction": "none"}, Fill: map[string]string{"input": "uniform:0:255", "target": "uniform:0:255"}},
	},
}

// NCCOptions configures [NCC].
type NCCOptions struct {
	Window    *int64           `opt:"window" doc:"pixels along a side of the windows, an odd number" bounds:"[1,99]" try:"1;5"`
	Eps       *float64         `opt:"eps" doc:"least variance of a window, times its pixels" bounds:"(0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the windows are combined" choices:"none,mean,sum"`
}

// NCC is minus the squared correlation of windows, for the registration of images.
var NCC = &losses.Def[NCCOptions]{
	Spec: losses.Spec{
		Name: "ncc", Aliases: []string{"lncc", "local_normalized_cross_correlation"}, Family: family,
		Title:   "minus the squared correlation of two images in each window",
		Formula: "-cov(input, target)^2 / (max(var(input), eps)·max(var(target), eps)), of the window around each pixel",
		Witness: "monai 1.6.1",
		Inputs:  parts.Regression(),
		Shapes:  []losses.Shapes{{"input": "N,C,H,W", "target": "N,C,H,W"}}, Sizes: map[string]int64{"N": 2, "C": 1, "H": 3},
		Inseparable: "the loss of a pixel depends on those around it",
		Traps: []string{
			"The correlation is squared: an image and its negative are as good as two equal ones.",
			"Windows are 3 pixels wide, as in monai; VoxelMorph's are 9. Beyond the sides of the image are zeros, which count.",
			"It is -1 where the images agree, and 0 for a constant window.",
		},
	},
	Defaults: NCCOptions{Window: new(int64(3)), Eps: new(1e-5), Reduction: losses.Mean},
	Validate: func(o NCCOptions) error {
		if *o.Window%2 == 0 {
			return errors.New("window is an odd number of pixels")
		}
		return nil
	},
	Reference: func(c *losses.Call, o NCCOptions) string {
		return losses.Reduced(fmt.Sprintf("(lambda f: (lambda a, b, aa, bb, ab: -((ab - a * b / %[1]d) ** 2 / ((aa - a * a / %[1]d).clamp_min(%[2]s) * (bb - b * b / %[1]d).clamp_min(%[2]s))))"+
			"(f(input), f(target), f(input * input), f(target * target), f(input * target)))"+
			"(lambda z: F.conv2d(z, torch.ones(z.shape[1], 1, %[3]d, %[3]d, dtype=z.dtype), padding=%[4]d, groups=z.shape[1]))",
			*o.Window**o.Window, losses.Python(*o.Eps), *o.Window, (*o.Window-1)/2), o.Reduction)
	},
	Body: func(c *losses.Call, o NCCOptions) losses.Term {
		sums := func(x losses.Value) losses.Value {
			pad := tensor.D((*o.Window - 1) / 2)
			return x.Pad(2, pad, pad, 0).Pad(3, pad, pad, 0).WindowSum([]int{2, 3}, []int64{*o.Window, *o.Window}, 1)
		}
		x, y := c.In("input"), c.In("target")
		a, b, pixels := sums(x), sums(y), c.Const(float64(*o.Window**o.Window))
		variance := func(z, sum losses.Value) losses.Value {
			return sums(z.Square()).Sub(sum.Square().Div(pixels)).Clip(*o.Eps, math.Inf(1))
		}
		covariance := sums(x.Mul(y)).Sub(a.Mul(b).Div(pixels))
		return losses.Each(covariance.Square().Div(variance(x, a).Mul(variance(y, b))).Neg())
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:0.5"}},
		{Name: "larger", Sizes: map[string]int64{"N": 1, "C": 2, "H": 4, "W": 5}},
	},
}
