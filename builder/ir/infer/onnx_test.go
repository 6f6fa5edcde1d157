package infer

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

var casesFile = flag.String("cases", "testdata/onnx.jsonl", "cases that conformance/files/infer.py wrote")

// letters are the sizes of the runs that the cases tell of.
var letters = map[string]int64{"N": 4, "C": 6, "D": 3, "H": 9, "W": 7, "T": 5}

// onnxCase is a small graph, what onnx infers for it, and the sizes of a run.
type onnxCase struct {
	Opset     int64
	Inputs    [][3]json.RawMessage
	Constants map[string]constantJSON
	Nodes     []nodeJSON
	Onnx      []*typeJSON
	Refused   bool
	Run       [][]int64
}

type constantJSON struct {
	DType  int32 // ONNX's code
	Dims   []int64
	Values []any
}

type typeJSON struct {
	DType int32
	Dims  []any
}

type nodeJSON struct {
	Op      string
	In, Out []string
	Attrs   map[string]json.RawMessage
}

func (k constantJSON) tensor() *tensor.Tensor {
	floats, ints := make([]float64, len(k.Values)), make([]int64, len(k.Values))
	for i, v := range k.Values {
		switch v := v.(type) {
		case bool:
			if v {
				ints[i] = 1
			}
		case json.Number:
			floats[i], _ = v.Float64()
			ints[i], _ = v.Int64()
		}
	}
	if dtype := tensor.DType(k.DType); dtype.IsFloat() {
		return tensor.FromFloats(dtype, k.Dims, floats)
	}
	return tensor.FromInts(tensor.DType(k.DType), k.Dims, ints)
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

func (n nodeJSON) node(t *testing.T) ir.Node {
	out := ir.Node{Op: n.Op, Inputs: n.In, Outputs: n.Out}
	for name, data := range n.Attrs {
		out.Attributes = append(out.Attributes, ir.Attribute{Name: name, Value: attributeOf(t, data)})
	}
	return out
}

func attributeOf(t *testing.T, data []byte) any {
	var number int64
	var text string
	var ints []int64
	var other struct {
		Float           *float32
		Floats          []float32
		DType           *int32
		Inputs, Outputs []string
		Nodes           []nodeJSON
	}
	switch {
	case json.Unmarshal(data, &number) == nil:
		return number
	case json.Unmarshal(data, &text) == nil:
		return text
	case json.Unmarshal(data, &ints) == nil:
		return ints
	}
	decode(t, data, &other)
	switch {
	case other.Float != nil:
		return *other.Float
	case other.Floats != nil:
		return other.Floats
	case other.DType != nil:
		var k constantJSON
		decode(t, data, &k)
		return k.tensor()
	}
	g := &ir.Graph{Name: "body"}
	for _, name := range other.Inputs {
		g.Inputs = append(g.Inputs, ir.Port{Name: name})
	}
	for _, name := range other.Outputs {
		g.Outputs = append(g.Outputs, ir.Port{Name: name})
	}
	for _, n := range other.Nodes {
		g.Nodes = append(g.Nodes, n.node(t))
	}
	return g
}

// graph returns the graph, and the names of its results.
func (c *onnxCase) graph(t *testing.T) (*ir.Graph, []string) {
	g := &ir.Graph{Name: "g"}
	for _, in := range c.Inputs {
		p := ir.Port{Shape: tensor.Shape{}}
		decode(t, in[0], &p.Name)
		var code int32
		decode(t, in[1], &code)
		p.DType = tensor.DType(code)
		var dims []any
		decode(t, in[2], &dims)
		for _, d := range dims {
			p.Shape = append(p.Shape, dimOf(d))
		}
		g.Inputs = append(g.Inputs, p)
	}
	for name, k := range c.Constants {
		g.Initializers = append(g.Initializers, ir.Initializer{Name: name, Tensor: k.tensor()})
	}
	var results []string
	for _, n := range c.Nodes {
		g.Nodes = append(g.Nodes, n.node(t))
		results = append(results, n.Out...)
	}
	return g, results
}

func dimOf(d any) tensor.Dim {
	switch d := d.(type) {
	case json.Number:
		n, _ := d.Int64()
		return tensor.D(n)
	case string:
		return tensor.S(d)
	}
	return Unknown
}

// TestOnnx compares every case with onnx's own inference and with the sizes of a
// run: what onnx knows is known here too, and the same; forms come out as the run
// has them; with numbers for the letters, the sizes are those of the run.
func TestOnnx(t *testing.T) {
	f, err := os.Open(*casesFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen, lines := map[string]int{}, bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	known, open := 0, 0
	for n := 1; lines.Scan(); n++ {
		var c onnxCase
		decode(t, lines.Bytes(), &c)
		seen[c.Nodes[len(c.Nodes)-1].Op]++
		k, o, err := c.compare(t)
		if err != nil {
			t.Errorf("case %d: %v\n%s", n, err, lines.Bytes())
		}
		known, open = known+k, open+o
	}
	for op := range rows {
		if seen[op] == 0 {
			t.Errorf("no case has the operator %s", op)
		}
	}
	t.Logf("%d sizes are known before a run, %d are not", known, open)
	if known < 10*open {
		t.Errorf("%d sizes are not known before a run, beside %d that are", open, known)
	}
}

// compare counts the sizes that are known and those that are not.
func (c *onnxCase) compare(t *testing.T) (known, open int, err error) {
	g, results := c.graph(t)
	types, err := Graph(g, Options{})
	if err != nil {
		if c.Refused || c.Run == nil {
			return 0, 0, nil
		}
		return 0, 0, fmt.Errorf("%w, and a run gives %v", err, c.Run)
	}
	if c.Refused && c.Run == nil {
		return 0, 0, fmt.Errorf("it is accepted, and onnx refuses it")
	}
	bound, err := Graph(g, Options{Sizes: letters})
	if err != nil && c.Run != nil {
		return 0, 0, fmt.Errorf("with numbers: %w", err)
	}
	for i, name := range results {
		v, _ := types.Of(name)
		if i < len(c.Onnx) && c.Onnx[i] != nil {
			if err := c.Onnx[i].within(v); err != nil && !c.Onnx[i].refuted(c.Run, i) {
				return 0, 0, fmt.Errorf("%s is %v: %w", name, v, err)
			}
		}
		if c.Run == nil {
			continue
		}
		for _, inferred := range []*Types{types, bound} {
			v, _ := inferred.Of(name)
			if k, ok := v.runs(c.Run[i]); ok {
				known, open = known+k, open+len(c.Run[i])-k
				continue
			}
			return 0, 0, fmt.Errorf("%s is %v, and %v in a run", name, v, c.Run[i])
		}
	}
	return known, open, nil
}

// within wants to know what onnx knows.
func (want *typeJSON) within(v Type) error {
	if want.DType != 0 && v.DType != tensor.DType(want.DType) {
		return fmt.Errorf("onnx has element type %v", tensor.DType(want.DType))
	}
	if want.Dims == nil {
		return nil
	}
	if v.Shape == nil || len(v.Shape) != len(want.Dims) {
		return fmt.Errorf("onnx has %v", want.Dims)
	}
	for i, d := range want.Dims {
		if own := v.Shape[i]; d != nil && dimOf(d) != own && !(IsUnknown(dimOf(d)) || !dimOf(d).Known() && own.Known()) {
			return fmt.Errorf("onnx has %v", want.Dims)
		}
	}
	return nil
}

// refuted reports whether a run gives the i-th result another size than onnx does,
// as for windows that begin behind the last element.
func (want *typeJSON) refuted(run [][]int64, i int) bool {
	if run == nil || len(run[i]) != len(want.Dims) {
		return run != nil
	}
	for k, d := range want.Dims {
		if n := dimOf(d); n.Known() && n.Size != run[i][k] {
			return true
		}
	}
	return false
}

// runs reports whether a run may have some sizes, and counts those that are known.
func (t Type) runs(dims []int64) (known int, ok bool) {
	if t.Shape == nil {
		return 0, true
	}
	if len(t.Shape) != len(dims) {
		return 0, false
	}
	for i, d := range t.Shape {
		n, fine := valueOf(d)
		if fine && n != dims[i] {
			return 0, false
		}
		if fine {
			known++
		}
	}
	return known, true
}

// valueOf evaluates a form, quotients included.
func valueOf(d tensor.Dim) (int64, bool) {
	sizes := map[string]int64{}
	for k, n := range letters {
		sizes[k] = n
	}
	for _, letter := range d.Letters() {
		if of, by, ok := quotient(tensor.Dim{Sym: letter}); ok {
			n, fine := valueOf(of)
			if !fine {
				return 0, false
			}
			sizes[letter] = floor(n, by)
		}
	}
	n, err := d.Eval(sizes)
	return n, err == nil && !slices.Contains(d.Letters(), Unknown.Sym)
}
