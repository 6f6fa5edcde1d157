// Package parts has what declarations share: inputs, shapes, and pieces of bodies.
// Losses that are declared elsewhere use them, too.
package parts

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines pieces that losses over classes share.

// What labels do that are no classes, for [losses.Spec].
const (
	GatherPolicy = "ignore_index rows count as 0; any other label outside [0, C) ends the run with an index error, as PyTorch raises"
	RangePolicy  = "a label outside [0, C) ends the run with an index error, as PyTorch raises"
)

// Logits is the input of scores of classes.
func Logits() losses.Input {
	return losses.Input{Name: "input", Doc: "unnormalized scores, classes along axis 1 (axis 0 at rank 1)", Domain: losses.Real, Grad: losses.Default}
}

// ClassLabels is the target of one class for each row, of which option ignore_index
// names one that does not count.
func ClassLabels() losses.Input {
	return losses.Input{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "C", Ignored: "ignore_index"}}
}

// ClassProbabilities is the target of a probability for each class.
func ClassProbabilities() losses.Input {
	return losses.Input{Name: "target", Doc: "probability of each class", Domain: losses.Simplex, Of: losses.Of{Axis: "C"}, Grad: losses.OnDemand}
}

// ClassWeight is the optional weight of each class.
func ClassWeight() losses.Input {
	return losses.Input{Name: "weight", Doc: "weight of each class", Domain: losses.Weight, Optional: true}
}

// PerClass are the shapes of losses over classes with one label per row.
func PerClass() []losses.Shapes {
	return []losses.Shapes{
		{"input": "N,C,*", "target": "N,*", "weight": "C"},
		{"input": "C", "target": "", "weight": "C"},
	}
}

// Rows is the labels of a loss over classes, made safe.
type Rows struct {
	Axis   int          // of the classes
	Kept   losses.Both  // bool, shape of the labels
	labels losses.Value // 0 where not kept; others end the run outside of [0, C)
	weight string       // the PyTorch expression of each row's class weight
}

// Labeled reads the labels of logits x.
func Labeled(c *losses.Call, x losses.Value, ignore int64) Rows {
	y := c.In("target")
	r := Rows{Axis: c.ClassAxis(x)}
	r.Kept = losses.Both{Value: y.Equal(y.Like(float64(ignore))).Not(), Torch: c.Expand(fmt.Sprintf("{target} != %d", ignore), nil)}
	r.labels = builder.Where(r.Kept.Value, y, y.Like(0)).Within(x.Shape()[r.Axis])
	r.weight = c.Expand(fmt.Sprintf("weight[torch.where({target} == %d, 0, {target})]", ignore), nil)
	return r
}

// Index returns the labels with the class axis as size 1.
func (r Rows) Index() losses.Value { return r.labels.Unsqueeze(r.Axis) }

// OneHot returns 1 at the label of each row of x and 0 at the other classes.
func (r Rows) OneHot(x losses.Value) losses.Value {
	return r.labels.OneHot(r.Axis, x.Shape()[r.Axis], x.DType())
}

// Of returns each row's element of a vector of classes.
func (r Rows) Of(perClass losses.Value) losses.Value { return perClass.Gather(0, r.labels) }

// Flat removes the class axis.
func (r Rows) Flat(v losses.Value) losses.Value { return v.Squeeze(r.Axis) }

// PerRow returns each row's own class weight, or the zero Value.
func (r Rows) PerRow(c *losses.Call) losses.Value {
	if !c.Has("weight") {
		return losses.Value{}
	}
	return r.Of(c.In("weight"))
}

// AlongClasses shapes class weights for broadcasting against the input.
func AlongClasses(c *losses.Call, w, input losses.Value) losses.Value {
	var axes []int
	for i := range input.Rank() {
		if i != c.ClassAxis(input) {
			axes = append(axes, i)
		}
	}
	return w.Unsqueeze(axes...)
}

// Term reduces weighted rows: ignored rows are 0, and mean divides by the weight
// of the kept ones.
func (r Rows) Term(c *losses.Call, each, weight losses.Value) losses.Term {
	if weight.IsZero() {
		return losses.Term{Each: each, Kept: r.Kept, Divisor: losses.Both{Value: r.Kept.Cast(c.Compute), Torch: r.Kept.Torch}}
	}
	divisor := losses.Both{Value: builder.Where(r.Kept.Value, weight, weight.Like(0)), Torch: r.weight + " * (" + r.Kept.Torch + ")"}
	return losses.Term{Each: each, Kept: r.Kept, Divisor: divisor}
}
