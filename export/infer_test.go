package export

import (
	"testing"

	"github.com/lossgen/lossgen/builder/ir/infer"
)

// TestInfer: types are inferred for every operator of the table.
func TestInfer(t *testing.T) {
	for op := range schema {
		if !infer.Has(op) {
			t.Errorf("%s has no row in builder/ir/infer", op)
		}
	}
}
