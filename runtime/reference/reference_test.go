package reference

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// squared is mean((input-target)^2) with the target gathered by index, so that
// it has an integer input, a repeated operand and constants.
func squared() *ir.Graph {
	return &ir.Graph{
		Inputs:  []ir.Port{port("input", tensor.Float32, "N", 3), port("target", tensor.Int64, "N")},
		Outputs: []ir.Port{port("loss", tensor.Float32)},
		Initializers: []ir.Initializer{
			{Name: "t", Tensor: tensor.FromFloats(tensor.Float32, dims(2, 3), []float64{0, 0, 0, 1, 1, 1})},
			{Name: "one", Tensor: tensor.FromFloats(tensor.Float32, dims(1), []float64{1})},
			{Name: "yes", Tensor: b(nil, 1)},
		},
		Nodes: []ir.Node{
			{Op: "Gather", Inputs: []string{"t", "target"}, Outputs: []string{"row"}},
			{Op: "Sub", Inputs: []string{"input", "row"}, Outputs: []string{"d"}},
			{Op: "Mul", Inputs: []string{"d", "d"}, Outputs: []string{"s"}},
			{Op: "Where", Inputs: []string{"yes", "s", "one"}, Outputs: []string{"w"}},
			{Op: "ReduceMean", Inputs: []string{"w"}, Outputs: []string{"loss"}, Attributes: attrs("keepdims", 0)},
		},
	}
}

func squaredInputs() values {
	return values{
		"input":  tensor.FromFloats(tensor.Float32, dims(2, 3), []float64{1, 2, 3, 1, 2, 3}),
		"target": ilist(0, 1),
	}
}

func TestRun(t *testing.T) {
	data := marshal(t, 17, squared())
	out := run(t, data, squaredInputs())
	wantTensor(t, "loss", out["loss"], tensor.FromFloats(tensor.Float32, nil, []float64{19.0 / 6}))
	s := open(t, data)
	if len(out) != 1 || s.Inputs()[1].Shape.String() != "[N]" || s.Outputs()[0].Name != "loss" {
		t.Errorf("ports are %v and %v", s.Inputs(), s.Outputs())
	}
	if (Backend{}).Name() != "reference" || s.Close() != nil {
		t.Error("name or close is wrong")
	}
}

func TestWrongInputs(t *testing.T) {
	s := open(t, marshal(t, 17, squared()))
	for _, c := range []struct {
		change func(v values)
		want   string
	}{
		{func(v values) { delete(v, "target") }, `input "target" is missing, want int64[N]`},
		{func(v values) { v["target"] = nil }, `input "target" is missing, want int64[N]`},
		{func(v values) { v["tagret"] = v["input"] }, `unknown input "tagret": the model has input, target`},
		{func(v values) { v["target"] = i32(dims(2), 0, 1) }, `input "target": int32[2], want int64[N]`},
		{func(v values) { v["target"] = i(dims(2, 1), 0, 1) }, `input "target": int64[2,1], want int64[N]`},
		{func(v values) { v["input"] = tensor.New(tensor.Float32, 2, 4) }, `input "input": float32[2,4], want float32[N,3]`},
		{func(v values) { v["input"].Data = v["input"].Data[:5] }, `input "input": 5 bytes of data, want 24 for float32[2,3]`},
		{func(v values) { v["input"].Dims = dims(-1, 3) }, `input "input": size -1 is negative`},
		{func(v values) { v["target"] = ilist(0, 2) }, `Gather "row": index 2 is out of bounds for an axis of size 2`},
		{func(v values) { v["target"] = ilist(0, 1, 1) }, `Sub "d": cannot broadcast [2,3] with [3,3]`},
	} {
		in := squaredInputs()
		c.change(in)
		if _, err := s.Run(context.Background(), in); err == nil || err.Error() != c.want {
			t.Errorf("error is %v, want %s", err, c.want)
		}
	}
}

