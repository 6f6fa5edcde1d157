package noise

import (
	"fmt"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// BiTemperedOptions configures [BiTemperedLogistic].
type BiTemperedOptions struct {
	T1             *float64 `opt:"t1" doc:"temperature of the logarithm: below 1 a row's loss is bounded" bounds:"[0,1)" try:"0.5"`
	T2             *float64 `opt:"t2" doc:"temperature of the softmax: above 1 its tail is heavy" bounds:"(1,4]" try:"2"`
	NumIters       *int64   `opt:"num_iters" doc:"steps of the normalizer's iteration" bounds:"[1,20]" try:"10"`
	LabelSmoothing float64  `opt:"label_smoothing" doc:"share of the target that is spread over the other classes" bounds:"[0,1)" try:"0.1"`
	parts.RowOptions
}

// BiTemperedLogistic is logistic loss with a tempered logarithm and softmax (Amid et al.,
// Robust bi-tempered logistic loss, 2019).
var BiTemperedLogistic = &losses.Def[BiTemperedOptions]{
	Spec: parts.OverRows(losses.Spec{
		Name: "bi_tempered_logistic", Aliases: []string{"bi_tempered"}, Family: family, Witness: "pytorch-toolbelt 0.8.0",
		NoSecond: "its gradient holds the normalizer's weights, which depend on the input",
		Title:    "logistic loss with a bounded logarithm and a heavy-tailed softmax",
		Formula:  "p = exp_t2(input - normalizer); sum_c of t·(log_t1(t) - log_t1(p)) - (t^(2-t1) - p^(2-t1)) / (2-t1); t is 1 at target",
		Traps: []string{
			"The paper gives no defaults; 0.8 and 1.4 are the usual ones. Both at 1 are cross entropy, which neither may be here.",
			"The normalizer is found by num_iters steps, which leave an error of about 5e-6 after 5; a t2 below 1 needs a bisection and is not there.",
			"label_smoothing leaves 1 - label_smoothing to the class, unlike that of cross_entropy, which gives the class a share, too.",
			"A row with an infinite score is NaN.",
		},
		NotDerivative: "the normalizer's gradient is that of the equation that it solves, not of the steps that lead there",
	}),
	Defaults:  BiTemperedOptions{T1: new(0.8), T2: new(1.4), NumIters: new(int64(5)), RowOptions: parts.DefaultRows()},
	Reference: biTemperedTorch,
	Body: func(c *losses.Call, o BiTemperedOptions) losses.Term {
		return parts.RowTerm(c, o.RowOptions, o.row)
	},
	Golden: parts.RowCases(),
}

// row is the loss of each row, with the gradient p^(t2-t1)·(p - t) less its sum times
// the escort distribution p^t2 / sum p^t2.
func (o BiTemperedOptions) row(x losses.Value, r parts.Rows) losses.Value {
	t1, t2 := *o.T1, *o.T2
	power := func(v losses.Value) losses.Value { return v.Scale(1 - t2).Shift(1).Relu().Pow(1 / (1 - t2)) } // exp_t2
	top := x.MaxKeep(r.Axis)
	first := x.Sub(top)
	v := first
	for range *o.NumIters {
		v = first.Mul(power(v).SumKeep(r.Axis).Pow(1 - t2))
	}
	sum := power(v).SumKeep(r.Axis)
	normalizer := top.Sub(sum.Reciprocal().Pow(1 - t2).Shift(-1).Scale(1 / (1 - t2)))
	p, t := power(x.Sub(normalizer)), o.target(x, r)
	log := func(v losses.Value) losses.Value { return v.Pow(1 - t1).Shift(-1).Scale(1 / (1 - t1)) }
	parts := t.Mul(log(t.Shift(1e-10)).Sub(log(p))).Sub(t.Pow(2 - t1).Sub(p.Pow(2 - t1)).Scale(1 / (2 - t1)))
	infinite := x.Scale(0).SumKeep(r.Axis) // NaN where there is one
	return builder.WithGradient("bi_tempered", parts.SumKeep(r.Axis).Add(infinite), []losses.Value{x, r.Index()}, func(dy losses.Value) []losses.Value {
		slope := p.Pow(t2 - t1).Mul(p.Sub(t))
		escort := p.Pow(t2)
		dx := slope.Sub(escort.Div(escort.SumKeep(r.Axis)).Mul(slope.SumKeep(r.Axis)))
		return []losses.Value{dx.Add(infinite).Mul(dy), {}}
	})
}

// target is 1 at the class, or smoothed.
func (o BiTemperedOptions) target(x losses.Value, r parts.Rows) losses.Value {
	t := r.OneHot(x)
	if o.LabelSmoothing == 0 {
		return t
	}
	classes := x.B().Count(x.DType(), tensor.Shape{x.Shape()[r.Axis]})
	others := classes.Shift(-1)
	return t.Mul(classes.Div(others).Scale(-o.LabelSmoothing).Shift(1)).Add(others.Reciprocal().Scale(o.LabelSmoothing))
}

func biTemperedTorch(c *losses.Call, o BiTemperedOptions) string {
	t := "torch.zeros_like(x).scatter(-1, y, 1)"
	if o.LabelSmoothing > 0 {
		e := losses.Python(o.LabelSmoothing)
		t = fmt.Sprintf("(1 - %s * x.size(-1) / (x.size(-1) - 1)) * %s + %s / (x.size(-1) - 1)", e, t, e)
	}
	row := "(lambda e: (lambda n: (lambda p, t: (t * ((t + 1e-10) ** {a} - p ** {a}) / {a} - (t ** {b} - p ** {b}) / {b}).sum(-1))" +
		"(e(x - n - ((lambda q: q / q.sum(-1, keepdim=True))(e(x.detach() - n) ** {t2}) * (x - x.detach())).sum(-1, keepdim=True)), {onehot}))" +
		"((lambda m: m - ((1 / e((lambda step: step(step, x - m, {n}))(lambda step, v, k: v if k == 0 else step(step, (x - m) * e(v).sum(-1, keepdim=True) ** {s}, k - 1))).sum(-1, keepdim=True)) ** {s} - 1) / {s})(x.amax(-1, keepdim=True)).detach()))" +
		"(lambda u: (1 + {s} * u).relu() ** (1 / {s}))"
	return parts.TorchRows(c, o.RowOptions, strings.NewReplacer(
		"{onehot}", t, "{a}", losses.Python(1-*o.T1), "{b}", losses.Python(2-*o.T1), "{s}", "("+losses.Python(1-*o.T2)+")", "{t2}", losses.Python(*o.T2), "{n}", losses.Python(*o.NumIters)).Replace(row))
}
