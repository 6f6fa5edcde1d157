package adapters

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// requests returns requests for every loss that exercise what adapters handle:
// upstream gradients, files without gradients, optional inputs, other dtypes.
func requests(t *testing.T) []losses.Request {
	t.Helper()
	requests := []losses.Request{{Catalog: all.Losses(), Loss: "cross_entropy", With: []string{"sample_weight", "mask", "normalizer"}},
		{Catalog: all.Losses(), Loss: "focal", Options: losses.Values{"reduction": "sum"}, Normalizer: true},
		{Catalog: all.Losses(), Loss: "focal", Options: losses.Values{"reduction": "sum"}, Normalizer: true, DType: tensor.Float16},
		{Catalog: all.Losses(), Loss: "mse", With: []string{"normalizer"}, DType: tensor.Float16, LossDType: tensor.Float32}}
	for _, l := range all.Losses() {
		s := l.Declaration()
		var optional, able []string
		for _, in := range s.Inputs {
			if in.Optional {
				optional = append(optional, in.Name)
			} else if in.Grad != losses.No {
				able = append(able, in.Name)
			}
		}
		requests = append(requests,
			losses.Request{Catalog: all.Losses(), Loss: s.Name},
			losses.Request{Catalog: all.Losses(), Loss: s.Name, Grad: []string{"none"}},
			losses.Request{Catalog: all.Losses(), Loss: s.Name, GradOutput: true, With: optional, Grad: able, DType: tensor.Float64, IndexDType: tensor.Int32})
		for _, o := range l.Options() {
			for reduction, dtype := range map[string]tensor.DType{"none": tensor.Float32, "sum": tensor.Float16} {
				if o.Name == "reduction" && slices.Contains(o.Choices, reduction) {
					requests = append(requests, losses.Request{Catalog: all.Losses(), Loss: s.Name, Options: losses.Values{"reduction": reduction}, DType: dtype})
				}
			}
		}
	}
	return requests
}

// emitted is a plan and its file.
type emitted struct {
	plan *losses.Plan
	file []byte
}

func (e emitted) write(stem string, stacks ...string) (map[string][]byte, error) {
	return Write(e.plan, e.file, stem, stacks)
}

func (e emitted) describe(t *testing.T) *Data {
	t.Helper()
	d, err := Describe(e.plan, e.file, "x")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func build(t *testing.T, r losses.Request) emitted {
	t.Helper()
	p, err := r.Resolve()
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	m, err := p.Model()
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return emitted{p, data}
}

// TestEveryLoss renders every stack for every loss and hands the Python sources
// to Python's compiler, where there is one.
func TestEveryLoss(t *testing.T) {
	dir := t.TempDir()
	var sources []string
	for _, r := range requests(t) {
		files, err := build(t, r).write("loss", Names()...)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		if err := Refuse(dir, "loss", files); err != nil {
			t.Fatal(err)
		}
		if len(files) != len(Stacks) {
			t.Fatalf("%+v: %d files for %d stacks", r, len(files), len(Stacks))
		}
		for name, data := range files {
			checkText(t, name, string(data))
			if strings.HasSuffix(name, ".py") {
				path := filepath.Join(dir, fmt.Sprintf("%d_%s", len(sources), name))
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
				sources = append(sources, path)
			}
		}
	}
	compilePython(t, sources)
}

// compilePython hands sources to Python's compiler: that of the project's .venv,
// which make test makes, or the system's.
func compilePython(t *testing.T, sources []string) {
	t.Helper()
	python := filepath.Join("..", ".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if python, err = exec.LookPath("python3"); err != nil {
			t.Fatal("the sources need Python to be compiled: install python3, or run make test, which makes .venv")
		}
	}
	command := exec.Command(python, "-W", "error", "-c", "import ast, sys\nfor path in sys.stdin.read().split('\\0'): ast.parse(open(path, 'rb').read(), path)")
	command.Stdin = strings.NewReader(strings.Join(sources, "\x00"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("Python: %v\n%s", err, out)
	}
}

func checkText(t *testing.T, name, text string) {
	t.Helper()
	switch {
	case strings.Contains(text, "<no value>"), strings.Contains(text, "{{."), strings.Contains(text, "{{end"):
		t.Errorf("%s has leftovers of its template", name)
	case strings.Contains(text, "\n\n\n\n"):
		t.Errorf("%s has three empty lines in a row", name)
	case !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n"):
		t.Errorf("%s does not end in one newline", name)
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("%s: trailing space in %q", name, line)
			return
		}
	}
}

