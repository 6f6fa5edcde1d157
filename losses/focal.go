package losses

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
)

// FocalOptions configures [Focal].
type FocalOptions struct {
	Gamma       *float64  `opt:"gamma" doc:"how strongly well-classified rows are played down" bounds:"[0,inf)" try:"0;1;1.5"`
	Alpha       *float64  `opt:"alpha" doc:"factor of every row's loss" bounds:"[0,inf)" try:"0.25"`
	IgnoreIndex *int64    `opt:"ignore_index" doc:"label whose rows count as loss 0" try:"1"`
	Reduction   Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Focal is cross entropy that plays down rows which are classified well already
// (Lin et al., Focal Loss for Dense Object Detection, 2017), over a softmax.
var Focal = &Def[FocalOptions]{
	Spec: Spec{
		Name: "focal", Aliases: []string{"focal_loss", "softmax_focal"}, Family: "classification",
		Title:   "cross entropy that plays down easy rows",
		Formula: "ce = cross_entropy; pt = exp(-ce); alpha·weight[target]·(1 - pt)^gamma·ce",
		Inputs:  []Input{logits, classLabels, classWeight}, Shapes: perClass(),
		LabelPolicy: gatherPolicy, Logits: "input",
		Traps: []string{
			"This is the focal loss of a softmax over classes; torchvision's, over independent sigmoids, is sigmoid_focal.",
			"Mean divides by the number of all rows, ignored ones included (cross_entropy divides by the kept ones).",
			"weight multiplies the row's loss; pt is computed without it.",
			"With gamma below 1 the gradient is not finite where pt rounds to 1, as in PyTorch.",
		},
	},
	Defaults:  FocalOptions{Gamma: new(2.0), IgnoreIndex: new(int64(-100)), Reduction: Mean},
	Reference: focalReference,
	Body: func(c *Call, o FocalOptions) Term {
		x := c.In("input")
		r := labeled(c, x, *o.IgnoreIndex)
		ce := r.flat(x.SoftmaxNLL(r.axis, r.index()))
		ce = builder.Where(r.kept, ce, ce.Like(0))
		pt := ce.Neg().Exp()
		loss := pt.Neg().Shift(1).Pow(*o.Gamma).Mul(ce)
		if o.Alpha != nil {
			loss = loss.Scale(*o.Alpha)
		}
		if w := r.perRow(c); !w.IsZero() {
			loss = loss.Mul(w)
		}
		return each(loss)
	},
}

func focalReference(c *Call, o FocalOptions) string {
	row := "(1 - torch.exp(-ce)) ** " + python(*o.Gamma) + " * ce"
	if o.Alpha != nil {
		row = python(*o.Alpha) + " * (" + row + ")"
	}
	if c.Has("weight") {
		row = c.expand(fmt.Sprintf("weight[torch.where({target} == %d, 0, {target})] * (%s)", *o.IgnoreIndex, row), nil)
	}
	ce := c.expand(fmt.Sprintf("F.cross_entropy(input, {target}, ignore_index=%d, reduction='none')", *o.IgnoreIndex), nil)
	return fmt.Sprintf("(lambda ce: %s)(%s)", Reduced(row, o.Reduction), ce)
}
