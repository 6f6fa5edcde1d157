package detection

import (
	"errors"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SigmoidFocalOptions configures [SigmoidFocal].
type SigmoidFocalOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"weight of the positive class, 1 - alpha for the negative one; -1: no weights" bounds:"[-1,1]" try:"-1;0.5"`
	Gamma     *float64         `opt:"gamma" doc:"how strongly well-classified elements are played down" bounds:"(-inf,inf)" try:"0;1;1.5;-0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SigmoidFocal is torchvision's focal loss over independent sigmoids.
var SigmoidFocal = &losses.Def[SigmoidFocalOptions]{
	Spec: losses.Spec{
		Name: "sigmoid_focal", Aliases: []string{"binary_focal"}, Family: "detection",
		Title:   "binary cross entropy that plays down easy elements (torchvision)",
		Formula: "p = sigmoid(input); pt = p·target + (1 - p)·(1 - target); alpha_t·(1 - pt)^gamma·bce",
		Witness: torchvision,
		Torch:   "tv.sigmoid_focal_loss(input, target, alpha={alpha}, gamma={gamma}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "0 or 1, or a probability", Domain: losses.Unit, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D", Logits: "input",
		Traps: []string{
			"The default reduction is none, as in torchvision.",
			"Mean divides by the number of elements, not by that of the positive ones.",
			"With gamma below 1 the gradient is not finite where pt rounds to 1, as in torchvision.",
		},
	},
	Defaults: SigmoidFocalOptions{Alpha: new(0.25), Gamma: new(2.0), Reduction: losses.None},
	Validate: func(o SigmoidFocalOptions) error {
		if *o.Alpha < 0 && *o.Alpha != -1 {
			return errors.New("alpha must be in [0,1], or -1 for no weights")
		}
		return nil
	},
	Body: func(c *losses.Call, o SigmoidFocalOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		other := func(v losses.Value) losses.Value { return v.Neg().Shift(1) }
		p := x.Sigmoid()
		pt := p.Mul(t).Add(other(p).Mul(other(t)))
		loss := parts.LogitCrossEntropy(x, t, losses.Value{}).Mul(other(pt).Pow(*o.Gamma))
		if *o.Alpha >= 0 {
			loss = loss.Mul(t.Scale(*o.Alpha).Add(other(t).Scale(1 - *o.Alpha)))
		}
		return losses.Each(loss)
	},
}
