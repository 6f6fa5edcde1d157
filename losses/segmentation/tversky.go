package segmentation

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// TverskyOptions configures [Tversky].
type TverskyOptions struct {
	OverlapOptions
	Alpha *float64 `opt:"alpha" doc:"weight of what is predicted and not there" bounds:"[0,inf)" try:"0.3"`
	Beta  *float64 `opt:"beta" doc:"weight of what is there and not predicted" bounds:"[0,inf)" try:"0;0.7"`
}

// tversky is the index of Tversky, 1967: i / (i + alpha·(a - i) + beta·(b - i)).
func tversky(o parts.RegionOptions, alpha, beta float64) func(r parts.Region) losses.Value {
	return func(r parts.Region) losses.Value {
		more, less := r.Predicted.Sub(r.Both), r.True.Sub(r.Both)
		return o.Ratio(r.Both, r.Both.Add(more.Scale(alpha)).Add(less.Scale(beta)))
	}
}

func torchTversky(o parts.RegionOptions, alpha, beta float64) string {
	return o.TorchRatio("i", fmt.Sprintf("i + %s * (a - i) + %s * (b - i)", losses.Python(alpha), losses.Python(beta)))
}

// Tversky is 1 less the Tversky index (Salehi et al., Tversky loss function for image
// segmentation, 2017).
var Tversky = &losses.Def[TverskyOptions]{
	Spec: overRegions(losses.Spec{
		Name:    "tversky",
		Title:   "1 less an overlap that weighs both errors",
		Formula: "i = sum p·t, a = sum p, b = sum t; 1 - (i + smooth_nr) / max(i + alpha·(a - i) + beta·(b - i) + smooth_dr, eps); p = softmax(input)",
		Traps: append([]string{
			"alpha weighs false positives and beta false negatives, as in monai, kornia, segmentation-models-pytorch and mmsegmentation; keras 3.15 and some others have them the other way round, which does not show at 0.5 and 0.5.",
			"mmsegmentation: --alpha 0.3 --beta 0.7 --smooth_nr 1 --smooth_dr 1. kornia: --absent skip --smooth_nr 0 --smooth_dr 1e-8, but 1 for a sample without any class. segmentation-models-pytorch: --batch --absent zero --smooth_nr 0 --smooth_dr 0 --eps 1e-7.",
			"alpha and beta of 0.5 are dice with smooth terms twice as large, and of 1 jaccard.",
		}, regionTraps...),
	}),
	Defaults: TverskyOptions{OverlapOptions: defaultOverlap(), Alpha: new(0.5), Beta: new(0.5)},
	Ports:    func(o TverskyOptions) ([]losses.Input, []losses.Shapes) { return o.ports() },
	Validate: TverskyOptions.Validate,
	Adapt:    func(s *losses.Spec, o TverskyOptions) { s.Inseparable = o.Inseparable(o.PerSample()) },
	Reference: func(c *losses.Call, o TverskyOptions) string {
		return o.torch(c, torchTversky(o.RegionOptions, *o.Alpha, *o.Beta))
	},
	Body: func(c *losses.Call, o TverskyOptions) losses.Term {
		return o.term(c, tversky(o.RegionOptions, *o.Alpha, *o.Beta))
	},
	Golden: regionCases(),
}

// FocalTverskyOptions configures [FocalTversky].
type FocalTverskyOptions struct {
	parts.RegionOptions
	parts.ClassOptions
	Alpha     *float64 `opt:"alpha" doc:"weight of what is predicted and not there" bounds:"[0,inf)" try:"0.5"`
	Beta      *float64 `opt:"beta" doc:"weight of what is there and not predicted" bounds:"[0,inf)" try:"0.5"`
	Gamma     *float64 `opt:"gamma" doc:"the power that 1 - ratio is raised to" bounds:"(0,inf)" try:"1;1.5"`
	Floor     float64  `opt:"floor" doc:"least number that is raised to the power" bounds:"[0,1]" try:"1e-6;0.5"`
	MeanFirst bool     `opt:"mean_first" doc:"raise the average over the classes to the power, not each class" try:"true"`
}

// perSample reports whether there is one loss for each sample.
func (o FocalTverskyOptions) perSample() bool { return o.PerSample() || o.MeanFirst }

