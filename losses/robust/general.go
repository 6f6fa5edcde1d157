package robust

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// GeneralRobustOptions configures [GeneralRobust].
type GeneralRobustOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"shape: 2 mse/2, 1 pseudo_huber, 0 cauchy, -2 geman_mcclure, -inf welsch" bounds:"[-inf,inf]" try:"2;0;-2;1.5;3;-inf;inf"`
	C         *float64         `opt:"c" doc:"scale of the differences" bounds:"(0,inf)" try:"0.5;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// GeneralRobust has most robust losses as values of one option (Barron, A General and
// Adaptive Robust Loss Function, 2019).
var GeneralRobust = &losses.Def[GeneralRobustOptions]{
	Spec: losses.Spec{
		Name: "general_robust", Aliases: []string{"barron"}, Family: family,
		Title:   "Barron's robust loss, of any shape",
		Formula: "s = ((input - target)/c)^2, b = |alpha - 2|; b/alpha·((s/b + 1)^(alpha/2) - 1), and its limits",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"Near the target the loss is s/2 for every alpha.",
			"A b, and a size of alpha, below 1.1920929e-07 count as that, as in the author's code; alpha 2, 0, -inf and inf are the limits themselves.",
			"The adaptive form, which learns alpha, adds the logarithm of a normalizer that is not part of this loss.",
		},
	},
	Defaults: GeneralRobustOptions{Alpha: new(1.0), C: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o GeneralRobustOptions) string {
		return losses.Reduced(generalReference(o), o.Reduction)
	},
	Body: func(c *losses.Call, o GeneralRobustOptions) losses.Term {
		d := c.In("input").Sub(c.In("target"))
		s := d.Div(d.Like(*o.C)).Square()
		half := s.Scale(0.5)
		switch alpha := *o.Alpha; {
		case alpha == 2:
			return losses.Each(half)
		case alpha == 0:
			return losses.Each(half.Log1p())
		case math.IsInf(alpha, -1):
			return losses.Each(expm1(half.Neg()).Neg())
		case math.IsInf(alpha, 1):
			return losses.Each(expm1(half))
		}
		alpha, b := floored(*o.Alpha)
		// The power less 1, as exp(log(.)·alpha/2) - 1: exact where it is nearly 1.
		log := s.Div(s.Like(b)).Log1p()
		value := expm1(log.Scale(alpha / 2)).Scale(b / alpha)
		return losses.Each(builder.WithGradient("general_robust", value, []losses.Value{s}, func(dy losses.Value) []losses.Value {
			return []losses.Value{log.Scale(alpha/2 - 1).Exp().Scale(0.5).Mul(dy)}
		}))
	},
}

// floored keeps alpha and |alpha - 2| away from 0.
func floored(alpha float64) (a, b float64) {
	const least = 1.1920929e-07
	return math.Copysign(max(math.Abs(alpha), least), alpha), max(math.Abs(alpha-2), least)
}

func generalReference(o GeneralRobustOptions) string {
	s := fmt.Sprintf("((input - target) / %s) ** 2", losses.Python(*o.C))
	switch alpha := *o.Alpha; {
	case alpha == 2:
		return "0.5 * " + s
	case alpha == 0:
		return fmt.Sprintf("torch.log1p(0.5 * %s)", s)
	case math.IsInf(alpha, -1):
		return fmt.Sprintf("-torch.expm1(-0.5 * %s)", s)
	case math.IsInf(alpha, 1):
		return fmt.Sprintf("torch.expm1(0.5 * %s)", s)
	}
	a, b := floored(*o.Alpha)
	alpha, beta := losses.Python(a), losses.Python(b)
	return fmt.Sprintf("%s / %s * ((%s / %s + 1) ** (%s / 2) - 1)", beta, alpha, s, beta, alpha)
}
