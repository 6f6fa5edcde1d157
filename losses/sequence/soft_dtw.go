package sequence

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// SoftDTWOptions configures [SoftDTW].
type SoftDTWOptions struct {
	Gamma     *float64         `opt:"gamma" doc:"how soft the minimum is" bounds:"(0,inf)" try:"0.25"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the pairs are combined" choices:"none,mean,sum"`
}

// SoftDTW is dynamic time warping with a soft minimum (Cuturi and Blondel, 2017).
var SoftDTW = &losses.Def[SoftDTWOptions]{
	Spec: losses.Spec{
		Name: "soft_dtw", Aliases: []string{"sdtw"}, Family: "sequence", Witness: "pysdtw 0.0.5",
		Title:   "distance of sequences over all alignments",
		Formula: "d[i,j] = ||x[i] - y[j]||^2; r[i,j] = d[i,j] - gamma·log(exp(-r[i-1,j-1]/gamma) + exp(-r[i-1,j]/gamma) + exp(-r[i,j-1]/gamma)); r[N,M]",
		Inputs: []losses.Input{
			{Name: "x", Doc: "predicted sequences of vectors", Domain: losses.Real, Grad: losses.Default},
			{Name: "y", Doc: "true sequences of vectors", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes:   []losses.Shapes{{"x": "B,N,D", "y": "B,M,D"}},
		OwnCases: true,
		Traps: []string{
			"It is not 0 for equal sequences and may be below 0. The divergence subtracts half of each sequence's distance from itself.",
			"Distances are squares, without a root. Their size sets what gamma means: gamma is of the size of a few of them.",
			"All pairs of steps are in memory, N·M distances of D differences for each pair of sequences.",
			"A NaN makes the whole pair NaN; where each alignment meets an infinite distance the loss is inf and its gradient NaN.",
		},
	},
	Defaults: SoftDTWOptions{Gamma: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o SoftDTWOptions) string {
		text := fmt.Sprintf("(lambda D: functools.reduce(lambda prev, i: functools.reduce(lambda r, j: r + [D[:, i - 1, j - 1] - %[1]s * torch.logsumexp(torch.stack([-prev[j - 1], -prev[j], -r[-1]]) / %[1]s, 0)], range(1, D.shape[2] + 1), [torch.full_like(D[:, 0, 0], inf)]), range(1, D.shape[1] + 1), [torch.zeros_like(D[:, 0, 0])] + [torch.full_like(D[:, 0, 0], inf)] * D.shape[2])[-1])(((x[:, :, None] - y[:, None]) ** 2).sum(3))", losses.Python(*o.Gamma))
		return losses.Reduced(text, o.Reduction)
	},
	Body: func(c *losses.Call, o SoftDTWOptions) losses.Term {
		x, y := c.In("x"), c.In("y")
		distances := x.Unsqueeze(2).Sub(y.Unsqueeze(1)).Square().SumOver(3)
		return losses.Each(warp(distances.Cast(tensor.Float64), *o.Gamma).Cast(c.Compute))
	},
	Golden: warpCases(),
}

// warpCases are all golden cases. Derived ones would have values of 1e4 and infinities,
// whose squares leave no digits of the others, in PyTorch either.
func warpCases() []losses.Case {
	var list []losses.Case
	for _, r := range []losses.Reduction{losses.None, losses.Mean, losses.Sum} {
		add := func(name string, c losses.Case) {
			c.Name = name + "_" + string(r)
			c.Options = losses.WithReduction(c.Options, string(r))
			list = append(list, c)
		}
		add("plain", losses.Case{})
		add("sharp", losses.Case{Options: losses.Values{"gamma": 0.25}})
		add("upstream", losses.Case{GradOutput: true})
		add("equal", losses.Case{Sizes: map[string]int64{"M": 4}, Fill: map[string]string{"y": "like:x"}})
		add("no_pair", losses.Case{Sizes: map[string]int64{"B": 0}})
		add("one_step", losses.Case{Sizes: map[string]int64{"N": 1, "M": 1}})
		add("one_against_many", losses.Case{Sizes: map[string]int64{"N": 1, "M": 4}})
		add("many_against_one", losses.Case{Sizes: map[string]int64{"N": 4, "M": 1}})
		add("long", losses.Case{Sizes: map[string]int64{"B": 1, "N": 7, "M": 5, "D": 1}})
		add("far", losses.Case{Options: losses.Values{"gamma": 0.01}, Sizes: map[string]int64{"M": 3}, Set: map[string]losses.Edge{"x": {0: 10, 4: -10}}})
		add("nan", losses.Case{Set: map[string]losses.Edge{"x": {0: math.NaN()}}})
		add("infinite", losses.Case{Sizes: map[string]int64{"B": 2, "N": 2, "M": 3}, Set: map[string]losses.Edge{"x": {0: inf}, "y": {9: -inf}}})
		add("masked", losses.Case{With: []string{"mask", "sample_weight"}, Sizes: map[string]int64{"B": 3}, Spoiled: true})
	}
	return list
}

var inf = math.Inf(1)

// warp goes through distances [B,N,M] by diagonals, on which i+j is the same: each
// needs the two before it alone. States and slices have a place for each i. The sums are
// float64, since the exponentials of large ones lose digits at each step.
func warp(distances losses.Value, gamma float64) losses.Value {
	b, shape := distances.B(), distances.Shape()
	rows, columns := shape[1], shape[2]
	both := builder.Concat(0, b.Iota(1, 0, rows), b.Iota(1, 0, columns)).Slice(0, 1, tensor.MaxSize) // as many as diagonals
	diagonals := both.Shape()[0]
	i, k := b.Iota(2, 1, rows), b.Iota(2, 0, diagonals)
	j := k.Sub(i) // [K,N]
	count := b.Count(tensor.Int64, tensor.Shape{columns})
	inside := j.GreaterOrEqual(j.Like(0)).And(j.Less(count))
	index := builder.Where(inside, j, j.Like(0)).Transpose(1, 0).Unsqueeze(0)
	skewed := distances.Pick(2, index.BroadcastTo(tensor.Shape{shape[0], rows, diagonals})).Transpose(2, 0, 1) // [K,B,N]
	begin := distances.Like(inf).BroadcastTo(shape[:2])
	last, _ := builder.Scan([]losses.Value{begin, begin}, []losses.Value{skewed, inside, k}, false, func(states, slices []losses.Value) (next, outputs []losses.Value) {
		before, second, own, inside, k := states[0], states[1], slices[0], slices[1], slices[2]
		down := func(v losses.Value) losses.Value { return v.Pad(1, tensor.D(1), tensor.D(0), inf).Slice(1, 0, -1) }
		ways := builder.Concat(0, down(second).Unsqueeze(0), down(before).Unsqueeze(0), before.Unsqueeze(0))
		ways = builder.Where(inside, ways, ways.Like(0)) // beyond the ends there is none, and no gradient
		least := ways.Scale(-1 / gamma).LogSumExp(0).Squeeze(0).Scale(-gamma)
		least = builder.Where(k.Equal(k.Like(0)), own.Like(0), least)
		return []losses.Value{builder.Where(inside, own.Add(least), own.Like(inf)), before}, nil
	})
	return last[0].Slice(1, -1, tensor.MaxSize).Squeeze(1)
}
