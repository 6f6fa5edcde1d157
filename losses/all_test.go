package losses_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/losstest"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/verify"
)

// TestAll takes every loss through the harness.
func TestAll(t *testing.T) {
	for _, l := range losses.All {
		t.Run(l.Declaration().Name, func(t *testing.T) {
			losstest.Run(t, l, engines(t)...)
		})
	}
}

// TestLargeReductions: a mean over elements, over rows of which some are ignored, and
// over rows without labels.
func TestLargeReductions(t *testing.T) {
	for _, l := range []losses.Loss{losses.MSE, losses.CrossEntropy, losses.TripletMargin} {
		t.Run(l.Declaration().Name, func(t *testing.T) { losstest.LargeReduction(t, l, engines(t)...) })
	}
}

// engines returns the engines beside the reference engine, which works anywhere.
func engines(t *testing.T) []runtime.Backend {
	t.Helper()
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Logf("ONNX Runtime is left out: %v", err)
		return nil
	}
	return []runtime.Backend{ort.Backend{}}
}

// printHashes makes a process of this test print what it emits.
const printHashes = "LOSSGEN_TEST_PRINT_HASHES"

// TestSameBytesInAnotherProcess: the files of all losses do not depend on the
// process that emits them.
func TestSameBytesInAnotherProcess(t *testing.T) {
	mine := hashes(t)
	if os.Getenv(printHashes) != "" {
		fmt.Print(mine)
		return
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestSameBytesInAnotherProcess$")
	c.Env = append(os.Environ(), printHashes+"=1")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte(mine)) {
		t.Errorf("another process emits\n%s\nthis one\n%s", out, mine)
	}
}

// hashes has a line for each loss and dtype.
func hashes(t *testing.T) string {
	t.Helper()
	var s bytes.Buffer
	for _, l := range losses.All {
		name := l.Declaration().Name
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.BFloat16} {
			data, err := verify.Emit(losses.Request{Loss: name, DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&s, "%s %v %x\n", name, dtype, sha256.Sum256(data))
		}
	}
	return s.String()
}

// TestNames: no two losses share a name.
func TestNames(t *testing.T) {
	owner := map[string]string{}
	for _, l := range losses.All {
		s := l.Declaration()
		for _, name := range append([]string{s.Name, s.Name + "_loss", s.Class}, s.Aliases...) {
			if other, ok := owner[name]; ok && other != s.Name && name != "" {
				t.Errorf("%s and %s are both called %s", other, s.Name, name)
			}
			owner[name] = s.Name
		}
	}
}
