package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

const emitLong = `emit writes a loss with its gradient as an ONNX file.

The loss is named, or taken from the file's name. Its options are flags with
PyTorch's names: ` + "`lossgen emit LOSS --help`" + ` shows those of a loss.`

const emitExample = `  lossgen emit focal.onnx
  lossgen emit cross_entropy -o ce.onnx --label_smoothing 0.1 --with weight
  lossgen emit mse --shape input=N,C,H,W --reduction sum
  lossgen emit huber --grad input,target --dtype float64
  lossgen emit focal.onnx --adapter torch,jax
  lossgen emit huber -o - > huber.onnx`

// emitOptions are what emit is asked for.
type emitOptions struct {
	request *requestFlags
	like    string
	output  string
	adapter []string
	verify  bool
	asJSON  bool
}

func newEmit(a *app) *cobra.Command {
	o := &emitOptions{}
	cmd := &cobra.Command{
		Use: "emit LOSS|FILE.onnx", Short: "write a loss with its gradient as an ONNX file", Long: emitLong, Example: emitExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil // a configuration may name the loss
			}
			return noMore(cmd, args[1:])
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.emit(cmd.Context(), o, args) },
	}
	o.request = addRequestFlags(cmd.Flags(), a)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "`file` to write, - for standard output (default LOSS.onnx)")
	addAdapterFlag(cmd.Flags(), &o.adapter)
	cmd.Flags().BoolVar(&o.verify, "verify", false, "verify the file before it is written, as lossgen verify does")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print a summary as JSON")
	addLikeFlag(cmd.Flags(), &o.like)
	o.request.addOptions(a, cmd)
	setLossHelp(cmd, a)
	return cmd
}

// model is a loss that is ready to be written.
type model struct {
	plan *losses.Plan
	ir   *ir.Model
	data []byte
}

// build makes a loss's model. What can go wrong is the request's fault, but for
// the last two steps.
func build(r losses.Request) (*model, error) {
	plan, err := r.Resolve()
	if err != nil {
		return nil, usage(err)
	}
	m, err := plan.Model()
	if err != nil {
		return nil, usage(err)
	}
	if err := export.Check(m); err != nil {
		return nil, fmt.Errorf("internal error, please report it: %s: %w", plan.Loss, err)
	}
	data, err := export.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plan.Loss, err)
	}
	return &model{plan, m, data}, nil
}

func (a *app) emit(ctx context.Context, o *emitOptions, args []string) error {
	request, like, output, err := o.read(args)
	if err != nil {
		return usage(err)
	}
	if output == "-" && o.asJSON {
		return usagef("--json and the model cannot both go to standard output: give -o a file")
	}
	m, err := build(request)
	if err != nil {
		return err
	}
	files, err := adapterFiles(m, output, o.adapter)
	if err != nil {
		return err
	}
	var report *verify.Report
	if o.verify {
		if report, err = a.verifyModel(ctx, m, output); err != nil {
			return err
		}
	}
	if output == "-" {
		_, err = a.stdout.Write(m.data)
	} else {
		err = export.WriteFile(output, m.data)
	}
	if err != nil {
		return err
	}
	a.tell(m, output)
	a.tellLike(like, m.plan)
	if err := a.writeAdapters(files); err != nil {
		return err
	}
	if report != nil {
		a.say("verified: %s", passed(report))
	}
	if o.asJSON {
		s := summarize(m, output, report)
		s.Adapters = sortedKeys(files)
		return a.printJSON(s)
	}
	return nil
}

// verifyModel verifies a model on the engines that are here. One that fails is
// not written.
func (a *app) verifyModel(ctx context.Context, m *model, output string) (*verify.Report, error) {
	engines, note, err := (&engineFlags{}).all()
	if err != nil {
		return nil, err
	}
	if note != "" {
		a.say("%s", note)
	}
	r := a.verifyOne(ctx, subject{name: output, data: m.data}, engines, verify.Options{Catalog: a.losses})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, c := range r.Checks {
		if !c.Pass {
			return nil, fmt.Errorf("%s is not written, since it fails: %s: %s", output, c.Name, strings.Join(c.Failures, "; "))
		}
	}
	return r, nil
}

