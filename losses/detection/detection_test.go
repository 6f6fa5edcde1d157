package detection

import (
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losstest"
)

func Test(t *testing.T) { losstest.RunAll(t, Losses(), Losses()) }

// TestWitness: the goldens are made with the version that the losses name.
func TestWitness(t *testing.T) {
	pins, err := os.ReadFile("../../testdata/requirements.txt")
	if want := strings.Replace(torchvision, " ", "==", 1); err != nil || !strings.Contains(string(pins), want+"\n") {
		t.Errorf("the losses name %s, and the goldens are made with %q (%v)", torchvision, pins, err)
	}
}
