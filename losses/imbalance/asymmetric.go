package imbalance

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// AsymmetricOptions configures [Asymmetric].
type AsymmetricOptions struct {
	GammaNeg     *float64         `opt:"gamma_neg" doc:"how strongly well-classified negatives are played down" bounds:"[0,inf)" try:"0;1"`
	GammaPos     *float64         `opt:"gamma_pos" doc:"how strongly well-classified positives are played down" bounds:"[0,inf)" try:"0;2"`
	Clip         *float64         `opt:"clip" doc:"probability of a negative below which it does not count" bounds:"[0,1)" try:"0;0.5"`
	Eps          *float64         `opt:"eps" doc:"least number that a logarithm is taken of, below which there is no gradient" bounds:"(0,1)" try:"0.25"`
	DetachWeight bool             `opt:"detach_weight" doc:"no gradient goes through the weights" try:"true"`
	Reduction    losses.Reduction `opt:"reduction" doc:"how the losses are combined; batchmean divides the sum by the batch size" choices:"none,batchmean,sum,mean"`
}

// Asymmetric is binary cross entropy that plays down easy negatives more than easy
// positives (Ridnik et al., Asymmetric loss for multi-label classification, 2021).
var Asymmetric = &losses.Def[AsymmetricOptions]{
	Spec: losses.Spec{
		Name: "asymmetric", Aliases: []string{"asl"}, Family: family, Witness: timm,
		Title:   "binary cross entropy that plays down easy negatives most",
		Formula: "p = sigmoid(input), q = min(1 - p + clip, 1); positives: -(1 - p)^gamma_pos·log(max(p, eps)), negatives: -(1 - q)^gamma_neg·log(max(q, eps))",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits of each class", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "whether the sample has the class: 0 or 1", Domain: losses.Event},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,C", Logits: "input",
		Traps: []string{
			"The default reduction divides the sum by the batch size, as timm does; the authors' code sums, mmpretrain takes the mean of all elements.",
			"The authors' plain class gives the weights no gradient (--detach_weight), their optimized one and timm's do: the gradients differ by a seventh.",
			"A hopeless positive costs -log(eps) = 18.4 with gradient 0, since the floor stops it; a negative of probability clip or less costs exactly 0.",
			"Between 0 and 1 a target mixes both losses; timm mixes the powers and mmpretrain the probabilities, which is the same at 0 and 1 alone.",
		},
	},
	Defaults: AsymmetricOptions{GammaNeg: new(4.0), GammaPos: new(1.0), Clip: new(0.05), Eps: new(1e-8), Reduction: losses.BatchMean},
	Adapt: func(s *losses.Spec, o AsymmetricOptions) {
		if o.DetachWeight {
			s.NotDerivative = "the weights of elements have no gradient"
		}
	},
	Reference: asymmetricTorch,
	Body: func(c *losses.Call, o AsymmetricOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		p, q := x.Sigmoid(), x.Neg().Sigmoid().Shift(*o.Clip).Clip(math.Inf(-1), 1)
		part := func(p, share losses.Value, gamma float64) losses.Value {
			weight := p.Neg().Shift(1).Pow(gamma)
			if o.DetachWeight {
				weight = weight.StopGradient()
			}
			return share.Mul(weight).Mul(parts.AtLeast(p, *o.Eps).Log())
		}
		term := losses.Each(part(p, t, *o.GammaPos).Add(part(q, t.Neg().Shift(1), *o.GammaNeg)).Neg())
		if o.Reduction == losses.BatchMean {
			term.Count = losses.Both{Value: c.Const(1), Torch: "1"}
			if x.Rank() > 0 {
				term.Count = losses.Both{Value: c.B.Count(c.Compute, c.Shape("input")[:1]), Torch: "input.size(0)"}
			}
		}
		return term
	},
	Golden: []losses.Case{
		{Name: "at_clip_none", Options: losses.Values{"reduction": "none", "clip": 0.5, "gamma_neg": 0.0}, Fill: map[string]string{"input": "constant:0", "target": "constant:0"}, Sizes: map[string]int64{"N": 1, "C": 2}},
		{Name: "saturated_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:0"},
			Sizes: map[string]int64{"N": 2, "C": 4}, Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 2: 1e4, 3: -1e4, 4: -3, 5: -5}, "target": {0: 1, 1: 1, 2: 0, 3: 0, 4: 0, 5: 0, 6: 1, 7: 0}}},
	},
}

