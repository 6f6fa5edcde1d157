package segmentation

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// OverlapOptions configures [Dice] and [Jaccard], whose losses are 1 less a ratio.
type OverlapOptions struct {
	parts.RegionOptions
	parts.ClassOptions
	Log bool `opt:"log" doc:"the loss is -log(ratio) instead of 1 - ratio" try:"true"`
}

func defaultOverlap() OverlapOptions {
	return OverlapOptions{RegionOptions: parts.DefaultRegion(), ClassOptions: parts.DefaultClasses()}
}

// term is the loss of a ratio of sums.
func (o OverlapOptions) term(c *losses.Call, ratio func(r parts.Region) losses.Value) losses.Term {
	return losses.Each(parts.Regions(c, o.RegionOptions).PerClass(c, o.RegionOptions, o.ClassOptions, func(r parts.Region) losses.Value {
		if o.Log {
			return parts.AtLeast(ratio(r), o.Eps).Log().Neg()
		}
		return ratio(r).Neg().Shift(1)
	}))
}

// torch is term in PyTorch, where the sums of a ratio are i, a and b.
func (o OverlapOptions) torch(c *losses.Call, ratio string) string {
	loss := "1 - " + ratio
	if o.Log {
		loss = "-" + losses.Operand(parts.TorchAtLeast(ratio, o.Eps)) + ".log()"
	}
	return parts.TorchRegions(c, o.RegionOptions, losses.Reduced(parts.TorchPerClass(c, o.RegionOptions, o.ClassOptions, loss), o.Reduction))
}

func (o OverlapOptions) ports() ([]losses.Input, []losses.Shapes) {
	return o.Ports(parts.ClassWeight())
}

// overRegions completes what is declared of every loss here.
func overRegions(s losses.Spec) losses.Spec {
	s.Family, s.Star, s.LabelPolicy, s.Logits, s.Classes = "segmentation", "H,W", parts.GatherPolicy, "input", "C"
	s.Sizes = small()
	return s
}
