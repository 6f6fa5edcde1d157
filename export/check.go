package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Check reports the first reason why m is no valid loss file, as one line that
// names the node or value; nil means valid. It checks that
//   - the opset is in the window (else the error wraps [ErrOpset]), the IR version
//     is the opset's, and metadata keys are distinct;
//   - every operator exists at the opset and has inputs, outputs and attributes
//     as its schema wants them;
//   - names are unique, also when case is ignored, since some importers fold it;
//   - nodes stand in dependency order, and nothing is computed without being used;
//   - initializers have as many bytes as their sizes say;
//   - inputs and outputs are named by identifiers, have dtype and shape, and nodes
//     produce the outputs, as well as all results whose sizes are declared;
//   - element types, ranks and sizes fit, from node to node and with what is
//     declared, as far as package infer knows them before a run.
//
// Subgraphs are held to the same rules and may use the names around them; their
// own inputs and outputs may go without dtype and shape.
func Check(m *ir.Model) error {
	if m == nil || m.Graph == nil {
		return errors.New("the model has no graph")
	}
	want, err := IRVersion(m.Opset)
	if err != nil {
		return err
	}
	if m.IRVersion != want {
		return fmt.Errorf("ir version %d does not belong to opset %d: want %d", m.IRVersion, m.Opset, want)
	}
	keys := map[string]bool{}
	for _, p := range m.Metadata {
		if once(keys, p.Key) != nil {
			return fmt.Errorf("metadata key %q stands twice", p.Key)
		}
	}
	if len(m.Graph.Outputs) == 0 {
		return errors.New("the graph has no outputs")
	}
	if err := newScope(m.Opset, nil).graph(m.Graph); err != nil {
		return err
	}
	_, err = infer.Graph(m.Graph, infer.Options{})
	return err
}

// CheckForeign reports the first reason why m, a model that anybody may have
// written, is not to be shown or run. It is as [Check] as far as the model has to
// make sense: names are defined once and before they are used, operators of the
// table have the inputs, outputs and attributes of their schema, constants have
// as many bytes as their sizes say. It leaves to the writer what is style, and
// knows nothing of other operators and opsets.
func CheckForeign(m *ir.Model) error {
	if m == nil || m.Graph == nil {
		return errors.New("the model has no graph")
	}
	s := newScope(m.Opset, nil)
	s.foreign = true
	return s.graph(m.Graph)
}

// nodeName names a node in an error: "node 3 (Mul -> t7)".
func nodeName(i int, n ir.Node) string {
	return fmt.Sprintf("node %d (%v)", i, n)
}

// maxRank bounds the axes of a value: PyTorch and NumPy have no more.
const maxRank = 64

// scope is the names of one graph while it is checked.
type scope struct {
	opset   int64
	foreign bool   // of a file that is nobody's loss
	outer   *scope // nil for the main graph
	depth   int
	values  map[string]*value // by name
	folded  map[string]string // name by name in lower case
}

// value is a name that is defined.
type value struct {
	byNode   bool // produced by a node
	constant bool // an initializer
	used     bool // read by a node of this graph or of one inside, or an output
}

func newScope(opset int64, outer *scope) *scope {
	s := &scope{opset: opset, outer: outer, values: map[string]*value{}, folded: map[string]string{}}
	if outer != nil {
		s.depth, s.foreign = outer.depth+1, outer.foreign
	}
	return s
}

// define adds a name, which must be new here and around.
func (s *scope) define(name string, byNode bool) error {
	if name == "" {
		return errors.New("a name is empty")
	}
	lower := name
	if !s.foreign {
		lower = strings.ToLower(name)
	}
	for at := s; at != nil; at = at.outer {
		switch other, taken := at.folded[lower]; {
		case taken && other == name:
			return fmt.Errorf("the name %q is taken already", name)
		case taken:
			return fmt.Errorf("the names %q and %q differ in case only", other, name)
		}
	}
	s.folded[lower] = name
	s.values[name] = &value{byNode: byNode}
	return nil
}

// use marks a name as used, here or around; false when it is not defined yet.
func (s *scope) use(name string) bool {
	for at := s; at != nil; at = at.outer {
		if v := at.values[name]; v != nil {
			v.used = true
			return true
		}
	}
	return false
}

