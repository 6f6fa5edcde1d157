package classification

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// BCEOptions configures [BCE].
type BCEOptions struct {
	Eps       float64          `opt:"eps" doc:"added to the probabilities inside of both logarithms, which then do not stop at -100" bounds:"[0,inf)" try:"1e-7;1e-4"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BCE is the binary cross entropy of probabilities.
var BCE = &losses.Def[BCEOptions]{
	Spec: losses.Spec{
		Name: "binary_cross_entropy", Class: "BCELoss", Aliases: []string{"bce"}, Family: "classification",
		Title:   "log-loss of probabilities, element by element",
		Formula: "-weight·(target·max(log(input), -100) + (1 - target)·max(log(1 - input), -100))",
		Inputs: []losses.Input{
			{Name: "input", Doc: "probabilities", Domain: losses.Unit, Grad: losses.Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1", Domain: losses.Unit, Grad: losses.OnDemand},
			parts.ElementWeight(),
		},
		Shapes: parts.Elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"weight"}, CheckShapes: parts.Fitting("input", "weight"),
		LabelPolicy: "an input or target outside [0, 1], on which PyTorch raises, gives NaN",
		Traps: []string{
			"Mean divides by the number of elements, also with weight.",
			"Logarithms stop at -100, so the loss of an element is at most 100; the gradient does not stop there and reaches 1e12. binary_cross_entropy_with_logits has neither problem.",
			"TensorFlow 1 and Paddle add an epsilon inside of the logarithms (--eps 1e-7 and 1e-4), MXNet 1e-12; Keras keeps the probabilities in [1e-7, 1 - 1e-7] (--map input=clip:1e-7:0.9999999).",
		},
		NotDerivative: "PyTorch clamps the logarithms in the value and the denominator in the gradient",
	},
	Defaults: BCEOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o BCEOptions) string {
		if o.Eps == 0 {
			return c.Expand("F.binary_cross_entropy(input, target, weight={weight}, reduction="+losses.Python(string(o.Reduction))+")", nil)
		}
		eps := losses.Python(o.Eps)
		each := fmt.Sprintf("-(target * torch.log(input + %s) + (1 - target) * torch.log(1 - input + %s))", eps, eps)
		if c.Has("weight") {
			each = "weight * " + losses.Operand(each)
		}
		return losses.Reduced(each, o.Reduction)
	},
	Body: func(c *losses.Call, o BCEOptions) losses.Term {
		p, t := c.In("input"), c.In("target")
		rest := t.Neg().Shift(1)
		var loss losses.Value
		if o.Eps == 0 {
			loss = clampedCrossEntropy(p, t, rest)
		} else {
			loss = t.Mul(p.Shift(o.Eps).Log()).Add(rest.Mul(p.Neg().Shift(1).Shift(o.Eps).Log())).Neg()
		}
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		if o.Eps > 0 {
			return losses.Each(loss)
		}
		return losses.Term{Each: loss, Refuse: t.Mul(rest).Sqrt()}
	},
}

// clampedCrossEntropy is -(t·log p + (1-t)·log(1-p)) as PyTorch computes it. Its
// gradient is (p - t) / max(p·(1-p), 1e-12), with 1e-12 in float32 precision.
func clampedCrossEntropy(p, t, rest losses.Value) losses.Value {
	logP, logQ := p.Log(), p.Neg().Log1p()
	value := rest.Neg().Mul(logQ.Clip(-100, math.Inf(1))).Sub(t.Mul(logP.Clip(-100, math.Inf(1))))
	return builder.WithGradient("clamped_cross_entropy", value, []losses.Value{p, t}, func(dy losses.Value) []losses.Value {
		spread := p.Neg().Shift(1).Mul(p).Clip(float64(float32(1e-12)), math.Inf(1))
		return []losses.Value{p.Sub(t).Div(spread).Mul(dy), logQ.Sub(logP).Mul(dy)}
	})
}

// BCEWithLogits is the binary cross entropy of logits.
var BCEWithLogits = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "binary_cross_entropy_with_logits", Class: "BCEWithLogitsLoss", Aliases: []string{"bce_with_logits", "bce_logits"}, Family: "classification",
		Title:   "log-loss of the sigmoid of logits, element by element",
		Formula: "weight·((1 - target)·input + (1 + (pos_weight - 1)·target)·softplus(-input))",
		Torch:   "F.binary_cross_entropy_with_logits(input, target, weight={weight}, reduction={reduction}, pos_weight={pos_weight})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1; not checked, as in PyTorch", Domain: losses.Unit, Grad: losses.OnDemand},
			parts.ElementWeight(),
			{Name: "pos_weight", Doc: "weight of the positive class, for each entry of the last axis", Domain: losses.Weight, Optional: true},
		},
		Shapes: []losses.Shapes{
			{"input": "*,D", "target": "*,D", "weight": "*,D", "pos_weight": "D"},
			{"input": "*", "target": "*", "weight": "*", "pos_weight": "*"},
		},
		Star: "N", Broadcast: []string{"weight", "pos_weight"}, CheckShapes: parts.Fitting("input", "weight", "pos_weight"),
		Logits: "input",
		Traps: []string{
			"Mean divides by the number of elements, also with weight and pos_weight.",
			"An infinite logit on the right side of its target gives NaN (0·inf), as in PyTorch.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x, t := c.In("input"), c.In("target")
		loss := parts.LogitCrossEntropy(x, t, c.In("pos_weight"))
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		return losses.Each(loss)
	},
}
