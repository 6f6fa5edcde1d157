package losses

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines what can be put around every loss: a factor, changed logits,
// classes along another axis, weights and a mask for single losses, and another divisor of the mean.

// wrapping is the options that losses have beside their own. A model's metadata
// holds those that differ from the defaults.
type wrapping struct {
	Scale       *float64 `opt:"scale" doc:"factor of the loss" bounds:"(-inf,inf)" try:"0.5"`
	Temperature *float64 `opt:"temperature" doc:"what logits are divided by" bounds:"(0,inf)" try:"2"`
	ClassAxis   string   `opt:"class_axis" doc:"where the classes are: axis 1, as in PyTorch, or the last axis, as in [N,*,C]" choices:"1,last" try:"last"`
	Softcap     *float64 `opt:"softcap" doc:"limit of the logits, which become softcap·tanh(logits/softcap) before temperature" bounds:"(0,inf)" try:"3"`
	ZLoss       *float64 `opt:"z_loss" doc:"factor of logsumexp(logits)^2, which is added to each row's loss that counts" bounds:"[0,inf)" try:"0.125"`
}

// wrapperOptions are those of wrapping.
var wrapperOptions = sync.OnceValue(func() []Option {
	list, _ := optionsOf(wrapping{Scale: new(1.0), ClassAxis: classesSecond})
	return list
})

// WrapperOptions lists the options that a loss takes beside its own.
func WrapperOptions(l Loss) []Option {
	s := l.Declaration()
	own := l.Options()
	return slices.DeleteFunc(slices.Clone(wrapperOptions()), func(o Option) bool {
		logits := o.Name == "temperature" || o.Name == "softcap"
		return logits && s.Logits == "" || o.Name == "z_loss" && !s.ZLoss || o.Name == "class_axis" && s.Classes == "" ||
			slices.ContainsFunc(own, func(p Option) bool { return p.Name == o.Name })
	})
}

// takeWrappers moves the options of wrappers out of values and returns those
// that are set.
func takeWrappers(values Values, common []Option) Values {
	set := Values{}
	for _, o := range common {
		if values[o.Name] != o.Default {
			set[o.Name] = values[o.Name]
		}
		delete(values, o.Name)
	}
	return set
}

// perLossInputs are the inputs of wrappers that have one value for each loss
// before reduction.
var perLossInputs = []string{"sample_weight", "mask", "normalizer"}

// inseparable says why single losses cannot be weighted or masked.
func (p *Plan) inseparable() string {
	switch {
	case p.Spec.Inseparable != "":
		return p.Spec.Inseparable
	case p.Spec.Tasks != nil:
		return "give it to a task, as in " + p.Spec.Tasks[0].Name + "_mask"
	case !hasReduction(p.loss, None):
		return "it has no unreduced form"
	}
	return ""
}

// wrapperInputs are the optional inputs that the loss has beside its own.
func (p *Plan) wrapperInputs() []Input {
	if p.inseparable() != "" {
		return nil
	}
	all := []Input{
		{Name: "sample_weight", Doc: "factor of each loss before reduction; mean divides as without", Domain: Weight, Optional: true},
		{Name: "mask", Doc: "whether each loss before reduction counts; mean divides by what counts", Domain: Mask, Optional: true},
		{Name: "normalizer", Doc: "what the losses, or their sum, are divided by, instead of mean's divisor", Domain: Positive, Optional: true, Wide: true},
	}
	return slices.DeleteFunc(all, func(in Input) bool {
		return slices.ContainsFunc(p.Spec.Inputs, func(own Input) bool { return own.Name == in.Name })
	})
}

// addWrapperPorts adds the inputs of wrappers that the request asks for. Weights
// and a mask have the shape of the unreduced loss, or one that broadcasts to it.
func (p *Plan) addWrapperPorts(present []string, given map[string]tensor.Shape) error {
	var each tensor.Shape
	for _, in := range p.wrapperInputs() {
		if !slices.Contains(present, in.Name) {
			continue
		}
		of := tensor.Shape{}
		if in.Name != "normalizer" {
			if each == nil {
				var err error
				if p.probe, err = p.alone(); err != nil {
					return err
				}
				each = p.probe.each
			}
			of = each
		}
		shape, ok := given[in.Name]
		if !ok {
			shape = of
		}
		if s, err := tensor.Broadcast(of, shape); err != nil || !s.Equal(of) {
			return fmt.Errorf("%s: %w", p.Loss, &shapeError{in.Name, shape, "the unreduced loss is " + of.String()})
		}
		p.Ports = append(p.Ports, Port{Input: in, DType: p.dtypeOf(in), Shape: shape})
	}
	if !slices.Contains(present, "mask") || !p.isWrapper("mask") {
		return nil
	}
	var err error
	p.layout, err = p.layOut(each)
	return err
}

// probe is what only building tells of a loss without what is around it.
type probe struct {
	each                   tensor.Shape // of the loss before reduction
	kept, divisor, count   string       // the PyTorch expressions of its Term
	emptyIsZero, zeroIsNaN bool         // and its marks
}

// unreduced returns the shape of the loss before reduction.
func (p *Plan) unreduced() (tensor.Shape, error) {
	alone, err := p.alone()
	if err != nil {
		return nil, err
	}
	return alone.each, nil
}

