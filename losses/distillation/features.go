package distillation

import (
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares losses of what models compute inside.

// features are those of both models.
func features(d losses.Domain, of losses.Of) []losses.Input {
	return []losses.Input{
		{Name: "student", Doc: "features of the model that learns", Domain: d, Of: of, Grad: losses.Default},
		{Name: "teacher", Doc: "features of the model that it learns from", Domain: d, Of: of},
	}
}

// RKDOptions configures [RKD].
type RKDOptions struct {
	Distance *float64 `opt:"distance" doc:"weight of the distances between pairs" bounds:"[0,inf)" try:"0;25"`
	Angle    *float64 `opt:"angle" doc:"weight of the angles within triples" bounds:"[0,inf)" try:"0;50"`
}

// RKD wants the rows of the student to lie as those of the teacher do (Park et al.,
// Relational Knowledge Distillation, 2019).
var RKD = &losses.Def[RKDOptions]{
	Spec: losses.Spec{
		Name: "rkd", Aliases: []string{"relational_kd"}, Family: family,
		NoSecond: "PyTorch's second derivative is NaN at the distance of a row from itself",
		Title:    "distances of pairs and angles of triples of rows",
		Formula:  "distance·smooth_l1(d(student)/mean, d(teacher)/mean) + angle·smooth_l1(cosines of student, of teacher)",
		Inputs:   features(losses.Point, losses.Of{}),
		Shapes:   []losses.Shapes{{"student": "N,D", "teacher": "N,E"}},
		Traps: []string{
			"Widths may differ: only distances and angles are compared.",
			"Distances are divided by the mean of those above 0, which has a gradient; if all rows of a model are equal there is none: NaN.",
			"Angles take memory of N·N·N and N·N·D numbers; --angle 0 leaves them out.",
			"The paper's weights are 25 and 50 for metric learning, 1 and 2 beside other losses (the default).",
		},
	},
	Defaults: RKDOptions{Distance: new(1.0), Angle: new(2.0)},
	Validate: func(o RKDOptions) error {
		if *o.Distance == 0 && *o.Angle == 0 {
			return errors.New("distance and angle are both 0: nothing is left")
		}
		return nil
	},
	Reference: func(c *losses.Call, o RKDOptions) string {
		distance := "F.smooth_l1_loss(*(x / x[x > 0].mean() for x in [torch.cdist(x, x, compute_mode='donot_use_mm_for_euclid_dist') for x in (student, teacher)]))"
		angle := "F.smooth_l1_loss(*(torch.bmm(u, u.transpose(1, 2)) for u in (F.normalize(x[None] - x[:, None], dim=2) for x in (student, teacher))))"
		switch {
		case *o.Angle == 0:
			return fmt.Sprintf("%s * %s", losses.Python(*o.Distance), distance)
		case *o.Distance == 0:
			return fmt.Sprintf("%s * %s", losses.Python(*o.Angle), angle)
		}
		return fmt.Sprintf("%s * %s + %s * %s", losses.Python(*o.Distance), distance, losses.Python(*o.Angle), angle)
	},
	Body: func(c *losses.Call, o RKDOptions) losses.Term {
		s, t := c.In("student"), c.In("teacher")
		var each losses.Value
		if *o.Distance > 0 {
			each = smoothL1(relative(s).Sub(relative(t))).Scale(*o.Distance)
		}
		if *o.Angle > 0 {
			angle := smoothL1(cosines(s).Sub(cosines(t))).Scale(*o.Angle)
			if !each.IsZero() {
				angle = each.Add(angle)
			}
			each = angle
		}
		return losses.Term{Each: each, Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "equal_rows", Set: map[string]losses.Edge{"student": {0: 1, 1: 2, 2: 3, 3: 1, 4: 2, 5: 3}}},
		{Name: "all_equal", Fill: map[string]string{"student": "constant:1"}},
		{Name: "one_row", Sizes: map[string]int64{"N": 1}},
	},
}

// relative are the distances of all pairs, divided by the mean of those above 0.
func relative(x losses.Value) losses.Value {
	d := parts.Distances(x)
	above := d.Greater(d.Like(0)).Cast(d.DType())
	return d.Div(d.Sum().Div(above.Sum()))
}

// cosines are those of the angles at each row between each two others.
func cosines(x losses.Value) losses.Value {
	length := parts.Distances(x).Clip(1e-12, math.Inf(1))
	u := parts.Apart(x, x).Div(length.Unsqueeze(2))
	return u.MatMul(u.Transpose(0, 2, 1))
}

// smoothL1 is the mean of d^2/2 up to 1 and |d| - 1/2 beyond.
func smoothL1(d losses.Value) losses.Value {
	size := d.Abs()
	return parts.MeanOfAll(builder.Where(size.Less(size.Like(1)), d.Square().Scale(0.5), size.Shift(-0.5)))
}

// AttentionTransferOptions configures [AttentionTransfer].
type AttentionTransferOptions struct {
	P         *int64           `opt:"p" doc:"power of the features" bounds:"[1,8]" try:"1;2;4"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the pixels are combined" choices:"none,mean,sum"`
}

// AttentionTransfer compares where features are strong (Zagoruyko and Komodakis, Paying
// More Attention to Attention, 2017).
var AttentionTransfer = &losses.Def[AttentionTransferOptions]{
	Spec: losses.Spec{
		Name: "attention_transfer", Aliases: []string{"at"}, Family: family,
		Title:       "squared difference of where features are strong",
		Formula:     "a = mean over channels of x^p, of length 1 over the pixels; (a(student) - a(teacher))^2",
		Inputs:      features(losses.Real, losses.Of{}),
		Shapes:      []losses.Shapes{{"student": "N,C,H,W", "teacher": "N,K,H,W"}},
		Sizes:       map[string]int64{"N": 2, "C": 2},
		Inseparable: "the loss of a pixel depends on all pixels of its image",
		Traps: []string{
			"Numbers of channels may differ, sizes of the maps may not: one is resized before.",
			"The mean is over samples and pixels, as in the authors' code; other code sums over the pixels.",
			"A map of zeros stays zeros, with a gradient of 0.",
		},
	},
	Defaults: AttentionTransferOptions{P: new(int64(2)), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o AttentionTransferOptions) string {
		return losses.Reduced(fmt.Sprintf("((lambda a, b: (a - b) ** 2)(*(F.normalize(x.pow(%d).mean(1).flatten(1), dim=1) for x in (student, teacher)))).reshape(student[:, 0].shape)", *o.P), o.Reduction)
	},
	Body: func(c *losses.Call, o AttentionTransferOptions) losses.Term {
		attention := func(x losses.Value) losses.Value {
			return parts.MeanOver(x.Pow(float64(*o.P)), 1).Normalize(2, 1e-12, 1, 2)
		}
		return losses.Each(attention(c.In("student")).Sub(attention(c.In("teacher"))).Square())
	},
	Golden: []losses.Case{
		{Name: "zeros_none", Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"student": "constant:0"}},
	},
}

