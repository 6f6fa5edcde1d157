package contrastive

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses that need no negatives, or take care by other means that
// not all embeddings become one.

// NegativeCosine is the loss of SimSiam (Chen and He, 2021) and BYOL (Grill et al., 2020).
var NegativeCosine = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "negative_cosine", Aliases: []string{"simsiam", "byol"}, Family: family,
		Title:   "minus the cosine of a prediction and its target",
		Formula: "-cos(p, z), z a constant",
		Witness: "lightly 1.6.0",
		Inputs: []losses.Input{
			embedding("p", "predictions from one view"),
			{Name: "z", Doc: "embeddings of the other view, without a gradient", Domain: losses.Vector, Of: losses.Of{Axis: "D"}},
		},
		Shapes: rowsOf("p", "z"),
		Traps: []string{
			"z has no gradient: that is what keeps the embeddings apart. With one, all become equal.",
			"BYOL's loss is 2 + 2 times this; both take the mean of the two directions, which are two files' runs.",
			"A row of zeros has cosine 0 and a finite gradient of the order of 1e8.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-F.cosine_similarity(p, z.detach(), dim=1)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		return losses.Each(parts.Cosine(c.In("p"), c.In("z")).Neg())
	},
	Golden: []losses.Case{
		{Name: "zero_row_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"p": {0: 0, 1: 0, 2: 0}, "z": {3: 0, 4: 0, 5: 0}}},
	},
}

// BarlowTwinsOptions configures [BarlowTwins].
type BarlowTwinsOptions struct {
	Lambd *float64 `opt:"lambd" doc:"weight of the correlations between different dimensions" bounds:"[0,inf)" try:"0.5;0"`
}

// BarlowTwins wants the dimensions of two views correlated with themselves alone
// (Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction, 2021).
var BarlowTwins = &losses.Def[BarlowTwinsOptions]{
	Spec: losses.Spec{
		Name: "barlow_twins", Aliases: []string{"barlow"}, Family: family,
		Title:   "each dimension correlated with itself in the other view, alone",
		Formula: "c = standardised z1^T·z2 / N; sum of (c_dd - 1)^2 + lambd·sum of c_de^2 over d != e",
		Witness: "lightly 1.6.0",
		Torch: "(lambda c: ((c.diagonal() - 1) ** 2).sum() + {lambd} * c.masked_fill(torch.eye(len(c), dtype=torch.bool), 0).square().sum())" +
			"((lambda a, b: a.T @ b / len(a))(*((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt() for z in (z1, z2))))",
		Inputs: views(), Shapes: rowsOf("z1", "z2"), Inseparable: ofBatch,
		Traps: []string{
			"The dimensions are standardised as batch norm does: with the variance divided by N, and 1e-5 inside of the root.",
			"It is a sum over all D x D correlations: it grows with D. A constant dimension costs 1.",
			"It holds D x D correlations: 256 MiB for 8192 dimensions in float32.",
		},
	},
	Defaults: BarlowTwinsOptions{Lambd: new(5e-3)},
	Body: func(c *losses.Call, o BarlowTwinsOptions) losses.Term {
		standardised := func(z losses.Value) losses.Value {
			z = z.Cast(c.B.Widest(c.Compute)) // what is left of the gradient is small: a change of scale does not count
			centred := z.Sub(meanOfRows(z))
			return centred.Div(meanOfRows(centred.Square()).Shift(1e-5).Sqrt()).Cast(c.Compute)
		}
		a, b := standardised(c.In("z1")), standardised(c.In("z2"))
		n := c.B.Count(a.DType(), a.Shape()[:1])
		correlation := a.Product(b, true, false).Div(n)
		same, zero := itself(correlation), correlation.Like(0)
		off := builder.Where(same, zero, correlation).Square().Sum()
		return losses.Each(builder.Where(same, correlation.Shift(-1), zero).Square().Sum().Add(off.Scale(*o.Lambd)))
	},
	Golden: []losses.Case{
		{Name: "constant", Fill: map[string]string{"z1": "constant:2", "z2": "constant:-1"}},
		{Name: "same_views", Fill: map[string]string{"z2": "like:z1"}},
	},
}

