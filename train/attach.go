package train

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/graft"
	"github.com/lossgen/lossgen/losses"
)

// Options say what is put behind a model.
type Options struct {
	Loss   losses.Request    // With and Shapes are those of inputs that are not bound
	Output string            // what the first input of the loss is; "": the only floating-point output
	Bind   map[string]string // inputs of the loss, and the outputs or inputs of the model that they are
	Keep   []string          // outputs of the model that stay
	// Train names the parameters; nil: all that a gradient reaches and that are not
	// frozen by themselves. Freeze takes away from them.
	Train, Freeze []string
	Optimizer     Optimizer
	Accumulate    bool    // add the gradients of earlier batches
	ClipNorm      float64 // 0: none
	Embed         bool    // the values that inputs start with go into the file
	Eval          bool
	Opset         int64 // 0: that of the model
}

// The metadata of a training graph: the optimizer with all its options, and the limit of
// the gradients' norm, 0 for none.
const (
	StepKey = "lossgen.optimizer"
	ClipKey = "lossgen.clip_norm"
)

// Result is a training graph.
type Result struct {
	Model *ir.Model
	Eval  *ir.Model // the loss alone, of a model out of training; nil unless asked for
	// Values are those that inputs start with: parameters, statistics, the optimizer's.
	Values []ir.Initializer
}

// attached is a graph under construction.
type attached struct {
	*Model
	Options
	of      []string // outputs that the loss depends on
	trained []string
	start   []ir.Initializer
	data    []string // inputs that have no value to start with
}

// Attach makes the training graph. It notes in Parameters which are trained.
func (m *Model) Attach(o Options) (*Result, error) {
	a := &attached{Model: m, Options: o}
	a.Opset = cmp.Or(o.Opset, m.ir.Opset)
	if err := a.bind(); err != nil {
		return nil, err
	}
	var err error
	if a.trained, err = m.trained(o, a.of); err != nil {
		return nil, err
	}
	statistics := make([]string, len(m.running))
	for i, r := range m.running {
		statistics[i] = r.name
	}
	p, err := graft.Prepare(m.ir, graft.Options{Wrt: a.trained, Inputs: statistics, Of: a.of, Opset: a.Opset, TorchStatistics: true})
	if err != nil {
		return nil, err
	}
	out := &Result{}
	if out.Model, err = p.Model(func(b *builder.B) { a.build(b, p.Onto(b)) }); err != nil {
		return nil, err
	}
	a.order(out.Model.Graph)
	out.Model.Metadata = append(out.Model.Metadata, ir.Prop{Key: StepKey, Value: o.Optimizer.String()}, ir.Prop{Key: ClipKey, Value: losses.Text(o.ClipNorm)})
	out.Values = a.start
	if o.Eval {
		p, err := graft.Prepare(m.inference(), graft.Options{Inputs: append(slices.Clone(a.trained), statistics...), Of: a.of, Opset: a.Opset})
		if err != nil {
			return nil, err
		}
		if out.Eval, err = p.Model(func(b *builder.B) { a.evaluate(b, p.Onto(b)) }); err != nil {
			return nil, err
		}
		a.order(out.Eval.Graph)
	}
	if o.Embed {
		embed(out.Model.Graph, a.start)
		out.Values = nil
	}
	return out, nil
}

