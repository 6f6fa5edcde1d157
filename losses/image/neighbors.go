package image

import (
	"errors"
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of the differences between neighboring pixels.

// step is the difference of neighbors along an axis.
func step(x losses.Value, axis int) losses.Value {
	return x.Slice(axis, 1, tensor.MaxSize).Sub(x.Slice(axis, 0, -1))
}

// TotalVariationOptions configures [TotalVariation].
type TotalVariationOptions struct {
	Norm      string           `opt:"norm" doc:"l1: sum of sizes; l2: root of the sum of squares of a whole image" choices:"l1,l2" try:"l2"`
	Average   bool             `opt:"average" doc:"means along each axis in place of sums; of l1" try:"true"`
	Eps       float64          `opt:"eps" doc:"added under the root of l2, which keeps the gradient of a constant image finite" bounds:"[0,inf)" try:"0"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the images are combined" choices:"none,mean,sum"`
}

// TotalVariation is the size of all differences between neighbors (Rudin et al., 1992).
var TotalVariation = &losses.Def[TotalVariationOptions]{
	Spec: losses.Spec{
		Name: "total_variation", Aliases: []string{"tv"}, Family: family,
		Title:   "differences of neighboring pixels of one image",
		Formula: "sum |input[i+1,j] - input[i,j]| + sum |input[i,j+1] - input[i,j]|",
		Witness: "kornia 0.9.0",
		Inputs:  []losses.Input{{Name: "input", Doc: "images; rows and columns are the last two axes", Domain: losses.Real, Grad: losses.Default}},
		Shapes:  []losses.Shapes{{"input": "*,H,W"}}, Star: "N,C",
		Traps: []string{
			"The sum over the pixels of each channel, and over all of them, is kornia's; --average --reduction mean divides each axis by its own number of differences.",
			"piq's is --norm l2 --reduction mean: one root for each image, whose gradient is NaN where the image is constant; --eps keeps it finite.",
			"Both neighbors of a pixel count on their own (anisotropic); no root is taken for a pixel.",
		},
	},
	Defaults: TotalVariationOptions{Norm: "l1", Reduction: losses.Sum},
	Validate: func(o TotalVariationOptions) error {
		if o.Norm == "l2" && o.Average {
			return errors.New("average goes with --norm l1")
		}
		if o.Norm == "l1" && o.Eps > 0 {
			return errors.New("eps goes with --norm l2, which has a root")
		}
		return nil
	},
	Adapt: func(s *losses.Spec, o TotalVariationOptions) {
		s.Inseparable = wholeImage
		if o.Norm == "l2" {
			s.Shapes, s.Star = []losses.Shapes{{"input": "N,*,H,W"}}, "C"
		}
	},
	Reference: func(c *losses.Call, o TotalVariationOptions) string {
		down, right := "(input[..., 1:, :] - input[..., :-1, :])", "(input[..., 1:] - input[..., :-1])"
		text := fmt.Sprintf("%s.abs().sum((-2, -1)) + %s.abs().sum((-2, -1))", down, right)
		switch {
		case o.Norm == "l2":
			text = fmt.Sprintf("((%s ** 2).flatten(1).sum(1) + (%s ** 2).flatten(1).sum(1) + %s).sqrt()", down, right, losses.Python(o.Eps))
		case o.Average:
			text = fmt.Sprintf("%s.abs().mean((-2, -1)) + %s.abs().mean((-2, -1))", down, right)
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o TotalVariationOptions) losses.Term {
		x := c.In("input")
		rank := x.Rank()
		down, right := step(x, rank-2), step(x, rank-1)
		switch {
		case o.Norm == "l2":
			total := func(d losses.Value) losses.Value { return d.Square().SumOver(parts.From(1, d)...) }
			return losses.Each(total(down).Add(total(right)).Shift(o.Eps).Sqrt())
		case o.Average:
			return losses.Each(parts.MeanOver(down.Abs(), rank-2, rank-1).Add(parts.MeanOver(right.Abs(), rank-2, rank-1)))
		}
		return losses.Each(down.Abs().SumOver(rank-2, rank-1).Add(right.Abs().SumOver(rank-2, rank-1)))
	},
	Golden: []losses.Case{
		{Name: "constant", Fill: map[string]string{"input": "constant:0.5"}},
		{Name: "constant_l2", Options: losses.Values{"norm": "l2"}, Fill: map[string]string{"input": "constant:0.5"}},
		{Name: "constant_l2_eps", Options: losses.Values{"norm": "l2", "eps": 0.25}, Fill: map[string]string{"input": "constant:0.5"}},
		{Name: "one_pixel", Sizes: map[string]int64{"H": 1, "W": 1}},
		{Name: "one_pixel_average", Options: losses.Values{"average": true}, Sizes: map[string]int64{"H": 1, "W": 1}},
		{Name: "larger", Sizes: map[string]int64{"N": 1, "C": 1, "H": 4, "W": 5}},
	},
}

// GradientDifferenceOptions configures [GradientDifference].
type GradientDifferenceOptions struct {
	Absolute  bool             `opt:"absolute" doc:"compare the sizes of the differences: which side is brighter does not count" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the images are combined" choices:"none,mean,sum"`
}

// GradientDifference compares the differences between neighbors (Mathieu et al., Deep
// multi-scale video prediction beyond mean square error, 2016).
var GradientDifference = &losses.Def[GradientDifferenceOptions]{
	Spec: losses.Spec{
		Name: "gradient_difference", Aliases: []string{"image_gradient"}, Family: family,
		Title:   "differences of neighboring pixels, of two images",
		Formula: "mean |dy(input) - dy(target)| + mean |dx(input) - dx(target)|",
		Inputs:  parts.Regression(),
		Shapes:  []losses.Shapes{{"input": "*,H,W", "target": "*,H,W"}}, Star: "N,C", Sizes: map[string]int64{"N": 2, "C": 2},
		Inseparable: wholeImage,
		Traps: []string{
			"Mathieu's loss takes the sizes of both differences first, so that an image and its negative have none: --absolute.",
			"Each axis is averaged over its own differences. An image of one row or column gives NaN, as PyTorch's mean of nothing.",
			"An offset of the whole image does not count: it goes beside another loss.",
		},
	},
	Defaults: GradientDifferenceOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o GradientDifferenceOptions) string {
		axis := func(dim string) string {
			if o.Absolute {
				return fmt.Sprintf("(input.diff(dim=%[1]s).abs() - target.diff(dim=%[1]s).abs()).abs().mean((-2, -1))", dim)
			}
			return fmt.Sprintf("(input.diff(dim=%[1]s) - target.diff(dim=%[1]s)).abs().mean((-2, -1))", dim)
		}
		return losses.Reduced(axis("-2")+" + "+axis("-1"), o.Reduction)
	},
	Body: func(c *losses.Call, o GradientDifferenceOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		rank := x.Rank()
		along := func(axis int) losses.Value {
			dx, dy := step(x, axis), step(y, axis)
			if o.Absolute {
				dx, dy = dx.Abs(), dy.Abs()
			}
			return parts.MeanOver(dx.Sub(dy).Abs(), rank-2, rank-1)
		}
		return losses.Each(along(rank - 2).Add(along(rank - 1)))
	},
	Golden: []losses.Case{
		{Name: "negative_none", Options: losses.Values{"reduction": "none", "absolute": true}, Fill: map[string]string{"input": "constant:1", "target": "constant:-1"}, Set: map[string]losses.Edge{"input": {0: 2}, "target": {0: -2}}},
		{Name: "larger", Sizes: map[string]int64{"N": 1, "C": 1, "H": 4, "W": 5}},
		{Name: "one_row", Sizes: map[string]int64{"H": 1}},
	},
}

// SobelEdgeOptions configures [SobelEdge].
type SobelEdgeOptions struct {
	Eps       *float64         `opt:"eps" doc:"added under the root of the size of an edge" bounds:"(0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the pixels are combined" choices:"none,mean,sum"`
}

// SobelEdge compares how strong the edges are.
var SobelEdge = &losses.Def[SobelEdgeOptions]{
	Spec: losses.Spec{
		Name: "sobel_edge", Aliases: []string{"sobel"}, Family: family,
		Title:   "difference of the strengths of edges, by Sobel's filters",
		Formula: "s = sqrt(gx^2 + gy^2 + eps); |s(input) - s(target)|",
		Witness: "kornia 0.9.0",
		Inputs:  parts.Regression(),
		Shapes:  []losses.Shapes{{"input": "N,C,H,W", "target": "N,C,H,W"}}, Sizes: map[string]int64{"N": 2, "C": 1, "H": 3},
		Inseparable: "the loss of a pixel depends on those around it",
		Traps: []string{
			"The filters are divided by 8 and the first and last pixels are repeated, as in kornia.filters.sobel; OpenCV's are not divided.",
			"Only the strength counts, not the direction: an edge from dark to bright equals one from bright to dark.",
		},
	},
	Defaults: SobelEdgeOptions{Eps: new(1e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SobelEdgeOptions) string {
		return losses.Reduced(fmt.Sprintf("(lambda s: (s(input) - s(target)).abs())(lambda z: (lambda x, y: "+
			"(((x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]) / 8) ** 2 + ((y[..., :-2] + 2 * y[..., 1:-1] + y[..., 2:]) / 8) ** 2 + %s).sqrt())"+
			"(*(lambda p: (p[..., 2:] - p[..., :-2], p[..., 2:, :] - p[..., :-2, :]))(F.pad(z, (1, 1, 1, 1), 'replicate'))))", losses.Python(*o.Eps)), o.Reduction)
	},
	Body: func(c *losses.Call, o SobelEdgeOptions) losses.Term {
		strength := func(x losses.Value) losses.Value {
			x = x.PadReplicate(2, tensor.D(1), tensor.D(1)).PadReplicate(3, tensor.D(1), tensor.D(1))
			across := func(axis int) losses.Value { // the difference of both neighbors
				return x.Slice(axis, 2, tensor.MaxSize).Sub(x.Slice(axis, 0, -2))
			}
			smooth := func(d losses.Value, axis int) losses.Value {
				return d.Slice(axis, 0, -2).Add(d.Slice(axis, 1, -1).Scale(2)).Add(d.Slice(axis, 2, tensor.MaxSize)).Scale(0.125)
			}
			return smooth(across(3), 2).Square().Add(smooth(across(2), 3).Square()).Shift(*o.Eps).Sqrt()
		}
		return losses.Each(strength(c.In("input")).Sub(strength(c.In("target"))).Abs())
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:0.5"}},
		{Name: "larger", Sizes: map[string]int64{"N": 1, "C": 1, "H": 4, "W": 5}},
		{Name: "one_pixel_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"H": 1, "W": 1}},
	},
}