func TestOptionsAndContext(t *testing.T) {
	data := marshal(t, 17, squared())
	_, err := Backend{}.Open(data, runtime.Options{Provider: "cuda"})
	if !errors.Is(err, runtime.ErrUnavailable) || !strings.Contains(err.Error(), "CPU only") {
		t.Errorf("error is %v", err)
	}
	s, err := Backend{}.Open(data, runtime.Options{Provider: "cpu", Threads: 3, Optimization: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Run(ctx, squaredInputs()); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want canceled", err)
	}
}

func TestSeveralGoroutines(t *testing.T) {
	s := open(t, marshal(t, 17, squared()))
	in := squaredInputs()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				out, err := s.Run(context.Background(), in)
				if err != nil || out["loss"].Float(0) != float64(float32(19.0/6)) {
					t.Errorf("loss is %v, %v", out["loss"], err)
				}
			}
		})
	}
	wg.Wait()
}

func TestBind(t *testing.T) {
	s := open(t, marshal(t, 17, squared()))
	in, loss := squaredInputs(), tensor.New(tensor.Float32)
	bound, err := s.Bind(in, values{"loss": loss})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []float64{19.0 / 6, 27.0 / 6} {
		if err := bound.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantTensor(t, "loss", loss, tensor.FromFloats(tensor.Float32, nil, []float64{want}))
		in["input"].SetFloat(0, 3) // 1 becomes 9
	}
	if err := bound.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		out  values
		want string
	}{
		{values{}, `output "loss" is missing, want float32[]`},
		{values{"loss": scalar(0)}, `output "loss": float64[], want float32[]`},
		{values{"loss": loss, "lost": loss}, `unknown output "lost": the model has loss`},
	} {
		if _, err := s.Bind(in, c.out); err == nil || err.Error() != c.want {
			t.Errorf("error is %v, want %s", err, c.want)
		}
	}
}

