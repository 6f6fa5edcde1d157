package export

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// This file expands the functions that a model declares where nodes call them.

// functionID tells functions apart.
type functionID struct{ domain, name, overload string }

// maxCalls bounds how deep functions may call functions.
const maxCalls = 16

// maxExpanded bounds the nodes of all calls: functions that call functions twice are
// short in a file.
const maxExpanded = 100_000

// functionsOf lists the functions of a model.
func functionsOf(p *onnxpb.ModelProto) (map[functionID]*onnxpb.FunctionProto, error) {
	all := map[functionID]*onnxpb.FunctionProto{}
	for _, f := range p.Functions {
		id := functionID{deref(f.Domain), deref(f.Name), deref(f.Overload)}
		if all[id] != nil {
			return nil, fmt.Errorf("the function %q is declared twice", id.name)
		}
		all[id] = f
	}
	return all, nil
}

// nodes decodes nodes, and those of the functions that they call in their place.
func (d *decoder) nodes(list []*onnxpb.NodeProto) (nodes []ir.Node, err error) {
	for i, p := range list {
		f := d.functions[functionID{deref(p.Domain), deref(p.OpType), deref(p.Overload)}]
		if f == nil {
			node, err := d.node(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", nodeName(i, node), err)
			}
			nodes = append(nodes, node)
			continue
		}
		body, err := d.call(p, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nodeName(i, ir.Node{Op: deref(p.OpType), Outputs: p.Output}), err)
		}
		nodes = append(nodes, body...)
	}
	return nodes, nil
}

// call returns the nodes of a function with the names and attributes of a call.
func (d *decoder) call(p *onnxpb.NodeProto, f *onnxpb.FunctionProto) ([]ir.Node, error) {
	switch d.expanded += len(f.Node); {
	case d.within == maxCalls:
		return nil, fmt.Errorf("functions call functions deeper than %d, or themselves", maxCalls)
	case d.expanded > maxExpanded:
		return nil, fmt.Errorf("the functions of the model have more than %d nodes where they are called: want fewer", maxExpanded)
	case len(p.Input) > len(f.Input) || len(p.Output) > len(f.Output):
		return nil, fmt.Errorf("it has %d inputs and %d outputs, its function %d and %d", len(p.Input), len(p.Output), len(f.Input), len(f.Output))
	}
	for _, o := range f.OpsetImport {
		if version := deref(o.Version); standard(deref(o.Domain)) && version != d.opset {
			return nil, fmt.Errorf("its function is of opset %d, the model of %d: inline its functions first, in Python with onnx.inliner", version, d.opset)
		}
	}
	bound, err := d.bind(p, f)
	if err != nil {
		return nil, err
	}
	outer := d.bound
	d.bound, d.within, d.calls = bound, d.within+1, d.calls+1
	names := names{prefix: fmt.Sprintf("%s/%d/", deref(f.Name), d.calls), to: map[string]string{}}
	nodes, err := d.nodes(f.Node)
	d.bound, d.within = outer, d.within-1
	if err != nil {
		return nil, fmt.Errorf("in its function: %w", err)
	}
	return names.apply(nodes, p, f)
}

// bind returns the attributes of a function's call: those of the node, and else the
// function's defaults.
func (d *decoder) bind(p *onnxpb.NodeProto, f *onnxpb.FunctionProto) (map[string]any, error) {
	bound := map[string]any{}
	for _, list := range [][]*onnxpb.AttributeProto{f.Defaults, p.Attribute} {
		for _, a := range list {
			value, err := d.attribute(a)
			if err != nil {
				return nil, fmt.Errorf("attribute %q: %w", deref(a.Name), err)
			}
			if value != nil {
				bound[deref(a.Name)] = value
			}
		}
	}
	return bound, nil
}

// names are what the values of a function are called where it is expanded.
type names struct {
	prefix string
	to     map[string]string
}

// apply gives the nodes of a function the names of a call, and all others new ones.
func (n names) apply(nodes []ir.Node, p *onnxpb.NodeProto, f *onnxpb.FunctionProto) ([]ir.Node, error) {
	for i, name := range f.Input {
		n.to[name] = ""
		if i < len(p.Input) {
			n.to[name] = p.Input[i]
		}
	}
	for i, name := range f.Output {
		if i >= len(p.Output) || p.Output[i] == "" {
			continue
		}
		if _, taken := n.to[name]; taken {
			return nil, fmt.Errorf("the output %q of its function is an input of it, or stands twice", name)
		}
		n.to[name] = p.Output[i]
	}
	for _, node := range nodes {
		n.define(node)
	}
	out := make([]ir.Node, len(nodes))
	for i, node := range nodes {
		out[i] = node.Renamed(n.to)
	}
	return out, nil
}

// define gives the values that a node defines new names, in its bodies too.
func (n names) define(node ir.Node) {
	fresh := func(name string) {
		if _, named := n.to[name]; !named && name != "" {
			n.to[name] = n.prefix + name
		}
	}
	for _, name := range node.Outputs {
		fresh(name)
	}
	for _, a := range node.Attributes {
		body, ok := a.Value.(*ir.Graph)
		if !ok {
			continue
		}
		for _, in := range body.Inputs {
			fresh(in.Name)
		}
		for _, c := range body.Initializers {
			fresh(c.Name)
		}
		for _, inner := range body.Nodes {
			n.define(inner)
		}
	}
}
