package contrastive

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of embeddings with labels: of groups, or of pairs.

var inf = math.Inf(1)

// SupConOptions configures [SupCon].
type SupConOptions struct {
	TemperatureOptions
	Average string `opt:"average" doc:"nonzero: mean over the rows whose loss is above 0, of batches with two groups or more; all: mean over all rows" choices:"nonzero,all" try:"all"`
}

// SupCon wants all rows of a label together (Khosla et al., Supervised Contrastive
// Learning, 2020).
var SupCon = &losses.Def[SupConOptions]{
	Spec: losses.Spec{
		Name: "sup_con", Aliases: []string{"supervised_contrastive", "supcon"}, Family: family,
		Title:   "each row has to find all rows of its label",
		Formula: "s = cos(z_i, z_j)/temperature; minus the mean over the positives of log softmax of s over all j != i",
		Witness: "pytorch-metric-learning 2.9.0",
		Inputs: []losses.Input{
			embedding("embeddings", "embeddings of all views of all samples"),
			{Name: "labels", Doc: "group of each row", Domain: losses.Group},
		},
		Shapes:      []losses.Shapes{{"embeddings": "N,D", "labels": "N"}},
		LabelPolicy: parts.GroupPolicy, Inseparable: inBatch,
		Traps: []string{
			"The default average is pytorch-metric-learning's: rows without a positive do not count, nor do rows whose loss is exactly 0, and a batch of one label is 0. --average all is the authors': the mean over all rows, where rows without a positive are 0.",
			"The authors multiply by temperature/base_temperature, both 0.07 by default: --scale does it. Their temperature is 0.07, pytorch-metric-learning's 0.1.",
			"Several views of a sample are rows of one label: repeat labels, and flatten [N,V,D] to [N·V,D].",
			inBatchMemory,
		},
	},
	Defaults: SupConOptions{TemperatureOptions: TemperatureOptions{Temperature: new(0.1), Reduction: losses.Mean}, Average: "nonzero"},
	Reference: func(c *losses.Call, o SupConOptions) string {
		text := "(lambda s: -torch.where(pos, s - s.masked_fill(~other, -math.inf).logsumexp(1, keepdim=True), 0).sum(1) / pos.sum(1).clamp(min=1))" +
			"((lambda z: z @ z.T / {temperature})(F.normalize(embeddings, dim=1)))"
		if o.Average == "all" {
			text = losses.Reduced(parts.TorchGrouped(text), o.Reduction)
		} else {
			text = parts.TorchGrouped(parts.TorchAboveZero("torch.where(neg.any(), "+text+", 0)", o.Reduction))
		}
		return c.Expand(text, losses.Values{"temperature": *o.Temperature})
	},
	Body: func(c *losses.Call, o SupConOptions) losses.Term {
		g := parts.Grouped(c.In("labels"))
		z := parts.Unit(c.In("embeddings"))
		s := z.MatMulT(z)
		s = s.Div(s.Like(*o.Temperature))
		likely := builder.Where(g.Positive, parts.LogSoftmaxOf(s, g.Other, 1), s.Like(0))
		number := parts.Count(g.Positive, s.DType(), 1).Squeeze(1)
		each := likely.SumOver(1).Neg().Div(number.Max(number.Like(1)))
		if o.Average == "all" {
			return losses.Each(each)
		}
		two := parts.Some(g.Negative, 0, 1).Squeeze(1)
		return parts.AboveZero(builder.Where(two, each, each.Like(0)), two)
	},
	Golden: append(groupCases(),
		losses.Case{Name: "no_positives_all_none", Options: losses.Values{"average": "all", "reduction": "none"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2, 3: 3}}},
		losses.Case{Name: "one_label_all", Options: losses.Values{"average": "all"}, Fill: map[string]string{"labels": "constant:5"}},
	),
}

