package detection

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of scores that say how well a box fits, too.

// mmdetection has the losses here whose witness it is.
const mmdetection = "mmdet 3.3.0"

// quality are logits and how well the box of each fits.
func quality(doc string) []losses.Input {
	return []losses.Input{
		{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
		{Name: "target", Doc: doc, Domain: losses.Unit, Grad: losses.OnDemand},
	}
}

// QualityFocalOptions configures [QualityFocal].
type QualityFocalOptions struct {
	Beta      *float64         `opt:"beta" doc:"power of the distance of score and quality" bounds:"[0,inf)" try:"1;2.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// QualityFocal is the focal loss of scores that are qualities (Li et al., Generalized
// Focal Loss, 2020).
var QualityFocal = &losses.Def[QualityFocalOptions]{
	Spec: losses.Spec{
		Name: "quality_focal", Aliases: []string{"qfl"}, Family: "detection",
		Title:   "binary cross entropy of qualities that plays down those that are met",
		Formula: "sum over classes of |sigmoid(input) - target|^beta·bce(input, target)",
		Inputs:  quality("quality of each class, from 0 to 1; a row of zeros is background"),
		Shapes:  []losses.Shapes{{"input": "N,C", "target": "N,C"}}, Logits: "input", Witness: mmdetection,
		Traps: []string{
			"A loss is that of a row, over which mean averages; pytorch-toolbelt averages over elements, which is a C-th of it.",
			"mmdetection takes the target as labels and scores, in which the label C is background; here it is their matrix.",
			"The factor is differentiated, too. Detectors divide by the number of positive boxes: --with normalizer --reduction sum.",
		},
	},
	Defaults: QualityFocalOptions{Beta: new(2.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o QualityFocalOptions) string {
		return losses.Reduced("((input.sigmoid() - target).abs() ** "+losses.Python(*o.Beta)+" * F.binary_cross_entropy_with_logits(input, target, reduction='none')).sum(1)", o.Reduction)
	},
	Body: func(c *losses.Call, o QualityFocalOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		far := x.Sigmoid().Sub(t).Abs().Pow(*o.Beta)
		return losses.Each(far.Mul(parts.LogitCrossEntropy(x, t, losses.Value{})).SumOver(1))
	},
	Golden: []losses.Case{
		{Name: "saturated_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 2: 1e4, 3: -1e4}, "target": {0: 1, 1: 0, 2: 0, 3: 1}}},
		{Name: "background_mean", Fill: map[string]string{"target": "constant:0"}},
	},
}

// VarifocalOptions configures [Varifocal].
type VarifocalOptions struct {
	Alpha        *float64         `opt:"alpha" doc:"weight of what is no object" bounds:"[0,inf)" try:"0.25"`
	Gamma        *float64         `opt:"gamma" doc:"power of the score of what is no object" bounds:"[0,inf)" try:"1;1.5"`
	IoUWeighted  *bool            `opt:"iou_weighted" doc:"weigh objects by their quality" try:"false"`
	DetachWeight bool             `opt:"detach_weight" doc:"take the weights as constants in the gradient" try:"true"`
	Reduction    losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Varifocal weighs objects by their quality and the rest by its score (Zhang et al.,
// VarifocalNet, 2021).
var Varifocal = &losses.Def[VarifocalOptions]{
	Spec: losses.Spec{
		Name: "varifocal", Aliases: []string{"vfl"}, Family: "detection",
		Title:   "binary cross entropy of qualities, of which objects count by theirs",
		Formula: "w·bce(input, target); w = target where that is above 0, else alpha·|sigmoid(input) - target|^gamma",
		Inputs:  quality("quality of an object, 0 for none"),
		Shapes:  parts.Elementwise("input", "target"), Star: "N,C", Logits: "input", Witness: mmdetection,
		Traps: []string{
			"Unlike focal losses it does not play down objects that are found already.",
			"Mean divides by the number of elements; detectors divide by the sum of the qualities: --with normalizer --reduction sum. ultralytics takes the mean over the classes and sums those.",
			"mmdetection and ultralytics differentiate the weights; the detectors of transformers take them as constants: --detach_weight.",
		},
	},
	Defaults: VarifocalOptions{Alpha: new(0.75), Gamma: new(2.0), IoUWeighted: new(true), Reduction: losses.Mean},
	Adapt: func(s *losses.Spec, o VarifocalOptions) {
		if o.DetachWeight {
			s.NotDerivative = "the weights are constants in the gradient"
		}
	},
	Reference: func(c *losses.Call, o VarifocalOptions) string {
		object := "target"
		if !*o.IoUWeighted {
			object = "1"
		}
		weight := fmt.Sprintf("torch.where(target > 0, %s, %s * (input.sigmoid() - target).abs() ** %s)", object, losses.Python(*o.Alpha), losses.Python(*o.Gamma))
		if o.DetachWeight {
			weight += ".detach()"
		}
		return losses.Reduced(weight+" * F.binary_cross_entropy_with_logits(input, target, reduction='none')", o.Reduction)
	},
	Body: func(c *losses.Call, o VarifocalOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		object := t
		if !*o.IoUWeighted {
			object = t.Like(1)
		}
		none := x.Sigmoid().Sub(t).Abs().Pow(*o.Gamma).Scale(*o.Alpha)
		weight := builder.Where(t.Greater(t.Like(0)), object, none)
		if o.DetachWeight {
			weight = weight.StopGradient()
		}
		return losses.Each(weight.Mul(parts.LogitCrossEntropy(x, t, losses.Value{})))
	},
	Golden: []losses.Case{
		{Name: "no_objects_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}},
		{Name: "saturated_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 2: 1e4, 3: -1e4}, "target": {0: 1, 1: 0, 2: 0, 3: 1}}},
	},
}

// GaussianFocalOptions configures [GaussianFocal].
type GaussianFocalOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"how strongly well-predicted places are played down" bounds:"[0,inf)" try:"1;3"`
	Gamma     *float64         `opt:"gamma" doc:"how strongly places near an object are played down" bounds:"[0,inf)" try:"2"`
	Eps       *float64         `opt:"eps" doc:"added within the logarithms" bounds:"[0,inf)" try:"1e-3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// GaussianFocal is the focal loss of heatmaps of centers or corners (Law and Deng,
// CornerNet, 2018).
var GaussianFocal = &losses.Def[GaussianFocalOptions]{
	Spec: losses.Spec{
		Name: "gaussian_focal", Aliases: []string{"heatmap_focal", "penalty_reduced_focal"}, Family: "detection",
		Title:   "focal loss of heatmaps, which punishes less near an object",
		Formula: "-(1 - input)^alpha·log(input + eps) where target is 1, else -(1 - target)^gamma·input^alpha·log(1 - input + eps)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted heatmap, probabilities", Domain: losses.Unit, Grad: losses.Default},
			{Name: "target", Doc: "true heatmap: 1 where an object is, falling off around it", Domain: losses.Unit, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,C,H,W", Witness: mmdetection,
		Sizes: map[string]int64{"N": 2, "C": 2, "A": 2, "B": 3, "E": 2},
		Traps: []string{
			"It takes probabilities, not logits.",
			"Only places that are exactly 1 are objects.",
			"Mean divides by the number of places; CenterNet and CornerNet divide by that of the objects: --with normalizer --reduction sum.",
		},
	},
	Defaults: GaussianFocalOptions{Alpha: new(2.0), Gamma: new(4.0), Eps: new(1e-12), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o GaussianFocalOptions) string {
		alpha, gamma, eps := losses.Python(*o.Alpha), losses.Python(*o.Gamma), losses.Python(*o.Eps)
		return losses.Reduced(fmt.Sprintf("torch.where(target == 1, -(input + %[3]s).log() * (1 - input) ** %[1]s, -(1 - input + %[3]s).log() * input ** %[1]s * (1 - target) ** %[2]s)", alpha, gamma, eps), o.Reduction)
	},
	Body: func(c *losses.Call, o GaussianFocalOptions) losses.Term {
		p, t := c.In("input"), c.In("target")
		q := parts.Complement(p)
		object := q.Pow(*o.Alpha).Mul(p.Shift(*o.Eps).Log()).Neg()
		none := p.Pow(*o.Alpha).Mul(q.Shift(*o.Eps).Log()).Mul(parts.Complement(t).Pow(*o.Gamma)).Neg()
		return losses.Each(builder.Where(t.Equal(t.Like(1)), object, none))
	},
	Golden: []losses.Case{
		{Name: "exact_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: 0.5, 3: 0.25}, "target": {0: 1, 1: 0, 2: 1, 3: 1}}},
		{Name: "opposite_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 0, 1: 1}, "target": {0: 1, 1: 0}}},
	},
}

// DistributionFocalOptions configures [DistributionFocal].
type DistributionFocalOptions struct {
	Margin    float64          `opt:"margin" doc:"how far below the last place a target is cut off" bounds:"[0,1)" try:"0.01"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DistributionFocal is cross entropy with the two places next to a number (Li et al.,
// Generalized Focal Loss, 2020).
var DistributionFocal = &losses.Def[DistributionFocalOptions]{
	Spec: losses.Spec{
		Name: "distribution_focal", Aliases: []string{"dfl"}, Family: "detection",
		Title:   "cross entropy with the two whole numbers next to a number",
		Formula: "l = floor(target); (l + 1 - target)·ce(input, l) + (target - l)·ce(input, l + 1)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits of the places 0 to K - 1", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "where in [0, K - 1] the side is", Domain: losses.Weight, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "N,K", "target": "N"}}, Logits: "input", Witness: mmdetection,
		Sizes: map[string]int64{"K": 5},
		Traps: []string{
			"The unit is that of the places: divide distances by the stride first. A box has four rows, one for each side.",
			"A target below 0 or above K - 1 counts as the nearest of both, without a gradient. mmdetection fails on K - 1 itself; ultralytics cuts at K - 1.01: --margin 0.01.",
		},
	},
	Defaults: DistributionFocalOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o DistributionFocalOptions) string {
		row := "(l + 1 - t) * F.cross_entropy(input, l, reduction='none') + (t - l) * F.cross_entropy(input, (l + 1).clamp(max=input.size(1) - 1), reduction='none')"
		return "(lambda t: (lambda l: " + losses.Reduced(row, o.Reduction) + ")(t.nan_to_num(0).long()))(target.clamp(0, input.size(1) - 1 - " + losses.Python(o.Margin) + "))"
	},
	Body: func(c *losses.Call, o DistributionFocalOptions) losses.Term {
		x := c.In("input")
		last := c.B.Count(c.Compute, x.Shape()[1:]).Shift(-1)
		t := parts.AtMost(c.In("target").Clip(0, math.Inf(1)), last.Shift(-o.Margin))
		left := builder.Where(t.Equal(t), t, t.Like(0)).StopGradient().Cast(tensor.Int64).Cast(c.Compute)
		ce := func(place losses.Value) losses.Value {
			index := place.Cast(tensor.Int64).Unsqueeze(1)
			return x.SoftmaxNLL(1, index).Squeeze(1)
		}
		right := left.Shift(1)
		return losses.Each(right.Sub(t).Mul(ce(left)).Add(t.Sub(left).Mul(ce(right.Min(last)))))
	},
	Golden: []losses.Case{
		{Name: "whole_numbers_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 0, 1: 1, 2: 4, 3: 2.5}}},
		{Name: "beyond_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: -1, 1: 4.5, 2: 1e4, 3: 3.999}}},
		{Name: "beyond_margin_none", Options: losses.Values{"reduction": "none", "margin": 0.01}, Set: map[string]losses.Edge{"target": {0: 0, 1: 4, 2: 3.5}}},
		{Name: "large_logits_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 6: 1e4}, "target": {0: 0.25, 1: 1}}},
		{Name: "no_logits_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:-inf"}, Set: map[string]losses.Edge{"target": {0: -1, 1: 0, 2: 1.5, 3: 7}}},
	},
}
