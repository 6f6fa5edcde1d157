package ranking

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of whole lists.

// ListNetOptions configures [ListNet].
type ListNetOptions struct {
	Eps       *float64         `opt:"eps" doc:"added to each probability before the logarithm" bounds:"[0,inf)" try:"0.125"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of lists are combined" choices:"none,mean,sum"`
}

// ListNet is Cao et al., Learning to Rank: From Pairwise Approach to Listwise Approach,
// 2007.
var ListNet = &losses.Def[ListNetOptions]{
	Spec: losses.Spec{
		Name: "listnet", Family: family,
		Title:   "cross entropy of softmaxes of labels and scores",
		Formula: "-sum of softmax(labels)·log(softmax(scores) + eps) over each list",
		Witness: "allrank 1.4.3",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"Labels go through a softmax, as in allRank; the loss with the labels as they are is softmax_rank.",
			"eps limits the loss of an item to 23, and its gradient vanishes there.",
			"A list of padding alone is 0 and counts in the mean; it is NaN in allRank.",
		},
	},
	Defaults: ListNetOptions{Eps: new(1e-10), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ListNetOptions) string {
		return torchLists(c, losses.Reduced("-torch.where(m, y.masked_fill(~m, -math.inf).softmax(1) * (s.masked_fill(~m, -math.inf).softmax(1) + {eps}).log(), 0).sum(1)", o.Reduction),
			losses.Values{"eps": *o.Eps})
	},
	Body: func(c *losses.Call, o ListNetOptions) losses.Term {
		l := readLists(c)
		want := builder.Where(l.kept, l.labels, l.labels.Like(-inf)).Softmax(1)
		item := want.Mul(l.ranked().Softmax(1).Shift(*o.Eps).Log())
		return losses.Each(builder.Where(l.kept, item, item.Like(0)).SumOver(1).Neg())
	},
	Golden: listCases("none", "mean"),
}

// SoftmaxRank is the softmax cross entropy of rax and TensorFlow Ranking.
var SoftmaxRank = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "softmax_rank", Family: family,
		Title:   "cross entropy of labels and a softmax of scores",
		Formula: "-sum of labels·log softmax(scores) over each list",
		Witness: "rax 0.4.0",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"Labels are taken as they are: they need not sum to 1, and a list without relevance is 0.",
			"Mean divides by the number of lists in which an item counts; without any it is NaN.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		total := map[losses.Reduction]string{losses.None: "", losses.Sum: ".sum()", losses.Mean: ".sum() / m.any(1).sum()"}[o.Reduction]
		return torchLists(c, "-torch.where(m, y * s.masked_fill(~m, -math.inf).log_softmax(1), 0).sum(1)"+total, nil)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		l := readLists(c)
		item := l.labels.Mul(l.ranked().LogSoftmax(1))
		list := builder.Where(l.kept, item, item.Like(0)).SumOver(1).Neg()
		some := parts.Some(l.kept, 1).Squeeze(1)
		return losses.Term{Each: list, Kept: losses.Both{Value: some}, Divisor: losses.Both{Value: some.Cast(c.Compute)}}
	},
	Golden: listCases("none", "mean"),
}

// ListMLEOptions configures [ListMLE].
type ListMLEOptions struct {
	Eps       *float64         `opt:"eps" doc:"added to each sum of exponentials; 0 takes logarithms of sums without overflow" bounds:"[0,inf)" try:"0;0.125"`
	Average   string           `opt:"average" doc:"all: mean over all lists; nonempty: over those in which an item counts" choices:"all,nonempty" try:"nonempty"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of lists are combined" choices:"none,mean,sum"`
}