// FocalTversky is a power of the Tversky loss (Abraham and Khan, A novel focal Tversky
// loss function, 2019).
var FocalTversky = &losses.Def[FocalTverskyOptions]{
	Spec: overRegions(losses.Spec{
		Name:    "focal_tversky",
		Title:   "a power of the Tversky loss",
		Formula: "max(1 - (i + smooth_nr) / max(i + alpha·(a - i) + beta·(b - i) + smooth_dr, eps), floor)^gamma; i = sum p·t, a = sum p, b = sum t, p = softmax(input)",
		Traps: append([]string{
			"The paper writes the power as 1/gamma with gamma 4/3, which is 0.75 here; others write 1 - gamma.",
			"segmentation-models-pytorch raises the mean over the classes, not each class: --mean_first --batch --absent zero --smooth_nr 0 --smooth_dr 0 --eps 1e-7.",
			"With gamma below 1 the gradient of a class that is predicted perfectly is not finite, as in those libraries: a floor such as 1e-6 makes it 0.",
			"alpha weighs false positives and beta false negatives, see tversky. Here the defaults are 0.3 and 0.7.",
		}, regionTraps...),
	}),
	Defaults: FocalTverskyOptions{
		RegionOptions: parts.DefaultRegion(), ClassOptions: parts.DefaultClasses(), Alpha: new(0.3), Beta: new(0.7), Gamma: new(0.75),
	},
	Ports:     func(o FocalTverskyOptions) ([]losses.Input, []losses.Shapes) { return o.Ports(parts.ClassWeight()) },
	Validate:  FocalTverskyOptions.Validate,
	Adapt:     func(s *losses.Spec, o FocalTverskyOptions) { s.Inseparable = o.Inseparable(o.perSample()) },
	Reference: focalTverskyTorch,
	Body: func(c *losses.Call, o FocalTverskyOptions) losses.Term {
		ratio := tversky(o.RegionOptions, *o.Alpha, *o.Beta)
		power := func(v losses.Value) losses.Value { return parts.AtLeast(v, o.Floor).Pow(*o.Gamma) }
		each := parts.Regions(c, o.RegionOptions).PerClass(c, o.RegionOptions, o.ClassOptions, func(r parts.Region) losses.Value {
			if o.MeanFirst {
				return ratio(r).Neg().Shift(1)
			}
			return power(ratio(r).Neg().Shift(1))
		})
		if o.MeanFirst && !o.PerSample() {
			last := each.Rank() - 1
			each = each.SumOver(last).Div(c.B.Count(c.Compute, each.Shape()[last:]))
		}
		if o.MeanFirst {
			each = power(each)
		}
		return losses.Each(each)
	},
	Golden: append(regionCases(),
		losses.Case{Name: "mean_first_batch_mean", Options: losses.Values{"mean_first": true, "batch": true, "absent": "zero"}},
		losses.Case{Name: "mean_first_skip_none", Options: losses.Values{"mean_first": true, "absent": "skip", "reduction": "none"}},
		losses.Case{Name: "mean_first_micro_none", Options: losses.Values{"mean_first": true, "average": "micro", "reduction": "none"}},
		losses.Case{Name: "numbers_for_sizes", With: []string{"weight"}, Options: losses.Values{"mean_first": true}, Shapes: map[string]string{"input": "2,3,H"}},
		losses.Case{Name: "floor_of_perfect_none", Options: losses.Values{"floor": 1e-6, "reduction": "none"}, Sizes: map[string]int64{"C": 1}},
	),
}

func focalTverskyTorch(c *losses.Call, o FocalTverskyOptions) string {
	power := func(text string) string {
		return losses.Operand(parts.TorchAtLeast(text, o.Floor)) + " ** " + losses.Python(*o.Gamma)
	}
	each := "1 - " + torchTversky(o.RegionOptions, *o.Alpha, *o.Beta)
	if !o.MeanFirst {
		each = power(each)
	}
	each = parts.TorchPerClass(c, o.RegionOptions, o.ClassOptions, each)
	if o.MeanFirst && !o.PerSample() {
		each = losses.Operand(each) + ".mean(-1)"
	}
	if o.MeanFirst {
		each = power(each)
	}
	return parts.TorchRegions(c, o.RegionOptions, losses.Reduced(each, o.Reduction))
}
