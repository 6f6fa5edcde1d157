package depth

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SILogOptions configures [SILog].
type SILogOptions struct {
	VarianceFocus *float64         `opt:"variance_focus" doc:"how little the scale of all pixels counts: 0 as much as each pixel, 1 not at all" bounds:"[0,1]" try:"0.85"`
	Eps           *float64         `opt:"eps" doc:"least depth; targets up to it do not count" bounds:"(0,inf)" try:"0.5"`
	Over          string           `opt:"over" doc:"whose pixels make one loss" choices:"sample,batch"`
	Unbiased      bool             `opt:"unbiased" doc:"divide the variance by the pixels less 1" try:"true"`
	Root          *bool            `opt:"root" doc:"take the root" try:"false"`
	Floor         float64          `opt:"floor" doc:"added under the root, which keeps the gradient of exact predictions finite" bounds:"[0,inf)" try:"0.25"`
	Reduction     losses.Reduction `opt:"reduction" doc:"how the losses of the samples are combined" choices:"none,mean,sum"`
}

// SILog is the scale-invariant error of logarithms (Eigen et al., Depth Map Prediction
// from a Single Image using a Multi-Scale Deep Network, 2014).
var SILog = &losses.Def[SILogOptions]{
	Spec: losses.Spec{
		Name: "silog", Aliases: []string{"scale_invariant_log", "eigen"}, Family: family,
		Title:   "scale-invariant error of the logarithms of depths",
		Formula: "d = log(target) - log(input) where target > eps; sqrt(var(d) + (1 - variance_focus)·mean(d)^2)",
		Witness: "mmsegmentation 1.2.2",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted depths", Domain: losses.Positive, Grad: losses.Default},
			{Name: "target", Doc: "true depths; up to eps where none was measured", Domain: losses.Positive},
		},
		Shapes: []losses.Shapes{{"input": "N,*", "target": "N,*"}}, Star: "H,W",
		Traps: []string{
			"The formula is mean(d^2) - variance_focus·mean(d)^2, written so that rounding makes it no negative number.",
			"mmsegmentation has 0.5 for each sample (the default), Depth Anything 0.5 over the batch, BTS 0.85 over the batch and times 10, AdaBins --variance-focus 0.85 --over batch --unbiased --scale 10. Eigen's has no root: --root=false.",
			"An exact prediction, or one of the right shape where variance_focus is 1, is the root of 0: its gradient is NaN. --floor keeps it finite.",
			"A sample without a measured pixel has a loss of 0; with --unbiased NaN.",
			"A prediction up to eps has a gradient of 0.",
		},
	},
	Defaults: SILogOptions{VarianceFocus: new(0.5), Eps: new(1e-6), Over: "sample", Root: new(true), Reduction: losses.Mean},
	Adapt: func(s *losses.Spec, o SILogOptions) {
		s.Inseparable = "the loss is that of all pixels of a sample; those without a target do not count"
		if o.Over == "batch" {
			s.Inseparable = "the loss is that of all pixels of the batch; those without a target do not count"
		}
	},
	Reference: silogReference,
	Body: func(c *losses.Call, o SILogOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		measured := t.Greater(t.Like(*o.Eps))
		log := func(v losses.Value) losses.Value { return v.Clip(*o.Eps, math.Inf(1)).Log() }
		d := builder.Where(measured, log(t).Sub(log(x)), x.Like(0))
		v := measured.Cast(c.Compute)
		sum := func(v losses.Value) losses.Value {
			if o.Over == "batch" {
				return v.Sum()
			}
			return v.SumOver(parts.From(1, v)...)
		}
		count := sum(v)
		n := count.Clip(1e-6, math.Inf(1))
		mean := sum(d).Div(n)
		center := mean
		if o.Over == "sample" && d.Rank() > 1 {
			center = mean.Unsqueeze(parts.From(1, d)...)
		}
		divisor := n
		if o.Unbiased {
			divisor = count.Shift(-1)
		}
		variance := sum(v.Mul(d.Sub(center).Square())).Div(divisor)
		each := variance.Add(mean.Square().Scale(1 - *o.VarianceFocus))
		if *o.Root {
			each = each.Shift(o.Floor).Sqrt()
		}
		return losses.Each(each)
	},
	Golden: []losses.Case{
		{Name: "unmeasured_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}, Set: map[string]losses.Edge{"target": {0: 1, 1: 2, 4: 0.5}, "input": {1: 0, 4: -1}}},
		{Name: "all_unmeasured_batch", Options: losses.Values{"over": "batch"}, Fill: map[string]string{"target": "constant:0"}},
		{Name: "equal_floor_none", Options: losses.Values{"reduction": "none", "floor": 0.25}, Fill: map[string]string{"target": "like:input"}},
		{Name: "scaled_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:1", "target": "constant:2"}},
		{Name: "adabins", Options: losses.Values{"variance_focus": 0.85, "over": "batch", "unbiased": true}},
		{Name: "unbiased_unmeasured_none", Options: losses.Values{"unbiased": true, "reduction": "none", "root": false}, Set: map[string]losses.Edge{"target": {1: 0, 2: -1}}},
	},
}

func silogReference(c *losses.Call, o SILogOptions) string {
	sum, keep := ".sum()", ""
	if rank := len(c.Shape("input")); o.Over == "sample" && rank == 1 {
		sum = ""
	} else if o.Over == "sample" {
		sum, keep = ".sum(tuple(range(1, input.dim())))", ".reshape(-1, *[1] * (input.dim() - 1))"
	}
	count := map[bool]string{true: "(v" + sum + " - 1)", false: "n"}[o.Unbiased]
	eps := losses.Python(*o.Eps)
	text := fmt.Sprintf("(lambda v, d: (lambda n: (lambda m: (v * (d - m%[1]s) ** 2)%[2]s / %[3]s + %[4]s * m ** 2)(d%[2]s / n))(v%[2]s.clamp_min(1e-6)))"+
		"((target > %[5]s).to(input.dtype), torch.where(target > %[5]s, target.clamp_min(%[5]s).log() - input.clamp_min(%[5]s).log(), 0.0))",
		keep, sum, count, losses.Python(1-*o.VarianceFocus), eps)
	if *o.Root {
		text = fmt.Sprintf("(%s + %s).sqrt()", text, losses.Python(o.Floor))
	}
	return losses.Reduced(text, o.Reduction)
}
