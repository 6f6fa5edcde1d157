package export_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
)

func TestUnmarshalTypedData(t *testing.T) {
	m, err := export.Unmarshal(read(t, "foreign_data"))
	if err != nil {
		t.Fatal(err)
	}
	two := []int64{2}
	want := []ir.Initializer{
		floats("a", two, 1.5, -2),
		{Name: "b", Tensor: tensor.FromFloats(tensor.Float64, two, []float64{0.1, 2})},
		{Name: "c", Tensor: tensor.FromInts(tensor.Int32, two, []int64{-1, 7})},
		ints("d", two, -1, 1<<40),
		{Name: "e", Tensor: tensor.FromFloats(tensor.Float16, two, []float64{1.5, -2})},
		{Name: "f", Tensor: tensor.FromFloats(tensor.BFloat16, two, []float64{1.5, -2})},
		floats("g", []int64{0}),
		{Name: "h", Tensor: tensor.FromInts(tensor.Bool, []int64{3}, []int64{0, 1, 1})},
	}
	if diff := cmp.Diff(want, m.Graph.Initializers); diff != "" {
		t.Errorf("initializers differ (-want +got): %s", diff)
	}
}

func TestUnmarshalOpenPorts(t *testing.T) {
	m, err := export.Unmarshal(read(t, "foreign_ports"))
	if err != nil {
		t.Fatal(err)
	}
	want := model(8, 17, &ir.Graph{
		Inputs:  []ir.Port{port("x", tensor.Float32, "N", tensor.Unknown("", 1), tensor.Unknown("", 2), 0, tensor.Unknown("", 3)), {Name: "z", DType: tensor.Int64}},
		Outputs: []ir.Port{{Name: "y", DType: tensor.Float32}},
		Nodes:   []ir.Node{{Name: "first", Op: "Identity", Inputs: list("x"), Outputs: list("y")}},
		Values:  []ir.Port{port("y", tensor.Float32, "N")},
	})
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("the model differs (-want +got): %s", diff)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	back, err := export.Unmarshal(data)
	if diff := cmp.Diff(want, back, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("after Marshal it differs (%v): %s", err, diff)
	}
}

