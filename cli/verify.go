package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/safetensors"
	"github.com/lossgen/lossgen/verify"
)

const verifyLong = `verify checks losses and files.

A loss is checked against its golden cases: what PyTorch computed, on every
engine. A file is checked four ways: its request, read from its metadata, is
emitted again and compared; the golden cases of its request have to come out; the
engines have to agree; and its gradients have to be those of the loss by finite
differences. Without arguments all losses are checked. Any miss exits 1.

The bytes of a file that says to be of another version of lossgen prove nothing, so
that it exits 1, too. With --allow-version such a file is compared in all that it
says of itself, and on random inputs of many sizes. A file of large fixed sizes is
judged by the same request with smaller ones, and runs once as it is if that stays
within --memory.

Of a file of grad or attach the gradients have to be those by differences in float64, on
the reference engine, and the engines have to agree. The values to start with are read
from the .safetensors file beside it, where there is one.`

const verifyExample = `  lossgen verify huber
  lossgen verify focal.onnx --engine reference
  lossgen verify --json > report.json`

// verifyOptions are what verify is asked for.
type verifyOptions struct {
	engines *engineFlags
	golden  string
	record  string
	version bool
	seed    uint64
	asJSON  bool
}

func newVerify(a *app) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use: "verify [FILE|LOSS]...", Short: "check losses and files against PyTorch's results", Long: verifyLong, Example: verifyExample,
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), o, args) },
	}
	o.engines = addEngineFlags(cmd, "ort, reference or all (default those that are here)")
	cmd.Flags().StringVar(&o.golden, "golden", "", "`folder` of golden cases (default those in this program)")
	cmd.Flags().StringVar(&o.record, "record", "", "write what is needed to repeat this run to a `file`")
	cmd.Flags().BoolVar(&o.version, "allow-version", false, "judge a file of another version of lossgen by what it computes, which proves less than its bytes")
	cmd.Flags().Uint64Var(&o.seed, "seed", 0, "`number` that the inputs of such a file are drawn from (default another each time)")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// subject is something to verify: a loss, or a file's bytes.
type subject struct {
	name string
	loss losses.Loss
	data []byte
}

func (a *app) verify(ctx context.Context, o *verifyOptions, args []string) error {
	subjects, err := a.subjectsOf(args)
	if err != nil {
		return err
	}
	options := verify.Options{Catalog: a.losses, AllowVersion: o.version, Seed: o.seed, Memory: o.engines.bytes()}
	if options.Goldens, err = a.openGoldens(o.golden); err != nil {
		return err
	}
	engines, note, err := o.engines.all()
	if err != nil {
		return err
	}
	if note != "" {
		a.say("%s", note)
	}
	for _, e := range engines {
		if e.Backend.Name() == "ort" {
			a.say("verifying with %s", o.engines.describe(e))
		}
	}
	seen := &recorder{}
	if o.record != "" {
		options.Observe = seen.observe
	}
	start := time.Now()
	var reports []*verify.Report
	var failed []string
	for _, s := range subjects {
		r := a.verifyOne(ctx, s, engines, options)
		if err := ctx.Err(); err != nil {
			return err
		}
		reports = append(reports, r)
		if !r.Passed() {
			failed = append(failed, s.name)
		}
		if o.asJSON {
			continue
		}
		if err := r.WriteText(a.stdout); err != nil {
			return err
		}
		a.stdout.Flush()
	}
	if o.asJSON {
		if err := a.printJSON(reports); err != nil {
			return err
		}
	}
	if o.record != "" {
		if err := a.record(o, start, subjects, engines, options.Goldens, seen, reports); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d failed: %s", len(failed), len(subjects), strings.Join(failed, ", "))
	}
	return nil
}

// subjectsOf finds the losses and reads the files, before anything is run.
func (a *app) subjectsOf(args []string) ([]subject, error) {
	var out []subject
	if len(args) == 0 {
		for _, l := range a.losses {
			out = append(out, subject{name: l.Declaration().Name, loss: l})
		}
		return out, nil
	}
	for _, arg := range args {
		if !isFile(a.losses, arg) {
			l, err := a.findLoss(arg)
			if err != nil {
				return nil, err
			}
			out = append(out, subject{name: l.Declaration().Name, loss: l})
			continue
		}
		data, err := readFile(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, subject{name: arg, data: data})
	}
	return out, nil
}

func (a *app) verifyOne(ctx context.Context, s subject, engines []verify.Engine, o verify.Options) *verify.Report {
	done := a.progress(s.name, &o)
	defer done()
	if s.loss != nil {
		return verify.Loss(ctx, s.loss, engines, o)
	}
	o.Values = startBeside(s.name)
	r := verify.File(ctx, s.data, engines, o)
	r.Subject = s.name
	if m, err := export.Unmarshal(s.data); err == nil {
		if c := checkLike(a.losses, m); c != nil {
			r.Checks = append(r.Checks, *c)
		}
	}
	return r
}

// startBeside returns the values that attach has written beside a training file. Without
// them, others are drawn.
func startBeside(path string) []ir.Initializer {
	data, err := readFile(strings.TrimSuffix(path, ".onnx") + ".safetensors")
	if err != nil {
		return nil
	}
	values, _, err := safetensors.Unmarshal(data)
	if err != nil {
		return nil
	}
	return values
}

// progress shows how far a verification is, on a terminal.
func (a *app) progress(name string, o *verify.Options) (done func()) {
	bar := a.bar()
	o.Progress = func(n, total int) { bar.show(name, n, total) }
	return bar.clear
}