// ListMLE is Xia et al., Listwise Approach to Learning to Rank, 2008.
var ListMLE = &losses.Def[ListMLEOptions]{
	Spec: losses.Spec{
		Name: "listmle", Aliases: []string{"list_mle"}, Family: family,
		Title:   "log-likelihood of the order of labels",
		Formula: "x = scores in falling order of labels, less their largest; sum over places i of log(sum of exp(x_k) over k >= i + eps) - x_i",
		Witness: "allrank 1.4.3",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"Of equal labels the first counts as the more relevant; allRank draws their order by chance, so that only lists of different labels compare.",
			"The default is allRank's; rax takes exact logarithms and the mean over lists that are not empty: --eps 0 --average nonempty.",
			"With --eps 0 it holds L x L numbers for each list, a few times over for the gradient: 40 MiB each for 1024 lists of 100 in float32.",
		},
	},
	Defaults: ListMLEOptions{Eps: new(1e-10), Average: "all", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ListMLEOptions) string {
		total := map[losses.Reduction]string{losses.None: "", losses.Sum: ".sum()", losses.Mean: ".mean()"}[o.Reduction]
		if o.Average == "nonempty" && o.Reduction == losses.Mean {
			total = ".sum() / m.any(1).sum()"
		}
		rest := "((x - x.amax(1, keepdim=True)).exp().masked_fill(~k, 0).flip(1).cumsum(1).flip(1) + {eps}).log() - (x - x.amax(1, keepdim=True))"
		if *o.Eps == 0 {
			rest = "x[:, None, :].masked_fill(~k[:, None, :] | torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(-1), -math.inf).logsumexp(2) - x"
		}
		return torchLists(c, "(lambda o: (lambda x, k: torch.where(k, "+rest+", 0).sum(1)"+total+")(s.masked_fill(~m, -math.inf).gather(1, o), m.gather(1, o)))"+
			"(y.masked_fill(~m, -math.inf).argsort(dim=1, descending=True, stable=True))", losses.Values{"eps": *o.Eps})
	},
	Body: func(c *losses.Call, o ListMLEOptions) losses.Term {
		l := readLists(c)
		_, order := builder.Where(l.kept, l.labels, l.labels.Like(-inf)).Sort(1, true)
		x := l.ranked().Pick(1, order)
		kept := l.kept.Cast(tensor.Int64).Pick(1, order)
		some := kept.Greater(kept.Like(0))
		var item losses.Value
		if *o.Eps == 0 {
			n := x.Shape()[1]
			behind := c.B.Iota(2, 0, n).LessOrEqual(c.B.Iota(2, 1, n)).Unsqueeze(0)
			rows := x.Unsqueeze(1).BroadcastTo(tensor.Shape{x.Shape()[0], n, n})
			item = rows.LogSumExpWhere(behind.And(some.Unsqueeze(1)), 2).Squeeze(2).Sub(x)
		} else {
			x = x.Sub(x.MaxKeep(1))
			e := builder.Where(some, x.Exp(), x.Like(0))
			item = e.CumSum(1, builder.Reverse).Shift(*o.Eps).Log().Sub(x)
		}
		list := builder.Where(some, item, item.Like(0)).SumOver(1)
		if o.Average == "all" {
			return losses.Each(list)
		}
		nonempty := parts.Some(l.kept, 1).Squeeze(1)
		return losses.Term{Each: list, Kept: losses.Both{Value: nonempty}, Divisor: losses.Both{Value: nonempty.Cast(c.Compute)}}
	},
	Golden: append(listCases("none", "mean"), exactly(listCases("none", "mean"))...),
}

// exactly gives cases of [ListMLE] the options of rax.
func exactly(cases []losses.Case) []losses.Case {
	for i, c := range cases {
		cases[i].Name = "exactly_" + c.Name
		cases[i].Options = losses.Values{"eps": 0.0, "average": "nonempty", "reduction": c.Options["reduction"]}
	}
	return cases
}

// gains are 2^label - 1 of the items that count, and the largest discounted sum of them
// that an order has, of each list.
func (l lists) gains(eps float64) (gain, ideal losses.Value) {
	gain = l.labels.Scale(math.Ln2).Exp().Shift(-1)
	falling, _ := gain.Sort(1, true)
	place := gain.B().Iota(2, 1, gain.Shape()[1]).Cast(gain.DType())
	return gain, falling.Mul(discount(place)).SumKeep(1).Clip(eps, inf)
}

// discount is 1 / log2(2 + place) of places counted from 0.
func discount(place losses.Value) losses.Value {
	log := place.Shift(2).Log()
	return log.Like(math.Ln2).Div(log)
}

// withGains binds what [lists.gains] returns to g and ideal in an expression.
func withGains(expression string) string {
	return "(lambda g: (lambda ideal: " + expression + ")((g.sort(1, descending=True).values / torch.arange(2, g.shape[1] + 2).to(g).log2()).sum(1, keepdim=True).clamp(min={eps})))(2 ** y - 1)"
}

// ApproxNDCGOptions configures [ApproxNDCG].
type ApproxNDCGOptions struct {
	Alpha     *float64         `opt:"alpha" doc:"how sharply a place follows differences of scores" bounds:"(0,inf)" try:"10"`
	Eps       *float64         `opt:"eps" doc:"least ideal sum, and least share of a place" bounds:"(0,inf)" try:"0.125"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of lists are combined" choices:"none,mean,sum"`
}

