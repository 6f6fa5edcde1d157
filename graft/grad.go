package graft

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// GradOptions say which gradients a model gets.
type GradOptions struct {
	Of         string   // the output; "": the only one that is floating-point
	Wrt        []string // inputs and initializers; none: the floating-point inputs
	GradOutput bool     // an input grad_output also where the output has rank 0
	Opset      int64    // 0: that of the model
}

// Grad returns a model with, behind its own outputs, grad_NAME for each input and
// initializer that gradients are wanted of. Such an initializer becomes an input.
func Grad(m *ir.Model, o GradOptions) (*ir.Model, error) {
	if err := o.complete(m); err != nil {
		return nil, err
	}
	p, err := Prepare(m, Options{Wrt: o.Wrt, Of: []string{o.Of}, Opset: o.Opset})
	if err != nil {
		return nil, err
	}
	out, err := p.Model(func(b *builder.B) { p.grad(b, o) })
	if err == nil {
		out.Metadata = append(out.Metadata, ir.Prop{Key: OfKey, Value: o.Of})
	}
	return out, err
}

// OfKey is the metadata of a file with gradients: the output that they are of.
const OfKey = "lossgen.grad"

// Model returns the model that f builds, with the name and the notes of the one that
// was prepared.
func (p *Prepared) Model(f func(b *builder.B)) (*ir.Model, error) {
	m, name := p.model, p.model.Graph.Name
	if name == "" {
		name = "model"
	}
	graph, err := builder.Build(name, f, builder.Foreign)
	if err != nil {
		return nil, plain(err)
	}
	out, err := graph.Model(p.opset)
	if err != nil {
		return nil, err
	}
	out.Graph.Doc = m.Graph.Doc
	for _, prop := range m.Metadata {
		if !strings.HasPrefix(prop.Key, "lossgen.") { // of the loss that the model was
			out.Metadata = append(out.Metadata, prop)
		}
	}
	return out, nil
}

// plain returns what an error of the builder says to somebody who has not written code.
func plain(err error) error {
	var mistake *builder.Error
	if errors.As(err, &mistake) {
		return fmt.Errorf("%s: %s", mistake.Op, mistake.Msg)
	}
	return err
}

// complete fills in what was left out.
func (o *GradOptions) complete(m *ir.Model) error {
	if o.Opset == 0 {
		o.Opset = m.Opset
	}
	if o.Of == "" {
		var err error
		if o.Of, err = OnlyOutput(m); err != nil {
			return err
		}
	}
	if len(o.Wrt) == 0 {
		for _, in := range Inputs(m) {
			if in.DType.IsFloat() {
				o.Wrt = append(o.Wrt, in.Name)
			}
		}
		if len(o.Wrt) == 0 {
			return errors.New("the model has no floating-point input: name the parameters that gradients are wanted of")
		}
	}
	return nil
}

// OnlyOutput returns the floating-point output of a model that has one such.
func OnlyOutput(m *ir.Model) (string, error) {
	var floating []string
	for _, out := range m.Graph.Outputs {
		if out.DType.IsFloat() {
			floating = append(floating, out.Name)
		}
	}
	switch len(floating) {
	case 0:
		return "", errors.New("the model has no floating-point output")
	case 1:
		return floating[0], nil
	}
	return "", fmt.Errorf("the model has %d floating-point outputs: name one of %s", len(floating), list(floating))
}

// grad puts the model and the gradients onto b.
func (p *Prepared) grad(b *builder.B, o GradOptions) {
	net := p.Onto(b)
	for _, out := range p.model.Graph.Outputs {
		b.Output(out.Name, net.Value(out.Name))
	}
	y := net.Value(o.Of)
	dy := y.Like(1)
	if y.Rank() > 0 || o.GradOutput {
		dy = p.input(b, "grad_output", y.DType(), y.Shape())
	}
	xs := make([]builder.Value, len(o.Wrt))
	for i, name := range o.Wrt {
		xs[i] = net.Source(name)
	}
	for i, dx := range builder.Grad(y, dy, xs...) {
		name := "grad_" + o.Wrt[i]
		if p.taken(name) {
			builder.Failf("grad", "the model has a value %s already", strconv.Quote(name))
		}
		b.Output(name, dx)
	}
}

// input declares an input beside those of the model.
func (p *Prepared) input(b *builder.B, name string, dtype tensor.DType, shape tensor.Shape) builder.Value {
	if p.taken(name) {
		builder.Failf("grad", "the model has a value %s already", strconv.Quote(name))
	}
	return b.Input(name, dtype, shape)
}

// taken reports whether the model's inputs, outputs or initializers have a name.
func (p *Prepared) taken(name string) bool {
	for _, out := range p.model.Graph.Outputs {
		if out.Name == name {
			return true
		}
	}
	for _, source := range Sources(p.model) {
		if source == name {
			return true
		}
	}
	return false
}
