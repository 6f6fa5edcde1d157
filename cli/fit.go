package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/fit"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/train"
	"github.com/lossgen/lossgen/verify"
)

const fitLong = `fit trains a model: it puts a loss and an optimizer's step behind it, as attach does, runs
that over arrays in .npy files, which are mapped into memory, and writes the model with
the values of the best epoch by validation loss, or of the last one without validation.

Each input of the model and of the loss that has no value to start with needs an array
with a row for each sample. The same seed gives the same numbers. With --checkpoint the
state is in a file after each epoch, and when training is interrupted; the same command
goes on from there to the numbers that it would have come to.`

const fitExample = `  lossgen fit net.onnx --loss cross_entropy --data x=x.npy --data target=y.npy -o trained.onnx
  lossgen fit net.onnx --loss huber --optimizer adamw,lr=0.01 --epochs 50 --batch 64 --data x=x.npy --data target=y.npy \
      --validate x=x_test.npy --validate target=y_test.npy --checkpoint net.checkpoint`

// fitFlags are what fit is asked for.
type fitFlags struct {
	graphFlags
	engines        *engineFlags
	data, validate []string
	epochs, batch  int
	seed           uint64
	shuffle        bool
	checkpoint     string
	record         string
	file           string
}

func newFit(a *app) *cobra.Command {
	f := &fitFlags{}
	cmd := &cobra.Command{
		Use: "fit MODEL.onnx --loss LOSS --data NAME=FILE.npy", Short: "train any model on arrays in files", Long: fitLong, Example: fitExample,
		Args: oneArg("the file of a model"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.fit(cmd.Context(), f, args[0]) },
	}
	f.add(cmd, a, "adamw")
	f.engines = addEngineFlags(cmd, "ort or reference (default ort where it is found)")
	fs := cmd.Flags()
	fs.StringVarP(&f.file, "o", "o", "", "`file` to write (default MODEL_trained.onnx)")
	fs.StringArrayVar(&f.data, "data", nil, "samples of an input as `name=file.npy`; once for each")
	fs.StringArrayVar(&f.validate, "validate", nil, "other samples of an input as `name=file.npy`; once for each")
	fs.IntVar(&f.epochs, "epochs", 10, "`times` that all samples are seen")
	fs.IntVar(&f.batch, "batch", 32, "`samples` of a step")
	fs.Uint64Var(&f.seed, "seed", 0, "`number` that the order of samples, and Dropout, follow from")
	fs.BoolVar(&f.shuffle, "shuffle", true, "take samples in another order each epoch")
	fs.StringVar(&f.checkpoint, "checkpoint", "", "`file` that keeps the state, and that training goes on from")
	fs.StringVar(&f.record, "record", "", "write what is needed to repeat this run to a `file`")
	f.request.addOptions(a, cmd)
	return cmd
}

func (a *app) fit(ctx context.Context, f *fitFlags, path string) error {
	if err := f.check(); err != nil {
		return err
	}
	o, err := f.options("fit")
	if err != nil {
		return usage(err)
	}
	o.Eval = len(f.validate) > 0
	read, err := readModelWithData(path)
	if err != nil {
		return err
	}
	m, err := f.choose(&o, read, path)
	if err != nil {
		return err
	}
	made, err := m.Attach(o)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	engine, err := f.engines.one()
	if err != nil {
		return err
	}
	columns, err := f.columns(made)
	defer columns.close()
	if err != nil {
		return err
	}
	a.tellParameters(m)
	for _, w := range m.Warnings {
		a.say("warning: %s", w)
	}
	a.say("training with %s", f.engines.describe(engine))
	start := time.Now()
	options := f.training(columns, engine)
	options.Explain = wrongLabel(o, m)
	options.Sum = o.Loss.Options["reduction"] == "sum"
	if options.Notes, err = f.notes(made, columns); err != nil {
		return err
	}
	done := a.watch(&options)
	result, err := fit.Run(ctx, made, options)
	done()
	if err != nil {
		return err
	}
	return a.writeTrained(f, path, start, read, result, columns, engine)
}

// check refuses numbers and files that make no sense, before anything is read.
func (f *fitFlags) check() error {
	switch {
	case f.epochs < 1:
		return usagef("--epochs is %d, want 1 or more", f.epochs)
	case f.batch < 1:
		return usagef("--batch is %d, want 1 or more", f.batch)
	case f.optimizer == "none":
		return usagef("--optimizer none trains nothing: name one of %s", strings.Join(train.Optimizers()[1:], ", "))
	case f.file == "-":
		return usagef("-o - is for attach and grad: give fit a file")
	}
	return nil
}

// given lists the flags of the command line, without those that name files.
func (f *fitFlags) given() []string {
	out := []string{}
	f.request.flags.Visit(func(flag *pflag.Flag) {
		if !slices.Contains([]string{"o", "data", "validate", "checkpoint", "record"}, flag.Name) {
			out = append(out, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	return out
}

// training says how fit trains.
func (f *fitFlags) training(columns *columns, engine verify.Engine) fit.Options {
	return fit.Options{
		Open: func(m *ir.Model) (runtime.Session, error) {
			data, err := encodeForeign(m)
			if err != nil {
				return nil, err
			}
			return engine.Backend.Open(data, engine.Options)
		},
		Data: columns.data, Validation: columns.validation,
		Epochs: f.epochs, Batch: f.batch, Seed: f.seed, Shuffle: f.shuffle, Checkpoint: f.checkpoint,
	}
}

// notes are what a checkpoint must agree in, so that training goes on as it began.
func (f *fitFlags) notes(made *train.Result, columns *columns) (map[string]string, error) {
	graph, err := encodeForeign(made.Model)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"training graph": hashOf(graph), "optimizer": f.optimizer, "batch": strconv.Itoa(f.batch), "seed": strconv.FormatUint(f.seed, 10),
		"shuffle": strconv.FormatBool(f.shuffle), "data": describeColumns(columns.data), "validation": describeColumns(columns.validation),
	}, nil
}

// watch tells of each epoch, and on a terminal how far the one under way is.
func (a *app) watch(o *fit.Options) (done func()) {
	bar := a.bar()
	o.Epoch = func(e fit.Epoch) {
		bar.clear()
		text := ""
		if e.Validation != nil {
			text = fmt.Sprintf(", validation %.6g", *e.Validation)
		}
		a.say("epoch %d of %d: loss %.6g%s, %.1f s", e.Number, o.Epochs, e.Loss, text, e.Seconds)
	}
	o.Progress = func(epoch, done, samples int) {
		bar.show(fmt.Sprintf("epoch %d of %d", epoch, o.Epochs), done, samples)
	}
	return bar.clear
}

// writeTrained writes the model with the values that training has left.
func (a *app) writeTrained(f *fitFlags, path string, start time.Time, read *ir.Model, result *fit.Result, columns *columns, engine verify.Engine) error {
	made, err := train.Apply(read, result.Values, false)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if result.Begun >= f.epochs {
		a.say("%s has %d epochs already", f.checkpoint, result.Begun)
	}
	if best := result.Epochs[result.Best-1]; best.Validation != nil {
		a.say("the best epoch is %d, with validation loss %.6g", best.Number, *best.Validation)
	}
	output := trainedName(f.file, path)
	if err := a.writeApplied(made, output); err != nil {
		return err
	}
	if f.record == "" {
		return nil
	}
	return a.recordFit(f, path, output, start, result, columns, engine)
}
