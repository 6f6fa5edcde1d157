package segmentation

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that weigh pixels by maps of distances, and losses of
// binary maps.

// activated makes probabilities of the input.
func activated(c *losses.Call, activation string) losses.Value {
	x := c.In("input")
	switch activation {
	case "softmax":
		return x.Softmax(c.ClassAxis(x))
	case "sigmoid":
		return x.Sigmoid()
	}
	return x
}

func torchActivated(activation string) string {
	return map[string]string{"softmax": "input.softmax(1)", "sigmoid": "input.sigmoid()", "none": "input"}[activation]
}

// mapsSpec completes the spec of a loss whose inputs all have a channel for each class.
func mapsSpec(s losses.Spec) losses.Spec {
	s.Family, s.Star, s.Logits, s.Classes, s.Sizes = "segmentation", "H,W", "input", "C", small()
	return s
}

// mapPorts are a prediction and further inputs of its shape.
func mapPorts(activation string, more ...losses.Input) ([]losses.Input, []losses.Shapes) {
	input := losses.Input{Name: "input", Doc: "scores of classes, which are axis 1", Domain: losses.Real, Grad: losses.Default}
	if activation == "none" {
		input.Doc, input.Domain = "probabilities of classes, which are axis 1", losses.Unit
	}
	shapes := losses.Shapes{"input": "N,C,*"}
	for _, in := range more {
		shapes[in.Name] = "N,C,*"
	}
	return append([]losses.Input{input}, more...), []losses.Shapes{shapes}
}

// coupled is why single losses cannot be left out.
func coupled(activation string) string {
	if activation == "softmax" {
		return "the loss of a class depends on the scores of all classes"
	}
	return ""
}

