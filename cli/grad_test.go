package cli

import (
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestFitsFile: what is too large for a file is refused before it is written.
func TestFitsFile(t *testing.T) {
	c := func(name string) ir.Initializer {
		return ir.Initializer{Name: name, Tensor: tensor.New(tensor.Float32, 256)}
	}
	m := &ir.Model{Graph: &ir.Graph{Initializers: []ir.Initializer{c("a"), c("b")}}}
	if err := fitsFile(m, 4096); err != nil {
		t.Error(err)
	}
	want := "the parameters that stay in the file have 2048 bytes, and a file has less than 2 KiB: name more of them with --wrt, so that they are inputs"
	if err := fitsFile(m, 2048); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"fc.*", "fc.weight", true}, {"fc.*", "fcx", false}, {"*", "", true}, {"*.bias", "a.b.bias", true}, {"*.bias", ".bia", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"a*a", "a", false}, {"plain", "plain", false}, {"**", "x", true},
	} {
		if got := matches(test.pattern, test.name); got != test.want {
			t.Errorf("%s, %s: got %t", test.pattern, test.name, got)
		}
	}
}
