package builder

import (
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Grad returns the gradient of y with respect to each of xs, given dy, the
// gradient of something with respect to y; dy must broadcast to y's shape. Each
// result has the shape and dtype of its x; it is zero where y does not depend on
// x. The nodes it adds are ordinary: they share work with y's own, and they can
// be differentiated again.
func Grad(y, dy Value, xs ...Value) []Value {
	return gradients(vs(y), vs(dy), xs, false)
}

// GradOfAll is [Grad] of several values, each with an upstream gradient of its own,
// summed.
func GradOfAll(ys, dys []Value, xs ...Value) []Value { return gradients(ys, dys, xs, false) }

// gradients is [GradOfAll]. Where the xs are leaves, what depends on an x
// through another x does not count.
func gradients(ys, dys, xs []Value, leaves bool) []Value {
	g := grader{xs: map[*node]bool{}, wanted: map[*node]bool{}, grads: map[*node]Value{}}
	last := 0
	for i, y := range ys {
		dy := dys[i]
		if s, err := tensor.Broadcast(dy.shape, y.shape); err != nil || !s.Equal(y.shape) || dy.dtype != y.dtype {
			fail("Grad", []Value{y, dy}, "the upstream gradient is %v, want %v", dy, y)
		}
		g.b, last = y.b, max(last, y.id)
	}
	first := last + 1 // nothing before the xs depends on them
	for _, x := range xs {
		first = min(first, x.id)
		if x.b != g.b || !x.dtype.IsFloat() {
			fail("Grad", []Value{x}, "%v cannot be differentiated", x)
		}
		g.xs[x.node], g.wanted[x.node] = true, true
	}
	g.mark(first, last)
	for i, y := range ys {
		g.add(y, dys[i])
	}
	for id := last; id >= first; id-- { // nodes are in dependency order
		n := g.b.nodes[id]
		switch dn, ok := g.grads[n]; {
		case !g.wanted[n] || leaves && g.xs[n]:
		case n.attr.loop != nil:
			g.visitLoop(Value{n})
		case ok:
			g.visit(Value{n}, dn)
		}
	}
	out := make([]Value, len(xs))
	for i, x := range xs {
		out[i] = x.Like(0)
		if dx, ok := g.grads[x.node]; ok {
			out[i] = dx
		}
		out[i] = out[i].BroadcastTo(x.shape)
	}
	return out
}

type grader struct {
	b      *B
	xs     map[*node]bool
	wanted map[*node]bool  // nodes that depend on an x
	grads  map[*node]Value // may be smaller than the node where it broadcasts
}

// mark finds the nodes from first to last that depend on an x.
func (g *grader) mark(first, last int) {
	for _, n := range g.b.nodes[first : last+1] {
		for _, a := range n.differentiable() {
			if g.wanted[a.node] && n.dtype.IsFloat() {
				g.wanted[n] = true
			}
		}
	}
}

// differentiable returns the operands through which gradients flow.
func (n *node) differentiable() []Value {
	switch {
	case n.attr.custom != nil:
		return n.args[1:] // not its value, which the declared rule replaces
	case n.op.flow == noFlow:
		return nil
	case n.op.flow > 0:
		return n.args[:n.op.flow]
	}
	return n.args
}

// visit applies n's rule and adds the result to its operands' gradients.
func (g *grader) visit(n, dn Value) {
	args := n.differentiable()
	if n.attr.custom != nil {
		g.checkCaptures(n)
	}
	if !slices.ContainsFunc(args, func(a Value) bool { return g.wanted[a.node] }) {
		return // an x whose own operands nobody asks for
	}
	var grads []Value
	switch {
	case n.attr.custom != nil:
		grads = n.attr.custom(dn)
	case n.op.vjp == nil:
		name := n.op.code
		if name == "NodeResult" {
			name = n.arg(0).attr.name
		}
		fail(name, n.args, "is not differentiable")
	default:
		grads = n.op.vjp(n, dn)
	}
	if len(grads) != len(args) {
		fail(n.op.code, n.args, "the gradient rule returned %d gradients for %d operands", len(grads), len(args))
	}
	for i, a := range args {
		if grads[i].IsZero() || !g.wanted[a.node] {
			continue
		}
		if n.op.elementwise {
			grads[i] = sumTo(grads[i], n.shape, a.shape)
		}
		g.add(a, grads[i])
	}
}

// visitLoop adds to the gradients of a loop's operands what those of its results say.
func (g *grader) visitLoop(scan Value) {
	dys, any := make([]Value, len(scan.attr.loop.results)), false
	for i, result := range scan.attr.loop.results {
		dy, ok := g.grads[result.node]
		dys[i], any = dy, any || ok
	}
	if !any {
		return
	}
	for i, dx := range scan.attr.loop.gradients(scan, dys, func(v Value) bool { return g.wanted[v.node] }) {
		if !dx.IsZero() {
			g.add(scan.arg(i), dx)
		}
	}
}

// checkCaptures fails when a composite's value depends on an x that none of its
// arguments depends on: the declared rule would silently drop that gradient.
func (g *grader) checkCaptures(n Value) {
	if !g.bypassed(n) {
		return
	}
	reached := map[*node]bool{}
	check := false
	var walk func(v Value)
	walk = func(v Value) {
		if reached[v.node] {
			return
		}
		if check && g.xs[v.node] {
			for len(v.args) > 0 { // the input behind a guard or a cast
				v = v.arg(0)
			}
			fail(n.attr.name, n.args, "the value depends on input %q, which no argument depends on", v.attr.name)
		}
		reached[v.node] = true
		for _, a := range v.differentiable() {
			walk(a)
		}
	}
	for _, a := range n.args[1:] {
		walk(a)
	}
	check = true
	walk(n.arg(0))
}

// bypassed reports whether a composite's value depends on an x other than through its
// arguments. Most do not, and all that is before them need not be looked at.
func (g *grader) bypassed(n Value) bool {
	seen := map[*node]bool{}
	for _, a := range n.args[1:] {
		seen[a.node] = true
	}
	var walk func(v Value) bool
	walk = func(v Value) bool {
		if seen[v.node] || !g.wanted[v.node] {
			return false
		}
		seen[v.node] = true
		return g.xs[v.node] || slices.ContainsFunc(v.differentiable(), walk)
	}
	return walk(n.arg(0))
}

// add accumulates a gradient, which has rank 0 or x's rank.
func (g *grader) add(x, dx Value) {
	if s, err := tensor.Broadcast(dx.shape, x.shape); err != nil || !s.Equal(x.shape) || dx.dtype != x.dtype {
		fail(x.op.code, []Value{x, dx}, "a gradient is %v, want %v", dx, x)
	}
	dx = padRank(dx, x.Rank())
	if old, ok := g.grads[x.node]; ok {
		dx = addSlices(old, dx)
	}
	g.grads[x.node] = dx
}

// padRank gives v leading axes of size 1 up to a rank; rank 0 stays.
func padRank(v Value, rank int) Value {
	if v.Rank() == 0 || v.Rank() == rank {
		return v
	}
	axes := make([]int, rank-v.Rank())
	for i := range axes {
		axes[i] = i
	}
	return v.Unsqueeze(axes...)
}

// SumTo returns dy, the gradient of a value that x was broadcast to and of its shape,
// as that of x: axes along which x was broadcast are summed.
func (dy Value) SumTo(x Value) Value { return sumTo(dy, dy.shape, x.shape) }

// sumTo turns dy, the gradient of an elementwise result of shape y, into that of
// an operand of shape x: axes along which the operand was broadcast are summed.
// Where dy itself is the same for all elements of such an axis, the sum is a
// product with its size.
func sumTo(dy Value, y, x tensor.Shape) Value {
	dy = padRank(dy, len(y))
	lead := len(y) - len(x)
	var sum, drop []int
	var times tensor.Shape
	for i, d := range y {
		if i >= lead && x[i-lead] == d {
			continue // not broadcast
		}
		if dy.Rank() > 0 && dy.shape[i] == d {
			sum = append(sum, i)
		} else {
			times = append(times, d)
		}
		if i < lead {
			drop = append(drop, i)
		}
	}
	if len(times) > 0 { // a sum of nothing is 0, whatever dy is
		n := dy.b.Count(dy.dtype, times)
		dy = Where(n.Equal(n.Like(0)), n.Like(0), dy.Mul(n))
	}
	if dy.Rank() == 0 {
		return dy
	}
	if len(sum) == len(y) && len(x) == 0 {
		return dy.Sum()
	}
	if len(sum) > 0 {
		dy = dy.SumKeep(sum...)
	}
	if len(drop) > 0 {
		dy = dy.Squeeze(drop...)
	}
	return dy
}
