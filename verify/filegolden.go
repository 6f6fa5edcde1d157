package verify

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// goldens runs the golden cases whose request is the file's, up to sizes.
func (f *file) goldens(ctx context.Context, engines []Engine, o Options) []Check {
	fitting, err := f.fitting(o)
	if err != nil {
		c := Check{Name: "golden"}
		c.fail("%v", err)
		return []Check{c.done()}
	}
	if len(fitting) == 0 {
		c := Check{Name: "golden"}
		c.note("no golden case has this request")
		return []Check{c.done()}
	}
	var list []Check
	job := &goldenJob{dtype: f.plan.DType, file: f, cases: fitting}
	for _, e := range engines {
		c := Check{Name: "golden", Engine: e.Name(), DType: f.plan.DType.String()}
		c.merge(job.run(ctx, e, f.plan.Spec, o))
		list = append(list, c.done())
	}
	return list
}

// fitting returns the golden cases that are ones of the file: those with the same
// options, inputs that fit the file's shapes, and the file's gradients.
func (f *file) fitting(o Options) (list []*Golden, err error) {
	all, err := o.goldens()
	if err != nil {
		return nil, err
	}
	cases, err := all.Cases(f.plan.Loss)
	for _, g := range cases {
		if !g.isFor(f.plan.DType) || !g.fits(f.plan.DType) {
			continue
		}
		plan, err := all.plan(g)
		if err != nil || !sameComputation(plan, f.plan) || !shapesFit(f.plan, g) {
			continue
		}
		if g = f.withGradients(g); g != nil {
			list = append(list, g)
		}
	}
	return list, err
}

// withGradients returns a case with the upstream gradient that the file takes, nil
// where it has not the file's gradients.
func (f *file) withGradients(g *Golden) *Golden {
	wanted := f.plan.Differentiated()
	for _, name := range wanted {
		if find(g.Outputs, "grad_"+name) == nil {
			return nil
		}
	}
	if f.plan.Normalizer && find(g.Outputs, "normalizer") == nil {
		return nil
	}
	if f.plan.HVP != g.Request.HVP {
		return nil
	}
	upstream := g.input("grad_output") != nil
	switch {
	case upstream == f.plan.GradOutput || len(wanted) == 0:
		return g
	case upstream:
		return nil // its gradients are of another upstream gradient than 1
	}
	loss := find(g.Outputs, "loss")
	if loss == nil || len(loss.Dims) > 0 {
		return nil
	}
	c := *g
	one := tensor.FromFloats(tensor.Float64, nil, []float64{1})
	c.Inputs = append(slices.Clone(g.Inputs), Named{"grad_output", one})
	return &c
}

// sameComputation reports whether two plans differ in shapes, dtypes and
// gradients at most.
func sameComputation(a, b *losses.Plan) bool {
	return a.Loss == b.Loss && reflect.DeepEqual(a.Options, b.Options) && slices.Equal(a.With, b.With) && maps.Equal(a.Map, b.Map)
}

// shapesFit reports whether a case's inputs have sizes that the plan's letters
// and numbers allow.
func shapesFit(p *losses.Plan, g *Golden) bool {
	sizes := Sizes{}
	for _, port := range p.Ports {
		t := g.input(port.Name)
		if t == nil || len(t.Dims) != len(port.Shape) {
			return false
		}
		for i, d := range port.Shape {
			want, known := d.Size, d.Known()
			if !known {
				want, known = sizes[d.Sym]
			}
			if known && want != t.Dims[i] {
				return false
			}
			sizes[d.Sym] = t.Dims[i]
		}
	}
	return true
}
