package adapters

import "testing"

// TestSizesOfOutputs checks what adapters of compiled languages rely on: the inputs
// tell the size of every axis of an output.
func TestSizesOfOutputs(t *testing.T) {
	for _, r := range requests(t) {
		d := build(t, r).describe(t)
		known := map[string]bool{}
		for _, in := range d.All() {
			for _, dim := range in.Dims {
				known[dim.Text] = true
			}
		}
		for _, out := range d.Outputs {
			for _, dim := range out.Dims {
				if !known[dim.Text] && !dim.Known {
					t.Errorf("%+v: no input has the axis %s of %s", r, dim.Text, out.Name)
				}
			}
		}
	}
}

func TestJavaSource(t *testing.T) {
	got, err := asciiJava([]byte("// a·b over π\nString file = \"größe\";\n"))
	if want := "// a*b over pi\nString file = \"gr\\u00f6\\u00dfe\";\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
