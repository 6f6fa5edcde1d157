package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/testdata"
)

// Goldens is a collection of golden cases. Goroutines may share it.
type Goldens struct {
	files fs.FS
	mu    sync.Mutex
	read  map[string][]*Golden // the cases read so far, by loss
}

func newGoldens(files fs.FS) *Goldens { return &Goldens{files: files, read: map[string][]*Golden{}} }

// embedded reads the archive in the program once.
var embedded = sync.OnceValues(func() (*Goldens, error) {
	files, err := testdata.Golden()
	if err != nil {
		return nil, fmt.Errorf("the golden cases in this program are damaged: %w", err)
	}
	return newGoldens(files), nil
})

// Golden is one golden case: a request, inputs and what PyTorch computes.
type Golden struct {
	Loss     string
	Case     string
	Note     string
	Producer string // "torch 2.15.0"
	Request  losses.Request
	Grad     []string       // inputs that are differentiated
	DTypes   []tensor.DType // of the files that the case is for
	Inputs   []Named        // float64 and int64, in the file's order
	Outputs  []Named        // float64, in the file's order
	// Float32 holds the outputs of PyTorch's float32 run where it differs in
	// kind: an overflow, a kink that rounding decides.
	Float32 map[string]*tensor.Tensor
	// Float32Error is the largest error of PyTorch's float32 run in an output,
	// where it is beyond the tolerance: differences of large numbers lose digits.
	Float32Error map[string]float64
}

// Named is a tensor with its name.
type Named struct {
	Name   string
	Tensor *tensor.Tensor
}

// EmbeddedGoldens returns the golden cases that are built into the program.
func EmbeddedGoldens() (*Goldens, error) { return embedded() }

// OpenGoldens returns the golden cases in a folder such as testdata/golden.
func OpenGoldens(dir string) (*Goldens, error) {
	g := newGoldens(os.DirFS(dir))
	list, err := g.Losses()
	if err != nil {
		return nil, fmt.Errorf("golden cases: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("golden cases: %s has no folder LOSS/CASE with a case.json", dir)
	}
	return g, nil
}

// Losses lists the losses that have cases, by name.
func (g *Goldens) Losses() ([]string, error) {
	found, err := fs.Glob(g.files, "*/*/case.json")
	if err != nil {
		return nil, err
	}
	if found == nil { // Glob is silent about a folder that is not there
		if _, err := fs.ReadDir(g.files, "."); err != nil {
			return nil, err
		}
	}
	var list []string
	for _, path := range found {
		loss := path[:slices.Index([]byte(path), '/')]
		if !slices.Contains(list, loss) {
			list = append(list, loss)
		}
	}
	return list, nil
}

// Cases reads the cases of a loss, by name. A loss without any has none.
func (g *Goldens) Cases(loss string) ([]*Golden, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if list, ok := g.read[loss]; ok {
		return list, nil
	}
	list, err := g.readAll(loss)
	if err == nil {
		g.read[loss] = list
	}
	return list, err
}

func (g *Goldens) readAll(loss string) ([]*Golden, error) {
	entries, err := fs.ReadDir(g.files, loss)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("golden cases of %s: %w", loss, err)
	}
	var list []*Golden
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		c, err := g.readCase(loss + "/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("golden case %s/%s: %w", loss, e.Name(), err)
		}
		list = append(list, c)
	}
	return list, nil
}

// readCase reads the case in a folder.
func (g *Goldens) readCase(dir string) (*Golden, error) {
	data, err := fs.ReadFile(g.files, dir+"/case.json")
	if err != nil {
		return nil, err
	}
	var m struct {
		Loss, Case, Note, Producer string
		DTypes, Grad               []string
		Request                    losses.Request
		Float32Error               map[string]float64 `json:"float32_error"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("case.json: %w", err)
	}
	c := &Golden{Loss: m.Loss, Case: m.Case, Note: m.Note, Producer: m.Producer, Request: m.Request, Grad: m.Grad, Float32: map[string]*tensor.Tensor{}, Float32Error: m.Float32Error}
	for _, name := range m.DTypes {
		d, err := tensor.ParseDType(name)
		if err != nil {
			return nil, fmt.Errorf("case.json: %w", err)
		}
		c.DTypes = append(c.DTypes, d)
	}
	if c.Inputs, err = g.tensors(dir + "/test_data_set_0/input_"); err != nil {
		return nil, err
	}
	if c.Outputs, err = g.tensors(dir + "/test_data_set_0/output_"); err != nil {
		return nil, err
	}
	if len(c.Inputs) == 0 || len(c.Outputs) == 0 {
		return nil, errors.New("it has no inputs or no outputs")
	}
	return c, g.overrides(c, dir)
}

// tensors reads prefix0.pb, prefix1.pb and so on.
func (g *Goldens) tensors(prefix string) ([]Named, error) {
	var list []Named
	for {
		t, err := g.tensor(fmt.Sprintf("%s%d.pb", prefix, len(list)))
		if errors.Is(err, fs.ErrNotExist) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
}

func (g *Goldens) tensor(path string) (Named, error) {
	data, err := fs.ReadFile(g.files, path)
	if err != nil {
		return Named{}, err
	}
	name, t, err := export.UnmarshalTensor(data)
	if err != nil {
		return Named{}, fmt.Errorf("%s: %w", path, err)
	}
	return Named{name, t}, nil
}

// overrides reads the outputs of the float32 run that are stored.
func (g *Goldens) overrides(c *Golden, dir string) error {
	for i, o := range c.Outputs {
		t, err := g.tensor(fmt.Sprintf("%s/float32/output_%d.pb", dir, i))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case t.Name != o.Name:
			return fmt.Errorf("float32/output_%d.pb holds %q, want %q", i, t.Name, o.Name)
		default:
			c.Float32[t.Name] = t.Tensor
		}
	}
	return nil
}

// ownError is how many times PyTorch's own float32 error a float32 file may be off.
const ownError = 4

// tolerance returns how exact an output of the case has to be, on an engine with
// the tolerance t.
func (c *Golden) tolerance(t Tolerance, output string, dtype tensor.DType) Tolerance {
	if dtype != tensor.Float64 {
		t.Abs = max(t.Abs, ownError*c.Float32Error[output])
	}
	return t
}

// input returns an input by name, or nil.
func (c *Golden) input(name string) *tensor.Tensor { return find(c.Inputs, name) }

func find(list []Named, name string) *tensor.Tensor {
	if i := slices.IndexFunc(list, func(n Named) bool { return n.Name == name }); i >= 0 {
		return list[i].Tensor
	}
	return nil
}

// want returns what an output of a file of a dtype has to be on an engine, and
// whether the case has the output. The reference engine never rounds to float32
// on the way, so that PyTorch's float32 run says nothing about it.
func (c *Golden) want(output string, dtype tensor.DType, engine string) (*tensor.Tensor, bool) {
	if t, ok := c.Float32[output]; ok && dtype != tensor.Float64 && engine != "reference" {
		return t, true
	}
	t := find(c.Outputs, output)
	return t, t != nil
}
