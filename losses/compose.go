package losses

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file resolves and builds the parts of a composition.

// Part is a task of a composed plan. It is a plan of its own, whose inputs have
// the task's name in front in the composition.
type Part struct {
	Task
	plan *Plan
}

func (t Task) prefix() string { return t.Name + "_" }

// Build adds the part's loss to the composition's graph. The further outputs are
// the loss itself, for logging, and those of a composition inside.
func (p Part) Build(c *Call) (Value, []Output) {
	sub := p.plan.call(c.B)
	for _, port := range p.plan.Ports {
		sub.inputs[port.Name] = c.In(p.prefix() + port.Name)
	}
	term, loss := p.plan.result(sub)
	extra := []Output{{Name: "loss_" + p.Name, Value: loss, Torch: p.Expression()}}
	for _, inner := range term.Extra {
		if name, ok := strings.CutPrefix(inner.Name, "loss_"); ok {
			extra = append(extra, Output{"loss_" + p.prefix() + name, inner.Value, p.renamed(inner.Torch)})
		}
	}
	return loss, extra
}

// Expression is the part's PyTorch expression in the composition's names.
func (p Part) Expression() string { return p.renamed(p.plan.Expression()) }

func (p Part) renamed(text string) string {
	names := map[string]string{}
	for _, port := range p.plan.Ports {
		names[port.Name] = p.prefix() + port.Name
	}
	return rename(text, names)
}

// Part returns the task that an input of a composition belongs to, as a plan of
// its own, and the input there. An input of no task is its own plan's.
func (p *Plan) Part(input Port) (*Plan, Port) {
	for _, part := range p.parts {
		for _, port := range part.plan.Ports {
			if part.prefix()+port.Name == input.Name {
				return part.plan.Part(port)
			}
		}
	}
	return p, input
}

// resolveParts resolves each task with its share of the request and returns the
// shapes of all inputs.
func (p *Plan) resolveParts(given map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	given, err := p.follow(given)
	if err != nil {
		return nil, err
	}
	l := newLetters(given)
	for _, t := range p.Spec.Tasks {
		part, err := l.resolve(p, t, given)
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Name, err)
		}
		p.parts = append(p.parts, part)
	}
	shapes, err := p.parameterShapes(l, given)
	if err == nil && p.reduction() == None {
		err = l.oneShape(p.parts)
	}
	if err != nil {
		return nil, err
	}
	for _, part := range p.parts {
		part.plan.replaceDims(l.final)
		for _, port := range part.plan.Ports {
			shapes[part.prefix()+port.Name] = port.Shape
		}
		for _, w := range part.plan.Warnings {
			p.Warnings = append(p.Warnings, "task "+part.Name+": "+w)
		}
	}
	return shapes, nil
}

// follow gives elementwise tasks of an unreduced composition the shape that the
// request gives another task, as the inputs of one loss follow each other.
func (p *Plan) follow(given map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	if p.reduction() != None {
		return given, nil
	}
	isGiven := func(t Task) bool {
		for name := range given {
			if strings.HasPrefix(name, t.prefix()) {
				return true
			}
		}
		return false
	}
	first := slices.IndexFunc(p.Spec.Tasks, isGiven)
	if first < 0 {
		return given, nil
	}
	l := newLetters(given)
	leader, err := l.resolve(p, p.Spec.Tasks[first], given)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", p.Spec.Tasks[first].Name, err)
	}
	each, err := leader.plan.unreduced()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(given)
	for _, t := range p.Spec.Tasks {
		loss, _, _ := t.catalog.Find(t.Loss)
		spec, _ := loss.For(t.Options)
		in := spec.Inputs[0].Name
		elementwise := slices.ContainsFunc(spec.Shapes, func(s Shapes) bool { return s[in] == "*" })
		if !isGiven(t) && elementwise {
			all[t.prefix()+in] = each
		}
	}
	return all, nil
}

// parameterShapes gives the parameters that exist one element for each task.
func (p *Plan) parameterShapes(l *letters, given map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	shapes := map[string]tensor.Shape{}
	for _, in := range p.Spec.Inputs[len(p.Spec.Inputs)-p.Spec.Parameters:] {
		if in.Optional && !slices.Contains(p.With, in.Name) {
			continue
		}
		shapes[in.Name] = tensor.Of(len(p.parts))
		shape, ok := given[in.Name]
		if !ok {
			continue
		}
		if len(shape) != 1 || l.unify(shape[0], shapes[in.Name][0]) != nil {
			return nil, fmt.Errorf("%s cannot have shape %v: there are %d tasks", in.Name, shape, len(p.parts))
		}
	}
	return shapes, nil
}

