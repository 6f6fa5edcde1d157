// Package ranking declares losses of orders: of two items, and of lists of items with
// their relevance.
package ranking

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		BPR,
		RankNet,
		PairwiseHinge,
		ListNet,
		SoftmaxRank,
		ListMLE,
		ApproxNDCG,
		LambdaLoss,
		SampledSoftmax,
	}
}

// family heads these losses in lists.
const family = "ranking"

// Reasons why single losses cannot be weighted or masked, and what losses hold.
const (
	ofLists = "its items are masked by its own mask; single lists of it cannot be"
	ofPairs = "It holds L x L numbers for each list, a few times over for the gradient: 40 MiB each for 1024 lists of 100 in float32."
)

// padding is what losses of lists say of items that do not count.
const padding = "Items whose label is -1 do not count (allRank), nor do those for which --with mask is false (rax): nothing of them is seen, not even a NaN."

// listInputs are the inputs of lists of items.
func listInputs() []losses.Input {
	return []losses.Input{
		{Name: "scores", Doc: "scores of the items of each list", Domain: losses.Real, Grad: losses.Default},
		{Name: "labels", Doc: "relevance of each item, -1 for padding", Domain: losses.Grade, Of: losses.Of{High: 4}},
		{Name: "mask", Doc: "whether each item counts", Domain: losses.Mask, Optional: true},
	}
}

func listShapes() []losses.Shapes {
	return []losses.Shapes{{"scores": "N,L", "labels": "N,L", "mask": "N,L"}}
}

// lists are lists of items: scores and labels are 0 where an item does not count.
type lists struct {
	scores, labels, kept losses.Value
}

func readLists(c *losses.Call) lists {
	s, y := c.In("scores"), c.In("labels")
	kept := y.Equal(y.Like(-1)).Not()
	if c.Has("mask") {
		kept = kept.And(c.In("mask"))
	}
	return lists{builder.Where(kept, s, s.Like(0)), builder.Where(kept, y, y.Like(0)), kept}
}

// ranked are the scores of the items that count, and -inf.
func (l lists) ranked() losses.Value {
	return builder.Where(l.kept, l.scores, l.scores.Like(-inf))
}

// pairs says of every two items of a list whether the first should be above the second.
func (l lists) pairs() losses.Value {
	return l.labels.Unsqueeze(2).Greater(l.labels.Unsqueeze(1)).And(l.kept.Unsqueeze(2)).And(l.kept.Unsqueeze(1))
}

// each subtracts from what every item of a list has what every item has.
func each(v losses.Value) losses.Value { return v.Unsqueeze(2).Sub(v.Unsqueeze(1)) }

// torchLists binds what [readLists] returns to s, y and m in an expression.
func torchLists(c *losses.Call, expression string, v losses.Values) string {
	kept := "labels != -1"
	if c.Has("mask") {
		kept = "(labels != -1) & mask"
	}
	return c.Expand("(lambda m: (lambda s, y: "+expression+")(scores.masked_fill(~m, 0), labels.masked_fill(~m, 0)))("+kept+")", v)
}

// torchPairs is [lists.pairs].
const torchPairs = "(y[:, :, None] > y[:, None, :]) & m[:, :, None] & m[:, None, :]"

// listCases are golden cases of lists at their edges, for each reduction.
func listCases(reductions ...string) []losses.Case {
	var list []losses.Case
	for _, r := range reductions {
		add := func(name string, c losses.Case) {
			c.Name, c.Options = name+"_"+r, losses.WithReduction(c.Options, r)
			if c.Sizes == nil {
				c.Sizes = map[string]int64{"N": 2, "L": 4}
			}
			list = append(list, c)
		}
		padded := map[string]losses.Edge{"scores": {3: nan, 6: inf, 7: -inf}, "labels": {3: -1, 6: -1, 7: -1}}
		add("padded", losses.Case{Set: padded})
		add("padded_list", losses.Case{Set: map[string]losses.Edge{"labels": {0: -1, 1: -1, 2: -1, 3: -1}}})
		add("all_padded", losses.Case{Fill: map[string]string{"labels": "constant:-1"}})
		add("masked", losses.Case{With: []string{"mask"}, Set: map[string]losses.Edge{"mask": {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 0, 6: 1, 7: 1}, "scores": {0: nan, 5: inf}, "labels": {0: nan, 5: nan, 7: -1}}})
		add("equal_labels", losses.Case{Fill: map[string]string{"labels": "constant:2"}})
		add("no_relevance", losses.Case{Fill: map[string]string{"labels": "constant:0"}})
		add("equal_scores", losses.Case{Fill: map[string]string{"scores": "constant:1"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2, 3: 3}}})
		add("far", losses.Case{Set: map[string]losses.Edge{"scores": {0: 1e4, 1: -1e4, 4: -1e4, 5: 1e4}, "labels": {0: 0, 1: 3, 4: 0, 5: 3}}})
		add("one_item", losses.Case{Sizes: map[string]int64{"N": 2, "L": 1}})
	}
	return list
}
