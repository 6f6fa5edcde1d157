// Package safetensors writes and reads named arrays as safetensors files: the length of
// a JSON header, the header, and the elements of one array after the other.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// types are what the format calls element types.
var types = map[tensor.DType]string{
	tensor.Float64: "F64", tensor.Float32: "F32", tensor.Float16: "F16", tensor.BFloat16: "BF16",
	tensor.Int64: "I64", tensor.Int32: "I32", tensor.Bool: "BOOL",
}

// entry is what the header says of an array.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// The key of a header that is no array.
const metadata = "__metadata__"

// Marshal returns the bytes of a file with arrays, and with notes unless there are none.
// Arrays with large elements come first, as the format's own writer has it, so that each
// begins at a multiple of its element's size.
func Marshal(arrays []ir.Initializer, notes map[string]string) ([]byte, error) {
	sorted := slices.Clone(arrays)
	slices.SortFunc(sorted, func(a, b ir.Initializer) int {
		if d := b.Tensor.DType.Size() - a.Tensor.DType.Size(); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	entries, end := map[string]any{}, int64(0)
	for _, a := range sorted {
		dtype, known := types[a.Tensor.DType]
		switch _, twice := entries[a.Name]; {
		case !known:
			return nil, fmt.Errorf("%s is %v, which has no name in safetensors", strconv.Quote(a.Name), a.Tensor.DType)
		case twice:
			return nil, fmt.Errorf("there are two arrays %s", strconv.Quote(a.Name))
		case a.Name == metadata:
			return nil, fmt.Errorf("no array can be called %s", metadata)
		}
		e := entry{DType: dtype, Shape: append([]int64{}, a.Tensor.Dims...), Offsets: [2]int64{end, end + int64(len(a.Tensor.Data))}}
		entries[a.Name], end = e, e.Offsets[1]
	}
	if len(notes) > 0 {
		entries[metadata] = notes
	}
	header, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	out := make([]byte, 8, 8+int64(len(header))+end)
	binary.LittleEndian.PutUint64(out, uint64(len(header)))
	out = append(out, header...)
	for _, a := range sorted {
		out = append(out, a.Tensor.Data...)
	}
	return out, nil
}
