package noise

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// LabelRelaxationOptions configures [LabelRelaxation].
type LabelRelaxationOptions struct {
	Alpha *float64 `opt:"alpha" doc:"probability that the label leaves to the other classes" bounds:"(0,1)" try:"0.5"`
	parts.RowOptions
}

// LabelRelaxation is the divergence from the nearest distribution in which the class has
// enough (Lienen and Huellermeier, From label smoothing to label relaxation, 2021).
var LabelRelaxation = &losses.Def[LabelRelaxationOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "label_relaxation", Family: family, Witness: "label-relaxation 0.2.1",
		Title:   "divergence from the nearest distribution that gives the class 1 - alpha",
		Formula: "p = softmax(input)[target]; 0 where p >= 1 - alpha, else (1 - alpha)·log((1 - alpha)/p) + alpha·log(alpha/(1 - p))",
		Traps: []string{
			"Unlike label smoothing it does not punish a prediction for being surer than 1 - alpha: loss and gradient are 0 there.",
			"1 - p comes from the other classes' scores: as log(1 - p) a saturated row has a NaN gradient.",
		},
	}),
	Defaults: LabelRelaxationOptions{Alpha: new(0.1), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o LabelRelaxationOptions) string {
		rest, own := losses.Python(*o.Alpha), losses.Python(1-*o.Alpha)
		return parts.TorchRows(c, o.RowOptions, fmt.Sprintf(
			"(lambda l: (lambda p, s: torch.where(p >= math.log(%s), 0.0, %[1]s * (math.log(%[1]s) - p) + %s * (math.log(%[2]s) - s)))(%s, l.scatter(-1, y, -math.inf).logsumexp(-1)))(x.log_softmax(-1))",
			own, rest, parts.TorchPicked("l")))
	},
	Body: func(c *losses.Call, o LabelRelaxationOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, func(x losses.Value, r parts.Rows) losses.Value {
			l, own := x.LogSoftmax(r.Axis), 1-*o.Alpha
			p := l.Pick(r.Axis, r.Index())
			others := l.Put(r.Axis, r.Index(), x.Like(math.Inf(-1)).BroadcastTo(r.Index().Shape())).LogSumExp(r.Axis)
			divergence := p.Neg().Shift(math.Log(own)).Scale(own).Add(others.Neg().Shift(math.Log(*o.Alpha)).Scale(*o.Alpha))
			return builder.Where(p.GreaterOrEqual(p.Like(math.Log(own))), p.Like(0), divergence)
		})
	},
	Golden: parts.RowCases(),
}

// JSDOptions configures [JSDCrossEntropy].
type JSDOptions struct {
	Alpha          *float64         `opt:"alpha" doc:"factor of the divergence" bounds:"[0,inf)" try:"0;1"`
	LabelSmoothing *float64         `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0"`
	Floor          *float64         `opt:"floor" doc:"least probability of the mixture" bounds:"[0,1)" try:"0.25"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// JSDCrossEntropy is cross entropy of the first view of each sample, and the divergence of
// all views (Hendrycks et al., AugMix, 2020).
var JSDCrossEntropy = &losses.Def[JSDOptions]{
	Spec: losses.Spec{
		Name: "jsd_cross_entropy", Aliases: []string{"augmix", "jsd"}, Family: family, Witness: timm,
		Title:   "cross entropy of clean samples, and agreement with their augmented views",
		Formula: "p_s = softmax(input[s]), m = max(mean_s p_s, floor); cross_entropy(input[0], target) + alpha·mean_s sum_c p_s·log(p_s / m)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "unnormalized scores: views, samples, classes; the first view is the clean one", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "class of each sample", Domain: losses.Class, Of: losses.Of{Axis: "C"}},
		},
		Shapes:      []losses.Shapes{{"input": "S,N,C", "target": "N"}},
		LabelPolicy: parts.RangePolicy, Logits: "input",
		Undefined: []string{"empty_none", "empty_mean", "empty_sum"}, // without a view there is no first one
		Traps: []string{
			"timm takes the views stacked along the batch, num_splits (3) times: that is input.view(num_splits, -1, C) here, without a copy, and the first third of its target.",
			"Smoothing 0.1 is on by default, as in timm, and is part of the first view's cross entropy alone.",
		},
	},
	Defaults: JSDOptions{Alpha: new(12.0), LabelSmoothing: new(0.1), Floor: new(1e-7), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o JSDOptions) string {
		// F.cross_entropy would leave out label -100.
		entropy := "-l.gather(1, {target}[:, None]).squeeze(1)"
		if s := *o.LabelSmoothing; s > 0 {
			entropy = fmt.Sprintf("-%s * l.gather(1, {target}[:, None]).squeeze(1) - %s * l.mean(1)", losses.Python(1-s), losses.Python(s))
		}
		each := fmt.Sprintf("(lambda l: %s)(input[0].log_softmax(-1)) + %s * (lambda p: F.kl_div(%s.log(), p, reduction='none').sum(-1).mean(0))(input.softmax(-1))",
			entropy, losses.Python(*o.Alpha), parts.TorchAtLeast("p.mean(0, keepdim=True)", *o.Floor))
		return c.Expand(losses.Reduced(each, o.Reduction), nil)
	},
	Body: func(c *losses.Call, o JSDOptions) losses.Term {
		x, classes := c.In("input"), 2
		first := x.Slice(0, 0, 1).Squeeze(0)
		index := c.In("target").Within(x.Shape()[classes]).Unsqueeze(1)
		entropy := first.SoftmaxNLL(1, index)
		if *o.LabelSmoothing > 0 {
			entropy = first.SmoothNLL(1, index, *o.LabelSmoothing, losses.Value{}, losses.Value{})
		}
		views := c.B.Count(c.Compute, x.Shape()[:1])
		p := x.Softmax(classes)
		mixture := parts.AtLeast(p.SumKeep(0).Div(views), *o.Floor)
		divergence := p.XLogX().Sub(p.Mul(mixture.Log())).SumOver(classes).SumOver(0).Div(views)
		return losses.Each(entropy.Squeeze(1).Add(divergence.Scale(*o.Alpha)))
	},
}
