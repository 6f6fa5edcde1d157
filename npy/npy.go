// Package npy reads and writes arrays in NumPy's .npy format.
//
//	t, err := npy.Decode(data)  // the bytes of a file
//	data, err := npy.Encode(t)
//
// Only dtypes that models use exist here. bfloat16, which NumPy lacks, is the
// two-byte type "V2", as arrays of the Python package ml_dtypes are saved.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

const magic = "\x93NUMPY"

// maxRank is NumPy's.
const maxRank = 64

// A code is how the format writes a dtype.
type code struct {
	text  string
	dtype tensor.DType
}

var codes = []code{
	{"f2", tensor.Float16}, {"f4", tensor.Float32}, {"f8", tensor.Float64},
	{"i4", tensor.Int32}, {"i8", tensor.Int64}, {"b1", tensor.Bool}, {"V2", tensor.BFloat16},
}

// header is what stands before the elements.
type header struct {
	dtype     tensor.DType
	bigEndian bool
	fortran   bool // the first axis varies fastest
	dims      []int64
}

// Decode reads the bytes of a .npy file, in either byte order and either axis
// order. Bytes that are no such file give an error, never a panic.
func Decode(data []byte) (*tensor.Tensor, error) {
	h, data, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	n, err := tensor.Count(h.dims)
	if err != nil {
		return nil, err
	}
	size := h.dtype.Size()
	if n > len(data)/size {
		return nil, fmt.Errorf("the file is truncated: it has %d bytes of data, want %d for %v", len(data), n*size, h)
	}
	if len(data) > n*size {
		return nil, fmt.Errorf("%d bytes follow the data of %v", len(data)-n*size, h)
	}
	t := &tensor.Tensor{DType: h.dtype, Dims: h.dims, Data: slices.Clone(data)}
	if h.bigEndian {
		for element := range slices.Chunk(t.Data, size) {
			slices.Reverse(element)
		}
	}
	if h.fortran && len(h.dims) > 1 {
		t.Data = rowMajor(t.Data, h.dims, size)
	}
	if h.dtype == tensor.Bool {
		for i, b := range t.Data {
			t.Data[i] = min(b, 1)
		}
	}
	return t, nil
}

func (h header) String() string { return (&tensor.Tensor{DType: h.dtype, Dims: h.dims}).String() }

// readHeader returns the header and the bytes behind it.
func readHeader(data []byte) (header, []byte, error) {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return header{}, nil, errors.New("it is no .npy file: save one with numpy.save")
	}
	truncated := errors.New("the file is truncated: its header is incomplete")
	if len(rest) < 6 {
		return header{}, nil, truncated
	}
	var size uint64
	switch major := rest[0]; major {
	case 1:
		size, rest = uint64(binary.LittleEndian.Uint16(rest[2:])), rest[4:]
	case 2, 3:
		size, rest = uint64(binary.LittleEndian.Uint32(rest[2:])), rest[6:]
	default:
		return header{}, nil, fmt.Errorf("version %d of the .npy format is unknown: want 1 to 3", major)
	}
	if uint64(len(rest)) < size {
		return header{}, nil, truncated
	}
	h, err := parseHeader(string(rest[:size]))
	return h, rest[size:], err
}

// The header is a Python dictionary, such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
var (
	descrEntry   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	fortranEntry = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapeEntry   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([^()]*)\)`)
)

func parseHeader(text string) (header, error) {
	h := header{dims: []int64{}}
	descr := descrEntry.FindStringSubmatch(text)
	if descr == nil {
		return h, errors.New("its elements are records, or its header is broken: want plain numbers")
	}
	if err := h.setType(descr[1]); err != nil {
		return h, err
	}
	fortran, shape := fortranEntry.FindStringSubmatch(text), shapeEntry.FindStringSubmatch(text)
	if fortran == nil || shape == nil {
		return h, errors.New("its header is broken: it lacks fortran_order or shape")
	}
	h.fortran = fortran[1] == "True"
	for _, field := range strings.Split(shape[1], ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(field, "L"), 10, 64) // 3L is Python 2's
		if err != nil || n < 0 {
			return h, fmt.Errorf("its header is broken: %q is no size", field)
		}
		h.dims = append(h.dims, n)
	}
	if len(h.dims) > maxRank {
		return h, fmt.Errorf("its rank is %d, want at most %d", len(h.dims), maxRank)
	}
	return h, nil
}

// setType takes a dtype such as "<f4": byte order, kind, bytes.
func (h *header) setType(descr string) error {
	for _, c := range codes {
		if order, ok := strings.CutSuffix(descr, c.text); ok && slices.Contains([]string{"", "<", ">", "=", "|"}, order) {
			h.dtype, h.bigEndian = c.dtype, order == ">"
			return nil
		}
	}
	return fmt.Errorf("dtype %q is not supported: want float32, float64, float16, int64, int32 or bool; numpy converts with x.astype('int64')", descr)
}

// rowMajor reorders elements so that the last axis varies fastest.
func rowMajor(data []byte, dims []int64, size int) []byte {
	out := make([]byte, 0, len(data))
	stride := make([]int, len(dims)) // of each axis in data
	step := size
	for i, d := range dims {
		stride[i] = step
		step *= int(d)
	}
	index := make([]int64, len(dims))
	for at := 0; len(out) < len(data); {
		out = append(out, data[at:at+size]...)
		for axis := len(dims) - 1; axis >= 0; axis-- {
			index[axis]++
			at += stride[axis]
			if index[axis] < dims[axis] {
				break
			}
			at -= stride[axis] * int(dims[axis])
			index[axis] = 0
		}
	}
	return out
}

// Encode returns the bytes of a .npy file.
func Encode(t *tensor.Tensor) ([]byte, error) {
	i := slices.IndexFunc(codes, func(c code) bool { return c.dtype == t.DType })
	if i < 0 {
		return nil, fmt.Errorf("dtype %v cannot be written", t.DType)
	}
	order := "<"
	if t.DType == tensor.Bool {
		order = "|" // one byte has no order
	}
	dims := make([]string, len(t.Dims))
	for i, d := range t.Dims {
		dims[i] = strconv.FormatInt(d, 10)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += "," // a tuple of one
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, codes[i].text, shape)
	const fixed = len(magic) + 4
	for (fixed+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	out := append([]byte(magic), 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(text)))
	return append(append(out, text...), t.Data...), nil
}
