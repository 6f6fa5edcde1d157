package margin

import (
	"fmt"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// MarginOptions configures [MarginRanking] and [CosineEmbedding].
type MarginOptions struct {
	Margin    float64          `opt:"margin" doc:"distance that is demanded" bounds:"(-inf,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MarginRanking wants input1 above input2 where target is 1, below where it is -1.
var MarginRanking = &losses.Def[MarginOptions]{
	Spec: losses.Spec{
		Name: "margin_ranking", Class: "MarginRankingLoss", Family: "margin",
		Title:   "hinge on the difference of two scores",
		Formula: "max(0, -target·(input1 - input2) + margin)",
		Torch:   "F.margin_ranking_loss(input1, input2, target, margin={margin}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input1", Doc: "first scores", Domain: losses.Real, Grad: losses.Default},
			{Name: "input2", Doc: "second scores", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "1 where input1 should be larger, -1 where input2 should", Domain: losses.Signs, Grad: losses.OnDemand},
		},
		Shapes: parts.Elementwise("input1", "input2", "target"), Star: "N", Broadcast: []string{"input2", "target"}, CheckShapes: sameRank("input1", "input2", "target"),
		Traps: []string{
			"Exactly at the hinge the gradient is 0 (PyTorch up to 2.14 let it flow).",
		},
	},
	Defaults: MarginOptions{Reduction: losses.Mean},
	Body: func(c *losses.Call, o MarginOptions) losses.Term {
		difference := c.In("input1").Sub(c.In("input2"))
		return losses.Each(c.In("target").Neg().Mul(difference).Shift(o.Margin).Relu())
	},
	Golden: []losses.Case{
		{Name: "map_signs_squared_mean", Options: losses.Values{"margin": 1.0}, Shapes: map[string]string{"input1": "N,D"}, Map: map[string]string{"target": "sign", "loss": "square,mean_last"}},
		{Name: "hinge_none", Options: losses.Values{"margin": 0.5, "reduction": "none"}, Fill: map[string]string{"input2": "constant:1", "target": "constant:1"}, Set: map[string]losses.Edge{"input1": {0: 1.5, 1: 1.25, 2: 1.75}}},
	},
}

// sameRank checks that the other inputs have the rank of the first one.
func sameRank(first string, others ...string) func(map[string]tensor.Shape) error {
	return func(shapes map[string]tensor.Shape) error {
		for _, name := range others {
			if len(shapes[name]) != len(shapes[first]) {
				return fmt.Errorf("%s %v and %s %v must have the same rank", name, shapes[name], first, shapes[first])
			}
		}
		return nil
	}
}

// HingeEmbeddingOptions configures [HingeEmbedding].
type HingeEmbeddingOptions struct {
	Margin    *float64         `opt:"margin" doc:"distance that dissimilar pairs should have" bounds:"(-inf,inf)" try:"0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// HingeEmbedding takes distances: small where target is 1, at least margin where
// it is -1.
var HingeEmbedding = &losses.Def[HingeEmbeddingOptions]{
	Spec: losses.Spec{
		Name: "hinge_embedding", Class: "HingeEmbeddingLoss", Family: "margin",
		Title:   "distances that should be small (1) or large (-1)",
		Formula: "[target != 1]·max(0, margin - input) + [target != -1]·input",
		Torch:   "F.hinge_embedding_loss(input, target, margin={margin}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input", Doc: "distances", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "1 for similar pairs, -1 for dissimilar ones", Domain: losses.Signs},
		},
		Shapes: parts.Elementwise("input", "target"), Star: "N,D", Broadcast: []string{"target"},
		Traps: []string{
			"A target that is neither 1 nor -1 takes both branches, as in PyTorch.",
			"Exactly at the hinge the gradient is 0 (PyTorch up to 2.14 let it flow).",
		},
	},
	Defaults: HingeEmbeddingOptions{Margin: new(1.0), Reduction: losses.Mean},
	Body: func(c *losses.Call, o HingeEmbeddingOptions) losses.Term {
		x, t := c.In("input"), c.In("target")
		both, _ := tensor.Broadcast(x.Shape(), t.Shape()) // a request whose shapes do not is refused before
		x = x.BroadcastTo(both)
		x, _ = parts.Aligned(x, t)
		apart := builder.Where(t.Equal(c.Const(1)), x.Like(0), x.Neg().Shift(*o.Margin).Relu())
		return losses.Each(apart.Add(builder.Where(t.Equal(c.Const(-1)), x.Like(0), x)))
	},
	Golden: []losses.Case{
		{Name: "hinge_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input": {0: 1, 1: 1, 2: 0.25, 3: 0.25}, "target": {0: -1, 1: 1, 2: 0, 3: 0.5}}},
		{Name: "more_targets_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input": "N,1", "target": "A,1,D"}},
		{Name: "crossed_mean", Shapes: map[string]string{"input": "N,1", "target": "N"}},
	},
}

