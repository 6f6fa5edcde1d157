package cli

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file reads a request for a loss from flags.

// requestFlags are the flags that make up a request.
type requestFlags struct {
	losses     losses.Catalog
	stdin      io.Reader
	flags      *pflag.FlagSet
	options    map[string]*string // the options of all losses, by name
	taken      map[string]string  // by loss, an option whose name is another flag's
	tasks      []string
	with, grad []string
	gradOutput bool
	normalizer bool
	hvp        bool
	dtype      string
	lossDType  string
	indexDType string
	opset      int64
	target     string
	steps      []string
	shapes     []string
	config     string
}

func addRequestFlags(fs *pflag.FlagSet, a *app) *requestFlags {
	f := addLossFlags(fs, a)
	fs.StringSliceVar(&f.grad, "grad", nil, "`inputs` to differentiate, or none for the loss alone")
	fs.BoolVar(&f.gradOutput, "grad-output", false, "add an input grad_output, the gradient that arrives from further on")
	fs.BoolVar(&f.hvp, "hvp", false, "add inputs vector_NAME and outputs hvp_NAME, the product of the Hessian with them")
	fs.BoolVar(&f.normalizer, "normalizer", false, "add an output normalizer, what mean would divide by")
	fs.StringVar(&f.dtype, "dtype", "", "type of floating inputs and outputs: float32, float64, float16 or bfloat16 (default float32)")
	fs.StringVar(&f.lossDType, "loss-dtype", "", "type of the loss, beside 16-bit inputs: float32 (default: that of --dtype)")
	fs.Lookup("opset").Usage = "version of the ONNX operators, 13 to 28 (default 17)"
	fs.StringVar(&f.target, "for", "", "write fewer operators for one `consumer`: accelerator, onnx2torch or tract (default all others)")
	fs.StringArrayVar(&f.steps, "map", nil, "steps on an input, on loss before reduction, or on result, as `name=steps`, such as input=clip:1e-7:1,log")
	fs.StringVar(&f.config, "config", "", "read the request from a YAML `file`, - for standard input; flags override it")
	return f
}

// addLossFlags adds those of a loss that is put behind something.
func addLossFlags(fs *pflag.FlagSet, a *app) *requestFlags {
	f := &requestFlags{losses: a.losses, stdin: a.stdin, flags: fs}
	fs.StringSliceVar(&f.with, "with", nil, "optional `inputs` to add, such as weight")
	fs.StringArrayVar(&f.tasks, "task", nil, "a task of multi_task, as `name=loss[,option=value...]`; once for each")
	fs.StringVar(&f.indexDType, "index-dtype", "", "type of integer inputs: int64 or int32 (default int64)")
	fs.Int64Var(&f.opset, "opset", 0, "version of the ONNX operators, 13 to 28 (default the model's)")
	fs.StringArrayVar(&f.shapes, "shape", nil, "shape of an input as `name=dims`, such as input=N,C,H,W; the others follow")
	return f
}

// addOptions registers the options of all losses, after all other flags of the
// command: a loss declared elsewhere may have an option with the name of one.
func (f *requestFlags) addOptions(a *app, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag() // which comes before them
	f.options, f.taken = map[string]*string{}, map[string]string{}
	if a.args != nil && !slices.Contains(a.args, cmd.Name()) {
		return // the command line is of another command: hundreds of flags take their time
	}
	for _, o := range optionFlags(a.losses) {
		if f.flags.Lookup(flagName(o.Name)) == nil {
			f.addOption(o.Option)
			continue
		}
		for _, loss := range o.losses {
			f.taken[loss] = o.Name
		}
	}
}

// optionFlag is an option, as the first of the losses that have it declares it.
type optionFlag struct {
	losses.Option
	losses []string
}

// optionFlags are the options of all losses; tasks have a flag of their own.
func optionFlags(catalog losses.Catalog) (list []optionFlag) {
	places := map[string]int{}
	for _, l := range catalog {
		for _, o := range append(l.Options(), losses.WrapperOptions(l)...) {
			if o.Kind == "tasks" {
				continue
			}
			i, ok := places[o.Name]
			if !ok {
				i = len(list)
				places[o.Name], list = i, append(list, optionFlag{Option: o})
			}
			list[i].losses = append(list[i].losses, l.Declaration().Name)
		}
	}
	return list
}

// flagName is the name of a flag as the help writes it; _ is read as - is.
func flagName(name string) string { return strings.ReplaceAll(name, "_", "-") }

// addOption registers an option of a loss as a hidden flag: the help of a loss
// shows its own. Several losses may have the option.
func (f *requestFlags) addOption(o losses.Option) {
	f.options[o.Name] = f.flags.String(o.Name, "", o.Doc)
	flag := f.flags.Lookup(o.Name)
	flag.Hidden = true
	if o.Kind == "bool" {
		flag.NoOptDefVal = "true"
	}
}

// lossName takes the loss from a name or from a file's stem.
func lossName(arg string) string {
	if isModelPath(arg) {
		return strings.TrimSuffix(filepath.Base(arg), filepath.Ext(arg))
	}
	return arg
}

func isModelPath(arg string) bool { return strings.EqualFold(filepath.Ext(arg), ".onnx") }

// configuration reads the file that --config names, if any.
func (f *requestFlags) configuration() (configuration, error) {
	if f.config == "" {
		return configuration{}, nil
	}
	return readConfig(f.losses, f.config, f.stdin)
}

