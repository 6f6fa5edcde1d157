package metric

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of distances.

// PairMarginOptions configures losses of near and far pairs.
type PairMarginOptions struct {
	PosMargin float64  `opt:"pos_margin" doc:"distance up to which rows of one group do not count" bounds:"(-inf,inf)" try:"0.5"`
	NegMargin *float64 `opt:"neg_margin" doc:"distance from which on rows of two groups do not count" bounds:"(-inf,inf)" try:"0.75"`
}

// values are the options for expressions.
func (o PairMarginOptions) values() losses.Values {
	return losses.Values{"pos_margin": o.PosMargin, "neg_margin": *o.NegMargin}
}

// ContrastiveBatch is the contrastive loss of all pairs of a batch.
var ContrastiveBatch = &losses.Def[PairMarginOptions]{
	Spec: losses.Spec{
		Name: "contrastive_batch", Family: family,
		Title:   "rows of one group near, all others a margin apart",
		Formula: "d = distances of rows of length 1; mean of max(0, d - pos_margin) over what is above 0 of one group + the same of max(0, neg_margin - d) of two",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: ofBatch,
		Traps: []string{
			"Nothing is squared, and each mean is over the pairs whose loss is above 0, as in pytorch-metric-learning; one without such pairs is 0. Of given pairs, with squares, it is contrastive.",
			"Rows that are equal have distance 0, with gradient 0.",
			ofDifferences,
		},
	},
	Defaults: PairMarginOptions{NegMargin: new(1.0)},
	Reference: func(c *losses.Call, o PairMarginOptions) string {
		return expand(c, "(lambda d: sum((lambda k: torch.where(k, v, 0).sum() / k.sum().clamp(min=1))(of & (v > 0)) "+
			"for v, of in ((F.relu(d - {pos_margin}), pos), (F.relu({neg_margin} - d), neg))))("+torchDistances+")", o.values())
	},
	Body: func(c *losses.Call, o PairMarginOptions) losses.Term {
		d, g := distances(c), parts.Grouped(c.In("labels"))
		far, near := d.Shift(-o.PosMargin).Relu(), d.Neg().Shift(*o.NegMargin).Relu()
		return losses.Each(parts.MeanAboveZero(far, g.Positive).Add(parts.MeanAboveZero(near, g.Negative)))
	},
	Golden: groupCases(""),
}

