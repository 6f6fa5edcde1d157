package cli

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/npy"
)

// archive writes an .npz file of arrays, compressed as numpy.savez_compressed does.
func archive(t *testing.T, path string, members map[string][]byte) {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	for _, name := range sortedKeys(members) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(members[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReadArray(t *testing.T) {
	dir := t.TempDir()
	one, err := npy.Encode(tensor.FromInts(tensor.Int64, []int64{2}, []int64{3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	archive(t, filepath.Join(dir, "single.npz"), map[string][]byte{"x.npy": one})
	archive(t, filepath.Join(dir, "several.npz"), map[string][]byte{"x.npy": one, "y.npy": one, "note.txt": []byte("no array")})
	archive(t, filepath.Join(dir, "none.npz"), nil)
	for name, data := range map[string][]byte{"x.npy": one, "broken.npz": []byte("PK"), "a:b.npy": one} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, good := range []string{"x.npy", "a:b.npy", "single.npz", "single.npz:x", "several.npz:y", "several.npz:y.npy"} {
		got, err := readArray(filepath.Join(dir, good))
		if err != nil || !slices.Equal(got.Ints(), []int64{3, 4}) {
			t.Errorf("%s: %v, %v", good, got, err)
		}
	}
	for path, want := range map[string]string{
		"nosuch.npy":           "cannot read " + filepath.Join(dir, "nosuch.npy") + ": no such file",
		"nosuch.npz:x":         "cannot read it: no such file",
		"several.npz":          `name one of its arrays behind a colon, as in ` + filepath.Join(dir, "several.npz") + `:x: it has "note.txt", "x", "y"`,
		"several.npz:z":        `it has no array "z": it has "note.txt", "x", "y"`,
		"several.npz:note.txt": "it is no .npy file",
		"none.npz:x":           `it has no array "x": it has none`,
		"broken.npz":           "it is no .npz file",
	} {
		if _, err := readArray(filepath.Join(dir, path)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestExactly(t *testing.T) {
	ints := func(d tensor.DType, values ...int64) *tensor.Tensor {
		return tensor.FromInts(d, []int64{int64(len(values))}, values)
	}
	for _, c := range []struct {
		array *tensor.Tensor
		to    tensor.DType
		want  string // of the result, or of the error
	}{
		{ints(tensor.Int64, 0, 255), tensor.Int64, "int64[2]"},
		{ints(tensor.Int64, -100, 255), tensor.Int32, "int32[2]"},
		{ints(tensor.Int32, -100, 255), tensor.Int64, "int64[2]"},
		{ints(tensor.Int64, 0, 1<<31), tensor.Int32, "element 1 is 2147483648, which int32 cannot hold"},
		{ints(tensor.Int64, 0, 1), tensor.Bool, "bool[2]"},
		{ints(tensor.Int64, 0, 255), tensor.Bool, "element 1 is 255, which bool cannot hold"},
		{ints(tensor.Int64, 0, 1), tensor.Float32, "int64[2]"},
		{ints(tensor.Bool, 0, 1), tensor.Int64, "bool[2]"},
	} {
		got, err := c.array.Exactly(c.to)
		if err == nil && (got.String() != c.want || !slices.Equal(got.Ints(), c.array.Ints())) || err != nil && err.Error() != c.want {
			t.Errorf("%v as %v is %v, %v, want %s", c.array, c.to, got, err, c.want)
		}
	}
}
