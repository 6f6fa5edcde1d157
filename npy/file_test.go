package npy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRows: rows of a mapped file are those of the array, whatever the file's elements.
func TestRows(t *testing.T) {
	for _, name := range []string{"float32", "float64", "float16", "bfloat16", "int32", "int64", "bool", "big_endian", "uint8", "int16", "uint16", "uint64"} {
		all, err := Decode(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(filepath.Join("testdata", name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		if f.DType() != all.DType || !cmp.Equal(f.Dims(), all.Dims) {
			t.Errorf("%s is %v%v, want %v", name, f.DType(), f.Dims(), all)
		}
		rows := []int{1, 0, 1}
		got, err := f.Rows(rows)
		if err != nil {
			t.Fatal(err)
		}
		row := len(all.Data) / int(all.Dims[0])
		var want []byte
		for _, r := range rows {
			want = append(want, all.Data[r*row:(r+1)*row]...)
		}
		if !bytes.Equal(got.Data, want) || got.Dims[0] != 3 || !cmp.Equal(got.Dims[1:], all.Dims[1:]) {
			t.Errorf("%s: got %v with %v, want %v", name, got, got.Data, want)
		}
		if _, err := f.Rows([]int{int(all.Dims[0])}); err == nil {
			t.Errorf("%s has a row behind its last", name)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenRefuses: files that have no rows, or not those that they say.
func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole := read(t, "float32")
	for path, want := range map[string]string{
		filepath.Join(folder, "nothing"):     "no such file",
		folder:                               "it is no file that can be mapped",
		write("empty", nil):                  "it is no file that can be mapped",
		write("text", []byte("hello")):       "it is no .npy file",
		write("short", whole[:len(whole)-1]): "the file is truncated",
		write("long", append(whole, 0)):      "1 bytes follow",
		"testdata/fortran.npy":               "its first axis varies fastest",
		"testdata/scalar.npy":                "it holds a single number",
	} {
		if f, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
			if err == nil {
				f.Close()
			}
		}
	}
}

// TestShrunk: a file that is cut while it is open gives an error, not a crash.
func TestShrunk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	head := read(t, "float32")[:128]
	head = bytes.Replace(head, []byte("(2, 3), }  "), []byte("(20000, 3)}"), 1)
	if err := os.WriteFile(path, append(head, make([]byte, 240000)...), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 200); err != nil {
		t.Skipf("this system keeps files that are mapped: %v", err)
	}
	if _, err := f.Rows([]int{19999}); err == nil || !strings.Contains(err.Error(), "has become shorter") {
		t.Errorf("got %v", err)
	}
}
