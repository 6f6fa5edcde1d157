// Package npy reads and writes arrays in NumPy's .npy format.
//
//	t, err := npy.Decode(data)  // the bytes of a file
//	data, err := npy.Encode(t)
//
// Only dtypes that models use exist here: integers of other sizes are read as
// int64, which holds them exactly, or are refused. bfloat16, which NumPy lacks, is the
// two-byte type "V2", as arrays of the Python package ml_dtypes are saved.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

const magic = "\x93NUMPY"

// What NumPy reads at most: axes, and bytes of a header.
const (
	maxRank   = 64
	maxHeader = 10000
)

// A code is how the format writes a dtype.
type code struct {
	text  string
	dtype tensor.DType
	size  int                 // bytes of an element in the file
	widen func([]byte) uint64 // to the dtype, of integers that models do not use
}

var le = binary.LittleEndian

// The first code of a dtype is the one that is written.
var codes = []code{
	{"f2", tensor.Float16, 2, nil}, {"f4", tensor.Float32, 4, nil}, {"f8", tensor.Float64, 8, nil},
	{"i4", tensor.Int32, 4, nil}, {"i8", tensor.Int64, 8, nil}, {"b1", tensor.Bool, 1, nil}, {"V2", tensor.BFloat16, 2, nil},
	{"u1", tensor.Int64, 1, func(b []byte) uint64 { return uint64(b[0]) }},
	{"i1", tensor.Int64, 1, func(b []byte) uint64 { return uint64(int8(b[0])) }},
	{"u2", tensor.Int64, 2, func(b []byte) uint64 { return uint64(le.Uint16(b)) }},
	{"i2", tensor.Int64, 2, func(b []byte) uint64 { return uint64(int16(le.Uint16(b))) }},
	{"u4", tensor.Int64, 4, func(b []byte) uint64 { return uint64(le.Uint32(b)) }},
	{"u8", tensor.Int64, 8, func(b []byte) uint64 { return le.Uint64(b) }},
}

// header is what stands before the elements.
type header struct {
	code
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
	if err := h.fits(len(data)); err != nil {
		return nil, err
	}
	t := &tensor.Tensor{DType: h.dtype, Dims: h.dims}
	if t.Data, err = h.elements(slices.Clone(data)); err != nil {
		return nil, err
	}
	if h.fortran && len(h.dims) > 1 {
		t.Data = rowMajor(t.Data, h.dims, h.dtype.Size())
	}
	return t, nil
}

// fits checks that the header's elements have so many bytes.
func (h header) fits(size int) error {
	n, err := tensor.Count(h.dims)
	switch {
	case err != nil:
		return err
	case n > size/h.size:
		return fmt.Errorf("the file is truncated: it has %d bytes of data, want %d for %v", size, n*h.size, h)
	case size > n*h.size:
		return fmt.Errorf("%d bytes follow the data of %v", size-n*h.size, h)
	}
	return nil
}

// elements returns elements of the file as those of a tensor; it may write into data.
func (h header) elements(data []byte) ([]byte, error) {
	if h.bigEndian {
		for element := range slices.Chunk(data, h.size) {
			slices.Reverse(element)
		}
	}
	if h.dtype == tensor.Bool {
		for i, b := range data {
			data[i] = min(b, 1)
		}
	}
	if h.widen != nil {
		return h.widened(data)
	}
	return data, nil
}

// widened returns integers as the larger ones of the dtype.
func (h header) widened(data []byte) ([]byte, error) {
	out := make([]byte, 0, len(data)/h.size*8)
	for element := range slices.Chunk(data, h.size) {
		v := h.widen(element)
		if h.text[0] == 'u' && v > math.MaxInt64 {
			return nil, fmt.Errorf("it holds %d, which int64 cannot: save it with x.astype('int64')", v)
		}
		out = le.AppendUint64(out, v)
	}
	return out, nil
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
	major, minor := rest[0], rest[1]
	switch {
	case major == 1 && minor == 0:
		size, rest = uint64(le.Uint16(rest[2:])), rest[4:]
	case (major == 2 || major == 3) && minor == 0:
		size, rest = uint64(le.Uint32(rest[2:])), rest[6:]
	default:
		return header{}, nil, fmt.Errorf("version %d.%d of the .npy format is unknown: want 1.0, 2.0 or 3.0", major, minor)
	}
	if size > maxHeader {
		return header{}, nil, fmt.Errorf("its header has %d bytes, want at most %d", size, maxHeader)
	}
	if uint64(len(rest)) < size {
		return header{}, nil, truncated
	}
	h, err := parseHeader(string(rest[:size]), major < 3)
	return h, rest[size:], err
}

// setType takes a dtype such as "<f4": byte order, kind, bytes.
func (h *header) setType(descr string) error {
	for _, c := range codes {
		if order, ok := strings.CutSuffix(descr, c.text); ok && slices.Contains([]string{"", "<", ">", "=", "|"}, order) {
			h.code, h.bigEndian = c, order == ">"
			return nil
		}
	}
	return fmt.Errorf("dtype %q is not supported: want float32, float64, float16, an integer or bool; numpy converts with x.astype('int64')", descr)
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
	out = le.AppendUint16(out, uint16(len(text)))
	return append(append(out, text...), t.Data...), nil
}
