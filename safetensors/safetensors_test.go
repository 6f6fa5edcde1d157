package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/safetensors"
)

// TestMarshal reads a file as the format is specified.
func TestMarshal(t *testing.T) {
	arrays := []ir.Initializer{
		{Name: "flags", Tensor: tensor.FromInts(tensor.Bool, []int64{3}, []int64{1, 0, 1})},
		{Name: "w \"q\"", Tensor: tensor.FromFloats(tensor.Float32, []int64{2, 1}, []float64{0.5, -2})},
		{Name: "empty", Tensor: tensor.New(tensor.Float16, 0, 4)},
		{Name: "step", Tensor: tensor.FromInts(tensor.Int64, nil, []int64{7})},
	}
	data, err := safetensors.Marshal(arrays, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.Uint64(data)
	if size%8 != 0 {
		t.Errorf("the header has %d bytes, no multiple of 8", size)
	}
	header := map[string]struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}{}
	if err := json.Unmarshal(data[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	end := int64(0)
	for _, a := range arrays {
		h := header[a.Name]
		want := map[string]string{"flags": "BOOL", "w \"q\"": "F32", "empty": "F16", "step": "I64"}[a.Name]
		if h.DType != want || len(h.Shape) != len(a.Tensor.Dims) || h.Shape == nil {
			t.Errorf("%s is %s%v, want %s%v", a.Name, h.DType, h.Shape, want, a.Tensor.Dims)
		}
		if !bytes.Equal(data[8+size:][h.Offsets[0]:h.Offsets[1]], a.Tensor.Data) {
			t.Errorf("%s has other elements", a.Name)
		}
		if h.Offsets[0]%int64(a.Tensor.DType.Size()) != 0 {
			t.Errorf("%s begins at %d", a.Name, h.Offsets[0])
		}
		end = max(end, h.Offsets[1])
	}
	if end != int64(len(data))-8-int64(size) || len(header) != len(arrays) {
		t.Errorf("%d bytes of elements end at %d", int64(len(data))-8-int64(size), end)
	}
}

// TestMarshalRefuses: names that the format cannot tell apart.
func TestMarshalRefuses(t *testing.T) {
	one := tensor.FromFloats(tensor.Float32, nil, []float64{1})
	for want, arrays := range map[string][]ir.Initializer{
		"two arrays":             {{Name: "x", Tensor: one}, {Name: "x", Tensor: one}},
		"no array can be called": {{Name: "__metadata__", Tensor: one}},
		"has no name":            {{Name: "x", Tensor: &tensor.Tensor{}}},
	} {
		if _, err := safetensors.Marshal(arrays, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
