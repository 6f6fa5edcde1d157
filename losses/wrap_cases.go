package losses

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// wrapperCases are golden cases of what can be put around a loss: each option
// and input alone, all inputs together, a mask that keeps nothing, and one that
// broadcasts.
func wrapperCases(l Loss) []Case {
	var out []Case
	add := func(c Case) {
		for _, r := range reductionsOf(l) {
			each := c
			each.Name, each.Options = c.Name+"_"+r, WithReduction(c.Options, r)
			out = append(out, each)
		}
	}
	all := triedWrappers(l)
	for _, o := range WrapperOptions(l) {
		if o.Name != "scale" && o.Name != "class_axis" {
			add(Case{Name: o.Name, Options: Values{o.Name: o.Try[0]}})
		}
	}
	add(Case{Name: "wrapper_options", Options: all})
	p, err := requestFor(l).declare()
	if err != nil || p.inseparable() != "" {
		return out
	}
	for _, with := range [][]string{{"sample_weight"}, {"mask"}, {"sample_weight", "mask", "normalizer"}} {
		if len(p.wrapperInputs()) == len(perLossInputs) {
			add(Case{Name: "wrapped_" + strings.Join(with, "_"), With: with, Options: all})
		}
	}
	add(Case{Name: "mask_of_nothing", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:0"}})
	add(Case{Name: "mask_of_all", With: []string{"mask"}, Fill: map[string]string{"mask": "constant:1"}})
	for _, r := range reductionsOf(l) {
		if r != string(None) {
			out = append(out, Case{Name: "normalizer_output_" + r, Normalizer: true, Options: WithReduction(nil, r)},
				Case{Name: "normalizer_output_mask_" + r, Normalizer: true, With: []string{"mask"}, Options: WithReduction(nil, r)})
		}
	}
	out = append(append(out, labelWrapperCases(l)...), behindMaskCases(l)...)
	// Counts that 16 bits do not hold, and a sum that they do not.
	out = append(out,
		Case{Name: "normalizer_large", With: []string{"normalizer"}, Set: map[string]Edge{"normalizer": {0: 70001}}},
		Case{Name: "float32_loss_sum", LossDType: tensor.Float32, Normalizer: true, Options: Values{"reduction": "sum", "scale": 131071.0}},
		Case{Name: "float32_loss_none", LossDType: tensor.Float32, Options: Values{"reduction": "none", "scale": 131071.0}})
	return out
}

// triedWrappers are values of all options around a loss, but for the axis of the
// classes, which has cases of its own.
func triedWrappers(l Loss) Values {
	options := Values{}
	for _, o := range WrapperOptions(l) {
		if o.Name != "class_axis" {
			options[o.Name] = o.Try[0]
		}
	}
	return options
}

// behindMaskCases have NaN, infinities and values that PyTorch refuses wherever a
// mask is false: plainly, with everything around the loss, with inputs that
// broadcast, with a mask that does, and with one loss that does not count.
func behindMaskCases(l Loss) []Case {
	spec := l.Declaration()
	first := spec.Inputs[0].Name
	mean := WithReduction(nil, string(Mean))
	all := []string{"mask", "sample_weight"}
	for _, in := range spec.Inputs {
		if in.Optional {
			all = append(all, in.Name)
		}
	}
	options := triedWrappers(l)
	var out []Case
	for _, r := range reductionsOf(l) {
		out = append(out,
			Case{Name: "behind_mask_" + r, With: []string{"mask"}, Options: WithReduction(nil, r)},
			Case{Name: "behind_mask_all_" + r, With: all, Options: WithReduction(options, r)},
			Case{Name: "behind_mask_of_nothing_" + r, With: all, Options: WithReduction(nil, r), Fill: map[string]string{"mask": "constant:0"}})
	}
	p, err := Request{Catalog: Catalog{l}, Loss: spec.Name, With: []string{"mask"}}.Resolve()
	if err != nil {
		return nil // said by the cases above
	}
	for _, name := range spec.Broadcast {
		own := p.Ports[0].Shape
		for _, port := range p.Ports[1:] {
			if port.Name == name { // labels of rows have fewer axes
				own = port.Shape
			}
		}
		c := Case{Name: "behind_mask_broadcast_" + name, With: optionalOf(spec, name), Options: mean}
		c.Shapes = map[string]string{first: p.Ports[0].Shape.List(), name: append(tensor.Shape{tensor.D(1)}, own[1:]...).List()}
		out = append(out, c)
		c.Name = "behind_mask_fewer_axes_" + name
		c.Shapes = map[string]string{first: p.Ports[0].Shape.List(), name: own[1:].List()}
		if _, err := (Request{Catalog: Catalog{l}, Loss: spec.Name, With: c.With, Shapes: c.Shapes}).Resolve(); err == nil { // not every loss takes them
			out = append(out, c)
		}
	}
	for i, pattern := range spec.Shapes {
		if i == 0 && strings.Contains(pattern[first], "*") {
			c := Case{Name: "behind_mask_of_rows", With: all, Options: WithReduction(nil, string(None)),
				Shapes: map[string]string{first: strings.Replace(pattern[first], "*", "A,B", 1)}}
			p, err := Request{Catalog: Catalog{l}, Loss: spec.Name, With: c.With, Shapes: c.Shapes}.Resolve()
			if err != nil {
				continue
			}
			each := slices.Clone(p.port("mask").Shape)
			each[len(each)-1] = tensor.D(1)
			c.Shapes["mask"] = each.List()
			out = append(out, c)
		}
		if i > 0 {
			shape := strings.Trim(strings.ReplaceAll(pattern[first], "*", ""), ",")
			out = append(out, Case{Name: fmt.Sprintf("behind_mask_shape%d", i), With: []string{"mask"}, Options: mean, Shapes: map[string]string{first: shape}})
		}
	}
	for i := range out {
		out[i].Spoiled = true
	}
	return out
}

// optionalOf is the mask, and an input where it is optional.
func optionalOf(s Spec, name string) []string {
	for _, in := range s.Inputs {
		if in.Name == name && in.Optional {
			return []string{"mask", name}
		}
	}
	return []string{"mask"}
}

// spoil makes the mask false in the first place along the first axis and in the
// second one along the last, or everywhere where the case says so, and spoils every
// element that only masked losses use.
func (g *GoldenCase) spoil(p *Plan) {
	dims := map[string][]int64{}
	for _, in := range g.Inputs {
		dims[in.Name] = in.Dims
	}
	mask := g.input("mask")
	nothing := mask.Fill == "constant:0"
	mask.Fill, mask.Set = "constant:1", map[string]string{}
	flat := 0
	for at := range places(mask.Dims) {
		last := len(at) - 1
		if nothing || last < 0 || at[0] == 0 || last > 0 && at[last] == 1 {
			mask.Set[fmt.Sprint(flat)] = "0"
		}
		flat++
	}
	for name, hidden := range p.BehindMask(dims, func(i int) bool { return mask.Set[fmt.Sprint(i)] == "" }) {
		in := g.input(name)
		bad := []string{"nan", "inf", "-inf", "-3", "7"}
		if in.Kind == "index" {
			bad = []string{"-1", "-100", "1048576", "-5"}
		}
		in.Set = map[string]string{}
		for _, i := range hidden {
			in.Set[fmt.Sprint(i)] = bad[i%len(bad)]
		}
	}
}

func (g *GoldenCase) input(name string) *GoldenInput {
	i := slices.IndexFunc(g.Inputs, func(in GoldenInput) bool { return in.Name == name })
	return &g.Inputs[i]
}

// labelWrapperCases put a mask around ignored labels and class weights.
func labelWrapperCases(l Loss) []Case {
	y, ok := labelingOf(l)
	if !ok {
		return nil
	}
	p, err := Request{Catalog: Catalog{l}, Loss: l.Declaration().Name, With: []string{"mask"}}.Resolve()
	if err != nil {
		return nil // said by the other cases
	}
	places, mask := int64(1), Edge{}
	for _, d := range p.port("mask").Shape {
		places *= sizeOf(d, map[string]int64{}, l.Declaration().Sizes)
	}
	for i := range int(min(places, 4)) {
		mask[i] = float64(i % 2)
	}
	ignored := map[string]Edge{y.input: {1: y.ignored, 2: y.ignored}, "mask": mask}
	var out []Case
	for _, r := range reductionsOf(l) {
		out = append(out, Case{Name: "mask_with_ignored_" + r, With: []string{"mask"}, Set: ignored, Options: WithReduction(nil, r)})
		if y.weight != "" {
			out = append(out, Case{Name: "mask_with_weight_" + r, With: []string{y.weight, "mask", "sample_weight"}, Set: ignored, Options: WithReduction(nil, r)})
		}
	}
	return out
}
