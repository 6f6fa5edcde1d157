package metric

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of similarities.

// MultiSimilarityOptions configures [MultiSimilarity].
type MultiSimilarityOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"how strongly the least similar of the group count" bounds:"(0,inf)" try:"1"`
	Beta      *float64         `opt:"beta" doc:"how strongly the most similar of other groups count" bounds:"(0,inf)" try:"10"`
	Base      *float64         `opt:"base" doc:"similarity from which on pairs are near" bounds:"(-inf,inf)" try:"0"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MultiSimilarity is Wang et al., Multi-Similarity Loss with General Pair Weighting for
// Deep Metric Learning, 2019.
var MultiSimilarity = &losses.Def[MultiSimilarityOptions]{
	Spec: losses.Spec{
		Name: "multi_similarity", Family: family,
		Title:   "similarities weighted by how they compare with the others",
		Formula: "s = cosines; log(1 + sum of exp(alpha·(base - s)) over the same group)/alpha + log(1 + sum of exp(beta·(s - base)) over other groups)/beta",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: inBatch,
		Traps: []string{
			"Mean is over all rows, also those that lack either kind. The miner of the paper, which picks pairs, is not in it.",
			ofPairs,
		},
	},
	Defaults: MultiSimilarityOptions{Alpha: new(2.0), Beta: new(50.0), Base: new(0.5), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MultiSimilarityOptions) string {
		return expand(c, losses.Reduced("(lambda s: F.pad(({alpha} * ({base} - s)).masked_fill(~pos, -math.inf), (0, 1)).logsumexp(1) / {alpha} + "+
			"F.pad(({beta} * (s - {base})).masked_fill(~neg, -math.inf), (0, 1)).logsumexp(1) / {beta})("+torchSimilarities+")", o.Reduction),
			losses.Values{"alpha": *o.Alpha, "beta": *o.Beta, "base": *o.Base})
	},
	Body: func(c *losses.Call, o MultiSimilarityOptions) losses.Term {
		s, g := similarities(c).Shift(-*o.Base), parts.Grouped(c.In("labels"))
		far := parts.LogOnePlusSumOf(s.Scale(-*o.Alpha), g.Positive, 1).Scale(1 / *o.Alpha)
		near := parts.LogOnePlusSumOf(s.Scale(*o.Beta), g.Negative, 1).Scale(1 / *o.Beta)
		return losses.Each(far.Add(near).Squeeze(1))
	},
	Golden: groupCases("none", "mean"),
}