func asymmetricTorch(c *losses.Call, o AsymmetricOptions) string {
	detach := ""
	if o.DetachWeight {
		detach = ".detach()"
	}
	part := func(name, share string, gamma float64) string {
		return fmt.Sprintf("%s * ((1 - %s) ** %s)%s * %s.clamp_min(%s).log()", share, name, losses.Python(gamma), detach, name, losses.Python(*o.Eps))
	}
	each := fmt.Sprintf("(lambda p, q: -(%s + %s))(input.sigmoid(), (torch.sigmoid(-input) + %s).clamp_max(1))", part("p", "target", *o.GammaPos), part("q", "(1 - target)", *o.GammaNeg), losses.Python(*o.Clip))
	switch {
	case o.Reduction != losses.BatchMean:
		return losses.Reduced(each, o.Reduction)
	case len(c.Shape("input")) == 0:
		return each
	}
	return "(" + each + ").sum() / input.size(0)"
}

// AsymmetricSingleLabelOptions configures [AsymmetricSingleLabel].
type AsymmetricSingleLabelOptions struct {
	GammaPos *float64 `opt:"gamma_pos" doc:"how strongly a well-predicted class is played down" bounds:"[0,inf)" try:"0;2"`
	GammaNeg *float64 `opt:"gamma_neg" doc:"how strongly the other classes are, where they are improbable" bounds:"[0,inf)" try:"0;1"`
	Eps      *float64 `opt:"eps" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0"`
	parts.RowOptions
}

// AsymmetricSingleLabel is [Asymmetric] for one class of each row.
var AsymmetricSingleLabel = &losses.Def[AsymmetricSingleLabelOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "asymmetric_single_label", Aliases: []string{"asl_single_label"}, Family: family, Witness: timm,
		Title:   "smoothed cross entropy that plays down what is predicted well",
		Formula: "p = softmax(input), t = (1 - eps)·onehot + eps/C; -sum_c t·w·log(p); w = (1 - p)^gamma_pos at target, p^gamma_neg elsewhere",
		Traps: []string{
			"The weights come from the hard label, the smoothed one multiplies them. With eps 0 only the label's term is left, and gamma_neg does nothing.",
			"gamma_pos is 1 here as in timm, and 0 in the authors' code.",
		},
	}),
	Defaults: AsymmetricSingleLabelOptions{GammaPos: new(1.0), GammaNeg: new(4.0), Eps: new(0.1), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o AsymmetricSingleLabelOptions) string {
		return parts.TorchRows(c, o.RowOptions, fmt.Sprintf(
			"(lambda t, p: -((t * %s + %s / x.size(-1)) * x.log_softmax(-1) * torch.where(t > 0, (1 - p) ** %s, p ** %s)).sum(-1))(torch.zeros_like(x).scatter(-1, y, 1), x.softmax(-1))",
			losses.Python(1-*o.Eps), losses.Python(*o.Eps), losses.Python(*o.GammaPos), losses.Python(*o.GammaNeg)))
	},
	Body: func(c *losses.Call, o AsymmetricSingleLabelOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			l, p := x.LogSoftmax(r.Axis), x.Softmax(r.Axis)
			own := p.Pick(r.Axis, r.Index()).Neg().Shift(1).Pow(*o.GammaPos).Mul(l.Pick(r.Axis, r.Index()))
			all := p.Pow(*o.GammaNeg).Mul(l).Put(r.Axis, r.Index(), own).SumKeep(r.Axis)
			classes := c.B.Count(c.Compute, tensor.Shape{x.Shape()[r.Axis]})
			return own.Scale(1 - *o.Eps).Add(all.Scale(*o.Eps).Div(classes)).Neg()
		})
	},
	Golden: parts.RowCases(),
}
