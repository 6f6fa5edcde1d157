package image

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// WindowOptions are the options of losses that compare Gaussian windows of images.
type WindowOptions struct {
	DataRange *float64         `opt:"data_range" doc:"difference between white and black" bounds:"(0,inf)"`
	Window    *int64           `opt:"window" doc:"pixels along a side of the windows, an odd number" bounds:"[3,99]" try:"3"`
	Sigma     *float64         `opt:"sigma" doc:"standard deviation of the windows' weights, in pixels" bounds:"(0,inf)" try:"0.5"`
	K1        *float64         `opt:"k1" doc:"what keeps the ratio of the means finite, as a share of data_range" bounds:"(0,1]"`
	K2        *float64         `opt:"k2" doc:"what keeps the ratio of the variances finite, as a share of data_range" bounds:"(0,1]"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the images are combined" choices:"none,mean,sum"`
}

func defaultWindow() WindowOptions {
	return WindowOptions{DataRange: new(1.0), Window: new(int64(11)), Sigma: new(1.5), K1: new(0.01), K2: new(0.03), Reduction: losses.Mean}
}

func (o WindowOptions) validate() error {
	if *o.Window%2 == 0 {
		return errors.New("window is an odd number of pixels")
	}
	return nil
}

// sides are the least sizes of an image.
func sides(n int64) map[string]int64 { return map[string]int64{"H": n, "W": n} }

func (o WindowOptions) similarity() parts.Similarity {
	square := func(k float64) float64 { return k * *o.DataRange * k * *o.DataRange }
	return parts.Similarity{C1: square(*o.K1), C2: square(*o.K2), Middle: *o.DataRange / 2}
}

// SSIMOptions configures [SSIM].
type SSIMOptions struct {
	WindowOptions
	Padding string `opt:"padding" doc:"valid: windows within the image; reflect: one around each pixel, the image mirrored at its sides" choices:"valid,reflect" try:"reflect"`
	Half    bool   `opt:"half" doc:"(1 - s)/2, limited to [0, 1], of each window" try:"true"`
}

// images are two images with values of a range.
func images() []losses.Input {
	unit := losses.Of{Low: 0, High: 1}
	return []losses.Input{
		{Name: "input", Doc: "predicted images, from 0 to data_range", Domain: losses.Interval, Of: unit, Grad: losses.Default},
		{Name: "target", Doc: "true images", Domain: losses.Interval, Of: unit, Grad: losses.OnDemand},
	}
}

// fourAxes are the shapes of images with a batch and channels.
func fourAxes() []losses.Shapes { return []losses.Shapes{{"input": "N,C,H,W", "target": "N,C,H,W"}} }

// wholeImage is why pixels have no mask.
const wholeImage = "the loss is that of whole images"

