package segmentation

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Dice is 1 less the Dice coefficient (Milletari et al., V-Net, 2016).
var Dice = &losses.Def[OverlapOptions]{
	Spec: overRegions(losses.Spec{
		Name: "dice", Aliases: []string{"soft_dice", "f1"},
		Title:   "1 less twice the overlap by both sizes",
		Formula: "i = sum p·t, a = sum p, b = sum t; 1 - (2·i + smooth_nr) / max(a + b + smooth_dr, eps); p = softmax(input)",
		Traps: append([]string{
			"The defaults are monai's with a softmax: a ratio for each sample and class. segmentation-models-pytorch: --batch --absent zero --smooth_nr 0 --smooth_dr 0 --eps 2e-7, and its smooth is half of the one here.",
			"kornia: --smooth_nr 0 --smooth_dr 1e-8 with --average micro, its default, or --absent skip for its macro. keras: --activation none --target probabilities --batch --average micro --smooth_nr 0 --smooth_dr 1e-7.",
			"mmsegmentation and mmdetection: --activation sigmoid --squared --average micro --smooth_nr 0 --smooth_dr 2e-3. nnU-Net returns minus the ratio, so this loss with smooth terms of 1, less 1.",
			"DETR and MaskFormer: --activation sigmoid --target probabilities --average micro --smooth_nr 1 --smooth_dr 1 on one mask a row, divided by their number of boxes (--with normalizer --reduction sum).",
			"A soft target that is met exactly does not give 0: sum p·t is below sum p then.",
		}, regionTraps...),
	}),
	Defaults:  defaultOverlap(),
	Ports:     OverlapOptions.ports,
	Validate:  OverlapOptions.Validate,
	Adapt:     func(s *losses.Spec, o OverlapOptions) { s.Inseparable = o.Inseparable(o.PerSample()) },
	Reference: func(c *losses.Call, o OverlapOptions) string { return o.torch(c, o.TorchRatio("2 * i", "a + b")) },
	Body: func(c *losses.Call, o OverlapOptions) losses.Term {
		return o.term(c, func(r parts.Region) losses.Value { return o.Ratio(r.Both.Scale(2), r.Predicted.Add(r.True)) })
	},
	Golden: append(regionCases(), classCases()...),
}

// regionTraps are those of every loss here.
var regionTraps = []string{
	"A class that is nowhere in target has a loss of almost 1, whose gradient is almost 0 until its predicted size is that of smooth_nr. --absent zero counts 0 for it, which lowers the mean; --absent skip leaves it out of the average over the sample's classes.",
	"Without smooth_dr and eps a class that is neither predicted nor there is 0/0.",
	"Pixels of ignore_index count neither in input nor in target. If all are ignored, the loss of each class is that of two empty regions: 0 where smooth_nr and smooth_dr are equal.",
	"weight multiplies the losses of classes, by which mean does not divide; with --average micro it multiplies their sums.",
	"With one class a softmax is 1 everywhere: use --activation sigmoid.",
}
