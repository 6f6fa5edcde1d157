package cost

import "slices"

// This file plans memory as ONNX Runtime does: which results take over the
// memory of an input, when memory is free again, and how much is in use.

// order returns the steps in the order in which ONNX Runtime runs them: not
// that of the file, but depth first from the last node whose results no other
// node reads, later nodes first.
func (r *run) order() []int {
	maker, read := map[string]int{}, map[string]bool{}
	for i := range r.steps {
		for _, name := range r.steps[i].node.Outputs {
			maker[name] = i
		}
		for _, name := range r.steps[i].names() {
			read[name] = true
		}
	}
	var order []int
	seen := make([]bool, len(r.steps))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		var before []int
		for _, name := range r.steps[i].names() {
			if j, ok := maker[name]; ok {
				before = append(before, j)
			}
		}
		slices.Sort(before)
		for _, j := range slices.Backward(before) {
			visit(j)
		}
		order = append(order, i)
	}
	for i, s := range slices.Backward(r.steps) {
		if !slices.ContainsFunc(s.node.Outputs, func(name string) bool { return read[name] }) {
			visit(i)
		}
	}
	return order
}

// names are the values that a step reads, with what the body of a Scan reads of
// the graph around it.
func (s *step) names() []string {
	names := s.node.Inputs
	if s.body == nil {
		return names
	}
	names = slices.Clone(names)
	for i := range s.body.steps {
		for _, name := range s.body.steps[i].names() {
			if s.body.values[name] == nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// takesOver are the inputs whose memory the result of an operator may use.
var takesOver = map[string][]int{
	"Add": {0, 1}, "Sub": {0, 1}, "Mul": {0, 1}, "Div": {0, 1}, "Abs": {0}, "Cast": {0}, "Clip": {0}, "Exp": {0}, "HardSigmoid": {0},
	"Log": {0}, "Neg": {0}, "Reciprocal": {0}, "Relu": {0}, "ScatterElements": {0}, "Sigmoid": {0}, "Sign": {0}, "Softplus": {0},
	"Sqrt": {0}, "Tanh": {0}, "ThresholdedRelu": {0},
}

// workspace is how many times its result an operator needs beside it.
func (s *step) workspace() int64 {
	switch op := s.node.Op; {
	case op == "Where": // both choices, before they are merged
		return 2 * s.out[0].bytes()
	case op == "Softmax" && s.axis(-1, len(s.out[0].dims)) != len(s.out[0].dims)-1: // transposed, there and back
		return 2 * s.out[0].bytes()
	case s.body != nil:
		return s.body.plan().peak()
	}
	return 0
}

// block is a piece of memory.
type block struct {
	bytes    int64
	owner    *value // for which it was allocated
	users    int    // nodes that still have to read it
	from, to int    // places in the order
	arena    bool   // not an input, a constant or an output
}

// plan says what memory the results of a graph lie in.
type plan struct {
	run       *run
	order     []int
	uses      map[string]int
	of        map[string]*block
	all, free []*block
	inPlace   map[int]bool // steps whose result lies in memory of an input
}

func (r *run) plan() *plan {
	p := &plan{run: r, order: r.order(), uses: map[string]int{}, of: map[string]*block{}, inPlace: map[int]bool{}}
	for i := range r.steps {
		for _, name := range r.steps[i].names() {
			p.uses[name]++
		}
	}
	for _, in := range r.graph.Inputs { // inputs and constants stay
		p.of[in.Name] = &block{owner: r.values[in.Name], users: p.uses[in.Name] + 1}
	}
	for _, c := range r.graph.Initializers {
		p.of[c.Name] = &block{owner: r.values[c.Name], users: p.uses[c.Name] + 1}
	}
	for t, i := range p.order {
		s := &r.steps[i]
		for k, name := range s.node.Outputs {
			p.place(t, i, name, s.out[k])
		}
		for _, name := range s.names() {
			p.release(name, t)
		}
	}
	return p
}

// place finds memory for a result.
func (p *plan) place(t, i int, name string, v *value) {
	s := &p.run.steps[i]
	if p.run.isOutput(name) {
		p.of[name] = &block{owner: v, users: p.uses[name] + 1}
		return
	}
	if b := p.shared(s, v); b != nil {
		b.users += p.uses[name]
		p.of[name], p.inPlace[i] = b, true
		return
	}
	for k, b := range p.free {
		if sameSize(b.owner, v) {
			p.free = slices.Delete(p.free, k, k+1)
			b.users, p.of[name] = p.uses[name], b
			return
		}
	}
	b := &block{bytes: v.bytes(), owner: v, users: p.uses[name], from: t, to: len(p.order), arena: true}
	p.all, p.of[name] = append(p.all, b), b
}

// shared returns the memory of an input that a result takes over.
func (p *plan) shared(s *step, v *value) *block {
	if s.isView() {
		return p.of[s.node.Inputs[0]]
	}
	for _, k := range takesOver[s.node.Op] {
		b := p.of[s.node.Inputs[k]]
		if b != nil && b.users == 1 && sameSize(s.in[k], v) { // no one else reads it from here on
			return b
		}
	}
	return nil
}

// sameSize says that ONNX Runtime knows one value to fit into memory of another.
func sameSize(a, b *value) bool {
	return !a.opaque && !b.opaque && slices.Equal(a.dims, b.dims) && a.dtype.Size() == b.dtype.Size()
}

// release counts a use of a value. Behind the last one its memory is free.
func (p *plan) release(name string, t int) {
	b := p.of[name]
	if b == nil {
		return // of a graph around this one
	}
	if b.users--; b.users == 0 && b.arena {
		b.to = t
		p.free = slices.Insert(p.free, 0, b)
	}
}

// peak returns the most bytes in use at a time, beside inputs and outputs.
func (p *plan) peak() (most int64) {
	for t, i := range p.order {
		now := p.run.steps[i].workspace()
		for _, b := range p.all {
			if b.from <= t && t <= b.to {
				now += b.bytes
			}
		}
		most = max(most, now)
	}
	return most
}

func (r *run) isOutput(name string) bool {
	for _, p := range r.graph.Outputs {
		if p.Name == name {
			return true
		}
	}
	return false
}
