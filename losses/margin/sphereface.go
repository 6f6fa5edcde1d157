package margin

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// SphereFaceOptions configures [SphereFace].
type SphereFaceOptions struct {
	Margin *int64   `opt:"margin" doc:"what the angle of the true class is multiplied by" bounds:"[1,8]" try:"1;2;3"`
	S      *float64 `opt:"s" doc:"factor of the scores" bounds:"(0,inf)" try:"0.5"`
	parts.RowOptions
}

// SphereFace multiplies the angle of the true class (Liu et al., SphereFace, 2017).
var SphereFace = &losses.Def[SphereFaceOptions]{
	Spec: head(losses.Spec{
		Name: "sphereface", Aliases: []string{"sphere_face", "a_softmax"},
		Title:   "cross entropy of projections with the angle of the true class multiplied",
		Formula: "c = cos(input, weight), k = floor(margin·acos(c)/pi); -log(softmax(s·|input|·c')[target]), c' = (-1)^k·cos(margin·acos(c)) - 2k at target",
		Traps: []string{
			"Only the class vectors are normalized: the length of an embedding stays in its scores.",
			"k counts the thresholds cos(j·pi/margin) that the cosine is at or below and has no gradient; c' is continuous all the same.",
			"The first steps of training need a mix with the plain softmax in the paper; neither this loss nor pytorch-metric-learning's has it.",
		},
	}),
	Defaults: SphereFaceOptions{Margin: new(int64(4)), S: new(1.0), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o SphereFaceOptions) string {
		multiple := "0"
		for _, a := range chebyshev(*o.Margin) {
			multiple = fmt.Sprintf("(%s * t + %s)", multiple, losses.Python(a))
		}
		own := fmt.Sprintf("(lambda k: (1 - 2 * (k %% 2)) * %s - 2 * k)(sum((t <= math.cos(j * math.pi / %d)).to(t.dtype) for j in range(1, %d)))", multiple, *o.Margin, *o.Margin+1)
		row := fmt.Sprintf("(lambda x: %s)(%s * input.norm(dim=1, keepdim=True) * x.scatter(-1, y, (lambda t: %s)(x.gather(-1, y))))", parts.TorchNLL, losses.Python(*o.S), own)
		return parts.TorchRowsOf(c, o.RowOptions, torchCosines, row)
	},
	Body: func(c *losses.Call, o SphereFaceOptions) losses.Term {
		return parts.RowTermOf(c, o.RowOptions, cosines(c), func(x losses.Value, r parts.Rows) losses.Value {
			scores := x.Put(r.Axis, r.Index(), multiplied(x.Pick(r.Axis, r.Index()), *o.Margin))
			return scores.Mul(c.In("input").Norm(2, 1).Scale(*o.S)).SteepNLL(r.Axis, r.Index())
		})
	},
	Golden: headCases(),
}

// multiplied is (-1)^k·cos(m·a) - 2k of cosines t = cos(a).
func multiplied(t losses.Value, m int64) losses.Value {
	multiple := t.Scale(0)
	for i, a := range chebyshev(m) {
		if i == 0 {
			multiple = t.Like(a)
			continue
		}
		multiple = multiple.Mul(t).Shift(a)
	}
	steps, sign := t.Like(0), t.Like(1)
	for j := int64(1); j <= m; j++ {
		below := t.LessOrEqual(t.Like(math.Cos(float64(j) * math.Pi / float64(m)))).Cast(t.DType())
		steps, sign = steps.Add(below), sign.Mul(below.Scale(-2).Shift(1))
	}
	return sign.Mul(multiple).Sub(steps.Scale(2))
}

// chebyshev are the coefficients of cos(m·a) as a polynomial of cos(a), the highest
// first.
func chebyshev(m int64) []float64 {
	before, now := []float64{1}, []float64{1, 0}
	for range m - 1 {
		next := make([]float64, len(now)+1)
		for i, a := range now {
			next[i] += 2 * a
		}
		for i, a := range before {
			next[i+2] -= a
		}
		before, now = now, next
	}
	return now
}
