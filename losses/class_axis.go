package losses

import (
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file moves the classes to the last axis, for a loss that says in
// [Spec.Classes] which letter they have: shapes, the axis that a body asks for, and
// PyTorch's expression, which has them along axis 1.

// The values of option class_axis.
const (
	classesSecond = "1"
	classesLast   = "last"
)

// ClassesLast reports whether the inputs have the classes last, not along axis 1.
func (c *Call) ClassesLast() bool { return c.plan.wrap.ClassAxis == classesLast }

// ClassAxis is where x, an input or what has its axes, has the classes: axis 1, or
// axis 0 of a single row, or the last.
func (c *Call) ClassAxis(x Value) int {
	switch {
	case c.ClassesLast():
		return x.Rank() - 1
	case x.Rank() == 1:
		return 0
	}
	return 1
}

// classesLast returns the declaration with the classes of each input last, and the
// inputs that had them along axis 1.
func (s Spec) classesLast() (Spec, []string) {
	var moved []string
	all := make([]Shapes, len(s.Shapes))
	for i, pattern := range s.Shapes {
		all[i] = Shapes{}
		for name, text := range pattern {
			if s.isSecond(text) {
				parts := tokens(text)
				text = strings.Join(append(slices.Delete(parts, 1, 2), s.Classes), ",")
				moved = append(moved, name)
			}
			all[i][name] = text
		}
	}
	s.Shapes = all
	return s, moved
}

// isSecond reports whether axis 1 of a pattern is that of the classes.
func (s Spec) isSecond(pattern string) bool {
	parts := tokens(pattern)
	return len(parts) > 1 && parts[1] == s.Classes
}

// movedTorch writes an expression over inputs with the classes along axis 1 as one
// over those of the file.
func (p *Plan) movedTorch(text string) string {
	names := map[string]string{}
	for _, port := range p.Ports {
		if slices.Contains(p.moved, port.Name) && len(port.Shape) > 2 {
			names[port.Name] = port.Name + ".movedim(-1, 1)"
		}
	}
	return rename(text, names)
}

// movedBackTorch writes unreduced losses that have an axis of classes as the file has
// them.
func (p *Plan) movedBackTorch(text string) string {
	rows := p.layout != nil && p.layout.indexed // the axes behind the classes are in front
	if len(p.moved) == 0 || rows {
		return text
	}
	pattern, star, _ := p.pattern()
	each, err := p.written(pattern, star).unreduced()
	if err != nil || len(each) < 3 || each[len(each)-1] != tensor.S(p.Spec.Classes) {
		return text
	}
	return Operand(text) + ".movedim(1, -1)"
}

// classAxisCases have the classes last: at several ranks, with all that can be around
// the loss, with probabilities as target, and behind a mask.
func classAxisCases(l Loss) []Case {
	s := l.Declaration()
	if s.Classes == "" {
		return nil
	}
	last, _ := s.classesLast()
	first := s.Inputs[0].Name
	shapes := func(star string) map[string]string {
		pattern := tokens(last.Shapes[0][first])
		if i := slices.Index(pattern, "*"); i >= 0 {
			pattern = slices.Replace(pattern, i, i+1, tokens(star)...)
		}
		return map[string]string{first: strings.Join(pattern, ",")}
	}
	var optional []string
	for _, in := range s.Inputs {
		if in.Optional {
			optional = append(optional, in.Name)
		}
	}
	p, err := requestFor(l).declare()
	separable := err == nil && p.inseparable() == ""
	var out []Case
	for _, r := range reductionsOf(l) {
		add := func(name string, c Case, more Values) {
			c.Name, c.Options = "classes_last_"+name+"_"+r, WithReduction(more, r)
			c.Options["class_axis"] = classesLast
			out = append(out, c)
		}
		add("row", Case{Shapes: shapes("")}, nil)
		add("image", Case{Shapes: shapes("A,B"), With: optional}, nil)
		add("around", Case{Shapes: shapes("A")}, triedWrappers(l))
		if p.takesProbabilities() {
			add("probabilities", Case{Shapes: shapes("A"), With: optional}, Values{"target": "probabilities"})
		}
		if separable {
			add("masked", Case{Shapes: shapes("A"), With: append(slices.Clone(optional), "mask"), Spoiled: true}, triedWrappers(l))
		}
	}
	return out
}