// bind decides which outputs the loss takes.
func (a *attached) bind() error {
	a.Bind = maps.Clone(a.Bind)
	if a.Bind == nil {
		a.Bind = map[string]string{}
	}
	plan, err := losses.Request{Catalog: a.Loss.Catalog, Loss: a.Loss.Loss, Options: a.Loss.Options}.Resolve()
	if err != nil {
		return err
	}
	inputs := plan.Inputs()
	for _, name := range slices.Sorted(maps.Keys(a.Bind)) {
		if !slices.ContainsFunc(inputs, func(in losses.Input) bool { return in.Name == name }) {
			return fmt.Errorf("--bind: %s has no input %s", plan.Loss, strconv.Quote(name))
		}
	}
	if first := inputs[0].Name; a.Bind[first] == "" && (a.Output != "" || len(a.Bind) == 0) {
		if a.Bind[first] = a.Output; a.Output == "" {
			if a.Bind[first], err = graft.OnlyOutput(a.ir); err != nil {
				return err
			}
		}
	}
	ports := append(slices.Clone(a.ir.Graph.Outputs), graft.Inputs(a.ir)...)
	for _, name := range slices.Sorted(maps.Keys(a.Bind)) {
		to := a.Bind[name]
		i := slices.IndexFunc(ports, func(p ir.Port) bool { return p.Name == to })
		if i < 0 {
			return fmt.Errorf("the model has no output or input %s for the loss's %s", strconv.Quote(to), name)
		}
		if i < len(a.ir.Graph.Outputs) && ports[i].DType.IsFloat() && !slices.Contains(a.of, to) {
			a.of = append(a.of, to)
		}
	}
	return nil
}

// build puts the loss behind the model, and what trains it.
func (a *attached) build(b *builder.B, net *graft.Net) {
	loss := a.loss(b, net)
	b.Output("loss", loss)
	xs := make([]builder.Value, len(a.trained))
	for i, name := range a.trained {
		xs[i] = net.Source(name)
		a.starts(name, a.values[name])
	}
	for _, r := range a.running {
		a.starts(r.name, a.values[r.name])
	}
	grads := builder.Grad(loss, loss.Like(1), xs...)
	for i, x := range xs { // what is the same for all elements of an axis is small until here
		grads[i] = grads[i].BroadcastTo(x.Shape())
	}
	a.step(b, xs, grads)
	for _, r := range a.running {
		b.Output("new_"+r.name, net.Value(r.next))
	}
	a.keep(b, net)
}

// evaluate puts the loss alone behind the model.
func (a *attached) evaluate(b *builder.B, net *graft.Net) {
	b.Output("loss", a.loss(b, net))
	a.keep(b, net)
}

func (a *attached) keep(b *builder.B, net *graft.Net) {
	for _, name := range a.Keep {
		b.Output(name, net.Value(name))
	}
}

// loss declares the inputs that the loss has beside the model's, and returns it.
func (a *attached) loss(b *builder.B, net *graft.Net) builder.Value {
	values := map[string]builder.Value{}
	for input, name := range a.Bind {
		values[input] = net.Value(name)
	}
	taken := append(graft.Sources(a.ir), "loss")
	for _, out := range a.ir.Graph.Outputs {
		taken = append(taken, out.Name)
	}
	a.data = nil
	for _, in := range graft.Inputs(a.ir) {
		a.data = append(a.data, in.Name)
	}
	others, err := a.Loss.Others(values)
	if err != nil {
		builder.Failf("--loss", "%v", err)
	}
	for _, port := range others {
		a.unlearned(port)
		name := port.Name
		if slices.Contains(taken, name) {
			name = "loss_" + name
		}
		values[port.Name] = b.Input(name, port.DType, port.Shape)
		a.data = append(a.data, name)
	}
	return a.Loss.On(values)
}

// unlearned warns of an input that the loss has gradients for by itself.
func (a *attached) unlearned(port losses.Port) {
	text := fmt.Sprintf("the loss's input %s gets no gradient here: --bind makes it an output of the model", port.Name)
	if port.Grad == losses.Default && !slices.Contains(a.Warnings, text) {
		a.Warnings = append(a.Warnings, text)
	}
}

// starts notes what an input starts with.
func (a *attached) starts(name string, t *tensor.Tensor) {
	a.start = append(a.start, ir.Initializer{Name: name, Tensor: t})
}

// order puts the inputs with data first, and those with values behind them.
func (a *attached) order(g *ir.Graph) {
	names := slices.Clone(a.data)
	for _, c := range a.start {
		names = append(names, c.Name)
	}
	slices.SortStableFunc(g.Inputs, func(p, q ir.Port) int { return slices.Index(names, p.Name) - slices.Index(names, q.Name) })
}

// embed gives inputs values in the file.
func embed(g *ir.Graph, values []ir.Initializer) {
	g.Initializers = append(g.Initializers, values...)
}
