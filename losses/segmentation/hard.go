package segmentation

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares cross entropy of the pixels that are predicted worst.

// hardSpec completes the spec of cross entropy of some of the pixels.
func hardSpec(s losses.Spec) losses.Spec {
	s.Family, s.Star, s.LabelPolicy, s.Logits, s.Classes, s.EmptyOpset = "segmentation", "H,W", parts.GatherPolicy, "input", "C", 14
	s.Inputs = []losses.Input{
		{Name: "input", Doc: "scores of classes, which are axis 1", Domain: losses.Real, Grad: losses.Default},
		{Name: "target", Doc: "class of each pixel", Domain: losses.Class, Of: losses.Of{Axis: "C", Ignored: "ignore_index"}},
		parts.ClassWeight(),
	}
	s.Shapes = []losses.Shapes{{"input": "N,C,*", "target": "N,*", "weight": "C"}}
	s.Sizes = map[string]int64{"N": 2, "C": 3, "H": 3, "W": 2, "A": 3, "B": 2, "E": 2}
	return s
}

// pixelEntropy is the cross entropy of each pixel, 0 where it is ignored.
func pixelEntropy(c *losses.Call, x losses.Value, r parts.Rows) losses.Value {
	each := r.Flat(x.SoftmaxNLL(r.Axis, r.Index()))
	if w := r.PerRow(c); !w.IsZero() {
		each = each.Mul(w)
	}
	return builder.Where(r.Kept.Value, each, each.Like(0))
}

func torchPixelEntropy(c *losses.Call, ignore int64) string {
	return c.Expand(fmt.Sprintf("F.cross_entropy(input, {target}, weight={weight}, ignore_index=%d, reduction='none')", ignore), nil)
}

// TopKCrossEntropyOptions configures [TopKCrossEntropy].
type TopKCrossEntropyOptions struct {
	K           *float64 `opt:"k" doc:"percent of the pixels that count" bounds:"(0,100]" try:"10;100;1"`
	IgnoreIndex *int64   `opt:"ignore_index" doc:"label whose pixels have loss 0" try:"1"`
}

// TopKCrossEntropy is the mean over the largest losses of all pixels (Wu et al.,
// Bridging Category-level and Instance-level Semantic Image Segmentation, 2016).
var TopKCrossEntropy = &losses.Def[TopKCrossEntropyOptions]{
	Spec: hardSpec(losses.Spec{
		Name: "topk_cross_entropy", Aliases: []string{"topk"}, Witness: "nnunetv2 2.8.1",
		Title:   "cross entropy of the pixels with the largest losses",
		Formula: "mean of the floor(pixels·k/100) largest cross entropies of the batch",
		Traps: []string{
			"The pixels are chosen among all images together. With fewer than 100/k of them none is, and the loss is NaN, as in nnU-Net.",
			"Pixels of ignore_index are not left out: they count as pixels with loss 0.",
			"weight multiplies the losses before they are chosen.",
		},
	}),
	Defaults: TopKCrossEntropyOptions{K: new(10.0), IgnoreIndex: new(int64(-100))},
	Reference: func(c *losses.Call, o TopKCrossEntropyOptions) string {
		return fmt.Sprintf("(lambda l: l.sort(descending=True, stable=True).values[:int(l.numel() * %s / 100)].mean())(%s.flatten())", losses.Python(*o.K), torchPixelEntropy(c, *o.IgnoreIndex))
	},
	Body: func(c *losses.Call, o TopKCrossEntropyOptions) losses.Term {
		x := c.In("input")
		return losses.Term{Each: parts.Largest(c, pixelEntropy(c, x, parts.Labeled(c, x, *o.IgnoreIndex)), *o.K), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "half", Options: losses.Values{"k": 50.0}},
		{Name: "half_weighted_ignored", Options: losses.Values{"k": 50.0}, With: []string{"weight"}, Set: map[string]losses.Edge{"target": {0: -100, 5: -100}}},
		{Name: "ties", Options: losses.Values{"k": 50.0}, Fill: map[string]string{"input": "constant:0"}},
		{Name: "part_ignored", Options: losses.Values{"k": 100.0}, Set: map[string]losses.Edge{"target": {0: -100, 1: -100, 7: -100}}},
		{Name: "large", Options: losses.Values{"k": 25.0}, Set: map[string]losses.Edge{"input": {0: 1e4, 7: -1e4}}},
	},
}

