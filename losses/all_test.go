package losses_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/classification"
	"github.com/lossgen/lossgen/losses/margin"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/losstest"
)

// TestLargeReductions: a mean over elements, over rows of which some are ignored, and
// over rows without labels.
func TestLargeReductions(t *testing.T) {
	for _, l := range []losses.Loss{regression.MSE, classification.CrossEntropy, margin.TripletMargin} {
		t.Run(l.Declaration().Name, func(t *testing.T) { losstest.LargeReduction(t, all.Losses(), l, losstest.Engines(t)...) })
	}
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
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.BFloat16} {
			data, err := export.Encode((losses.Request{Catalog: all.Losses(), Loss: name, DType: dtype}).Model())
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
	if err := all.Losses().Check(); err != nil {
		t.Error(err)
	}
	twice := append(all.Losses(), &losses.Def[struct{}]{Spec: losses.Spec{Name: "own", Aliases: []string{"MSELoss"}}})
	if err := twice.Check(); err == nil || err.Error() != `the losses mse and own have both the name "MSELoss"` {
		t.Errorf("a name of two losses: %v", err)
	}
}