// request reads the flags for a loss, over the request of the configuration
// file.
func (f *requestFlags) request(loss string, r losses.Request) (losses.Request, error) {
	r.Catalog, r.Loss = f.losses, loss
	if err := f.readOptions(&r); err != nil {
		return r, err
	}
	if f.flags.Changed("with") {
		r.With = trimmed(f.with)
	}
	if f.flags.Changed("grad") {
		r.Grad = trimmed(f.grad)
		if len(r.Grad) == 0 {
			return r, fmt.Errorf("--grad is empty: name inputs, or none")
		}
	}
	if f.flags.Changed("grad-output") {
		r.GradOutput = f.gradOutput
	}
	if f.flags.Changed("hvp") {
		r.HVP = f.hvp
	}
	if f.flags.Changed("normalizer") {
		r.Normalizer = f.normalizer
	}
	if f.flags.Changed("opset") {
		if _, err := ir.VersionFor(f.opset); err != nil {
			return r, err // here, since 0 in a request is the default
		}
		r.Opset = f.opset
	}
	if f.flags.Changed("for") {
		r.For = losses.Target(f.target)
	}
	for _, d := range []struct {
		flag, text, want string
		to               *tensor.DType
	}{
		{"dtype", f.dtype, "float32, float64, float16 or bfloat16", &r.DType},
		{"loss-dtype", f.lossDType, "float32, or the --dtype", &r.LossDType},
		{"index-dtype", f.indexDType, "int64 or int32", &r.IndexDType},
	} {
		if !f.flags.Changed(d.flag) {
			continue
		}
		var err error
		if *d.to, err = tensor.ParseDType(d.text); err != nil {
			return r, fmt.Errorf("--%s is %q, want %s", d.flag, d.text, d.want)
		}
	}
	if err := f.readSteps(&r); err != nil {
		return r, err
	}
	return r, f.readShapes(&r)
}

func trimmed(names []string) []string {
	out := []string{}
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// readOptions takes the loss's own options from the flags that are set.
func (f *requestFlags) readOptions(r *losses.Request) error {
	loss, _, ok := f.losses.Find(r.Loss)
	if !ok {
		return nil // said by Resolve
	}
	if name := loss.Declaration().Name; f.taken[name] != "" {
		return fmt.Errorf("%s has an option %s, which is the name of the command's flag --%s: declare it by another name",
			name, f.taken[name], flagName(f.taken[name]))
	}
	values := losses.Values{}
	for name, value := range r.Options {
		values[name] = value
	}
	if err := f.readTasks(loss, values); err != nil {
		return err
	}
	own := append(loss.Options(), losses.WrapperOptions(loss)...)
	for _, name := range sortedKeys(f.options) {
		if !f.flags.Changed(name) {
			continue
		}
		i := slices.IndexFunc(own, func(o losses.Option) bool { return o.Name == name })
		if i < 0 {
			return fmt.Errorf("%s has no option --%s: %s", loss.Declaration().Name, name, f.owners(name))
		}
		value, err := own[i].Parse(*f.options[name])
		if err != nil {
			return fmt.Errorf("%s: %w", loss.Declaration().Name, err)
		}
		values[name] = value
	}
	if len(values) > 0 {
		r.Options = values
	}
	return nil
}

// readTasks takes the tasks of a composition from flags.
func (f *requestFlags) readTasks(loss losses.Loss, values losses.Values) error {
	if !f.flags.Changed("task") {
		return nil
	}
	if !slices.ContainsFunc(loss.Options(), func(o losses.Option) bool { return o.Name == "tasks" }) {
		return fmt.Errorf("%s has no tasks: multi_task has them", loss.Declaration().Name)
	}
	var tasks []losses.Task
	for _, text := range f.tasks {
		task, err := losses.ParseTask(text)
		if err != nil {
			return fmt.Errorf("--task: %w", err)
		}
		tasks = append(tasks, task)
	}
	values["tasks"] = tasks
	return nil
}

// owners says which losses have an option.
func (f *requestFlags) owners(option string) string {
	var names []string
	for _, l := range f.losses {
		all := append(l.Options(), losses.WrapperOptions(l)...)
		if slices.ContainsFunc(all, func(o losses.Option) bool { return o.Name == option }) {
			names = append(names, l.Declaration().Name)
		}
	}
	if len(names) == 1 {
		return names[0] + " has it"
	}
	return strings.Join(names, ", ") + " have it"
}

// readShapes adds the shapes of flags to those of a configuration file.
func (f *requestFlags) readShapes(r *losses.Request) error {
	given := map[string]string{}
	for _, text := range f.shapes {
		name, dims, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return fmt.Errorf("--shape is %q, want name=dims, such as input=N,C", text)
		}
		if old, twice := given[name]; twice && old != dims {
			return fmt.Errorf("--shape gives %s twice, as %q and %q", name, old, dims)
		}
		given[name] = dims
	}
	if len(given) == 0 {
		return nil
	}
	shapes := map[string]string{}
	for name, dims := range r.Shapes {
		shapes[name] = dims
	}
	for name, dims := range given {
		shapes[name] = dims
	}
	r.Shapes = shapes
	return nil
}

// readSteps adds the steps of flags to those of a configuration file.
func (f *requestFlags) readSteps(r *losses.Request) error {
	if len(f.steps) == 0 {
		return nil
	}
	all := map[string]string{}
	maps.Copy(all, r.Map)
	given := map[string]bool{}
	for _, text := range f.steps {
		name, steps, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || steps == "" {
			return fmt.Errorf("--map is %q, want name=steps, such as input=clip:1e-7:1,log", text)
		}
		if given[name] {
			return fmt.Errorf("--map gives %s twice: separate steps by commas", name)
		}
		all[name], given[name] = steps, true
	}
	r.Map = all
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
