//go:build unix

package export_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lossgen/lossgen/export"
)

// writeForever makes a process of this test write one file again and again.
const writeForever = "LOSSGEN_TEST_WRITE_FOREVER"

// TestKilledWrites kills processes while they write: the file is then whole, the
// old one or a new one, and nothing but a temporary file is left.
func TestKilledWrites(t *testing.T) {
	const size = 4 << 20
	if path := os.Getenv(writeForever); path != "" {
		for i := byte('a'); ; i = 'a' + (i-'a'+1)%26 {
			if err := export.WriteFile(path, bytes.Repeat([]byte{i}, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "loss.onnx")
	left := 0
	for n := range 12 {
		c := exec.Command(os.Args[0], "-test.run", "^TestKilledWrites$")
		c.Env = append(os.Environ(), writeForever+"="+path)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(path); err == nil {
				break
			}
		}
		time.Sleep(time.Duration(20+7*n) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != size || bytes.Count(data, data[:1]) != size {
			t.Fatalf("the file has %d bytes, of several writes", len(data))
		}
		for _, name := range entries(t, dir) {
			switch {
			case strings.HasPrefix(name, ".lossgen-"):
				left++
				os.Remove(filepath.Join(dir, name))
			case name != "loss.onnx":
				t.Errorf("%s is left behind", name)
			}
		}
	}
	t.Logf("%d temporary files were left by 12 kills", left)
}
