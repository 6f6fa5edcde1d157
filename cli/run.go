package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/npy"
)

const runLong = `run computes the outputs of an ONNX file from arrays in .npy files, as NumPy saves
them, or in members of .npz files. Integers are converted where that is exact.
Single numbers are printed; arrays become files named after the outputs,
such as grad_input.npy.`

const runExample = `  lossgen run focal.onnx --input input=logits.npy --input target=labels.npy
  lossgen run mse.onnx --input input=x.npy --input target=t.npy -o results --engine reference`

// runOptions are what run is asked for.
type runOptions struct {
	engines *engineFlags
	inputs  []string
	dir     string
	asJSON  bool
}

func newRun(a *app) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use: "run FILE", Short: "compute the outputs of a file from .npy arrays", Long: runLong, Example: runExample,
		Args: oneArg("an .onnx file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), o, args[0]) },
	}
	cmd.Flags().StringArrayVar(&o.inputs, "input", nil, "an input as `name=file.npy`, or name=file.npz:member; once for each")
	cmd.Flags().StringVarP(&o.dir, "output", "o", ".", "`folder` for the arrays")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	o.engines = addEngineFlags(cmd, "ort or reference (default ort where it is found)")
	return cmd
}

func (a *app) run(ctx context.Context, o *runOptions, path string) error {
	m, data, err := readModel(path)
	if err != nil {
		return err
	}
	names, err := fileNames(m.Graph.Outputs)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	inputs, err := o.read(m.Graph.Inputs)
	if err != nil {
		return err
	}
	engine, err := o.engines.one()
	if err != nil {
		return err
	}
	session, err := engine.Backend.Open(data, engine.Options)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer session.Close()
	outputs, err := session.Run(ctx, inputs)
	if err != nil {
		return fmt.Errorf("%s: %w", path, reason(a.losses, m, inputs, err))
	}
	a.say("ran %s with %s", path, o.engines.describe(engine))
	return a.deliver(o, m.Graph.Outputs, names, outputs)
}

// reason says which label ended a run, where one did: an engine knows neither its
// input nor its place.
func reason(all losses.Catalog, m *ir.Model, inputs map[string]*tensor.Tensor, err error) error {
	request, not := all.FromModel(m)
	if not != nil {
		return err
	}
	plan, not := request.Resolve()
	if not != nil {
		return err
	}
	if label := plan.CheckLabels(inputs); label != nil {
		return label
	}
	return err
}

// read reads the inputs' files and checks them against the model.
func (o *runOptions) read(ports []ir.Port) (map[string]*tensor.Tensor, error) {
	files, err := o.files(ports)
	if err != nil {
		return nil, err
	}
	inputs := map[string]*tensor.Tensor{}
	sizes := map[string]sizeFrom{}
	for _, p := range ports {
		t, err := readArray(files[p.Name])
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", p.Name, err)
		}
		if t, err = t.Exactly(p.DType); err == nil {
			err = fits(p, t, sizes)
		}
		if err != nil {
			return nil, fmt.Errorf("input %s: %s holds %v, want %v%v: %w", p.Name, files[p.Name], t, p.DType, p.Shape, err)
		}
		inputs[p.Name] = t
	}
	return inputs, nil
}

// files maps each input to its file.
func (o *runOptions) files(ports []ir.Port) (map[string]string, error) {
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	files := map[string]string{}
	for _, text := range o.inputs {
		name, path, ok := cutInput(text, ports)
		if !ok || name == "" || path == "" {
			return nil, usagef("--input is %q, want name=file.npy", text)
		}
		if files[name] != "" {
			return nil, usagef("--input gives %s twice", name)
		}
		if !contains(ports, name) {
			return nil, usagef("the model has no input %q: it has %s", name, strings.Join(names, ", "))
		}
		files[name] = path
	}
	for _, p := range ports {
		if files[p.Name] == "" {
			return nil, usagef("input %s is missing: give --input %s=file.npy, %v%v", p.Name, p.Name, p.DType, p.Shape)
		}
	}
	return files, nil
}

// cutInput splits "name=file.npy". A name of the model's may have a = in it.
func cutInput(text string, ports []ir.Port) (name, path string, ok bool) {
	for _, p := range ports {
		if rest, is := strings.CutPrefix(text, p.Name+"="); is && len(p.Name) > len(name) {
			name, path, ok = p.Name, rest, true
		}
	}
	if ok {
		return name, path, ok
	}
	return strings.Cut(text, "=")
}

