package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// ErrNoTest is wrapped by the error of a golden case that is no backend test.
var ErrNoTest = errors.New("not a backend test")

// BackendTest returns the case as ONNX's backend tests have it: files by their path
// below the case's folder. The model is emitted with a dtype and opset and for a
// target, the tensors have its dtypes, and data.json says how exact an engine has to
// be that computes in the model's dtype.
func (c *Golden) BackendTest(dtype tensor.DType, opset int64, target builder.Target) (map[string][]byte, error) {
	if !c.isFor(dtype) || !c.fits(dtype) {
		return nil, fmt.Errorf("%s: %w: %v cannot hold its inputs", c.Case, ErrNoTest, dtype)
	}
	request := c.Request.As(dtype)
	request.Opset, request.For = opset, target
	plan, err := request.Resolve()
	if err != nil {
		return nil, err
	}
	if plan.Spec.NaNRows && c.hasNaN() {
		return nil, fmt.Errorf("%s: %w: %s may give NaN where PyTorch does not, next to a NaN", c.Case, ErrNoTest, c.Loss)
	}
	m, err := plan.Model()
	if err != nil && target != "" {
		return nil, fmt.Errorf("%w: %w", ErrNoTest, err)
	}
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if files["model.onnx"], err = export.Encode(m, nil); err != nil {
		return nil, err
	}
	tolerance, err := c.addTensors(files, m, dtype, plan.Spec.Cancels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Case, err)
	}
	files["data.json"], err = json.Marshal(map[string]float64{"rtol": tolerance.Rel, "atol": tolerance.Abs})
	return files, err
}

// hasNaN reports whether an input has a NaN.
func (c *Golden) hasNaN() bool {
	for _, in := range c.Inputs {
		for i := range in.Tensor.Len() {
			if math.IsNaN(in.Tensor.Float(i)) {
				return true
			}
		}
	}
	return false
}

// addTensors adds the case's inputs and outputs, and returns a tolerance that fits
// all outputs.
func (c *Golden) addTensors(files map[string][]byte, m *ir.Model, dtype tensor.DType, cancels bool) (Tolerance, error) {
	add := func(kind string, i int, p ir.Port, t *tensor.Tensor) error {
		if t == nil {
			return fmt.Errorf("there is no %s %s", kind, p.Name)
		}
		var err error
		files[fmt.Sprintf("test_data_set_0/%s_%d.pb", kind, i)], err = export.MarshalTensor(p.Name, t.Cast(p.DType))
		return err
	}
	for i, p := range m.Graph.Inputs {
		if err := add("input", i, p, c.input(p.Name)); err != nil {
			return Tolerance{}, err
		}
	}
	tolerance := Tolerance{}
	for i, p := range m.Graph.Outputs {
		want, _ := c.want(p.Name, dtype, "ort")
		if err := add("output", i, p, want); err != nil {
			return Tolerance{}, err
		}
		own := c.tolerance(ToleranceOf(dtype, "ort"), p.Name, dtype).withFloor(want.Cast(dtype)).cancelling(cancels, p.Name, dtype, want)
		tolerance = Tolerance{Rel: max(tolerance.Rel, own.Rel), Abs: max(tolerance.Abs, own.Abs)}
	}
	return tolerance, nil
}

// BackendTests calls write with each golden case of a loss that is a backend test,
// and counts those that are none. Names start with test_, as ONNX wants them to.
func (g *Goldens) BackendTests(loss losses.Loss, dtype tensor.DType, opset int64, target builder.Target, write func(name string, files map[string][]byte) error) (written, left int, err error) {
	cases, err := g.Cases(loss.Declaration().Name)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range cases {
		files, err := c.BackendTest(dtype, opset, target)
		if errors.Is(err, ErrNoTest) {
			left++
			continue
		}
		if err == nil {
			err = write("test_"+c.Case, files)
		}
		if err != nil {
			return written, left, err
		}
		written++
	}
	return written, left, nil
}