// SSIM is 1 less the structural similarity (Wang et al., 2004).
var SSIM = &losses.Def[SSIMOptions]{
	Spec: losses.Spec{
		Name: "ssim", Aliases: []string{"dssim"}, Family: family,
		Title:   "1 less the structural similarity of images",
		Formula: "s = (2mn + C1)/(m^2 + n^2 + C1) · (2·cov + C2)/(var + var + C2) of Gaussian windows; 1 - mean(s)",
		Witness: "pytorch-msssim 1.0.0",
		Inputs:  images(), Shapes: fourAxes(), NaNRows: true,
		Traps: []string{
			"data_range is 1 here; pytorch-msssim's default is 255, with which images from 0 to 1 have nearly no loss (0.0002 in place of 0.0517).",
			"kornia mirrors the image and halves the loss: --padding reflect --half. torchmetrics mirrors, too, takes the range from the data and the window's size from sigma.",
			"piq first makes images above 256 pixels smaller.",
			"An image smaller than the window ends the run; pytorch-msssim leaves out that axis then.",
			"A pixel that is NaN or infinite may make the gradient of its whole image NaN.",
			"none gives one loss for each image.",
		},
	},
	Defaults: SSIMOptions{WindowOptions: defaultWindow(), Padding: "valid"},
	Validate: func(o SSIMOptions) error { return o.validate() },
	Reference: func(c *losses.Call, o SSIMOptions) string {
		s := fmt.Sprintf("%s(%s, input, target)", o.similarity().Torch(), parts.TorchGaussian(*o.Window, *o.Sigma, o.Padding))
		text := fmt.Sprintf("1 - %s.mean((1, 2, 3))", s)
		if o.Half {
			text = fmt.Sprintf("((1 - %s) / 2).clamp(0, 1).mean((1, 2, 3))", s)
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o SSIMOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		if pad := (*o.Window - 1) / 2; o.Padding == "reflect" {
			x, y = x.PadReflect(2, pad, pad).PadReflect(3, pad, pad), y.PadReflect(2, pad, pad).PadReflect(3, pad, pad)
		}
		loss := parts.Unlike(o.similarity().Maps(parts.Gaussian(*o.Window, *o.Sigma).Of, x, y))
		if o.Half {
			loss = loss.Scale(0.5).Clip(0, 1)
		}
		return losses.Each(parts.MeanOver(loss, 1, 2, 3))
	},
	Adapt: func(s *losses.Spec, o SSIMOptions) {
		s.OwnCases, s.Inseparable = true, wholeImage
		s.Least = sides(*o.Window)
		if o.Padding == "reflect" {
			s.Least = sides(*o.Window/2 + 1)
		}
	},
	Golden: ssimCases(),
}

func ssimCases() []losses.Case {
	small, tiny := map[string]int64{"N": 2, "C": 2, "H": 4, "W": 3}, map[string]int64{"N": 1, "C": 1, "H": 6, "W": 7}
	three := func(more losses.Values) losses.Values {
		v := losses.Values{"window": int64(3)}
		for name, value := range more {
			v[name] = value
		}
		return v
	}
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		list = append(list, losses.Case{Name: "valid_" + string(r), Options: three(losses.Values{"reduction": string(r)}), Sizes: small})
	}
	return append(list,
		losses.Case{Name: "upstream", Options: three(nil), Sizes: small, GradOutput: true},
		losses.Case{Name: "default_window_reflect", Options: losses.Values{"padding": "reflect"}, Sizes: tiny},
		losses.Case{Name: "half_reflect", Options: three(losses.Values{"padding": "reflect", "half": true}), Sizes: small},
		losses.Case{Name: "half", Options: three(losses.Values{"half": true}), Sizes: small},
		losses.Case{Name: "range_255", Options: three(losses.Values{"data_range": 255.0}), Sizes: small, Fill: map[string]string{"input": "uniform:0:255", "target": "uniform:0:255"}},
		losses.Case{Name: "sigma_k1_k2", Options: three(losses.Values{"sigma": 0.5, "k1": 0.1, "k2": 0.2}), Sizes: small},
		losses.Case{Name: "equal", Options: three(nil), Sizes: small, Fill: map[string]string{"target": "like:input"}},
		losses.Case{Name: "equal_half", Options: three(losses.Values{"half": true}), Sizes: small, Fill: map[string]string{"target": "like:input"}},
		losses.Case{Name: "constant", Options: three(nil), Sizes: small, Fill: map[string]string{"input": "constant:0.5", "target": "constant:0.5"}},
		losses.Case{Name: "black_and_white", Options: three(nil), Sizes: small, Fill: map[string]string{"input": "constant:0", "target": "constant:1"}},
		losses.Case{Name: "numbers_for_sizes", Options: three(nil), Shapes: map[string]string{"input": "2,C,5,W"}, Sizes: small},
		losses.Case{Name: "empty", Options: three(nil), Sizes: map[string]int64{"N": 0, "H": 3, "W": 3}},
	)
}

// MSSSIMOptions configures [MSSSIM].
type MSSSIMOptions struct {
	WindowOptions
	Weights []float64 `opt:"weights" doc:"power of each scale, the full size first" bounds:"(0,inf)" try:"0.5,0.5"`
}

// MSSSIM is ssim over several scales (Wang et al., Multi-scale structural similarity
// for image quality assessment, 2003).
var MSSSIM = &losses.Def[MSSSIMOptions]{
	Spec: losses.Spec{
		Name: "ms_ssim", Aliases: []string{"msssim"}, Family: family,
		NoSecond: "a power of a similarity of 0 has no second derivative",
		Title:    "1 less the structural similarity at several scales",
		Formula:  "1 - prod_i max(mean(structure_i), 0)^weights_i, each scale half the one before, the last with its means",
		Witness:  "pytorch-msssim 1.0.0",
		Inputs:   images(), Shapes: fourAxes(), NaNRows: true,
		Small: losses.Values{"window": int64(3), "weights": []float64{0.5, 0.25, 0.25}},
		Traps: []string{
			"Sides are halved at each scale, and the last has to hold a window: five scales of 11 pixels need sides above 160. Smaller images end the run.",
			"Odd sides get a row or column of zeros on both ends, which count in the mean, as in pytorch-msssim; piq repeats the last one, torchmetrics drops it: 0.1491, 0.1510 and 0.1518 for one image.",
			"A scale whose structure is negative on average counts as 0: the loss is 1 and its gradient 0. Just above 0 the slope has no bound.",
			"kornia's MS_SSIMLoss is another loss: five Gaussians at one scale, mixed with l1, times 200.",
			"data_range is 1 here, 255 by default in pytorch-msssim.",
			"none gives one loss for each image.",
		},
	},
	Defaults: MSSSIMOptions{WindowOptions: defaultWindow(), Weights: []float64{0.0448, 0.2856, 0.3001, 0.2363, 0.1333}},
	Validate: func(o MSSSIMOptions) error {
		if len(o.Weights) > 8 {
			return fmt.Errorf("weights has %d scales, want at most 8", len(o.Weights))
		}
		return o.validate()
	},
	Reference: msssimReference,
	Body: func(c *losses.Call, o MSSSIMOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		f := parts.Gaussian(*o.Window, *o.Sigma)
		var product losses.Value
		for i, weight := range o.Weights {
			means, scale := o.similarity().Maps(f.Of, x, y)
			if i == len(o.Weights)-1 {
				scale = parts.Unlike(means, scale)
			} else {
				p, q := halving(x, 2), halving(x, 3)
				x, y = parts.Across(x, p, q), parts.Across(y, p, q)
			}
			scale = positive(parts.Complement(parts.MeanOver(scale, 2, 3))).Pow(weight)
			if i > 0 {
				scale = product.Mul(scale)
			}
			product = scale
		}
		return losses.Each(parts.MeanOver(product, 1).Neg().Shift(1))
	},
	Adapt: func(s *losses.Spec, o MSSSIMOptions) {
		s.OwnCases, s.Inseparable = true, wholeImage
		s.Least, s.Scales = sides((*o.Window-1)<<(len(o.Weights)-1)+1), len(o.Weights)
	},
	Golden: msssimCases(),
}

