// Package metric declares losses that learn distances from labels: rows of one group
// near each other, rows of two groups apart.
package metric

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		ContrastiveBatch,
		BatchHardTriplet,
		TripletAll,
		MultiSimilarity,
		Circle,
		ProxyAnchor,
		ProxyNCA,
		PMLNTXent,
		LiftedStructure,
		GeneralizedLiftedStructure,
		Angular,
	}
}

// family heads these losses in lists.
const family = "metric"

// library is the one that most of these losses were compared with.
const library = "pytorch-metric-learning 2.9.0"

// Reasons why single losses cannot be weighted or masked.
const (
	inBatch = "the rows of a batch are compared with each other"
	ofBatch = "it is one number for the whole batch"
)

// What losses hold.
const (
	ofPairs       = "It holds N x N similarities, a few times over for the gradient: 64 MiB each for 4096 rows in float32."
	ofDifferences = "It holds the differences of all rows, N x N x D numbers, twice: 256 MiB each for 512 rows of 256 in float32."
	ofTriplets    = "It holds N x N x N numbers, a few times over for the gradient: 64 MiB each for 256 rows in float32."
)

// grouped are embeddings and their groups. Distances are taken between points.
func grouped(d losses.Domain) []losses.Input {
	return []losses.Input{
		{Name: "embeddings", Doc: "embeddings, one a row", Domain: d, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
		{Name: "labels", Doc: "group of each row", Domain: losses.Group},
	}
}

func groupedShapes() []losses.Shapes {
	return []losses.Shapes{{"embeddings": "N,D", "labels": "N"}}
}

// expand writes an expression of groups with the values of options.
func expand(c *losses.Call, expression string, v losses.Values) string {
	return c.Expand(parts.TorchGrouped(expression), v)
}

// Distances and similarities of normalised embeddings in expressions.
const (
	torchDistances    = "torch.cdist(F.normalize(embeddings, dim=1), F.normalize(embeddings, dim=1))"
	torchSimilarities = "(lambda z: z @ z.T)(F.normalize(embeddings, dim=1))"
)

func distances(c *losses.Call) losses.Value { return parts.Distances(parts.Unit(c.In("embeddings"))) }

func similarities(c *losses.Call) losses.Value {
	z := parts.Unit(c.In("embeddings"))
	return z.MatMulT(z)
}

// groupCases are golden cases of groups at their edges, for each reduction.
func groupCases(reductions ...string) []losses.Case {
	var list []losses.Case
	for _, r := range reductions {
		add := func(name string, c losses.Case) {
			c.Name, c.Options = name+r, losses.WithReduction(nil, r)
			list = append(list, c)
		}
		add("no_positives_", losses.Case{Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2, 3: 3}}})
		add("one_label_", losses.Case{Fill: map[string]string{"labels": "constant:5"}})
		add("one_pair_", losses.Case{Set: map[string]losses.Edge{"labels": {0: 9, 1: -1, 2: 9, 3: 3}}})
		add("two_groups_", losses.Case{Sizes: map[string]int64{"N": 6}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 0, 3: 1, 4: 0, 5: 1}}})
		add("all_alike_", losses.Case{Fill: map[string]string{"embeddings": "constant:1"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 0, 2: 1, 3: 1}}})
		add("zero_row_", losses.Case{Set: map[string]losses.Edge{"embeddings": {3: 0, 4: 0, 5: 0}, "labels": {0: 0, 1: 0, 2: 1, 3: 1}}})
	}
	return list
}
