// Package graft puts a model that was written elsewhere onto the builder's graph, so
// that it can be differentiated: one rule for each ONNX operator, in one table. Nodes
// that no gradient passes through stay as they are, whatever their operator.
package graft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
)

// Options say what a model is put onto a graph for.
type Options struct {
	// Wrt names the inputs and initializers that gradients are wanted of. The
	// initializers among them become inputs of the graph.
	Wrt []string
	// Inputs names further initializers that become inputs.
	Inputs []string
	// Of names the outputs that the gradients come from.
	Of []string
	// Opset is that of the graph, 0 for the model's own. Nodes that stay as they are
	// must have the same form there.
	Opset int64
	// TorchStatistics makes BatchNormalization in training take n/(n-1) of the batch's
	// variance into its running variance, as PyTorch does, where the standard takes it
	// as it is.
	TorchStatistics bool
}

// Net is a model on a graph.
type Net struct {
	g *graft
}

// Value returns a value of the model, or the zero Value where it has none of the name.
func (n *Net) Value(name string) builder.Value {
	if _, ok := n.g.values[name]; !ok {
		return builder.Value{}
	}
	return n.g.value(name)
}

// Source returns the input of the graph that an input of the model is, or an initializer
// that became one.
func (n *Net) Source(name string) builder.Value { return n.g.values[name] }

// graft is a model on its way onto a graph.
type graft struct {
	b      *builder.B
	model  *ir.Model
	types  *infer.Types
	rules  map[string]rule
	paths  map[int]bool // the nodes that gradients pass through
	values map[string]builder.Value
	opset  int64 // of the graph
	torch  bool  // see Options.TorchStatistics
	sizes  sizes
	node   ir.Node // at hand
}

// Prepared is a model that is known to be fit for a graph: see [Prepare].
type Prepared struct {
	model *ir.Model
	types *infer.Types
	rules map[string]rule
	paths map[int]bool
	wrt   map[string]bool
	fed   map[string]bool // initializers that become inputs
	opset int64
	torch bool
	reach map[string]bool // what a gradient flows to, of wrt and on the way
}

// Prepare checks a model, and that every operator that a gradient has to pass through
// has a rule. The error names all that do not.
func Prepare(m *ir.Model, o Options) (*Prepared, error) {
	if m.Opset < ir.MinOpset || m.Opset > ir.MaxOpset {
		return nil, opsetError(m.Opset)
	}
	m, types, err := typed(m)
	if err != nil {
		return nil, err
	}
	p := &Prepared{model: m, types: types, rules: rules(), wrt: map[string]bool{}, fed: map[string]bool{}, opset: o.Opset, torch: o.TorchStatistics}
	if p.opset == 0 {
		p.opset = m.Opset
	}
	for _, name := range o.Wrt {
		p.wrt[name], p.fed[name] = true, true
	}
	for _, name := range o.Inputs {
		p.fed[name] = true
	}
	if err := p.names(o); err != nil {
		return nil, err
	}
	p.findPaths(o.Of)
	return p, p.refuse()
}

func opsetError(opset int64) error {
	if opset > ir.MaxOpset {
		return fmt.Errorf("the model is of opset %d: up to %d are known", opset, ir.MaxOpset)
	}
	return fmt.Errorf("the model is of opset %d, older than %d: convert it first, in Python with onnx.version_converter.convert_version(model, %d)", opset, ir.MinOpset, ir.DefaultOpset)
}

// names checks that what the options name is there.
func (p *Prepared) names(o Options) error {
	for _, name := range o.Wrt {
		t, ok := p.types.Of(name)
		if !ok || !slices.Contains(Sources(p.model), name) {
			return fmt.Errorf("the model has no input or initializer %s", strconv.Quote(name))
		}
		if !t.DType.IsFloat() {
			return fmt.Errorf("%s is %v: gradients are of floating-point values", strconv.Quote(name), t.DType)
		}
	}
	for _, name := range o.Of {
		i := slices.IndexFunc(p.model.Graph.Outputs, func(port ir.Port) bool { return port.Name == name })
		if i < 0 {
			return fmt.Errorf("the model has no output %s", strconv.Quote(name))
		}
		if t, _ := p.types.Of(name); !t.DType.IsFloat() {
			return fmt.Errorf("output %s is %v: gradients are of floating-point values", strconv.Quote(name), t.DType)
		}
	}
	return nil
}

