package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// maxHeader is the longest header that the format allows.
const maxHeader = 100_000_000

// maxRank bounds the axes of an array.
const maxRank = 64

// Unmarshal reads the bytes of a file: its arrays in the order of their elements, whose
// memory they share with data, and its notes. Bytes that are no such file give an error.
func Unmarshal(data []byte) (arrays []ir.Initializer, notes map[string]string, err error) {
	if len(data) < 8 {
		return nil, nil, errors.New("it is no safetensors file: it has not even the length of a header")
	}
	size, rest := binary.LittleEndian.Uint64(data), data[8:]
	if size > maxHeader || size > uint64(len(rest)) || size == 0 || rest[0] != '{' {
		return nil, nil, errors.New("it is no safetensors file, or it is cut off in its header")
	}
	header, elements := map[string]json.RawMessage{}, rest[size:]
	if err := json.Unmarshal(rest[:size], &header); err != nil {
		return nil, nil, errors.New("it is no safetensors file: its header is no JSON object")
	}
	if text, ok := header[metadata]; ok {
		if err := json.Unmarshal(text, &notes); err != nil {
			return nil, nil, fmt.Errorf("its header is broken: %s is no object of texts", metadata)
		}
		delete(header, metadata)
	}
	entries := map[string]entry{}
	for name, text := range header {
		e, err := readEntry(text)
		if err != nil {
			return nil, nil, fmt.Errorf("array %s: %w", strconv.Quote(name), err)
		}
		entries[name] = e
	}
	arrays, err = cut(entries, elements)
	return arrays, notes, err
}

// readEntry reads what a header says of an array.
func readEntry(text []byte) (e entry, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if d.Decode(&e) != nil || e.Shape == nil || len(e.Shape) > maxRank {
		return e, errors.New("want dtype, shape and data_offsets")
	}
	dtype, ok := dtypeOf(e.DType)
	if !ok {
		return e, fmt.Errorf("the element type %s is not supported", strconv.Quote(e.DType))
	}
	n, err := tensor.Count(e.Shape)
	if err != nil {
		return e, err
	}
	if want := int64(n) * int64(dtype.Size()); e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != want {
		return e, fmt.Errorf("its bytes are %d to %d, want %d for %s%v", e.Offsets[0], e.Offsets[1], want, e.DType, e.Shape)
	}
	return e, nil
}

func dtypeOf(text string) (tensor.DType, bool) {
	for dtype, name := range types {
		if name == text {
			return dtype, true
		}
	}
	return 0, false
}

// cut takes the arrays out of the elements, which leave no byte between them.
func cut(entries map[string]entry, elements []byte) (arrays []ir.Initializer, err error) {
	var names []string
	for name := range entries {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	end := int64(0)
	for _, name := range names {
		e := entries[name]
		if e.Offsets[0] != end || e.Offsets[1] > int64(len(elements)) {
			return nil, fmt.Errorf("array %s has the bytes %d to %d, want them to begin at %d and to end within the %d that there are: the file is damaged or cut off",
				strconv.Quote(name), e.Offsets[0], e.Offsets[1], end, len(elements))
		}
		end = e.Offsets[1]
		dtype, _ := dtypeOf(e.DType)
		arrays = append(arrays, ir.Initializer{Name: name, Tensor: &tensor.Tensor{DType: dtype, Dims: e.Shape, Data: elements[e.Offsets[0]:end:end]}})
	}
	if end != int64(len(elements)) {
		return nil, fmt.Errorf("%d bytes follow the last array", int64(len(elements))-end)
	}
	return arrays, nil
}
