package segmentation

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that treat the two kinds of errors, or pairs of classes,
// each in its own way.

// UnifiedFocalOptions configures [UnifiedFocal].
type UnifiedFocalOptions struct {
	Weight *float64 `opt:"weight" doc:"share of the focal part; the rest is that of the Tversky part" bounds:"[0,1]" try:"0;0.75"`
	Delta  *float64 `opt:"delta" doc:"weight of what is there and not predicted, and of the foreground" bounds:"[0,1]" try:"0.5"`
	Gamma  *float64 `opt:"gamma" doc:"how strongly background that is easy is played down, and hard foreground is raised" bounds:"[0,1)" try:"0;0.25"`
}

// UnifiedFocal is a focal and a Tversky loss that treat the background in another way
// than the foreground (Yeung et al., Unified Focal loss, 2022).
var UnifiedFocal = &losses.Def[UnifiedFocalOptions]{
	Spec: losses.Spec{
		Name: "unified_focal", Aliases: []string{"asymmetric_unified_focal"}, Family: "segmentation", Witness: "monai 1.6.1",
		Title:   "focal and Tversky losses, of which the background is played down",
		Formula: "weight·mean(focal) + (1 - weight)·mean(tversky); background: (1 - delta)·(1 - p)^gamma·ce and 1 - index, foreground: delta·ce and (1 - index)^(1 - gamma)",
		Star:    "H,W", Classes: "C", Sizes: small(),
		Traps: []string{
			"It takes probabilities, cut to [1e-7, 1 - 1e-7]; beyond that there is no gradient, and a perfect prediction has loss 7.7e-5.",
			"Channel 0 is the background, all others are foreground; monai takes two channels.",
			"It is one number for the batch: it has no unreduced form.",
		},
	},
	Defaults: UnifiedFocalOptions{Weight: new(0.5), Delta: new(0.7), Gamma: new(0.5)},
	Ports: func(UnifiedFocalOptions) ([]losses.Input, []losses.Shapes) {
		return mapPorts("none", losses.Input{Name: "target", Doc: "1 for the class of a pixel, 0 for the others", Domain: losses.Unit, Grad: losses.OnDemand})
	},
	Reference: func(c *losses.Call, o UnifiedFocalOptions) string {
		w, delta, gamma := losses.Python(*o.Weight), losses.Python(*o.Delta), losses.Python(*o.Gamma)
		sum := ".flatten(2).sum(2)"
		if len(c.Shape("input")) == 2 {
			sum = ""
		}
		focal := fmt.Sprintf("(lambda ce: torch.cat([(1 - %[1]s) * (1 - p[:, :1]) ** %[2]s * ce[:, :1], %[1]s * ce[:, 1:]], 1).mean())(-t * p.log())", delta, gamma)
		index := fmt.Sprintf("(lambda tp, fp, fn: (tp + 1e-07) / (tp + %[1]s * fn + (1 - %[1]s) * fp + 1e-07))((t * p)%[2]s, ((1 - t) * p)%[2]s, (t * (1 - p))%[2]s)", delta, sum)
		return fmt.Sprintf("(lambda p, t: %[1]s * %[2]s + (1 - %[1]s) * (lambda d: torch.cat([1 - d[:, :1], (1 - d[:, 1:]) ** (1 - %[3]s)], 1).mean())(%[4]s))(input.clamp(1e-07, 1 - 1e-07), target)", w, focal, gamma, index)
	},
	Body: func(c *losses.Call, o UnifiedFocalOptions) losses.Term {
		cut := func(v losses.Value) losses.Value { return v.Clip(1e-7, 1-1e-7) }
		x, t := c.In("input"), c.In("target")
		p, q := cut(x), cut(parts.Complement(x)) // in float32 1e-7 is one, 1 - (1 - 1e-7) not
		background := func(v losses.Value) losses.Value { return v.Slice(c.ClassAxis(v), 0, 1) }
		foreground := func(v losses.Value) losses.Value { return v.Slice(c.ClassAxis(v), 1, tensor.MaxSize) }
		ce := p.Log().Mul(t).Neg()
		easy := background(q).Pow(*o.Gamma).Mul(background(ce)).Scale(1 - *o.Delta)
		focal := parts.Mean(builder.Concat(c.ClassAxis(p), easy, foreground(ce).Scale(*o.Delta)))
		tp := pixelSum(c, t.Mul(p))
		fn, fp := pixelSum(c, t.Mul(q)).Scale(*o.Delta), pixelSum(c, parts.Complement(t).Mul(p)).Scale(1-*o.Delta)
		miss := parts.Complement(tp.Shift(1e-7).Div(tp.Add(fn).Add(fp).Shift(1e-7)))
		tversky := parts.Mean(builder.Concat(1, background(miss), foreground(miss).Pow(1-*o.Gamma)))
		return losses.Term{Each: focal.Scale(*o.Weight).Add(tversky.Scale(1 - *o.Weight)), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "perfect", Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: 0, 3: 1, 4: 0, 5: 0}, "target": {0: 1, 1: 0, 2: 0, 3: 1, 4: 0, 5: 0}}},
		{Name: "empty_target", Fill: map[string]string{"target": "constant:0"}},
	},
}

