package composition_test

import (
	"testing"

	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/composition"
	"github.com/lossgen/lossgen/losstest"
)

func Test(t *testing.T) { losstest.RunAll(t, all.Losses(), composition.Losses()) }