// meanOfRows is the mean over rows, which stay as size 1.
func meanOfRows(z losses.Value) losses.Value {
	return z.SumKeep(0).Div(z.B().Count(z.DType(), z.Shape()[:1]))
}

// VICRegOptions configures [VICReg].
type VICRegOptions struct {
	Lam *float64 `opt:"lam" doc:"weight of the distance between views" bounds:"[0,inf)" try:"1"`
	Mu  *float64 `opt:"mu" doc:"weight of the variances" bounds:"[0,inf)" try:"1"`
	Nu  *float64 `opt:"nu" doc:"weight of the covariances" bounds:"[0,inf)" try:"2"`
	Eps *float64 `opt:"eps" doc:"added to each variance before the root" bounds:"[0,inf)" try:"0.5"`
}

// VICReg is Bardes et al., VICReg: Variance-Invariance-Covariance Regularization for
// Self-Supervised Learning, 2022.
var VICReg = &losses.Def[VICRegOptions]{
	Spec: losses.Spec{
		Name: "vicreg", Family: family,
		Title:   "views alike, dimensions of variance 1 and uncorrelated",
		Formula: "lam·mse(z1, z2) + for both views: mu/2·mean of max(0, 1 - sqrt(var + eps)) + nu·sum of cov_de^2 over d != e / D",
		Witness: "lightly 1.6.0",
		Torch: "{lam} * F.mse_loss(z1, z2) + sum({mu} / 2 * F.relu(1 - ((y ** 2).sum(0) / (len(y) - 1) + {eps}).sqrt()).mean() + {nu} * " +
			"(y.T @ y / (len(y) - 1)).masked_fill(torch.eye(y.shape[1], dtype=torch.bool), 0).square().sum() / y.shape[1] for y in (z1 - z1.mean(0), z2 - z2.mean(0)))",
		Inputs: views(), Shapes: rowsOf("z1", "z2"), Inseparable: ofBatch,
		Traps: []string{
			"The variance terms of both views are averaged, the covariance terms are added, as in lightly, pytorch-metric-learning and the authors' code.",
			"Variances and covariances are divided by N - 1: one row gives NaN.",
			"It holds D x D covariances of both views: 256 MiB each for 8192 dimensions in float32.",
		},
	},
	Defaults: VICRegOptions{Lam: new(25.0), Mu: new(25.0), Nu: new(1.0), Eps: new(1e-4)},
	Body: func(c *losses.Call, o VICRegOptions) losses.Term {
		a, b := c.In("z1"), c.In("z2")
		mean := func(v losses.Value) losses.Value { return v.Sum().Div(v.Numel()) }
		spread := func(z losses.Value) losses.Value {
			centred := z.Sub(meanOfRows(z))
			fewer := c.B.Count(z.DType(), z.Shape()[:1]).Shift(-1)
			variance := centred.Square().SumOver(0).Div(fewer)
			covariance := centred.Product(centred, true, false).Div(fewer)
			off := builder.Where(itself(covariance), covariance.Like(0), covariance).Square().Sum()
			off = off.Div(c.B.Count(z.DType(), z.Shape()[1:]))
			small := mean(variance.Shift(*o.Eps).Sqrt().Neg().Shift(1).Relu())
			return small.Scale(*o.Mu / 2).Add(off.Scale(*o.Nu))
		}
		return losses.Each(mean(a.Sub(b).Square()).Scale(*o.Lam).Add(spread(a)).Add(spread(b)))
	},
	Golden: []losses.Case{
		{Name: "constant", Fill: map[string]string{"z1": "constant:2", "z2": "constant:-1"}},
		{Name: "two_rows", Sizes: map[string]int64{"N": 2}},
		{Name: "one_row", Shapes: map[string]string{"z1": "1,D"}},
	},
}

// AlignUniformOptions configures [AlignUniform].
type AlignUniformOptions struct {
	Alpha *float64 `opt:"alpha" doc:"power of the distance between views" bounds:"[1,inf)" try:"1;3"`
	T     *float64 `opt:"t" doc:"how fast the repulsion falls with the squared distance" bounds:"(0,inf)" try:"2"`
	Lam   *float64 `opt:"lam" doc:"weight of the uniformity" bounds:"[0,inf)" try:"0.5"`
}

