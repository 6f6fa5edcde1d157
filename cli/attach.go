package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/adapters"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/safetensors"
	"github.com/lossgen/lossgen/train"
)

const attachLong = `attach puts a loss behind a model of anybody's, with the gradients of its parameters or
an optimizer's step: one file that stock ONNX Runtime trains with. Its inputs are the
model's, the loss's others (such as target), the trained parameters by their names, and
what the optimizer keeps; X becomes the output new_X, to be given back in the next run.
What these inputs start with is in a .safetensors file beside it.

The options of the loss are flags: ` + "`lossgen emit LOSS --help`" + ` shows them.
Optimizers, with their options behind commas: sgd (lr, weight_decay), momentum and
nesterov (lr, momentum, weight_decay), adam and adamw (lr, beta1, beta2, eps,
weight_decay), as torch.optim has them; none gives grad_NAME.`

const attachExample = `  lossgen attach resnet18.onnx --loss cross_entropy --optimizer sgd,lr=0.01
  lossgen attach net.onnx --loss huber --delta 0.5 --train 'head.*' --eval net_eval.onnx
  lossgen attach net.onnx --loss multi_task --task depth=huber --task seg=cross_entropy --bind depth_input=depth,seg_input=seg`

// graphFlags say which training graph is made of a model.
type graphFlags struct {
	request       *requestFlags
	loss          string
	output        string
	bind          []string
	train, freeze []string
	batchNorm     string
	optimizer     string
	clipNorm      float64
}

// attachFlags are what attach is asked for.
type attachFlags struct {
	graphFlags
	file       string
	keep       []string
	accumulate bool
	eval       string
	embed      bool
	adapters   []string
}

func newAttach(a *app) *cobra.Command {
	f := &attachFlags{}
	cmd := &cobra.Command{
		Use: "attach MODEL.onnx --loss LOSS", Short: "write any model with a loss and what trains it", Long: attachLong, Example: attachExample,
		Args: oneArg("the file of a model"),
		RunE: func(_ *cobra.Command, args []string) error { return a.attach(f, args[0]) },
	}
	f.add(cmd, a, "none")
	fs := cmd.Flags()
	fs.StringVarP(&f.file, "o", "o", "", "`file` to write (default MODEL_train.onnx)")
	fs.StringSliceVar(&f.keep, "outputs", nil, "`outputs` of the model to keep, names or patterns with commas")
	fs.BoolVar(&f.accumulate, "accumulate", false, "add the gradients of earlier batches, inputs acc_NAME")
	fs.StringVar(&f.eval, "eval", "", "`file` for the loss alone, of the model out of training")
	fs.BoolVar(&f.embed, "embed", false, "put what inputs start with into the file, as their defaults")
	fs.StringSliceVar(&f.adapters, "adapter", nil, "write sources with a type Trainer beside the file, for `languages`: "+strings.Join(adapters.TrainerNames(), ", "))
	f.request.addOptions(a, cmd)
	return cmd
}

// add declares the flags. The losses' own come behind all others, by addOptions.
func (f *graphFlags) add(cmd *cobra.Command, a *app, optimizer string) {
	fs := cmd.Flags()
	f.request = addLossFlags(fs, a)
	fs.StringVar(&f.loss, "loss", "", "the `loss`")
	fs.StringVar(&f.output, "output", "", "`output` of the model that the loss takes first (default the only floating-point one)")
	fs.StringSliceVar(&f.bind, "bind", nil, "further inputs of the loss that the model has, as `input=name`, with commas")
	fs.StringSliceVar(&f.train, "train", nil, "parameters to train, `names` or patterns with commas (default all)")
	fs.StringSliceVar(&f.freeze, "freeze", nil, "parameters not to train, `names` or patterns with commas")
	fs.StringVar(&f.batchNorm, "batchnorm", string(train.NormTrain), "batch normalization by the batch, by its statistics, or as the file has it: `"+strings.Join(train.BatchNorms(), "|")+"`")
	fs.StringVar(&f.optimizer, "optimizer", optimizer, "what new parameters are computed with, as `name[,option=value...]`")
	fs.Float64Var(&f.clipNorm, "clip-norm", 0, "`limit` of the norm of all gradients together")
}

func (a *app) attach(f *attachFlags, path string) error {
	o, err := f.options("attach")
	if err != nil {
		return usage(err)
	}
	if f.clipNorm > 0 && f.accumulate && f.optimizer == "none" {
		return usagef("--clip-norm limits the sum of all batches: give it to the file with the optimizer, not to the one that adds up")
	}
	if err := f.completeTrainer(path); err != nil {
		return usage(err)
	}
	o.Accumulate, o.Embed, o.Eval = f.accumulate, f.embed, f.eval != ""
	read, err := readModelWithData(path)
	if err != nil {
		return err
	}
	m, err := f.choose(&o, read, path)
	if err != nil {
		return err
	}
	if o.Keep, err = chosen("--outputs", f.keep, names(m.Outputs())); err != nil {
		return err
	}
	made, err := m.Attach(o)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return a.writeAttached(f, path, m, made)
}

