package testdata

import (
	"bytes"
	"compress/bzip2"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPacked: the program carries the golden files, those and no others.
func TestPacked(t *testing.T) {
	const mend = "run python3 testdata/pack.py"
	files, err := Packed()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "*")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := filepath.Glob("golden/*")
	if err != nil || len(texts) == 0 {
		t.Fatalf("%d golden files, %v", len(texts), err)
	}
	for _, path := range texts {
		loss, ok := strings.CutSuffix(filepath.Base(path), ".txt")
		if !ok {
			t.Errorf("%s is no golden file", path)
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := files.Open(loss + ".bz2")
		if err != nil {
			t.Errorf("packed/%s.bz2: %v: %s", loss, err, mend)
			continue
		}
		got, err := io.ReadAll(bzip2.NewReader(f))
		f.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("packed/%s.bz2 does not hold %s (%v): %s", loss, path, err, mend)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == loss+".bz2" })
	}
	for _, name := range names {
		t.Errorf("packed/%s has no golden file: %s", name, mend)
	}
}

// TestPackedSize: 150 losses fit into 4 MB of program, as long as one takes on
// average what those do that are here. Two are like no others: multi_task has cases
// for whatever is put around other losses, ctc for all lengths of sequences.
func TestPackedSize(t *testing.T) {
	const losses, most = 150, 4_000_000
	files, err := Packed()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	special, others, total := 0, 0, 0
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		switch e.Name() {
		case "multi_task.bz2", "ctc.bz2":
			special += int(info.Size())
		default:
			total += int(info.Size())
			others++
		}
	}
	if expected := special + total/others*(losses-2); expected > most {
		t.Errorf("%d losses would take %d bytes, %d each beside the special ones: want %d at most", losses, expected, total/others, most)
	}
}
