package margin

import (
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// TripletMarginOptions configures [TripletMargin].
type TripletMarginOptions struct {
	Margin    *float64         `opt:"margin" doc:"how much farther the negative should be than the positive" bounds:"(0,inf)" try:"0.5"`
	P         *float64         `opt:"p" doc:"order of the norm" bounds:"[-inf,inf]" try:"1;3;1.5;0.5;0;inf;-0.5;-2;-inf"`
	Eps       *float64         `opt:"eps" doc:"added to each difference" bounds:"(-inf,inf)" try:"0;1e-3"`
	EpsPlace  string           `opt:"eps_place" doc:"where eps is added: to each difference, or once inside of the root of p=2" choices:"difference,root" try:"root"`
	Swap      bool             `opt:"swap" doc:"use the positive as anchor where that is nearer to the negative" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// TripletDistanceOptions configures [TripletMarginWithDistance].
type TripletDistanceOptions struct {
	Distance  string           `opt:"distance" doc:"distance of two vectors" choices:"euclidean,squared_euclidean,manhattan,cosine,dot"`
	Margin    *float64         `opt:"margin" doc:"how much farther the negative should be than the positive" bounds:"(0,inf)" try:"0.5"`
	Swap      bool             `opt:"swap" doc:"use the positive as anchor where that is nearer to the negative" try:"true"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

func tripletInputs() []losses.Input {
	return []losses.Input{
		{Name: "anchor", Doc: "reference vectors", Domain: losses.Point, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
		{Name: "positive", Doc: "vectors that should be near", Domain: losses.Point, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
		{Name: "negative", Doc: "vectors that should be far", Domain: losses.Point, Of: losses.Of{Axis: "D"}, Grad: losses.Default},
	}
}

func tripletShapes() []losses.Shapes {
	return []losses.Shapes{
		{"anchor": "*,D", "positive": "*,D", "negative": "*,D"},
		{"anchor": "", "positive": "", "negative": ""},
	}
}

// TripletMargin wants each anchor nearer to its positive than to its negative.
var TripletMargin = &losses.Def[TripletMarginOptions]{
	Spec: losses.Spec{
		Name: "triplet_margin", Class: "TripletMarginLoss", Aliases: []string{"triplet"}, Family: "margin",
		Title:   "an anchor nearer to its positive than to its negative",
		Formula: "d(x, y) = ||x - y + eps||_p; max(0, margin + d(anchor, positive) - d(anchor, negative))",
		Inputs:  tripletInputs(), Shapes: tripletShapes(), Star: "N",
		Broadcast: []string{"positive", "negative"}, CheckShapes: sameRank("anchor", "positive", "negative"),
		Traps: []string{
			"eps is added to the signed difference, so d(x, x) is eps·D^(1/p) and d is not symmetric.",
			"Exactly at the hinge the gradient is 0 (PyTorch up to 2.14 let it flow). At distance 0 the gradient of the distance is 0.",
			"With swap, a tie of the two distances gives each half of the gradient.",
			"optax and mlx add eps once, inside of the root: --eps_place root.",
		},
	},
	Defaults: TripletMarginOptions{Margin: new(1.0), P: new(2.0), Eps: new(1e-6), EpsPlace: "difference", Reduction: losses.Mean},
	Validate: func(o TripletMarginOptions) error {
		if o.EpsPlace == "root" && (*o.P != 2 || *o.Eps < 0) {
			return errors.New("eps_place root goes with p 2 and an eps that is not negative")
		}
		return nil
	},
	Reference: func(c *losses.Call, o TripletMarginOptions) string {
		margin, swap, reduction := losses.Python(*o.Margin), losses.Python(o.Swap), losses.Python(string(o.Reduction))
		if o.EpsPlace == "root" {
			return fmt.Sprintf("F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=lambda x, y: ((x - y).square().sum(-1) + %s).sqrt(), margin=%s, swap=%s, reduction=%s)",
				losses.Python(*o.Eps), margin, swap, reduction)
		}
		return fmt.Sprintf("F.triplet_margin_loss(anchor, positive, negative, margin=%s, p=%s, eps=%s, swap=%s, reduction=%s)", margin, losses.Python(*o.P), losses.Python(*o.Eps), swap, reduction)
	},
	Body: func(c *losses.Call, o TripletMarginOptions) losses.Term {
		if o.EpsPlace == "root" {
			return triplet(c, *o.Margin, o.Swap, func(x, y losses.Value) losses.Value {
				return x.Sub(y).Square().SumOver(-1).Shift(*o.Eps).Sqrt()
			})
		}
		return triplet(c, *o.Margin, o.Swap, func(x, y losses.Value) losses.Value { return norm(x.Sub(y).Shift(*o.Eps), *o.P) })
	},
	Golden: []losses.Case{
		{Name: "root_equal_none", Options: losses.Values{"reduction": "none", "eps": 0.01, "eps_place": "root"}, Fill: map[string]string{"positive": "like:anchor"}},
		{Name: "hinge_none", Options: losses.Values{"reduction": "none", "eps": 0.0}, Sizes: map[string]int64{"D": 1}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]losses.Edge{"positive": {0: 1, 1: 1, 2: 0, 3: 2}, "negative": {0: 2, 1: 1, 2: 0, 3: 3.5}}},
		{Name: "swap_tie_none", Options: losses.Values{"reduction": "none", "eps": 0.0, "swap": true}, Sizes: map[string]int64{"D": 1}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]losses.Edge{"positive": {0: 1, 1: 2, 2: 1, 3: 0}, "negative": {0: 0.5, 1: 1, 2: -1, 3: 1}}},
		{Name: "one_negative_none", Options: losses.Values{"reduction": "none"}, Shapes: map[string]string{"anchor": "N,D", "negative": "1,D"}},
		{Name: "one_positive_swap_mean", Options: losses.Values{"swap": true}, Shapes: map[string]string{"anchor": "N,D", "positive": "1,D", "negative": "N,1"}},
		{Name: "one_anchor_sum", Options: losses.Values{"reduction": "sum"}, Shapes: map[string]string{"anchor": "1,D", "positive": "N,D", "negative": "N,D"}},
		{Name: "least_norm_tie_none", Options: losses.Values{"reduction": "none", "eps": 0.0, "p": math.Inf(-1)}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]losses.Edge{"positive": {0: 1, 1: 1, 2: -1, 3: 0, 4: 0, 5: 2}}},
		{Name: "max_norm_tie_none", Options: losses.Values{"reduction": "none", "eps": 0.0, "p": math.Inf(1)}, Fill: map[string]string{"anchor": "constant:0"}, Set: map[string]losses.Edge{"positive": {0: 1, 1: 1, 2: -1, 3: 0, 4: 0, 5: 0}}},
	},
}

// TripletMarginWithDistance is [TripletMargin] with another distance.
var TripletMarginWithDistance = &losses.Def[TripletDistanceOptions]{
	Spec: losses.Spec{
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
	Defaults: TripletDistanceOptions{Distance: "euclidean", Margin: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o TripletDistanceOptions) string {
		return fmt.Sprintf("F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=%s, margin=%s, swap=%s, reduction=%s)",
			distances()[o.Distance].torch, losses.Python(*o.Margin), losses.Python(o.Swap), losses.Python(string(o.Reduction)))
	},
	Body: func(c *losses.Call, o TripletDistanceOptions) losses.Term {
		return triplet(c, *o.Margin, o.Swap, distances()[o.Distance].graph)
	},
	Golden: distanceShapes(),
}

// distanceShapes are shapes that broadcast, and single numbers, for each distance.
func distanceShapes() []losses.Case {
	var out []losses.Case
	for _, d := range []string{"euclidean", "squared_euclidean", "manhattan", "cosine", "dot"} {
		o := losses.Values{"distance": d, "reduction": "none", "swap": true}
		out = append(out,
			losses.Case{Name: "one_negative_" + d, Options: o, Shapes: map[string]string{"anchor": "N,D", "negative": "1,D"}},
			losses.Case{Name: "one_number_" + d, Options: o, Shapes: map[string]string{"anchor": "N,D", "positive": "N,1"}},
			losses.Case{Name: "numbers_" + d, Options: o, Shapes: map[string]string{"anchor": ""}},
		)
	}
	return out
}

type distance struct {
	torch string
	graph func(x, y losses.Value) losses.Value
}

// distances are the named distances, each along the last axis.
func distances() map[string]distance {
	return map[string]distance{
		"euclidean": {"torch.pairwise_distance", func(x, y losses.Value) losses.Value {
			return norm(x.Sub(y).Shift(1e-6), 2)
		}},
		"squared_euclidean": {"lambda x, y: ((x - y) ** 2).sum(-1)", func(x, y losses.Value) losses.Value {
			return x.Sub(y).Square().SumOver(-1)
		}},
		"manhattan": {"lambda x, y: (x - y).abs().sum(-1)", func(x, y losses.Value) losses.Value {
			return x.Sub(y).Abs().SumOver(-1)
		}},
		"cosine": {"lambda x, y: 1 - F.cosine_similarity(x, y, dim=-1)", func(x, y losses.Value) losses.Value {
			return parts.Cosine(x, y).Neg().Shift(1)
		}},
		"dot": {"lambda x, y: 1 - (x * y).sum(-1)", func(x, y losses.Value) losses.Value {
			return x.Mul(y).SumOver(-1).Neg().Shift(1)
		}},
	}
}

// triplet is the hinge of two distances.
func triplet(c *losses.Call, margin float64, swap bool, d func(x, y losses.Value) losses.Value) losses.Term {
	a, p, n := c.In("anchor"), c.In("positive"), c.In("negative")
	if a.Rank() == 0 {
		a, p, n = a.Unsqueeze(0), p.Unsqueeze(0), n.Unsqueeze(0)
	}
	far := d(a, n)
	if swap {
		far = far.Min(d(p, n))
	}
	return losses.Each(d(a, p).Shift(margin).Sub(far).Relu())
}

// norm is the p-norm along the last axis.
func norm(u losses.Value, p float64) losses.Value { return u.Norm(p, -1).Squeeze(-1) }