// ApproxNDCG is Qin et al., A general approximation framework for direct optimization of
// information retrieval measures, 2010.
var ApproxNDCG = &losses.Def[ApproxNDCGOptions]{
	Spec: losses.Spec{
		Name: "approx_ndcg", Family: family,
		Title:   "minus NDCG with places that are sums of sigmoids",
		Formula: "rank_i = 1 + sum of sigmoid(-alpha·(s_i - s_j)) over the other items; -sum of (2^label_i - 1)/log2(1 + rank_i) / its largest",
		Witness: "allrank 1.4.3",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"It is between -1 and 0: minus NDCG. A list without relevance is 0, and counts in the mean.",
			ofPairs,
		},
	},
	Defaults: ApproxNDCGOptions{Alpha: new(1.0), Eps: new(1e-10), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ApproxNDCGOptions) string {
		ndcg := "-(g / (2 + torch.where(m[:, :, None] & m[:, None, :] & ~torch.eye(s.shape[1], dtype=torch.bool), " +
			"torch.sigmoid(-{alpha} * (s[:, :, None] - s[:, None, :])).clamp(min={eps}), 0).sum(2)).log2() / ideal).sum(1)"
		return torchLists(c, withGains(losses.Reduced(ndcg, o.Reduction)), losses.Values{"alpha": *o.Alpha, "eps": *o.Eps})
	},
	Body: func(c *losses.Call, o ApproxNDCGOptions) losses.Term {
		l := readLists(c)
		gain, ideal := l.gains(*o.Eps)
		n := l.scores.Shape()[1]
		pair := l.kept.Unsqueeze(2).And(l.kept.Unsqueeze(1)).And(parts.Diagonal(c.B, n, n).Not())
		above := each(l.scores).Scale(-*o.Alpha).Sigmoid().Clip(*o.Eps, inf)
		place := builder.Where(pair, above, above.Like(0)).SumOver(2)
		return losses.Each(gain.Mul(discount(place)).Div(ideal).SumOver(1).Neg())
	},
	Golden: listCases("none", "mean"),
}

// LambdaOptions configures [LambdaLoss].
type LambdaOptions struct {
	Sigma     *float64         `opt:"sigma" doc:"factor of differences of scores" bounds:"(0,inf)" try:"2"`
	Eps       *float64         `opt:"eps" doc:"least ideal sum, and least probability" bounds:"(0,inf)" try:"0.25"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of pairs are combined" choices:"mean,sum"`
}

// LambdaLoss is the loss of LambdaRank's gradients (Wang et al., The LambdaLoss Framework
// for Ranking Metric Optimization, 2018).
var LambdaLoss = &losses.Def[LambdaOptions]{
	Spec: losses.Spec{
		Name: "lambda_loss", Aliases: []string{"lambdarank"}, Family: family,
		Title:   "ranknet weighted by what exchanging two items changes",
		Formula: "sum over pairs with label_i > label_j of -|gain_i - gain_j|·|1/log2(1 + rank_i) - 1/log2(1 + rank_j)|·log2 sigmoid(sigma·(s_i - s_j)); gain = (2^label - 1)/largest sum",
		Witness: "allrank 1.4.3",
		Inputs:  listInputs(), Shapes: listShapes(), Inseparable: ofLists,
		Traps: []string{
			padding,
			"This is allRank's weighting lambdaRank_scheme, with its default reduction sum; mean divides by the number of pairs of the whole batch.",
			"Ranks are those of the scores, constants for the gradient; of equal scores the first is above.",
			ofPairs,
		},
	},
	Defaults: LambdaOptions{Sigma: new(1.0), Eps: new(1e-10), Reduction: losses.Sum},
	Reference: func(c *losses.Call, o LambdaOptions) string {
		total := ".sum()"
		if o.Reduction == losses.Mean {
			total += " / k.sum()"
		}
		pairs := "(lambda g, place, k: torch.where(k, -(g[:, :, None] - g[:, None, :]).abs() * (place[:, :, None] - place[:, None, :]).abs() * " +
			"torch.sigmoid({sigma} * (s[:, :, None] - s[:, None, :])).clamp(min={eps}).log2(), 0)" + total + ")" +
			"(g / ideal, 1 / (2 + s.detach().masked_fill(~m, -math.inf).argsort(dim=1, descending=True, stable=True).argsort(1)).to(s).log2(), " + torchPairs + ")"
		return torchLists(c, withGains(pairs), losses.Values{"sigma": *o.Sigma, "eps": *o.Eps})
	},
	Body: func(c *losses.Call, o LambdaOptions) losses.Term {
		l := readLists(c)
		gain, ideal := l.gains(*o.Eps)
		_, order := l.ranked().StopGradient().Sort(1, true)
		_, rank := order.Sort(1, false)
		weight := each(gain.Div(ideal)).Abs().Mul(each(discount(rank.Cast(c.Compute))).Abs())
		likely := each(l.scores).Scale(*o.Sigma).Sigmoid().Clip(*o.Eps, inf).Log().Scale(-1 / math.Ln2)
		kept := l.pairs()
		return losses.Term{Each: weight.Mul(likely), Kept: losses.Both{Value: kept}, Divisor: losses.Both{Value: kept.Cast(c.Compute)}}
	},
	Golden: listCases("mean", "sum"),
}