// BoundaryOptions configures [Boundary].
type BoundaryOptions struct {
	Activation string           `opt:"activation" doc:"what makes probabilities of the input" choices:"softmax,sigmoid,none" try:"sigmoid;none"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Boundary is the distance of what is predicted from the true boundary (Kervadec et
// al., Boundary loss for highly unbalanced segmentation, 2019).
var Boundary = &losses.Def[BoundaryOptions]{
	Spec: mapsSpec(losses.Spec{
		Name: "boundary", Aliases: []string{"surface"}, Witness: "monai 1.6.1",
		Title:   "probabilities by their signed distance to the true boundary",
		Formula: "softmax(input)·dist",
		Traps: []string{
			"dist is a map of each class: negative inside of its region, positive outside. It is made before training. monai takes 1 off inside, so that pixels at the edge are 0; a class without a boundary has a map of zeros.",
			"The loss may be negative. It is used beside dice, with a weight that grows.",
			"mmsegmentation's BoundaryLoss is another one: balanced_bce of edges.",
		},
	}),
	Defaults: BoundaryOptions{Activation: "softmax", Reduction: losses.Mean},
	Ports: func(o BoundaryOptions) ([]losses.Input, []losses.Shapes) {
		return mapPorts(o.Activation, losses.Input{Name: "dist", Doc: "signed distance to the boundary of each class", Domain: losses.Real})
	},
	Adapt: func(s *losses.Spec, o BoundaryOptions) { s.Inseparable = coupled(o.Activation) },
	Reference: func(c *losses.Call, o BoundaryOptions) string {
		return losses.Reduced(torchActivated(o.Activation)+" * dist", o.Reduction)
	},
	Body: func(c *losses.Call, o BoundaryOptions) losses.Term {
		return losses.Each(activated(c, o.Activation).Mul(c.In("dist")))
	},
}

// HausdorffDTOptions configures [HausdorffDT].
type HausdorffDTOptions struct {
	Activation string           `opt:"activation" doc:"what makes probabilities of the input" choices:"softmax,sigmoid,none" try:"sigmoid;none"`
	Alpha      *float64         `opt:"alpha" doc:"power of the distances" bounds:"(0,inf)" try:"1;1.5"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// HausdorffDT weighs errors by distances (Karimi and Salcudean, Reducing the Hausdorff
// Distance in Medical Image Segmentation, 2019).
var HausdorffDT = &losses.Def[HausdorffDTOptions]{
	Spec: mapsSpec(losses.Spec{
		Name: "hausdorff_dt", Aliases: []string{"hausdorff"}, Witness: "monai 1.6.1",
		Title:   "squared errors by distances to both boundaries",
		Formula: "(softmax(input) - target)^2·(pred_dist^alpha + target_dist^alpha)",
		Traps: []string{
			"Both maps of distances are made outside: pred_dist from the thresholded prediction, anew in each step, without a gradient.",
			"monai leaves out class 0 by default: give the other channels. Its logarithmic form is log(1 + loss).",
			"monai thresholds probabilities at 0.5; the code of boundary-loss takes the largest class.",
		},
	}),
	Defaults: HausdorffDTOptions{Activation: "softmax", Alpha: new(2.0), Reduction: losses.Mean},
	Ports: func(o HausdorffDTOptions) ([]losses.Input, []losses.Shapes) {
		return mapPorts(o.Activation,
			losses.Input{Name: "target", Doc: "probability of each class, or 0 and 1", Domain: losses.Unit, Grad: losses.OnDemand},
			losses.Input{Name: "pred_dist", Doc: "distance to the predicted boundary", Domain: losses.Weight},
			losses.Input{Name: "target_dist", Doc: "distance to the true boundary", Domain: losses.Weight})
	},
	Adapt: func(s *losses.Spec, o HausdorffDTOptions) { s.Inseparable = coupled(o.Activation) },
	Reference: func(c *losses.Call, o HausdorffDTOptions) string {
		return losses.Reduced(fmt.Sprintf("(%s - target) ** 2 * (pred_dist ** %[2]s + target_dist ** %[2]s)", torchActivated(o.Activation), losses.Python(*o.Alpha)), o.Reduction)
	},
	Body: func(c *losses.Call, o HausdorffDTOptions) losses.Term {
		far := c.In("pred_dist").Pow(*o.Alpha).Add(c.In("target_dist").Pow(*o.Alpha))
		return losses.Each(activated(c, o.Activation).Sub(c.In("target")).Square().Mul(far))
	},
}

// MCCOptions configures [MCC].
type MCCOptions struct {
	Activation string           `opt:"activation" doc:"what makes probabilities of the input" choices:"none,sigmoid" try:"sigmoid"`
	PerChannel bool             `opt:"per_channel" doc:"a loss for each sample and channel, not one for all" try:"true"`
	Smooth     string           `opt:"smooth" doc:"where eps is added: to the four counts, or below the root, where the loss without errors is 0" choices:"counts,root" try:"root"`
	Eps        *float64         `opt:"eps" doc:"keeps the ratio defined" bounds:"[0,inf)" try:"1"`
	Reduction  losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MCC is 1 less the correlation of Matthews (Abhishek and Hamarneh, Matthews Correlation
// Coefficient Loss For Deep Convolutional Networks, 2021).
var MCC = &losses.Def[MCCOptions]{
	Spec: mapsSpec(losses.Spec{
		Name: "mcc", Aliases: []string{"matthews"}, Witness: smp,
		Title:   "1 less the correlation of Matthews of binary maps",
		Formula: "1 - (tp·tn - fp·fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn)), with eps added to tp, tn, fp and fn",
		Traps: []string{
			"segmentation-models-pytorch: the defaults, probabilities of the whole batch. monai: --per_channel --smooth root.",
			"With nothing predicted and nothing there the loss is 0.5, and its gradient as large as 1/(8·eps).",
		},
	}),
	Defaults: MCCOptions{Activation: "none", Smooth: "counts", Eps: new(1e-5), Reduction: losses.Mean},
	Ports: func(o MCCOptions) ([]losses.Input, []losses.Shapes) {
		return mapPorts(o.Activation, losses.Input{Name: "target", Doc: "0 or 1, or a probability", Domain: losses.Unit, Grad: losses.OnDemand})
	},
	Adapt: func(s *losses.Spec, o MCCOptions) {
		if !o.PerChannel {
			s.Inseparable = "a loss is that of the whole batch"
		}
		if o.Activation == "none" {
			s.Logits = ""
		}
	},
	Reference: func(c *losses.Call, o MCCOptions) string {
		sum, eps := ".sum()", losses.Python(*o.Eps)
		if o.PerChannel {
			sum = map[bool]string{true: "", false: ".flatten(2).sum(2)"}[len(c.Shape("input")) == 2]
		}
		inside, below := " + "+eps, ""
		if o.Smooth == "root" {
			inside, below = "", " + "+eps
		}
		loss := fmt.Sprintf("1 - (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)%s).sqrt()", below)
		if o.Smooth == "root" {
			loss = "torch.where((fp == 0) & (fn == 0), 0, " + loss + ")"
		}
		return fmt.Sprintf("(lambda p, t: (lambda tp, tn, fp, fn: %s)(*((a * b)%s%s for a, b in ((p, t), (1 - p, 1 - t), (p, 1 - t), (1 - p, t)))))(%s, target)", losses.Reduced(loss, o.Reduction), sum, inside, torchActivated(o.Activation))
	},
	Body: func(c *losses.Call, o MCCOptions) losses.Term {
		p, t := activated(c, o.Activation), c.In("target")
		q, u := parts.Complement(p), parts.Complement(t)
		count := func(v losses.Value) losses.Value {
			if o.PerChannel {
				v = pixelSum(c, v)
			} else {
				v = v.Sum()
			}
			if o.Smooth == "counts" {
				v = v.Shift(*o.Eps)
			}
			return v
		}
		tp, tn, fp, fn := count(p.Mul(t)), count(q.Mul(u)), count(p.Mul(u)), count(q.Mul(t))
		square := tp.Add(fp).Mul(tp.Add(fn)).Mul(tn.Add(fp)).Mul(tn.Add(fn))
		if o.Smooth == "root" {
			square = square.Shift(*o.Eps)
		}
		loss := parts.Complement(tp.Mul(tn).Sub(fp.Mul(fn)).Div(square.Sqrt()))
		if o.Smooth == "root" {
			exact := fp.Equal(fp.Like(0)).And(fn.Equal(fn.Like(0)))
			loss = builder.Where(exact, loss.Like(0), loss)
		}
		return losses.Each(loss)
	},
	Golden: mccCases(),
}

func mccCases() []losses.Case {
	var list []losses.Case
	for _, o := range []losses.Values{{"reduction": "none"}, {"reduction": "none", "per_channel": true, "smooth": "root"}} {
		name := fmt.Sprintf("_%v", o["per_channel"] == true)
		list = append(list,
			losses.Case{Name: "nothing" + name, Options: o, Fill: map[string]string{"input": "constant:0", "target": "constant:0"}},
			losses.Case{Name: "no_positive" + name, Options: o, Fill: map[string]string{"target": "constant:0"}},
			losses.Case{Name: "all" + name, Options: o, Fill: map[string]string{"input": "constant:1", "target": "constant:1"}},
			losses.Case{Name: "opposite" + name, Options: o, Fill: map[string]string{"input": "constant:0", "target": "constant:1"}})
	}
	return list
}

// BalancedBCEOptions configures [BalancedBCE].
type BalancedBCEOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BalancedBCE weighs both classes by the share of the other one (Xie and Tu,
// Holistically-Nested Edge Detection, 2015).
var BalancedBCE = &losses.Def[BalancedBCEOptions]{
	Spec: losses.Spec{
		Name: "balanced_bce", Aliases: []string{"balanced_binary_cross_entropy", "hed"}, Family: "segmentation", Witness: "mmsegmentation 1.2.2",
		Title:   "binary cross entropy, each class by the share of the other",
		Formula: "w·bce(input, target); w = 1 - mean(target) where target is 1, else mean(target)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "logits", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "0 or 1", Domain: losses.Event},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,H,W", Logits: "input", Sizes: small(),
		Traps: []string{
			"The shares are those of the batch. With one class alone all weights, and the loss, are 0.",
			"Both classes together weigh the same however rare one is, so the loss is small where one is rare. pytorch-toolbelt's gamma other than 1 changes the weights twice.",
		},
		Inseparable: "the weights are those of the whole batch",
	},
	Defaults: BalancedBCEOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o BalancedBCEOptions) string {
		return fmt.Sprintf("(lambda w: F.binary_cross_entropy_with_logits(input, target, torch.where(target == 1, 1 - w, w), reduction='%s'))(target.mean())", o.Reduction)
	},
	Body: func(c *losses.Call, o BalancedBCEOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		share := parts.Mean(t)
		weight := builder.Where(t.Equal(t.Like(1)), parts.Complement(share), share)
		return losses.Each(weight.Mul(parts.LogitCrossEntropy(x, t, losses.Value{})))
	},
	Golden: []losses.Case{
		{Name: "no_positive_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:0"}},
		{Name: "all_positive_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:1"}},
	},
}
