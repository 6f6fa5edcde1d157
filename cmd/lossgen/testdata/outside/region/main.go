// Command region is the whole lossgen command with one more loss, which is declared
// from the pieces that the losses over regions share: how much of each class is missed.
package main

import (
	"github.com/lossgen/lossgen/cli"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/parts"
)

// Missed is 1 less the part of each class that is found.
var Missed = &losses.Def[parts.RegionOptions]{
	Spec: losses.Spec{
		Name: "missed", Family: "segmentation", Star: "H,W", LabelPolicy: parts.GatherPolicy,
		Title:   "how much of each class is missed",
		Formula: "1 - (sum p·t + smooth_nr) / (sum t + smooth_dr)",
	},
	Defaults: parts.DefaultRegion(),
	Ports:    func(o parts.RegionOptions) ([]losses.Input, []losses.Shapes) { return o.Ports() },
	Validate: parts.RegionOptions.Validate,
	Adapt:    func(s *losses.Spec, o parts.RegionOptions) { s.Inseparable = o.Inseparable(false) },
	Reference: func(c *losses.Call, o parts.RegionOptions) string {
		return parts.TorchRegions(c, o, losses.Reduced("1 - "+o.TorchRatio("i", "b"), o.Reduction))
	},
	Body: func(c *losses.Call, o parts.RegionOptions) losses.Term {
		r := parts.Regions(c, o)
		return losses.Each(o.Ratio(r.Both, r.True).Neg().Shift(1))
	},
}

func main() { cli.Main(append(all.Losses(), Missed)) }
