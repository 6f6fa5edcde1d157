package classification

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// PolyOptions configures [Poly1CrossEntropy].
type PolyOptions struct {
	Epsilon        *float64 `opt:"epsilon" doc:"factor of 1 - p, the first term of cross entropy's series" bounds:"[-1,inf)" try:"-1;1"`
	LabelSmoothing float64  `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0.1"`
	parts.RowOptions
}

// Poly1CrossEntropy is cross entropy with another factor of its first term (Leng et al.,
// PolyLoss, 2022).
var Poly1CrossEntropy = &losses.Def[PolyOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "poly1_cross_entropy", Aliases: []string{"poly1", "polyloss"}, Family: "classification", Witness: "timm 1.0.31",
		Title:   "cross entropy with more of its first term",
		Formula: "p = softmax(input)[target]; -log(p) + epsilon·(1 - p)",
		Traps: []string{
			"epsilon is 2, as in timm; the authors' code and most ports have 1.",
			"With label_smoothing p is the smoothed target's share of the prediction, as in timm.",
		},
	}),
	Defaults: PolyOptions{Epsilon: new(2.0), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o PolyOptions) string {
		row := fmt.Sprintf("(lambda n: n + %s * (1 - torch.exp(-n)))(%s)", losses.Python(*o.Epsilon), parts.TorchNLL)
		if s := o.LabelSmoothing; s > 0 {
			row = fmt.Sprintf("(lambda l, t: -(l * t).sum(-1) + %s * (1 - (l.exp() * t).sum(-1)))(x.log_softmax(-1), torch.full_like(x, %s / x.size(-1)).scatter_add(-1, y, torch.full_like(x, %s)))",
				losses.Python(*o.Epsilon), losses.Python(s), losses.Python(1-s))
		}
		return parts.TorchRows(c, o.RowOptions, row)
	},
	Body: func(c *losses.Call, o PolyOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			nll := x.SoftmaxNLL(r.Axis, r.Index())
			p, s := nll.Neg().Exp(), o.LabelSmoothing
			if s > 0 {
				classes := c.B.Count(c.Compute, tensor.Shape{x.Shape()[r.Axis]})
				nll = x.SmoothNLL(r.Axis, r.Index(), s, losses.Value{}, losses.Value{})
				p = p.Scale(1 - s).Add(c.Const(s).Div(classes))
			}
			return nll.Add(p.Neg().Shift(1).Scale(*o.Epsilon))
		})
	},
	Golden: parts.RowCases(),
}

// PolyFocalOptions configures [Poly1Focal].
type PolyFocalOptions struct {
	Epsilon   *float64         `opt:"epsilon" doc:"factor of the term that is added" bounds:"[-1,inf)" try:"-1;1"`
	Gamma     *float64         `opt:"gamma" doc:"how strongly well-classified elements are played down" bounds:"[1,inf)" try:"1;1.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Poly1Focal is focal loss over independent sigmoids with another factor of its first term.
var Poly1Focal = &losses.Def[PolyFocalOptions]{
	Spec: losses.Spec{
		Name: "poly1_focal", Family: "classification", Witness: "timm 1.0.31",
		Title:   "binary focal loss with more of its first term",
		Formula: "u = 1 - (p·target + (1 - p)·(1 - target)), p = sigmoid(input); u^gamma·bce + epsilon·u^(gamma + 1)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "0 or 1, or a probability", Domain: losses.Unit, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,C", Logits: "input",
		Traps: []string{"Mean divides by the number of elements. timm's PolyBinaryCrossEntropy takes gamma as an option; without one it is no focal loss."},
	},
	Defaults: PolyFocalOptions{Epsilon: new(2.0), Gamma: new(2.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PolyFocalOptions) string {
		g := losses.Python(*o.Gamma)
		return losses.Reduced(fmt.Sprintf("(lambda b, u: b * u ** %s + %s * u ** (%[1]s + 1))(F.binary_cross_entropy_with_logits(input, target, reduction='none'), 1 - (input.sigmoid() * target + torch.sigmoid(-input) * (1 - target)))",
			g, losses.Python(*o.Epsilon)), o.Reduction)
	},
	Body: func(c *losses.Call, o PolyFocalOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		u := x.Sigmoid().Mul(t).Add(x.Neg().Sigmoid().Mul(t.Neg().Shift(1))).Neg().Shift(1)
		focal := parts.LogitCrossEntropy(x, t, losses.Value{}).Mul(u.Pow(*o.Gamma))
		return losses.Each(focal.Add(u.Pow(*o.Gamma + 1).Scale(*o.Epsilon)))
	},
}
