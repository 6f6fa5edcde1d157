package npy

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/edsrzf/mmap-go"

	"github.com/lossgen/lossgen/builder/tensor"
)

// File is an array that stays in its file: rows are read when they are asked for.
type File struct {
	header
	mapped mmap.MMap
	data   []byte // the elements
	row    int    // bytes of a row in the file
}

// Open maps a .npy file of at least one axis into memory. The file must not change as
// long as it is open.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, errors.New("it is no file that can be mapped into memory, or it is empty")
	}
	f := &File{}
	if f.mapped, err = mmap.Map(file, mmap.RDONLY, 0); err != nil {
		return nil, fmt.Errorf("cannot map it into memory: %w", err)
	}
	if err := f.read(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// read reads the header.
func (f *File) read() (err error) {
	defer faults(&err)()
	if f.header, f.data, err = readHeader(f.mapped); err != nil {
		return err
	}
	if len(f.dims) == 0 {
		return errors.New("it holds a single number, and rows are wanted")
	}
	if f.fortran && len(f.dims) > 1 {
		return errors.New("its first axis varies fastest, so that no row lies together: save it with numpy.ascontiguousarray(x)")
	}
	if err := f.fits(len(f.data)); err != nil {
		return err
	}
	f.row = f.size
	for _, d := range f.dims[1:] {
		f.row *= int(d)
	}
	return nil
}

// DType and Dims are those of the array.
func (f *File) DType() tensor.DType { return f.dtype }

// Dims returns the sizes of the axes.
func (f *File) Dims() []int64 { return f.dims }

// Rows reads rows, in the order that they are given in.
func (f *File) Rows(rows []int) (t *tensor.Tensor, err error) {
	defer faults(&err)()
	raw := make([]byte, 0, len(rows)*f.row)
	for _, r := range rows {
		if r < 0 || int64(r) >= f.dims[0] {
			return nil, fmt.Errorf("there is no row %d: it has %d", r, f.dims[0])
		}
		raw = append(raw, f.data[r*f.row:(r+1)*f.row]...)
	}
	dims := append([]int64{int64(len(rows))}, f.dims[1:]...)
	if raw, err = f.elements(raw); err != nil {
		return nil, err
	}
	return &tensor.Tensor{DType: f.dtype, Dims: dims, Data: raw}, nil
}

// Close frees the file.
func (f *File) Close() error { return f.mapped.Unmap() }

// faults makes an error of what reading memory raises whose file has become shorter. The
// returned function is to be deferred.
func faults(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			if _, ok := r.(interface{ Addr() uintptr }); !ok {
				panic(r)
			}
			*err = errors.New("the file has become shorter while it was read")
		}
	}
}
