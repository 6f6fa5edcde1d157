package losses

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
)

// This file defines pieces that losses over classes share.

const gatherPolicy = "ignore_index rows count as 0; any other label outside [0, C) ends the run with an index error, as PyTorch raises"

var (
	logits             = Input{Name: "input", Doc: "unnormalized scores, classes along axis 1 (axis 0 at rank 1)", Domain: Real, Grad: Default}
	classLabels        = Input{Name: "target", Doc: "class of each row", Domain: Class, Of: Of{Axis: "C", Ignored: "ignore_index"}}
	classProbabilities = Input{Name: "target", Doc: "probability of each class", Domain: Simplex, Of: Of{Axis: "C"}, Grad: OnDemand}
	classWeight        = Input{Name: "weight", Doc: "weight of each class", Domain: Weight, Optional: true}
)

// perClass are the shapes of losses over classes with one label per row.
func perClass() []Shapes {
	return []Shapes{
		{"input": "N,C,*", "target": "N,*", "weight": "C"},
		{"input": "C", "target": "", "weight": "C"},
	}
}

// classAxis is PyTorch's: 1, or 0 for a single row.
func classAxis(x Value) int {
	if x.Rank() == 1 {
		return 0
	}
	return 1
}

// labelCounts is the PyTorch expression of what a row counts: whether its label
// is kept, or its class weight.
func labelCounts(c *Call, ignore int64) string {
	if !c.Has("weight") {
		return c.expand(fmt.Sprintf("{target} != %d", ignore), nil)
	}
	return c.expand(fmt.Sprintf("weight[torch.where({target} == %d, 0, {target})] * ({target} != %d)", ignore, ignore), nil)
}

// rows is the labels of a loss over classes, made safe.
type rows struct {
	axis   int   // of the classes
	kept   Value // bool, shape of the labels
	labels Value // 0 where not kept; others end the run outside of [0, C)
}

// labeled reads the labels of logits x.
func labeled(c *Call, x Value, ignore int64) rows {
	y := c.In("target")
	r := rows{axis: classAxis(x)}
	r.kept = y.Equal(y.Like(float64(ignore))).Not()
	r.labels = builder.Where(r.kept, y, y.Like(0)).Within(x.Shape()[r.axis])
	return r
}

// index returns the labels with the class axis as size 1.
func (r rows) index() Value { return r.labels.Unsqueeze(r.axis) }

// flat removes the class axis.
func (r rows) flat(v Value) Value { return v.Squeeze(r.axis) }

// perRow returns each row's own class weight, or the zero Value.
func (r rows) perRow(c *Call) Value {
	if !c.Has("weight") {
		return Value{}
	}
	return c.In("weight").Gather(0, r.labels)
}

// alongClasses shapes class weights for broadcasting against the input.
func alongClasses(w, input Value) Value {
	var axes []int
	for i := range input.Rank() {
		if i != classAxis(input) {
			axes = append(axes, i)
		}
	}
	return w.Unsqueeze(axes...)
}

// term reduces weighted rows: ignored rows are 0, and mean divides by the weight
// of the kept ones.
func (r rows) term(c *Call, each, weight Value) Term {
	if weight.IsZero() {
		return Term{Each: each, Kept: r.kept, Divisor: r.kept.Cast(c.Compute)}
	}
	return Term{Each: each, Kept: r.kept, Divisor: builder.Where(r.kept, weight, weight.Like(0))}
}
