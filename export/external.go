package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// This file reads the data of tensors that is in files beside a model.

// UnmarshalIn is [Unmarshal] of a file in a folder. Data of tensors may be in other files
// of the folder or below it: not above it, and not where a link leads. No more is read of
// a file than twice its size.
func UnmarshalIn(data []byte, folder string) (*ir.Model, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, cause(err)
	}
	b := &beside{root: root, files: map[string]*dataFile{}}
	defer b.close()
	return unmarshal(data, b)
}

// beside is the folder of a model.
type beside struct {
	root  *os.Root
	files map[string]*dataFile
}

// dataFile is an open file, and how much of it may still be read.
type dataFile struct {
	*os.File
	size, left int64
}

func (b *beside) close() {
	for _, f := range b.files {
		f.Close()
	}
	b.root.Close()
}

// read returns so many bytes of the place that the entries of a tensor name.
func (b *beside) read(entries [][]byte, size int64) ([]byte, error) {
	var location string
	var offset, length int64 = 0, size
	for _, data := range entries {
		entry := &onnxpb.StringStringEntryProto{}
		if err := proto.Unmarshal(data, entry); err != nil {
			return nil, errors.New("where its data is cannot be read")
		}
		var err error
		switch value := deref(entry.Value); deref(entry.Key) {
		case "location":
			location = value
		case "offset":
			offset, err = strconv.ParseInt(value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(value, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("the %s of its data in another file is %q, want a number", deref(entry.Key), deref(entry.Value))
		}
	}
	f, err := b.open(location)
	if err != nil {
		return nil, fmt.Errorf("its data is in %q: %w", location, err)
	}
	switch {
	case length != size:
		return nil, fmt.Errorf("its data in %q has %d bytes, want %d", location, length, size)
	case offset < 0 || offset > f.size || size > f.size-offset:
		return nil, fmt.Errorf("its data is bytes %d to %d of %q, which has %d", offset, offset+size, location, f.size)
	case size > f.left:
		return nil, fmt.Errorf("the tensors in %q have more than twice its size", location)
	}
	f.left -= size
	out := make([]byte, size)
	if _, err := f.ReadAt(out, offset); err != nil && size > 0 {
		return nil, fmt.Errorf("cannot read its data in %q: %w", location, cause(err))
	}
	return out, nil
}

// open opens a file once.
func (b *beside) open(location string) (*dataFile, error) {
	if f := b.files[location]; f != nil {
		return f, nil
	}
	if location == "" || !filepath.IsLocal(location) || strings.Contains(location, "\\") {
		return nil, errors.New("want a file in the model's folder")
	}
	clean := path.Clean(location)
	for i := range clean {
		if clean[i] != '/' {
			continue
		}
		if err := b.plain(clean[:i], true); err != nil {
			return nil, err
		}
	}
	if err := b.plain(clean, false); err != nil {
		return nil, err
	}
	file, err := b.root.Open(clean)
	if err != nil {
		return nil, cause(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() { // exchanged since
		err = errors.New("it is no regular file")
	}
	if err != nil {
		file.Close()
		return nil, cause(err)
	}
	f := &dataFile{File: file, size: info.Size(), left: 2 * info.Size()}
	b.files[location] = f
	return f, nil
}

// plain checks that a file or folder is no link, device or pipe.
func (b *beside) plain(name string, folder bool) error {
	info, err := b.root.Lstat(name)
	switch {
	case err != nil:
		return cause(err)
	case info.Mode()&fs.ModeSymlink != 0:
		return errors.New("a link is not followed")
	case folder && !info.IsDir() || !folder && !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	}
	return nil
}
