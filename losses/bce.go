package losses

import (
	"math"

	"github.com/lossgen/lossgen/builder"
)

// BCE is the binary cross entropy of probabilities.
var BCE = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "binary_cross_entropy", Class: "BCELoss", Aliases: []string{"bce"}, Family: "classification",
		Title:   "log-loss of probabilities, element by element",
		Formula: "-weight·(target·max(log(input), -100) + (1 - target)·max(log(1 - input), -100))",
		Torch:   "F.binary_cross_entropy(input, target, weight={weight}, reduction={reduction})",
		Inputs: []Input{
			{Name: "input", Doc: "probabilities", Domain: Unit, Grad: Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1", Domain: Unit, Grad: OnDemand},
			elementWeight,
		},
		Shapes: elementwise("input", "target", "weight"), Star: "N,D", Broadcast: []string{"weight"}, CheckShapes: fitting("input", "weight"),
		LabelPolicy: "an input or target outside [0, 1], on which PyTorch raises, gives NaN",
		Traps: []string{
			"Mean divides by the number of elements, also with weight.",
			"Logarithms stop at -100, so the loss of an element is at most 100; the gradient does not stop there and reaches 1e12. binary_cross_entropy_with_logits has neither problem.",
		},
		NotDerivative: "PyTorch clamps the logarithms in the value and the denominator in the gradient",
	},
	Defaults: ReductionOnly{Mean},
	Body: func(c *Call, o ReductionOnly) Term {
		p, t := c.In("input"), c.In("target")
		rest := t.Neg().Shift(1)
		loss := clampedCrossEntropy(p, t, rest)
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		return Term{Each: loss, Refuse: t.Mul(rest).Sqrt()}
	},
}

// clampedCrossEntropy is -(t·log p + (1-t)·log(1-p)) as PyTorch computes it. Its
// gradient is (p - t) / max(p·(1-p), 1e-12), with 1e-12 in float32 precision.
func clampedCrossEntropy(p, t, rest Value) Value {
	logP, logQ := p.Log(), p.Neg().Log1p()
	value := rest.Neg().Mul(logQ.Clip(-100, math.Inf(1))).Sub(t.Mul(logP.Clip(-100, math.Inf(1))))
	return builder.WithGradient("clamped_cross_entropy", value, []Value{p, t}, func(dy Value) []Value {
		spread := p.Neg().Shift(1).Mul(p).Clip(float64(float32(1e-12)), math.Inf(1))
		return []Value{p.Sub(t).Div(spread).Mul(dy), logQ.Sub(logP).Mul(dy)}
	})
}

// BCEWithLogits is the binary cross entropy of logits.
var BCEWithLogits = &Def[ReductionOnly]{
	Spec: Spec{
		Name: "binary_cross_entropy_with_logits", Class: "BCEWithLogitsLoss", Aliases: []string{"bce_with_logits", "bce_logits"}, Family: "classification",
		Title:   "log-loss of the sigmoid of logits, element by element",
		Formula: "weight·((1 - target)·input + (1 + (pos_weight - 1)·target)·softplus(-input))",
		Torch:   "F.binary_cross_entropy_with_logits(input, target, weight={weight}, reduction={reduction}, pos_weight={pos_weight})",
		Inputs: []Input{
			{Name: "input", Doc: "logits", Domain: Real, Grad: Default},
			{Name: "target", Doc: "probabilities, usually 0 or 1; not checked, as in PyTorch", Domain: Unit, Grad: OnDemand},
			elementWeight,
			{Name: "pos_weight", Doc: "weight of the positive class, for each entry of the last axis", Domain: Weight, Optional: true},
		},
		Shapes: []Shapes{
			{"input": "*,D", "target": "*,D", "weight": "*,D", "pos_weight": "D"},
			{"input": "*", "target": "*", "weight": "*", "pos_weight": "*"},
		},
		Star: "N", Broadcast: []string{"weight", "pos_weight"}, CheckShapes: fitting("input", "weight", "pos_weight"),
		Logits: "input",
		Traps: []string{
			"Mean divides by the number of elements, also with weight and pos_weight.",
			"An infinite logit on the right side of its target gives NaN (0·inf), as in PyTorch.",
		},
	},
	Defaults: ReductionOnly{Mean},
	Body: func(c *Call, o ReductionOnly) Term {
		x, t := c.In("input"), c.In("target")
		loss := logitCrossEntropy(x, t, c.In("pos_weight"))
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight"))
		}
		return each(loss)
	},
}

// logitCrossEntropy is (1-t)·x + w·softplus(-x) with w = 1 + (positive-1)·t. Its
// gradient is w·sigmoid(x) - positive·t; without positive (the zero Value) that
// is sigmoid(x) - t.
func logitCrossEntropy(x, t, positive Value) Value {
	value := t.Neg().Shift(1).Mul(x)
	if positive.IsZero() {
		left, rest := value.Sub(x.Clip(math.Inf(-1), 0)), x.SoftplusOfAbs()
		value = left.Add(rest).WithParts(left, rest)
		return builder.WithGradient("logit_cross_entropy", value, []Value{x, t}, func(dy Value) []Value {
			return []Value{x.Sigmoid().Sub(t).Mul(dy), x.Neg().Mul(dy)}
		})
	}
	down, more := x.Neg().Softplus(), positive.Shift(-1)
	w := more.Mul(t).Shift(1)
	value = value.Add(w.Mul(down))
	return builder.WithGradient("weighted_logit_cross_entropy", value, []Value{x, t}, func(dy Value) []Value {
		dx := w.Mul(x.Sigmoid()).Sub(positive.Mul(t))
		return []Value{dx.Mul(dy), positive.Mul(down).Sub(x.Softplus()).Mul(dy)}
	})
}
