package classification

import (
	"errors"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// CrossEntropyOptions configures [CrossEntropy].
type CrossEntropyOptions struct {
	Target         string           `opt:"target" doc:"what target holds: class indices, or a probability for each class" choices:"indices,probabilities"`
	IgnoreIndex    *int64           `opt:"ignore_index" doc:"label whose rows do not count" try:"1"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"share of the target that is spread evenly over all classes" bounds:"[0,1]" try:"0.1;1"`
}

// CrossEntropy is the negative log-likelihood of the target class under the
// softmax of the input.
var CrossEntropy = &losses.Def[CrossEntropyOptions]{
	Spec: losses.Spec{
		Name: "cross_entropy", Class: "CrossEntropyLoss", Aliases: []string{"ce"}, Family: "classification",
		Presets:     map[string]losses.Values{"label_smoothing": {"label_smoothing": 0.1}},
		Title:       "log-loss of the softmax of logits",
		Formula:     "-weight[target]·log(softmax(input)[target])",
		Torch:       "F.cross_entropy(input, {target}, weight={weight}, ignore_index={ignore_index}, reduction={reduction}, label_smoothing={label_smoothing})",
		LabelPolicy: parts.GatherPolicy, Logits: "input", ZLoss: true, Classes: "C",
		Traps: []string{
			"Mean divides by the number of kept labels; with weight, by the sum of their weights. With --target probabilities it divides by the number of rows, whatever the weights.",
			"ignore_index -100 is on by default. If every label is ignored, mean is NaN and the gradient 0, as in PyTorch.",
			"Label smoothing spreads over all C classes, the true one included; weights apply to each class's share.",
		},
	},
	Defaults: CrossEntropyOptions{Target: "indices", IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Ports: func(o CrossEntropyOptions) ([]losses.Input, []losses.Shapes) {
		if o.Target == "indices" {
			return []losses.Input{parts.Logits(), parts.ClassLabels(), parts.ClassWeight()}, parts.PerClass()
		}
		return []losses.Input{parts.Logits(), parts.ClassProbabilities(), parts.ClassWeight()}, []losses.Shapes{
			{"input": "N,C,*", "target": "N,C,*", "weight": "C"},
			{"input": "C", "target": "C", "weight": "C"},
		}
	},
	Validate: func(o CrossEntropyOptions) error {
		if o.Target == "probabilities" && *o.IgnoreIndex >= 0 {
			return errors.New("ignore_index does not go with --target probabilities, where no label can be ignored")
		}
		return nil
	},
	Body: func(c *losses.Call, o CrossEntropyOptions) losses.Term {
		if o.Target == "probabilities" {
			return softCrossEntropy(c, c.In("input"), o.LabelSmoothing)
		}
		return classRows(c, c.In("input"), *o.IgnoreIndex, o.LabelSmoothing)
	},
}

// classRows is cross entropy of logits x with class indices as target.
func classRows(c *losses.Call, x losses.Value, ignore int64, smoothing float64) losses.Term {
	r := parts.Labeled(c, x, ignore)
	w := r.PerRow(c)
	if smoothing == 0 {
		row := r.Flat(x.SoftmaxNLL(r.Axis, r.Index()))
		if !w.IsZero() {
			row = row.Mul(w)
		}
		return r.Term(c, row, w)
	}
	var own, all losses.Value
	if !w.IsZero() {
		own, all = w.Unsqueeze(r.Axis), parts.AlongClasses(c, c.In("weight"), x)
	}
	term := r.Term(c, r.Flat(x.SmoothNLL(r.Axis, r.Index(), smoothing, own, all)), w)
	if !w.IsZero() {
		// PyTorch divides both parts of the loss by the weights' sum: the hard part
		// is 0/0 where that is 0, and so is the whole.
		term.ZeroIsNaN = true
	}
	return term
}

// softCrossEntropy is cross entropy of logits x with a probability per class:
// -sum_c w_c·q_c·log p_c with q = (1-eps)·target + eps/C.
func softCrossEntropy(c *losses.Call, x losses.Value, smoothing float64) losses.Term {
	q := c.In("target")
	axis := c.ClassAxis(x)
	classes := c.B.Count(c.Compute, x.Shape()[axis:axis+1])
	if smoothing > 0 {
		q = q.Scale(1 - smoothing).Add(c.Const(smoothing).Div(classes))
	}
	terms := x.LogSoftmax(axis).Mul(q)
	if c.Has("weight") {
		terms = terms.Mul(parts.AlongClasses(c, c.In("weight"), x))
	}
	return losses.Term{Each: terms.SumOver(axis).Neg(), Count: losses.Both{Value: x.Numel().Div(classes), Torch: "loss.numel()"}}
}
