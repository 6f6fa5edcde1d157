package losses

import "errors"

// SigmoidFocalOptions configures [SigmoidFocal].
type SigmoidFocalOptions struct {
	Alpha     *float64  `opt:"alpha" doc:"weight of the positive class, 1 - alpha for the negative one; -1: no weights" bounds:"[-1,1]" try:"-1;0.5"`
	Gamma     *float64  `opt:"gamma" doc:"how strongly well-classified elements are played down" bounds:"(-inf,inf)" try:"0;1;1.5;-0.5"`
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SigmoidFocal is torchvision's focal loss over independent sigmoids.
var SigmoidFocal = &Def[SigmoidFocalOptions]{
	Spec: Spec{
		Name: "sigmoid_focal", Aliases: []string{"binary_focal"}, Family: "vision",
		Title:   "binary cross entropy that plays down easy elements (torchvision)",
		Formula: "p = sigmoid(input); pt = p·target + (1 - p)·(1 - target); alpha_t·(1 - pt)^gamma·bce",
		Torch:   "tv.sigmoid_focal_loss(input, target, alpha={alpha}, gamma={gamma}, reduction={reduction})",
		Inputs: []Input{
			{Name: "input", Doc: "logits", Domain: Real, Grad: Default},
			{Name: "target", Doc: "0 or 1, or a probability", Domain: Unit, Grad: OnDemand},
		},
		Shapes: elementwise("input", "target"), Star: "N,D", Logits: "input",
		Traps: []string{
			"The default reduction is none, as in torchvision.",
			"Mean divides by the number of elements, not by that of the positive ones.",
			"With gamma below 1 the gradient is not finite where pt rounds to 1, as in torchvision.",
		},
	},
	Defaults: SigmoidFocalOptions{Alpha: new(0.25), Gamma: new(2.0), Reduction: None},
	Validate: func(o SigmoidFocalOptions) error {
		if *o.Alpha < 0 && *o.Alpha != -1 {
			return errors.New("alpha must be in [0,1], or -1 for no weights")
		}
		return nil
	},
	Body: func(c *Call, o SigmoidFocalOptions) Term {
		x, t := c.In("input"), c.In("target")
		other := func(v Value) Value { return v.Neg().Shift(1) }
		p := x.Sigmoid()
		pt := p.Mul(t).Add(other(p).Mul(other(t)))
		loss := logitCrossEntropy(x, t, Value{}).Mul(other(pt).Pow(*o.Gamma))
		if *o.Alpha >= 0 {
			loss = loss.Mul(t.Scale(*o.Alpha).Add(other(t).Scale(1 - *o.Alpha)))
		}
		return each(loss)
	},
}
