package reference

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// checkNames refuses missing and unknown names; role is "input" or "output".
func checkNames(role string, ports []ir.Port, given map[string]*tensor.Tensor) error {
	known := map[string]bool{}
	var names []string
	for _, p := range ports {
		known[p.Name] = true
		names = append(names, p.Name)
		if given[p.Name] == nil {
			return fmt.Errorf("%s %q is missing, want %s", role, p.Name, portType(p))
		}
	}
	var unknown []string
	for name := range given {
		if !known[name] {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return fmt.Errorf("unknown %s %s: the model has %s", role, strings.Join(unknown, ", "), strings.Join(names, ", "))
	}
	return nil
}

// checkPort refuses a tensor that is malformed or contradicts the declaration.
func checkPort(role string, p ir.Port, t *tensor.Tensor) error {
	n, err := tensor.Count(t.Dims)
	if err != nil {
		return fmt.Errorf("%s %q: %w", role, p.Name, err)
	}
	if !accepts(p, t.DType, t.Dims) {
		return fmt.Errorf("%s %q: %v, want %s", role, p.Name, t, portType(p))
	}
	if want := n * t.DType.Size(); len(t.Data) != want {
		return fmt.Errorf("%s %q: %d bytes of data, want %d for %v", role, p.Name, len(t.Data), want, t)
	}
	return nil
}

// accepts reports whether a value fits a port. Symbols stand for any size, and
// equal ones need not be equal, as in ONNX Runtime; a port without a shape (nil)
// takes any.
func accepts(p ir.Port, dtype tensor.DType, dims []int64) bool {
	if dtype != p.DType {
		return false
	}
	if p.Shape == nil {
		return true
	}
	if len(dims) != len(p.Shape) {
		return false
	}
	for k, d := range p.Shape {
		if d.Known() && d.Size != dims[k] {
			return false
		}
	}
	return true
}

func portType(p ir.Port) string {
	if p.Shape == nil {
		return p.DType.String() + " of any shape"
	}
	return p.DType.String() + p.Shape.String()
}

// binding is a session with fixed tensors.
type binding struct {
	session         *session
	inputs, outputs map[string]*tensor.Tensor
}

// Bind checks the tensors' names, dtypes and declared sizes.
func (s *session) Bind(inputs, outputs map[string]*tensor.Tensor) (runtime.Binding, error) {
	if err := bindable("input", s.inputs, inputs); err != nil {
		return nil, err
	}
	if err := bindable("output", s.outputs, outputs); err != nil {
		return nil, err
	}
	return &binding{s, inputs, outputs}, nil
}

func bindable(role string, ports []ir.Port, given map[string]*tensor.Tensor) error {
	if err := checkNames(role, ports, given); err != nil {
		return err
	}
	for _, p := range ports {
		if err := checkPort(role, p, given[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

// Run evaluates the model and writes into the bound outputs.
func (b *binding) Run(ctx context.Context) error {
	results, err := b.session.evaluate(ctx, b.inputs)
	if err != nil {
		return err
	}
	for k, a := range results {
		exact := ir.Port{Name: b.session.outputs[k].Name, DType: a.dtype, Shape: a.shape()}
		if err := checkPort("output", exact, b.outputs[exact.Name]); err != nil {
			return err
		}
	}
	for k, a := range results {
		a.into(b.outputs[b.session.outputs[k].Name])
	}
	return nil
}

// Close does nothing: a binding holds no resources.
func (b *binding) Close() error { return nil }