// CircleOptions configures [Circle].
type CircleOptions struct {
	M         *float64         `opt:"m" doc:"how far from 1 and 0 similarities may be" bounds:"(-inf,inf)" try:"0.25"`
	Gamma     *float64         `opt:"gamma" doc:"factor of the similarities" bounds:"(0,inf)" try:"10"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Circle is Sun et al., Circle Loss: A Unified Perspective of Pair Similarity
// Optimization, 2020.
var Circle = &losses.Def[CircleOptions]{
	Spec: losses.Spec{
		Name: "circle", Family: family,
		NoSecond: "its weights are constants in the gradient, and PyTorch's second derivative is NaN",
		Title:    "similarities weighted by how far they are from where they belong",
		Formula:  "s = cosines, w_p = max(0, 1 + m - s), w_n = max(0, s + m); log(1 + sum of exp(-gamma·w_p·(s - 1 + m)) · sum of exp(gamma·w_n·(s - m)))",
		Witness:  library,
		Inputs:   grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: inBatch,
		NotDerivative: "the weights w_p and w_n are constants, as in the paper",
		Traps: []string{
			"The weights are constants for the gradient.",
			"Rows that lack either kind are 0, and mean is over the rows above 0, as in pytorch-metric-learning.",
			"The defaults are pytorch-metric-learning's, m 0.4 and gamma 80; the paper has 0.25 and 256 for faces.",
			ofPairs,
		},
	},
	Defaults: CircleOptions{M: new(0.4), Gamma: new(80.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o CircleOptions) string {
		return expand(c, parts.TorchAboveZero("(lambda s: torch.where(pos.any(1) & neg.any(1), -F.logsigmoid(-1 * ("+
			"(-{gamma} * F.relu(1 + {m} - s.detach()) * (s - 1 + {m})).masked_fill(~pos, -math.inf).logsumexp(1) + "+
			"({gamma} * F.relu(s.detach() + {m}) * (s - {m})).masked_fill(~neg, -math.inf).logsumexp(1))), 0))("+torchSimilarities+")", o.Reduction),
			losses.Values{"m": *o.M, "gamma": *o.Gamma})
	},
	Body: func(c *losses.Call, o CircleOptions) losses.Term {
		s, g := similarities(c), parts.Grouped(c.In("labels"))
		fixed := s.StopGradient()
		far := fixed.Neg().Shift(1 + *o.M).Relu().Mul(s.Shift(*o.M - 1)).Scale(-*o.Gamma)
		near := fixed.Shift(*o.M).Relu().Mul(s.Shift(-*o.M)).Scale(*o.Gamma)
		each := parts.LogSumExpOf(far, g.Positive, 1).Add(parts.LogSumExpOf(near, g.Negative, 1)).Softplus().Squeeze(1)
		both := parts.Some(g.Positive, 1).And(parts.Some(g.Negative, 1)).Squeeze(1)
		return parts.AboveZero(each, both)
	},
	Golden: groupCases("none", "mean"),
}

// ProxyAnchorOptions configures [ProxyAnchor].
type ProxyAnchorOptions struct {
	Margin *float64 `opt:"margin" doc:"similarity that is demanded beyond that of others" bounds:"(-inf,inf)" try:"0.5"`
	Alpha  *float64 `opt:"alpha" doc:"factor of the similarities" bounds:"(0,inf)" try:"4"`
}

// ProxyAnchor is Kim et al., Proxy Anchor Loss for Deep Metric Learning, 2020.
var ProxyAnchor = &losses.Def[ProxyAnchorOptions]{
	Spec: losses.Spec{
		Name: "proxy_anchor", Family: family,
		Title:   "the rows of each class near its proxy, all others away from it",
		Formula: "s = cosines of rows and proxies; sum over proxies of log(1 + sum of exp(-alpha·(s - margin)) over its rows)/classes present + of log(1 + sum of exp(alpha·(s + margin)) over others)/C",
		Witness: library,
		Inputs:  proxyInputs(), Shapes: proxyShapes(), LabelPolicy: parts.RangePolicy, Inseparable: ofBatch,
		Torch: "(lambda s, pos: F.pad((-{alpha} * (s - {margin})).masked_fill(~pos, -math.inf), (0, 0, 0, 1)).logsumexp(0).sum() / pos.any(0).sum() + " +
			"F.pad(({alpha} * (s + {margin})).masked_fill(pos, -math.inf), (0, 0, 0, 1)).logsumexp(0).sum() / len(proxies))" +
			"(F.normalize(embeddings, dim=1) @ F.normalize(proxies, dim=1).T, F.one_hot({labels}, len(proxies)).bool())",
		Traps: []string{
			"The terms of positives are divided by the number of classes that are in the batch, those of negatives by the number of all.",
			"The proxies are learned, with a learning rate 100 times that of the embeddings in the paper.",
		},
	},
	Defaults: ProxyAnchorOptions{Margin: new(0.1), Alpha: new(32.0)},
	Body: func(c *losses.Call, o ProxyAnchorOptions) losses.Term {
		x, p := parts.Unit(c.In("embeddings")), parts.Unit(c.In("proxies"))
		s, own := x.MatMulT(p), classes(c.In("labels"), p.Shape()[0])
		pull := parts.LogOnePlusSumOf(s.Shift(-*o.Margin).Scale(-*o.Alpha), own, 0).Sum()
		push := parts.LogOnePlusSumOf(s.Shift(*o.Margin).Scale(*o.Alpha), own.Not(), 0).Sum()
		present := parts.Some(own, 0).Cast(s.DType()).Sum()
		return losses.Each(pull.Div(present).Add(push.Div(c.B.Count(s.DType(), p.Shape()[:1]))))
	},
	Golden: []losses.Case{
		{Name: "one_class", Sizes: map[string]int64{"C": 1}},
		{Name: "at_proxies", Sizes: map[string]int64{"N": 3, "C": 3}, Fill: map[string]string{"proxies": "like:embeddings"}, Set: map[string]losses.Edge{"labels": {0: 0, 1: 1, 2: 2}}},
		{Name: "zero_row", Set: map[string]losses.Edge{"embeddings": {0: 0, 1: 0, 2: 0}}},
		{Name: "cold", Options: losses.Values{"alpha": 1e4}},
	},
}

// PMLNTXentOptions configures [PMLNTXent].
type PMLNTXentOptions struct {
	Temperature *float64 `opt:"temperature" doc:"what similarities are divided by" bounds:"(0,inf)" try:"0.5"`
}

// PMLNTXent is what pytorch-metric-learning and optax call NT-Xent.
var PMLNTXent = &losses.Def[PMLNTXentOptions]{
	Spec: losses.Spec{
		Name: "pml_nt_xent", Family: family,
		Title:   "each pair of a group against all other groups",
		Formula: "s = cosines/temperature; mean over pairs i, j of one group of -log(exp(s_ij) / (exp(s_ij) + sum of exp(s_ik) over other groups k))",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: ofBatch,
		Traps: []string{
			"Every pair is a softmax of its own, which leaves out the other positives: nt_xent, SimCLR's, does not. Both are equal where each label is there exactly twice.",
			"Without a pair of one group it is 0, as in pytorch-metric-learning; optax gives NaN.",
			ofPairs,
		},
	},
	Defaults: PMLNTXentOptions{Temperature: new(0.07)},
	Reference: func(c *losses.Call, o PMLNTXentOptions) string {
		return expand(c, "(lambda s: torch.where(pos, torch.logaddexp(s, s.masked_fill(~neg, -math.inf).logsumexp(1, keepdim=True)) - s, 0).sum() / pos.sum().clamp(min=1))"+
			"("+torchSimilarities+" / {temperature})", losses.Values{"temperature": *o.Temperature})
	},
	Body: func(c *losses.Call, o PMLNTXentOptions) losses.Term {
		s, g := similarities(c), parts.Grouped(c.In("labels"))
		s = s.Div(s.Like(*o.Temperature))
		each := s.LogSumExpWhere(g.Negative, 1).Sub(s).Softplus()
		number := parts.Count(g.Positive, s.DType(), 0, 1).Squeeze(0, 1)
		return losses.Each(builder.Where(g.Positive, each, each.Like(0)).Sum().Div(number.Max(number.Like(1))))
	},
	Golden: groupCases(""),
}

// AngularOptions configures [Angular].
type AngularOptions struct {
	Alpha *float64 `opt:"alpha" doc:"largest angle at a negative, in degrees" bounds:"(0,90)" try:"30"`
}

// Angular is Wang et al., Deep Metric Learning with Angular Loss, 2017.
var Angular = &losses.Def[AngularOptions]{
	Spec: losses.Spec{
		Name: "angular", Family: family,
		Title:   "a small angle at each negative of the triangle with a pair",
		Formula: "t = tan(alpha)^2; mean over pairs i, j of one group of log(1 + sum of exp(4·t·(x_i + x_j)·e_k - 2·(1 + t)·x_i·x_j) over other groups k); x = e of length 1",
		Witness: library,
		Inputs:  grouped(losses.Vector), Shapes: groupedShapes(), LabelPolicy: parts.GroupPolicy, Inseparable: ofBatch,
		Traps: []string{
			"Pairs are normalised, negatives are not, as in pytorch-metric-learning.",
			"The paper adds the loss of n_pairs.",
			ofTriplets,
		},
	},
	Defaults: AngularOptions{Alpha: new(40.0)},
	Reference: func(c *losses.Call, o AngularOptions) string {
		return expand(c, "(lambda z, t: (lambda a: torch.where(pos, F.pad((4 * t * (a[:, None, :] + a[None]) - 2 * (1 + t) * (z @ z.T)[:, :, None]).masked_fill(~neg[:, None, :], -math.inf), (0, 1)).logsumexp(2), 0).sum() / "+
			"pos.sum().clamp(min=1))(z @ embeddings.T))(F.normalize(embeddings, dim=1), math.tan(math.radians({alpha})) ** 2)", losses.Values{"alpha": *o.Alpha})
	},
	Body: func(c *losses.Call, o AngularOptions) losses.Term {
		e, g := c.In("embeddings"), parts.Grouped(c.In("labels"))
		z, t := parts.Unit(e), math.Pow(math.Tan(*o.Alpha*math.Pi/180), 2)
		a := z.MatMulT(e)
		f := a.Unsqueeze(1).Add(a.Unsqueeze(0)).Scale(4 * t).Sub(z.MatMulT(z).Unsqueeze(2).Scale(2 * (1 + t)))
		each := parts.LogOnePlusSumOf(f, g.Negative.Unsqueeze(1), 2).Squeeze(2)
		number := parts.Count(g.Positive, e.DType(), 0, 1).Squeeze(0, 1)
		return losses.Each(builder.Where(g.Positive, each, each.Like(0)).Sum().Div(number.Max(number.Like(1))))
	},
	Golden: groupCases(""),
}