func contains(ports []ir.Port, name string) bool {
	for _, p := range ports {
		if p.Name == name {
			return true
		}
	}
	return false
}

// sizeFrom is the size of a letter and the input that it was read from.
type sizeFrom struct {
	size  int64
	input string
}

// fits reports why an array does not fit a port; sizes holds the letters so far.
func fits(p ir.Port, t *tensor.Tensor, sizes map[string]sizeFrom) error {
	if t.DType != p.DType {
		switch {
		case p.DType == tensor.BFloat16:
			return errors.New("convert it with x.astype(ml_dtypes.bfloat16)")
		case p.DType.IsInt() && t.DType.IsFloat() && len(t.Dims) == len(p.Shape)+1:
			return errors.New("if it holds a probability of each class, or is one-hot, emit the file with --target probabilities where the loss has that, or give x.argmax along the classes")
		}
		return fmt.Errorf("convert it with x.astype('%v')", p.DType)
	}
	if p.Shape == nil {
		return nil
	}
	if len(t.Dims) != len(p.Shape) {
		return fmt.Errorf("its rank is %d, not %d", len(t.Dims), len(p.Shape))
	}
	for axis, d := range p.Shape {
		n := t.Dims[axis]
		if d.Known() && d.Size != n {
			return fmt.Errorf("axis %d has size %d, not %d", axis, n, d.Size)
		}
		old, seen := sizes[d.Sym]
		switch {
		case !d.IsLetter(): // a form's size follows, and the file checks it
		case !seen:
			sizes[d.Sym] = sizeFrom{n, p.Name}
		case old.size != n:
			return fmt.Errorf("axis %d has size %d, but %s is %d in %s", axis, n, d.Sym, old.size, old.input)
		}
	}
	return nil
}

// resultJSON is an output as run --json prints it: a number or a file.
type resultJSON struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Dims  []int64 `json:"dims"`
	Value any     `json:"value,omitempty"`
	File  string  `json:"file,omitempty"`
}

// deliver prints single numbers and writes arrays to the files named.
func (a *app) deliver(o *runOptions, ports []ir.Port, names map[string]string, outputs map[string]*tensor.Tensor) error {
	var results []resultJSON
	for _, p := range ports {
		t := outputs[p.Name]
		r := resultJSON{Name: p.Name, DType: t.DType.String(), Dims: append([]int64{}, t.Dims...)}
		if len(t.Dims) == 0 {
			if r.Value = jsonScalar(t); !o.asJSON {
				fmt.Fprintf(a.stdout, "%s %s\n", ir.Plain(p.Name), scalar(t))
			}
		} else {
			var err error
			if r.File, err = o.write(names[p.Name], t); err != nil {
				return fmt.Errorf("output %q: %w", p.Name, err)
			}
			if names[p.Name] != p.Name {
				a.say("the output %q has no name for a file", p.Name)
			}
			a.say("wrote %s: %v", r.File, t)
		}
		results = append(results, r)
	}
	if o.asJSON {
		return a.printJSON(results)
	}
	return nil
}

func (o *runOptions) write(name string, t *tensor.Tensor) (string, error) {
	data, err := npy.Encode(t)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(o.dir, 0o777); err != nil {
		return "", fmt.Errorf("cannot make the folder %s: %w", o.dir, bare(err))
	}
	path := filepath.Join(o.dir, name+".npy")
	return path, export.WriteFile(path, data)
}

// scalar formats a single number with all its digits.
func scalar(t *tensor.Tensor) string {
	switch {
	case t.DType == tensor.Bool:
		return strconv.FormatBool(t.Int(0) != 0)
	case !t.DType.IsFloat():
		return strconv.FormatInt(t.Int(0), 10)
	case t.DType == tensor.Float64 || math.IsInf(t.Float(0), 0):
		return losses.Text(t.Float(0))
	}
	return strings.ToLower(strconv.FormatFloat(t.Float(0), 'g', -1, 32))
}

// jsonScalar is a number, or a string for those that JSON lacks.
func jsonScalar(t *tensor.Tensor) any { return jsonElement(t, 0) }

func jsonElement(t *tensor.Tensor, i int) any {
	f := t.Float(i)
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		return strings.ToLower(losses.Text(f))
	case t.DType == tensor.Bool:
		return t.Int(i) != 0
	case !t.DType.IsFloat():
		return t.Int(i)
	case t.DType == tensor.Float64:
		return f
	}
	return float32(f)
}