// OHEMCrossEntropyOptions configures [OHEMCrossEntropy].
type OHEMCrossEntropyOptions struct {
	Thresh      *float64 `opt:"thresh" doc:"probability of the right class below which a pixel counts" bounds:"[0,1]" try:"0.2;0.4"`
	MinKept     *int64   `opt:"min_kept" doc:"how many pixels count at least, those of the lowest probabilities" bounds:"[0,2147483647]" try:"2;5"`
	IgnoreIndex *int64   `opt:"ignore_index" doc:"label whose pixels do not count" try:"1"`
}

// OHEMCrossEntropy is the mean over pixels that are hard (Shrivastava et al., Training
// Region-based Object Detectors with Online Hard Example Mining, 2016).
var OHEMCrossEntropy = &losses.Def[OHEMCrossEntropyOptions]{
	Spec: hardSpec(losses.Spec{
		Name: "ohem_cross_entropy", Aliases: []string{"ohem"}, Witness: "mmsegmentation 1.2.2",
		Title:   "cross entropy of the pixels whose right class has a low probability",
		Formula: "p = softmax(input)[target]; mean of -weight·log(p) over pixels with p < max(thresh, the min_kept-th smallest p, counted from 0)",
		Traps: []string{
			"The comparison is strict: the pixel at the bound does not count. Where none is below it, the loss is NaN with gradient 0, as in mmsegmentation.",
			"With fewer than min_kept pixels all but those of the largest probability count. The default is for whole batches of images.",
			"If all pixels are ignored, the loss is 0. mmsegmentation ignores label 255.",
		},
	}),
	Defaults: OHEMCrossEntropyOptions{Thresh: new(0.7), MinKept: new(int64(100000)), IgnoreIndex: new(int64(-100))},
	Reference: func(c *losses.Call, o OHEMCrossEntropyOptions) string {
		label := c.Expand(fmt.Sprintf("torch.where({target} == %d, 0, {target})", *o.IgnoreIndex), nil)
		return c.Expand(fmt.Sprintf("(lambda l, p, v: (lambda p: l.sum() * 0 if not len(p) else (lambda q: l[v][p < q].mean())(p.sort().values[min(%[1]d, len(p) - 1)].clamp_min(%[2]s)))(p[v]))"+
			"(%[3]s.flatten(), input.detach().softmax(1).gather(1, %[4]s.unsqueeze(1)).flatten(), ({target} != %[5]d).flatten())",
			*o.MinKept, losses.Python(*o.Thresh), torchPixelEntropy(c, *o.IgnoreIndex), label, *o.IgnoreIndex), nil)
	},
	Body: func(c *losses.Call, o OHEMCrossEntropyOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		each := pixelEntropy(c, x, r)
		p := r.Flat(x.StopGradient().Softmax(r.Axis).Pick(r.Axis, r.Index()))
		p = parts.OneRow(builder.Where(r.Kept.Value, p, p.Like(math.NaN()))) // so that the ignored come last
		kept := parts.OneRow(r.Kept.Value)
		sorted, _ := p.Pad(1, tensor.D(0), tensor.D(1), math.NaN()).Sort(1, false) // one more, for no pixels at all
		number := kept.Cast(tensor.Int64).LongSum(1).Shift(-1)
		number = number.Min(number.Like(float64(*o.MinKept))).Max(number.Like(0))
		bound := sorted.Pick(1, number.Unsqueeze(1))
		hard := kept.And(p.Less(parts.AtLeast(bound, *o.Thresh)))
		row := parts.OneRow(each)
		count := hard.Cast(c.Compute).Sum()
		mean := builder.Where(hard, row, row.Like(0)).Sum().Div(count)
		return losses.Term{Each: builder.Where(kept.Cast(c.Compute).Sum().Greater(count.Like(0)), mean, mean.Like(0)), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "few", Options: losses.Values{"min_kept": int64(4), "thresh": 0.05}},
		{Name: "few_weighted_ignored", Options: losses.Values{"min_kept": int64(4), "thresh": 0.05}, With: []string{"weight"}, Set: map[string]losses.Edge{"target": {0: -100, 5: -100}}},
		{Name: "uniform_at_thresh", Options: losses.Values{"min_kept": int64(2), "thresh": 0.5}, Fill: map[string]string{"input": "constant:0"}, Sizes: map[string]int64{"C": 2}},
		{Name: "perfect", Fill: map[string]string{"target": "constant:0"}, Sizes: map[string]int64{"N": 1, "H": 1, "W": 2}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: 1e4}}},
		{Name: "large", Options: losses.Values{"min_kept": int64(3)}, Set: map[string]losses.Edge{"input": {0: 1e4, 7: -1e4}}},
	},
}
