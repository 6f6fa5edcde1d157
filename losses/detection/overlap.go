package detection

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of the overlap of boxes alone.

// overBoxes completes the spec of a loss of boxes.
func overBoxes(s losses.Spec) losses.Spec {
	s.Family, s.Inputs, s.Shapes, s.Star, s.Broadcast, s.CheckShapes = "detection", boxInputs(), boxShapes(), "N", []string{"boxes2"}, fourCorners
	s.Sizes = map[string]int64{"A": 2, "B": 2, "E": 2}
	return s
}

// Pieces of the expressions of boxes a and b: intersections, whose sides are at least
// 0, and unions.
const (
	torchMeet  = "(torch.min(a[..., 2:], b[..., 2:]) - torch.max(a[..., :2], b[..., :2])).clamp_min(0).prod(-1)"
	torchUnion = "((a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1]) + (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) - i)"
)

// torchBoxes writes a loss of boxes a and b, their intersection i and union u.
func torchBoxes(loss string, r losses.Reduction) string {
	return fmt.Sprintf("(lambda a, b: (lambda i: (lambda u: %s)(%s))(%s))(*torch.broadcast_tensors(boxes1, boxes2))", losses.Reduced(loss, r), torchUnion, torchMeet)
}

// boxesOf are the two inputs.
func boxesOf(c *losses.Call) boxPair {
	return boxPair{corners(c.In("boxes1")), corners(c.In("boxes2"))}
}