// positive is max(x, 0) with a gradient of 0 where x is not above 0, also where that of
// max(x, 0) is infinite.
func positive(x losses.Value) losses.Value {
	return builder.Where(x.LessOrEqual(x.Like(0)), x.Like(0), x)
}

// halving is the matrix that averages pairs of pixels along an axis. An odd number of
// them has a zero before the first one, and one behind the last.
func halving(x losses.Value, axis int) losses.Value {
	pixel := x.B().Iota(1, 0, x.Shape()[axis])
	pair := pixel.Every(0, 2) // the first pixel of each, or the second
	odd := pair.B().Count(tensor.Int64, pair.Shape()).Scale(2).Sub(x.B().Count(tensor.Int64, pixel.Shape()))
	place := pixel.Unsqueeze(1).Add(odd).Sub(pair.Unsqueeze(0))
	return place.Equal(place.Like(0)).Or(place.Equal(place.Like(1))).Cast(x.DType()).Scale(0.5)
}

func msssimReference(c *losses.Call, o MSSSIMOptions) string {
	s := o.similarity()
	scales := len(o.Weights)
	pool := "F.avg_pool2d({0}, 2, padding=[k % 2 for k in {0}.shape[2:]])"
	step := strings.ReplaceAll(pool, "{0}", "x") + ", " + strings.ReplaceAll(pool, "{0}", "y")
	return losses.Reduced(fmt.Sprintf("(lambda f, s, c: (lambda v: v(v, input, target, %d, []))(lambda v, x, y, n, out: "+
		"(1 - (torch.stack(out + [s(f, x, y).mean((2, 3)).relu()]) ** torch.tensor(%s, dtype=x.dtype).view(-1, 1, 1)).prod(0).mean(1)) if n == 1 else "+
		"v(v, %s, n - 1, out + [c(f, x, y).mean((2, 3)).relu()])))(%s, %s, %s)",
		scales, losses.Python(o.Weights), step, parts.TorchGaussian(*o.Window, *o.Sigma, "valid"), s.Torch(), s.TorchStructure()), o.Reduction)
}

func msssimCases() []losses.Case {
	two := func(more losses.Values) losses.Values {
		v := losses.Values{"window": int64(3), "weights": []float64{0.25, 0.75}}
		for name, value := range more {
			v[name] = value
		}
		return v
	}
	even, odd := map[string]int64{"N": 1, "C": 2, "H": 6, "W": 6}, map[string]int64{"N": 2, "C": 1, "H": 5, "W": 7}
	similar := map[string]losses.Edge{"input": {}, "target": {}}
	for i := range 90 {
		x, step := math.Mod(float64(i)*0.37, 1), func(v float64) float64 { return math.Round(v*128) / 128 } // 16 bits hold it
		similar["input"][i], similar["target"][i] = step(x), step(x*0.75+math.Mod(float64(i)*0.11, 0.25))
	}
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		list = append(list, losses.Case{Name: "odd_" + string(r), Options: two(losses.Values{"reduction": string(r)}), Sizes: odd, Set: similar})
	}
	return append(list,
		losses.Case{Name: "even", Options: two(nil), Sizes: even, Set: similar},
		losses.Case{Name: "upstream", Options: two(nil), Sizes: even, Set: similar, GradOutput: true},
		losses.Case{Name: "negative_structure", Options: two(nil), Sizes: odd},
		losses.Case{Name: "one_scale", Options: two(losses.Values{"weights": []float64{0.5}}), Sizes: odd, Set: similar},
		losses.Case{Name: "three_scales", Options: two(losses.Values{"weights": []float64{0.5, 1, 2}}), Sizes: map[string]int64{"N": 1, "C": 1, "H": 9, "W": 10}, Set: similar},
		losses.Case{Name: "equal", Options: two(nil), Sizes: even, Fill: map[string]string{"target": "like:input"}},
		losses.Case{Name: "numbers_for_sizes", Options: two(nil), Shapes: map[string]string{"input": "1,2,6,7"}, Set: similar},
		losses.Case{Name: "range_sigma_k", Options: two(losses.Values{"data_range": 2.0, "sigma": 0.5, "k1": 0.1, "k2": 0.2}), Sizes: even, Set: similar},
	)
}
