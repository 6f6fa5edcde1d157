package cost

import (
	"fmt"
	"slices"
)

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
		for _, name := range r.steps[i].reads {
			read[name] = true
		}
	}
	var order, stack []int // a stack of its own, since a file may be one long chain
	seen := make([]bool, len(r.steps))
	for i, s := range slices.Backward(r.steps) {
		if slices.ContainsFunc(s.node.Outputs, func(name string) bool { return read[name] }) {
			continue
		}
		for stack = append(stack, i); len(stack) > 0; {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			switch {
			case i < 0:
				order = append(order, ^i) // all that it reads is there
			case !seen[i]:
				seen[i] = true
				stack = append(append(stack, ^i), r.steps[i].before(maker)...)
			}
		}
	}
	return order
}

// before are the steps whose results a step reads, in the order of the file.
func (s *step) before(maker map[string]int) (before []int) {
	for _, name := range s.reads {
		if j, ok := maker[name]; ok {
			before = append(before, j)
		}
	}
	slices.Sort(before)
	return before
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
	run     *run
	order   []int
	uses    map[string]int
	of      map[string]*block
	all     []*block
	free    map[string][]*block // by size, the one that was freed last at the end
	inPlace map[int]bool        // steps whose result lies in memory of an input
}

func (r *run) plan() *plan {
	p := &plan{run: r, order: r.order(), uses: map[string]int{}, of: map[string]*block{}, free: map[string][]*block{}, inPlace: map[int]bool{}}
	for i := range r.steps {
		for _, name := range r.steps[i].reads {
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
			if name != "" {
				p.place(t, i, name, s.out[k])
			}
		}
		for _, name := range s.reads {
			p.release(name, t)
		}
	}
	return p
}

// place finds memory for a result.
func (p *plan) place(t, i int, name string, v *value) {
	s := &p.run.steps[i]
	if p.run.outputs[name] {
		p.of[name] = &block{owner: v, users: p.uses[name] + 1}
		return
	}
	if b := p.shared(s, v); b != nil {
		b.users += p.uses[name]
		p.of[name], p.inPlace[i] = b, true
		return
	}
	if free := p.free[v.size()]; len(free) > 0 && !v.opaque {
		b := free[len(free)-1]
		p.free[v.size()] = free[:len(free)-1]
		b.users, p.of[name] = p.uses[name], b
		return
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

// size is a text that values of the same size have in common.
func (v *value) size() string { return fmt.Sprint(v.dtype.Size(), v.dims) }

// release counts a use of a value. Behind the last one its memory is free.
func (p *plan) release(name string, t int) {
	b := p.of[name]
	if b == nil {
		return // of a graph around this one
	}
	if b.users--; b.users == 0 && b.arena {
		if b.to = t; !b.owner.opaque {
			p.free[b.owner.size()] = append(p.free[b.owner.size()], b)
		}
	}
}

// peak returns the most bytes in use at a time, beside inputs and outputs.
func (p *plan) peak() (most int64) {
	taken, freed := make([]int64, len(p.order)+2), make([]int64, len(p.order)+2)
	for _, b := range p.all {
		taken[b.from] = plus(taken[b.from], b.bytes)
		freed[b.to+1] = plus(freed[b.to+1], b.bytes)
	}
	now := int64(0)
	for t, i := range p.order {
		now = plus(now, taken[t]) - freed[t]
		most = max(most, plus(now, p.run.steps[i].workspace()))
	}
	return most
}
