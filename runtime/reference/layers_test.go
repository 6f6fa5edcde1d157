package reference

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// layerCase is a line of testdata/layers.jsonl, which PyTorch made.
type layerCase struct {
	Op              string
	Attrs           map[string]any
	Inputs, Outputs []*struct {
		Dims   []int64
		Values []json.Number
	}
}

// attribute turns a JSON value into an attribute's: a number with a point is a float.
func attribute(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".e") {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return float32(f)
	case []any:
		list := []int64{}
		for _, x := range v {
			list = append(list, attribute(t, x).(int64))
		}
		return list
	}
	t.Fatalf("no attribute is %v", v)
	return nil
}

// TestLayers holds the kernels of layers against PyTorch.
func TestLayers(t *testing.T) {
	file, err := os.Open("testdata/layers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	seen := 0
	for lines.Scan() {
		var c layerCase
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.UseNumber()
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		seen++
		t.Run(c.Op, func(t *testing.T) { c.check(t) })
	}
	if seen < 60 {
		t.Errorf("found %d cases only", seen)
	}
}

func (c layerCase) check(t *testing.T) {
	g, feeds := &ir.Graph{}, values{}
	node := ir.Node{Op: c.Op}
	for name, v := range c.Attrs {
		node.Attributes = append(node.Attributes, ir.Attribute{Name: name, Value: attribute(t, v)})
	}
	for k, v := range c.Inputs {
		name := ""
		if v != nil {
			name = string(rune('a' + k))
			x := f(v.Dims, make([]float64, len(v.Values))...)
			switch {
			case c.Op == "Pad" && k == 1, c.Op == "Resize" && k == 3:
				x = i(v.Dims, make([]int64, len(v.Values))...)
			case c.Op == "Resize" && k == 2:
				x = tensor.New(tensor.Float32, v.Dims...)
			}
			for j, number := range v.Values {
				n, _ := number.Float64()
				if x.DType.IsInt() {
					x.SetInt(j, int64(n))
				} else {
					x.SetFloat(j, n)
				}
			}
			feeds[name] = x
			g.Inputs = append(g.Inputs, ir.Port{Name: name, DType: x.DType, Shape: symbols(x)})
		}
		node.Inputs = append(node.Inputs, name)
	}
	for k, v := range c.Outputs {
		name := "y" + string(rune('0'+k))
		node.Outputs = append(node.Outputs, name)
		g.Outputs = append(g.Outputs, ir.Port{Name: name, DType: tensor.Float64, Shape: symbols(tensor.New(tensor.Float64, v.Dims...))})
	}
	g.Nodes = []ir.Node{node}
	out := run(t, marshal(t, 18, g), feeds)
	for k, want := range c.Outputs {
		got := out[g.Outputs[k].Name]
		if got.String() != tensor.New(tensor.Float64, want.Dims...).String() {
			t.Fatalf("%v: output %d is %v, want sizes %v", c.Attrs, k, got, want.Dims)
		}
		for j, number := range want.Values {
			if w, _ := number.Float64(); !(math.Abs(got.Float(j)-w) <= 1e-12*max(1, math.Abs(w))) {
				t.Fatalf("%v: output %d is %v, want %v", c.Attrs, k, got.Floats(), want.Values)
			}
		}
	}
}
