package losses

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
)

// TripletMarginOptions configures [TripletMargin].
type TripletMarginOptions struct {
	Margin    *float64  `opt:"margin" doc:"how much farther the negative should be than the positive" bounds:"(0,inf)" try:"0.5"`
	P         *float64  `opt:"p" doc:"order of the norm" bounds:"[-inf,inf]" try:"1;3;1.5;0.5;0;inf;-0.5;-2;-inf"`
	Eps       *float64  `opt:"eps" doc:"added to each difference" bounds:"(-inf,inf)" try:"0;1e-3"`
	Swap      bool      `opt:"swap" doc:"use the positive as anchor where that is nearer to the negative" try:"true"`
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// TripletDistanceOptions configures [TripletMarginWithDistance].
type TripletDistanceOptions struct {
	Distance  string    `opt:"distance" doc:"distance of two vectors" choices:"euclidean,squared_euclidean,manhattan,cosine,dot"`
	Margin    *float64  `opt:"margin" doc:"how much farther the negative should be than the positive" bounds:"(0,inf)" try:"0.5"`
	Swap      bool      `opt:"swap" doc:"use the positive as anchor where that is nearer to the negative" try:"true"`
	Reduction Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

func tripletInputs() []Input {
	return []Input{
		{Name: "anchor", Doc: "reference vectors", Domain: Point, Of: Of{Axis: "D"}, Grad: Default},
		{Name: "positive", Doc: "vectors that should be near", Domain: Point, Of: Of{Axis: "D"}, Grad: Default},
		{Name: "negative", Doc: "vectors that should be far", Domain: Point, Of: Of{Axis: "D"}, Grad: Default},
	}
}

func tripletShapes() []Shapes {
	return []Shapes{
		{"anchor": "*,D", "positive": "*,D", "negative": "*,D"},
		{"anchor": "", "positive": "", "negative": ""},
	}
}

// TripletMargin wants each anchor nearer to its positive than to its negative.
var TripletMargin = &Def[TripletMarginOptions]{
	Spec: Spec{
		Name: "triplet_margin", Class: "TripletMarginLoss", Aliases: []string{"triplet"}, Family: "margin",
		Title:   "an anchor nearer to its positive than to its negative",
		Formula: "d(x, y) = ||x - y + eps||_p; max(0, margin + d(anchor, positive) - d(anchor, negative))",
		Torch:   "F.triplet_margin_loss(anchor, positive, negative, margin={margin}, p={p}, eps={eps}, swap={swap}, reduction={reduction})",
		Inputs:  tripletInputs(), Shapes: tripletShapes(), Star: "N",
		Broadcast: []string{"positive", "negative"}, CheckShapes: sameRank("anchor", "positive", "negative"),
		Traps: []string{
			"eps is added to the signed difference, so d(x, x) is eps·D^(1/p) and d is not symmetric.",
			"Exactly at the hinge the gradient is 0 (PyTorch up to 2.14 let it flow). At distance 0 the gradient of the distance is 0.",
			"With swap, a tie of the two distances gives each half of the gradient.",
		},
	},
	Defaults: TripletMarginOptions{Margin: new(1.0), P: new(2.0), Eps: new(1e-6), Reduction: Mean},
	Body: func(c *Call, o TripletMarginOptions) Term {
		return triplet(c, *o.Margin, o.Swap, func(x, y Value) Value { return norm(x.Sub(y).Shift(*o.Eps), *o.P) })
	},
	Golden: []Case{
		{Name: "hinge_none", Options: Values{"reduction": "none", "eps": 0.0}, Sizes: map[string]int64{"D": 1}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]Edge{"positive": {0: 1, 1: 1, 2: 0, 3: 2}, "negative": {0: 2, 1: 1, 2: 0, 3: 3.5}}},
		{Name: "swap_tie_none", Options: Values{"reduction": "none", "eps": 0.0, "swap": true}, Sizes: map[string]int64{"D": 1}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]Edge{"positive": {0: 1, 1: 2, 2: 1, 3: 0}, "negative": {0: 0.5, 1: 1, 2: -1, 3: 1}}},
		{Name: "one_negative_none", Options: Values{"reduction": "none"}, Shapes: map[string]string{"anchor": "N,D", "negative": "1,D"}},
		{Name: "one_positive_swap_mean", Options: Values{"swap": true}, Shapes: map[string]string{"anchor": "N,D", "positive": "1,D", "negative": "N,1"}},
		{Name: "one_anchor_sum", Options: Values{"reduction": "sum"}, Shapes: map[string]string{"anchor": "1,D", "positive": "N,D", "negative": "N,D"}},
		{Name: "least_norm_tie_none", Options: Values{"reduction": "none", "eps": 0.0, "p": math.Inf(-1)}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]Edge{"positive": {0: 1, 1: 1, 2: -1, 3: 0, 4: 0, 5: 2}}},
		{Name: "max_norm_tie_none", Options: Values{"reduction": "none", "eps": 0.0, "p": math.Inf(1)}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]Edge{"positive": {0: 1, 1: 1, 2: -1, 3: 0, 4: 0, 5: 0}}},
	},
}