// CosineDistillOptions configures [CosineDistill].
type CosineDistillOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses of the rows are combined" choices:"none,mean,sum"`
}

// CosineDistill wants features parallel.
var CosineDistill = &losses.Def[CosineDistillOptions]{
	Spec: losses.Spec{
		Name: "cosine_distill", Family: family,
		Title:   "1 less the cosine between features along the last axis",
		Formula: "1 - sum(student·teacher) / (max(|student|, 1e-8)·max(|teacher|, 1e-8))",
		Inputs:  features(losses.Vector, losses.Of{Axis: "D"}),
		Shapes:  []losses.Shapes{{"student": "*,D", "teacher": "*,D"}}, Star: "N",
		Traps: []string{
			"It is PyTorch's F.cosine_similarity: a vector of zeros has a cosine of 0 and a large gradient, 1e8 times the other's direction.",
			"Lengths do not count: mse sees them.",
		},
	},
	Defaults: CosineDistillOptions{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o CosineDistillOptions) string {
		return losses.Reduced("1 - F.cosine_similarity(student, teacher, dim=-1)", o.Reduction)
	},
	Body: func(c *losses.Call, o CosineDistillOptions) losses.Term {
		s, t := c.In("student"), c.In("teacher")
		last := s.Rank() - 1
		return losses.Each(s.Normalize(2, 1e-8, last).Mul(t.Normalize(2, 1e-8, last)).SumOver(last).Neg().Shift(1))
	},
	Golden: []losses.Case{
		{Name: "zero_vectors_none", Options: losses.Values{"reduction": "none"}, Set: map[string]losses.Edge{"student": {0: 0, 1: 0, 2: 0}, "teacher": {3: 0, 4: 0, 5: 0}}},
	},
}
