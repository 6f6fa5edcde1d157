package margin

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares heads: cross entropies of embeddings against a vector of each
// class, in which the true class keeps a margin. No angle is computed.

const metricLearning = "pytorch-metric-learning 2.9.0"

// head completes what is declared of all of them.
func head(s losses.Spec) losses.Spec {
	s.Family, s.Witness, s.LabelPolicy, s.Cancels = "margin", metricLearning, parts.GatherPolicy, true // scale times the last digit of a cosine counts
	s.Inputs = []losses.Input{
		{Name: "input", Doc: "embeddings", Domain: losses.Vector, Of: losses.Of{Axis: "E"}, Grad: losses.Default},
		{Name: "weight", Doc: "a vector of each class", Domain: losses.Vector, Of: losses.Of{Axis: "E"}, Grad: losses.Default},
		parts.ClassLabels(),
	}
	s.Shapes = []losses.Shapes{{"input": "N,E", "weight": "C,E", "target": "N"}}
	s.Traps = append(s.Traps,
		"weight is [C,E], as in a linear layer; pytorch-metric-learning stores [E,C].",
		"An embedding of zeros has a finite loss and a gradient of about 1e13, as F.normalize has.")
	return s
}

// cosines are those of each embedding with each class.
func cosines(c *losses.Call) losses.Value {
	return unit(c.In("input")).MatMulT(unit(c.In("weight")))
}

func unit(x losses.Value) losses.Value { return x.Normalize(2, 1e-12, 1) }

// torchCosines is cosines in PyTorch.
const torchCosines = "F.normalize(input) @ F.normalize(weight).T"

// moved is the cross entropy of scale times x in which the true class's score is another
// one, [N,1].
func moved(x losses.Value, r parts.Rows, own func(losses.Value) losses.Value, scale float64) losses.Value {
	return x.Put(r.Axis, r.Index(), own(x.Pick(r.Axis, r.Index()))).Scale(scale).SteepNLL(r.Axis, r.Index())
}

// torchMoved is moved in PyTorch, where own is an expression of all scores t.
func torchMoved(own string, scale float64) string {
	return fmt.Sprintf("(lambda x: %s)(%s * x.scatter(-1, y, (lambda t: %s)(x.gather(-1, y))))", parts.TorchNLL, losses.Python(scale), own)
}

// ArcFaceOptions configures [ArcFace].
type ArcFaceOptions struct {
	Margin *float64 `opt:"margin" doc:"angle that is added to that of the true class, in radians" bounds:"[0,3.1415926]" try:"0;1"`
	S      *float64 `opt:"s" doc:"factor of the cosines" bounds:"(0,inf)" try:"1;30"`
	parts.RowOptions
}

// ArcFace adds an angle to that of the true class (Deng et al., ArcFace, 2019).
var ArcFace = &losses.Def[ArcFaceOptions]{
	Spec: head(losses.Spec{
		Name: "arcface", Aliases: []string{"arc_face", "additive_angular_margin"},
		Title:   "cross entropy of cosines with a margin added to the true angle",
		Formula: "c = cos(input, weight); -log(softmax(s·c')[target]), c' = cos(acos(c) + margin) at target, c - margin·sin(margin) past pi - margin",
		Traps: []string{
			"margin is in radians, 0.5 by default; pytorch-metric-learning takes degrees, 28.6.",
			"cos(a + m) is c·cos(m) - sqrt(1 - c^2)·sin(m), whose root has a floor of 1e-30: exactly aligned embeddings have a finite gradient, where code without it has NaN.",
			"Past pi - margin the cosine less margin·sin(margin) stands in, as in insightface and pytorch-metric-learning; the loss has a step there.",
		},
	}),
	Defaults: ArcFaceOptions{Margin: new(0.5), S: new(64.0), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o ArcFaceOptions) string {
		cos, sin := losses.Python(math.Cos(*o.Margin)), losses.Python(math.Sin(*o.Margin))
		own := fmt.Sprintf("(lambda t: torch.where(t >= -%s, t * %[1]s - (1 - t * t).clamp_min(1e-30).sqrt() * %s, t - %s))(t.clamp(-1, 1))", cos, sin, losses.Python(*o.Margin*math.Sin(*o.Margin)))
		return parts.TorchRowsOf(c, o.RowOptions, torchCosines, torchMoved(own, *o.S))
	},
	Body: func(c *losses.Call, o ArcFaceOptions) losses.Term {
		cos, sin := math.Cos(*o.Margin), math.Sin(*o.Margin)
		return parts.RowTermOf(c, o.RowOptions, cosines(c), func(x losses.Value, r parts.Rows) losses.Value {
			return moved(x, r, func(t losses.Value) losses.Value {
				t = t.Clip(-1, 1)
				sine := parts.AtLeast(t.Square().Neg().Shift(1), 1e-30).Sqrt()
				return builder.Where(t.GreaterOrEqual(t.Like(-cos)), t.Scale(cos).Sub(sine.Scale(sin)), t.Shift(-*o.Margin*sin))
			}, *o.S)
		})
	},
	Golden: headCases(),
}

