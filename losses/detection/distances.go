package detection

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of boxes that add what keeps the boxes from each other to
// what they do not share.

// opposite are the corners of boxes, as pairs of coordinates along the last axis.
type opposite struct{ low, high losses.Value }

func cornersOf(boxes losses.Value) opposite {
	last := boxes.Rank() - 1
	return opposite{boxes.Slice(last, 0, 2), boxes.Slice(last, 2, 4)}
}

// product is that of both elements along the last axis, which is removed.
func product(pair losses.Value) losses.Value {
	last := pair.Rank() - 1
	element := func(i int64) losses.Value { return pair.Slice(last, i, i+1).Squeeze(last) }
	return element(0).Mul(element(1))
}

// sideSize is the size of a box along an axis, 0 for x.
func sideSize(c [4]losses.Value, axis int) losses.Value { return c[axis+2].Sub(c[axis]) }

// between is the distance from the center of the first box to that of the second, 0 for
// equal boxes.
func (b boxPair) between(axis int) losses.Value {
	twice := func(box [4]losses.Value) losses.Value { return box[axis].Add(box[axis+2]) }
	return twice(b.second).Sub(twice(b.first)).Scale(0.5)
}

// around are the sides of the smallest box around both.
func (b boxPair) around() [2]losses.Value {
	w, h := b.enclosing()
	return [2]losses.Value{w, h}
}

// Further pieces of expressions: c are the sides of the smallest box around both, d
// the distances of their centers, s and t their sizes.
const (
	torchAround  = "(torch.max(a[..., 2:], b[..., 2:]) - torch.min(a[..., :2], b[..., :2]))"
	torchBetween = "((b[..., :2] + b[..., 2:] - (a[..., :2] + a[..., 2:])) / 2)"
)

