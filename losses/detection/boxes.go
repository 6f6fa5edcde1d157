package detection

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// BoxOptions configures the losses of boxes.
type BoxOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
	Eps       *float64         `opt:"eps" doc:"added to denominators" bounds:"(-inf,inf)" try:"1e-3;-1e-3"`
}

// boxLoss declares one of torchvision's losses of boxes.
func boxLoss(name, short, title, formula string, traps []string, body func(b boxPair, eps float64) losses.Value) *losses.Def[BoxOptions] {
	return &losses.Def[BoxOptions]{
		Spec: losses.Spec{
			Name: name, Aliases: []string{short}, Family: "detection",
			Title: title, Formula: formula,
			Witness: torchvision,
			Torch:   "tv." + name + "_loss(boxes1, boxes2, reduction={reduction}, eps={eps})",
			Inputs:  boxInputs(), Shapes: boxShapes(), Star: "N", Broadcast: []string{"boxes2"}, CheckShapes: fourCorners,
			Traps: append([]string{
				"The default reduction is none, as in torchvision. The mean of no boxes is 0.",
				touching,
			}, traps...),
		},
		Defaults: BoxOptions{Reduction: losses.None, Eps: new(1e-7)},
		Body: func(c *losses.Call, o BoxOptions) losses.Term {
			return losses.Term{Each: body(boxPair{corners(c.In("boxes1")), corners(c.In("boxes2"))}, *o.Eps), EmptyIsZero: true}
		},
		Golden: boxCases("none"),
	}
}

// touching is what losses of boxes do at an edge.
const touching = "Boxes that only touch do not intersect. Where two edges coincide, each box gets half of the gradient."

func boxInputs() []losses.Input {
	return []losses.Input{
		{Name: "boxes1", Doc: "predicted boxes as x1, y1, x2, y2", Domain: losses.Box, Grad: losses.Default},
		{Name: "boxes2", Doc: "true boxes as x1, y1, x2, y2", Domain: losses.Box, Grad: losses.OnDemand},
	}
}

func boxShapes() []losses.Shapes { return []losses.Shapes{{"boxes1": "*,4", "boxes2": "*,4"}} }

// boxCases are golden cases of boxes that touch, of fewer true boxes, and of boxes
// without an area. single is the reduction of those that show each loss.
func boxCases(single string) []losses.Case {
	alone := losses.WithReduction(nil, single)
	return []losses.Case{
		{Name: "touching_none", Options: alone, Set: map[string]losses.Edge{
			"boxes1": {0: 0, 1: 0, 2: 1, 3: 1, 4: 0, 5: 0, 6: 2, 7: 2, 8: 1, 9: 1, 10: 3, 11: 3},
			"boxes2": {0: 1, 1: 0, 2: 2, 3: 1, 4: 0, 5: 0, 6: 2, 7: 2, 8: 4, 9: 4, 10: 5, 11: 6},
		}},
		{Name: "one_true_box_none", Options: alone, Shapes: map[string]string{"boxes1": "N,4", "boxes2": "4"}},
		{Name: "one_per_image_mean", Options: losses.Values{"reduction": "mean"}, Shapes: map[string]string{"boxes1": "N,B,4", "boxes2": "N,1,4"}},
		{Name: "same_in_all_images_sum", Options: losses.Values{"reduction": "sum"}, Shapes: map[string]string{"boxes1": "N,B,4", "boxes2": "B,4"}},
		{Name: "degenerate_none", Options: alone, Set: map[string]losses.Edge{"boxes1": {0: 1, 1: 1, 2: 1, 3: 3, 4: 2, 5: 2, 6: 2, 7: 2, 8: 3, 9: 3, 10: 1, 11: 1}}},
	}
}

// fourCorners lets boxes2 broadcast to boxes1, but for the corners.
func fourCorners(shapes map[string]tensor.Shape) error {
	if s := shapes["boxes2"]; len(s) == 0 || !s[len(s)-1].Is(4) {
		return fmt.Errorf("boxes2 %v must have a last axis of 4", s)
	}
	return parts.Fitting("boxes1", "boxes2")(shapes)
}

