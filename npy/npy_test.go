package npy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	second "github.com/sbinet/npyio/npy"

	"github.com/lossgen/lossgen/builder/tensor"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDecode reads files that NumPy wrote (testdata/make.py).
func TestDecode(t *testing.T) {
	grid := []float64{-1.5, -0.5, 0.5, 1.5, 2.5, 3.5}
	doubled := []float64{-3, -1, 1, 3, 5, 7}
	count := make([]float64, 24)
	for i := range count {
		count[i] = float64(i)
	}
	for _, c := range []struct {
		file, want string
		values     []float64
	}{
		{"float32", "float32[2,3]", grid},
		{"float64", "float64[2,3]", grid},
		{"float16", "float16[2,3]", grid},
		{"bfloat16", "bfloat16[2,3]", grid},
		{"int32", "int32[2,3]", doubled},
		{"int64", "int64[2,3]", doubled},
		{"bool", "bool[2,3]", []float64{0, 0, 1, 1, 1, 1}},
		{"uint8", "int64[3]", []float64{0, 7, 255}},
		{"int8", "int64[3]", []float64{-128, 0, 127}},
		{"uint16", "int64[2]", []float64{1, 65535}},
		{"int16", "int64[2]", []float64{-32768, 32767}},
		{"uint32", "int64[2,2]", []float64{1, 3, 2, 4294967295}},
		{"uint64", "int64[2]", []float64{0, 1 << 62}},
		{"big_endian", "float64[2,3]", grid},
		{"big_endian_int", "int32[2,3]", doubled},
		{"fortran", "float32[2,3]", grid},
		{"fortran_rank3", "int64[2,3,4]", count},
		{"version2", "float32[2,3]", grid},
		{"version3", "float32[2,3]", grid},
		{"scalar", "float32[]", []float64{2.5}},
		{"vector", "int64[3]", []float64{0, 1, 2}},
		{"empty", "float32[0,3]", []float64{}},
	} {
		got, err := Decode(read(t, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if got.String() != c.want || !slices.Equal(got.Floats(), c.values) {
			t.Errorf("%s is %v %v, want %s %v", c.file, got, got.Floats(), c.want, c.values)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := read(t, "float32")
	header := func(text string) []byte {
		return append([]byte(magic+"\x01\x00"+string(rune(len(text)))+"\x00"), text...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"uint64", read(t, "refused_uint64"), "it holds 9223372036854775808, which int64 cannot"},
		{"complex", read(t, "refused_complex"), `dtype "<c16" is not supported`},
		{"text", read(t, "refused_text"), `dtype "<U2" is not supported`},
		{"objects", read(t, "refused_objects"), `dtype "|O" is not supported`},
		{"records", read(t, "refused_records"), "its elements are records"},
		{"nothing", nil, "it is no .npy file"},
		{"no version", good[:7], "truncated: its header"},
		{"half a header", good[:40], "truncated: its header"},
		{"half the data", good[:len(good)-5], "truncated: it has 19 bytes of data, want 24 for float32[2,3]"},
		{"more data", append(slices.Clone(good), 1), "1 bytes follow the data of float32[2,3]"},
		{"version 9", append([]byte(magic+"\x09"), good[7:]...), "version 9.0"},
		{"version 1.1", append([]byte(magic+"\x01\x01"), good[8:]...), "version 1.1"},
		{"negative size", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), `"-1" is no size`},
		{"huge size", header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999)}"), "are too large"},
		{"no shape", header("{'descr': '<f4', 'fortran_order': False}"), "want descr, fortran_order and shape"},
		{"one more entry", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 'y'}"), "and nothing else"},
		{"a number for a tuple", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}"), "written (3,)"},
		{"a list for a tuple", header("{'descr': '<f4', 'fortran_order': False, 'shape': [2]}"), "want descr, fortran_order and shape"},
		{"a number for a truth value", header("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}"), "want a text, True, False"},
		{"a truth value for a size", header("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}"), `"True" is no size`},
		{"half a size", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}"), `"2.0" is no size`},
		{"two commas", header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,,2)}"), `"" is no size`},
		{"a leading comma", header("{'descr': '<f4', 'fortran_order': False, 'shape': (,2)}"), `"" is no size`},
		{"no comma", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3 4)}"), "want a comma between sizes"},
		{"octal", header("{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}"), `"02" is no size`},
		{"more behind", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} junk"), "want nothing behind"},
		{"no end", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)"), "want a comma or the end"},
		{"no dictionary", header("['descr']"), "it is no dictionary"},
		{"a key of bytes", header("{b'descr': '<f4'}"), "want 'key': value"},
		{"entries in a text", header("\"'descr': '<f4', 'fortran_order': False, 'shape': (2,)\""), "it is no dictionary"},
		{"Python 2 in version 3", append([]byte(magic+"\x03\x00\x38\x00\x00\x00"), "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,)}"...), `"2L" is no size`},
		{"long header", append([]byte(magic+"\x02\x00\x11\x27\x00\x00"), good[10:]...), "its header has 10001 bytes, want at most 10000"},
	} {
		_, err := Decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestEncode reads what Encode writes, and writes what NumPy does.
func TestEncode(t *testing.T) {
	for _, name := range []string{"float32", "float64", "float16", "bfloat16", "int32", "int64", "bool", "scalar", "vector", "empty"} {
		want := read(t, name)
		x, err := Decode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from NumPy's file:\n%q\n%q", name, got, want)
		}
	}
	if _, err := Encode(&tensor.Tensor{DType: tensor.Undefined}); err == nil {
		t.Error("a tensor without a dtype is written")
	}
}

// TestSecondReader has another library read a file.
func TestSecondReader(t *testing.T) {
	data, err := Encode(tensor.FromFloats(tensor.Float64, []int64{2, 2}, []float64{1, 2, 3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := second.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	if err := r.Read(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []float64{1, 2, 3, 4}) || !slices.Equal(r.Header.Descr.Shape, []int{2, 2}) {
		t.Errorf("read %v of shape %v", got, r.Header.Descr.Shape)
	}
}

// FuzzDecode: any bytes give a tensor that can be written and read back, or an
// error of one line.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.npy")
	if err != nil || len(files) == 0 {
		f.Fatal("no files", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := Decode(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		encoded, err := Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(encoded)
		if err != nil || again.String() != x.String() || !bytes.Equal(again.Data, x.Data) {
			t.Errorf("%v became %v: %v", x, again, err)
		}
	})
}