// TripletMarginWithDistance is [TripletMargin] with another distance.
var TripletMarginWithDistance = &Def[TripletDistanceOptions]{
	Spec: Spec{
		Name: "triplet_margin_with_distance", Class: "TripletMarginWithDistanceLoss", Family: "margin",
		Title:   "triplet_margin with a chosen distance",
		Formula: "max(0, margin + d(anchor, positive) - d(anchor, negative))",
		Inputs:  tripletInputs(), Shapes: tripletShapes(), Star: "N",
		Broadcast: []string{"positive", "negative"}, CheckShapes: sameRank("anchor", "positive", "negative"),
		Traps: []string{
			"PyTorch takes any function; here the distance is one of: euclidean (PyTorch's default, with eps 1e-6), squared_euclidean, manhattan (without eps), cosine (1 - cosine similarity), dot (1 - inner product).",
			"Exactly at the hinge the gradient is 0.",
		},
	},
	Defaults: TripletDistanceOptions{Distance: "euclidean", Margin: new(1.0), Reduction: Mean},
	Reference: func(c *Call, o TripletDistanceOptions) string {
		return fmt.Sprintf("F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=%s, margin=%s, swap=%s, reduction=%s)",
			distances()[o.Distance].torch, python(*o.Margin), python(o.Swap), python(string(o.Reduction)))
	},
	Body: func(c *Call, o TripletDistanceOptions) Term {
		return triplet(c, *o.Margin, o.Swap, distances()[o.Distance].graph)
	},
	Golden: distanceShapes(),
}

// distanceShapes are shapes that broadcast, and single numbers, for each distance.
func distanceShapes() []Case {
	var out []Case
	for _, d := range []string{"euclidean", "squared_euclidean", "manhattan", "cosine", "dot"} {
		o := Values{"distance": d, "reduction": "none", "swap": true}
		out = append(out,
			Case{Name: "one_negative_" + d, Options: o, Shapes: map[string]string{"anchor": "N,D", "negative": "1,D"}},
			Case{Name: "one_number_" + d, Options: o, Shapes: map[string]string{"anchor": "N,D", "positive": "N,1"}},
			Case{Name: "numbers_" + d, Options: o, Shapes: map[string]string{"anchor": ""}},
		)
	}
	return out
}

type distance struct {
	torch string
	graph func(x, y Value) Value
}

// distances are the named distances, each along the last axis.
func distances() map[string]distance {
	return map[string]distance{
		"euclidean": {"torch.pairwise_distance", func(x, y Value) Value {
			return norm(x.Sub(y).Shift(1e-6), 2)
		}},
		"squared_euclidean": {"lambda x, y: ((x - y) ** 2).sum(-1)", func(x, y Value) Value {
			return x.Sub(y).Square().SumOver(-1)
		}},
		"manhattan": {"lambda x, y: (x - y).abs().sum(-1)", func(x, y Value) Value {
			return x.Sub(y).Abs().SumOver(-1)
		}},
		"cosine": {"lambda x, y: 1 - F.cosine_similarity(x, y, dim=-1)", func(x, y Value) Value {
			x, y = aligned(x, y) // before the norms, as in PyTorch
			return normalized(x).Mul(normalized(y)).SumOver(-1).Neg().Shift(1)
		}},
		"dot": {"lambda x, y: 1 - (x * y).sum(-1)", func(x, y Value) Value {
			return x.Mul(y).SumOver(-1).Neg().Shift(1)
		}},
	}
}

// triplet is the hinge of two distances.
func triplet(c *Call, margin float64, swap bool, d func(x, y Value) Value) Term {
	a, p, n := c.In("anchor"), c.In("positive"), c.In("negative")
	if a.Rank() == 0 {
		a, p, n = a.Unsqueeze(0), p.Unsqueeze(0), n.Unsqueeze(0)
	}
	far := d(a, n)
	if swap {
		far = far.Min(d(p, n))
	}
	return each(d(a, p).Shift(margin).Sub(far).Relu())
}

// normalized divides vectors by their length, which PyTorch limits to 1e-8 from
// below outside of differentiation (F.cosine_similarity).
func normalized(x Value) Value {
	length := norm(x, 2)
	limited := builder.WithGradient("clamped_outside", length.Clip(1e-8, math.Inf(1)), []Value{length}, func(dy Value) []Value {
		return []Value{dy}
	})
	return x.Div(limited.Unsqueeze(x.Rank() - 1))
}

// norm is the p-norm along the last axis.
func norm(u Value, p float64) Value { return u.Norm(p, -1).Squeeze(-1) }