// AlignUniform is Wang and Isola, Understanding Contrastive Representation Learning
// through Alignment and Uniformity on the Hypersphere, 2020.
var AlignUniform = &losses.Def[AlignUniformOptions]{
	Spec: losses.Spec{
		Name: "align_uniform", Aliases: []string{"hypersphere"}, Family: family,
		Undefined: []string{"hvp_equal"}, // PyTorch gives NaN for the distance of a row from itself
		Title:     "views alike, and embeddings all over the sphere",
		Formula:   "x, y = z1, z2 of length 1; mean ||x - y||^alpha + lam·mean over x and y of log(mean over i < j of exp(-t·||x_i - x_j||^2))",
		Witness:   "lightly 1.6.0",
		Torch: "(lambda x, y: (x - y).norm(dim=1).pow({alpha}).mean() + {lam} * sum(torch.exp(-{t} * (v[:, None] - v[None, :]).square().sum(2))[torch.ones(len(v), len(v), dtype=torch.bool).triu(1)].mean().log() for v in (x, y)) / 2)" +
			"(F.normalize(z1, dim=1), F.normalize(z2, dim=1))",
		Inputs: views(), Shapes: rowsOf("z1", "z2"), Inseparable: ofBatch,
		Traps: []string{
			"The default t is lightly's; the paper has 2.",
			"One row has no pair: the loss is NaN.",
			"It is negative where the embeddings are spread.",
			inBatchMemory,
		},
	},
	Defaults: AlignUniformOptions{Alpha: new(2.0), T: new(1.0), Lam: new(1.0)},
	Body: func(c *losses.Call, o AlignUniformOptions) losses.Term {
		x, y := parts.Unit(c.In("z1")), parts.Unit(c.In("z2"))
		far := x.Sub(y).Norm(2, 1).Pow(*o.Alpha)
		crowded := func(v losses.Value) losses.Value {
			// Behind the exponential all digits count that lengths and products have.
			squares := v.Square().SumKeep(1)
			d := squares.Add(squares.Transpose(1, 0)).Sub(v.MatMulT(v).Scale(2))
			near := d.Scale(-*o.T).Exp()
			before := ownRow(d, 0).Less(ownRow(d, 1))
			return builder.Where(before, near, near.Like(0)).Sum().Div(before.Cast(d.DType()).Sum()).Log()
		}
		return losses.Each(far.Sum().Div(far.Numel()).Add(crowded(x).Add(crowded(y)).Scale(*o.Lam / 2)))
	},
	Golden: []losses.Case{
		{Name: "all_alike", Fill: map[string]string{"z1": "constant:1", "z2": "constant:1"}},
		{Name: "same_views_power_1", Options: losses.Values{"alpha": 1.0}, Fill: map[string]string{"z2": "like:z1"}},
		{Name: "zero_row", Set: map[string]losses.Edge{"z1": {0: 0, 1: 0, 2: 0}}},
	},
}

// DINOOptions configures [DINO].
type DINOOptions struct {
	TeacherTemp *float64 `opt:"teacher_temp" doc:"what the teacher's outputs are divided by" bounds:"(0,inf)" try:"0.5"`
	StudentTemp *float64 `opt:"student_temp" doc:"what the student's outputs are divided by" bounds:"(0,inf)" try:"1"`
}

