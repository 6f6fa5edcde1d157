package sequence

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// CRFOptions configures [CRF].
type CRFOptions struct {
	Divisor   string           `opt:"divisor" doc:"what mean divides by: the sequences, or their places" choices:"sequences,places" try:"places"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the sequences are combined" choices:"none,mean,sum"`
}

// CRF is a conditional random field over a chain (Lafferty et al., 2001): the negative
// log-likelihood of a tag for each place, among all sequences of tags.
var CRF = &losses.Def[CRFOptions]{
	Spec: losses.Spec{
		Name: "crf", Aliases: []string{"linear_chain_crf"}, Family: "sequence", Witness: "pytorch-crf 0.7.2",
		Title:   "likelihood of a chain of tags among all chains",
		Formula: "score = start[tags[0]] + sum over t of emissions[t,tags[t]] + sum over t of transitions[tags[t-1],tags[t]] + end[tags[last]]; log(sum over all chains of exp(score)) - score(tags)",
		Inputs: []losses.Input{
			{Name: "emissions", Doc: "scores of the tags at each place", Domain: losses.Real, Grad: losses.Default},
			{Name: "tags", Doc: "tag of each place", Domain: losses.Class, Of: losses.Of{Axis: "K", Unchecked: true}},
			{Name: "start", Doc: "scores of the tags at the first place", Domain: losses.Real, Grad: losses.Default},
			{Name: "end", Doc: "scores of the tags at the last place", Domain: losses.Real, Grad: losses.Default},
			{Name: "transitions", Doc: "score of each tag (row) before each tag (column)", Domain: losses.Real, Grad: losses.Default},
			{Name: "mask", Doc: "which places are of the sequence: the first ones, at least one", Domain: losses.Tokens, Of: losses.Of{Axis: "T"}, Optional: true},
		},
		Shapes: []losses.Shapes{
			{"emissions": "B,T,K", "tags": "B,T", "start": "K", "end": "K", "transitions": "K,K", "mask": "B,T"},
		},
		LabelPolicy: "a tag outside [0, K) ends the run with an index error where the mask holds, as PyTorch raises; behind it there may be anything",
		OwnCases:    true,
		Inseparable: "mask chooses the places of each sequence, and mean divides by them or by the sequences",
		Traps: []string{
			"pytorch-crf returns the log-likelihood, which is minus this loss, and its default reduction is the sum. Its token_mean is --divisor places.",
			"The scores of tags that the mask leaves out do not count; a sequence whose first place is left out has no meaning, and pytorch-crf raises.",
			"A transition that is impossible has a score of -1e4 or so: -inf makes gradients NaN, as in PyTorch, where all ways to a tag are impossible.",
			"The batch is the first axis (batch_first=True).",
		},
	},
	Defaults:  CRFOptions{Divisor: "sequences", Reduction: losses.Sum},
	Reference: crfReference,
	Body: func(c *losses.Call, o CRFOptions) losses.Term {
		chain := newChain(c)
		t := losses.Term{Each: chain.partition().Sub(chain.score()).Cast(c.Compute)}
		if o.Divisor == "places" {
			t.Divisor = losses.Both{Value: chain.live.Cast(c.Compute).SumOver(1)}
		}
		return t
	},
	Golden: crfCases(),
}

// chain is a batch of sequences of tags. Scores are float64, since those of the tags
// and of all chains cancel.
type chain struct {
	emissions               losses.Value // [B,T,K]
	tags                    losses.Value // [B,T], 0 where the mask does not hold
	start, end, transitions losses.Value
	live                    losses.Value // [B,T], whether the place is of the sequence
	first                   losses.Value // [T], whether the place is the first
}

func newChain(c *losses.Call) chain {
	wide := func(name string) losses.Value { return c.In(name).Cast(tensor.Float64) }
	x, tags := wide("emissions"), c.In("tags")
	h := chain{start: wide("start"), end: wide("end"), transitions: wide("transitions")}
	h.live = tags.Equal(tags)
	if c.Has("mask") {
		h.live = c.In("mask")
		x = builder.Where(h.live.Unsqueeze(2), x, x.Like(0))
		tags = builder.Where(h.live, tags, tags.Like(0))
	}
	h.emissions, h.tags = x, tags.Within(x.Shape()[2])
	place := c.B.Iota(1, 0, x.Shape()[1])
	h.first = place.Equal(place.Like(0))
	return h
}

// partition is the logarithm of the sum over all chains, [B]. The first place is a step
// of the loop, too, since ONNX Runtime has no loop of no steps.
func (h chain) partition() losses.Value {
	x := h.emissions.Transpose(1, 0, 2)
	live := h.live.Transpose(1, 0).Unsqueeze(2)
	begin := h.start.Like(0).BroadcastTo(x.Shape()[1:])
	last, _ := builder.Scan([]losses.Value{begin}, []losses.Value{x, live, h.first}, false, func(states, slices []losses.Value) (next, outputs []losses.Value) {
		before, own, live, first := states[0], slices[0], slices[1], slices[2]
		step := builder.Where(first, h.transitions.Like(0), h.transitions) // the first place has none, not even NaN
		ways := before.Unsqueeze(2).Add(step).LogSumExp(1).Squeeze(1)
		ways = builder.Where(first, h.start, ways)
		return []losses.Value{builder.Where(live, ways.Add(own), before)}, nil
	})
	return last[0].Add(h.end).LogSumExp(1).Squeeze(1)
}

