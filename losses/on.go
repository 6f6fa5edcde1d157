package losses

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// On adds the loss to a graph under construction and returns it, reduced as the
// options say: a network and its loss become one graph, which [builder.Grad]
// differentiates as a whole.
//
//	prediction := features.MatMul(weights)
//	loss := losses.Huber.On(losses.HuberOptions{Delta: new(0.5)},
//		map[string]builder.Value{"input": prediction, "target": target})
//	gradient := builder.Grad(loss, loss.Like(1), weights)[0]
//
// inputs are the loss's inputs by name, optional ones where they are wanted;
// their shapes and dtypes are the request's. Values of 16 bits are computed in
// float32, and the result has their dtype. A wrong input ends the surrounding
// [builder.Build] with an error that names it.
func (r Request) On(inputs map[string]builder.Value) builder.Value {
	r.Shapes, r.With, r.Grad = map[string]string{}, nil, []string{"none"}
	var b *builder.B
	for name, v := range inputs {
		if v.IsZero() {
			builder.Failf(r.Loss, "input %s has no value", name)
		}
		b = v.B()
		r.Shapes[name] = v.Shape().List()
		r.With = append(r.With, name)
		switch {
		case v.DType().IsFloat():
			r.DType = v.DType()
		case v.DType() != tensor.Bool:
			r.IndexDType = v.DType()
		}
	}
	slices.Sort(r.With)
	p, err := r.optionalOf(inputs).Resolve()
	if err != nil {
		builder.Failf(r.Loss, "%v", err)
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
	return loss.Cast(p.DType)
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
