package draw

import (
	"encoding/json"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
)

// This file finds the tasks of a composition in its graph, so that a picture
// shows each of them as a group.

// group is a task. A task that is a composition itself is the parent of others.
type group struct {
	name   string
	prefix string // of the task's inputs
	parent int    // outermost for none
}

// maxGroups bounds the tasks that are drawn: metadata may claim any number.
const maxGroups = 64

const (
	outermost = -1 // of no task, or of several
	unknown   = -2
)

// groupsOf reads the tasks from a model's metadata.
func groupsOf(m *ir.Model) []group {
	type options struct {
		Tasks []struct {
			Name    string
			Options json.RawMessage
		}
	}
	var list []group
	var add func(data []byte, prefix string, parent int)
	add = func(data []byte, prefix string, parent int) {
		var o options
		if json.Unmarshal(data, &o) != nil {
			return // options of another form have no tasks
		}
		for _, t := range o.Tasks {
			if len(list) == maxGroups {
				return
			}
			list = append(list, group{ir.Plain(t.Name), prefix + t.Name + "_", parent})
			add(t.Options, prefix+t.Name+"_", len(list)-1)
		}
	}
	text, _ := m.Meta("lossgen.options")
	add([]byte(text), "", outermost)
	return list
}

// named returns the innermost group that a name belongs to.
func named(groups []group, name string) int {
	best := outermost
	for i, g := range groups {
		if strings.HasPrefix(name+"_", g.prefix) && (best == outermost || len(g.prefix) > len(groups[best].prefix)) {
			best = i
		}
	}
	return best
}

// common returns the innermost group that holds both a and b.
func common(groups []group, a, b int) int {
	if a == unknown {
		return b
	}
	for b != unknown && a != outermost && !within(groups, b, a) {
		a = groups[a].parent
	}
	return a
}

// within reports whether group g is outer or lies in it.
func within(groups []group, g, outer int) bool {
	for g >= 0 && g != outer {
		g = groups[g].parent
	}
	return g == outer
}

// assign gives every box its group. A node is a task's when it depends on inputs
// of that task alone, or when only outputs of that task need it.
func (p *picture) assign() {
	from, to := make([]int, len(p.boxes)), make([]int, len(p.boxes))
	for i, b := range p.boxes {
		from[i], to[i] = unknown, unknown
		switch b.kind {
		case inputBox:
			if from[i] = named(p.groups, b.lines[0]); from[i] == outermost {
				from[i] = unknown // a parameter says nothing about what uses it
			}
		case outputBox:
			name := strings.TrimPrefix(strings.TrimPrefix(b.lines[0], "loss_"), "grad_")
			to[i] = named(p.groups, name)
		}
	}
	for _, e := range p.edges { // in the order of their second box
		if !e.shape { // tasks with a common letter compare their sizes
			from[e.to] = common(p.groups, from[e.to], from[e.from])
		}
	}
	for i := len(p.edges) - 1; i >= 0; i-- {
		e := p.edges[i]
		to[e.from] = common(p.groups, to[e.from], to[e.to])
	}
	for i := range p.boxes {
		b := &p.boxes[i]
		switch {
		case b.kind == inputBox:
			b.group = max(from[i], outermost)
		case b.kind == outputBox:
			b.group = to[i]
		case from[i] < 0 || to[i] >= 0 && within(p.groups, to[i], from[i]):
			b.group = max(to[i], outermost)
		default:
			b.group = from[i]
		}
	}
}

// members writes the boxes of a group and, inside of it, its tasks.
func (p *picture) members(of int, box func(i int), open func(g int), end func()) {
	for i, b := range p.boxes {
		if b.group == of {
			box(i)
		}
	}
	for g, group := range p.groups {
		if group.parent == of {
			open(g)
			p.members(g, box, open, end)
			end()
		}
	}
}