// alone builds the loss without what is around it, in a graph of its own.
func (p *Plan) alone() (*probe, error) {
	var t Term
	_, err := builder.Build(p.Loss, func(b *builder.B) {
		c := p.call(b)
		for _, port := range p.Ports {
			c.inputs[port.Name] = c.compute(b.Input(port.Name, port.DType, port.Shape))
		}
		t = p.mapLosses(p.loss.build(p.mapped(c), p.Options))
		b.Output("loss", t.Each)
	})
	if err != nil {
		return nil, p.buildError(err)
	}
	return &probe{t.Each.Shape(), t.Kept.Torch, t.Divisor.Torch, t.Count.Torch, t.EmptyIsZero, t.ZeroIsNaN}, nil
}

// resolveProbe builds the loss alone, where its PyTorch expression needs that and
// its inputs did not.
func (p *Plan) resolveProbe() (err error) {
	if p.probe == nil && (p.writtenOut() || p.Normalizer) {
		p.probe, err = p.alone()
	}
	return err
}

// resolveWrapping finds wrappers that do not go together.
func (p *Plan) resolveWrapping() error {
	err := func() error {
		switch {
		case slices.Contains(p.With, "normalizer") && p.Normalizer:
			return errors.New("normalizer cannot be an input and an output at once")
		case p.Normalizer && p.inseparable() != "":
			return errors.New("there is no output normalizer: " + p.inseparable())
		case p.Normalizer && p.reduction() == None:
			return errors.New("the output normalizer goes with a reduction: use reduction sum")
		}
		return nil
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", p.Loss, err)
	}
	if p.Normalizer && p.LossDType == tensor.Float16 && p.reduction() == Sum {
		p.Warnings = append(p.Warnings, "the loss is a float16 sum, which is inf above 65504: with loss_dtype float32 it is one of float32")
	}
	return nil
}

// wrapperNames are the inputs of wrappers that exist.
func (p *Plan) wrapperNames() []string {
	var names []string
	for _, in := range p.wrapperInputs() {
		if slices.Contains(p.With, in.Name) {
			names = append(names, in.Name)
		}
	}
	return names
}

// divided is the reduction, where a sum that is divided by an input is a mean.
func (p *Plan) divided() Reduction {
	if slices.Contains(p.wrapperNames(), "normalizer") && p.reduction() != None {
		return Mean
	}
	return p.reduction()
}

// wrapped builds the loss with changed logits, and its Term with what weights,
// mask, z-loss and divisor make of it.
func (p *Plan) wrapped(c *Call) Term {
	if p.layout != nil {
		c = p.coveredInputs(c)
	}
	c = p.mapped(c)
	if p.wrap.Softcap != nil || p.wrap.Temperature != nil {
		inner := *c
		inner.inputs = maps.Clone(c.inputs)
		inner.inputs[p.Spec.Logits] = p.wrap.logits(c.In(p.Spec.Logits))
		c = &inner
	}
	t := p.mapLosses(p.loss.build(c, p.Options))
	names := p.wrapperNames()
	if p.wrap.ZLoss != nil {
		x := c.In(p.Spec.Logits)
		axis := c.ClassAxis(x)
		t.Each = t.Each.Add(x.LogSumExp(axis).Squeeze(axis).Square().Scale(*p.wrap.ZLoss))
	}
	if slices.Contains(names, "sample_weight") {
		t.Each = t.Each.Mul(c.In("sample_weight"))
	}
	if slices.Contains(names, "mask") {
		t = t.maskedBy(c.In("mask"), p.reduction())
	}
	if slices.Contains(names, "normalizer") {
		t.Count, t.EmptyIsZero, t.ZeroIsNaN = Both{Value: c.In("normalizer")}, false, false
	}
	return t
}

// logits are x capped, then divided by the temperature.
func (w wrapping) logits(x Value) Value {
	if w.Softcap != nil {
		x = capped(x, *w.Softcap)
	}
	if w.Temperature != nil {
		x = x.Div(x.Like(*w.Temperature))
	}
	return x
}

// capped is limit·tanh(x/limit). Its gradient is 1 - tanh², as 4e/(1 + e)² with
// e = exp(-2|x/limit|), which keeps its digits where tanh is close to 1.
func capped(x Value, limit float64) Value {
	z := x.Div(x.Like(limit))
	return builder.WithGradient("softcap", z.Tanh().Scale(limit), []Value{x}, func(dy Value) []Value {
		e := z.Abs().Scale(-2).Exp()
		return []Value{e.Scale(4).Div(e.Shift(1).Square()).Mul(dy)}
	})
}

// maskedBy keeps the losses for which mask is true. The mean over nothing is NaN
// with gradient 0, as that of cross entropy over ignored labels.
func (t Term) maskedBy(mask Value, r Reduction) Term {
	counted := t.Divisor.Value
	if counted.IsZero() {
		counted = t.Each.Like(1)
	}
	if r != BatchMean {
		t.Divisor.Value = builder.Where(mask, counted, counted.Like(0)).BroadcastTo(t.Each.Shape())
		t.Count = Both{}
	}
	t.Each = builder.Where(mask, t.Each, t.Each.Like(0))
	return t
}
