package regression

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of moments: of all elements, or of each column over the
// rows.

// torchmetrics is the library that has these, and its version.
const torchmetrics = "torchmetrics 1.9.0"

// columns are the shapes of losses of columns, whose rows are axis 0.
func columns() []losses.Shapes { return []losses.Shapes{{"input": "N,*", "target": "N,*"}} }

// correlated are inputs whose columns have a direction beside their mean.
func correlated() []losses.Input {
	list := parts.Regression()
	for i := range list {
		list[i].Domain, list[i].Of = losses.Vector, losses.Of{Axis: "N"}
	}
	return list
}

// acrossRows is why single losses of columns have no mask.
const acrossRows = "the loss of a column depends on all its rows"

// RMSEOptions configures [RMSE].
type RMSEOptions struct {
	Eps float64 `opt:"eps" doc:"added under the root, which keeps the gradient of equal inputs finite" bounds:"[0,inf)" try:"0.25"`
}

// RMSE is the root of mse.
var RMSE = &losses.Def[RMSEOptions]{
	Spec: losses.Spec{
		Name: "rmse", Family: "regression",
		Title:   "root of the mean squared difference",
		Formula: "sqrt(mean((input - target)^2) + eps)",
		Witness: torchmetrics,
		Inputs:  parts.Regression(), Shapes: parts.Elementwise("input", "target"), Star: "N,D",
		Traps: []string{
			"Where input equals target the gradient is NaN, as in PyTorch (0 times infinity); --eps 1e-8 keeps it finite.",
			"The root is that of the whole batch: the mean of the roots of batches is not that of all data.",
		},
	},
	Defaults: RMSEOptions{},
	Reference: func(c *losses.Call, o RMSEOptions) string {
		if o.Eps > 0 {
			return fmt.Sprintf("(F.mse_loss(input, target) + %s).sqrt()", losses.Python(o.Eps))
		}
		return "F.mse_loss(input, target).sqrt()"
	},
	Body: func(c *losses.Call, o RMSEOptions) losses.Term {
		square := c.In("input").Sub(c.In("target")).Square()
		return losses.Term{Each: square.Sum().Mul(square.Numel().Reciprocal()).Shift(o.Eps).Sqrt(), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "equal_eps", Options: losses.Values{"eps": 0.25}, Fill: map[string]string{"target": "like:input"}},
	},
}

// R2 is 1 less the coefficient of determination.
var R2 = &losses.Def[parts.ReductionOnly]{
	Spec: losses.Spec{
		Name: "r2", Aliases: []string{"r_squared"}, Family: "regression",
		Title:   "1 less the coefficient of determination, of each column",
		Formula: "sum((input - target)^2) / sum((target - mean(target))^2), over the rows",
		Witness: torchmetrics,
		Inputs:  parts.Regression(), Shapes: columns(), Star: "D", Inseparable: acrossRows,
		Traps: []string{
			"A target that is the same in all rows gives inf, or NaN where the input is right: torchmetrics says 1 there, and 0 where the error is small, both without a gradient.",
			"It has no upper bound: a prediction worse than the mean of the targets has a loss above 1.",
		},
	},
	Defaults: parts.ReductionOnly{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o parts.ReductionOnly) string {
		return losses.Reduced("((input - target) ** 2).sum(0) / ((target - target.mean(0)) ** 2).sum(0)", o.Reduction)
	},
	Body: func(c *losses.Call, o parts.ReductionOnly) losses.Term {
		t := c.In("target")
		return losses.Each(c.In("input").Sub(t).Square().SumOver(0).Div(parts.Centered(t).Square().SumOver(0)))
	},
	Golden: []losses.Case{
		{Name: "constant_target_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:2"}},
	},
}

// PearsonOptions configures [Pearson].
type PearsonOptions struct {
	Eps       float64          `opt:"eps" doc:"added to the product of both deviations, which keeps constant columns finite" bounds:"[0,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the columns are combined" choices:"none,mean,sum"`
}

