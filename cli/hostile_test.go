package cli

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/npy"
	"github.com/lossgen/lossgen/runtime/ort"
)

// mostAllocated bounds what a command may allocate for a file of at most a few
// megabytes, all its allocations taken together.
const mostAllocated = 3 << 30

// TestHostile gives commands files that nobody writes in good faith. Each is dealt
// with, or refused in one line.
func TestHostile(t *testing.T) {
	_, err := (ort.Backend{}).Load()
	files := hostile(t)
	t.Logf("%d files, ONNX Runtime: %v", len(files), err)
	if len(files) < 500 {
		t.Errorf("%d files: want several hundred", len(files))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := hostileFile{t, name, t.TempDir()}
		h.write("model.onnx", files[name])
		shown := h.command("show", "model.onnx")
		for _, format := range showFormats[1:] {
			if !strings.Contains(shown, "lossgen: ") { // what cannot be read is that in each
				h.command("show", "model.onnx", "--format", format)
			}
		}
		h.command("grad", "model.onnx", "--wrt", "*")
		judged := h.command("verify", "model.onnx", "--engine", "reference")
		said := h.command(append(h.inputs(files[name]), "--engine", "reference")...)
		ours := !strings.Contains(judged, "failed: metadata") // else no engine is asked about it
		if ours {
			h.command("verify", "model.onnx", "--engine", "reference", "--allow-version", "--json")
		}
		if err == nil && !strings.Contains(said, "memory") && !strings.Contains(said, "sizes") {
			h.command(append(h.inputs(files[name]), "--engine", "ort")...)
			if ours {
				h.command("verify", "model.onnx", "--engine", "all")
			}
		}
		if found, _ := filepath.Glob(filepath.Join(filepath.Dir(h.dir), "*escaped*")); found != nil {
			t.Errorf("%s: wrote %v", name, found)
		}
	}
}

// hostileFile is a file in a folder of its own.
type hostileFile struct {
	t         *testing.T
	name, dir string
}

func (h hostileFile) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(h.dir, name), data, 0o666); err != nil {
		h.t.Fatal(err)
	}
}

// inputs returns the arguments that run the file, with an array for each input as
// far as it declares sizes that one can have.
func (h hostileFile) inputs(data []byte) []string {
	args := []string{"run", "model.onnx", "-o", "out"}
	m, err := export.Unmarshal(data)
	if err != nil {
		return args
	}
	for i, p := range m.Graph.Inputs {
		dims := []int64{}
		for _, d := range p.Shape {
			if n := d.Size; d.Known() && n >= 0 && n < 100 {
				dims = append(dims, n)
			} else {
				dims = append(dims, 2)
			}
		}
		if n, err := tensor.Count(dims); err != nil || n > 1<<20 || p.DType.Size() == 0 {
			dims = nil
		}
		array := strconv.Itoa(i) + ".npy"
		if x, err := npy.Encode(tensor.New(p.DType, dims...)); err == nil && i < 10 && len(p.Name) < 1<<10 {
			h.write(array, x)
			args = append(args, "--input", p.Name+"="+filepath.Join(h.dir, array))
		}
	}
	return args
}

// command runs a command and returns what it prints.
func (h hostileFile) command(args ...string) string {
	for i, arg := range args {
		if arg == "model.onnx" || arg == "out" {
			args[i] = filepath.Join(h.dir, arg)
		}
	}
	var stdout, stderr bytes.Buffer
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	code := Run(all.Losses(), args, strings.NewReader(""), &stdout, &stderr)
	goruntime.ReadMemStats(&after)
	said := stderr.String()
	what := strings.Join(args[:1], " ") + " of " + h.name
	if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
		h.t.Errorf("%s: %d MiB allocated", what, used>>20)
	}
	all := stdout.String() + said
	for _, word := range []string{"internal error", "panic", "goroutine", "runtime error"} {
		if strings.Contains(all, word) {
			at := strings.Index(all, word)
			h.t.Errorf("%s: %q", what, all[at:min(len(all), at+200)])
		}
	}
	if at := strings.IndexFunc(all, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); at >= 0 {
		h.t.Errorf("%s: prints %q", what, all[at:min(len(all), at+20)])
	}
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	if last := lines[len(lines)-1]; code != 0 && (len(lines) > 1 && args[0] == "show" || !strings.HasPrefix(last, "lossgen: ") || len(last) > 2*maxLine) {
		h.t.Errorf("%s: exit %d and %d lines, the last %q", what, code, len(lines), last[:min(len(last), 300)])
	}
	return all
}
