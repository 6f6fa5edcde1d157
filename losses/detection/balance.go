package detection

import (
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that balance easy and hard examples, or classes.

// BalancedL1Options configures [BalancedL1].
type BalancedL1Options struct {
	Alpha     *float64         `opt:"alpha" doc:"how much small differences count" bounds:"(0,inf)" try:"1"`
	Gamma     *float64         `opt:"gamma" doc:"largest slope" bounds:"(0,inf)" try:"2"`
	Beta      *float64         `opt:"beta" doc:"where the loss becomes linear" bounds:"(0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BalancedL1 raises the gradients of small differences (Pang et al., Libra R-CNN, 2019).
var BalancedL1 = &losses.Def[BalancedL1Options]{
	Spec: losses.Spec{
		Name: "balanced_l1", Family: "detection", Witness: mmdetection,
		Title:   "absolute difference of which small ones count more",
		Formula: "d = |input - target|, b = exp(gamma/alpha) - 1; alpha/b·(b·d + 1)·log(b·d/beta + 1) - alpha·d if d < beta, else gamma·d + gamma/b - alpha·beta",
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"The slope is continuous at beta only where that is 1; at other values even the loss jumps.",
			"The mean of nothing is NaN; mmdetection gives 0.",
		},
	},
	Defaults: BalancedL1Options{Alpha: new(0.5), Gamma: new(1.5), Beta: new(1.0), Reduction: losses.Mean},
	Validate: func(o BalancedL1Options) error {
		if *o.Gamma / *o.Alpha > 80 {
			return errors.New("gamma must be at most 80 times alpha, beyond which float32 does not hold exp(gamma/alpha)")
		}
		return nil
	},
	Reference: func(c *losses.Call, o BalancedL1Options) string {
		alpha, gamma, beta := losses.Python(*o.Alpha), losses.Python(*o.Gamma), losses.Python(*o.Beta)
		return fmt.Sprintf("(lambda d, b: %s)((input - target).abs(), math.exp(%s / %s) - 1)", losses.Reduced(
			fmt.Sprintf("torch.where(d < %[3]s, %[1]s / b * (b * d + 1) * torch.log1p(b * d / %[3]s) - %[1]s * d, %[2]s * d + %[2]s / b - %[1]s * %[3]s)", alpha, gamma, beta), o.Reduction), gamma, alpha)
	},
	Body: func(c *losses.Call, o BalancedL1Options) losses.Term {
		d := c.In("input").Sub(c.In("target")).Abs()
		alpha, gamma, beta, b := *o.Alpha, *o.Gamma, *o.Beta, math.Exp(*o.Gamma / *o.Alpha)-1
		near := d.Scale(b).Shift(1).Mul(d.Scale(b / beta).Log1p()).Scale(alpha / b).Sub(d.Scale(alpha))
		return losses.Each(builder.Where(d.Less(d.Like(beta)), near, d.Scale(gamma).Shift(gamma/b-alpha*beta)))
	},
	Golden: []losses.Case{
		{Name: "corner_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 1, 1: -1, 2: 0.9921875, 3: 1e-4, 4: 0, 5: 1e4}}},
	},
}

// harmonized is the mean of losses over bins that have any: each element is divided by
// the number of those in its bin. size is what tells the bin, from 0 to 1. Elements of
// weight 0 do not exist.
func harmonized(c *losses.Call, each, size losses.Value, bins int64) losses.Term {
	size = size.StopGradient()
	place := builder.Where(size.Equal(size), size, size.Like(0)).Scale(float64(bins))
	bin := parts.OneRow(place.Min(place.Like(float64(bins - 1))).Cast(tensor.Int64))
	kept := losses.Value{}
	if c.Has("weight") {
		w := c.In("weight")
		kept = w.Greater(w.Like(0))
	}
	in := bin.Equal(c.B.Iota(2, 0, tensor.D(bins)))
	if !kept.IsZero() {
		in = in.And(parts.OneRow(kept))
	}
	counts := in.Cast(c.Compute).LongSum(1)
	used := counts.Greater(counts.Like(0)).Cast(c.Compute).Sum()
	share := counts.Max(counts.Like(1)).Reciprocal().Gather(0, bin).Reshape(each.Shape())
	each = each.Mul(share)
	if !kept.IsZero() {
		each = builder.Where(kept, each, each.Like(0))
	}
	return losses.Term{Each: each.Sum().Div(used.Max(used.Like(1))), Reduced: true}
}

// torchHarmonized writes harmonized.
func torchHarmonized(c *losses.Call, each, size string, bins int64) string {
	valid := "torch.ones_like(input, dtype=torch.bool)"
	if c.Has("weight") {
		valid = "weight > 0"
	}
	return fmt.Sprintf("(lambda k, v: (lambda n: torch.where(v, (%[1]s) / n[k].clamp_min(1), 0).sum() / (n > 0).sum().clamp_min(1))"+
		"(torch.zeros(%[3]d, dtype=input.dtype).index_add(0, k.flatten(), v.flatten().to(input.dtype))))(((%[2]s).detach().nan_to_num(0) * %[3]d).clamp(max=%[4]d).long(), %[5]s)", each, size, bins, bins-1, valid)
}

// ghmTraps are those of both losses.
var ghmTraps = []string{
	"The numbers of elements in the bins are those of the batch alone: mmdetection's momentum, which is 0 by default, would need a state.",
	"The loss is that of the whole batch: it has no unreduced form. Elements of weight 0 do not count; other weights do not matter.",
	"The shares of the bins are constants in the gradient; that is their derivative, away from the borders of bins.",
}

func ghmSpec(s losses.Spec) losses.Spec {
	s.Family, s.Witness, s.Star, s.EmptyOpset = "detection", mmdetection, "N,C", 14
	s.Shapes, s.Traps = parts.Elementwise("input", "target", "weight"), append(s.Traps, ghmTraps...)
	return s
}

// GHMCOptions configures [GHMC].
type GHMCOptions struct {
	Bins *int64 `opt:"bins" doc:"number of bins" bounds:"[1,1000]" try:"3;1"`
}

// GHMC is binary cross entropy in which elements of rare gradients count more (Li et
// al., Gradient Harmonized Single-stage Detector, 2019).
var GHMC = &losses.Def[GHMCOptions]{
	Spec: ghmSpec(losses.Spec{
		Name:    "ghm_c",
		Title:   "binary cross entropy that spreads the weight over sizes of gradients",
		Formula: "g = |sigmoid(input) - target|; sum of bce(input, target) / (number of elements in the bin of g) / (number of bins that have any)",
		Inputs: append(quality("0 or 1, or a probability"),
			parts.ElementWeight()),
		Logits: "input",
	}),
	Defaults: GHMCOptions{Bins: new(int64(10))},
	Reference: func(c *losses.Call, o GHMCOptions) string {
		return torchHarmonized(c, "F.binary_cross_entropy_with_logits(input, target, reduction='none')", "(input.sigmoid() - target).abs()", *o.Bins)
	},
	Body: func(c *losses.Call, o GHMCOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		return harmonized(c, parts.LogitCrossEntropy(x, t, losses.Value{}), x.Sigmoid().Sub(t).Abs(), *o.Bins)
	},
	Golden: ghmCases(),
}

// GHMROptions configures [GHMR].
type GHMROptions struct {
	Bins *int64   `opt:"bins" doc:"number of bins" bounds:"[1,1000]" try:"3;1"`
	Mu   *float64 `opt:"mu" doc:"size of the differences below which the loss is flat" bounds:"(0,inf)" try:"0.5"`
}

// GHMR is a rounded absolute difference in which elements of rare gradients count more.
var GHMR = &losses.Def[GHMROptions]{
	Spec: ghmSpec(losses.Spec{
		Name:    "ghm_r",
		Title:   "rounded absolute difference, weighed by how common its gradient is",
		Formula: "e = input - target, g = |e|/sqrt(e^2 + mu^2); sum of (sqrt(e^2 + mu^2) - mu) / (number of elements in the bin of g) / (number of bins that have any)",
		Inputs:  parts.Regression(parts.ElementWeight()),
	}),
	Defaults: GHMROptions{Bins: new(int64(10)), Mu: new(0.02)},
	Reference: func(c *losses.Call, o GHMROptions) string {
		mu := losses.Python(*o.Mu)
		return "(lambda e: " + torchHarmonized(c, "(e * e + "+mu+" ** 2).sqrt() - "+mu, "e.abs() / (e * e + "+mu+" ** 2).sqrt()", *o.Bins) + ")(input - target)"
	},
	Body: func(c *losses.Call, o GHMROptions) losses.Term {
		e := c.In("input").Sub(c.In("target"))
		root := e.Square().Shift(*o.Mu * *o.Mu).Sqrt()
		return harmonized(c, root.Shift(-*o.Mu), e.Abs().Div(root), *o.Bins)
	},
	Golden: ghmCases(),
}

func ghmCases() []losses.Case {
	return []losses.Case{
		{Name: "nothing_counts", With: []string{"weight"}, Fill: map[string]string{"weight": "constant:0"}},
		{Name: "some_count", With: []string{"weight"}, Set: map[string]losses.Edge{"weight": {0: 0, 2: 0, 5: 3}}},
		{Name: "far_apart", Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4}, "target": {0: 0, 1: 1}}},
	}
}

// SeesawOptions configures [Seesaw].
type SeesawOptions struct {
	P           *float64         `opt:"p" doc:"how strongly rare classes are spared from frequent ones" bounds:"[0,inf)" try:"0;1.5"`
	Q           *float64         `opt:"q" doc:"how strongly classes that are predicted wrongly are punished" bounds:"[0,inf)" try:"0;1"`
	Eps         *float64         `opt:"eps" doc:"least probability of the right class in that" bounds:"(0,1]" try:"0.25"`
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Seesaw is cross entropy for classes of very different frequency (Wang et al., Seesaw
// Loss for Long-Tailed Instance Segmentation, 2021).
var Seesaw = &losses.Def[SeesawOptions]{
	Spec: losses.Spec{
		Name: "seesaw", Family: "detection", Witness: mmdetection,
		Title:   "cross entropy that spares rare classes",
		Formula: "ce(input_j + log(min(1, (n_j/n_y)^p)·max(1, (p_j/max(p_y, eps))^q)) for j other than the label y); n: max(counts, 1), p = softmax(input)",
		Inputs: []losses.Input{parts.Logits(), parts.ClassLabels(),
			{Name: "counts", Doc: "how often each class was seen so far", Domain: losses.Weight, Wide: true}},
		Shapes: []losses.Shapes{{"input": "N,C", "target": "N", "counts": "C"}}, Logits: "input", LabelPolicy: parts.GatherPolicy, Classes: "C",
		Traps: []string{
			"mmdetection adds the batch's labels to its counts before it uses them; here counts come as they are to be used.",
			"Its loss for detectors has two more scores, for whether there is an object: take cross_entropy beside this one.",
			"The probabilities in the factor are constants in the gradient.",
		},
		NotDerivative: "the probabilities in the factors are constants in the gradient",
	},
	Defaults: SeesawOptions{P: new(0.8), Q: new(2.0), Eps: new(1e-2), IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SeesawOptions) string {
		label := c.Expand(fmt.Sprintf("torch.where({target} == %d, 0, {target})", *o.IgnoreIndex), nil)
		return c.Expand(fmt.Sprintf("(lambda y: (lambda n, p: F.cross_entropy(input + (torch.where(n < 1, n ** %s, 1) * torch.where(p > 1, p ** %s, 1)).log() * (1 - F.one_hot(y, input.size(1))), {target}, ignore_index=%d, reduction='%s'))"+
			"(counts.clamp_min(1) / counts.clamp_min(1)[y].unsqueeze(1), (lambda p: p / p.gather(1, y.unsqueeze(1)).clamp_min(%s))(input.detach().softmax(1))))(%s)",
			losses.Python(*o.P), losses.Python(*o.Q), *o.IgnoreIndex, o.Reduction, losses.Python(*o.Eps), label), nil)
	},
	Body: func(c *losses.Call, o SeesawOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		own := r.OneHot(x)
		n := parts.AtLeast(c.In("counts"), 1)
		spared := n.Unsqueeze(0).Div(n.Gather(0, r.Index()))
		p := x.StopGradient().Softmax(1)
		punished := p.Div(parts.AtLeast(p.Pick(1, r.Index()), *o.Eps))
		one := x.Like(1)
		factor := builder.Where(spared.Less(one), spared.Pow(*o.P), one).Mul(builder.Where(punished.Greater(one), punished.Pow(*o.Q), one))
		shifted := x.Add(factor.Log().Mul(parts.Complement(own)))
		return r.Term(c, r.Flat(shifted.SoftmaxNLL(1, r.Index())), losses.Value{})
	},
	Golden: []losses.Case{
		{Name: "unseen_classes_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"counts": {0: 0, 1: 1000, 2: 1}}},
		{Name: "saturated_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1e4, 6: -1e4}}},
	},
}
