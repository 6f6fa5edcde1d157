package graft_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
)

// layerCase is a node with what PyTorch computes for it, in float64: a line of
// runtime/reference/testdata/layers.jsonl.
type layerCase struct {
	Op                     string
	Attrs                  map[string]any
	Inputs, Outputs, Grads []*numbers
}

type numbers struct {
	Dims   []int64
	Values []json.Number
}

func (n *numbers) tensor(dtype tensor.DType) *tensor.Tensor {
	x := tensor.New(dtype, n.Dims...)
	for k, v := range n.Values {
		f, _ := v.Float64()
		if dtype.IsInt() {
			x.SetInt(k, int64(f))
		} else {
			x.SetFloat(k, f)
		}
	}
	return x
}

func layerCases(t *testing.T) []layerCase {
	t.Helper()
	file, err := os.Open("../runtime/reference/testdata/layers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []layerCase
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c layerCase
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.UseNumber()
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// attribute turns a JSON value into an attribute's: a number with a point is a float.
func attribute(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return float32(f)
	case []any:
		list := make([]int64, len(v))
		for i, x := range v {
			list[i] = attribute(x).(int64)
		}
		return list
	}
	return v
}

// model returns the node as a model of an element type, and what it runs on. Of the first
// input all sizes but that of the channels may be open.
func (c layerCase) model(dtype tensor.DType, opset int64, open bool) (*ir.Model, map[string]*tensor.Tensor) {
	g, feeds := &ir.Graph{Name: c.Op}, map[string]*tensor.Tensor{}
	n := ir.Node{Op: c.Op}
	for name, v := range c.Attrs {
		n.Attributes = append(n.Attributes, ir.Attribute{Name: name, Value: attribute(v)})
	}
	for k, v := range c.Inputs {
		name := ""
		if v != nil {
			name = fmt.Sprintf("x%d", k)
			switch {
			case c.Op == "Pad" && k == 1, c.Op == "Resize" && k == 3:
				g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: v.tensor(tensor.Int64)})
			case c.Op == "Resize" && k == 2:
				g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: v.tensor(tensor.Float32)})
			case c.Op == "Pad" && k == 2:
				g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: v.tensor(dtype)})
			default:
				feeds[name] = v.tensor(dtype)
				shape := feeds[name].Shape()
				for axis := range shape {
					recurrent := c.Op == "LSTM" || c.Op == "GRU"
					if open && (recurrent && (k == 0 || k > 3) && axis == 1 || k == 0 && (recurrent && axis == 0 || !recurrent && axis != 1)) {
						shape[axis] = tensor.S(string("NCHWDT"[axis]))
					}
				}
				g.Inputs = append(g.Inputs, ir.Port{Name: name, DType: dtype, Shape: shape})
			}
		}
		n.Inputs = append(n.Inputs, name)
	}
	for k, v := range c.Outputs {
		n.Outputs = append(n.Outputs, fmt.Sprintf("y%d", k))
		shape := v.tensor(dtype).Shape()
		for axis := range shape {
			if open {
				shape[axis] = tensor.S(fmt.Sprintf("out%d_%d", k, axis))
			}
		}
		g.Outputs = append(g.Outputs, ir.Port{Name: n.Outputs[k], DType: dtype, Shape: shape})
	}
	g.Nodes = []ir.Node{n}
	m := &ir.Model{Opset: opset, Graph: g}
	m.IRVersion, _ = ir.VersionFor(opset)
	return m, feeds
}

// opsets are those that a case runs at: before 16 nothing adds elements by number.
func (c layerCase) opsets() []int64 {
	if c.Attrs["mode"] == "wrap" {
		return []int64{19}
	}
	return []int64{15, 20}
}

// TestLayers holds layers and their gradients against PyTorch: in float64 on the
// reference engine, in float32 on ONNX Runtime, with sizes that are known and open.
func TestLayers(t *testing.T) {
	for i, c := range layerCases(t) {
		t.Run(fmt.Sprintf("%s_%d", c.Op, i), func(t *testing.T) {
			for _, opset := range c.opsets() {
				for _, open := range []bool{false, true} {
					auto, _ := c.Attrs["auto_pad"].(string)
					if open && (strings.HasPrefix(auto, "SAME") || c.Op == "Pad") && fmt.Sprint(c.Attrs["strides"]) != "[1]" {
						continue // refused, see TestLayersRefused; pads take from known axes
					}
					c.check(t, reference.Backend{}, tensor.Float64, opset, open, 1e-11)
					if _, err := (ort.Backend{}).Load(); err == nil {
						c.check(t, ort.Backend{}, tensor.Float32, opset, open, 3e-6)
					}
				}
			}
		})
	}
}

// check runs the gradient of each output, and adds them up.
func (c layerCase) check(t *testing.T, e runtime.Backend, dtype tensor.DType, opset int64, open bool, tolerance float64) {
	t.Helper()
	sums := map[string][]float64{}
	for k, want := range c.Outputs {
		if c.Op == "BatchNormalization" && k > 0 {
			continue // constants to the gradient
		}
		m, feeds := c.model(dtype, opset, open)
		made, err := graft.Grad(m, graft.GradOptions{Of: fmt.Sprintf("y%d", k)})
		if err != nil {
			t.Fatal(err)
		}
		dy := tensor.New(dtype, want.Dims...)
		for i := range dy.Len() {
			dy.SetFloat(i, 1+float64(i%7)/4)
		}
		feeds["grad_output"] = dy
		if err := export.CheckForeign(made); err != nil {
			t.Fatal(err)
		}
		data, err := export.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Open(data, runtime.Options{Threads: 1})
		if err != nil {
			t.Fatalf("%s, %v: %v", e.Name(), c.Attrs, err)
		}
		out := run(t, s, feeds)
		s.Close()
		for k, y := range c.Outputs {
			c.compare(t, e, fmt.Sprintf("y%d", k), out[fmt.Sprintf("y%d", k)].Floats(), y, tolerance)
		}
		for name, x := range out {
			if input, ok := strings.CutPrefix(name, "grad_"); ok {
				sums[input] = added(sums[input], x.Floats())
			}
		}
	}
	for k, want := range c.Grads {
		if name := fmt.Sprintf("x%d", k); want != nil {
			c.compare(t, e, "grad_"+name, sums[name], want, tolerance)
		}
	}
}

func added(a, b []float64) []float64 {
	for i := range a {
		b[i] += a[i]
	}
	return b
}

// compare holds numbers against PyTorch's, beside the largest.
func (c layerCase) compare(t *testing.T, e runtime.Backend, name string, got []float64, want *numbers, tolerance float64) {
	t.Helper()
	w, most := want.tensor(tensor.Float64), 1.0
	for k := range w.Len() {
		most = max(most, math.Abs(w.Float(k)))
	}
	if len(got) != w.Len() {
		t.Fatalf("%s, %v: %s has %d numbers, want %d", e.Name(), c.Attrs, name, len(got), w.Len())
	}
	for k, v := range got {
		if !(math.Abs(v-w.Float(k)) <= tolerance*most) {
			t.Fatalf("%s, %v: %s is %v, want %v", e.Name(), c.Attrs, name, got, w.Floats())
		}
	}
}