// passed says in one line what a verification without failures has checked.
func passed(r *verify.Report) string {
	var parts []string
	for _, c := range r.Checks {
		if c.Cases == 0 {
			parts = append(parts, c.Name+" (nothing to compare)")
			continue
		}
		text := c.Name
		if c.Engine != "" {
			text += " on " + c.Engine
		}
		if c.Cases != 1 {
			text += fmt.Sprintf(" (%d cases)", c.Cases)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// read decides the loss and the output file, from flags over configuration.
func (o *emitOptions) read(args []string) (losses.Request, *conventions.Like, string, error) {
	c, err := o.request.configuration()
	if err != nil {
		return c.request, nil, "", err
	}
	like, err := readLike(o.like)
	if err != nil {
		return c.request, nil, "", err
	}
	loss, output := c.request.Loss, c.output
	if len(args) == 1 {
		name := lossName(args[0])
		if isModelPath(args[0]) {
			output = args[0]
		}
		// A configuration's loss may be written to a file of any name.
		if _, _, ok := o.request.losses.Find(name); ok || loss == "" && like == nil || !isModelPath(args[0]) {
			loss = name
		}
	}
	if loss == "" && like != nil {
		loss = like.Form.Loss
	}
	if loss == "" {
		return c.request, nil, "", errors.New("emit needs the name of a loss or of a file: try `lossgen emit --help`")
	}
	if o.output != "" {
		output = o.output
	}
	if output == "" {
		output = loss + ".onnx"
	}
	request, err := o.request.request(loss, c.request)
	if err == nil && like != nil {
		request, err = likeRequest(like, request)
	}
	return request, like, output, err
}

// tell says what was written.
func (a *app) tell(m *model, output string) {
	where := "wrote " + output
	if output == "-" {
		where = "wrote to standard output"
	}
	a.say("%s: %s, %d bytes, %d nodes, opset %d", where, m.plan.Loss, len(m.data), len(m.ir.Graph.Nodes), m.ir.Opset)
	a.tellPorts("input", m.ir.Graph.Inputs)
	a.tellPorts("output", m.ir.Graph.Outputs)
	a.sayWrapped("equals " + m.plan.Expression())
	for _, w := range m.plan.Warnings {
		a.say("warning: %s", w)
	}
}

func (a *app) tellPorts(role string, ports []ir.Port) {
	width := 0
	for _, p := range ports {
		width = max(width, len(p.Name))
	}
	for _, p := range ports {
		a.say("  %-6s  %-*s  %v%v", role, width, p.Name, p.DType, p.Shape)
	}
}

// portJSON is an input or output as JSON.
type portJSON struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape string `json:"shape"`
}

func portsJSON(ports []ir.Port) []portJSON {
	out := []portJSON{}
	for _, p := range ports {
		out = append(out, portJSON{p.Name, p.DType.String(), p.Shape.List()})
	}
	return out
}

// summary is what emit --json prints.
type summary struct {
	File        string        `json:"file"`
	Loss        string        `json:"loss"`
	Options     losses.Values `json:"options"`
	Bytes       int           `json:"bytes"`
	Nodes       int           `json:"nodes"`
	Opset       int64         `json:"opset"`
	Inputs      []portJSON    `json:"inputs"`
	Outputs     []portJSON    `json:"outputs"`
	Torch       string        `json:"torch"`
	LabelPolicy string        `json:"label_policy,omitempty"`
	Warnings    []string      `json:"warnings"`
	Adapters    []string      `json:"adapters,omitempty"` // files written beside
	// Verified is the report of --verify.
	Verified *verify.Report `json:"verified,omitempty"`
}

func summarize(m *model, output string, report *verify.Report) summary {
	return summary{
		File: output, Loss: m.plan.Loss, Options: m.plan.Options, Bytes: len(m.data), Nodes: len(m.ir.Graph.Nodes), Opset: m.ir.Opset,
		Inputs: portsJSON(m.ir.Graph.Inputs), Outputs: portsJSON(m.ir.Graph.Outputs),
		Torch: m.plan.Expression(), LabelPolicy: m.plan.Spec.LabelPolicy, Warnings: append([]string{}, m.plan.Warnings...),
		Verified: report,
	}
}

// bare strips the path from an error of package os: messages name it themselves.
func bare(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// setLossHelp adds a loss's own options to the help of a command that is asked
// about one.
func setLossHelp(cmd *cobra.Command, a *app) {
	general := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		for _, arg := range cmd.Flags().Args() {
			if l, _, ok := a.losses.Find(lossName(arg)); ok {
				a.printPlain(func(a *app) { lossHelp(a.stdout, cmd, l) })
				return
			}
		}
		general(cmd, args)
	})
}

func lossHelp(w io.Writer, cmd *cobra.Command, l losses.Loss) {
	s := l.Declaration()
	fmt.Fprintf(w, "%s: %s\n\nUsage:\n  %s %s [flags]\n\nOptions of the loss:\n%s", s.Name, s.Title, cmd.CommandPath(), s.Name, optionTable(l))
	var optional []string
	for _, in := range s.Inputs {
		if in.Optional {
			optional = append(optional, in.Name)
		}
	}
	if len(optional) > 0 {
		fmt.Fprintf(w, "\nOptional inputs, for --with:\n  %s\n", strings.Join(optional, ", "))
	}
	if around := losses.WrapperOptions(l); len(around) > 0 {
		fmt.Fprintf(w, "\nAround the loss:\n%s", table(optionRows(around)))
	}
	fmt.Fprintf(w, "\nFlags:\n%s\n`lossgen describe %s` says what it computes.\n", cmd.LocalFlags().FlagUsages(), s.Name)
}
