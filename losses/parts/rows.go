package parts

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// This file defines what losses share that have one class for each row of scores:
// options, inputs, and how rows are reduced, as those of cross entropy are.

// RowOptions are the options of all of them.
type RowOptions struct {
	IgnoreIndex *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// DefaultRows are the defaults of RowOptions.
func DefaultRows() RowOptions {
	return RowOptions{IgnoreIndex: new(int64(-100)), Reduction: losses.Mean}
}

// OverRows completes what is declared of every loss of rows; further inputs have a
// number for each class.
func OverRows(s losses.Spec, perClass ...losses.Input) losses.Spec {
	target := ClassLabels()
	input := Logits()
	input.Doc = "unnormalized scores, classes along axis 1"
	s.Inputs = append([]losses.Input{input, target}, perClass...)
	shapes := losses.Shapes{"input": "N,C,*", "target": "N,*"}
	for _, in := range perClass {
		shapes[in.Name] = "C"
	}
	s.Shapes, s.LabelPolicy, s.Logits, s.Classes = []losses.Shapes{shapes}, GatherPolicy, "input", "C"
	return s
}

// RowTerm is the Term of a loss of each row, of logits x with the labels r.
func RowTerm(c *losses.Call, o RowOptions, row func(x losses.Value, r Rows) losses.Value) losses.Term {
	return RowTermOf(c, o, c.In("input"), row)
}

// RowTermOf is RowTerm of scores x that are no input.
func RowTermOf(c *losses.Call, o RowOptions, x losses.Value, row func(x losses.Value, r Rows) losses.Value) losses.Term {
	r := Labeled(c, x, *o.IgnoreIndex)
	return r.Term(c, r.Flat(row(x, r)), losses.Value{})
}

// Lookup is the row of a table [C,*] that each label names, as F.embedding. Of a label behind
// the mask it is 0, so that no row of the table reaches a gradient from there.
func Lookup(c *losses.Call, table, labels losses.Value) losses.Value {
	rows := table.Gather(0, labels.Within(table.Shape()[0]))
	if !c.Has("mask") {
		return rows
	}
	kept := c.In("mask").BroadcastTo(labels.Shape())
	if axes := From(labels.Rank(), rows); len(axes) > 0 {
		kept = kept.Unsqueeze(axes...)
	}
	return builder.Where(kept, rows, rows.Like(0))
}

// TorchRows writes the loss of rows in PyTorch: row is that of a row, where x has the
// classes along its last axis, and y the labels, with that axis as size 1.
func TorchRows(c *losses.Call, o RowOptions, row string) string {
	return torchRows(c, o, "input.movedim(1, -1)", row, "kept")
}

// TorchRowsBy is TorchRows with what mean divides by, a number for each row.
func TorchRowsBy(c *losses.Call, o RowOptions, row, divisor string) string {
	return torchRows(c, o, "input.movedim(1, -1)", row, "torch.where(kept, "+divisor+", 0)")
}

// TorchRowsOf is TorchRows of scores x that are an expression of the inputs.
func TorchRowsOf(c *losses.Call, o RowOptions, x, row string) string {
	return torchRows(c, o, x, row, "kept")
}

func torchRows(c *losses.Call, o RowOptions, x, row, divisor string) string {
	text := "torch.where(kept, " + row + ", 0)"
	switch o.Reduction {
	case losses.Sum:
		text += ".sum()"
	case losses.Mean:
		text += ".sum() / " + divisor + ".sum()"
	}
	return c.Expand(fmt.Sprintf("(lambda x, y, kept: %s)(%s, torch.where({target} == %d, 0, {target}).unsqueeze(-1), {target} != %[3]d)", text, x, *o.IgnoreIndex), nil)
}

// TorchPicked is the expression of each row's number at the label.
func TorchPicked(of string) string { return of + ".gather(-1, y).squeeze(-1)" }

// TorchNLL is the cross entropy of each row.
const TorchNLL = "-x.log_softmax(-1).gather(-1, y).squeeze(-1)"

// RowCases are golden cases of rows that are predicted perfectly, hopelessly and not
// at all.
func RowCases() []losses.Case {
	labels, right, wrong := losses.Edge{}, losses.Edge{}, losses.Edge{}
	const rows, classes = 2, 3
	for i := range rows {
		labels[i], right[i*classes], wrong[i*classes+1] = 0, 1e4, 1e4
	}
	list := []losses.Case{
		{Name: "perfect_none", Set: map[string]losses.Edge{"input": right, "target": labels}},
		{Name: "hopeless_none", Set: map[string]losses.Edge{"input": wrong, "target": labels}},
		{Name: "even_none", Set: map[string]losses.Edge{"target": labels}},
	}
	for i := range list {
		list[i].Options = losses.Values{"reduction": "none"}
		list[i].Fill = map[string]string{"input": "constant:0"}
		list[i].Sizes = map[string]int64{"N": rows, "C": classes}
	}
	return list
}