// options reads the flags that do not need the model.
func (f *graphFlags) options(command string) (o train.Options, err error) {
	if f.loss == "" {
		return o, fmt.Errorf("%s needs a loss: name one with --loss", command)
	}
	if !slices.Contains(train.BatchNorms(), f.batchNorm) {
		return o, fmt.Errorf("--batchnorm is %q, want %s", f.batchNorm, strings.Join(train.BatchNorms(), ", "))
	}
	o = train.Options{Output: f.output, Bind: map[string]string{}, ClipNorm: f.clipNorm}
	if o.Loss, err = f.request.request(f.loss, losses.Request{}); err != nil {
		return o, err
	}
	if _, err := (losses.Request{Catalog: o.Loss.Catalog, Loss: o.Loss.Loss, Options: o.Loss.Options}).Resolve(); err != nil {
		return o, err
	}
	if o.Opset = o.Loss.Opset; o.Opset == 0 {
		o.Loss.Opset = ir.DefaultOpset // a loss can be written for it, whatever the model's is
	}
	if o.Optimizer, err = train.ParseOptimizer(f.optimizer); err != nil {
		return o, fmt.Errorf("--optimizer: %w", err)
	}
	if f.request.flags.Changed("clip-norm") && !(f.clipNorm > 0 && f.clipNorm <= math.MaxFloat32) {
		return o, fmt.Errorf("--clip-norm is %g, want a number above 0", f.clipNorm)
	}
	for _, text := range f.bind {
		input, name, ok := strings.Cut(text, "=")
		if !ok || input == "" || name == "" {
			return o, fmt.Errorf("--bind is %q, want input=name", text)
		}
		if o.Bind[input] != "" {
			return o, fmt.Errorf("--bind gives %s twice", input)
		}
		o.Bind[input] = name
	}
	return o, nil
}

// choose prepares the model, and looks up names and patterns in it.
func (f *graphFlags) choose(o *train.Options, read *ir.Model, path string) (m *train.Model, err error) {
	if m, err = train.Read(read, train.BatchNorm(f.batchNorm)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if o.Train, err = chosen("--train", f.train, m.Names()); err != nil {
		return nil, err
	}
	if len(f.train) == 0 {
		o.Train = nil
	}
	if o.Freeze, err = chosen("--freeze", f.freeze, m.Names()); err != nil {
		return nil, err
	}
	_, err = chosen("--output", oneOrNone(f.output), names(m.Outputs()))
	return m, err
}

// writeAttached writes the files, and says what is trained.
func (a *app) writeAttached(f *attachFlags, path string, m *train.Model, made *train.Result) error {
	file := f.name(path)
	if file == f.eval {
		return usagef("--eval and -o are one file, %s: name two", file)
	}
	if file == "-" && !f.embed {
		return usagef("-o - leaves no place for the file beside it: use --embed")
	}
	made.Model.ProducerVersion = losses.Version
	model, err := encodeForeign(made.Model)
	if err != nil {
		return err
	}
	var eval, values []byte
	if made.Eval != nil {
		made.Eval.ProducerVersion = losses.Version
		if eval, err = encodeForeign(made.Eval); err != nil {
			return err
		}
	}
	if made.Values != nil {
		if values, err = safetensors.Marshal(made.Values, nil); err != nil {
			return err
		}
	}
	sources, err := f.sources(file, made, model, eval, values)
	if err != nil {
		return err
	}
	// The model comes last: whoever finds it finds what it needs.
	if values != nil {
		beside := strings.TrimSuffix(file, ".onnx") + ".safetensors"
		if err := export.WriteFile(beside, values); err != nil {
			return err
		}
		a.say("wrote %s: %d values, %d bytes", beside, len(made.Values), len(values))
	}
	if eval != nil {
		if err := a.writeModel(made.Eval, eval, f.eval); err != nil {
			return err
		}
	}
	if err := a.writeAdapters(sources); err != nil {
		return err
	}
	if err := a.writeModel(made.Model, model, file); err != nil {
		return err
	}
	a.tellParameters(m)
	for _, w := range m.Warnings {
		a.say("warning: %s", w)
	}
	return nil
}

// tellParameters prints the table of parameters.
func (a *app) tellParameters(m *train.Model) {
	width, wide := 0, 0
	for _, p := range m.Parameters {
		width, wide = max(width, len(p.Name)), max(wide, len(p.DType.String()+p.Shape.String()))
	}
	for _, p := range m.Parameters {
		what := "trained"
		if p.Frozen != "" {
			what = "frozen: " + p.Frozen
		}
		if p.Uses > 1 {
			what += fmt.Sprintf(", one for %d uses", p.Uses)
		}
		a.say("  %-*s  %-*s  %s", width, p.Name, wide, p.DType.String()+p.Shape.String(), what)
	}
}
