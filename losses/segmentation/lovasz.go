package segmentation

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares the Lovasz extensions of the Jaccard loss (Berman et al., The
// Lovasz-Softmax Loss, 2018).

// smp has losses of regions under the names here.
const smp = "segmentation-models-pytorch 0.6.0"

// LovaszHingeOptions configures [LovaszHinge].
type LovaszHingeOptions struct {
	PerImage  bool             `opt:"per_image" doc:"a loss for each image, not one for all of their pixels together" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// LovaszHinge is for regions of two classes.
var LovaszHinge = &losses.Def[LovaszHingeOptions]{
	Spec: losses.Spec{
		Name: "lovasz_hinge", Family: "segmentation", Witness: smp,
		Title:   "hinge errors of pixels in order, by what they cost of the overlap",
		Formula: "e = max(1 - input·(2·target - 1), 0) in falling order; sum of e times what 1 - intersection/union rises by as the pixel becomes wrong",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "1 within the region, 0 elsewhere", Domain: losses.Event},
			{Name: "mask", Doc: "pixels that count", Domain: losses.Mask, Optional: true},
		},
		Shapes: []losses.Shapes{{"input": "N,*", "target": "N,*", "mask": "N,*"}}, Star: "H,W", Logits: "input",
		Sizes: map[string]int64{"N": 2, "H": 3, "W": 2, "E": 2}, EmptyOpset: 14,
		Traps: []string{
			"By default one loss for the pixels of all images, as in segmentation-models-pytorch and mmsegmentation; kornia and the authors have --per_image.",
			"Without a pixel of the region all of the gradient goes to the largest error.",
			"Of equal errors the first comes first; their order changes the gradient, not the loss.",
			"Pixels that mask leaves out are not there. If all are, the loss is 0.",
		},
		Inseparable: "a loss is that of all pixels together; its own input mask leaves out pixels",
	},
	Defaults: LovaszHingeOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o LovaszHingeOptions) string {
		errors, truth, kept := "(1 - %s * (2 * %s - 1)).clamp_min(0)", "target", "torch.ones_like(input)"
		if c.Has("mask") {
			truth, kept = "torch.where(mask, target, 0)", "mask.to(input.dtype)"
			errors = "torch.where(mask, " + fmt.Sprintf(errors, "torch.where(mask, input, 0)", truth) + ", -1)"
		} else {
			errors = fmt.Sprintf(errors, "input", truth)
		}
		rows := ".flatten()"
		if o.PerImage {
			rows = map[int]string{1: ".unsqueeze(1)"}[len(c.Shape("input"))]
			if len(c.Shape("input")) > 2 {
				rows = ".flatten(1)"
			}
		}
		return fmt.Sprintf("(lambda e, t, k: %[1]s)(%[2]s%[5]s, %[3]s%[5]s, %[4]s%[5]s)", losses.Reduced(parts.TorchJaccardExtension, o.Reduction), errors, truth, kept, rows)
	},
	Body: func(c *losses.Call, o LovaszHingeOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		kept := x.Like(1).BroadcastTo(x.Shape())
		if c.Has("mask") {
			mask := c.In("mask")
			x, t, kept = builder.Where(mask, x, x.Like(0)), builder.Where(mask, t, t.Like(0)), mask.Cast(c.Compute)
		}
		rows := parts.OneRow
		switch {
		case o.PerImage && x.Rank() == 1:
			rows = func(v losses.Value) losses.Value { return v.Unsqueeze(1) }
		case o.PerImage:
			rows = func(v losses.Value) losses.Value { return v.Flatten(1) }
		}
		errors := parts.Complement(x.Mul(t.Scale(2).Shift(-1))).Clip(0, math.Inf(1)) // at NaN no gradient, whatever the order
		errors = builder.Where(kept.Greater(kept.Like(0)), errors, errors.Like(-1))
		each := parts.JaccardExtension(rows(errors), rows(t), rows(kept))
		if !o.PerImage {
			each = each.Squeeze(0)
		}
		return losses.Each(each)
	},
	Golden: lovaszCases(
		losses.Case{Name: "margins_met", Set: map[string]losses.Edge{"input": {0: 2, 1: 2, 2: 2, 3: -2, 4: -2, 5: 1, 6: 1, 7: -1, 8: -1, 9: -1, 10: -1e4, 11: -1e4},
			"target": {0: 1, 1: 1, 2: 1, 3: 0, 4: 0, 5: 1, 6: 1, 7: 0, 8: 0, 9: 0, 10: 0, 11: 0}}},
		losses.Case{Name: "in_between", Set: map[string]losses.Edge{"target": {0: 0.25, 1: 0.75, 2: -1.5, 3: 1.25}}},
		losses.Case{Name: "masked", With: []string{"mask"}, Set: map[string]losses.Edge{"mask": {0: 0, 1: 1, 7: 0, 8: 1}}},
		losses.Case{Name: "nothing_counts", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:0"}},
		losses.Case{Name: "hidden", With: []string{"mask"}, Set: map[string]losses.Edge{"input": {0: math.NaN(), 7: math.Inf(1)}, "target": {0: math.NaN(), 7: math.Inf(-1)}, "mask": {0: 0, 1: 1, 7: 0, 8: 1}}},
	),
}

// lovaszCases are further cases, unreduced for the batch and for each image.
func lovaszCases(list ...losses.Case) []losses.Case {
	var out []losses.Case
	list = append(list,
		losses.Case{Name: "target_of_0", Fill: map[string]string{"target": "constant:0"}},
		losses.Case{Name: "target_of_1", Fill: map[string]string{"target": "constant:1"}},
		losses.Case{Name: "ties", Fill: map[string]string{"input": "constant:0.25"}},
	)
	for _, c := range list {
		for _, perImage := range []bool{false, true} {
			each := c
			each.Name = fmt.Sprintf("%s_%v", c.Name, perImage)
			each.Options = losses.Values{"reduction": "none", "per_image": perImage}
			out = append(out, each)
		}
	}
	return out
}

// LovaszSoftmaxOptions configures [LovaszSoftmax].
type LovaszSoftmaxOptions struct {
	PerImage    bool             `opt:"per_image" doc:"a loss for each image, not one for all of their pixels together" try:"true"`
	Classes     string           `opt:"classes" doc:"which classes are averaged: those that target has, or all" choices:"present,all" try:"all"`
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose pixels do not count" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// LovaszSoftmax is for regions of many classes.
var LovaszSoftmax = &losses.Def[LovaszSoftmaxOptions]{
	Spec: losses.Spec{
		Name: "lovasz_softmax", Aliases: []string{"lovasz"}, Family: "segmentation", Witness: smp,
		Title:   "errors of probabilities in order, by what they cost of the overlap",
		Formula: "for each class e = |target - softmax(input)| in falling order; sum of e times what 1 - intersection/union rises by as the pixel becomes wrong; mean over classes",
		Inputs: []losses.Input{
			{Name: "input", Doc: "scores of classes, which are axis 1", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "class of each pixel", Domain: losses.Class, Of: losses.Of{Axis: "C", Ignored: "ignore_index"}},
		},
		Shapes: []losses.Shapes{{"input": "N,C,*", "target": "N,*"}}, Star: "H,W", Logits: "input", LabelPolicy: parts.GatherPolicy, Classes: "C",
		Sizes: map[string]int64{"N": 2, "C": 3, "H": 2, "W": 2, "A": 2, "B": 2, "E": 1}, EmptyOpset: 14,
		Traps: []string{
			"By default the classes that are there, over the pixels of all images, as the authors, segmentation-models-pytorch and mmsegmentation have it; kornia: --per_image --classes all.",
			"Pixels of ignore_index are not there. If all are ignored, the loss is 0; segmentation-models-pytorch gives an empty tensor.",
			"Of equal errors the first comes first; their order changes the gradient, not the loss.",
		},
		Inseparable: "a loss is that of all pixels together; ignore_index leaves out pixels",
	},
	Defaults:  LovaszSoftmaxOptions{Classes: "present", IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Reference: lovaszSoftmaxTorch,
	Body: func(c *losses.Call, o LovaszSoftmaxOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		truth, kept := r.OneHot(x), r.Kept.Unsqueeze(r.Axis)
		errors := truth.Sub(x.Softmax(r.Axis)).Abs()
		errors = builder.Where(kept, errors, errors.Like(-1))
		truth = builder.Where(kept, truth, truth.Like(0))
		there := kept.Cast(c.Compute).BroadcastTo(x.Shape())
		rows := func(v losses.Value) losses.Value { return pixelRows(v, r.Axis, o.PerImage) }
		each := parts.JaccardExtension(rows(errors), rows(truth), rows(there))
		last := each.Rank() - 1
		if o.Classes == "all" {
			return losses.Each(each.SumOver(last).Div(c.B.Count(c.Compute, each.Shape()[last:])))
		}
		present := rows(truth).LongSum(last + 1)
		present = present.Greater(present.Like(0)).Cast(c.Compute)
		number := present.SumOver(last)
		return losses.Each(each.Mul(present).SumOver(last).Div(number.Max(number.Like(1))))
	},
	Golden: append(lovaszCases(),
		losses.Case{Name: "one_class_in_target", Fill: map[string]string{"target": "constant:2"}, Options: losses.Values{"reduction": "none", "per_image": true}},
		losses.Case{Name: "saturated", Set: map[string]losses.Edge{"input": {0: 1e4, 4: -1e4, 8: 0, 12: 1e4}}},
	),
}

// pixelRows is v with a row of pixels for each class, or for each of each image.
func pixelRows(v losses.Value, classes int, perImage bool) losses.Value {
	order := []int{0, classes}
	if !perImage {
		order = []int{classes, 0}
	}
	for axis := 1; axis < v.Rank(); axis++ {
		if axis != classes {
			order = append(order, axis)
		}
	}
	v = v.Transpose(order...)
	switch {
	case !perImage:
		return v.Flatten(1)
	case v.Rank() == 2:
		return v.Unsqueeze(2)
	}
	pixels, err := tensor.Product(v.Shape()[2:]...)
	if err != nil {
		builder.Failf("lovasz_softmax", "%v", err)
	}
	return v.Reshape(tensor.Shape{v.Shape()[0], v.Shape()[1], pixels})
}

func lovaszSoftmaxTorch(c *losses.Call, o LovaszSoftmaxOptions) string {
	rows := ".movedim(1, 0).flatten(1)"
	if o.PerImage {
		rows = ".flatten(2)"
		if len(c.Shape("input")) == 2 {
			rows = ".unsqueeze(2)"
		}
	}
	ignored := losses.Python(*o.IgnoreIndex)
	each := parts.TorchJaccardExtension + ".mean(-1)"
	if o.Classes == "present" {
		each = "(lambda l, b: (l * b).sum(-1) / b.sum(-1).clamp_min(1))(" + parts.TorchJaccardExtension + ", (t.sum(-1) > 0).to(t.dtype))"
	}
	expression := fmt.Sprintf("(lambda p, t, k: (lambda e, t, k: %s)(torch.where(k > 0, (t - p).abs(), -1)%[2]s, (t * k)%[2]s, k%[2]s))"+
		"(input.softmax(1), F.one_hot(torch.where({target} == %[3]s, 0, {target}), input.size(1)).movedim(-1, 1).to(input.dtype), ({target} != %[3]s).unsqueeze(1).expand(input.shape).to(input.dtype))",
		losses.Reduced(each, o.Reduction), rows, ignored)
	return c.Expand(expression, nil)
}
