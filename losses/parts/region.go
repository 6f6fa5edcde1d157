package parts

import (
	"errors"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file defines what losses share that compare regions: where classes are
// predicted with where they are. All are ratios of three sums for each class.

// RegionOptions are the options of all of them.
type RegionOptions struct {
	Activation        string           `opt:"activation" doc:"what makes probabilities of the input" choices:"softmax,sigmoid,none" try:"sigmoid;none"`
	Target            string           `opt:"target" doc:"what target holds: class indices, or a probability for each class" choices:"indices,probabilities" try:"probabilities"`
	Batch             bool             `opt:"batch" doc:"sum over the samples, too: a ratio for the whole batch" try:"true"`
	Squared           bool             `opt:"squared" doc:"sum squares of input and target in the denominator" try:"true"`
	IncludeBackground *bool            `opt:"include_background" doc:"class 0 counts" try:"false"`
	SmoothNr          *float64         `opt:"smooth_nr" doc:"added to the numerator" bounds:"[0,inf)" try:"0;1"`
	SmoothDr          *float64         `opt:"smooth_dr" doc:"added to the denominator" bounds:"[0,inf)" try:"1"`
	Eps               float64          `opt:"eps" doc:"least denominator" bounds:"[0,inf)" try:"2.5"`
	IgnoreIndex       *int64           `opt:"ignore_index" doc:"label whose pixels do not count" try:"1"`
	Reduction         losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// ClassOptions say what becomes of the classes.
type ClassOptions struct {
	Average string `opt:"average" doc:"macro: a ratio for each class; micro: one for all, of their sums together" choices:"macro,micro" try:"micro"`
	Absent  string `opt:"absent" doc:"the loss of a class that target lacks: count it, take it as zero, or skip it in the average over a sample's classes" choices:"count,zero,skip" try:"zero;skip"`
}

// DefaultRegion are the defaults of RegionOptions.
func DefaultRegion() RegionOptions {
	return RegionOptions{
		Activation: "softmax", Target: "indices", IncludeBackground: new(true), SmoothNr: new(1e-5), SmoothDr: new(1e-5),
		IgnoreIndex: new(int64(-100)), Reduction: losses.Mean,
	}
}

// DefaultClasses are the defaults of ClassOptions.
func DefaultClasses() ClassOptions { return ClassOptions{Average: "macro", Absent: "count"} }

// Ports are the inputs and shapes, with further inputs of a number for each class.
func (o RegionOptions) Ports(perClass ...losses.Input) ([]losses.Input, []losses.Shapes) {
	input := losses.Input{Name: "input", Doc: "scores of classes, which are axis 1", Domain: losses.Real, Grad: losses.Default}
	if o.Activation == "none" {
		input.Doc, input.Domain = "probabilities of classes, which are axis 1", losses.Unit
	}
	target, shapes := ClassLabels(), losses.Shapes{"input": "N,C,*", "target": "N,*"}
	target.Doc = "class of each pixel"
	if o.Target == "probabilities" {
		target = losses.Input{Name: "target", Doc: "probability of each class, or 0 and 1", Domain: losses.Unit, Grad: losses.OnDemand}
		shapes["target"] = "N,C,*"
	}
	for _, in := range perClass {
		shapes[in.Name] = "C"
	}
	return append([]losses.Input{input, target}, perClass...), []losses.Shapes{shapes}
}

// Validate finds options that do not go together.
func (o RegionOptions) Validate() error {
	if o.Target == "probabilities" && *o.IgnoreIndex >= 0 {
		return errors.New("ignore_index does not go with --target probabilities, where no label can be ignored")
	}
	return nil
}

// Inseparable is why single losses cannot be weighted or masked, "" where they can.
// There is one for each sample, or one for each of its classes.
func (o RegionOptions) Inseparable(perSample bool) string {
	switch {
	case o.Batch:
		return "its sums are those of the whole batch"
	case perSample:
		return ""
	case o.Activation == "softmax":
		return "the loss of a class depends on the scores of all classes; ignore_index leaves out pixels, weight and absent leave out classes"
	case !*o.IncludeBackground:
		return "without the background there are fewer losses than classes"
	}
	return ""
}

// PerSample reports whether there is one loss for each sample.
func (o ClassOptions) PerSample() bool { return o.Average == "micro" || o.Absent == "skip" }

// Region is the sums over a region, [N,C], or [C] of a batch.
type Region struct {
	Both, Predicted, True losses.Value // Σpt, Σp and Σt; squared: Σp² and Σt²
}

// Regions sums probabilities p and targets t over the pixels that count.
func Regions(c *losses.Call, o RegionOptions) Region {
	x := c.In("input")
	axis := c.ClassAxis(x)
	p, t := x, c.In("target")
	switch o.Activation {
	case "softmax":
		p = x.Softmax(axis)
	case "sigmoid":
		p = x.Sigmoid()
	}
	if o.Target == "indices" {
		r := Labeled(c, x, *o.IgnoreIndex)
		kept := r.Kept.Unsqueeze(axis)
		t = r.OneHot(x)
		p, t = builder.Where(kept, p, p.Like(0)), builder.Where(kept, t, t.Like(0))
	}
	if o.Squared {
		return Region{o.sum(c, p.Mul(t)), o.sum(c, p.Square()), o.sum(c, t.Square())}
	}
	return Region{o.sum(c, p.Mul(t)), o.sum(c, p), o.sum(c, t)}
}

// sum sums over pixels, and over the samples of a batch, for each class that counts.
func (o RegionOptions) sum(c *losses.Call, v losses.Value) losses.Value {
	var axes []int
	for axis := range v.Rank() {
		if (axis > 0 || o.Batch) && axis != c.ClassAxis(v) {
			axes = append(axes, axis)
		}
	}
	return o.foreground(v.LongSum(axes...))
}

// foreground leaves out class 0 of the last axis, where it does not count.
func (o RegionOptions) foreground(v losses.Value) losses.Value {
	if *o.IncludeBackground {
		return v
	}
	return v.Slice(v.Rank()-1, 1, tensor.MaxSize)
}

// weight is the weight of each class that counts, the zero Value without any.
func (o RegionOptions) weight(c *losses.Call) losses.Value {
	if !c.Has("weight") {
		return losses.Value{}
	}
	return o.foreground(c.In("weight"))
}

// Ratio is (numerator + smooth_nr) / max(denominator + smooth_dr, eps).
func (o RegionOptions) Ratio(numerator, denominator losses.Value) losses.Value {
	return numerator.Shift(*o.SmoothNr).Div(AtLeast(denominator.Shift(*o.SmoothDr), o.Eps))
}

// Pooled adds up the sums of all classes, multiplied by weights if there are any.
func (r Region) Pooled(weight losses.Value) Region {
	pool := func(v losses.Value) losses.Value {
		if !weight.IsZero() {
			v = v.Mul(weight)
		}
		return v.SumOver(v.Rank() - 1)
	}
	return Region{pool(r.Both), pool(r.Predicted), pool(r.True)}
}

// PerClass is the loss of each class, or of all together, as the options say.
func (r Region) PerClass(c *losses.Call, o RegionOptions, classes ClassOptions, loss func(r Region) losses.Value) losses.Value {
	weight := o.weight(c)
	micro := classes.Average == "micro"
	if micro {
		r, weight = r.Pooled(weight), losses.Value{}
	}
	each := loss(r)
	if !weight.IsZero() {
		each = each.Mul(weight)
	}
	if classes.Absent == "count" {
		return each
	}
	present := r.True.Greater(r.True.Like(0))
	each = builder.Where(present, each, each.Like(0))
	if classes.Absent == "zero" || micro {
		return each
	}
	last := each.Rank() - 1
	number := present.Cast(c.Compute).SumOver(last)
	return each.SumOver(last).Div(number.Max(number.Like(1)))
}