// Sources returns the names of a model's inputs, and of its initializers behind them.
func Sources(m *ir.Model) []string {
	var names []string
	for _, in := range Inputs(m) {
		names = append(names, in.Name)
	}
	for _, c := range m.Graph.Initializers {
		names = append(names, c.Name)
	}
	return names
}

// Inputs returns a model's inputs without those that have a value in the file, as
// models of old have it.
func Inputs(m *ir.Model) []ir.Port {
	constants := map[string]bool{}
	for _, c := range m.Graph.Initializers {
		constants[c.Name] = true
	}
	var list []ir.Port
	for _, in := range m.Graph.Inputs {
		if !constants[in.Name] {
			list = append(list, in)
		}
	}
	return list
}

// Onto puts the model onto b, whose names must be [builder.Foreign]: its inputs, and
// those of its initializers that gradients are wanted of, become inputs of the graph.
// A mistake ends the surrounding [builder.Build].
func (p *Prepared) Onto(b *builder.B) *Net {
	g := &graft{b: b, model: p.model, types: p.types, rules: p.rules, paths: p.paths, opset: p.opset, torch: p.torch, values: map[string]builder.Value{}}
	for _, in := range Inputs(p.model) {
		g.values[in.Name] = b.Input(in.Name, in.DType, in.Shape)
		g.sizes.see(g.values[in.Name])
	}
	for _, c := range p.model.Graph.Initializers {
		g.values[c.Name] = g.initializer(c, p.fed[c.Name])
	}
	for i, n := range p.model.Graph.Nodes {
		g.visit(i, n)
	}
	return &Net{g}
}

// initializer returns a constant as an input or under its name. What has one element,
// or none but integers, takes part in arithmetic.
func (g *graft) initializer(c ir.Initializer, asInput bool) builder.Value {
	switch t := c.Tensor; {
	case asInput:
		return g.b.Input(c.Name, t.DType, t.Shape())
	case t.DType.IsFloat() && len(t.Dims) > 0:
		return g.b.Parameter(c.Name, t)
	default:
		return g.b.Constant(t)
	}
}

// visit puts a node onto the graph.
func (g *graft) visit(i int, n ir.Node) {
	g.node = n
	c := &call{graft: g, node: n}
	for _, name := range n.Inputs {
		v := builder.Value{}
		if name != "" {
			v = g.value(name)
		}
		c.in = append(c.in, v)
	}
	var results []builder.Value
	if g.paths[i] || g.torch && n.Op == "BatchNormalization" {
		results = g.rules[n.Op](c)
	} else {
		results = c.asItIs()
	}
	for k, name := range n.Outputs {
		if k >= len(results) { // without a gradient
			results = append(results, c.asItIs()[len(results):]...)
		}
		if name != "" {
			g.set(name, results[k])
		}
	}
}

// value returns a value under the names of sizes that are in use now.
func (g *graft) value(name string) builder.Value {
	v, ok := g.values[name]
	if !ok {
		builder.Failf("graft", "%s uses %s, whose type is not known before a run", label(g.node), strconv.Quote(name))
	}
	return v.Stated(g.sizes.shape(v.Shape()))
}

// set gives a value its name, and the sizes that inference has found.
func (g *graft) set(name string, v builder.Value) {
	if t, _ := g.types.Of(name); t.Shape != nil {
		g.sizes.learn(t.Shape, v.Shape())
		v = v.Stated(g.sizes.shape(t.Shape))
	}
	g.sizes.see(v)
	g.values[name] = v
}

// label names a node in a message.
func label(n ir.Node) string {
	if n.Name == "" {
		return n.String()
	}
	return ir.Plain(n.Op) + " " + strconv.Quote(n.Name)
}

// list writes names in quotes.
func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}
