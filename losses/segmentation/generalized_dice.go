package segmentation

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// GeneralizedDiceOptions configures [GeneralizedDice].
type GeneralizedDiceOptions struct {
	parts.RegionOptions
	WType string `opt:"w_type" doc:"the weight of a class whose size in target is b: 1/b^2, 1/b or 1" choices:"square,simple,uniform" try:"simple;uniform"`
}

// GeneralizedDice is dice over all classes together, of which small ones weigh more
// (Sudre et al., Generalised Dice overlap as a deep learning loss function, 2017).
var GeneralizedDice = &losses.Def[GeneralizedDiceOptions]{
	Spec: overRegions(losses.Spec{
		Name: "generalized_dice", Aliases: []string{"gdl"},
		Title:   "dice of all classes in one ratio, small ones weigh more",
		Formula: "i = sum p·t, a = sum p, b = sum t, w = 1/b^2; 1 - (2·sum w·i + smooth_nr) / (sum w·(a + b) + smooth_dr); p = softmax(input)",
		Traps: append([]string{
			"A class that target lacks takes the largest weight of the sample's other classes, as in monai. Where it is 1/(b + 1e-10)^2 instead, one absent class makes the loss 1 and its gradient 0.",
			"There is one loss for each sample, with --batch one for all.",
			"The weights depend on target alone; its gradient goes through them.",
		}, regionTraps[1:3]...),
	}),
	Defaults: GeneralizedDiceOptions{RegionOptions: parts.DefaultRegion(), WType: "square"},
	Ports:    func(o GeneralizedDiceOptions) ([]losses.Input, []losses.Shapes) { return o.Ports() },
	Validate: GeneralizedDiceOptions.Validate,
	Adapt:    func(s *losses.Spec, o GeneralizedDiceOptions) { s.Inseparable = o.Inseparable(true) },
	Reference: func(c *losses.Call, o GeneralizedDiceOptions) string {
		loss := "1 - " + o.TorchRatio("2 * i", "a + b")
		if o.WType == "uniform" {
			return parts.TorchRegions(c, o.RegionOptions, losses.Reduced(parts.TorchPooled("", loss), o.Reduction))
		}
		own := map[string]string{"square": "torch.where(b > 0, 1 / torch.where(b > 0, b, 1) ** 2, 0)", "simple": "torch.where(b > 0, 1 / torch.where(b > 0, b, 1), 0)"}[o.WType]
		weight := "(lambda v: torch.where(b > 0, v, F.pad(v, (0, 1)).amax(-1, keepdim=True)))(" + own + ")"
		loss = "(lambda w: " + parts.TorchPooled("w", loss) + ")(" + weight + ")"
		return parts.TorchRegions(c, o.RegionOptions, losses.Reduced(loss, o.Reduction))
	},
	Body: func(c *losses.Call, o GeneralizedDiceOptions) losses.Term {
		r := parts.Regions(c, o.RegionOptions)
		r = r.Pooled(classWeights(r.True, o.WType))
		return losses.Each(o.Ratio(r.Both.Scale(2), r.Predicted.Add(r.True)).Neg().Shift(1))
	},
	Golden: regionCases(),
}

// classWeights are those of classes of the sizes b, of each sample. None at all are 0
// where there is no class.
func classWeights(b losses.Value, kind string) losses.Value {
	if kind == "uniform" {
		return losses.Value{}
	}
	present := b.Greater(b.Like(0))
	size := builder.Where(present, b, b.Like(1))
	if kind == "square" {
		size = size.Square()
	}
	w := builder.Where(present, size.Reciprocal(), b.Like(0))
	last := b.Rank() - 1
	return builder.Where(present, w, w.Pad(last, tensor.D(0), tensor.D(1), 0).MaxKeep(last))
}
