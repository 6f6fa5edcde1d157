package classification

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// FocalOptions configures [Focal].
type FocalOptions struct {
	Gamma       *float64         `opt:"gamma" doc:"how strongly well-classified rows are played down" bounds:"[0,inf)" try:"0;1;1.5"`
	Alpha       *float64         `opt:"alpha" doc:"factor of every row's loss" bounds:"[0,inf)" try:"0.25"`
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose rows count as loss 0" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Focal is cross entropy that plays down rows which are classified well already
// (Lin et al., Focal Loss for Dense Object Detection, 2017), over a softmax.
var Focal = &losses.Def[FocalOptions]{
	Spec: losses.Spec{
		Name: "focal", Aliases: []string{"focal_loss", "softmax_focal"}, Family: "classification",
		Title:   "cross entropy that plays down easy rows",
		Formula: "ce = cross_entropy; pt = exp(-ce); alpha·weight[target]·(1 - pt)^gamma·ce",
		Inputs:  []losses.Input{parts.Logits(), parts.ClassLabels(), parts.ClassWeight()}, Shapes: parts.PerClass(),
		LabelPolicy: parts.GatherPolicy, Logits: "input", Classes: "C",
		Traps: []string{
			"This is the focal loss of a softmax over classes; torchvision's, over independent sigmoids, is sigmoid_focal.",
			"Mean divides by the number of all rows, ignored ones included (cross_entropy divides by the kept ones).",
			"weight multiplies the row's loss; pt is computed without it.",
			"With gamma below 1 the gradient is not finite where pt rounds to 1, as in PyTorch.",
		},
	},
	Defaults:  FocalOptions{Gamma: new(2.0), IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Reference: focalReference,
	Body: func(c *losses.Call, o FocalOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		ce := r.Flat(x.SoftmaxNLL(r.Axis, r.Index()))
		ce = builder.Where(r.Kept.Value, ce, ce.Like(0))
		pt := ce.Neg().Exp()
		loss := pt.Neg().Shift(1).Pow(*o.Gamma).Mul(ce)
		if o.Alpha != nil {
			loss = loss.Scale(*o.Alpha)
		}
		if w := r.PerRow(c); !w.IsZero() {
			loss = loss.Mul(w)
		}
		return losses.Each(loss)
	},
}

func focalReference(c *losses.Call, o FocalOptions) string {
	row := "(1 - torch.exp(-ce)) ** " + losses.Python(*o.Gamma) + " * ce"
	if o.Alpha != nil {
		row = losses.Python(*o.Alpha) + " * (" + row + ")"
	}
	if c.Has("weight") {
		row = c.Expand(fmt.Sprintf("weight[torch.where({target} == %d, 0, {target})] * (%s)", *o.IgnoreIndex, row), nil)
	}
	ce := c.Expand(fmt.Sprintf("F.cross_entropy(input, {target}, ignore_index=%d, reduction='none')", *o.IgnoreIndex), nil)
	return fmt.Sprintf("(lambda ce: %s)(%s)", losses.Reduced(row, o.Reduction), ce)
}
