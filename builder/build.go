package builder

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// B is a graph under construction. It lives inside [Build] only.
type B struct {
	ops      map[string]*op
	options  options
	nodes    []*node
	shared   map[string]*node
	inputs   []Value // as declared, before any guard
	outputs  []output
	symbols  map[tensor.Dim]bind // where a size can be read that is no number
	strides  map[stride]tensor.Dim
	invented int // letters invented so far
	sealed   bool
}

type output struct {
	name  string
	value Value
}

type options struct {
	naive, derived, foreign bool
	target                  Target
}

// Option changes how Build works; tests compare graphs built with and without.
type Option func(*options)

// Naive turns off simplification, sharing and staged reductions.
func Naive(o *options) { o.naive = true }

// Derived ignores the gradients that composites declare and differentiates
// their nodes instead.
func Derived(o *options) { o.derived = true }

// Foreign lets inputs and outputs have any names, as models written elsewhere do.
func Foreign(o *options) { o.foreign = true }

// Graph is a finished graph.
type Graph struct {
	Name    string
	Inputs  []Value
	outputs []output
	nodes   []*node // live, in dependency order
	naive   bool
	target  Target
}

// Build runs f and returns the graph of what f gave to [B.Output]. A mistake in
// f, such as shapes that do not fit, is returned as an [*Error].
func Build(name string, f func(*B), opts ...Option) (g *Graph, err error) {
	b := &B{ops: operators(), shared: map[string]*node{}, symbols: map[tensor.Dim]bind{}, strides: map[stride]tensor.Dim{}}
	for _, o := range opts {
		o(&b.options)
	}
	defer func() {
		b.sealed = true
		switch r := recover().(type) {
		case nil:
		case failure:
			g, err = nil, r.err
		default:
			panic(r)
		}
	}()
	f(b)
	if len(b.outputs) == 0 {
		fail("Build", nil, "graph %q has no output", name)
	}
	return b.seal(name), nil
}

func (b *B) seal(name string) *Graph {
	g := &Graph{Name: name, Inputs: b.inputs, outputs: b.outputs, naive: b.options.naive, target: b.options.target}
	live := make([]bool, len(b.nodes))
	for _, o := range b.outputs {
		live[o.value.id] = true
	}
	for i := len(b.nodes) - 1; i >= 0; i-- {
		if live[i] {
			for _, a := range b.nodes[i].args {
				live[a.id] = true
			}
		}
	}
	for i, n := range b.nodes {
		if live[i] {
			g.nodes = append(g.nodes, n)
		}
	}
	g.check()
	return g
}

// Input declares an input. Every letter of its shape that an earlier input
// declared too is enforced at run time, and so is every form. Names must be identifiers, unique also
// when case is ignored.
func (b *B) Input(name string, dtype tensor.DType, shape tensor.Shape) Value {
	b.checkName("Input", name)
	for _, in := range b.inputs {
		if b.sameName(in.attr.name, name) {
			fail("Input", nil, "input %q is declared twice", name)
		}
	}
	if dtype.Size() == 0 {
		fail("Input", nil, "input %q has no dtype", name)
	}
	raw := b.append(&node{op: b.ops["Input"], attr: attr{name: name}, dtype: dtype, shape: shape})
	b.inputs = append(b.inputs, raw)
	return b.guard(raw)
}

// Output names a result. The same value may be named twice.
func (b *B) Output(name string, v Value) {
	if v.IsZero() || v.b != b {
		fail("Output", nil, "output %q has no value of this graph", name)
	}
	b.checkName("Output", name)
	for _, o := range b.outputs {
		if b.sameName(o.name, name) {
			fail("Output", nil, "output %q is declared twice", name)
		}
	}
	for _, in := range b.inputs {
		if b.sameName(in.attr.name, name) {
			fail("Output", nil, "output %q has the name of an input", name)
		}
	}
	b.outputs = append(b.outputs, output{name, v})
}

func (b *B) checkName(role, name string) {
	if !tensor.IsName(name) && (name == "" || !b.options.foreign) {
		fail(role, nil, "%q is not an identifier", name)
	}
}

// sameName reports whether two names are one, for some importers also where their
// case differs.
func (b *B) sameName(p, q string) bool {
	return p == q || !b.options.foreign && strings.EqualFold(p, q)
}

// emit is the only door into a graph: infer, simplify, share, append.
func emit(code string, a attr, args ...Value) Value {
	if len(args) == 0 || args[0].IsZero() {
		fail(code, nil, "an operand is missing")
	}
	return args[0].b.emit(code, a, args...)
}

func (b *B) emit(code string, a attr, args ...Value) Value {
	if b.sealed {
		fail(code, nil, "used after Build returned")
	}
	for i, v := range args {
		if v.IsZero() {
			fail(code, nil, "operand %d is missing", i)
		}
		if v.b != b {
			fail(code, args, "operand %d belongs to another graph", i)
		}
	}
	o, ok := b.ops[code]
	if !ok {
		panic("builder: internal error: no operator " + code)
	}
	n := &node{op: o, args: args, attr: a}
	n.dtype, n.shape = o.infer(&call{b: b, op: o, args: args, attr: a})
	if !b.options.naive {
		if v := simplify(b, n); !v.IsZero() {
			return v
		}
		key := n.key()
		if old, ok := b.shared[key]; ok {
			return Value{old}
		}
		b.shared[key] = n
	}
	return b.append(n)
}

func (b *B) append(n *node) Value {
	n.b, n.id = b, len(b.nodes)
	if n.shape == nil {
		n.shape = tensor.Shape{} // rank 0 is known, not absent
	}
	b.bound(n)
	b.nodes = append(b.nodes, n)
	b.remember(Value{n})
	return Value{n}
}

// bound refuses a value whose fixed sizes alone are more than an array can have.
func (b *B) bound(n *node) {
	var fixed []int64
	for _, d := range n.shape {
		if d.Known() {
			fixed = append(fixed, d.Size)
		}
	}
	if _, err := tensor.Count(fixed); err != nil {
		fail(n.op.code, n.args, "%v has more elements than an array can have", n.shape)
	}
}

// remember notes which sizes can be read from v.
func (b *B) remember(v Value) {
	for axis, d := range v.shape {
		if _, seen := b.symbols[d]; !d.Known() && !seen {
			b.symbols[d] = bind{dim: d, from: v, axis: axis}
		}
	}
}

// Error is a mistake in the code that builds a graph.
type Error struct {
	Pos  string // file.go:line of the author's code
	Op   string
	Args []string // types of the operands
	Msg  string
}

// Error returns "file.go:12: Op: message".
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Pos, e.Op, e.Msg) }

// failure carries an Error from where it is found to Build.
type failure struct{ err *Error }

func fail(op string, args []Value, format string, a ...any) {
	e := &Error{Pos: authorPosition(), Op: op, Msg: fmt.Sprintf(format, a...)}
	for _, v := range args {
		e.Args = append(e.Args, v.String())
	}
	panic(failure{e})
}

// authorPosition finds the innermost caller outside this package.
func authorPosition() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "github.com/lossgen/lossgen/builder.") && f.File != "" {
			file := f.File[strings.LastIndexByte(f.File, '/')+1:]
			return fmt.Sprintf("%s:%d", file, f.Line)
		}
		if !more {
			return "unknown position"
		}
	}
}

// Failf ends the surrounding [Build] with an [*Error] at the caller's position:
// for code that builds graphs on top of this package and finds a mistake itself.
func Failf(op, format string, a ...any) { fail(op, nil, format, a...) }