// Rank 0 is an empty shape, an unknown rank a nil one; both survive.
func TestRankZeroIsNotUnknown(t *testing.T) {
	m, err := export.Unmarshal(read(t, "own_opset17"))
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Graph.Outputs[0].Shape; s == nil || len(s) != 0 {
		t.Errorf("got shape %#v for rank 0, want an empty one that is not nil", s)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	tests := map[string]string{
		"refused_external": `initializer "w": its data is in another file`,
		"refused_uint8":    `initializer "w": element type uint8 is not supported: use float32`,
		"refused_string":   `input "s": element type string is not supported`,
		"refused_sequence": `input "s": it is not declared as a tensor`,
		"refused_sparse":   "sparse initializers",
		"refused_domain":   `node 0 (Gelu -> y): the operator is of domain "com.microsoft"`,
		"refused_size":     `initializer "w": sizes [2 3] of float32 need 24 bytes of raw data, the file has 8`,
	}
	for name, want := range tests {
		_, err := export.Unmarshal(read(t, name))
		wantLine(t, err, want)
	}
}

// TestStrings: a list of strings is read, and a constant that is one is refused.
func TestStrings(t *testing.T) {
	m, err := export.Unmarshal(read(t, "refused_attribute"))
	if err != nil {
		t.Fatal(err)
	}
	wantLine(t, export.CheckForeign(m), `node 0 (Constant -> y): attribute "value_strings" does not exist at opset`)
}

func TestUnmarshalOtherFiles(t *testing.T) {
	whole := read(t, "own_opset17")
	tests := []struct {
		data []byte
		want string
	}{
		{nil, "not an ONNX model: the file is empty"},
		{[]byte("import torch\n\nprint(1)\n"), "not an ONNX model: it is a text file"},
		{[]byte("é" + strings.Repeat("x", 509) + "é and more"), "not an ONNX model: it is a text file"},
		{whole[:len(whole)/2], "not an ONNX model: it is cut off or damaged"},
		{[]byte("\x08\x08"), "not an ONNX model: it has no graph"},
		{[]byte("\x08\x08\x3a\x00"), "not an ONNX model: it names no version of the standard operator set, it may be cut off"},
		{[]byte("\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"), "not an ONNX model: it is"},
		{[]byte("PK\x03\x04\x14\x00\x00\x00"), "not an ONNX model: it"},
		{bytes.Repeat([]byte{0xff}, 100), "not an ONNX model: it is"},
	}
	for _, test := range tests {
		_, err := export.Unmarshal(test.data)
		wantLine(t, err, test.want)
	}
}

// A file that is cut anywhere before its last fields is refused.
func TestUnmarshalTruncated(t *testing.T) {
	for _, name := range []string{"own_opset17", "own_values", "own_scan"} {
		data := read(t, name)
		end := bytes.LastIndex(data, []byte("B\x04\n\x00\x10\x11")) // the opset import
		if end < 0 {
			t.Fatalf("%s: no opset import found", name)
		}
		for n := range end {
			_, err := export.Unmarshal(data[:n])
			wantLine(t, err, "not an ONNX model: ")
		}
	}
}

// Sizes that promise more than the file holds are refused before anything is
// allocated for them.
func TestUnmarshalHugeSizes(t *testing.T) {
	for _, dims := range []string{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x10",
		"\x08\x80\x80\x80\x80\x40\x08\x80\x80\x80\x80\x40", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		initializer := dims + "\x10\x01\x42\x01w"
		graph := "\x2a" + string(rune(len(initializer))) + initializer
		file := "\x08\x08\x3a" + string(rune(len(graph))) + graph + "\x42\x02\x10\x11"
		_, err := export.Unmarshal([]byte(file))
		wantLine(t, err, `initializer "w": size`)
	}
}

// Subgraphs inside subgraphs end in an error, not in a full stack.
func TestUnmarshalDeepNesting(t *testing.T) {
	graph := []byte("\x12\x01g")
	for range 2000 {
		attribute := field(0xa0, field(0x32, nil, graph), []byte{0x05}) // g, then type GRAPH
		graph = field(0x0a, nil, field(0x2a, nil, attribute))
	}
	file := append(field(0x3a, []byte("\x08\x08"), graph), "\x42\x02\x10\x11"...)
	_, err := export.Unmarshal(file)
	wantLine(t, err, "subgraphs nest deeper than 8")
}

// field appends a protobuf field to prefix: of bytes, or for the tag 0xa0 the
// attribute type.
func field(tag byte, prefix, data []byte) []byte {
	out := append(append([]byte{}, prefix...), tag)
	if tag == 0xa0 {
		return append(append(out, 0x01), data...)
	}
	for n := len(data); ; n >>= 7 {
		if n < 0x80 {
			return append(append(out, byte(n)), data...)
		}
		out = append(out, byte(n)|0x80)
	}
}

// FuzzUnmarshal feeds any bytes to the reader and what it reads to the checker
// and the writer. Nothing may panic, errors are one line, and what was written
// once is written the same again.
func FuzzUnmarshal(f *testing.F) {
	for _, name := range []string{"own_opset13", "own_opset28", "own_values", "own_scan", "foreign_data", "foreign_ports",
		"refused_external", "refused_sparse", "refused_sequence", "refused_attribute"} {
		f.Add(read(f, name))
	}
	f.Add([]byte("\x08\x08\x3a\x00\x42\x02\x10\x11"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := export.Unmarshal(data)
		if err != nil {
			wantLine(t, err, "")
			return
		}
		if err := export.Check(m); err != nil {
			wantLine(t, err, "")
		}
		written, err := export.Marshal(m)
		if err != nil {
			wantLine(t, err, "")
			return
		}
		back, err := export.Unmarshal(written)
		if err != nil {
			t.Fatalf("Unmarshal refuses what Marshal wrote: %v", err)
		}
		again, err := export.Marshal(back)
		if err != nil || !bytes.Equal(written, again) {
			t.Fatalf("a second round trip changes the bytes (%v)", err)
		}
	})
}