// pixelSum sums over the pixels of each sample and class.
func pixelSum(c *losses.Call, v losses.Value) losses.Value {
	var axes []int
	for axis := 1; axis < v.Rank(); axis++ {
		if axis != c.ClassAxis(v) {
			axes = append(axes, axis)
		}
	}
	return v.LongSum(axes...)
}

// SensitivitySpecificityOptions configures [SensitivitySpecificity].
type SensitivitySpecificityOptions struct {
	LabelOptions
	Weight    *float64         `opt:"w" doc:"weight of the errors where a class is; the rest is that of the others" bounds:"[0,1]" try:"0.5"`
	Smooth    *float64         `opt:"smooth" doc:"added to the sizes" bounds:"[0,inf)" try:"1e-5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SensitivitySpecificity is squared errors inside and outside of regions (Brosch et al.,
// Deep Convolutional Encoder Networks for Multiple Sclerosis Lesion Segmentation, 2015).
var SensitivitySpecificity = &losses.Def[SensitivitySpecificityOptions]{
	Spec: overRegions(losses.Spec{
		Name:    "sensitivity_specificity",
		Title:   "squared errors inside and outside of each region",
		Formula: "e = (t - p)^2; w·sum e·t/(sum t + smooth) + (1 - w)·sum e·(1 - t)/(sum (1 - t) + smooth); p = softmax(input)",
		Traps: []string{
			"The default weight of 0.1 is that of SegLoss: errors inside of regions count little, as sensitivity there stands for the rare class.",
			"Pixels of ignore_index count in neither part.",
		},
		Inseparable: "the loss of a class depends on the scores of all classes; ignore_index leaves out pixels",
	}),
	Defaults: SensitivitySpecificityOptions{LabelOptions: defaultLabels, Weight: new(0.1), Smooth: new(1.0), Reduction: losses.Mean},
	Ports:    labeledPorts[SensitivitySpecificityOptions](),
	Reference: func(c *losses.Call, o SensitivitySpecificityOptions) string {
		sum := ".flatten(2).sum(2)"
		if len(c.Shape("input")) == 2 {
			sum = ""
		}
		w, smooth := losses.Python(*o.Weight), losses.Python(*o.Smooth)
		loss := fmt.Sprintf("%[1]s * (e * t)%[3]s / (t%[3]s + %[2]s) + (1 - %[1]s) * (e * u)%[3]s / (u%[3]s + %[2]s)", w, smooth, sum)
		return c.Expand(fmt.Sprintf("(lambda p, t, k: (lambda e, t, u: %[1]s)(torch.where(k, (t - p) ** 2, 0), t * k, (1 - t) * k))"+
			"(input.softmax(1), F.one_hot(torch.where({target} == %[2]d, 0, {target}), input.size(1)).movedim(-1, 1).to(input.dtype), ({target} != %[2]d).unsqueeze(1))", losses.Reduced(loss, o.Reduction), *o.IgnoreIndex), nil)
	},
	Body: func(c *losses.Call, o SensitivitySpecificityOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		k, t := r.Kept.Cast(c.Compute).Unsqueeze(r.Axis), r.OneHot(x)
		e := t.Sub(x.Softmax(r.Axis)).Square()
		e = builder.Where(r.Kept.Unsqueeze(r.Axis), e, e.Like(0))
		t, u := t.Mul(k), parts.Complement(t).Mul(k)
		share := func(where losses.Value) losses.Value {
			return pixelSum(c, e.Mul(where)).Div(pixelSum(c, where).Shift(*o.Smooth))
		}
		return losses.Each(share(t).Scale(*o.Weight).Add(share(u).Scale(1 - *o.Weight)))
	},
	Golden: compoundCases(),
}

// SoftF1Options configures [SoftF1].
type SoftF1Options struct {
	LabelOptions
	Eps       *float64         `opt:"eps" doc:"added to the denominator, and the distance of probabilities from 0 and 1" bounds:"(0,0.5)" try:"1e-2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SoftF1 is dice of the rows of a batch.
var SoftF1 = &losses.Def[SoftF1Options]{
	Spec: losses.Spec{
		Name: "soft_f1", Family: "segmentation", Witness: "pytorch-toolbelt 0.8.0", Logits: "input", LabelPolicy: parts.GatherPolicy, Classes: "C",
		Title:   "1 less the F1 score of each class over the batch",
		Formula: "p = clamp(softmax(input), eps, 1 - eps); 1 - 2·sum p·t / (sum p + sum t + eps), of each class over the rows",
		Shapes:  []losses.Shapes{{"input": "N,C", "target": "N"}},
		Inputs:  []losses.Input{parts.Logits(), parts.ClassLabels()},
		Traps: []string{
			"It is dice for classifiers: the sums are over the rows of the batch, so that the loss depends on its size.",
			"A class without a row counts with a loss of about 1.",
			"Probabilities that are cut off have no gradient.",
		},
		Inseparable: "its sums are those of the whole batch",
	},
	Defaults: SoftF1Options{LabelOptions: defaultLabels, Eps: new(1e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SoftF1Options) string {
		eps := losses.Python(*o.Eps)
		loss := losses.Reduced("1 - 2 * (p * t).sum(0) / (p.sum(0) + t.sum(0) + "+eps+")", o.Reduction)
		return c.Expand(fmt.Sprintf("(lambda p, t, k: (lambda p, t: %[1]s)(torch.where(k, p, 0), t * k))(input.softmax(1).clamp(%[2]s, 1 - %[2]s), F.one_hot(torch.where({target} == %[3]d, 0, {target}), input.size(1)).to(input.dtype), ({target} != %[3]d).unsqueeze(1))", loss, eps, *o.IgnoreIndex), nil)
	},
	Body: func(c *losses.Call, o SoftF1Options) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		k, p := r.Kept.Unsqueeze(1), x.Softmax(1).Clip(*o.Eps, 1-*o.Eps)
		p, t := builder.Where(k, p, p.Like(0)), r.OneHot(x).Mul(k.Cast(c.Compute))
		sizes := p.LongSum(0).Add(t.LongSum(0)).Shift(*o.Eps)
		return losses.Each(parts.Complement(p.Mul(t).LongSum(0).Scale(2).Div(sizes)))
	},
	Golden: []losses.Case{
		{Name: "one_class_in_target_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:1"}},
		{Name: "saturated_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1e4, 6: -1e4}}},
	},
}
