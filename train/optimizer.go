package train

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file has the steps of optimizers, as those of torch.optim compute them.

// Optimizer is a rule for new parameters. The zero Optimizer is none.
type Optimizer struct {
	row  *optimizer
	with map[string]float64
}

// optimizer is what there is to know of a rule.
type optimizer struct {
	name    string
	options []option
	states  []string // prefixes of the values that it keeps for each parameter
	counts  bool     // it has an input step
	step    func(s *step) (x builder.Value, states []builder.Value)
}

// option is a number between bounds, the upper one excluded.
type option struct {
	name         string
	def          float64
	least, below float64
}

var (
	rate  = option{"lr", 1e-3, 0, math.Inf(1)}
	beta1 = option{"beta1", 0.9, 0, 1}
	beta2 = option{"beta2", 0.999, 0, 1}
	eps   = option{"eps", 1e-8, 0, math.Inf(1)}
	mu    = option{"momentum", 0.9, 0, math.Inf(1)}
)

func decay(def float64) option { return option{"weight_decay", def, 0, math.Inf(1)} }

// optimizers lists the rules.
func optimizers() []*optimizer {
	return []*optimizer{
		{name: "sgd", options: []option{rate, decay(0)}, step: sgd},
		{name: "momentum", options: []option{rate, mu, decay(0)}, states: []string{"m_"}, step: momentum},
		{name: "nesterov", options: []option{rate, mu, decay(0)}, states: []string{"m_"}, step: nesterov},
		{name: "adam", options: []option{rate, beta1, beta2, eps, decay(0)}, states: []string{"m_", "v_"}, counts: true, step: adam},
		{name: "adamw", options: []option{rate, beta1, beta2, eps, decay(1e-2)}, states: []string{"m_", "v_"}, counts: true, step: adamW},
	}
}

// Optimizers lists the names of the rules.
func Optimizers() []string {
	names := []string{"none"}
	for _, o := range optimizers() {
		names = append(names, o.name)
	}
	return names
}

// ParseOptimizer reads a rule with its options, as "adamw,lr=0.01,beta2=0.99".
func ParseOptimizer(text string) (Optimizer, error) {
	parts := strings.Split(text, ",")
	rules := optimizers()
	i := slices.IndexFunc(rules, func(o *optimizer) bool { return o.name == parts[0] })
	if i < 0 {
		if text == "none" {
			return Optimizer{}, nil
		}
		return Optimizer{}, fmt.Errorf("there is no %s, want %s", strconv.Quote(parts[0]), strings.Join(Optimizers(), ", "))
	}
	o := Optimizer{row: rules[i], with: map[string]float64{}}
	for _, opt := range o.row.options {
		o.with[opt.name] = opt.def
	}
	given := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		if err := o.set(strings.TrimSpace(name), value); err != nil {
			return o, err
		}
		if given[name] {
			return o, fmt.Errorf("%s has %s twice", o.row.name, name)
		}
		given[name] = true
	}
	return o, nil
}

func (o Optimizer) set(name, value string) error {
	i := slices.IndexFunc(o.row.options, func(opt option) bool { return opt.name == name })
	if i < 0 {
		var names []string
		for _, opt := range o.row.options {
			names = append(names, opt.name)
		}
		return fmt.Errorf("%s has no option %s: it has %s", o.row.name, strconv.Quote(name), strings.Join(names, ", "))
	}
	opt := o.row.options[i]
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(v >= opt.least && v < opt.below) {
		return fmt.Errorf("%s of %s is %s, want a number from %g to below %g", name, o.row.name, strconv.Quote(value), opt.least, opt.below)
	}
	o.with[name] = v
	return nil
}

// String writes the optimizer with all its options, as [ParseOptimizer] reads it.
func (o Optimizer) String() string {
	if o.row == nil {
		return "none"
	}
	text := o.row.name
	for _, opt := range o.row.options {
		text += "," + opt.name + "=" + losses.Text(o.with[opt.name])
	}
	return text
}

// Gradient returns the gradient that a step was made of: next is what became of the
// parameter x at a learning rate of 1, states those behind the step, which were 0 before.
func (o Optimizer) Gradient(x, next float64, states []float64) float64 {
	decay := o.with["weight_decay"] * x
	switch o.row.name {
	case "sgd":
		return x - next - decay
	case "adam":
		return states[0]/(1-o.with["beta1"]) - decay
	case "adamw":
		return states[0] / (1 - o.with["beta1"])
	}
	return states[0] - decay // momentum, nesterov
}

// States are the prefixes of what the optimizer keeps for each parameter.
func (o Optimizer) States() []string {
	if o.row == nil {
		return nil
	}
	return o.row.states
}

// step is that of one parameter.
type step struct {
	x, g   builder.Value   // the parameter and its gradient
	states []builder.Value // that the rule keeps
	lr     builder.Value   // of x's type
	exact  builder.Value   // lr in float64
	count  builder.Value   // of this step, from 1, in float64
	with   map[string]float64
}

// decayed is the gradient with that of weight_decay/2·|x|².
func (s *step) decayed() builder.Value {
	if s.with["weight_decay"] == 0 {
		return s.g
	}
	return s.g.Add(s.x.Scale(s.with["weight_decay"]))
}

func sgd(s *step) (builder.Value, []builder.Value) { return s.x.Sub(s.lr.Mul(s.decayed())), nil }

func momentum(s *step) (builder.Value, []builder.Value) {
	m := s.states[0].Scale(s.with["momentum"]).Add(s.decayed())
	return s.x.Sub(s.lr.Mul(m)), []builder.Value{m}
}

