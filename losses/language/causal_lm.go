package language

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// CausalLMOptions configures [CausalLM].
type CausalLMOptions struct {
	Shift          *bool            `opt:"shift" doc:"the logits of a place are of the next token, so that labels are the tokens themselves; false: labels are moved already" try:"false"`
	IgnoreIndex    *int64           `opt:"ignore_index" doc:"label that does not count" try:"1"`
	LabelSmoothing float64          `opt:"label_smoothing" doc:"share of the target that is spread evenly over all tokens" bounds:"[0,1]" try:"0.1"`
	Reduction      losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// CausalLM is the cross entropy of the next token.
var CausalLM = &losses.Def[CausalLMOptions]{
	Spec: losses.Spec{
		Name: "causal_lm", Aliases: []string{"next_token", "for_causal_lm"}, Family: family, Witness: "transformers 5.24.0",
		Title:   "cross entropy of the next token",
		Formula: "cross_entropy(logits[:, t], labels[:, t+1]), summed over labels that count and divided by their number, or by num_items",
		Inputs: []losses.Input{
			trained("logits", "scores of the tokens, which are the last axis", losses.Real),
			{Name: "labels", Doc: "token at each place", Domain: losses.Class, Of: losses.Of{Axis: "V", Ignored: "ignore_index"}},
			{Name: "num_items", Doc: "what mean divides by: the labels of all batches of a step", Domain: losses.Positive, Optional: true, Wide: true},
		},
		Shapes:      []losses.Shapes{{"logits": "B,T,V", "labels": "B,T", "num_items": ""}},
		LabelPolicy: parts.GatherPolicy + "; the first label, which counts nowhere, may be anything", Logits: "logits",
		Inseparable: "a label is that of the place before; ignore_index leaves out tokens",
		Traps: []string{
			"The labels are the input's own tokens: the shift by one place is inside, the first label counts nowhere, and the last place predicts nothing. With labels that are moved already use --shift=false.",
			"With accumulated gradients a mean over each batch weighs short batches too much: give the number of labels of the whole step as num_items (--with num_items). Of batches on several devices it is the number of all of them.",
			"If all labels are ignored mean is NaN and its gradient 0; with num_items it is 0.",
			"none gives [B,T], with 0 at the last place and where the label is ignored.",
		},
	},
	Golden: []losses.Case{
		{Name: "first_label_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"labels": {0: 99}}},
		{Name: "first_label_mean", Options: losses.Values{"label_smoothing": 0.1}, Set: map[string]losses.Edge{"labels": {0: -7}}},
	},
	Defaults:  CausalLMOptions{Shift: new(true), IgnoreIndex: new(int64(-100)), Reduction: losses.Mean},
	Reference: causalReference,
	Body: func(c *losses.Call, o CausalLMOptions) losses.Term {
		x, y := c.In("logits"), c.In("labels")
		ignored := float64(*o.IgnoreIndex)
		if *o.Shift { // the last place has no label
			y = y.Pad(1, tensor.D(0), tensor.D(1), ignored).Slice(1, 1, tensor.MaxSize)
		}
		kept := y.Equal(y.Like(ignored)).Not()
		index := builder.Where(kept, y, y.Like(0)).Within(x.Shape()[2]).Unsqueeze(2)
		each := x.SoftmaxNLL(2, index)
		if o.LabelSmoothing > 0 {
			each = x.SmoothNLL(2, index, o.LabelSmoothing, losses.Value{}, losses.Value{})
		}
		t := losses.Term{Each: each.Squeeze(2), Kept: losses.Both{Value: kept, Torch: c.Expand(fmt.Sprintf("%s != %d", nextTorch(o), *o.IgnoreIndex), nil)}}
		if c.Has("num_items") {
			t.Divisor = losses.Both{Value: c.In("num_items"), Torch: "num_items"}
		} else {
			t.Divisor = losses.Both{Value: kept.Cast(c.Compute), Torch: t.Kept.Torch}
		}
		return t
	},
}

// nextTorch writes the labels at the places that predict them.
func nextTorch(o CausalLMOptions) string {
	if *o.Shift {
		return fmt.Sprintf("F.pad({labels}, (0, 1), value=%d)[:, 1:]", *o.IgnoreIndex)
	}
	return "{labels}"
}

func causalReference(c *losses.Call, o CausalLMOptions) string {
	r, end := o.Reduction, ""
	switch {
	case r == losses.None:
		end = ".view(labels.shape)"
	case r == losses.Mean && c.Has("num_items"):
		r, end = losses.Sum, " / num_items"
	}
	call := fmt.Sprintf("F.cross_entropy(logits.flatten(0, 1), %s.flatten(), ignore_index=%d, label_smoothing=%s, reduction='%s')%s",
		nextTorch(o), *o.IgnoreIndex, losses.Python(o.LabelSmoothing), r, end)
	return c.Expand(call, nil)
}
