package segmentation

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Jaccard is 1 less the intersection over union (Rahman and Wang, Optimizing
// Intersection-Over-Union, 2016).
var Jaccard = &losses.Def[OverlapOptions]{
	Spec: overRegions(losses.Spec{
		Name: "jaccard", Aliases: []string{"soft_iou", "soft_jaccard"},
		Title:   "1 less the overlap by the union",
		Formula: "i = sum p·t, a = sum p, b = sum t; 1 - (i + smooth_nr) / max(a + b - i + smooth_dr, eps); p = softmax(input)",
		Traps: append([]string{
			"monai writes 2·i and twice the union, so that its smooth terms of 1e-5 are 5e-6 here: DiceLoss(jaccard=True) is --smooth_nr 5e-6 --smooth_dr 5e-6.",
			"segmentation-models-pytorch: --batch --absent zero --smooth_nr 0 --smooth_dr 0 --eps 1e-7.",
			"The union of soft regions is a + b - i: with --squared it is that of their squares.",
		}, regionTraps...),
	}),
	Defaults:  defaultOverlap(),
	Ports:     OverlapOptions.ports,
	Validate:  OverlapOptions.Validate,
	Adapt:     func(s *losses.Spec, o OverlapOptions) { s.Inseparable = o.Inseparable(o.PerSample()) },
	Reference: func(c *losses.Call, o OverlapOptions) string { return o.torch(c, o.TorchRatio("i", "a + b - i")) },
	Body: func(c *losses.Call, o OverlapOptions) losses.Term {
		return o.term(c, func(r parts.Region) losses.Value { return o.Ratio(r.Both, r.Predicted.Add(r.True).Sub(r.Both)) })
	},
	Golden: regionCases(),
}
