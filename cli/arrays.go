package cli

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/npy"
)

// This file reads the arrays that a user names: .npy files, and members of .npz
// files, as file.npz:member.

// readArray reads an array. Errors name the file.
func readArray(path string) (*tensor.Tensor, error) {
	data, err := arrayBytes(path)
	if err != nil {
		return nil, err
	}
	t, err := npy.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func arrayBytes(path string) ([]byte, error) {
	archive, member, named := cutMember(path)
	if !named && !strings.HasSuffix(strings.ToLower(path), ".npz") {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", path, bare(err))
		}
		return data, nil
	}
	data, err := readMember(archive, member)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	return data, nil
}

// cutMember splits file.npz:member, if it is of that form.
func cutMember(path string) (archive, member string, named bool) {
	const mark = ".npz:"
	if i := strings.LastIndex(strings.ToLower(path), mark); i >= 0 {
		return path[:i+len(mark)-1], path[i+len(mark):], true
	}
	return path, "", false
}

// maxMember bounds what one member of an archive unpacks to, in bytes.
const maxMember = 1 << 34

// readMember reads an array of an .npz file, the only one where none is named.
func readMember(path, member string) ([]byte, error) {
	r, err := zip.OpenReader(path)
	if err != nil {
		if errors.Is(err, zip.ErrFormat) {
			return nil, errors.New("it is no .npz file: save one with numpy.savez")
		}
		return nil, fmt.Errorf("cannot read it: %w", bare(err))
	}
	defer r.Close()
	var names []string
	for _, f := range r.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if name == member || f.Name == member || member == "" && len(r.File) == 1 {
			return unpack(f)
		}
		names = append(names, fmt.Sprintf("%q", name))
	}
	const shown = 10
	if len(names) > shown {
		names = append(names[:shown], "...")
	}
	if member == "" {
		return nil, fmt.Errorf("name one of its arrays behind a colon, as in %s:x: it has %s", path, orNone(names))
	}
	return nil, fmt.Errorf("it has no array %q: it has %s", member, orNone(names))
}

// unpack reads a member, and no more than its directory says.
func unpack(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > maxMember {
		return nil, fmt.Errorf("%q unpacks to %d bytes, want at most %d", f.Name, f.UncompressedSize64, int64(maxMember))
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r) // which ends with an error where there is more
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Name, err)
	}
	return data, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
