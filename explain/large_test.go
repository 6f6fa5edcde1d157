package explain

import (
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses/all"
)

// What compares all rows with all others is not run on large arrays unless it is named.
func TestLargeIsLeftOut(t *testing.T) {
	array := func(n int64) Array {
		x := tensor.New(tensor.Float32, n, 2)
		for i := range x.Len() {
			x.SetFloat(i, math.Sin(float64(i)))
		}
		return Array{Name: "x", Tensor: x}
	}
	for _, test := range []struct {
		rows  int64
		named bool
		large bool
	}{{300, false, false}, {400, false, true}, {400, true, false}} {
		q := Question{Catalog: all.Losses(), Value: "1", Loss: "koleo", Arrays: []Array{array(test.rows)}}
		s, err := newSearch(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if !test.named {
			s.loss = nil
		}
		c := s.cores[0]
		c.run(t.Context(), s.most())
		if c.large != test.large || (c.count == 0) != test.large {
			t.Errorf("%d rows, named %v: left out %v, %d losses, want left out %v", test.rows, test.named, c.large, c.count, test.large)
		}
	}
}
