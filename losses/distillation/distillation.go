// Package distillation declares losses that make a model like another one.
package distillation

import (
	"fmt"

	"github.com/lossgen/lossgen/losses"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		KD,
		ForwardKL,
		ReverseKL,
		GeneralizedJSD,
		RKD,
		AttentionTransfer,
		CosineDistill,
	}
}

// family heads these losses in lists.
const family = "distillation"

// logits are the scores of both models, over classes along the last axis.
func logits(further ...losses.Input) []losses.Input {
	return append([]losses.Input{
		{Name: "student", Doc: "scores of the model that learns, classes along the last axis", Domain: losses.Real, Grad: losses.Default},
		{Name: "teacher", Doc: "scores of the model that it learns from", Domain: losses.Real},
	}, further...)
}

// tokens is the optional input that says which rows count.
func tokens() losses.Input {
	return losses.Input{Name: "labels", Doc: "labels of the rows, of which only ignore_index matters", Domain: losses.Group, Optional: true}
}

// rows are the shapes of losses of rows, classes last.
func rows(name string) []losses.Shapes {
	return []losses.Shapes{{"student": "*,V", "teacher": "*,V", name: "*"}}
}

const (
	// anyLabel is what becomes of labels that only say whether a row counts.
	anyLabel = "a label that is not ignore_index counts, whatever it is"
	// oneClass is what a single class does.
	oneClass = "Classes are the last axis, as language models have them: [B,T,V] goes with labels [B,T]."
)

// classCases are sizes of golden cases.
func classCases() map[string]int64 { return map[string]int64{"V": 3} }

// kept is the Term of losses of rows, of which option ignore_index leaves some out. The
// mean over none is 0.
func kept(c *losses.Call, each losses.Value, ignore int64) losses.Term {
	t := losses.Term{Each: each, EmptyIsZero: true}
	if c.Has("labels") {
		y := c.In("labels")
		t.Kept = losses.Both{Value: y.Equal(y.Like(float64(ignore))).Not(), Torch: c.Expand(fmt.Sprintf("{labels} != %d", ignore), nil)}
		t.Divisor = losses.Both{Value: t.Kept.Cast(c.Compute), Torch: t.Kept.Torch}
	}
	return t
}

// torchKept writes the same of an expression of a loss for each row.
func torchKept(c *losses.Call, each string, ignore int64, r losses.Reduction) string {
	keep := "torch.ones_like(r)"
	if c.Has("labels") {
		keep = c.Expand(fmt.Sprintf("({labels} != %d)", ignore), nil)
	}
	switch {
	case r == losses.None && !c.Has("labels"):
		return each
	case r == losses.None:
		return fmt.Sprintf("torch.where(%s, %s, 0)", keep, each)
	case r == losses.Sum:
		return fmt.Sprintf("(lambda r: torch.where(%s.bool(), r, 0).sum())(%s)", keep, each)
	}
	return fmt.Sprintf("(lambda r: (lambda k: torch.where(k.bool(), r, 0).sum() / k.sum().clamp(min=1))(%s))(%s)", keep, each)
}

// logProbabilities are those of scores that are divided by a temperature.
func logProbabilities(x losses.Value, temperature float64) losses.Value {
	if temperature != 1 {
		x = x.Div(x.Like(temperature))
	}
	return x.LogSoftmax(x.Rank() - 1)
}

// torchLog writes the same.
func torchLog(name string, temperature float64) string {
	if temperature == 1 {
		return name + ".log_softmax(-1)"
	}
	return fmt.Sprintf("(%s / %s).log_softmax(-1)", name, losses.Python(temperature))
}

// divergence is KL(p || q) of rows of log-probabilities.
func divergence(p, q losses.Value) losses.Value {
	return p.Exp().Mul(p.Sub(q)).SumOver(p.Rank() - 1)
}

// torchDivergence writes the same.
func torchDivergence(p, q string) string {
	return fmt.Sprintf("F.kl_div(%s, %s, reduction='none', log_target=True).sum(-1)", q, p)
}

// labeled is the target of a class for each row, without an ignored one.
func labeled(c *losses.Call) losses.Value {
	x := c.In("student")
	return c.In("target").Within(x.Shape()[x.Rank()-1])
}
