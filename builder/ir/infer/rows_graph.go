package infer

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has the operators whose attributes are graphs.

var graphRows = map[string]row{"Scan": {infer: scan}, "If": {infer: choose}, "Loop": {infer: loop}}

// scan follows the body once, since every step has the same sizes.
func scan(c *call) ([]Type, error) {
	body, _ := c.attr("body").(*ir.Graph)
	scanned := c.int("num_scan_inputs", 0)
	states := len(c.in) - int(scanned)
	if body == nil || scanned < 1 || states < 0 || scanned > int64(len(c.in)) || states > len(body.Outputs) {
		return nil, fmt.Errorf("its body is not for %d inputs, %d of them scanned", len(c.in), scanned)
	}
	inputs, steps := make([]Type, len(c.in)), Unknown
	for i, v := range c.in {
		inputs[i] = Type{DType: v.DType, Shape: v.Shape}
		if i < states || v.Shape == nil {
			continue
		}
		axis, err := wrap(nth(c.ints("scan_input_axes"), i-states), len(v.Shape))
		if err != nil {
			return nil, fmt.Errorf("its input %d is %v: %w", i, v, err)
		}
		inputs[i].Shape = v.Shape.Without(axis)
		if steps == Unknown {
			steps = v.Shape[axis]
		} else if steps, err = unify(steps, v.Shape[axis]); err != nil {
			return nil, fmt.Errorf("its input %d is scanned in %v steps, others in %v", i, v.Shape[axis], steps)
		}
	}
	inner, err := c.types.body(body, slices.Clone(inputs))
	if err != nil {
		return nil, err
	}
	out := make([]Type, len(body.Outputs))
	for i, p := range body.Outputs {
		v, _ := inner.Of(p.Name)
		out[i] = Type{DType: v.DType, Shape: v.Shape}
		switch {
		case i < states:
			if out[i], err = c.types.merge(out[i], inputs[i]); err != nil {
				return nil, fmt.Errorf("its state %d begins as %v and is %v behind a step", i, inputs[i], v)
			}
		case v.Shape != nil:
			axis, err := wrap(nth(c.ints("scan_output_axes"), i-states), len(v.Shape)+1)
			if err != nil {
				return nil, fmt.Errorf("its result %d: %w", i, err)
			}
			out[i].Shape = v.Shape.Insert(axis, steps)
		}
	}
	return c.types.outside(out), nil
}

// nth returns the i-th of a list, or 0 where that is shorter.
func nth(list []int64, i int) int64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// outside drops sizes that are known inside of a body only.
func (t *Types) outside(out []Type) []Type {
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
		for k, d := range out[i].Shape {
			if IsUnknown(d) {
				out[i].Shape[k] = Unknown
			}
		}
	}
	return out
}

// choose is If: what both branches have in common.
func choose(c *call) ([]Type, error) {
	var out []Type
	for i, name := range []string{"then_branch", "else_branch"} {
		branch, _ := c.attr(name).(*ir.Graph)
		if branch == nil || len(branch.Outputs) < len(c.node.Outputs) {
			return nil, fmt.Errorf("its %s has not %d results", name, len(c.node.Outputs))
		}
		inner, err := c.types.body(branch, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for k := range c.node.Outputs {
			v, _ := inner.Of(branch.Outputs[k].Name)
			if i == 0 {
				out = append(out, Type{DType: v.DType, Shape: v.Shape})
			} else if out[k], err = either(out[k], v); err != nil {
				return nil, fmt.Errorf("its result %d: %w", k, err)
			}
		}
	}
	return c.types.outside(out), nil
}

// either is a value that may be one or the other.
func either(a, b Type) (Type, error) {
	if a.DType != b.DType && a.DType != tensor.Undefined && b.DType != tensor.Undefined {
		return a, fmt.Errorf("it is %v or %v", a, b)
	}
	out := Type{DType: max(a.DType, b.DType)}
	if a.Shape == nil || b.Shape == nil || len(a.Shape) != len(b.Shape) {
		return out, nil
	}
	out.Shape = slices.Clone(a.Shape)
	for i, d := range a.Shape {
		if d != b.Shape[i] {
			out.Shape[i] = Unknown
		}
	}
	return out, nil
}

// loop follows the body with what is the same in every step. Inside of another
// graph that is the element types alone, so that loops in loops stay cheap.
func loop(c *call) ([]Type, error) {
	body, _ := c.attr("body").(*ir.Graph)
	states := len(c.in) - 2
	if body == nil || states < 0 || len(body.Inputs) != len(c.in) || len(body.Outputs) < 1+states {
		return nil, fmt.Errorf("its body is not for %d inputs", len(c.in))
	}
	state := make([]Type, states)
	for i, v := range c.in[2:] {
		state[i] = Type{DType: v.DType, Shape: v.Shape}
		if c.types.depth > 0 {
			state[i].Shape = nil
		}
	}
	var inner *Types
	for again, try := true, 0; again; try++ {
		again = false
		inputs := slices.Concat([]Type{{DType: tensor.Int64, Shape: tensor.Shape{}}, {DType: tensor.Bool, Shape: tensor.Shape{}}}, state)
		var err error
		if inner, err = c.types.body(body, inputs); err != nil {
			return nil, err
		}
		for i := range state {
			v, _ := inner.Of(body.Outputs[1+i].Name)
			both, err := either(state[i], v)
			if err != nil {
				return nil, fmt.Errorf("its state %d begins as %v and is %v behind a step", i, state[i], v)
			}
			if same(both.Shape, state[i].Shape) {
				continue
			}
			if again = true; try > 0 {
				both.Shape = nil
			}
			state[i] = both
		}
	}
	out := slices.Clone(state)
	for _, p := range body.Outputs[1+states:] {
		v, _ := inner.Of(p.Name)
		if v.Shape != nil {
			v.Shape = v.Shape.Insert(0, Unknown)
		}
		out = append(out, Type{DType: v.DType, Shape: v.Shape})
	}
	return c.types.outside(out), nil
}

// same reports whether a state's shape stayed, unknown sizes aside.
func same(a, b tensor.Shape) bool {
	if (a == nil) != (b == nil) || len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !IsUnknown(b[i]) {
			return false
		}
	}
	return true
}
