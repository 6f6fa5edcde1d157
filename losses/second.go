package losses

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
)

// This file adds products with the Hessian to a model: the second derivatives that
// Newton's methods with conjugate gradients, and penalties of gradients, ask for.

// The names of a vector that the Hessian is multiplied with, and of the product, in
// front of the input's.
const (
	vectorOf  = "vector_"
	productOf = "hvp_"
)

// Vectors are the inputs that the Hessian is multiplied with, one for each gradient.
func (p *Plan) Vectors() []Port {
	if !p.HVP {
		return nil
	}
	var out []Port
	for _, name := range p.Differentiated() {
		port := p.port(name)
		in := Input{Name: vectorOf + name, Doc: "vector for " + name, Domain: Real}
		out = append(out, Port{Input: in, DType: port.DType, Shape: port.Shape})
	}
	return out
}

// resolveHVP checks that the loss has what was asked for.
func (p *Plan) resolveHVP() error {
	switch {
	case !p.HVP:
		return nil
	case p.Spec.NoSecond != "":
		return fmt.Errorf("%s has no product with the Hessian: %s", p.Loss, p.Spec.NoSecond)
	case len(p.Differentiated()) == 0:
		return fmt.Errorf("%s: a product with the Hessian needs a gradient: name one with grad", p.Loss)
	}
	return nil
}

// products adds the products of the Hessian with the vectors: the gradient of the
// products of gradients and vectors.
func (p *Plan) products(c *Call, grads, xs []builder.Value) {
	var vectors []builder.Value
	for _, v := range p.Vectors() {
		vectors = append(vectors, c.compute(c.B.Input(v.Name, v.DType, v.Shape)))
	}
	for i, product := range builder.GradOfAll(grads, vectors, xs...) {
		name := p.Differentiated()[i]
		c.B.Output(productOf+name, product.Cast(p.port(name).DType))
	}
}

// isVector tells whether an input of a model is a vector, of whose product there is an
// output.
func isVector(m *ir.Model, input string) bool {
	name, ok := strings.CutPrefix(input, vectorOf)
	return ok && slices.ContainsFunc(m.Graph.Outputs, func(p ir.Port) bool { return p.Name == productOf+name })
}

// secondCases are the golden cases of products with vectors.
func secondCases(l Loss) []Case {
	spec := l.Declaration()
	if spec.NoSecond != "" {
		return nil
	}
	var out []Case
	for _, r := range reductionsOf(l) {
		out = append(out, Case{Name: "hvp_" + r, Options: WithReduction(nil, r), HVP: true})
	}
	if comparesAlike(spec) {
		out = append(out, Case{Name: "hvp_equal", HVP: true, Fill: map[string]string{spec.Inputs[1].Name: "like:" + spec.Inputs[0].Name}})
	}
	return out
}

// comparesAlike reports whether the first two inputs are of one shape and may have any
// numbers, so that they may be equal.
func comparesAlike(s Spec) bool {
	return len(s.Inputs) > 1 && s.Inputs[0].Domain.isFree() && s.Inputs[1].Domain.isFree() && sameShape(s, 0, 1)
}