func TestBindChecksComputedSizes(t *testing.T) {
	g := &ir.Graph{
		Inputs:  []ir.Port{port("x", tensor.Float64, "N")},
		Outputs: []ir.Port{port("y", tensor.Float64, "N")},
		Nodes:   []ir.Node{op("Exp", "x", "y")},
	}
	bound, err := open(t, marshal(t, 17, g)).Bind(values{"x": list(1, 2)}, values{"y": list(0, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	want := `output "y": float64[3], want float64[2]`
	if err := bound.Run(context.Background()); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestOutputsAreHeldToTheirDeclaration(t *testing.T) {
	for _, c := range []struct {
		out  ir.Port
		want string
	}{
		{port("y", tensor.Float32, "N"), `output "y": the model computes float64[2], but declares float32[N]`},
		{port("y", tensor.Float64), `output "y": the model computes float64[2], but declares float64[]`},
		{port("y", tensor.Float64, 3), `output "y": the model computes float64[2], but declares float64[3]`},
	} {
		g := &ir.Graph{Inputs: []ir.Port{port("x", tensor.Float64, "N")}, Outputs: []ir.Port{c.out}, Nodes: []ir.Node{op("Exp", "x", "y")}}
		_, err := open(t, marshal(t, 17, g)).Run(context.Background(), values{"x": list(1, 2)})
		if err == nil || err.Error() != c.want {
			t.Errorf("error is %v, want %s", err, c.want)
		}
	}
}

// onnx-go cannot read 16-bit floats and empty tensors, so that these constants
// take the other way in.
func TestConstantsThatOnnxGoCannotRead(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float16, tensor.BFloat16} {
		g := &ir.Graph{
			Inputs:  []ir.Port{port("x", dtype, "N")},
			Outputs: []ir.Port{port("y", dtype, "N"), port("z", tensor.Float32, "M")},
			Initializers: []ir.Initializer{
				{Name: "c", Tensor: tensor.FromFloats(dtype, nil, []float64{1.5})},
				{Name: "k", Tensor: tensor.FromFloats(dtype, dims(2), []float64{1, 2})},
				{Name: "e", Tensor: tensor.New(tensor.Float32, 0)},
				{Name: "o", Tensor: tensor.FromFloats(tensor.Float32, dims(1), []float64{7})},
			},
			Nodes: []ir.Node{
				op("Mul", "xc", "a"),
				op("Add", "ak", "y"),
				{Op: "Concat", Inputs: []string{"e", "o", "e"}, Outputs: []string{"z"}, Attributes: attrs("axis", 0)},
			},
		}
		out := run(t, marshal(t, 17, g), values{"x": tensor.FromFloats(dtype, dims(2), []float64{2, 4})})
		wantTensor(t, "y", out["y"], tensor.FromFloats(dtype, dims(2), []float64{4, 8}))
		wantTensor(t, "z", out["z"], tensor.FromFloats(tensor.Float32, dims(1), []float64{7}))
	}
}

func TestUnusedAndPassedThroughValues(t *testing.T) {
	g := &ir.Graph{
		Inputs:       []ir.Port{port("x", tensor.Float64, "N")},
		Outputs:      []ir.Port{port("x", tensor.Float64, "N"), port("y", tensor.Int64, "K")},
		Initializers: []ir.Initializer{{Name: "k", Tensor: ilist(1)}},
		Nodes:        []ir.Node{{Op: "TopK", Inputs: []string{"x", "k"}, Outputs: []string{"", "y"}}},
	}
	out := run(t, marshal(t, 17, g), values{"x": list(1, 2)})
	wantTensor(t, "x", out["x"], list(1, 2))
	wantTensor(t, "y", out["y"], ilist(1))
}

func TestRefusedModels(t *testing.T) {
	x, y := []ir.Port{port("x", tensor.Float64, "N")}, []ir.Port{port("y", tensor.Float64, "N")}
	body := &ir.Graph{Name: "body", Outputs: y, Inputs: x, Nodes: []ir.Node{op("Exp", "x", "y")}}
	unknown := &ir.Graph{Name: "body", Outputs: y, Inputs: x, Nodes: []ir.Node{op("Constant", "", "y", "value", tensor.New(tensor.Float16, 2))}}
	dangling := &ir.Graph{Name: "body", Outputs: y, Inputs: x, Nodes: []ir.Node{op("Add", "xz", "y")}}
	for _, c := range []struct {
		name   string
		g      ir.Graph
		want   string
		kernel bool // the error wraps ErrNoKernel
	}{
		{"dangling", ir.Graph{Nodes: []ir.Node{op("Add", "xz", "y")}}, `Add "y": input "z" is neither an input of the model, nor a constant, nor computed before`, false},
		{"order", ir.Graph{Nodes: []ir.Node{op("Exp", "z", "y"), op("Exp", "x", "z")}}, `Exp "y": input "z" is neither`, false},
		{"twice", ir.Graph{Nodes: []ir.Node{op("Exp", "x", "y"), op("Exp", "x", "y")}}, `Exp "y": value "y" is defined twice`, false},
		{"input again", ir.Graph{Nodes: []ir.Node{op("Exp", "x", "x"), op("Exp", "x", "y")}}, `value "x" is defined twice`, false},
		{"no output", ir.Graph{Nodes: []ir.Node{op("Exp", "x", "z")}}, `output "y" is not computed`, false},
		{"arity", ir.Graph{Nodes: []ir.Node{op("Exp", "xx", "y")}}, `Exp "y": 2 inputs`, false},
		{"absent", ir.Graph{Nodes: []ir.Node{{Op: "Add", Inputs: []string{"", "x"}, Outputs: []string{"y"}}}}, `required input 0 is absent`, false},
		{"outputs", ir.Graph{Nodes: []ir.Node{{Op: "Exp", Inputs: []string{"x"}, Outputs: []string{"y", "z"}}}}, `2 outputs, want 1`, false},
		{"attribute", ir.Graph{Nodes: []ir.Node{op("Exp", "x", "y", "base", 2)}}, `attribute "base" is not supported`, true},
		{"kind", ir.Graph{Nodes: []ir.Node{op("Softmax", "x", "y", "axis", float32(1))}}, `attribute "axis" is a float32`, false},
		{"required", ir.Graph{Nodes: []ir.Node{op("Concat", "x", "y")}}, `attribute "axis" is missing`, false},
		{"scan", ir.Graph{Nodes: []ir.Node{op("Scan", "x", "y", "body", body, "num_scan_inputs", 1, "scan_input_axes", []int{1})}}, `scan_input_axes [1]`, true},
		{"scan of less", ir.Graph{Nodes: []ir.Node{op("Scan", "x", "y", "body", body, "num_scan_inputs", 2)}}, `its body has 1 inputs`, false},
		{"scan of nothing", ir.Graph{Nodes: []ir.Node{op("Scan", "x", "y", "num_scan_inputs", 1)}}, `Scan "y": it has no body`, false},
		{"inside of a scan", ir.Graph{Nodes: []ir.Node{op("Scan", "x", "y", "body", unknown, "num_scan_inputs", 1)}}, `float16[2] constants in attributes`, true},
		{"reads what is not there", ir.Graph{Nodes: []ir.Node{op("Scan", "x", "y", "body", dangling, "num_scan_inputs", 1)}}, `input "z" is neither`, false},
		{"half", ir.Graph{Nodes: []ir.Node{op("Constant", "", "y", "value", tensor.New(tensor.Float16, 2))}}, `float16[2] constants in attributes`, true},
		{"default", ir.Graph{Initializers: []ir.Initializer{{Name: "x", Tensor: list(1)}}, Nodes: []ir.Node{op("Exp", "x", "y")}}, `initializer "x" is an input or output too`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.g
			g.Inputs, g.Outputs = x, y
			_, err := Backend{}.Open(marshal(t, 17, &g), runtime.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNoKernel) != c.kernel {
				t.Errorf("error is %v, want %s", err, c.want)
			}
		})
	}
}

// wire encodes a length-delimited protobuf field.
func wire(number byte, body ...byte) []byte {
	return append([]byte{number<<3 | 2, byte(len(body))}, body...)
}

// A value info makes onnx-go create a node of its own; the declared sizes must
// not be allocated, and the initializers must still be found.
func TestValueInfos(t *testing.T) {
	dim := wire(1, 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)
	typ := wire(1, append([]byte{0x08, 1}, wire(2, dim...)...)...)
	info := append(wire(1, 'h'), wire(2, typ...)...)
	data := append(marshal(t, 17, squared()), wire(modelGraph, wire(graphValueInfo, info...)...)...)
	out := run(t, data, squaredInputs())
	wantTensor(t, "loss", out["loss"], tensor.FromFloats(tensor.Float32, nil, []float64{19.0 / 6}))
	d, err := decode(data, []bool{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.constants(); err != nil || len(c) != 3 || c["t"].String() != "float32[2,3]" {
		t.Errorf("onnx-go's constants are %v, %v", c, err)
	}
}

// The two readings of a model are compared, so a slip in either is noticed.
func TestReadingsAreCompared(t *testing.T) {
	data := marshal(t, 17, squared())
	m, err := export.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	d, err := decode(data, []bool{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	g := m.Graph
	g.Nodes[1].Inputs = []string{"row", "input"}
	if err := sameNodes(g.Nodes, d.nodes); err == nil || !strings.Contains(err.Error(), "node 1, Sub") {
		t.Errorf("error is %v", err)
	}
	g.Initializers[0].Tensor.SetFloat(0, 9)
	b := &planner{plan: &plan{}, slots: map[string]int{}}
	if err := b.values(g, d); err == nil || !strings.Contains(err.Error(), `initializer "t"`) {
		t.Errorf("error is %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add(marshal(f, 17, squared()))
	for _, c := range []kernelCase{shapeCases[0], shapeCases[4], indexCases[2], reduceCases[0], axisCases[15], linearCases[8], unaryCases[28]} {
		g, _ := c.model()
		f.Add(marshal(f, 17, g))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Backend{}.Open(data, runtime.Options{})
		if err != nil {
			return
		}
		small := s.(*session)
		small.limit = 1 << 12
		in := values{}
		for _, p := range s.Inputs() {
			sizes := make([]int64, len(p.Shape))
			for k, d := range p.Shape {
				if sizes[k] = 2; d.Known() {
					sizes[k] = d.Size
				}
			}
			if n, err := tensor.Count(sizes); err != nil || n > 1<<12 {
				return
			}
			in[p.Name] = tensor.New(p.DType, sizes...)
		}
		_, _ = s.Run(context.Background(), in)
	})
}
