package export_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gogo/protobuf/proto"

	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/export/internal/onnxpb"
)

// outside returns a model with two constants [2] in another file.
func outside(t *testing.T, location string, offset, length int64) []byte {
	t.Helper()
	m := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(read(t, "refused_external"), m); err != nil {
		t.Fatal(err)
	}
	c := m.Graph.Initializer[0]
	c.Dims, c.ExternalData = []int64{2}, nil
	for key, value := range map[string]string{"location": location, "offset": strconv.FormatInt(offset, 10), "length": strconv.FormatInt(length, 10)} {
		entry, err := proto.Marshal(&onnxpb.StringStringEntryProto{Key: &key, Value: &value})
		if err != nil {
			t.Fatal(err)
		}
		c.ExternalData = append(c.ExternalData, entry)
	}
	second := *c
	second.Name = new("w2")
	m.Graph.Initializer = append(m.Graph.Initializer, &second)
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// folder has a model's data, in files, and a file outside of it.
func folder(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	at := filepath.Join(top, "model")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(at, "sub"), 0o755),
		os.WriteFile(filepath.Join(top, "secret"), make([]byte, 64), 0o644),
		os.WriteFile(filepath.Join(at, "sub", "w.bin"), []byte{9, 9, 9, 9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}, 0o644),
		os.Symlink("../secret", filepath.Join(at, "link")),
		os.Symlink("sub", filepath.Join(at, "linked")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// TestExternalData: data is read from other files of the model's folder, at its place.
func TestExternalData(t *testing.T) {
	m, err := export.UnmarshalIn(outside(t, "sub/w.bin", 4, 8), folder(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Graph.Initializers {
		if got := c.Tensor.Floats(); got[0] != 1 || got[1] != 2 {
			t.Errorf("%s is %v, want 1 and 2", c.Name, got)
		}
	}
}

// TestExternalDataRefused: nothing outside of the folder is read, nothing through links,
// and nothing that is not there.
func TestExternalDataRefused(t *testing.T) {
	at := folder(t)
	absolute := filepath.Join(filepath.Dir(at), "secret")
	for _, test := range []struct {
		location       string
		offset, length int64
		want           string
	}{
		{"../secret", 0, 8, `its data is in "../secret": want a file in the model's folder`},
		{"sub/../../secret", 0, 8, "want a file in the model's folder"},
		{absolute, 0, 8, "want a file in the model's folder"},
		{`..\secret`, 0, 8, "want a file in the model's folder"},
		{"", 0, 8, "want a file in the model's folder"},
		{"link", 0, 8, "a link is not followed"},
		{"linked/w.bin", 4, 8, "a link is not followed"},
		{"sub", 0, 8, "it is no regular file"},
		{"w.bin", 0, 8, "no such file or directory"},
		{"sub/w.bin", 8, 8, `its data is bytes 8 to 16 of "sub/w.bin", which has 12`},
		{"sub/w.bin", -1, 8, "its data is bytes -1 to 7"},
		{"sub/w.bin", 1 << 62, 8, "which has 12"},
		{"sub/w.bin", 0, 12, `its data in "sub/w.bin" has 12 bytes, want 8`},
	} {
		_, err := export.UnmarshalIn(outside(t, test.location, test.offset, test.length), at)
		wantLine(t, err, test.want)
	}
	data := outside(t, "sub/w.bin", 4, 8)
	m := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		more := *m.Graph.Initializer[0]
		more.Name = new("more" + strconv.Itoa(i))
		m.Graph.Initializer = append(m.Graph.Initializer, &more)
	}
	data, _ = proto.Marshal(m)
	_, err := export.UnmarshalIn(data, at)
	wantLine(t, err, `the tensors in "sub/w.bin" have more than twice its size`)
}
