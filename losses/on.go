package losses

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// On adds the loss to a graph under construction and returns it, reduced as the
// options say: a network and its loss become one graph, which [builder.Grad]
// differentiates as a whole.
//
//	prediction := features.MatMul(weights)
//	loss := regression.Huber.On(regression.HuberOptions{Delta: new(0.5)},
//		map[string]builder.Value{"input": prediction, "target": target})
//	gradient := builder.Grad(loss, loss.Like(1), weights)[0]
//
// inputs are the loss's inputs by name, optional ones where they are wanted;
// their shapes and dtypes are the request's. Values of 16 bits are computed in
// float32, and the result has their dtype, or the request's LossDType. A wrong input ends the surrounding
// [builder.Build] with an error that names it.
func (r Request) On(inputs map[string]builder.Value) builder.Value {
	r.Shapes, r.With = nil, nil
	p, letters, err := r.resolveOn(inputs)
	if err != nil {
		builder.Failf(r.Loss, "%s", letters.restore(err.Error()))
	}
	var b *builder.B
	for _, v := range inputs {
		b = v.B()
	}
	c := p.call(b)
	for _, port := range p.Ports {
		v, ok := inputs[port.Name]
		if !ok {
			builder.Failf(r.Loss, "input %s is missing", port.Name)
		}
		if v.DType() != port.DType {
			builder.Failf(r.Loss, "input %s is %v, want %v", port.Name, v, port.DType)
		}
		c.inputs[port.Name] = c.compute(v)
	}
	_, loss := p.result(c)
	return loss.Cast(p.LossDType)
}

// Others returns the inputs that the loss has beside those of the values, where it is
// to be put onto their graph: the required ones, and what With names. Shapes may say
// theirs. The loss must be a single number.
func (r Request) Others(inputs map[string]builder.Value) ([]Port, error) {
	p, letters, err := r.resolveOn(inputs)
	if err != nil {
		return nil, errors.New(letters.restore(err.Error()))
	}
	if p.reduction() == None {
		return nil, fmt.Errorf("%s: reduction none gives no single number to train on: use mean or sum", p.Loss)
	}
	var others []Port
	for _, port := range p.Ports {
		if _, given := inputs[port.Name]; given {
			continue
		}
		port.Shape = slices.Clone(port.Shape)
		for i, d := range port.Shape {
			size, ok := letters.size(d)
			if !ok {
				return nil, fmt.Errorf("%s: input %s has size %s, which cannot be written as one of an input", p.Loss, port.Name, letters.restore(d.String()))
			}
			port.Shape[i] = size
		}
		others = append(others, port)
	}
	return others, nil
}

// resolveOn resolves the request for values of a graph.
func (r Request) resolveOn(inputs map[string]builder.Value) (*Plan, standIns, error) {
	r.Shapes, r.With, r.Grad = maps.Clone(r.Shapes), slices.Clone(r.With), []string{"none"}
	if r.Shapes == nil {
		r.Shapes = map[string]string{}
	}
	wide := map[string]bool{}
	if p, err := (Request{Catalog: r.Catalog, Loss: r.Loss, Options: r.Options}).declare(); err == nil {
		for _, in := range p.Inputs() {
			wide[in.Name] = in.Wide
		}
	}
	letters := standInsFor(inputs)
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		v := inputs[name]
		if v.IsZero() {
			builder.Failf(r.Loss, "input %s has no value", name)
		}
		r.Shapes[name] = letters.of(v.Shape()).List()
		r.With = append(r.With, name)
		switch {
		case v.DType().IsFloat() && !wide[name]:
			r.DType = v.DType()
		case v.DType().IsInt():
			r.IndexDType = v.DType()
		}
	}
	p, err := r.optionalOf(inputs).Resolve()
	return p, letters, err
}

// standIns are letters for sizes that a request cannot name: forms, and what only
// running tells.
type standIns map[tensor.Dim]string

func standInsFor(inputs map[string]builder.Value) standIns {
	s, taken := standIns{}, map[string]bool{}
	for _, v := range inputs {
		if v.IsZero() {
			continue // refused later
		}
		for _, d := range v.Shape() {
			if taken[d.Sym] = true; !d.Known() && !tensor.IsName(d.String()) {
				s[d] = ""
			}
		}
	}
	for i, d := range slices.SortedFunc(maps.Keys(s), func(a, b tensor.Dim) int { return strings.Compare(a.String(), b.String()) }) {
		s[d] = fmt.Sprintf("open%d_", i)
		for taken[s[d]] {
			s[d] += "_"
		}
	}
	return s
}

func (s standIns) of(shape tensor.Shape) tensor.Shape {
	out := slices.Clone(shape)
	for i, d := range shape {
		if letter, ok := s[d]; ok {
			out[i] = tensor.S(letter)
		}
	}
	return out
}

// size returns what a size of the request is in the graph, unless it is a form over a
// size that has no letter there.
func (s standIns) size(d tensor.Dim) (tensor.Dim, bool) {
	for size, letter := range s {
		if d.IsLetter() && d.Sym == letter {
			return size, true
		}
		if slices.Contains(d.Letters(), letter) {
			return d, false
		}
	}
	return d, true
}

// restore puts the sizes back into a message.
func (s standIns) restore(text string) string {
	var pairs []string
	for d, letter := range s {
		pairs = append(pairs, letter, d.String())
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// optionalOf keeps in With only what the loss declares as optional.
func (r Request) optionalOf(inputs map[string]builder.Value) Request {
	bare := r
	bare.Shapes, bare.With = nil, nil
	p, err := bare.Resolve()
	if err != nil {
		return r // which reports it
	}
	required := map[string]bool{}
	for _, port := range p.Ports {
		required[port.Name] = true
	}
	r.With = slices.DeleteFunc(r.With, func(name string) bool { return required[name] })
	return r
}