// score is that of the tags, [B].
func (h chain) score() losses.Value {
	own := h.emissions.Pick(2, h.tags.Unsqueeze(2)).Squeeze(2)
	before := h.tags.Pad(1, tensor.D(1), tensor.D(0), 0).Slice(1, 0, -1)
	step := h.transitions.Gather(0, before).Pick(2, h.tags.Unsqueeze(2)).Squeeze(2)
	step = builder.Where(h.first, h.start.Gather(0, h.tags), step)
	places := builder.Where(h.live, own.Add(step), own.Like(0)).SumOver(1)
	number := h.live.Cast(tensor.Int64).SumOver(1).Unsqueeze(1)
	final := h.tags.Pick(1, number.Shift(-1).Max(number.Like(0))).Squeeze(1)
	return places.Add(h.end.Gather(0, final))
}

// crfReference goes through the places one by one.
func crfReference(c *losses.Call, o CRFOptions) string {
	mask := "torch.ones_like({tags}, dtype=torch.bool)"
	if c.Has("mask") {
		mask = "mask"
	}
	score := "(start[g[:, 0]] + torch.where(m, e.gather(2, g[:, :, None]).squeeze(2), 0).sum(1) + torch.where(m[:, 1:], transitions[g[:, :-1], g[:, 1:]], 0).sum(1) + end[g.gather(1, m.sum(1, keepdim=True) - 1).squeeze(1)])"
	all := "(functools.reduce(lambda a, i: torch.where(m[:, i, None], (a[:, :, None] + transitions).logsumexp(1) + e[:, i], a), range(1, e.shape[1]), start + e[:, 0]) + end).logsumexp(1)"
	text := fmt.Sprintf("(lambda m: (lambda e, g: %s - %s)(torch.where(m[:, :, None], emissions, 0), torch.where(m, {tags}, 0)))(%s)", all, score, mask)
	switch {
	case o.Reduction == losses.Mean && o.Divisor == "places" && c.Has("mask"):
		text = losses.Reduced(text, losses.Sum) + " / mask.sum()"
	case o.Reduction == losses.Mean && o.Divisor == "places":
		text = losses.Reduced(text, losses.Sum) + " / {tags}.numel()"
	default:
		text = losses.Reduced(text, o.Reduction)
	}
	return c.Expand(text, nil)
}

// crfCases are all golden cases. Derived ones would have scores of 1e4, which leave
// PyTorch's own gradients rounding errors where they should be 0.
func crfCases() []losses.Case {
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		add := func(name string, c losses.Case) {
			c.Name = name + "_" + string(r)
			c.Options = losses.WithReduction(c.Options, string(r))
			list = append(list, c)
		}
		mask := []string{"mask"}
		add("plain", losses.Case{})
		add("masked", losses.Case{With: mask})
		add("full_mask", losses.Case{With: mask, Fill: map[string]string{"mask": "constant:1"}})
		add("by_places", losses.Case{Options: losses.Values{"divisor": "places"}})
		add("by_places_masked", losses.Case{Options: losses.Values{"divisor": "places"}, With: mask})
		add("upstream", losses.Case{GradOutput: true, With: mask})
		add("no_sequence", losses.Case{Sizes: map[string]int64{"B": 0}})
		add("one_place", losses.Case{Sizes: map[string]int64{"T": 1}})
		add("one_place_not_finite", losses.Case{With: mask, Fill: map[string]string{"mask": "constant:1"}, Sizes: map[string]int64{"T": 1}, Set: map[string]losses.Edge{"transitions": {0: math.NaN(), 1: math.Inf(1), 2: math.Inf(-1)}}})
		add("one_tag", losses.Case{Sizes: map[string]int64{"K": 1}})
		add("five_tags", losses.Case{Sizes: map[string]int64{"B": 1, "K": 5}})
		add("padding", losses.Case{With: mask, Set: map[string]losses.Edge{
			"mask": {0: 1, 1: 1, 2: 0, 3: 0, 4: 0, 5: 0, 6: 1, 7: 0, 8: 0, 9: 0, 10: 0, 11: 0}, "tags": {3: -1, 4: 99, 5: -100}, "emissions": {7: math.NaN(), 9: math.Inf(1)},
		}})
		add("far", losses.Case{Set: map[string]losses.Edge{"emissions": {0: 300, 3: -300, 14: 40}, "transitions": {0: -1e3, 2: -1e3}}})
		add("nan", losses.Case{Set: map[string]losses.Edge{"emissions": {0: math.NaN()}}})
		add("scale", losses.Case{Options: losses.Values{"scale": 0.5}})
	}
	return list
}
