package robust

import (
	"testing"

	"github.com/lossgen/lossgen/losses/losstest"
)

func Test(t *testing.T) { losstest.RunAll(t, Losses(), Losses()) }
