package verify

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/regression"
)

// tiny is one golden case: the mean of (1-0)² and (3-1)², and its gradient.
const tiny = `golden cases of mse, made by torch 0
-- tiny --
{"dtypes":["float32","float64"],"grad":["input"],"request":{"options":{"reduction":"mean"},"grad":["input"],"shape":{"input":"N"}}}
input input float64 [2] 1 3
input target float64 [2] 0 1
output loss [] 2.5
output grad_input [2] 1 2
`

// with returns a file in which a line has other numbers.
func with(t *testing.T, text, line, numbers string) string {
	t.Helper()
	before, after, ok := strings.Cut(text, "\n"+line+" ")
	_, after, closed := strings.Cut(after, "\n")
	if !ok || !closed {
		t.Fatalf("there is no line %q", line)
	}
	return before + "\n" + line + " " + numbers + "\n" + after
}

func goldensOf(text string) *Goldens {
	return newGoldens(all.Losses(), fstest.MapFS{"mse.txt": {Data: []byte(text)}}, plain)
}

func TestLossOnTinyGoldens(t *testing.T) {
	if r := Loss(t.Context(), regression.MSE, allEngines(t), Options{Catalog: all.Losses(), Goldens: goldensOf(tiny)}); !r.Passed() || len(r.Checks) < 2 {
		t.Errorf("right outputs:\n%s", text(t, r))
	}
	wrong := with(t, tiny, "output grad_input [2]", "1 2.001")
	r := Loss(t.Context(), regression.MSE, allEngines(t), Options{Catalog: all.Losses(), Goldens: goldensOf(wrong)})
	if r.Passed() || !strings.Contains(text(t, r), "tiny: grad_input: 1 of 2 wrong, first [1]: got 2, want 2.001") {
		t.Errorf("a wrong gradient:\n%s", text(t, r))
	}
}

// TestFloat32Override: what PyTorch does in float32 holds for ONNX Runtime, not
// for the reference engine, which never rounds to float32.
func TestFloat32Override(t *testing.T) {
	engines := allEngines(t)
	r := Loss(t.Context(), regression.MSE, engines, Options{Catalog: all.Losses(), Goldens: goldensOf(tiny + "float32 loss [] inf\n")})
	for _, c := range r.Checks {
		if want := c.Engine == "reference" || c.DType == "float64"; c.Pass != want {
			t.Errorf("%s %s: pass %v, want %v", c.Engine, c.DType, c.Pass, want)
		}
	}
}

func TestOpenGoldens(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenGoldens(all.Losses(), dir); err == nil {
		t.Error("an empty folder opens")
	}
	if _, err := OpenGoldens(all.Losses(), filepath.Join(dir, "no")); err == nil {
		t.Error("no folder opens")
	}
	for name, content := range map[string]string{"mse.txt": tiny, "README.md": "no cases", "l 1.txt": "no loss"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g, err := OpenGoldens(all.Losses(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := g.Losses(); err != nil || len(list) != 1 || list[0] != "mse" {
		t.Errorf("losses %v, %v", list, err)
	}
	if r := Loss(t.Context(), regression.L1, referenceOnly(), Options{Catalog: all.Losses(), Goldens: g}); r.Passed() {
		t.Error("a loss without cases passes")
	}
}

// TestGoldensAreLazy: a damaged file fails the cases of its own loss alone.
func TestGoldensAreLazy(t *testing.T) {
	g := newGoldens(all.Losses(), fstest.MapFS{"mse.txt": {Data: []byte(tiny)}, "l1.txt": {Data: []byte("damaged")}}, plain)
	if list, err := g.Losses(); err != nil || len(list) != 2 {
		t.Errorf("losses %v, %v", list, err)
	}
	if list, err := g.Cases("mse"); err != nil || len(list) != 1 {
		t.Errorf("%d cases, %v", len(list), err)
	}
	if _, err := g.Cases("l1"); err == nil || !strings.HasPrefix(err.Error(), "golden cases: l1.txt:1: ") {
		t.Errorf("a damaged file: %v", err)
	}
	if list, err := g.Cases("huber"); err != nil || len(list) != 0 {
		t.Errorf("a loss without a file: %d cases, %v", len(list), err)
	}
}

// TestUnreadableGoldens: what is no plain file, too large or not compressed is refused.
func TestUnreadableGoldens(t *testing.T) {
	for want, g := range map[string]*Goldens{
		"cannot read mse.txt: it is no plain file":        newGoldens(all.Losses(), fstest.MapFS{"mse.txt/x": {}}, plain),
		"cannot read mse.txt: it has more than":           newGoldens(all.Losses(), fstest.MapFS{"mse.txt": {Data: make([]byte, maxGoldenFile+1)}}, plain),
		"cannot read mse.bz2: bzip2 data invalid: bad ma": newGoldens(all.Losses(), fstest.MapFS{"mse.bz2": {Data: []byte(tiny)}}, packed),
	} {
		if _, err := g.Cases("mse"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestEmbeddedGoldens: the cases in the program are those of the folder, bit by bit,
// and every loss has some.
func TestEmbeddedGoldens(t *testing.T) {
	embedded, err := EmbeddedGoldens(all.Losses())
	if err != nil {
		t.Fatal(err)
	}
	folder, err := OpenGoldens(all.Losses(), "../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		got, err := embedded.Cases(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := folder.Cases(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d cases in the program are not the %d of the folder", name, len(got), len(want))
		}
	}
}