// Pearson is 1 less the correlation coefficient.
var Pearson = &losses.Def[PearsonOptions]{
	Spec: losses.Spec{
		Name: "pearson", Aliases: []string{"correlation", "pcc"}, Family: "regression",
		Title:   "1 less the correlation of each column over the rows",
		Formula: "x = input - mean(input), y = target - mean(target); 1 - sum(x·y) / (sqrt(sum(x^2))·sqrt(sum(y^2)) + eps)",
		Witness: torchmetrics,
		Inputs:  correlated(), Shapes: columns(), Star: "D", Inseparable: acrossRows,
		Traps: []string{
			"The batch is axis 0, over which the correlation is taken: scale and offset of a column do not matter, only concordance sees them.",
			"A constant column gives NaN (0/0). With --eps 1e-8 the value is 1, but the gradient of such an input still NaN.",
			"torchmetrics gives NaN without a gradient already where a variance is tiny.",
		},
	},
	Defaults: PearsonOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o PearsonOptions) string {
		size := "((x * x).sum(0).sqrt() * (y * y).sum(0).sqrt())"
		if o.Eps > 0 {
			size = fmt.Sprintf("((x * x).sum(0).sqrt() * (y * y).sum(0).sqrt() + %s)", losses.Python(o.Eps))
		}
		return losses.Reduced(fmt.Sprintf("(lambda x, y: 1 - (x * y).sum(0) / %s)(input - input.mean(0), target - target.mean(0))", size), o.Reduction)
	},
	Body: func(c *losses.Call, o PearsonOptions) losses.Term {
		x, y := parts.Centered(c.In("input")), parts.Centered(c.In("target"))
		size := x.Square().SumOver(0).Sqrt().Mul(y.Square().SumOver(0).Sqrt()).Shift(o.Eps)
		return losses.Each(x.Mul(y).SumOver(0).Div(size).Neg().Shift(1))
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"target": "constant:2"}},
		{Name: "opposite_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "N"}, Fill: map[string]string{"input": "constant:1", "target": "constant:0"}, Set: map[string]losses.Edge{"input": {0: 2, 1: -3}, "target": {0: -0.5, 1: 2}}},
	},
}

// ConcordanceOptions configures [Concordance].
type ConcordanceOptions struct {
	Variance  string           `opt:"variance" doc:"what variances and covariance divide by: rows less 1, rows, or variances by rows less 1 and the covariance by rows" choices:"unbiased,biased,mixed"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the columns are combined" choices:"none,mean,sum"`
}