// DINO is Caron et al., Emerging Properties in Self-Supervised Vision Transformers, 2021.
var DINO = &losses.Def[DINOOptions]{
	Spec: losses.Spec{
		Name: "dino", Family: family,
		Title:   "a student's views agree with a teacher's other views",
		Formula: "t = softmax((teacher - center)/teacher_temp), s = log softmax(student/student_temp); mean over samples and pairs of different views of -sum t·s",
		Witness: "lightly 1.6.0",
		Torch: "(lambda t, s: -torch.einsum('tnk,snk->ts', t, s).masked_fill(torch.eye(len(t), len(s), dtype=torch.bool), 0).sum() / ((len(t) * len(s) - min(len(t), len(s))) * t.shape[1]))" +
			"(((teacher - center) / {teacher_temp}).softmax(-1).detach(), (student / {student_temp}).log_softmax(-1))",
		Inputs: []losses.Input{
			{Name: "teacher", Doc: "the teacher's outputs, stacked by view", Domain: losses.Real},
			{Name: "student", Doc: "the student's outputs, stacked by view: the teacher's views come first", Domain: losses.Real, Grad: losses.Default},
			{Name: "center", Doc: "the running mean of the teacher's outputs", Domain: losses.Real},
		},
		Shapes:      []losses.Shapes{{"teacher": "T,N,K", "student": "S,N,K", "center": "K"}},
		Inseparable: ofBatch,
		Traps: []string{
			"A view of the student is not compared with the teacher's view of the same number; with one view each there is nothing to compare, and the loss is NaN.",
			"The teacher has no gradient. Moving its weights and center is up to the caller; lightly and the authors update center after the loss.",
			"The authors raise teacher_temp from 0.04 to 0.07 while training.",
		},
	},
	Defaults: DINOOptions{TeacherTemp: new(0.04), StudentTemp: new(0.1)},
	Body: func(c *losses.Call, o DINOOptions) losses.Term {
		teacher, student := c.In("teacher").Sub(c.In("center")), c.In("student")
		t := teacher.Div(teacher.Like(*o.TeacherTemp)).Softmax(2).StopGradient()
		s := student.Div(student.Like(*o.StudentTemp)).LogSoftmax(2)
		agreement := t.Flatten(1).MatMulT(s.Flatten(1))
		different := itself(agreement).Not()
		pairs := different.Cast(agreement.DType()).Sum()
		samples := c.B.Count(agreement.DType(), t.Shape()[1:2])
		return losses.Each(builder.Where(different, agreement, agreement.Like(0)).Sum().Neg().Div(pairs.Mul(samples)))
	},
	Golden: []losses.Case{
		{Name: "more_views", Sizes: map[string]int64{"T": 2, "S": 4, "N": 2, "K": 3}},
		{Name: "one_view", Sizes: map[string]int64{"T": 1, "S": 1}},
		{Name: "saturated", Sizes: map[string]int64{"T": 2, "S": 2}, Set: map[string]losses.Edge{"teacher": {0: 1e4, 1: -1e4}, "student": {8: 1e4, 9: -1e4}}},
	},
}

// KoLeo spreads embeddings by the distance to the nearest (Sablayrolles et al., Spreading
// vectors for similarity search, 2019; DINOv2).
var KoLeo = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "koleo", Family: family,
		Title:   "minus the logarithm of the distance to the nearest embedding",
		Formula: "x = z1 of length 1, y the row of x nearest to it; -log(||x - y + 1e-8|| + 1e-8)",
		Witness: "lightly 1.6.0",
		Inputs:  []losses.Input{embedding("z1", "embeddings")}, Shapes: rowsOf("z1"), Inseparable: inBatch,
		Undefined: []string{"empty_none", "empty_mean", "empty_sum"},
		Traps: []string{
			"The nearest row is that with the largest cosine, of several the first; which it is has no gradient, the row itself has one.",
			"Where two rows are equal the loss is about 17.5, and the gradient is large and finite.",
			"PyTorch raises where there is no row; the file gives NaN, or nothing.",
			inBatchMemory,
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("-(lambda x: F.pairwise_distance(x, x[(x @ x.T).masked_fill(torch.eye(len(x), dtype=torch.bool), -2).argmax(1)], eps=1e-8) + 1e-8)(F.normalize(z1, dim=-1)).log()", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		x := parts.Unit(c.In("z1"))
		s := x.MatMulT(x)
		nearest := x.Gather(0, builder.Where(itself(s), s.Like(-2), s).StopGradient().ArgMax(1).Squeeze(1))
		d := x.Sub(nearest).Shift(1e-8).Norm(2, 1).Squeeze(1)
		return losses.Each(d.Shift(1e-8).Log().Neg())
	},
	Golden: []losses.Case{
		{Name: "two_alike_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"z1": {0: 3, 1: 4, 2: 0, 3: 3, 4: 4, 5: 0}}},
	},
}
