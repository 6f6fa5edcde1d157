package cli

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
)

func TestFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"grad_input": "grad_input", "a.b-c": "a.b-c", "../../x": "%2E.%2F..%2Fx", "/x": "%2Fx", `a\b`: "a%5Cb", "CON": "%43ON", "con.x": "%63on.x", "CONx": "CONx",
		"a:b": "a%3Ab", ".x": "%2Ex", "": "", "x.": "x.", "lpt1": "%6Cpt1", "\x1b[31m": "%1B%5B31m", "ä": "%C3%A4", "%41": "%2541", "-o": "%2Do", "a b": "a%20b", "\x00": "%00",
	} {
		names, err := fileNames([]ir.Port{{Name: name}})
		if err != nil || names[name] != want {
			t.Errorf("%q: got %q, error %v, want %q", name, names[name], err, want)
		}
	}
	for want, ports := range map[string][]ir.Port{
		`outputs "y" and "Y" would be one file where case does not count`: {{Name: "y"}, {Name: "Y"}},
		"its name is too long for a file":                                 {{Name: strings.Repeat("n", 201)}},
	} {
		if _, err := fileNames(ports); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// TestCutInput: a name of the model's may have a = in it.
func TestCutInput(t *testing.T) {
	ports := []ir.Port{{Name: "a"}, {Name: "a=b"}}
	for text, want := range map[string][2]string{
		"a=x.npy": {"a", "x.npy"}, "a=b=x.npy": {"a=b", "x.npy"}, "c=d=x.npy": {"c", "d=x.npy"},
	} {
		if name, path, ok := cutInput(text, ports); !ok || name != want[0] || path != want[1] {
			t.Errorf("%s: got %q and %q", text, name, path)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{"5": 5, "512MiB": 512 << 20, "4GiB": 4 << 30, "1 KiB": 1 << 10, "7B": 7} {
		if got, err := parseBytes(text); got != want || err != nil {
			t.Errorf("%s: got %d, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "GiB", "1.5GiB", "x", "9999999999GiB"} {
		if n, err := parseBytes(text); err == nil {
			t.Errorf("%s: got %d, want an error", text, n)
		}
	}
	if got := bytesText(2 << 30); got != "2 GiB" {
		t.Errorf("got %s", got)
	}
}

// TestEndless: what is no regular file is read up to a bound.
func TestEndless(t *testing.T) {
	if _, err := readAtMost("/dev/zero", 1<<10, 1<<10); err == nil || !strings.Contains(err.Error(), "more than 1 KiB") {
		t.Errorf("got error %v", err)
	}
}
