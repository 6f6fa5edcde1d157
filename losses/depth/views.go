package depth

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that images give depth that nobody measured.

// EdgeAwareSmoothnessOptions configures [EdgeAwareSmoothness].
type EdgeAwareSmoothnessOptions struct {
	Normalize bool             `opt:"normalize" doc:"divide the disparity by its mean first" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the images are combined" choices:"none,mean,sum"`
}

// EdgeAwareSmoothness wants depth smooth where the image is (Godard et al., Unsupervised
// Monocular Depth Estimation with Left-Right Consistency, 2017).
var EdgeAwareSmoothness = &losses.Def[EdgeAwareSmoothnessOptions]{
	Spec: losses.Spec{
		Name: "edge_aware_smoothness", Aliases: []string{"inverse_depth_smoothness"}, Family: family,
		Title:   "differences of neighboring depths, less at edges of the image",
		Formula: "mean(|dx(input)|·exp(-mean_c |dx(image)|)) + mean(|dy(input)|·exp(-mean_c |dy(image)|))",
		Witness: "kornia 0.9.0",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted inverse depths (disparities)", Domain: losses.Positive, Grad: losses.Default},
			{Name: "image", Doc: "the images that they are of", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "N,1,H,W", "image": "N,C,H,W"}}, Sizes: map[string]int64{"N": 2, "C": 2},
		Inseparable: "the loss is that of whole images",
		Traps: []string{
			"It is for inverse depth, and a smaller one has a smaller loss: monodepth2 divides it by its mean first (--normalize), so that shrinking does not help.",
			"Differences of the image are averaged over its channels before the exponential.",
			"An image of one row or column gives NaN, as PyTorch's mean of nothing.",
		},
	},
	Defaults: EdgeAwareSmoothnessOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EdgeAwareSmoothnessOptions) string {
		disparity := "input"
		if o.Normalize {
			disparity = "input / (input.mean((2, 3), keepdim=True) + 1e-07)"
		}
		return losses.Reduced(fmt.Sprintf("(lambda z: sum((z.diff(dim=d).abs() * torch.exp(-image.diff(dim=d).abs().mean(1, keepdim=True))).mean((1, 2, 3)) for d in (3, 2)))(%s)", disparity), o.Reduction)
	},
	Body: func(c *losses.Call, o EdgeAwareSmoothnessOptions) losses.Term {
		x, image := c.In("input"), c.In("image")
		if o.Normalize {
			x = x.Div(parts.MeanOver(x, 2, 3).Shift(1e-7).Unsqueeze(2, 3))
		}
		along := func(axis int) losses.Value {
			step := func(v losses.Value) losses.Value {
				return v.Slice(axis, 1, tensor.MaxSize).Sub(v.Slice(axis, 0, -1)).Abs()
			}
			flat := parts.MeanOver(step(image), 1).Neg().Exp().Unsqueeze(1)
			return parts.MeanOver(step(x).Mul(flat), 1, 2, 3)
		}
		return losses.Each(along(3).Add(along(2)))
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:2"}},
		{Name: "larger_normalized", Options: losses.Values{"normalize": true}, Sizes: map[string]int64{"N": 2, "C": 3, "H": 3, "W": 4}},
		{Name: "one_row", Sizes: map[string]int64{"H": 1}},
	},
}

// PhotometricOptions configures [Photometric].
type PhotometricOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"weight of the structural similarity; the absolute difference has the rest" bounds:"[0,1]" try:"0.2;1"`
	Windows   string           `opt:"windows" doc:"box: 3 pixels, the image mirrored at its sides, (1 - s)/2 within [0, 1]; gaussian: 11 pixels, zeros around the image, 1 - s" choices:"box,gaussian"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the pixels are combined" choices:"none,mean,sum"`
}

// Photometric compares an image with one made of another view (Godard et al., 2017).
var Photometric = &losses.Def[PhotometricOptions]{
	Spec: losses.Spec{
		Name: "photometric", Aliases: []string{"monodepth"}, Family: family,
		Cancels: true, // a variance is the difference of two means
		Title:   "structural similarity and absolute difference of images",
		Formula: "alpha·(1 - ssim(input, target))/2 + (1 - alpha)·|input - target|",
		Inputs: []losses.Input{
			{Name: "input", Doc: "images made of another view, from 0 to 1", Domain: losses.Interval, Of: losses.Of{High: 1}, Grad: losses.Default},
			{Name: "target", Doc: "true images", Domain: losses.Interval, Of: losses.Of{High: 1}, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "N,C,H,W", "target": "N,C,H,W"}}, Sizes: map[string]int64{"N": 2, "C": 1, "H": 3},
		Inseparable: "the loss of a pixel depends on those around it",
		Least:       map[string]int64{"H": 2, "W": 2},
		NaNRows:     true,
		Traps: []string{
			"The windows are means of 3 x 3 pixels, not the Gaussian ones of ssim, and (1 - s)/2 is limited to [0, 1], as in monodepth.",
			"Gaussian splatting has 0.8·l1 + 0.2·(1 - s) with windows of 11 pixels: --windows gaussian --alpha 0.2.",
			"monodepth2 takes the least loss of several views for each pixel, and the mean over channels: reduce --reduction none so.",
			"With Gaussian windows a pixel that is NaN or infinite may make its whole image NaN.",
		},
	},
	Defaults: PhotometricOptions{Alpha: new(0.85), Windows: "box", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PhotometricOptions) string {
		f, form := "(lambda z: F.avg_pool2d(F.pad(z, (1, 1, 1, 1), 'reflect'), 3, 1))", "((1 - %s) / 2).clamp(0, 1)"
		if o.Windows == "gaussian" {
			f, form = parts.TorchGaussian(11, 1.5, "zeros"), "(1 - %s)"
		}
		s := fmt.Sprintf(form, fmt.Sprintf("%s(%s, input, target)", similarity.Torch(), f))
		return losses.Reduced(fmt.Sprintf("%s * %s + %s * (input - target).abs()", losses.Python(*o.Alpha), s, losses.Python(1-*o.Alpha)), o.Reduction)
	},
	Body: func(c *losses.Call, o PhotometricOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		windows, similarity := parts.Gaussian(11, 1.5).Of, similarity
		around := func(z losses.Value) losses.Value {
			five := tensor.D(5)
			return z.Pad(2, five, five, 0).Pad(3, five, five, 0)
		}
		if o.Windows == "box" {
			similarity.Middle = 0.5 // zeros around the image would be far from it
			windows = func(z losses.Value) losses.Value { return z.WindowMean([]int{2, 3}, []int64{3, 3}, 1) }
			around = func(z losses.Value) losses.Value { return z.PadReflect(2, 1, 1).PadReflect(3, 1, 1) }
		}
		unlike := parts.Unlike(similarity.Maps(windows, around(x), around(y))) // the products of these are those of the images
		if o.Windows == "box" {
			unlike = unlike.Scale(0.5).Clip(0, 1)
		}
		return losses.Each(unlike.Scale(*o.Alpha).Add(x.Sub(y).Abs().Scale(1 - *o.Alpha)))
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:0.5", "target": "constant:0.5"}},
		{Name: "equal_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "like:input"}},
		{Name: "larger", Sizes: map[string]int64{"N": 1, "C": 2, "H": 3, "W": 4}},
		{Name: "larger_gaussian", Options: losses.Values{"windows": "gaussian", "alpha": 0.2}, Sizes: map[string]int64{"N": 1, "C": 2, "H": 3, "W": 4}},
	},
}

// similarity is that of images from 0 to 1.
var similarity = parts.Similarity{C1: 1e-4, C2: 9e-4}