// BatchHardOptions configures [BatchHardTriplet].
type BatchHardOptions struct {
	Margin    *float64         `opt:"margin" doc:"how much farther the nearest of another group should be" bounds:"(-inf,inf)" try:"0.25"`
	Normalize bool             `opt:"normalize" doc:"divide embeddings by their length" try:"true"`
	Average   string           `opt:"average" doc:"all: mean over all rows; nonzero: over the rows that have both kinds and a loss above 0" choices:"all,nonzero" try:"nonzero"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// BatchHardTriplet takes the hardest positive and negative of each row (Hermans et al.,
// In Defense of the Triplet Loss for Person Re-Identification, 2017).
var BatchHardTriplet = &losses.Def[BatchHardOptions]{
	Spec: losses.Spec{
		Name: "batch_hard_triplet", Aliases: []string{"batch_hard"}, Family: family,
		Title:   "the farthest of its group nearer than the nearest of another",
		Formula: "max(0, max of d over the same group - min of d over other groups + margin)",
		Witness: "sentence-transformers 6.2.0",
		Inputs:  grouped(losses.Point), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: inBatch,
		Undefined: []string{"empty_none", "empty_mean", "empty_sum"},
		Traps: []string{
			"The defaults are those of sentence-transformers: nothing is normalised, the margin is 5, and the mean is over all rows. A row that is alone in its group counts with a distance of 0 to it; one without another group is exactly margin, with gradient 0.",
			"pytorch-metric-learning's hardest triplets: --normalize --margin 0.05 --average nonzero, which leaves out rows that lack either kind.",
			"Of several hardest rows the first has the gradient.",
			"PyTorch raises where there is no row; the file gives NaN, or nothing.",
			ofDifferences,
		},
	},
	Defaults: BatchHardOptions{Margin: new(5.0), Average: "all", Reduction: losses.Mean},
	Adapt: func(s *losses.Spec, o BatchHardOptions) {
		if o.Normalize {
			s.Inputs = grouped(losses.Vector)
		}
	},
	Reference: batchHardTorch,
	Body: func(c *losses.Call, o BatchHardOptions) losses.Term {
		x, g := c.In("embeddings"), parts.Grouped(c.In("labels"))
		if o.Normalize {
			x = parts.Unit(x)
		}
		d := parts.Distances(x)
		first := func(v, number losses.Value) losses.Value { return v.Pick(1, number.StopGradient()) }
		if o.Average == "nonzero" {
			far, near := builder.Where(g.Positive, d, d.Like(math.Inf(-1))), builder.Where(g.Negative, d, d.Like(math.Inf(1)))
			each := first(far, far.ArgMax(1)).Sub(first(near, near.ArgMin(1))).Shift(*o.Margin).Relu().Squeeze(1)
			return parts.AboveZero(each, each.Equal(each))
		}
		far := d.Mul(g.Positive.Cast(d.DType()))
		near := d.Add(first(d, d.ArgMax(1)).Mul(g.Negative.Not().Cast(d.DType())))
		return losses.Each(first(far, far.ArgMax(1)).Sub(first(near, near.ArgMin(1))).Shift(*o.Margin).Relu().Squeeze(1))
	},
	Golden: append(groupCases("none", "mean"),
		losses.Case{Name: "no_positives_nonzero", Options: losses.Values{"average": "nonzero"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2, 3: 3}}},
		losses.Case{Name: "one_label_nonzero", Options: losses.Values{"average": "nonzero"}, Fill: map[string]string{"labels": "constant:5"}},
		losses.Case{Name: "library_none", Options: losses.Values{"average": "nonzero", "normalize": true, "margin": 0.05, "reduction": "none"}, Sizes: map[string]int64{"N": 6}},
		losses.Case{Name: "ties_none", Options: losses.Values{"margin": 1.0, "reduction": "none"}, Sizes: map[string]int64{"N": 5, "D": 1},
			Set: map[string]losses.Edge{"embeddings": {0: 0, 1: 1, 2: -1, 3: 2, 4: -2}, "labels": {0: 0, 1: 0, 2: 0, 3: 1, 4: 1}}},
	),
}

func batchHardTorch(c *losses.Call, o BatchHardOptions) string {
	d := "torch.cdist(embeddings, embeddings)"
	if o.Normalize {
		d = torchDistances
	}
	each := "(lambda d: F.relu((d * pos).max(1).values - (d + d.max(1, keepdim=True).values * ~neg).min(1).values + {margin}))(" + d + ")"
	if o.Average == "all" {
		return expand(c, losses.Reduced(each, o.Reduction), losses.Values{"margin": *o.Margin})
	}
	each = "(lambda d: F.relu(d.masked_fill(~pos, -math.inf).max(1).values - d.masked_fill(~neg, math.inf).min(1).values + {margin}))(" + d + ")"
	return expand(c, parts.TorchAboveZero(each, o.Reduction), losses.Values{"margin": *o.Margin})
}

// TripletAllOptions configures [TripletAll].
type TripletAllOptions struct {
	Margin    *float64 `opt:"margin" doc:"how much farther the negative should be than the positive" bounds:"(-inf,inf)" try:"0.5"`
	Normalize *bool    `opt:"normalize" doc:"divide embeddings by their length" try:"false"`
	Smooth    bool     `opt:"smooth" doc:"softplus in place of max(0, ·)" try:"true"`
}

// TripletAll is the triplet margin loss of all triplets of a batch.
var TripletAll = &losses.Def[TripletAllOptions]{
	Spec: losses.Spec{
		Name: "triplet_all", Aliases: []string{"batch_all"}, Family: family,
		Title:   "each row nearer to its group than to any other row",
		Formula: "mean of max(0, d(a, p) - d(a, n) + margin) over all triplets for which it is above 0",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: ofBatch,
		Traps: []string{
			"The mean is over the triplets whose loss is above 0, as in pytorch-metric-learning and sentence-transformers; without any it is 0.",
			"The defaults are pytorch-metric-learning's. sentence-transformers: --normalize=false --margin 5.",
			ofTriplets, ofDifferences,
		},
	},
	Defaults: TripletAllOptions{Margin: new(0.05), Normalize: new(true)},
	Adapt: func(s *losses.Spec, o TripletAllOptions) {
		if !*o.Normalize {
			s.Inputs = grouped(losses.Point)
		}
	},
	Reference: func(c *losses.Call, o TripletAllOptions) string {
		d, hinge := torchDistances, "F.relu"
		if !*o.Normalize {
			d = "torch.cdist(embeddings, embeddings)"
		}
		if o.Smooth {
			hinge = "-F.logsigmoid(-1 * "
		} else {
			hinge += "("
		}
		return expand(c, parts.TorchAboveZero("torch.where(pos[:, :, None] & neg[:, None, :], (lambda d: "+hinge+"(d[:, :, None] - d[:, None, :] + {margin})))("+d+"), 0)", losses.Mean),
			losses.Values{"margin": *o.Margin})
	},
	Body: func(c *losses.Call, o TripletAllOptions) losses.Term {
		x, g := c.In("embeddings"), parts.Grouped(c.In("labels"))
		if *o.Normalize {
			x = parts.Unit(x)
		}
		d := parts.Distances(x)
		violation := d.Unsqueeze(2).Sub(d.Unsqueeze(1)).Shift(*o.Margin)
		each := violation.Relu()
		if o.Smooth {
			each = violation.Softplus()
		}
		return losses.Each(parts.MeanAboveZero(each, g.Positive.Unsqueeze(2).And(g.Negative.Unsqueeze(1))))
	},
	Golden: groupCases(""),
}

// LiftedStructure is Oh Song et al., Deep Metric Learning via Lifted Structured Feature
// Embedding, 2016.
var LiftedStructure = &losses.Def[PairMarginOptions]{
	Spec: losses.Spec{
		Name: "lifted_structure", Family: family,
		Title:   "each pair of a group nearer than all others to both",
		Formula: "n_i = logsumexp of neg_margin - d over the other groups; mean over pairs i, j of one group of max(0, logsumexp(n_i, n_j) + d_ij - pos_margin)^2 / 2",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: ofBatch,
		Traps: []string{
			"The mean is over ordered pairs, as in pytorch-metric-learning: half of the paper's sum over unordered ones by their number.",
			"Without a pair of one group, or without a second group, it is 0.",
			ofDifferences,
		},
	},
	Defaults: PairMarginOptions{NegMargin: new(1.0)},
	Reference: func(c *losses.Call, o PairMarginOptions) string {
		return expand(c, "(lambda d: (lambda n: torch.where(pos & neg.any(), F.relu(d - {pos_margin} + torch.logaddexp(n[:, None], n[None, :])) ** 2 / 2, 0).sum() / pos.sum().clamp(min=1))"+
			"(torch.where(neg.any(1), ({neg_margin} - d).masked_fill(~neg, -math.inf).logsumexp(1), 0)))("+torchDistances+")", o.values())
	},
	Body: func(c *losses.Call, o PairMarginOptions) losses.Term {
		d, g := distances(c), parts.Grouped(c.In("labels"))
		n := parts.LogSumExpOf(d.Neg().Shift(*o.NegMargin), g.Negative, 1)
		other := n.Transpose(1, 0)
		both := other.Add(n.Sub(other).Softplus()) // logaddexp of finite numbers
		each := d.Shift(-o.PosMargin).Add(both).Relu().Square().Scale(0.5)
		kept := g.Positive.And(parts.Some(g.Negative, 0, 1))
		number := parts.Count(g.Positive, d.DType(), 0, 1).Squeeze(0, 1)
		return losses.Each(builder.Where(kept, each, each.Like(0)).Sum().Div(number.Max(number.Like(1))))
	},
	Golden: groupCases(""),
}

// LiftedOptions configures [GeneralizedLiftedStructure].
type LiftedOptions struct {
	PairMarginOptions
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// GeneralizedLiftedStructure is the form of Hermans et al., 2017.
var GeneralizedLiftedStructure = &losses.Def[LiftedOptions]{
	Spec: losses.Spec{
		Name: "generalized_lifted_structure", Aliases: []string{"generalized_lifted"}, Family: family,
		Title:   "all of its group nearer than all others, softly",
		Formula: "max(0, logsumexp of d - pos_margin over the same group + logsumexp of neg_margin - d over other groups), a sum over nothing being 0",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: inBatch,
		Traps: []string{
			"A row without either kind keeps the other's term, as in pytorch-metric-learning.",
			ofDifferences,
		},
	},
	Defaults: LiftedOptions{PairMarginOptions: PairMarginOptions{NegMargin: new(1.0)}, Reduction: losses.Mean},
	Reference: func(c *losses.Call, o LiftedOptions) string {
		return expand(c, losses.Reduced("(lambda d: F.relu(torch.where(pos.any(1), (d - {pos_margin}).masked_fill(~pos, -math.inf).logsumexp(1), 0) + "+
			"torch.where(neg.any(1), ({neg_margin} - d).masked_fill(~neg, -math.inf).logsumexp(1), 0)))("+torchDistances+")", o.Reduction), o.values())
	},
	Body: func(c *losses.Call, o LiftedOptions) losses.Term {
		d, g := distances(c), parts.Grouped(c.In("labels"))
		far := parts.LogSumExpOf(d.Shift(-o.PosMargin), g.Positive, 1)
		near := parts.LogSumExpOf(d.Neg().Shift(*o.NegMargin), g.Negative, 1)
		return losses.Each(far.Add(near).Relu().Squeeze(1))
	},
	Golden: groupCases("none", "mean"),
}

// ProxyNCAOptions configures [ProxyNCA].
type ProxyNCAOptions struct {
	Scale     *float64         `opt:"scale" doc:"factor of the squared distances" bounds:"(0,inf)" try:"3"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// ProxyNCA is Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies,
// 2017.
var ProxyNCA = &losses.Def[ProxyNCAOptions]{
	Spec: losses.Spec{
		Name: "proxy_nca", Family: family,
		Title:   "each row has to find its class's proxy by distance",
		Formula: "-log softmax of -scale·||x - p_c||^2 over the classes c, at the row's; x and p of length 1",
		Witness: library,
		Inputs:  proxyInputs(), Shapes: proxyShapes(), LabelPolicy: parts.RangePolicy,
		Traps: []string{
			"The row's own proxy is in the denominator, as in pytorch-metric-learning; the paper leaves it out.",
			"pytorch-metric-learning leaves out rows whose probability underflows to 0; they count here.",
			"Its option scale is that of the distances, as in the library, where it is softmax_scale; it is no factor of the loss.",
		},
	},
	Defaults: ProxyNCAOptions{Scale: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ProxyNCAOptions) string {
		each := "-(-{scale} * torch.cdist(F.normalize(embeddings, dim=1), F.normalize(proxies, dim=1)) ** 2).log_softmax(1).gather(1, {labels}.unsqueeze(1)).squeeze(1)"
		return c.Expand(losses.Reduced(each, o.Reduction), losses.Values{"scale": *o.Scale})
	},
	Body: func(c *losses.Call, o ProxyNCAOptions) losses.Term {
		x, p := parts.Unit(c.In("embeddings")), parts.Unit(c.In("proxies"))
		// Behind the softmax all digits count that lengths and products have.
		d := x.Square().SumKeep(1).Add(p.Square().SumKeep(1).Transpose(1, 0)).Sub(x.MatMulT(p).Scale(2))
		index := c.In("labels").Within(p.Shape()[0]).Unsqueeze(1)
		return losses.Each(d.Scale(-*o.Scale).SteepNLL(1, index).Squeeze(1))
	},
	Golden: []losses.Case{
		{Name: "at_proxies_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 3, "C": 3}, Fill: map[string]string{"proxies": "like:embeddings"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2}}},
		{Name: "zero_row_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"embeddings": {0: 0, 1: 0, 2: 0}}},
		{Name: "large_scale_none", Options: losses.Values{"reduction": "none", "scale": 1e4}},
	},
}

// proxyInputs are embeddings, a learned proxy of each class, and the classes of rows.
func proxyInputs() []losses.Input {
	vectors := func(name, doc string) losses.Input {
		return losses.Input{Name: name, Doc: doc, Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.Default}
	}
	return []losses.Input{
		vectors("embeddings", "embeddings, one a row"),
		vectors("proxies", "learned vectors, one for each class"),
		{Name: "labels", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "C"}},
	}
}

func proxyShapes() []losses.Shapes {
	return []losses.Shapes{{"embeddings": "N,D", "proxies": "C,D", "labels": "N"}}
}

// classes says of each row and proxy whether the proxy is the row's, [N,C].
func classes(labels losses.Value, n tensor.Dim) losses.Value {
	own := labels.Within(n).Unsqueeze(1)
	return own.Equal(labels.B().Iota(2, 1, n).Cast(own.DType()))
}
