package export_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/lossgen/lossgen/export"
)

// entries returns the names in a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func wantFile(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != content {
		t.Errorf("%s holds %q, want %q", path, data, content)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), mode)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.onnx")
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second, which is longer", ""} {
		if err := export.WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, content, info.Mode().Perm())
	}
	if names := entries(t, dir); len(names) != 2 {
		t.Errorf("the folder holds %v, want two files", names)
	}
}

func TestWriteFileKeepsModeAndLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.onnx"), filepath.Join(dir, "link.onnx")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if err := export.WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "new", 0o600)
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced (%v)", err)
	}
}

// A failure leaves what was there and nothing else.
func TestWriteFileFailure(t *testing.T) {
	dir := t.TempDir()
	folder, file := filepath.Join(dir, "folder.onnx"), filepath.Join(dir, "file")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		folder:                             "it is a folder",
		filepath.Join(dir, "no", "a.onnx"): "no such",
		filepath.Join(file, "a.onnx"):      "not a directory",
	} {
		if runtime.GOOS == "windows" {
			want = ""
		}
		err := export.WriteFile(path, []byte("x"))
		wantLine(t, err, want)
		wantLine(t, err, "cannot write "+path+": ")
	}
	if names := entries(t, dir); len(names) != 2 {
		t.Errorf("the folder holds %v, want what was there before", names)
	}
	wantFile(t, file, "kept", 0o644)
}

func TestWriteFileUnwritableFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("this user may write everywhere")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.onnx")
	if err := os.WriteFile(path, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	wantLine(t, export.WriteFile(path, []byte("x")), "cannot write "+path+": permission denied")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "kept", 0o644)
	if names := entries(t, dir); len(names) != 1 {
		t.Errorf("the folder holds %v, want one file", names)
	}
}

func TestWriteFileToDevice(t *testing.T) {
	if _, err := os.Stat("/dev/null"); err != nil {
		t.Skip("no /dev/null here")
	}
	if err := export.WriteFile("/dev/null", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/null was replaced (%v)", err)
	}
}