// CosFaceOptions configures [CosFace].
type CosFaceOptions struct {
	Margin *float64 `opt:"margin" doc:"what the cosine of the true class loses" bounds:"[0,2]" try:"0;1"`
	S      *float64 `opt:"s" doc:"factor of the cosines" bounds:"(0,inf)" try:"1;30"`
	parts.RowOptions
}

// CosFace takes a margin from the cosine of the true class (Wang et al., CosFace, 2018).
var CosFace = &losses.Def[CosFaceOptions]{
	Spec: head(losses.Spec{
		Name: "cosface", Aliases: []string{"cos_face", "am_softmax", "lmcl"},
		Title:   "cross entropy of cosines with a margin taken from that of the true class",
		Formula: "c = cos(input, weight); -log(softmax(s·(c - margin at target))[target])",
		Traps:   []string{"margin 0.35 is pytorch-metric-learning's, insightface has 0.4; AM-softmax is this loss with s 30."},
	}),
	Defaults: CosFaceOptions{Margin: new(0.35), S: new(64.0), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o CosFaceOptions) string {
		return parts.TorchRowsOf(c, o.RowOptions, torchCosines, torchMoved("t - "+losses.Python(*o.Margin), *o.S))
	},
	Body: func(c *losses.Call, o CosFaceOptions) losses.Term {
		return parts.RowTermOf(c, o.RowOptions, cosines(c), func(x losses.Value, r parts.Rows) losses.Value {
			return moved(x, r, func(t losses.Value) losses.Value { return t.Shift(-*o.Margin) }, *o.S)
		})
	},
	Golden: headCases(),
}

// NormalizedSoftmaxOptions configures [NormalizedSoftmax].
type NormalizedSoftmaxOptions struct {
	Temperature *float64 `opt:"temperature" doc:"what the cosines are divided by" bounds:"(0,inf)" try:"1"`
	parts.RowOptions
}

// NormalizedSoftmax is cross entropy of cosines (Zhai and Wu, Classification is a strong
// baseline for deep metric learning, 2019).
var NormalizedSoftmax = &losses.Def[NormalizedSoftmaxOptions]{
	Spec: head(losses.Spec{
		Name: "normalized_softmax", Aliases: []string{"normface"},
		Title:   "cross entropy of cosines",
		Formula: "-log(softmax(cos(input, weight) / temperature)[target])",
		Traps:   []string{"Both embeddings and class vectors are normalized; 0.05 is pytorch-metric-learning's temperature."},
	}),
	Defaults: NormalizedSoftmaxOptions{Temperature: new(0.05), RowOptions: parts.DefaultRows()},
	Reference: func(c *losses.Call, o NormalizedSoftmaxOptions) string {
		return parts.TorchRowsOf(c, o.RowOptions, torchCosines+" / "+losses.Python(*o.Temperature), parts.TorchNLL)
	},
	Body: func(c *losses.Call, o NormalizedSoftmaxOptions) losses.Term {
		x := cosines(c)
		return parts.RowTermOf(c, o.RowOptions, x.Div(x.Like(*o.Temperature)), func(x losses.Value, r parts.Rows) losses.Value {
			return x.SteepNLL(r.Axis, r.Index())
		})
	},
	Golden: headCases(),
}

// headCases are those of embeddings along their class's vector, against it, across it
// and of length 0, with cosines that are exact.
func headCases() []losses.Case {
	return []losses.Case{{
		Name: "aligned_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 4, "C": 2, "E": 2},
		Set: map[string]losses.Edge{
			"input":  {0: 2, 1: 0, 2: -4, 3: 0, 4: 0, 5: 0.5, 6: 0, 7: -1},
			"weight": {0: 1, 1: 0, 2: 0, 3: 2}, "target": {0: 0, 1: 0, 2: 0, 3: 1},
		},
	}, {
		Name: "zero_vector_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 1, "C": 2, "E": 2}, Dtypes: []string{"float32", "float64"},
		Set: map[string]losses.Edge{"input": {0: 0, 1: 0}, "weight": {0: 1, 1: 0, 2: 0, 3: 2}, "target": {0: 0}},
	}}
}
