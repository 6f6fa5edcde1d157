// Package depth declares losses of depth, and of images that depth makes of others.
package depth

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		SILog,
		LogL1,
		EdgeAwareSmoothness,
		Photometric,
	}
}

// family heads these losses in lists.
const family = "depth"

// LogL1Options configures [LogL1].
type LogL1Options struct {
	Alpha     *float64         `opt:"alpha" doc:"added to the difference; its logarithm is the loss of equal inputs" bounds:"(0,inf)" try:"1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// LogL1 is the logarithm of the absolute difference (Hu et al., Revisiting Single Image
// Depth Estimation, 2019).
var LogL1 = &losses.Def[LogL1Options]{
	Spec: losses.Spec{
		Name: "log_l1", Family: family,
		Title:   "logarithm of the absolute difference",
		Formula: "log(|input - target| + alpha)",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"With the default of 0.5 equal inputs have a loss of log(0.5), below 0.",
			"It is the logarithm of a difference, not the difference of logarithms: that is silog.",
		},
	},
	Defaults: LogL1Options{Alpha: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o LogL1Options) string {
		return losses.Reduced(fmt.Sprintf("torch.log((input - target).abs() + %s)", losses.Python(*o.Alpha)), o.Reduction)
	},
	Body: func(c *losses.Call, o LogL1Options) losses.Term {
		return losses.Each(c.In("input").Sub(c.In("target")).Abs().Shift(*o.Alpha).Log())
	},
}