// IoUOptions configures [IoU].
type IoUOptions struct {
	Mode      string           `opt:"mode" doc:"what is made of the overlap: -log(IoU), 1 - IoU or 1 - IoU^2" choices:"log,linear,square" try:"linear;square"`
	Eps       *float64         `opt:"eps" doc:"least union, and least IoU" bounds:"(0,inf)" try:"1e-3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// IoU is a loss of the intersection over union of boxes (Yu et al., UnitBox, 2016).
var IoU = &losses.Def[IoUOptions]{
	Spec: overBoxes(losses.Spec{
		Name: "iou", Aliases: []string{"box_iou", "unitbox"}, Witness: mmdetection,
		Title:   "negative logarithm of the overlap of boxes",
		Formula: "iou = max(I / max(U, eps), eps); -log(iou), 1 - iou or 1 - iou^2",
		Traps: []string{
			"Boxes that do not overlap have the largest loss, -log(eps), and no gradient: nothing pulls them together. Use generalized_box_iou or its successors.",
			"mmdetection's default mode is log; others call 1 - IoU by this name: --mode linear.",
			"Boxes that are equal have no gradient.",
		},
	}),
	Defaults: IoUOptions{Mode: "log", Eps: new(1e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o IoUOptions) string {
		eps := losses.Python(*o.Eps)
		iou := fmt.Sprintf("(i / u.clamp_min(%[1]s)).clamp_min(%[1]s)", eps)
		return torchBoxes(map[string]string{"log": "-" + iou + ".log()", "linear": "1 - " + iou, "square": "1 - " + iou + " ** 2"}[o.Mode], o.Reduction)
	},
	Body: func(c *losses.Call, o IoUOptions) losses.Term {
		intersection, union := boxesOf(c).overlap()
		iou := parts.AtLeast(intersection.Div(parts.AtLeast(union, *o.Eps)), *o.Eps)
		switch o.Mode {
		case "log":
			return losses.Each(iou.Log().Neg())
		case "square":
			iou = iou.Square()
		}
		return losses.Each(parts.Complement(iou))
	},
	Golden: boxCases("none"),
}

// AlphaIoUOptions configures [AlphaIoU].
type AlphaIoUOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"power of the overlap" bounds:"(0,inf)" try:"1;2.5"`
	Eps       *float64         `opt:"eps" doc:"added to the union" bounds:"(0,inf)" try:"1e-3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// AlphaIoU is 1 less a power of the overlap (He et al., Alpha-IoU, 2021).
var AlphaIoU = &losses.Def[AlphaIoUOptions]{
	Spec: overBoxes(losses.Spec{
		Name:    "alpha_iou",
		Title:   "1 less a power of the overlap of boxes",
		Formula: "1 - (I / (U + eps))^alpha",
		Traps: []string{
			"Boxes that do not overlap have loss 1 and no gradient.",
			"A power above 1 weighs boxes that fit well already; with one below 1 the gradient of boxes that do not overlap is not finite.",
		},
	}),
	Defaults: AlphaIoUOptions{Alpha: new(3.0), Eps: new(1e-7), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o AlphaIoUOptions) string {
		return torchBoxes(fmt.Sprintf("1 - (i / (u + %s)) ** %s", losses.Python(*o.Eps), losses.Python(*o.Alpha)), o.Reduction)
	},
	Body: func(c *losses.Call, o AlphaIoUOptions) losses.Term {
		intersection, union := boxesOf(c).overlap()
		return losses.Each(parts.Complement(intersection.Div(union.Shift(*o.Eps)).Pow(*o.Alpha)))
	},
	Golden: boxCases("none"),
}

// BoundedIoUOptions configures [BoundedIoU].
type BoundedIoUOptions struct {
	Beta      *float64         `opt:"beta" doc:"where the loss becomes linear" bounds:"(0,inf)" try:"0.5"`
	Eps       *float64         `opt:"eps" doc:"added to denominators" bounds:"(0,inf)" try:"1e-2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BoundedIoU is a smooth loss of upper bounds of the overlap (Tychsen-Smith and
// Petersson, Improving Object Localization with Fitness NMS and Bounded IoU Loss, 2018).
var BoundedIoU = &losses.Def[BoundedIoUOptions]{
	Spec: overBoxes(losses.Spec{
		Name: "bounded_iou", Witness: mmdetection,
		Title:   "smooth loss of the overlaps that each coordinate allows",
		Formula: "smooth_l1 of 1 - max((t - 2·|d|) / (t + 2·|d| + eps), 0) and of 1 - min(t/(s + eps), s/(t + eps)); d: distance of centers, s and t: sizes, of both axes",
		Traps: []string{
			"Unreduced there are four losses for each box: x, y, width, height. Mean divides by their number.",
		},
		Inseparable: "there are four losses for each box",
	}),
	Defaults: BoundedIoUOptions{Beta: new(0.2), Eps: new(1e-3), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o BoundedIoUOptions) string {
		beta, eps := losses.Python(*o.Beta), losses.Python(*o.Eps)
		each := fmt.Sprintf("torch.cat([1 - torch.max((t - 2 * d) / (t + 2 * d + %[1]s), torch.zeros_like(d)), 1 - torch.min(t / (s + %[1]s), s / (t + %[1]s))], -1)", eps)
		smooth := losses.Reduced(fmt.Sprintf("torch.where(l < %[1]s, 0.5 * l * l / %[1]s, l - 0.5 * %[1]s)", beta), o.Reduction)
		return fmt.Sprintf("(lambda a, b: (lambda d, s, t: (lambda l: %s)(%s))((((b[..., :2] + b[..., 2:]) - (a[..., :2] + a[..., 2:])) * 0.5).abs(), a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]))(*torch.broadcast_tensors(boxes1, boxes2))", smooth, each)
	},
	Body: func(c *losses.Call, o BoundedIoUOptions) losses.Term {
		b, last := boxesOf(c), c.In("boxes1").Rank()-1
		var centers, sizes []losses.Value
		for i := range 2 {
			d := b.second[i].Add(b.second[i+2]).Sub(b.first[i].Add(b.first[i+2])).Scale(0.5).Abs().Scale(2)
			s, t := b.first[i+2].Sub(b.first[i]), b.second[i+2].Sub(b.second[i])
			bound := t.Sub(d).Div(t.Add(d).Shift(*o.Eps))
			centers = append(centers, bound.Max(bound.Like(0)).Unsqueeze(last))
			sizes = append(sizes, t.Div(s.Shift(*o.Eps)).Min(s.Div(t.Shift(*o.Eps))).Unsqueeze(last))
		}
		l := parts.Complement(builder.Concat(last, append(centers, sizes...)...))
		beta := l.Like(*o.Beta)
		return losses.Each(builder.Where(l.Less(beta), l.Square().Scale(0.5 / *o.Beta), l.Shift(-0.5**o.Beta)))
	},
	Golden: boxCases("none"),
}