func (s *scope) graph(g *ir.Graph) error {
	if g.Name == "" && !s.foreign {
		return errors.New("the graph has no name")
	}
	for _, p := range g.Inputs {
		if err := s.input(p); err != nil {
			return fmt.Errorf("input %q: %w", p.Name, err)
		}
	}
	for _, init := range g.Initializers {
		if err := s.initializer(init); err != nil {
			return fmt.Errorf("initializer %q: %w", init.Name, err)
		}
	}
	for i, n := range g.Nodes {
		if err := s.node(n); err != nil {
			return fmt.Errorf("%s: %w", nodeName(i, n), err)
		}
	}
	listed := map[string]bool{}
	for _, p := range g.Outputs {
		if err := s.output(p, listed); err != nil {
			return fmt.Errorf("output %q: %w", p.Name, err)
		}
	}
	if s.foreign {
		return nil // nobody reads its declarations of results
	}
	listed = map[string]bool{}
	for _, p := range g.Values {
		if err := s.declaration(p, listed); err != nil {
			return fmt.Errorf("declaration of %q: %w", p.Name, err)
		}
	}
	return s.unused(g)
}

// once reports a name that is listed already, and lists it.
func once(listed map[string]bool, name string) error {
	if listed[name] {
		return errors.New("it stands twice")
	}
	listed[name] = true
	return nil
}

// declaration checks the stated sizes of a result after those that are listed.
func (s *scope) declaration(p ir.Port, listed map[string]bool) error {
	if err := once(listed, p.Name); err != nil {
		return err
	}
	if v := s.values[p.Name]; v == nil || !v.byNode {
		return errors.New("no node produces it")
	}
	return s.port(p)
}

func (s *scope) input(p ir.Port) error {
	if err := s.port(p); err != nil {
		return err
	}
	return s.define(p.Name, false)
}

func (s *scope) initializer(init ir.Initializer) error {
	if err := checkTensor(init.Tensor); err != nil {
		return err
	}
	if v := s.values[init.Name]; s.foreign && v != nil && !v.byNode && !v.constant {
		v.constant = true
		return nil // the value of an input that is not given
	}
	if err := s.define(init.Name, false); err != nil {
		return err
	}
	s.values[init.Name].constant = true
	return nil
}

// output checks an output after those that are listed.
func (s *scope) output(p ir.Port, listed map[string]bool) error {
	if err := s.port(p); err != nil {
		return err
	}
	if err := once(listed, p.Name); err != nil {
		return err
	}
	v := s.values[p.Name]
	if v == nil {
		return errors.New("nothing in the graph defines it")
	}
	if s.outer == nil && !v.byNode && !s.foreign {
		return errors.New("no node produces it: pass it through Identity")
	}
	v.used = true
	return nil
}

// port checks the name, dtype and shape of an input or output.
func (s *scope) port(p ir.Port) error {
	if len(p.Shape) > maxRank {
		return fmt.Errorf("it has %d axes, want at most %d", len(p.Shape), maxRank)
	}
	if s.foreign {
		return nil
	}
	if !isIdentifier(p.Name) {
		return errors.New("the name is no identifier: use letters, digits and _, not starting with a digit")
	}
	if s.outer != nil && p.DType == tensor.Undefined && p.Shape == nil {
		return nil
	}
	if _, err := dtypeOf(int32(p.DType)); err != nil {
		return err
	}
	if s.outer == nil && p.Shape == nil {
		return errors.New("the rank is unknown: give a shape (rank 0 is an empty one, not nil)")
	}
	for i, d := range p.Shape {
		if d.Known() && d.Size < 0 || !allNames(d.Letters()) {
			return fmt.Errorf("axis %d is %q: use a size of 0 or more, or an identifier", i, d)
		}
	}
	return nil
}

func allNames(letters []string) bool {
	return !slices.ContainsFunc(letters, func(s string) bool { return !tensor.IsName(s) })
}

func isIdentifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

func (s *scope) node(n ir.Node) error {
	f, err := lookup(n.Op, s.opset)
	if err != nil && s.foreign {
		return s.unknown(n)
	}
	if err != nil {
		return err
	}
	if err := f.inputs.check("input", n.Inputs); err != nil {
		return err
	}
	if err := f.outputs.check("output", n.Outputs); err != nil {
		return err
	}
	if err := s.reads(n); err != nil {
		return err
	}
	if err := s.attributes(f, n); err != nil {
		return err
	}
	return s.writes(n)
}