// CosineEmbedding wants vectors parallel where target is 1, and no more alike than
// margin where it is -1.
var CosineEmbedding = &losses.Def[MarginOptions]{
	Spec: losses.Spec{
		Name: "cosine_embedding", Class: "CosineEmbeddingLoss", Family: "margin",
		Title:   "cosine similarity that should be 1 or below a margin",
		Formula: "c = cos(input1, input2); target 1: 1 - c; target -1: max(0, c - margin)",
		Torch:   "F.cosine_embedding_loss(input1, input2, target, margin={margin}, reduction={reduction})",
		Inputs: []losses.Input{
			{Name: "input1", Doc: "first vectors", Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
			{Name: "input2", Doc: "second vectors", Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
			{Name: "target", Doc: "1 for similar rows, -1 for dissimilar ones; any other value gives 0", Domain: losses.Signs},
		},
		Shapes: []losses.Shapes{
			{"input1": "N,D", "input2": "N,D", "target": "N"},
			{"input1": "D", "input2": "D", "target": ""},
		},
		Broadcast: []string{"input2", "target"}, CheckShapes: labelledPairs,
		Traps: []string{
			"1e-12 is added to the squared norms (F.cosine_similarity limits each norm to 1e-8 instead), so a zero vector gives cosine 0 and a gradient near 1e6.",
			"Exactly at the hinge the gradient is 0 (PyTorch up to 2.14 let it flow).",
		},
	},
	Defaults: MarginOptions{Reduction: losses.Mean},
	Body: func(c *losses.Call, o MarginOptions) losses.Term {
		a, b, t := c.In("input1"), c.In("input2"), c.In("target")
		last := a.Rank() - 1
		squared := func(v losses.Value) losses.Value { return v.Square().SumOver(last).Shift(float64(float32(1e-12))) }
		cos := a.Mul(b).SumOver(last).Div(squared(a).Mul(squared(b)).Sqrt())
		zero := c.Const(0)
		alike := builder.Where(t.Equal(c.Const(1)), cos.Neg().Shift(1), zero)
		apart := builder.Where(t.Equal(c.Const(-1)), cos.Shift(-o.Margin).Relu(), zero)
		return losses.Each(alike.Add(apart))
	},
	Golden: []losses.Case{
		{Name: "map_unit_mean", Map: map[string]string{"input1": "unit:0.5", "loss": "shift:-1"}, Fill: map[string]string{"target": "constant:1"}},
		{Name: "zero_vector_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"input1": {0: 0, 1: 0, 2: 0}, "target": {0: 1, 1: -1, 2: 0, 3: 0.5}}},
		{Name: "one_vector_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input1": "N,D", "input2": "1,D"}},
		{Name: "one_number_mean", Shapes: map[string]string{"input1": "N,D", "input2": "N,1"}},
		{Name: "one_target_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"input1": "N,D", "target": "1"}},
		{Name: "one_target_sum", Options: losses.Values{"reduction": "sum"}, Shapes: map[string]string{"input1": "1,D", "input2": "N,D", "target": "1"}},
	},
}

// labelledPairs is what PyTorch asks of cosine_embedding's inputs.
func labelledPairs(shapes map[string]tensor.Shape) error {
	if err := sameRank("input1", "input2")(shapes); err != nil {
		return err
	}
	both, err := tensor.Broadcast(shapes["input1"], shapes["input2"])
	if err != nil {
		return err
	}
	rows, t := both[:len(both)-1], shapes["target"]
	if _, err := tensor.Broadcast(rows, t); err != nil || len(t) != len(rows) {
		return fmt.Errorf("target %v does not fit rows %v", t, rows)
	}
	return nil
}