// Concordance is 1 less Lin's concordance correlation coefficient (1989).
var Concordance = &losses.Def[ConcordanceOptions]{
	Spec: losses.Spec{
		Name: "concordance", Aliases: []string{"ccc"}, Family: "regression",
		Title:   "1 less the concordance correlation of each column",
		Formula: "1 - 2·cov(input, target) / (var(input) + var(target) + (mean(input) - mean(target))^2)",
		Witness: torchmetrics,
		Inputs:  correlated(), Shapes: columns(), Star: "D", Inseparable: acrossRows,
		Traps: []string{
			"torchmetrics divides variances and covariance by the rows less 1 (the default), most code for emotions by the rows: --variance biased.",
			"Code that takes x.var() and y.var() with a covariance by means mixes both: --variance mixed, where equal inputs do not have a loss of 0.",
			"A constant input gives 1 here; written as the correlation times both deviations it is NaN.",
		},
	},
	Defaults: ConcordanceOptions{Variance: "unbiased", Reduction: losses.Mean},
	Reference: func(c *losses.Call, o ConcordanceOptions) string {
		n := map[string][2]string{"unbiased": {"(len(x) - 1)", "(len(x) - 1)"}, "biased": {"len(x)", "len(x)"}, "mixed": {"(len(x) - 1)", "len(x)"}}[o.Variance]
		return losses.Reduced(fmt.Sprintf("(lambda x, y: 1 - 2 * ((x * y).sum(0) / %[2]s) / ((x * x).sum(0) / %[1]s + (y * y).sum(0) / %[1]s + (input.mean(0) - target.mean(0)) ** 2))(input - input.mean(0), target - target.mean(0))", n[0], n[1]), o.Reduction)
	},
	Body: func(c *losses.Call, o ConcordanceOptions) losses.Term {
		x, y := parts.Centered(c.In("input")), parts.Centered(c.In("target"))
		rows := c.B.Count(c.Compute, x.Shape()[:1])
		variance, covariance := rows, rows
		if o.Variance != "biased" {
			variance = rows.Shift(-1)
		}
		if o.Variance == "unbiased" {
			covariance = variance
		}
		apart := parts.MeanOver(c.In("input"), 0).Sub(parts.MeanOver(c.In("target"), 0))
		size := x.Square().SumOver(0).Div(variance).Add(y.Square().SumOver(0).Div(variance)).Add(apart.Square())
		return losses.Each(x.Mul(y).SumOver(0).Div(covariance).Div(size).Scale(-2).Shift(1))
	},
	Golden: []losses.Case{
		{Name: "constant_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"input": "constant:2"}},
		{Name: "both_constant_none", Options: losses.Values{"reduction": "none", "variance": "biased"}, Fill: map[string]string{"input": "constant:2", "target": "constant:2"}},
		{Name: "equal_mixed_none", Options: losses.Values{"reduction": "none", "variance": "mixed"}, Fill: map[string]string{"target": "like:input"}},
	},
}

// CosineSimilarityOptions configures [CosineSimilarity].
type CosineSimilarityOptions struct {
	Form      string           `opt:"form" doc:"negative: minus the cosine; distance: 1 less the cosine" choices:"negative,distance" try:"distance"`
	Eps       *float64         `opt:"eps" doc:"least length of a vector to divide by" bounds:"(0,inf)" try:"1e-8;0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// CosineSimilarity wants vectors parallel.
var CosineSimilarity = &losses.Def[CosineSimilarityOptions]{
	Spec: losses.Spec{
		Name: "cosine_similarity", Aliases: []string{"cosine_proximity"}, Family: "regression",
		Title:   "minus the cosine between vectors along the last axis",
		Formula: "-sum(input/max(|input|, eps) · target/max(|target|, eps))",
		Witness: "keras 3.15.1",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predicted vectors, along the last axis", Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
			{Name: "target", Doc: "true vectors", Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "*,D", "target": "*,D"}}, Star: "N",
		Traps: []string{
			"Keras' loss is minus the cosine, from -1 to 1; most other code takes 1 less the cosine: --form distance.",
			"The gradient of a vector of zeros is the other one divided by eps, 1e12 times that by default; Keras on PyTorch gives NaN there.",
			"cosine_embedding is the loss for pairs that are labelled alike or not.",
		},
	},
	Defaults: CosineSimilarityOptions{Form: "negative", Eps: new(1e-12), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o CosineSimilarityOptions) string {
		text := fmt.Sprintf("-(F.normalize(input, dim=-1, eps=%[1]s) * F.normalize(target, dim=-1, eps=%[1]s)).sum(-1)", losses.Python(*o.Eps))
		if o.Form == "distance" {
			text = "1 " + text[:1] + " " + text[1:]
		}
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o CosineSimilarityOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		last := x.Rank() - 1
		each := x.Normalize(2, *o.Eps, last).Mul(t.Normalize(2, *o.Eps, last)).SumOver(last).Neg()
		if o.Form == "distance" {
			each = each.Shift(1)
		}
		return losses.Each(each)
	},
	Golden: []losses.Case{
		{Name: "zero_vectors_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 0, 1: 0, 2: 0}, "target": {3: 0, 4: 0, 5: 0}}},
		{Name: "short_vectors_none", Options: losses.Values{"reduction": "none", "eps": 0.5}, Fill: map[string]string{"input": "constant:0.125"}},
	},
}