// EfficientBoxIoUOptions configures [EfficientBoxIoU].
type EfficientBoxIoUOptions struct {
	Eps       *float64         `opt:"eps" doc:"added to denominators" bounds:"(0,inf)" try:"1e-3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// EfficientBoxIoU adds distances of centers, widths and heights (Zhang et al., Focal and
// Efficient IOU Loss, 2021).
var EfficientBoxIoU = &losses.Def[EfficientBoxIoUOptions]{
	Spec: overBoxes(losses.Spec{
		Name: "efficient_box_iou", Aliases: []string{"eiou", "efficient_iou"},
		Title:   "1 - IoU, with distances of centers, widths and heights",
		Formula: "1 - I/(U + eps) + |d|^2/(|c|^2 + eps) + dw^2/(cw^2 + eps) + dh^2/(ch^2 + eps); d: distance of centers, c: sides of the enclosing box",
		Traps: []string{
			"mmdetection's EIoULoss is another one, the extended IoU.",
			"Some YOLO forks add eps to the heights, too.",
			touching,
		},
	}),
	Defaults: EfficientBoxIoUOptions{Eps: new(1e-7), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o EfficientBoxIoUOptions) string {
		eps := losses.Python(*o.Eps)
		loss := fmt.Sprintf("(lambda c, d, w: 1 - i / (u + %[1]s) + d.square().sum(-1) / (c.square().sum(-1) + %[1]s) + (w.square() / (c.square() + %[1]s)).sum(-1))(%[2]s, %[3]s, (a[..., 2:] - a[..., :2]) - (b[..., 2:] - b[..., :2]))", eps, torchAround, torchBetween)
		return torchBoxes(loss, o.Reduction)
	},
	Body: func(c *losses.Call, o EfficientBoxIoUOptions) losses.Term {
		b := boxesOf(c)
		intersection, union := b.overlap()
		loss := parts.Complement(intersection.Div(union.Shift(*o.Eps)))
		var far, diagonal losses.Value
		for axis, side := range b.around() {
			d, square := b.between(axis).Square(), side.Square()
			if axis == 0 {
				far, diagonal = d, square
			} else {
				far, diagonal = far.Add(d), diagonal.Add(square)
			}
			size := sideSize(b.first, axis).Sub(sideSize(b.second, axis))
			loss = loss.Add(size.Square().Div(square.Shift(*o.Eps)))
		}
		return losses.Each(loss.Add(far.Div(diagonal.Shift(*o.Eps))))
	},
	Golden: append(boxCases("none"), equalBoxes()),
}

// SIoUOptions configures [SIoU].
type SIoUOptions struct {
	NegGamma  *bool            `opt:"neg_gamma" doc:"the distance costs more where it is along an axis, as in the paper" try:"false"`
	Theta     *float64         `opt:"theta" doc:"power of the cost of shapes" bounds:"[1,inf)" try:"2"`
	Eps       *float64         `opt:"eps" doc:"added to distances of centers, heights and the union" bounds:"(0,inf)" try:"1e-3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// SIoU adds costs of distance, its angle, and shape (Gevorgyan, SIoU Loss, 2022).
var SIoU = &losses.Def[SIoUOptions]{
	Spec: overBoxes(losses.Spec{
		Name: "siou", Aliases: []string{"scylla_iou"}, Witness: mmdetection,
		Title:   "1 - IoU, with costs of the distance, its angle and the shapes",
		Formula: "1 - clamp(IoU - (distance + shape)/2, -1, 1); distance = sum of 1 - exp(g·(d/c)^2), g = 2·|dx·dy|/(dx^2 + dy^2) - 2; shape = sum of (1 - exp(-|s - t|/max(s, t)))^theta",
		Traps: []string{
			"mmdetection's default flips the sign of g, against the paper: its loss is --neg_gamma false.",
			"The angle's cost sin(2·asin(s)) is written 2·|dx·dy|/(dx^2 + dy^2), which is the same.",
			"Boxes of width 0 both give NaN (0/0): eps is added to heights alone, as in mmdetection.",
		},
	}),
	Defaults: SIoUOptions{NegGamma: new(true), Theta: new(4.0), Eps: new(1e-6), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SIoUOptions) string {
		eps, g := losses.Python(*o.Eps), "2 * d.abs().prod(-1) / d.square().sum(-1) - 2"
		if !*o.NegGamma {
			g = "2 - 2 * d.abs().prod(-1) / d.square().sum(-1)"
		}
		cost := fmt.Sprintf("(1 - torch.exp((%s).unsqueeze(-1) * (d / c) ** 2)).sum(-1) + ((1 - torch.exp(-(s - t).abs() / torch.max(s, t))) ** %s).sum(-1)", g, losses.Python(*o.Theta))
		size := func(box string) string {
			return fmt.Sprintf("(%[1]s[..., 2:] - %[1]s[..., :2] + torch.tensor([0.0, %[2]s], dtype=a.dtype))", box, eps)
		}
		loss := fmt.Sprintf("(lambda c, d, s, t: 1 - (i / (u + %[1]s) - 0.5 * (%[2]s)).clamp(-1, 1))(%[3]s.clamp_min(%[1]s), %[4]s + %[1]s, %[5]s, %[6]s)", eps, cost, torchAround, torchBetween, size("a"), size("b"))
		return torchBoxes(loss, o.Reduction)
	},
	Body: func(c *losses.Call, o SIoUOptions) losses.Term {
		a, b := cornersOf(c.In("boxes1")), cornersOf(c.In("boxes2"))
		s, t := a.high.Sub(a.low), b.high.Sub(b.low)
		intersection := product(a.high.Min(b.high).Sub(a.low.Max(b.low)).Relu())
		iou := intersection.Div(product(s).Add(product(t)).Sub(intersection).Shift(*o.Eps))
		last := s.Rank() - 1
		d := b.low.Add(b.high).Sub(a.low.Add(a.high)).Scale(0.5).Shift(*o.Eps)
		g := product(d.Abs()).Scale(2).Div(d.Square().SumOver(last)).Shift(-2)
		if !*o.NegGamma {
			g = g.Neg()
		}
		around := parts.AtLeast(a.high.Max(b.high).Sub(a.low.Min(b.low)), *o.Eps)
		distance := parts.Complement(g.Unsqueeze(last).Mul(d.Div(around).Square()).Exp())
		height := c.B.Constant(tensor.FromFloats(c.Compute, []int64{2}, []float64{0, *o.Eps}))
		s, t = s.Add(height), t.Add(height)
		shape := parts.Complement(s.Sub(t).Abs().Neg().Div(s.Max(t)).Exp()).Pow(*o.Theta)
		cost := distance.SumOver(last).Add(shape.SumOver(last))
		return losses.Each(parts.Complement(iou.Sub(cost.Scale(0.5)).Clip(-1, 1)))
	},
	Golden: append(boxCases("none"), equalBoxes()),
}

// NWDOptions configures [NWD].
type NWDOptions struct {
	Constant  *float64         `opt:"constant" doc:"what distances are divided by, such as the mean size of the objects" bounds:"(0,inf)" try:"2"`
	Eps       float64          `opt:"eps" doc:"added below the root" bounds:"[0,inf)" try:"1e-7"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// NWD is 1 less the normalized Wasserstein distance of boxes (Wang et al., A Normalized
// Gaussian Wasserstein Distance for Tiny Object Detection, 2021).
var NWD = &losses.Def[NWDOptions]{
	Spec: overBoxes(losses.Spec{
		Name: "nwd", Aliases: []string{"normalized_wasserstein"},
		Title:   "distance of tiny boxes as normal distributions",
		Formula: "1 - exp(-sqrt(|distance of centers|^2 + |difference of half the sizes|^2 + eps) / constant)",
		Traps: []string{
			"Equal boxes have no finite gradient without eps: the root of 0.",
			"constant is in pixels, and depends on the data set: 12.8 is the paper's.",
		},
	}),
	Defaults: NWDOptions{Constant: new(12.8), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o NWDOptions) string {
		square := "((g(boxes1) - g(boxes2)) ** 2).sum(-1)"
		if o.Eps > 0 {
			square = "(" + square + " + " + losses.Python(o.Eps) + ")"
		}
		return "(lambda g: " + losses.Reduced("1 - torch.exp(-"+square+".sqrt() / "+losses.Python(*o.Constant)+")", o.Reduction) +
			")(lambda b: torch.cat([(b[..., :2] + b[..., 2:]) / 2, (b[..., 2:] - b[..., :2]) / 2], -1))"
	},
	Body: func(c *losses.Call, o NWDOptions) losses.Term {
		b := boxesOf(c)
		square := c.Const(o.Eps)
		for axis := range 2 {
			size := sideSize(b.first, axis).Sub(sideSize(b.second, axis)).Scale(0.5)
			square = square.Add(b.between(axis).Square()).Add(size.Square())
		}
		return losses.Each(parts.Complement(square.Sqrt().Neg().Div(c.Const(*o.Constant)).Exp()))
	},
	Golden: append(boxCases("none"), equalBoxes()),
}

// equalBoxes are boxes whose corners do not add up exactly: what cancels is no rounding.
func equalBoxes() losses.Case {
	box := losses.Edge{0: 0.1, 1: 0.2, 2: 1e3 + 0.3, 3: 3e3 + 0.7}
	return losses.Case{Name: "equal_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"boxes2": "like:boxes1"},
		Set: map[string]losses.Edge{"boxes1": box, "boxes2": box}}
}
