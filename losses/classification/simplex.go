package classification

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of projections onto the probabilities, which may be exactly 0.
// Their gradient is the projection less the label, as that of cross entropy is the
// softmax less the label.

// Sparsemax is the loss of the nearest probabilities (Martins and Astudillo, From softmax
// to sparsemax, 2016).
var Sparsemax = projected(losses.Spec{
	Name: "sparsemax", Family: "classification",
	NoSecond: "its gradient is that of a maximum over probabilities, which are constants in it",
	Title:    "loss of the probabilities nearest to the scores",
	Formula:  "p = max(input - tau, 0), sum p = 1; (1 - sum p^2)/2 + sum p·input - input[target]",
	Traps: []string{
		"Loss and gradient are exactly 0 as soon as the true class leads by 1.",
		"entmax's ignore_index works for classes only, its mean divides by the kept rows, as here.",
	},
}, projection{
	scale: 1,
	tau: func(z losses.Value, s sorted) losses.Value {
		kept := s.falling.Mul(s.number).Shift(1).Greater(s.falling.CumSum(s.axis))
		return builder.Where(kept, s.falling, z.Like(0)).SumKeep(s.axis).Shift(-1).Div(kept.Cast(z.DType()).SumKeep(s.axis))
	},
	torchTau: "(lambda s, k: (lambda kept: (torch.where(kept, s, 0).sum(-1, keepdim=True) - 1) / kept.sum(-1, keepdim=True))(1 + k * s > s.cumsum(-1)))",
	power:    func(u losses.Value) losses.Value { return u },
	entropy:  func(u losses.Value, axis int) losses.Value { return u.Square().SumKeep(axis).Neg().Shift(1).Scale(0.5) },
	torch:    "(lambda u: (u, (1 - (u * u).sum(-1)) / 2))",
})

// Entmax15 is half way between softmax and [Sparsemax] (Peters et al., Sparse
// sequence-to-sequence models, 2019).
var Entmax15 = projected(losses.Spec{
	Name: "entmax15", Aliases: []string{"entmax"}, Family: "classification",
	NoSecond: "its gradient is that of a maximum over probabilities, which are constants in it",
	Title:    "loss of 1.5-entmax, between softmax and sparsemax",
	Formula:  "p = max(input/2 - tau, 0)^2, sum p = 1; (1 - sum p^1.5)/0.75 + sum p·input - input[target]",
	Traps: []string{
		"Loss and gradient are exactly 0 as soon as the true class leads by 2.",
		"entmax sorts the 100 largest scores first and gives the same numbers.",
	},
}, projection{
	scale: 0.5,
	tau: func(z losses.Value, s sorted) losses.Value {
		mean, square := s.falling.CumSum(s.axis).Div(s.number), s.falling.Square().CumSum(s.axis).Div(s.number)
		deviation := square.Sub(mean.Square()).Mul(s.number)
		tau := mean.Sub(deviation.Neg().Shift(1).Div(s.number).Relu().Sqrt())
		count := tau.LessOrEqual(s.falling).Cast(z.DType()).SumKeep(s.axis)
		return builder.Where(s.number.Equal(count), tau, z.Like(0)).SumKeep(s.axis)
	},
	torchTau: "(lambda s, k: (lambda m, q: (lambda tau: torch.where(k == (tau <= s).sum(-1, keepdim=True), tau, 0).sum(-1, keepdim=True))(m - ((1 - k * (q - m * m)) / k).relu().sqrt()))(s.cumsum(-1) / k, (s * s).cumsum(-1) / k))",
	power:    func(u losses.Value) losses.Value { return u.Square() },
	entropy: func(u losses.Value, axis int) losses.Value {
		return u.Pow(3).SumKeep(axis).Neg().Shift(1).Scale(1 / 0.75)
	},
	torch: "(lambda u: (u * u, (1 - (u ** 3).sum(-1)) / 0.75))",
})

// projection says how scores become probabilities: power(max(scale·x - tau, 0)).
type projection struct {
	scale    float64
	tau      func(z losses.Value, s sorted) losses.Value
	torchTau string // of falling scores s and their numbers k, from 1 on
	power    func(u losses.Value) losses.Value
	entropy  func(u losses.Value, axis int) losses.Value
	torch    string // probabilities and entropy of u
}

// sorted are scores in falling order, and their numbers from 1 on.
type sorted struct {
	falling, number losses.Value
	axis            int
}

func projected(s losses.Spec, j projection) *losses.Def[parts.RowOptions] {
	s.Witness = "entmax 1.3"
	return &losses.Def[parts.RowOptions]{
		Spec:     parts.OverRows(s),
		Defaults: parts.DefaultRows(),
		Reference: func(c *losses.Call, o parts.RowOptions) string {
			row := fmt.Sprintf("(lambda z: (lambda p, e: e + (torch.where(p == 0, 0, p * z).sum(-1) - %s) / %s)(*(%s)((z - %s(z.sort(-1, descending=True).values, torch.arange(1, z.size(-1) + 1))).relu().detach())))",
				parts.TorchPicked("z"), losses.Python(j.scale), j.torch, j.torchTau)
			return parts.TorchRows(c, o, fmt.Sprintf("%s((x - x.detach().amax(-1, keepdim=True)) * %s)", row, losses.Python(j.scale)))
		},
		Body: func(c *losses.Call, o parts.RowOptions) losses.Term { return parts.RowTerm(c, o, j.row) },
		Golden: append(parts.RowCases(),
			losses.Case{Name: "ties_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 1, "C": 4},
				Set: map[string]losses.Edge{"input": {0: 0.5, 1: 0.5, 2: 0.25, 3: -1}, "target": {0: 1}}},
			losses.Case{Name: "nan_in_ignored_row_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 2, "C": 2},
				Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: -5, 3: math.NaN()}, "target": {0: 0, 1: -100}}}),
	}
}

// row is the loss of each row, with gradient p less the label.
func (j projection) row(x losses.Value, r parts.Rows) losses.Value {
	z := x.Sub(x.Amax(r.Axis)).Scale(j.scale)
	falling, _ := z.Sort(r.Axis, true)
	number := x.B().Iota(x.Rank(), r.Axis, x.Shape()[r.Axis]).Cast(x.DType()).Shift(1)
	// The probabilities minimize the value: their own change is none of its gradient.
	u := z.Sub(j.tau(z, sorted{falling, number, r.Axis})).Relu().StopGradient()
	p := j.power(u)
	own := z.Pick(r.Axis, r.Index())
	product := builder.Where(p.Equal(p.Like(0)), p.Like(0), p.Mul(z)).SumKeep(r.Axis)
	value := j.entropy(u, r.Axis).Add(product.Sub(own).Scale(1 / j.scale))
	return builder.WithGradient("projection", value, []losses.Value{x, r.Index()}, func(dy losses.Value) []losses.Value {
		return []losses.Value{p.Put(r.Axis, r.Index(), p.Pick(r.Axis, r.Index()).Shift(-1)).Mul(dy), {}}
	})
}