// replaceDims changes the letters of a plan and of its parts.
func (p *Plan) replaceDims(to func(tensor.Dim) tensor.Dim) {
	for i, port := range p.Ports {
		shape := make(tensor.Shape, len(port.Shape))
		for axis, d := range port.Shape {
			shape[axis] = to(d)
		}
		p.Ports[i].Shape = shape
	}
	for _, part := range p.parts {
		part.plan.replaceDims(to)
	}
}

// letters are those of all tasks together. A letter that the request gives is the
// same size in every task; the others get their task's name in front, and
// underscores behind where the request uses that name, too.
type letters struct {
	user  map[string]bool       // given by the request
	taken map[string]bool       // those, and the others' names
	bound map[string]tensor.Dim // what turned out to be another letter, or a size
}

func newLetters(given map[string]tensor.Shape) *letters {
	l := &letters{user: map[string]bool{}, taken: map[string]bool{}, bound: map[string]tensor.Dim{}}
	for _, shape := range given {
		for _, d := range shape {
			if !d.Known() {
				l.user[d.Sym], l.taken[d.Sym] = true, true
			}
		}
	}
	return l
}

// own returns the names of a task's own letters.
func (l *letters) own(t Task, given map[string]bool) func(tensor.Dim) tensor.Dim {
	names := map[tensor.Dim]string{}
	return func(d tensor.Dim) tensor.Dim {
		if d.Known() || given[d.Sym] {
			return d
		}
		if names[d] == "" {
			name := t.prefix() + d.Sym
			for l.taken[name] {
				name += "_"
			}
			names[d], l.taken[name] = name, true
		}
		return tensor.S(names[d])
	}
}

// resolve resolves a task with those optional inputs and shapes of the
// composition that have its name in front.
func (l *letters) resolve(p *Plan, t Task, given map[string]tensor.Shape) (Part, error) {
	r := Request{
		Catalog: t.catalog, Loss: t.Loss, Options: t.Options, Shapes: map[string]string{}, Grad: []string{"none"},
		DType: p.DType, IndexDType: p.IndexDType, Opset: p.Opset,
	}
	plan, err := r.declare()
	if err != nil {
		return Part{}, err
	}
	own := map[string]bool{} // letters that the request gives to the task
	for _, in := range plan.Inputs() {
		if slices.Contains(p.With, t.prefix()+in.Name) {
			r.With = append(r.With, in.Name)
		}
		if shape, ok := given[t.prefix()+in.Name]; ok {
			r.Shapes[in.Name] = shape.List()
			for _, d := range shape {
				own[d.Sym] = true
			}
		}
	}
	if plan, err = r.Resolve(); err != nil {
		var e *shapeError
		if errors.As(err, &e) {
			err = &shapeError{t.prefix() + e.input, e.shape, e.reason}
		}
		return Part{}, err
	}
	plan.replaceDims(l.own(t, own))
	for _, port := range plan.Ports {
		for axis, d := range given[t.prefix()+port.Name] {
			if err := l.unify(d, port.Shape[axis]); err != nil {
				return Part{}, err
			}
		}
	}
	return Part{t, plan}, nil
}

func (l *letters) final(d tensor.Dim) tensor.Dim {
	for {
		other, ok := l.bound[d.Sym]
		if d.Known() || !ok {
			return d
		}
		d = other
	}
}

// unify makes two dims one. What the request gives stays as it is, but for
// letters that turn out to be sizes.
func (l *letters) unify(a, b tensor.Dim) error {
	a, b = l.final(a), l.final(b)
	switch {
	case a == b:
	case b.IsLetter() && (!l.user[b.Sym] || a.Known()) && (a.Known() || a.IsLetter()):
		l.bound[b.Sym] = a
	case a.IsLetter() && (!l.user[a.Sym] || b.Known()) && (b.Known() || b.IsLetter()):
		l.bound[a.Sym] = b
	default:
		return fmt.Errorf("size %v conflicts with %v", a, b)
	}
	return nil
}

// oneShape makes the unreduced losses of all tasks one shape. Their common
// letters need no task's name in front.
func (l *letters) oneShape(parts []Part) error {
	var first tensor.Shape
	for i, p := range parts {
		each, err := p.plan.unreduced()
		if err != nil {
			return fmt.Errorf("task %s: %w", p.Name, err)
		}
		if i == 0 {
			first = each
		}
		same := len(first) == len(each)
		for axis := 0; same && axis < len(each); axis++ {
			same = l.unify(first[axis], each[axis]) == nil
		}
		if !same {
			return fmt.Errorf("the losses of tasks %s and %s have shapes %v and %v: with reduction none they are combined elementwise and need one shape",
				parts[0].Name, p.Name, first, each)
		}
	}
	for _, d := range first {
		d = l.final(d)
		if name, ok := strings.CutPrefix(d.Sym, parts[0].prefix()); ok && !l.user[d.Sym] && !l.taken[name] && tensor.IsName(name) {
			l.bound[d.Sym] = tensor.S(name)
		}
	}
	return nil
}
