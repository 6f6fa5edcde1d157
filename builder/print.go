package builder

import (
	"fmt"
	"slices"
	"strings"
)

// String prints the graph, one node per line:
//
//	%2 float32[N,D] = Sub %0 %1
func (g *Graph) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "graph %s\n", g.Name)
	number := map[*node]int{}
	for i, n := range g.nodes {
		number[n] = i
		fmt.Fprintf(&s, "%%%d %v = %s", i, Value{n}, n.op.code)
		for _, a := range n.args {
			fmt.Fprintf(&s, " %%%d", number[a.node])
		}
		s.WriteString(n.attr.String())
		s.WriteByte('\n')
	}
	for _, o := range g.outputs {
		fmt.Fprintf(&s, "output %s = %%%d\n", o.name, number[o.value.node])
	}
	return s.String()
}

// String prints the parameters that are set.
func (a attr) String() string {
	var s strings.Builder
	if a.name != "" {
		fmt.Fprintf(&s, " %q", a.name)
	}
	if a.value != nil {
		fmt.Fprintf(&s, " %v", a.value.Floats())
	}
	if a.axes != nil {
		fmt.Fprintf(&s, " axes=%v", a.axes)
	}
	if a.keep {
		s.WriteString(" keep")
	}
	if a.nums != [2]float64{} {
		fmt.Fprintf(&s, " %v", a.nums)
	}
	if a.ints != [2]int64{} {
		fmt.Fprintf(&s, " %v", a.ints)
	}
	if a.shape != nil {
		fmt.Fprintf(&s, " to %v", a.shape)
	}
	if a.window != nil {
		fmt.Fprintf(&s, " %+v", *a.window)
	}
	if a.resampling != nil {
		fmt.Fprintf(&s, " %+v", *a.resampling)
	}
	if a.list != nil {
		fmt.Fprintf(&s, " %v", a.list)
	}
	for _, b := range a.binds {
		fmt.Fprintf(&s, " %v", b.dim)
	}
	return s.String()
}

// Output returns the value of an output, or the zero Value.
func (g *Graph) Output(name string) Value {
	i := slices.IndexFunc(g.outputs, func(o output) bool { return o.name == name })
	if i < 0 {
		return Value{}
	}
	return g.outputs[i].value
}
