package losses

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Graph builds the plan's graph. Options of the builder are for tests.
func (p *Plan) Graph(opts ...builder.Option) (*builder.Graph, error) {
	g, _, err := p.graph(opts...)
	return g, err
}

// graph builds the plan's graph, and returns the expressions of the outputs beside
// the loss: only the graph tells them.
func (p *Plan) graph(opts ...builder.Option) (g *builder.Graph, extra Expressions, err error) {
	g, err = builder.Build(p.Loss, func(b *builder.B) { extra = p.assemble(b) }, append([]builder.Option{builder.For(p.For)}, opts...)...)
	if err != nil {
		return nil, nil, p.buildError(err)
	}
	return g, extra, nil
}

// assemble declares the inputs, builds the loss, reduces it and differentiates.
func (p *Plan) assemble(b *builder.B) (extra Expressions) {
	c := p.call(b)
	for _, port := range p.Ports {
		c.inputs[port.Name] = c.compute(b.Input(port.Name, port.DType, port.Shape))
	}
	term, loss := p.result(c)
	dy := c.Const(1)
	if p.GradOutput {
		p.checkGradOutput(loss.Shape())
		dy = c.compute(b.Input("grad_output", p.LossDType, loss.Shape()))
	}
	b.Output("loss", loss.Cast(p.LossDType))
	for _, o := range term.Extra {
		b.Output(o.Name, o.Value.Cast(p.LossDType))
		extra = append(extra, NamedText{o.Name, p.widened(o.Torch)})
	}
	if p.Normalizer {
		b.Output("normalizer", term.normalizer().Cast(p.wide()))
		extra = append(extra, NamedText{"normalizer", p.normalizerExpression()})
	}
	var xs []builder.Value
	for _, name := range p.Differentiated() {
		xs = append(xs, c.inputs[name])
	}
	if len(xs) == 0 {
		return extra
	}
	grads := builder.Grad(loss, dy, xs...)
	for i, name := range p.Differentiated() {
		b.Output("grad_"+name, grads[i].Cast(p.port(name).DType))
	}
	if p.HVP {
		p.products(c, grads, xs)
	}
	return extra
}

// result builds the loss with its wrappers, before and after reduction.
func (p *Plan) result(c *Call) (Term, builder.Value) {
	term := p.wrapped(c)
	loss := term.reduce(p.divided())
	if p.divided() == None && slices.Contains(p.wrapperNames(), "normalizer") {
		loss = loss.Div(c.In("normalizer"))
	}
	loss = p.take(p.steps[MapResult], loss, 0)
	if s := p.wrap.Scale; s != nil && *s != 1 {
		loss = loss.Scale(*s)
	}
	return term, loss
}

func (p *Plan) call(b *builder.B) *Call {
	c := &Call{B: b, Compute: p.DType, inputs: map[string]builder.Value{}, plan: p}
	if p.DType != tensor.Float64 {
		c.Compute = tensor.Float32
	}
	return c
}

// compute converts a floating input to the type that the loss computes in.
func (c *Call) compute(v builder.Value) builder.Value {
	if v.DType().IsFloat() {
		return v.Cast(c.Compute)
	}
	return v
}

func (p *Plan) checkGradOutput(loss tensor.Shape) {
	text, ok := p.Request.Shapes["grad_output"]
	if !ok {
		return
	}
	given, err := tensor.ParseShape(text)
	if err != nil {
		builder.Failf("grad_output", "%v", err)
	}
	if !given.Equal(loss) {
		builder.Failf("grad_output", "grad_output cannot have shape %v: the loss is %v", given, loss)
	}
}

// Model builds the plan's model.
func (p *Plan) Model(opts ...builder.Option) (*ir.Model, error) {
	g, err := p.Graph(opts...)
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(p.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Loss, err)
	}
	m, err := g.Model(p.Opset)
	if err != nil {
		return nil, err
	}
	if err := p.For.Check(m.Graph, p.Opset); err != nil {
		return nil, fmt.Errorf("%s cannot be written for %s: %w", p.Loss, p.For, err)
	}
	m.ProducerVersion, m.Graph.Doc = Version, p.Spec.Formula
	m.Metadata = []ir.Prop{
		{Key: metaLoss, Value: p.Loss},
		{Key: metaOptions, Value: string(options)},
		{Key: metaReference, Value: p.Expression()},
	}
	if p.Spec.LabelPolicy != "" {
		m.Metadata = append(m.Metadata, ir.Prop{Key: metaLabelPolicy, Value: p.Spec.LabelPolicy})
	}
	if p.Map != nil {
		steps, err := json.Marshal(p.Map)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Loss, err)
		}
		m.Metadata = append(m.Metadata, ir.Prop{Key: metaMap, Value: string(steps)})
	}
	if p.Like != "" {
		m.Metadata = append(m.Metadata, ir.Prop{Key: metaLike, Value: p.Like})
	}
	if p.For != "" {
		m.Metadata = append(m.Metadata, ir.Prop{Key: metaFor, Value: string(p.For)})
	}
	m.Metadata = append(m.Metadata, ir.Prop{Key: metaVersion, Value: Version})
	return m, nil
}
