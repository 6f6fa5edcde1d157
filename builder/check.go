package builder

import "fmt"

// check panics when a finished graph breaks an invariant: a mistake in this
// package, not in the code that uses it.
func (g *Graph) check() {
	position := map[*node]int{}
	for i, n := range g.nodes {
		for _, a := range n.args {
			if _, ok := position[a.node]; !ok {
				g.broken("node %d (%s) uses a value that is not there yet", i, n.op.code)
			}
		}
		if n.dtype.Size() == 0 {
			g.broken("node %d (%s) has no dtype", i, n.op.code)
		}
		if n.op.lower == nil {
			g.broken("operator %s has no lowering", n.op.code)
		}
		position[n] = i
	}
}

func (g *Graph) broken(format string, a ...any) {
	panic("builder: internal error: " + fmt.Sprintf(format, a...) + "\n" + g.String())
}
