package contrastive

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of a softmax in which each row has to find its partner.

// InfoNCEOptions configures [InfoNCE].
type InfoNCEOptions struct {
	TemperatureOptions
	Moco bool `opt:"moco" doc:"the negatives are a queue of former keys, taken as it is; key and queue have no gradient by default" try:"true"`
}

// InfoNCE is the log-loss of finding each query's positive (van den Oord et al.,
// Representation Learning with Contrastive Predictive Coding, 2018), with a queue the
// loss of MoCo (He et al., 2020).
var InfoNCE = &losses.Def[InfoNCEOptions]{
	Spec: losses.Spec{
		Name: "info_nce", Aliases: []string{"multiple_negatives_ranking", "in_batch_softmax", "mnrl"}, Family: family,
		Presets: map[string]losses.Values{"moco": {"moco": true, "temperature": 0.07}},
		Title:   "each query has to find its positive among all",
		Formula: "s = cos(query, ·)/temperature; -log(exp(s(positive)) / sum of exp(s) over the positive and the negatives)",
		Witness: "info-nce-pytorch 0.1.4",
		Traps: []string{
			"Without negatives the positives of all other rows are the negatives: a positive that is in the batch twice is a negative of its own query. --with negatives takes a set for all rows instead; the other rows' positives do not count then.",
			"The default temperature is that of info-nce-pytorch; sentence-transformers has a scale of 20, which is --temperature 0.05; MoCo 0.07, lightly's MoCo 0.1.",
			"With --moco the inputs are query, key and queue; queue is not normalised here. Filling it is up to the caller.",
			"A row of zeros has similarity 0 and a gradient of the order of 1e12, as in PyTorch.",
			inBatchMemory,
		},
	},
	Defaults: InfoNCEOptions{TemperatureOptions: TemperatureOptions{Temperature: new(0.1), Reduction: losses.Mean}},
	Ports:    infoNCEPorts,
	Adapt: func(s *losses.Spec, o InfoNCEOptions) {
		if !o.Moco {
			s.Inseparable = inBatch + "; the rows of --moco are not"
		}
	},
	Reference: func(c *losses.Call, o InfoNCEOptions) string {
		positive, columns := "positive", ""
		if o.Moco {
			positive, columns = "key", ", q @ queue.T"
		}
		if c.Has("negatives") {
			columns += ", q @ F.normalize(negatives, dim=-1).T"
		}
		logits, right := "torch.cat([(q * k).sum(1, keepdim=True)"+columns+"], 1)", "torch.zeros(len(q), dtype=torch.long)"
		if columns == "" {
			logits, right = "q @ k.T", "torch.arange(len(q))"
		}
		return c.Expand("(lambda q, k: F.cross_entropy("+logits+" / {temperature}, "+right+", reduction={reduction}))(F.normalize(query, dim=-1), F.normalize("+positive+", dim=-1))",
			losses.Values{"temperature": *o.Temperature, "reduction": string(o.Reduction)})
	},
	Body: func(c *losses.Call, o InfoNCEOptions) losses.Term {
		scaled := func(s losses.Value) losses.Value { return s.Div(s.Like(*o.Temperature)) }
		q, k := parts.Unit(c.In("query")), c.In("positive")
		if o.Moco {
			k = c.In("key")
		}
		k = parts.Unit(k)
		columns := []losses.Value{q.Mul(k).SumKeep(1)}
		if o.Moco {
			columns = append(columns, q.MatMulT(c.In("queue")))
		}
		if c.Has("negatives") {
			columns = append(columns, q.MatMulT(parts.Unit(c.In("negatives"))))
		}
		if len(columns) == 1 {
			return losses.Each(diagonalNLL(scaled(q.MatMulT(k)), 1))
		}
		return losses.Each(firstNLL(scaled(builder.Concat(1, columns...))))
	},
	Golden: []losses.Case{
		{Name: "twice_the_same_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"query": "constant:1", "positive": "constant:1"}},
		{Name: "zero_row_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"query": {0: 0, 1: 0, 2: 0}}},
		{Name: "no_negatives_none", Options: losses.Values{"reduction": "none"}, With: []string{"negatives"}, Sizes: map[string]int64{"M": 0}},
		{Name: "moco_none", Options: losses.Values{"reduction": "none", "moco": true, "temperature": 0.07}, Sizes: map[string]int64{"K": 5}},
		{Name: "moco_empty_queue_none", Options: losses.Values{"reduction": "none", "moco": true}, Sizes: map[string]int64{"K": 0}},
		{Name: "moco_masked", Options: losses.Values{"moco": true}, With: []string{"mask", "sample_weight"}, Spoiled: true},
		{Name: "moco_masked_none", Options: losses.Values{"moco": true, "reduction": "none"}, With: []string{"mask"}, Spoiled: true},
		{Name: "cold_none", Options: losses.Values{"reduction": "none", "temperature": 1e-4}},
	},
}

func infoNCEPorts(o InfoNCEOptions) ([]losses.Input, []losses.Shapes) {
	query, negatives := embedding("query", "embeddings of queries"), embedding("negatives", "embeddings that no query belongs to, in place of the other rows' positives")
	negatives.Optional = true
	if !o.Moco {
		return []losses.Input{query, embedding("positive", "embeddings of what belongs to each query"), negatives},
			[]losses.Shapes{{"query": "N,D", "positive": "N,D", "negatives": "M,D"}}
	}
	key := embedding("key", "embeddings of the other view of each query")
	queue := losses.Input{Name: "queue", Doc: "former keys, of length 1", Domain: losses.Direction, Of: losses.Of{Axis: "D"}, Grad: losses.OnDemand}
	key.Grad, negatives.Doc = losses.OnDemand, "further embeddings that no query belongs to"
	return []losses.Input{query, key, queue, negatives}, []losses.Shapes{{"query": "N,D", "key": "N,D", "queue": "K,D", "negatives": "M,D"}}
}

// NTXent is the loss of SimCLR (Chen et al., A Simple Framework for Contrastive Learning
// of Visual Representations, 2020).
var NTXent = &losses.Def[TemperatureOptions]{
	Spec: losses.Spec{
		Name: "nt_xent", Aliases: []string{"simclr"}, Family: family,
		Title:   "each view has to find the other view of its sample (SimCLR)",
		Formula: "z = z1 and z2 as 2·N rows, s = cos(z_i, z_j)/temperature; -log softmax of s over j != i, at the other view of i",
		Witness: "lightly 1.6.0",
		Torch: "(lambda z: F.cross_entropy((z @ z.T / {temperature}).masked_fill(torch.eye(len(z), dtype=torch.bool), -math.inf), " +
			"torch.arange(len(z)).roll(len(z) // 2), reduction={reduction}))(F.normalize(torch.cat([z1, z2]), dim=1))",
		Inputs: views(), Shapes: rowsOf("z1", "z2"), Inseparable: inBatch,
		Traps: []string{
			"There are 2·N losses: those of z1's rows, then those of z2's. Mean divides by 2·N.",
			"The default temperature is lightly's; SimCLR tries 0.05 to 1, most recipes take 0.1 or 0.5.",
			"pytorch-metric-learning and optax have another loss under this name, pml_nt_xent here, which leaves other positives out of the denominator: both are equal where each label is there exactly twice.",
			"With one sample there is no negative, and the loss is 0.",
			"It holds 2N x 2N similarities, a few times over for the gradient: 256 MiB each for 4096 samples in float32.",
		},
	},
	Defaults: TemperatureOptions{Temperature: new(0.5), Reduction: losses.Mean},
	Body: func(c *losses.Call, o TemperatureOptions) losses.Term {
		z := parts.Unit(builder.Concat(0, c.In("z1"), c.In("z2")))
		s := z.MatMulT(z)
		s = s.Div(s.Like(*o.Temperature))
		s = builder.Where(itself(s), s.Like(-inf), s)
		first, second := ownRow(c.In("z1"), 0), ownRow(c.In("z2"), 0)
		n := c.B.Count(first.DType(), c.In("z1").Shape()[:1])
		return losses.Each(s.SteepNLL(1, builder.Concat(0, first.Add(n), second)).Squeeze(1))
	},
	Golden: []losses.Case{
		{Name: "zero_row_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"z1": {0: 0, 1: 0, 2: 0}}},
		{Name: "all_alike_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"z1": "constant:1", "z2": "constant:1"}},
		{Name: "cold_none", Options: losses.Values{"reduction": "none", "temperature": 1e-4}},
	},
}

// DCL leaves the positive out of the denominator (Yeh et al., Decoupled Contrastive
// Learning, 2022).
var DCL = &losses.Def[TemperatureOptions]{
	Spec: losses.Spec{
		Name: "dcl", Aliases: []string{"decoupled_contrastive"}, Family: family,
		Title:   "nt_xent without the positive in the denominator",
		Formula: "-cos(z1_i, z2_i)/temperature + logsumexp of the similarities of z1_i to all rows of other samples; mean with that of z2_i",
		Witness: "lightly 1.6.0",
		Inputs:  views(), Shapes: rowsOf("z1", "z2"), Inseparable: inBatch,
		Traps: []string{
			"It has no lower bound: it is negative where positives are near and negatives far.",
			"With one sample there is no negative, and the loss is -inf.",
			"The weighted form, which lightly calls DCLWLoss, is not here.",
			"It holds 2N x 2N similarities, a few times over for the gradient: 256 MiB each for 4096 samples in float32.",
		},
	},
	Defaults: TemperatureOptions{Temperature: new(0.1), Reduction: losses.Mean},
	Reference: rows("(lambda a, b, eye: sum(-(x * y).sum(1) / {temperature} + torch.cat([(x @ x.T / {temperature}).masked_fill(eye, -math.inf), " +
		"(x @ y.T / {temperature}).masked_fill(eye, -math.inf)], 1).logsumexp(1) for x, y in ((a, b), (b, a))) / 2)" +
		"(F.normalize(z1, dim=1), F.normalize(z2, dim=1), torch.eye(len(z1), dtype=torch.bool))"),
	Body: func(c *losses.Call, o TemperatureOptions) losses.Term {
		a, b := parts.Unit(c.In("z1")), parts.Unit(c.In("z2"))
		scaled := func(s losses.Value) losses.Value { return s.Div(s.Like(*o.Temperature)) }
		direction := func(x, y losses.Value) losses.Value {
			own, other := x.MatMulT(x), x.MatMulT(y)
			others := builder.Concat(1, itself(own), itself(other)).Not()
			return scaled(builder.Concat(1, own, other)).LogSumExpWhere(others, 1).Squeeze(1).Sub(scaled(x.Mul(y).SumOver(1)))
		}
		return losses.Each(direction(a, b).Add(direction(b, a)).Scale(0.5))
	},
	Golden: []losses.Case{
		{Name: "all_alike_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"z1": "constant:1", "z2": "constant:1"}},
	},
}

// NPairs takes one pair of each class (Sohn, Improved Deep Metric Learning with
// Multi-class N-pair Loss Objective, 2016).
var NPairs = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "n_pairs", Aliases: []string{"npairs"}, Family: family,
		Title:   "each anchor has to find its positive by dot products",
		Formula: "s = anchor·positive; -log softmax of s over the positives, at that of the anchor's own row",
		Witness: "pytorch-metric-learning 2.9.0",
		Torch:   "F.cross_entropy(anchor @ positive.T, torch.arange(len(anchor)), reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "anchor", Doc: "embeddings, one of each class", Domain: losses.Real, Grad: losses.Default},
			{Name: "positive", Doc: "another embedding of each class, row by row", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: rowsOf("anchor", "positive"), Inseparable: inBatch,
		Traps: []string{
			"Nothing is normalised, as in the paper; pytorch-metric-learning normalises unless it is given a plain dot product. Normalised it is info_nce with a temperature of 1.",
			"The paper adds the squared lengths of the embeddings, scaled; that is another term.",
			inBatchMemory,
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(diagonalNLL(c.In("anchor").MatMulT(c.In("positive")), 1))
	},
}
