package distillation

import (
	"testing"

	"github.com/lossgen/lossgen/losstest"
)

func Test(t *testing.T) { losstest.RunAll(t, Losses(), Losses()) }
