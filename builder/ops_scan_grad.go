package builder

import "slices"

// This file differentiates loops.

// gradients returns the gradients of a Scan's operands that are wanted, given those of
// its results, zero Values where there is none. A second loop goes the other way. Its
// steps get the state and slices of the first one's step, so that they are made of the
// same nodes; its own states are the gradients of the states, and the sums so far of
// the gradients of values from outside.
func (l *loop) gradients(scan Value, dys []Value, wanted func(Value) bool) []Value {
	states, operands := len(l.states), len(l.states)+len(l.slices)
	saved := l.results[len(l.results)-states:]
	outer := filter(l.outer, wanted)
	back := &loop{backward: !l.backward, slices: slices.Concat(l.states, l.slices)}
	sequences := slices.Concat(saved, scan.args[states:operands])
	var starts, ys, upstream []Value
	for _, n := range l.nodes {
		scan.b.remember(Value{n}) // sizes that are known inside only
	}
	for i, result := range l.results {
		body := slices.Concat(l.next, l.outputs)[i]
		if !body.dtype.IsFloat() || i >= states && dys[i].IsZero() {
			continue
		}
		dy, slot := full(dys[i], result), body.slot(body.shape)
		if i < states {
			starts, back.states = append(starts, dy), append(back.states, slot)
		} else {
			sequences, back.slices = append(sequences, dy), append(back.slices, slot)
		}
		ys, upstream = append(ys, body), append(upstream, slot)
	}
	floats := filter(l.states, Value.isFloat)
	var slots []Value // of slices whose sequence is wanted
	for i, v := range l.slices {
		if v.isFloat() && wanted(scan.arg(states+i)) {
			slots = append(slots, v)
		}
	}
	dxs := gradients(ys, upstream, slices.Concat(floats, slots, outer), true)
	back.next, dxs = dxs[:len(floats):len(floats)], dxs[len(floats):]
	back.outputs, dxs = dxs[:len(slots):len(slots)], dxs[len(slots):]
	for i, v := range outer {
		sum := v.slot(v.shape)
		starts, back.states = append(starts, full(Value{}, v)), append(back.states, sum)
		back.next = append(back.next, sum.Add(dxs[i]))
	}
	back.outputs = append(back.outputs, back.states...)
	sequences = back.trim(sequences)
	results := back.emit(starts, sequences)

	grads := make([]Value, len(scan.args))
	next := func() (v Value) { v, results = results[0], results[1:]; return v }
	for i, v := range l.states {
		if v.isFloat() {
			if dx := next(); wanted(scan.arg(i)) {
				grads[i] = dx
			}
		}
	}
	for i, v := range l.outer {
		if wanted(v) {
			grads[operands+i] = next()
		}
	}
	for i, v := range l.slices {
		if slices.Contains(slots, v) {
			grads[states+i] = next()
		}
	}
	return grads
}

// full returns the gradient of v in its size, 0 where it has none.
func full(dv, v Value) Value {
	if dv.IsZero() {
		dv = v.Like(0)
	}
	return dv.BroadcastTo(v.shape)
}

func (v Value) isFloat() bool { return v.dtype.IsFloat() }

func filter(values []Value, keep func(Value) bool) []Value {
	return slices.DeleteFunc(slices.Clone(values), func(v Value) bool { return !keep(v) })
}

// trim takes away the slices that no step reads, but for one that gives the length, and
// returns the sequences of those that remain.
func (l *loop) trim(sequences []Value) (kept []Value) {
	_, first := l.slots()
	reached := map[*node]bool{}
	var visit func(v Value)
	visit = func(v Value) {
		if !reached[v.node] && v.id >= first {
			reached[v.node] = true
			for _, a := range v.args {
				visit(a)
			}
		}
	}
	for _, v := range slices.Concat(l.next, l.outputs) {
		visit(v)
	}
	var read []Value
	for i, v := range l.slices {
		if reached[v.node] {
			read, kept = append(read, v), append(kept, sequences[i])
		}
	}
	if len(read) == 0 {
		read, kept = l.slices[:1], sequences[:1]
	}
	l.slices = read
	return kept
}