// unknown checks a node of which there is no schema.
func (s *scope) unknown(n ir.Node) error {
	if len(n.Outputs) == 0 {
		return errors.New("it has no outputs")
	}
	if err := s.reads(n); err != nil {
		return err
	}
	for _, a := range n.Attributes {
		k, err := kindOf(a.Value)
		if err == nil {
			err = s.attribute(attrSpec{kind: k}, a.Value)
		}
		if err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	return s.writes(n)
}

// reads marks what a node reads as used.
func (s *scope) reads(n ir.Node) error {
	for _, name := range n.Inputs {
		if name != "" && !s.use(name) {
			return fmt.Errorf("its input %q is not defined before it", name)
		}
	}
	return nil
}

// writes defines what a node computes.
func (s *scope) writes(n ir.Node) error {
	for _, name := range n.Outputs {
		if name == "" {
			continue // an optional output that is absent
		}
		if err := s.define(name, true); err != nil {
			return err
		}
	}
	return nil
}

// check reports too few or too many names, and required ones that are empty.
func (c count) check(role string, names []string) error {
	switch {
	case len(names) < c.min:
		return fmt.Errorf("it has %d %ss, want at least %d", len(names), role, c.min)
	case len(names) > c.max:
		return fmt.Errorf("it has %d %ss, want at most %d", len(names), role, c.max)
	}
	for i, name := range names {
		if name == "" && (i < c.min || c.max == many) {
			return fmt.Errorf("its %s %d is required and has no name", role, i)
		}
	}
	return nil
}

func (s *scope) attributes(f form, n ir.Node) error {
	seen := map[string]any{}
	for _, a := range n.Attributes {
		spec, ok := f.attr(a.Name)
		if !ok {
			return fmt.Errorf("attribute %q does not exist at opset %d", a.Name, s.opset)
		}
		if _, twice := seen[a.Name]; twice {
			return fmt.Errorf("attribute %q stands twice", a.Name)
		}
		seen[a.Name] = a.Value
		if err := s.attribute(spec, a.Value); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	for _, spec := range f.attrs {
		if _, ok := seen[spec.name]; spec.required && !ok {
			return fmt.Errorf("attribute %q (%v) is missing", spec.name, spec.kind)
		}
	}
	switch n.Op {
	case "Constant":
		if len(seen) != 1 {
			return fmt.Errorf("it has %d attributes, want exactly one value", len(seen))
		}
	case "Scan":
		return checkScan(n, seen["body"].(*ir.Graph), seen["num_scan_inputs"].(int64))
	}
	return nil
}

func (s *scope) attribute(spec attrSpec, value any) error {
	k, err := kindOf(value)
	if err != nil {
		return err
	}
	if k != spec.kind {
		return fmt.Errorf("it is a %v, want %v", k, spec.kind)
	}
	switch v := value.(type) {
	case *tensor.Tensor:
		return checkTensor(v)
	case *ir.Graph:
		if s.depth == maxDepth {
			return fmt.Errorf("subgraphs nest deeper than %d", maxDepth)
		}
		return newScope(s.opset, s).graph(v)
	}
	return nil
}

// checkScan compares the body's inputs and outputs with the node's.
func checkScan(n ir.Node, body *ir.Graph, scanned int64) error {
	states := int64(len(n.Inputs)) - scanned
	switch {
	case scanned < 1 || states < 0:
		return fmt.Errorf("num_scan_inputs is %d, want 1 to %d", scanned, len(n.Inputs))
	case len(body.Inputs) != len(n.Inputs):
		return fmt.Errorf("its body has %d inputs, want %d", len(body.Inputs), len(n.Inputs))
	case len(body.Outputs) != len(n.Outputs) || int64(len(n.Outputs)) < states:
		return fmt.Errorf("its body has %d outputs for %d outputs and %d states", len(body.Outputs), len(n.Outputs), states)
	}
	return nil
}

// unused reports a node or initializer that nothing uses.
func (s *scope) unused(g *ir.Graph) error {
	for i, n := range g.Nodes {
		if !slices.ContainsFunc(n.Outputs, func(name string) bool { return name != "" && s.values[name].used }) {
			return fmt.Errorf("%s: nothing uses its outputs", nodeName(i, n))
		}
	}
	for _, init := range g.Initializers {
		if !s.values[init.Name].used {
			return fmt.Errorf("initializer %q: nothing uses it", init.Name)
		}
	}
	return nil
}
