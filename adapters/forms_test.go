package adapters

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestForms: a size that is a form over letters is code in each language.
func TestForms(t *testing.T) {
	for text, want := range map[string][2]string{ // of Python and Rust
		"2*N":                 {`2 * sizes["N"]`, `2 * sizes.get("N")`},
		"H*W":                 {`sizes["H"] * sizes["W"]`, `sizes.get("H") * sizes.get("W")`},
		"N+1":                 {`sizes["N"] + 1`, `sizes.get("N") + 1`},
		"max(T-1,0)":          {`max(sizes["T"] - 1, 0)`, `(sizes.get("T") - 1).max(0)`},
		"3*N-2*max(N-M,0)":    {`3 * sizes["N"] - 2 * max(sizes["N"] - sizes["M"], 0)`, `3 * sizes.get("N") - 2 * (sizes.get("N") - sizes.get("M")).max(0)`},
		"max(4-max(T-1,0),0)": {`max(-1 * max(sizes["T"] - 1, 0) + 4, 0)`, `(-1 * (sizes.get("T") - 1).max(0) + 4).max(0)`},
	} {
		if got := [2]string{python.write(tensor.S(text)), rust.write(tensor.S(text))}; got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// TestReadForms: forms that follow from the inputs are computed, and a size that no
// input tells is refused.
func TestReadForms(t *testing.T) {
	port := func(name string, dims ...any) ir.Port {
		return ir.Port{Name: name, DType: tensor.Float32, Shape: tensor.Of(dims...)}
	}
	for _, c := range []struct {
		inputs, outputs []ir.Port
		forms, err      string
	}{
		{[]ir.Port{port("x", "N", 4)}, []ir.Port{port("loss", "N")}, "", ""},
		{[]ir.Port{port("x", "N"), port("y", "2*N")}, []ir.Port{port("loss", "N+1")}, "2*N N+1", ""},
		{[]ir.Port{port("y", "2*N")}, []ir.Port{port("loss", "2*N")}, "", ""}, // as the input has it
		{[]ir.Port{port("y", "2*N")}, []ir.Port{port("loss", "N+1")}, "", "loss has the size N+1, which no source beside the file can tell before a run: no input has the size N"},
		{[]ir.Port{port("x", "N"), port("grad_output", "M")}, []ir.Port{port("loss", "M")}, "", "grad_output has the size M"},
		{[]ir.Port{port("x", "N")}, []ir.Port{port("loss"), port("kept", "K")}, "", "kept has the size K"},
	} {
		d := &Data{}
		err := d.readForms(&ir.Graph{Inputs: c.inputs, Outputs: c.outputs})
		var forms []string
		for _, f := range d.Forms {
			forms = append(forms, f.Text)
		}
		if got := strings.Join(forms, " "); c.err == "" && (err != nil || got != c.forms) {
			t.Errorf("%v: forms %q and error %v, want %q", c.inputs, got, err, c.forms)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%v: error %v, want %q", c.inputs, err, c.err)
		}
	}
}
