package detection

import (
	"errors"
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SigmoidFocalOptions configures [SigmoidFocal].
type SigmoidFocalOptions struct {
	Alpha      *float64         `opt:"alpha" doc:"weight of the positive class, 1 - alpha for the negative one; -1: no weights" bounds:"[-1,1]" try:"-1;0.5"`
	Gamma      *float64         `opt:"gamma" doc:"how strongly well-classified elements are played down" bounds:"(-inf,inf)" try:"0;1;1.5;-0.5"`
	Activation string           `opt:"activation" doc:"what makes probabilities of the input" choices:"sigmoid,none" try:"none"`
	Clip       float64          `opt:"clip" doc:"how far probabilities are kept from 0 and 1 inside of the logarithms, with a gradient of 0 beyond; 0: not" bounds:"[0,0.5)" try:"1e-3"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SigmoidFocal is torchvision's focal loss over independent sigmoids.
var SigmoidFocal = &losses.Def[SigmoidFocalOptions]{
	Spec: losses.Spec{
		Name: "sigmoid_focal", Aliases: []string{"binary_focal"}, Family: "detection",
		Title:   "binary cross entropy that plays down easy elements (torchvision)",
		Formula: "p = sigmoid(input); pt = p·target + (1 - p)·(1 - target); alpha_t·(1 - pt)^gamma·bce",
		Witness: torchvision,
		Star:    "N,D", Logits: "input",
		Traps: []string{
			"The default reduction is none, as in torchvision.",
			"Mean divides by the number of elements, not by that of the positive ones.",
			"With gamma below 1 the gradient is not finite where pt rounds to 1, as in torchvision.",
			"Keras takes probabilities and keeps them in [1e-7, 1 - 1e-7] inside of the logarithm: --activation none --clip 1e-7; from logits it does the same behind a sigmoid, but for TensorFlow.",
		},
	},
	Defaults: SigmoidFocalOptions{Alpha: new(0.25), Gamma: new(2.0), Activation: "sigmoid", Reduction: losses.None},
	Ports: func(o SigmoidFocalOptions) ([]losses.Input, []losses.Shapes) {
		input := losses.Input{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default}
		if o.Activation == "none" {
			input.Doc, input.Domain = "probabilities", losses.Unit
		}
		target := losses.Input{Name: "target", Doc: "0 or 1, or a probability", Domain: losses.Unit, Grad: losses.OnDemand}
		return []losses.Input{input, target}, parts.Elementwise("input", "target")
	},
	Validate: func(o SigmoidFocalOptions) error {
		if *o.Alpha < 0 && *o.Alpha != -1 {
			return errors.New("alpha must be in [0,1], or -1 for no weights")
		}
		return nil
	},
	Reference: sigmoidFocalReference,
	Body: func(c *losses.Call, o SigmoidFocalOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		other := func(v losses.Value) losses.Value { return v.Neg().Shift(1) }
		p := x
		if o.Activation == "sigmoid" {
			p = x.Sigmoid()
		}
		pt := p.Mul(t).Add(other(p).Mul(other(t)))
		var ce losses.Value
		if o.Activation == "sigmoid" && o.Clip == 0 {
			ce = parts.LogitCrossEntropy(x, t, losses.Value{})
		} else {
			q := p
			if o.Clip > 0 {
				q = p.Clip(o.Clip, 1-o.Clip)
			}
			ce = t.Mul(q.Log()).Add(other(t).Mul(other(q).Log())).Neg()
		}
		loss := ce.Mul(other(pt).Pow(*o.Gamma))
		if *o.Alpha >= 0 {
			loss = loss.Mul(t.Scale(*o.Alpha).Add(other(t).Scale(1 - *o.Alpha)))
		}
		return losses.Each(loss)
	},
}

func sigmoidFocalReference(_ *losses.Call, o SigmoidFocalOptions) string {
	alpha, gamma := losses.Python(*o.Alpha), losses.Python(*o.Gamma)
	if o.Activation == "sigmoid" && o.Clip == 0 {
		return fmt.Sprintf("tv.sigmoid_focal_loss(input, target, alpha=%s, gamma=%s, reduction=%s)", alpha, gamma, losses.Python(string(o.Reduction)))
	}
	p, q := "input", "p"
	if o.Activation == "sigmoid" {
		p = "input.sigmoid()"
	}
	if o.Clip > 0 {
		q = fmt.Sprintf("p.clamp(%s, %s)", losses.Python(o.Clip), losses.Python(1-o.Clip))
	}
	each := fmt.Sprintf("-(target * torch.log(q) + (1 - target) * torch.log(1 - q)) * (1 - (p * target + (1 - p) * (1 - target))) ** %s", gamma)
	if *o.Alpha >= 0 {
		each = fmt.Sprintf("(%s * target + (1 - %s) * (1 - target)) * (%s)", alpha, alpha, each)
	}
	return fmt.Sprintf("(lambda p: (lambda q: %s)(%s))(%s)", losses.Reduced(each, o.Reduction), q, p)
}
