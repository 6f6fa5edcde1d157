package safetensors_test

import (
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/safetensors"
)

// file is a header with its length, and elements.
func file(header string, elements int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), make([]byte, elements)...)
}

// TestUnmarshal: what was written comes back.
func TestUnmarshal(t *testing.T) {
	arrays := []ir.Initializer{
		{Name: "step", Tensor: tensor.FromInts(tensor.Int64, nil, []int64{7})},
		{Name: "w \"q\"", Tensor: tensor.FromFloats(tensor.Float32, []int64{2, 1}, []float64{0.5, -2})},
		{Name: "empty", Tensor: tensor.New(tensor.Float16, 0, 4)},
		{Name: "half", Tensor: tensor.FromFloats(tensor.BFloat16, []int64{3}, []float64{1, 2, -4})},
		{Name: "flags", Tensor: tensor.FromInts(tensor.Bool, []int64{3}, []int64{1, 0, 1})},
	}
	notes := map[string]string{"epoch": "3", "who": "<\u00e9>"}
	data, err := safetensors.Marshal(arrays, notes)
	if err != nil {
		t.Fatal(err)
	}
	got, gotNotes, err := safetensors.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(arrays) || !maps.Equal(gotNotes, notes) {
		t.Fatalf("got %d arrays and the notes %v", len(got), gotNotes)
	}
	byName := map[string]*tensor.Tensor{}
	for _, a := range got {
		byName[a.Name] = a.Tensor
	}
	for _, a := range arrays {
		if diff := cmp.Diff(a.Tensor, byName[a.Name]); diff != "" {
			t.Errorf("%s: %s", a.Name, diff)
		}
	}
}

// TestUnmarshalRefuses: files that lie about their sizes or are none.
func TestUnmarshalRefuses(t *testing.T) {
	const x = `"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"it has not even the length", []byte("abc")},
		{"it is no safetensors file, or it is cut off", file(strings.Repeat(" ", 8), 0)},
		{"it is no safetensors file, or it is cut off", binary.LittleEndian.AppendUint64(nil, 1<<62)},
		{"it is no safetensors file, or it is cut off", file("{"+x+"}", 8)[:30]},
		{"its header is no JSON object", file("{"+x, 8)},
		{`has the bytes 0 to 8, want them to begin at 0 and to end within the 7`, file("{"+x+"}", 7)},
		{"1 bytes follow the last array", file("{"+x+"}", 9)},
		{"want them to begin at 8", file("{"+x+`,"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12)},
		{"want them to begin at 8", file("{"+x+`,"y":{"dtype":"F32","shape":[2],"data_offsets":[9,17]}}`, 17)},
		{`the element type "F8_E4M3" is not supported`, file(`{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}`, 8)},
		{`array "x": its bytes are 0 to 8, want 12`, file(`{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8)},
		{`array "x": its bytes are -8 to 0`, file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, 8)},
		{"size -2 is negative", file(`{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8)},
		{"are too large", file(`{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0)},
		{`want dtype, shape and data_offsets`, file(`{"x":{"dtype":"F32","data_offsets":[0,8]}}`, 8)},
		{`want dtype, shape and data_offsets`, file(`{"x":[1]}`, 8)},
		{"__metadata__ is no object of texts", file(`{"__metadata__":{"a":1}}`, 0)},
	} {
		if _, _, err := safetensors.Unmarshal(c.data); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: got %v, want %q", c.data, err, c.want)
		}
	}
}

// FuzzUnmarshal: any bytes give arrays that fit their sizes, or an error.
func FuzzUnmarshal(f *testing.F) {
	f.Add(file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}`, 8))
	f.Add(file(`{"x":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		arrays, notes, err := safetensors.Unmarshal(data)
		if err != nil {
			return
		}
		for _, a := range arrays {
			if n, err := tensor.Count(a.Tensor.Dims); err != nil || n*a.Tensor.DType.Size() != len(a.Tensor.Data) {
				t.Errorf("%s is %v with %d bytes", a.Name, a.Tensor, len(a.Tensor.Data))
			}
		}
		again, err := safetensors.Marshal(arrays, notes)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := safetensors.Unmarshal(again); err != nil {
			t.Errorf("what was read cannot be read again: %v", err)
		}
	})
}
