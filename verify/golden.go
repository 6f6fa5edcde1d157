package verify

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/testdata"
)

// Goldens is a collection of golden cases, a file for each loss, which is read when
// its cases are asked for. Goroutines may share it.
type Goldens struct {
	losses losses.Catalog // that the cases are of
	files  fs.FS
	ending string // of the files' names: .txt, or .bz2 where they are compressed
	mu     sync.Mutex
	read   map[string][]*Golden // the cases read so far, by loss
	plans  map[*Golden]resolved // of the cases asked for so far
}

// resolved is what the request of a case resolves to.
type resolved struct {
	plan *losses.Plan
	err  error
}

func newGoldens(all losses.Catalog, files fs.FS, ending string) *Goldens {
	return &Goldens{losses: all, files: files, ending: ending, read: map[string][]*Golden{}, plans: map[*Golden]resolved{}}
}

// The endings of golden files.
const (
	plain  = ".txt"
	packed = ".bz2"
)

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

// EmbeddedGoldens returns the golden cases that are built into the program, which are
// of losses of a catalogue.
func EmbeddedGoldens(all losses.Catalog) (*Goldens, error) {
	files, err := testdata.Packed()
	return newGoldens(all, files, packed), err
}

// OpenGoldens returns the golden cases in a folder such as testdata/golden, which are
// of losses of a catalogue.
func OpenGoldens(all losses.Catalog, dir string) (*Goldens, error) {
	g := newGoldens(all, os.DirFS(dir), plain)
	list, err := g.Losses()
	if err != nil {
		return nil, fmt.Errorf("golden cases: cannot read the folder %s: %w", dir, bare(err))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("golden cases: %s has no file LOSS.txt", dir)
	}
	return g, nil
}

// Losses lists the losses that have files, by name.
func (g *Goldens) Losses() ([]string, error) {
	entries, err := fs.ReadDir(g.files, ".")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if loss, ok := strings.CutSuffix(e.Name(), g.ending); ok && portName.MatchString(loss) {
			list = append(list, loss)
		}
	}
	return list, nil
}

// Cases reads the cases of a loss, in the file's order. A loss without any has none.
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

// plan resolves the request of a case, once for all files that it may be for.
func (g *Goldens) plan(c *Golden) (*losses.Plan, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.plans[c]
	if !ok {
		r.plan, r.err = c.Request.Resolve()
		g.plans[c] = r
	}
	return r.plan, r.err
}

func (g *Goldens) readAll(loss string) ([]*Golden, error) {
	file := loss + g.ending
	data, err := g.readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("golden cases: cannot read %s: %w", file, bare(err))
	}
	list, err := readGoldens(file, loss, data)
	if err != nil {
		return nil, fmt.Errorf("golden cases: %w", err)
	}
	for _, c := range list {
		c.Request.Catalog = g.losses
	}
	return list, nil
}

// readFile reads a file's text, within the limit. What is no plain file may not end,
// or not begin.
func (g *Goldens) readFile(name string) ([]byte, error) {
	info, err := fs.Stat(g.files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no plain file")
	}
	f, err := g.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if g.ending == packed {
		r = bzip2.NewReader(f)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxGoldenFile+1))
	if err == nil && len(data) > maxGoldenFile {
		err = fmt.Errorf("it has more than %d bytes", maxGoldenFile)
	}
	return data, err
}

// bare returns why a file cannot be read, without its name.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
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