// groupCases are golden cases of groups at their edges.
func groupCases() []losses.Case {
	var list []losses.Case
	for _, r := range []string{"none", "mean"} {
		o := losses.Values{"reduction": r}
		list = append(list,
			losses.Case{Name: "no_positives_" + r, Options: o, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2, 3: 3}}},
			losses.Case{Name: "one_label_" + r, Options: o, Fill: map[string]string{"labels": "constant:5"}},
			losses.Case{Name: "one_pair_" + r, Options: o, Set: map[string]losses.Edge{"labels": {0: 9, 1: -1, 2: 9, 3: 3}}},
			losses.Case{Name: "all_alike_" + r, Options: o, Fill: map[string]string{"embeddings": "constant:1"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 0, 2: 1, 3: 1}}},
			losses.Case{Name: "zero_row_" + r, Options: o, Set: map[string]losses.Edge{"embeddings": {3: 0, 4: 0, 5: 0}, "labels": {0: 0, 1: 0, 2: 1, 3: 1}}},
		)
	}
	return list
}

// ContrastiveOptions configures [Contrastive].
type ContrastiveOptions struct {
	Margin    *float64         `opt:"margin" doc:"distance from which on pairs that are not similar do not count" bounds:"(-inf,inf)" try:"1"`
	Distance  string           `opt:"distance" doc:"cosine: 1 less the cosine; euclidean: torch's pairwise_distance" choices:"cosine,euclidean" try:"euclidean"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Contrastive wants similar pairs near and others apart (Hadsell et al., Dimensionality
// Reduction by Learning an Invariant Mapping, 2006).
var Contrastive = &losses.Def[ContrastiveOptions]{
	Spec: losses.Spec{
		Name: "contrastive", Aliases: []string{"hadsell", "siamese"}, Family: family,
		Title:   "similar pairs near, others a margin apart",
		Formula: "d = 1 - cos(x1, x2); (label·d^2 + (1 - label)·max(0, margin - d)^2) / 2",
		Witness: "sentence-transformers 6.2.0",
		Inputs: []losses.Input{
			embedding("x1", "first embeddings"),
			embedding("x2", "second embeddings"),
			{Name: "label", Doc: "1 for similar pairs, 0 for others, or a share of both", Domain: losses.Unit, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"x1": "N,D", "x2": "N,D", "label": "N"}},
		Traps: []string{
			"label 1 means similar, as in sentence-transformers; in the paper, and in many copies of it, 0 does.",
			"The defaults are those of sentence-transformers. The paper: --distance euclidean --margin 1. pytorch-metric-learning's loss of this name, contrastive_batch here, squares nothing and averages both kinds of pairs apart.",
			"pairwise_distance adds 1e-6 to each difference, so that no distance is 0.",
			"Exactly at the margin the gradient is 0.",
		},
	},
	Defaults: ContrastiveOptions{Margin: new(0.5), Distance: "cosine", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ContrastiveOptions) string {
		d := map[string]string{"cosine": "1 - F.cosine_similarity(x1, x2)", "euclidean": "F.pairwise_distance(x1, x2)"}[o.Distance]
		return fmt.Sprintf("(lambda d: %s)(%s)", losses.Reduced(fmt.Sprintf("(label * d ** 2 + (1 - label) * F.relu(%s - d) ** 2) / 2", losses.Python(*o.Margin)), o.Reduction), d)
	},
	Body: func(c *losses.Call, o ContrastiveOptions) losses.Term {
		x, y, label := c.In("x1"), c.In("x2"), c.In("label")
		d := x.Sub(y).Shift(1e-6).Norm(2, -1).Squeeze(-1)
		if o.Distance == "cosine" {
			d = parts.Cosine(x, y).Neg().Shift(1)
		}
		apart := d.Neg().Shift(*o.Margin).Relu()
		return losses.Each(label.Mul(d.Square()).Add(label.Neg().Shift(1).Mul(apart.Square())).Scale(0.5))
	},
	Golden: []losses.Case{
		{Name: "margin_none", Options: losses.Values{"reduction": "none", "margin": 1.0}, Sizes: map[string]int64{"D": 2}, Fill: map[string]string{"x1": "constant:1", "x2": "constant:1", "label": "constant:0"}, Set: map[string]losses.Edge{"x2": {1: -1, 2: -1, 3: -1}}},
		{Name: "zero_row_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"x1": {0: 0, 1: 0, 2: 0}}},
		{Name: "same_euclidean_none", Options: losses.Values{"reduction": "none", "distance": "euclidean"}, Fill: map[string]string{"x2": "like:x1"}},
	},
}

// CoSENTOptions configures [CoSENT].
type CoSENTOptions struct {
	Scale *float64 `opt:"scale" doc:"factor of the cosines" bounds:"(0,inf)" try:"1;2.5"`
}

// CoSENT orders the cosines of pairs as their labels are (Su, 2022).
var CoSENT = &losses.Def[CoSENTOptions]{
	Spec: losses.Spec{
		Name: "cosent", Family: family,
		Title:   "the more alike a pair, the larger its cosine",
		Formula: "s = scale·cos(x1, x2); log(1 + sum of exp(s_i - s_j) over all i, j with label_i < label_j)",
		Witness: "sentence-transformers 6.2.0",
		Torch:   "(lambda s: F.pad((s[:, None] - s[None, :])[label[:, None] < label[None, :]], (1, 0)).logsumexp(0))({scale} * F.cosine_similarity(x1, x2))",
		Inputs: []losses.Input{
			embedding("x1", "first embeddings"),
			embedding("x2", "second embeddings"),
			{Name: "label", Doc: "how alike each pair is: only the order counts", Domain: losses.Real},
		},
		Shapes:      []losses.Shapes{{"x1": "N,D", "x2": "N,D", "label": "N"}},
		Inseparable: ofBatch,
		Traps: []string{
			"It is one logarithm of a sum over all pairs of pairs, not a mean: it grows with the batch.",
			"Where all labels are equal it is 0, with gradient 0.",
			"Its option scale is that of the cosines, as in sentence-transformers; it is no factor of the loss.",
			"It holds N x N differences, a few times over for the gradient: 64 MiB each for 4096 pairs in float32.",
		},
	},
	Defaults: CoSENTOptions{Scale: new(20.0)},
	Body: func(c *losses.Call, o CoSENTOptions) losses.Term {
		s, label := parts.Cosine(c.In("x1"), c.In("x2")).Scale(*o.Scale), c.In("label")
		wrong := label.Unsqueeze(1).Less(label.Unsqueeze(0))
		return losses.Each(parts.LogOnePlusSumOf(s.Unsqueeze(1).Sub(s.Unsqueeze(0)), wrong, 0, 1).Squeeze(0, 1))
	},
	Golden: []losses.Case{
		{Name: "equal_labels", Fill: map[string]string{"label": "constant:1"}},
		{Name: "ties", Set: map[string]losses.Edge{"label": {0: 1, 1: 1, 2: 0, 3: 0}}},
		{Name: "zero_row", Set: map[string]losses.Edge{"x1": {0: 0, 1: 0, 2: 0}}},
	},
}

// MarginMSE distills a cross-encoder's differences of scores (Hofstätter et al., 2020).
var MarginMSE = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "margin_mse", Family: family,
		Title:   "a teacher's difference of two scores, by dot products",
		Formula: "(query·positive - query·negative - margin)^2",
		Witness: "sentence-transformers 6.2.0",
		Torch:   "F.mse_loss((query * positive).sum(1) - (query * negative).sum(1), margin, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "query", Doc: "embeddings of queries", Domain: losses.Real, Grad: losses.Default},
			{Name: "positive", Doc: "embeddings of passages that answer them", Domain: losses.Real, Grad: losses.Default},
			{Name: "negative", Doc: "embeddings of others", Domain: losses.Real, Grad: losses.Default},
			{Name: "margin", Doc: "the teacher's score of the positive less that of the negative", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"query": "N,D", "positive": "N,D", "negative": "N,D", "margin": "N"}},
		Sizes:  map[string]int64{"N": 2, "D": 2},
		Traps: []string{
			"margin is a difference of the teacher's scores, which has to have the range of dot products: nothing is normalised.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		q := c.In("query")
		difference := q.Mul(c.In("positive")).SumOver(1).Sub(q.Mul(c.In("negative")).SumOver(1))
		return losses.Each(difference.Sub(c.In("margin")).Square())
	},
}
