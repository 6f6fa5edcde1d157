//go:build cgo && !race

// Without the race detector: it takes memory of its own, several times that of the tensors.

package ort

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// memory returns a number of bytes that Linux tells in a file of /proc, or ends the
// test elsewhere.
func memory(t *testing.T, path, key string) int64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(data)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, key+": %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Skipf("%s has no %s", path, key)
	return 0
}

// TestManyRunsKeepMemory: 10,000 runs, and as many of a binding, take no more memory
// than a thousand.
func TestManyRunsKeepMemory(t *testing.T) {
	s := openModel(t, "square_f32", runtime.Options{Threads: 1})
	in := tensors{"input": tensor.New(tensor.Float32, 64, 64), "grad_output": floats(tensor.Float32, nil, 1)}
	out := tensors{"loss": tensor.New(tensor.Float32), "grad_input": tensor.New(tensor.Float32, 64, 64)}
	runs := func(n int) {
		b, err := s.Bind(in, out)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for range n {
			if _, err := s.Run(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if err := b.Run(bg); err != nil {
				t.Fatal(err)
			}
		}
	}
	runs(1000)
	before := memory(t, "/proc/self/status", "VmRSS")
	runs(10000)
	// One leaked output of 16 KiB in each run would be 160 MiB.
	const allowed = 16 << 20
	if grown := memory(t, "/proc/self/status", "VmRSS") - before; grown > allowed {
		t.Errorf("10000 runs take %d KiB more", grown>>10)
	}
}

// TestLargest runs tensors of 2^28 elements, where there is memory for that.
func TestLargest(t *testing.T) {
	const elements, needed = 1 << 28, 12 << 30
	if testing.Short() {
		t.Skip("takes gigabytes")
	}
	if free := memory(t, "/proc/meminfo", "MemAvailable"); free < needed {
		t.Skipf("%d MiB of memory are free, want %d", free>>20, int64(needed)>>20)
	}
	s := openModel(t, "add", runtime.Options{})
	x := tensor.New(tensor.Float32, elements)
	x.SetFloat(elements-1, 1.5)
	out, err := s.Run(bg, tensors{"input": x, "other": x})
	if err != nil {
		t.Fatal(err) // refused, but nobody promised that it would be
	}
	if got := out["sum"].Float(elements - 1); out["sum"].Len() != elements || got != 3 {
		t.Errorf("the last of %d elements is %g, want 3", out["sum"].Len(), got)
	}
}

// TestBeyondMemory: sizes that no memory holds are refused.
func TestBeyondMemory(t *testing.T) {
	s := openModel(t, "add", runtime.Options{})
	for _, n := range []int64{1 << 40, 1 << 61, 1 << 62} {
		x := &tensor.Tensor{DType: tensor.Float32, Dims: []int64{n}, Data: make([]byte, 16)}
		if _, err := s.Run(bg, tensors{"input": x, "other": x}); err == nil {
			t.Errorf("a tensor of %d elements is taken", n)
		}
	}
}