func nesterov(s *step) (builder.Value, []builder.Value) {
	g := s.decayed()
	m := s.states[0].Scale(s.with["momentum"]).Add(g)
	return s.x.Sub(s.lr.Mul(g.Add(m.Scale(s.with["momentum"])))), []builder.Value{m}
}

func adam(s *step) (builder.Value, []builder.Value) { return s.adaptive(s.x, s.decayed()) }

func adamW(s *step) (builder.Value, []builder.Value) {
	shrink := s.exact.Scale(-s.with["weight_decay"]).Shift(1).Cast(s.x.DType())
	return s.adaptive(s.x.Mul(shrink), s.g)
}

// adaptive is the step of Adam from x. The corrections of the first steps are computed in
// float64: in float32 1-beta2 alone is off by 5e-5.
func (s *step) adaptive(x, g builder.Value) (builder.Value, []builder.Value) {
	m := s.states[0].Add(g.Sub(s.states[0]).Scale(1 - s.with["beta1"]))
	v := s.states[1].Scale(s.with["beta2"]).Add(g.Square().Scale(1 - s.with["beta2"]))
	size := s.exact.Div(s.correction("beta1")).Cast(x.DType())
	root := s.correction("beta2").Sqrt().Cast(x.DType())
	return x.Sub(size.Mul(m.Div(v.Sqrt().Div(root).Shift(s.with["eps"])))), []builder.Value{m, v}
}

// correction is 1 - beta^count.
func (s *step) correction(name string) builder.Value {
	beta := s.with[name]
	if beta == 0 {
		return s.count.Like(1)
	}
	return s.count.Scale(math.Log(beta)).Exp().Neg().Shift(1)
}

// step adds the outputs that train: gradients, or new values.
func (a *attached) step(b *builder.B, xs, grads []builder.Value) {
	for i, g := range grads {
		grads[i] = g.Cast(wide(g.DType()))
	}
	if a.Accumulate {
		a.accumulate(b, grads)
	}
	if a.ClipNorm > 0 {
		clip(grads, a.ClipNorm)
	}
	if a.Optimizer.row == nil {
		for i, name := range a.trained {
			prefix := "grad_"
			if a.Accumulate {
				prefix = "new_acc_"
			}
			b.Output(prefix+name, grads[i].Cast(xs[i].DType()))
		}
		return
	}
	a.optimize(b, xs, grads)
}

// wide is the type that a step is computed in, and its states are kept in.
func wide(dtype tensor.DType) tensor.DType {
	if dtype == tensor.Float64 {
		return dtype
	}
	return tensor.Float32
}

// accumulate adds the gradients of earlier batches. In a step, whose inputs are those of
// the last batch, parts is the number of all of them, and the gradients are means.
func (a *attached) accumulate(b *builder.B, grads []builder.Value) {
	parts := builder.Value{}
	if a.Optimizer.row != nil {
		parts = b.Input("parts", tensor.Float32, nil)
		a.starts("parts", tensor.FromFloats(tensor.Float32, nil, []float64{1}))
	}
	for i, name := range a.trained {
		dtype := a.values[name].DType
		sum := b.Input("acc_"+name, dtype, grads[i].Shape())
		a.starts("acc_"+name, tensor.New(dtype, a.values[name].Dims...))
		grads[i] = grads[i].Add(sum.Cast(grads[i].DType()))
		if !parts.IsZero() {
			grads[i] = grads[i].Div(parts.Cast(grads[i].DType()))
		}
	}
}

// clip makes gradients smaller whose norm, over all, is above a limit, as
// torch.nn.utils.clip_grad_norm_ does.
func clip(grads []builder.Value, limit float64) {
	total := grads[0].Square().Sum()
	for _, g := range grads[1:] {
		total = total.Add(g.Square().Sum().Cast(total.DType()))
	}
	factor := total.Like(limit).Div(total.Sqrt().Shift(1e-6))
	factor = factor.Min(factor.Like(1))
	for i, g := range grads {
		grads[i] = g.Mul(factor.Cast(g.DType()))
	}
}

// optimize declares what the optimizer keeps, and gives out what it makes of it.
func (a *attached) optimize(b *builder.B, xs, grads []builder.Value) {
	rule := a.Optimizer.row
	dtype := tensor.Float32
	if !slices.ContainsFunc(xs, func(x builder.Value) bool { return x.DType() != tensor.Float64 }) {
		dtype = tensor.Float64
	}
	lr := b.Input("lr", dtype, nil)
	a.starts("lr", tensor.FromFloats(dtype, nil, []float64{a.Optimizer.with["lr"]}))
	s := step{exact: lr.Cast(tensor.Float64), with: a.Optimizer.with}
	var next builder.Value
	if rule.counts {
		done := b.Input("step", tensor.Int64, nil)
		a.starts("step", tensor.FromInts(tensor.Int64, nil, []int64{0}))
		next = done.Add(done.Like(1))
		s.count = next.Cast(tensor.Float64)
	}
	var kept []func()
	for i, name := range a.trained {
		s.g = grads[i]
		s.x, s.lr, s.states = xs[i].Cast(s.g.DType()), lr.Cast(s.g.DType()), nil
		for _, prefix := range rule.states {
			s.states = append(s.states, b.Input(prefix+name, s.g.DType(), xs[i].Shape()))
			a.starts(prefix+name, tensor.New(s.g.DType(), a.values[name].Dims...))
		}
		x, states := rule.step(&s)
		b.Output("new_"+name, x.Cast(xs[i].DType()))
		for k, prefix := range rule.states {
			kept = append(kept, func() { b.Output("new_"+prefix+name, states[k]) })
		}
	}
	if rule.counts {
		b.Output("new_step", next)
	}
	for _, output := range kept {
		output()
	}
}