// TestGolden compares one file per stack with testdata; -update rewrites them.
func TestGolden(t *testing.T) {
	files, err := build(t, losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", With: []string{"weight"}}).write("ce", Names()...)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(data) {
			t.Errorf("%s differs from %s: run go test ./adapters -update and look at the difference", name, path)
		}
	}
}

func TestNames(t *testing.T) {
	for stem, want := range map[string][2]string{
		"focal":         {"focal", "Focal"},
		"cross_entropy": {"cross_entropy", "CrossEntropy"},
		"my-loss v1":    {"my_loss_v1", "MyLossV1"},
		"2nd":           {"loss_2nd", "Loss2nd"},
		"_private":      {"private", "Private"},
		"größe":         {"gr__e", "GrE"},
		"---":           {"loss_", "Loss"},
	} {
		if got := [2]string{python.moduleName(stem), python.className(stem)}; got != want {
			t.Errorf("%q gives %v, want %v", stem, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	bfloat16 := build(t, losses.Request{Catalog: all.Losses(), Loss: "mse", DType: tensor.BFloat16})
	for _, c := range []struct {
		file              []byte
		stem, stack, want string
	}{
		{bfloat16.file, "x", "mxnet", "no adapter is called"},
		{bfloat16.file, "x", "jax", "--dtype float32"},
		{[]byte("x"), "x", "torch", "not an ONNX model"},
		{bfloat16.file, "x\xff", "torch", "not UTF-8"},
		{bfloat16.file, "what?", "go", "cannot be embedded by Go"},
		{bfloat16.file, "{x}", "go", "cannot be embedded by Go"},
	} {
		if _, err := Write(bfloat16.plan, c.file, c.stem, []string{c.stack}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.stack, err, c.want)
		}
	}
	if _, err := bfloat16.write("x", "torch"); err != nil {
		t.Errorf("torch passes bfloat16: %v", err)
	}
}

// TestRanks checks which files take inputs of other ranks.
func TestRanks(t *testing.T) {
	for _, c := range []struct {
		request  losses.Request
		flexible bool
		star     int
		loss     string
	}{
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}, true, 0, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", Shapes: map[string]string{"input": "N,C,H,W"}, Options: losses.Values{"reduction": "none"}}, true, 2, "N *"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse"}, true, 2, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "N,D", "target": "N,1"}}, false, 0, ""}, // broadcasts
		{losses.Request{Catalog: all.Losses(), Loss: "kl_div", Shapes: map[string]string{"input": "N"}, Options: losses.Values{"reduction": "batchmean"}}, false, 0, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "triplet_margin", Options: losses.Values{"reduction": "none"}}, true, 1, "*"},
		{losses.Request{Catalog: all.Losses(), Loss: "generalized_box_iou"}, true, 1, "*"},
		{losses.Request{Catalog: all.Losses(), Loss: "quantile"}, false, 0, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "multi_margin"}, true, 0, ""}, // without the batch axis
		{losses.Request{Catalog: all.Losses(), Loss: "dice"}, true, 2, ""},         // its pixels may be one axis
		{losses.Request{Catalog: all.Losses(), Loss: "dice", Shapes: map[string]string{"input": "N,C"}}, false, 0, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "dice", Options: losses.Values{"reduction": "none"}}, false, 0, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "r2", Shapes: map[string]string{"input": "N,D"}, Options: losses.Values{"reduction": "none"}}, true, 1, "*"},
	} {
		d := build(t, c.request).describe(t)
		r := d.Ranks
		if r.Flexible != c.flexible || r.Star != c.star || strings.Join(r.Loss, " ") != c.loss {
			t.Errorf("%+v: %+v, want flexible %v, star %d, loss %q", c.request, r, c.flexible, c.star, c.loss)
		}
	}
}

func TestNoProducts(t *testing.T) {
	plan, err := losses.Request{Catalog: all.Losses(), Loss: "mse", HVP: true}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(plan, nil, "mse", []string{"torch"}); err == nil || !strings.Contains(err.Error(), "Hessian") {
		t.Errorf("the error is %v, want one that says what is missing", err)
	}
}
