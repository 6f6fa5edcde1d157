package margin

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// MultiMarginOptions configures [MultiMargin].
type MultiMarginOptions struct {
	P         *int64           `opt:"p" doc:"power of each violation, 1 or 2" bounds:"[1,2]" try:"2"`
	Margin    *float64         `opt:"margin" doc:"distance that is demanded" bounds:"(-inf,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MultiMargin is the multi-class hinge loss.
var MultiMargin = &losses.Def[MultiMarginOptions]{
	Spec: losses.Spec{
		Name: "multi_margin", Class: "MultiMarginLoss", Family: "margin",
		NoSecond: "PyTorch does not differentiate its gradient",
		Title:    "hinge between the true class and all others",
		Formula:  "weight[target]·(sum over c != target of max(0, margin - input[target] + input[c])^p) / C",
		Torch:    "F.multi_margin_loss(input, {target}, p={p}, margin={margin}, weight={weight}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "scores, classes along the last axis", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "C"}},
			parts.ClassWeight(),
		},
		Shapes: []losses.Shapes{
			{"input": "N,C", "target": "N", "weight": "C"},
			{"input": "C", "target": "", "weight": "C"},
			{"input": "C", "target": "1", "weight": "C"},
			{"input": "", "target": "", "weight": "1"},
			{"input": "", "target": "1", "weight": "1"},
		},
		LabelPolicy: parts.RangePolicy, Classes: "C",
		Traps: []string{
			"The sum over classes is divided by their number C, also with none.",
			"A violation counts only where it is above 0, so a NaN score gives loss 0 and gradient 0, as in PyTorch.",
			"mean of an empty batch is NaN and sum 0 (PyTorch returns uninitialized memory).",
		},
		Undefined: []string{"empty_mean", "empty_sum"},
	},
	Defaults: MultiMarginOptions{P: new(int64(1)), Margin: new(1.0), Reduction: losses.Mean},
	Body: func(c *losses.Call, o MultiMarginOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		shape := y.Shape()
		for x.Rank() < 2 {
			x = x.Unsqueeze(0)
		}
		if y.Rank() == 0 {
			y = y.Unsqueeze(0)
		}
		y = y.Within(x.Shape()[1])
		loss := hingeRows(x, y.Unsqueeze(1), o).Squeeze(1).Div(c.B.Count(c.Compute, x.Shape()[1:]))
		if c.Has("weight") {
			loss = loss.Mul(c.In("weight").Gather(0, y))
		}
		if len(shape) == 0 {
			loss = loss.Squeeze(0)
		}
		return losses.Each(loss)
	},
	Golden: []losses.Case{
		{Name: "hinge_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"C": 3}, Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: 0.5, 3: 2, 4: 1, 5: -1}, "target": {0: 0, 1: 0}}},
		{Name: "number_and_list_none", Options: losses.Values{"reduction": "none"}, With: []string{"weight"}, Shapes: map[string]string{"input": "", "target": "1"}},
	},
}

// hingeRows sums max(0, margin - x_y + x_c)^p over the classes c other than y. A
// violation that is not above 0, such as NaN, counts as 0.
func hingeRows(x, index losses.Value, o MultiMarginOptions) losses.Value {
	z := x.Add(x.Pick(1, index).Neg().Shift(*o.Margin)) // rounded as PyTorch does: x may be tiny
	z = z.Put(1, index, x.Like(0).BroadcastTo(index.Shape()))
	above := z.Greater(z.Like(0))
	violation := z.ThresholdedRelu(0)
	value := violation
	if *o.P == 2 {
		value = violation.Square()
	}
	return builder.WithGradient("hinge_rows", value.SumKeep(1), []losses.Value{x, index}, func(dy losses.Value) []losses.Value {
		h := above.Cast(x.DType())
		if *o.P == 2 {
			h = violation.Scale(2)
		}
		return []losses.Value{h.Put(1, index, h.SumKeep(1).Neg()).Mul(dy), {}}
	})
}

// MultilabelMargin is the hinge between every listed class and every other.
var MultilabelMargin = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "multilabel_margin", Class: "MultiLabelMarginLoss", Family: "margin",
		NoSecond: "PyTorch does not differentiate its gradient",
		Title:    "hinge between each listed class and all classes not listed",
		Formula:  "(sum over listed j, unlisted i of max(0, 1 - input[j] + input[i])) / C",
		Torch:    "F.multilabel_margin_loss(input, {target}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "scores, classes along the last axis", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "the classes of each row, first come first; the list ends at the first -1", Domain: losses.Labels, Of: losses.Of{Axis: "C"}},
		},
		Shapes: []losses.Shapes{
			{"input": "N,C", "target": "N,C"},
			{"input": "C", "target": "C"},
			{"input": "", "target": ""},
			{"input": "", "target": "1"},
			{"input": "1", "target": ""},
		},
		LabelPolicy: "a label of C or more, or below -1, ends the run with an index error, as PyTorch raises", Classes: "C",
		Traps: []string{
			"target lists class numbers (it is no mask); what follows the first -1 does not count.",
			"A class that is listed twice counts twice. The sum is divided by the number of classes C, also with none.",
			"mean of an empty batch is NaN and sum 0 (PyTorch returns uninitialized memory).",
		},
		Undefined: []string{"empty_mean", "empty_sum"},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x, y := c.In("input"), c.In("target")
		rank := x.Rank()
		for x.Rank() < 2 {
			x = x.Unsqueeze(0)
		}
		for y.Rank() < 2 {
			y = y.Unsqueeze(0)
		}
		loss := listedHinge(x, y).Div(c.B.Count(c.Compute, x.Shape()[1:]))
		if rank < 2 {
			loss = loss.Squeeze(0)
		}
		return losses.Each(loss)
	},
	Golden: []losses.Case{
		{Name: "lists_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"target": {0: 3, 1: 0, 2: -1, 3: 1, 4: 2, 5: -1, 10: 1, 11: 1, 12: -1, 15: 0, 16: 1, 17: 2, 18: 3, 19: 4}}},
		{Name: "number_and_list_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "", "target": "1"}},
		{Name: "list_and_number_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "1", "target": ""}},
		{Name: "empty_lists_mean", Fill: map[string]string{"target": "constant:-1"}},
		{Name: "hinge_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"C": 3}, Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: 0.5}, "target": {0: 0, 1: -1}}},
	},
}

// listedHinge is multilabel_margin's sum per row. Axes: row, listed class, other
// class; the second is only as long as the longest list, where it can be.
func listedHinge(x, y losses.Value) losses.Value {
	zero := y.Like(0)
	none := y.Like(-1)
	classOf := builder.Where(y.Equal(none), zero, y).Within(x.Shape()[1])
	end := y.B().Constant(tensor.FromInts(y.DType(), []int64{1, 1}, []int64{-1})).BroadcastTo(tensor.Shape{y.Shape()[0], tensor.D(1)})
	length := builder.Concat(1, y, end).Less(zero).FirstTrue(1)
	if y.B().SizesFollowData() {
		classOf = classOf.Prefix(1, length.MaxAll(1))
	}
	listed := y.B().Iota(2, 1, classOf.Shape()[1]).Less(length)
	classes := x.B().Iota(3, 2, x.Shape()[1]).Cast(y.DType())
	own := builder.Where(listed, classOf, none).Unsqueeze(2).Equal(classes).Cast(x.DType()) // list entry j is class c
	unlisted := own.MaxKeep(1).Equal(x.Like(0))

	score := x.Pick(1, builder.Where(listed, classOf, zero))
	score = builder.Where(listed, score, x.Like(math.Inf(1)))  // which no class comes near
	z := x.Unsqueeze(1).Add(score.Neg().Shift(1).Unsqueeze(2)) // rounded as PyTorch does: x may be tiny
	counts := z.Greater(x.Like(0)).And(unlisted)
	value := builder.Where(counts, z, x.Like(0)).SumOver(1, 2)
	return builder.WithGradient("listed_hinge", value, []losses.Value{x}, func(dy losses.Value) []losses.Value {
		k := counts.Cast(x.DType())
		dx := k.Sub(own.Mul(k.SumKeep(2))).SumOver(1)
		if dy.Rank() > 0 {
			dy = dy.Unsqueeze(1)
		}
		return []losses.Value{dx.Mul(dy)}
	})
}