// GeneralizedBoxIoU is 1 - GIoU (Rezatofighi et al., 2019).
var GeneralizedBoxIoU = boxLoss("generalized_box_iou", "giou", "1 - generalized IoU of boxes (torchvision)",
	"1 - I/(U + eps) + (C - U)/(C + eps), with C the area of the enclosing box", nil,
	func(b boxPair, eps float64) losses.Value {
		intersection, union := b.overlap()
		w, h := b.enclosing()
		area := w.Mul(h)
		iou := intersection.Div(union.Shift(eps))
		return iou.Sub(area.Sub(union).Div(area.Shift(eps))).Neg().Shift(1)
	})

// DistanceBoxIoU is 1 - DIoU (Zheng et al., 2020).
var DistanceBoxIoU = boxLoss("distance_box_iou", "diou", "1 - distance IoU of boxes (torchvision)",
	"1 - I/(U + eps) + (distance of centers)^2 / (diagonal of the enclosing box)^2", nil,
	func(b boxPair, eps float64) losses.Value {
		loss, _ := b.distanceIoU(eps)
		return loss
	})

// CompleteBoxIoU is 1 - CIoU (Zheng et al., 2020).
var CompleteBoxIoU = func() *losses.Def[BoxOptions] {
	d := boxLoss("complete_box_iou", "ciou", "1 - complete IoU of boxes (torchvision)",
		"distance_box_iou + alpha·v, v = (4/pi^2)·(atan(w2/h2) - atan(w1/h1))^2, alpha = v/(1 - IoU + v + eps)",
		[]string{
			"alpha counts as a constant in the gradient, as in torchvision.",
			"eps acts on alpha only: torchvision does not pass it on to the distance IoU, which uses 1e-7.",
			"A box of height and width 0 gives NaN (0/0).",
		}, completeIoU)
	d.NotDerivative = "alpha is a constant in the gradient, as in torchvision"
	return d
}()

func completeIoU(b boxPair, eps float64) losses.Value {
	loss, iou := b.distanceIoU(1e-7)
	angle := func(c [4]losses.Value) losses.Value { return c[2].Sub(c[0]).Div(c[3].Sub(c[1])).Atan() }
	v := angle(b.second).Sub(angle(b.first)).Square().Scale(4 / (math.Pi * math.Pi))
	alpha := v.Div(iou.Neg().Shift(1).Add(v).Shift(eps)).StopGradient()
	return loss.Add(alpha.Mul(v))
}

// boxPair is two sets of boxes, as their columns x1, y1, x2, y2.
type boxPair struct{ first, second [4]losses.Value }

func corners(boxes losses.Value) (c [4]losses.Value) {
	last := boxes.Rank() - 1
	for i := range c {
		c[i] = boxes.Slice(last, int64(i), int64(i)+1).Squeeze(last)
	}
	return c
}

func area(c [4]losses.Value) losses.Value { return c[2].Sub(c[0]).Mul(c[3].Sub(c[1])) }

// overlap returns the areas of intersection and union.
func (b boxPair) overlap() (intersection, union losses.Value) {
	x1, y1 := b.first[0].Max(b.second[0]), b.first[1].Max(b.second[1])
	x2, y2 := b.first[2].Min(b.second[2]), b.first[3].Min(b.second[3])
	meet := y2.Greater(y1).And(x2.Greater(x1))
	intersection = builder.Where(meet, x2.Sub(x1).Mul(y2.Sub(y1)), x1.Like(0))
	return intersection, area(b.first).Add(area(b.second)).Sub(intersection)
}

// enclosing returns the width and height of the smallest box around both.
func (b boxPair) enclosing() (w, h losses.Value) {
	w = b.first[2].Max(b.second[2]).Sub(b.first[0].Min(b.second[0]))
	h = b.first[3].Max(b.second[3]).Sub(b.first[1].Min(b.second[1]))
	return w, h
}

// distanceIoU returns the loss and the IoU.
func (b boxPair) distanceIoU(eps float64) (loss, iou losses.Value) {
	intersection, union := b.overlap()
	iou = intersection.Div(union.Shift(eps))
	w, h := b.enclosing()
	diagonal := w.Square().Add(h.Square()).Shift(eps)
	center := func(c [4]losses.Value, i int) losses.Value { return c[i].Add(c[i+2]).Scale(0.5) }
	dx := center(b.first, 0).Sub(center(b.second, 0))
	dy := center(b.first, 1).Sub(center(b.second, 1))
	distance := dx.Square().Add(dy.Square())
	return iou.Neg().Shift(1).Add(distance.Div(diagonal)), iou
}
