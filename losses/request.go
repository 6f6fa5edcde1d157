package losses

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Target names a consumer that knows less than the standard.
type Target = builder.Target

// Targets lists them.
func Targets() []Target { return builder.Targets() }

// Request asks for a loss as a model. Zero fields have their defaults.
type Request struct {
	// Catalog has the loss, and those of the tasks that options name. The requests of
	// a [Def] have it.
	Catalog Catalog  `json:"-" yaml:"-"`
	Loss    string   `json:"loss" yaml:"loss"`                           // any name of the loss
	Options Values   `json:"options,omitempty" yaml:"options,omitempty"` // those that differ from the defaults
	With    []string `json:"with,omitempty" yaml:"with,omitempty"`       // optional inputs that shall exist
	// Grad names the inputs to differentiate; nil takes the loss's default, and
	// the one name "none" none.
	Grad []string `json:"grad,omitempty" yaml:"grad,omitempty"`
	// GradOutput adds an input grad_output of the loss's shape, the upstream
	// gradient. Reduction none has it always.
	GradOutput bool `json:"grad_output,omitempty" yaml:"grad_output,omitempty"`
	// Normalizer adds an output normalizer: what mean would divide by.
	Normalizer bool `json:"normalizer,omitempty" yaml:"normalizer,omitempty"`
	// HVP adds an input vector_NAME for each gradient, and an output hvp_NAME: the product
	// of the Hessian of the loss, of all inputs together, with the vectors.
	HVP bool `json:"hvp,omitempty" yaml:"hvp,omitempty"`
	// Shapes of inputs, as "N,C" lists; the other inputs follow.
	Shapes map[string]string `json:"shape,omitempty" yaml:"shape,omitempty"`
	DType  tensor.DType      `json:"-" yaml:"-"` // of floating inputs and outputs; float32
	// LossDType is float32 or DType, which is the default: of every output but the
	// gradients, and of grad_output.
	LossDType  tensor.DType `json:"loss_dtype,omitempty" yaml:"loss_dtype,omitempty"`
	IndexDType tensor.DType `json:"-" yaml:"-"` // of integer inputs; int64
	Opset      int64        `json:"opset,omitempty" yaml:"opset,omitempty"`
	// Map has the steps that inputs, the losses before reduction ([MapLosses]) and the
	// loss ([MapResult]) go through, as "clip:1e-7:1,log".
	Map map[string]string `json:"map,omitempty" yaml:"map,omitempty"`
	// Like is what the model says of the framework's call that it stands for, as JSON.
	Like string `json:"-" yaml:"-"`
	// For names a consumer with fewer operators; empty for all others.
	For Target `json:"for,omitempty" yaml:"for,omitempty"`
}

// As asks for the same in another dtype. A float32 loss beside 16-bit inputs stays
// one in the other 16-bit dtype.
func (r Request) As(dtype tensor.DType) Request {
	keeps := is16Bit(dtype) && (is16Bit(r.DType) || r.DType == tensor.Undefined)
	if r.DType = dtype; !keeps || r.LossDType != tensor.Float32 {
		r.LossDType = tensor.Undefined
	}
	return r
}

// Plan is a request with every choice made.
type Plan struct {
	Request         // complete and in canonical order: equal plans give equal bytes
	Spec     Spec   // the declaration for these options
	Ports    []Port // the inputs that exist, in order
	Warnings []string
	loss     Loss
	wrap     wrapping
	steps    map[string][]step
	probe    *probe   // where inputs or the expression need it
	layout   *layout  // where there is a mask
	moved    []string // inputs whose classes are last, not along axis 1
	parts    []Part   // of a composition
}

// Port is an input of a plan.
type Port struct {
	Input
	DType tensor.DType
	Shape tensor.Shape
}

// Resolve checks a request and makes every choice. Its errors are one line each
// and say what would be right.
func (r Request) Resolve() (*Plan, error) {
	p, err := r.declare()
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{p.resolveMap, p.resolveInputs, p.resolveWrapping, p.resolveGrad, p.resolveHVP, p.resolveProbe} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// declare resolves what does not depend on the inputs that exist: the result has
// options and a declaration, but no ports.
func (r Request) declare() (*Plan, error) {
	loss, implied, ok := r.Catalog.Find(r.Loss)
	if !ok {
		return nil, r.Catalog.unknown(r.Loss)
	}
	if err := loss.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Request: r, loss: loss}
	if p.DType == tensor.Undefined {
		p.DType = tensor.Float32
	}
	if p.IndexDType == tensor.Undefined {
		p.IndexDType = tensor.Int64
	}
	if p.Opset == 0 {
		p.Opset = ir.DefaultOpset
	}
	if _, err := ir.VersionFor(p.Opset); err != nil {
		return nil, err
	}
	if p.For != "" && !slices.Contains(builder.Targets(), p.For) {
		return nil, fmt.Errorf("for is %q: files are written for %s, or without it for all others", string(p.For), targetNames())
	}
	if !p.DType.IsFloat() {
		return nil, fmt.Errorf("dtype %v is not a floating-point type: use float32, float64, float16 or bfloat16", p.DType)
	}
	if p.LossDType == tensor.Undefined {
		p.LossDType = p.DType
	}
	if p.LossDType != p.DType && (p.LossDType != tensor.Float32 || p.DType == tensor.Float64) {
		return nil, fmt.Errorf("loss dtype %v does not go with dtype %v: %s", p.LossDType, p.DType, p.lossDTypes())
	}
	if !p.IndexDType.IsInt() {
		return nil, fmt.Errorf("index dtype %v is not int64 or int32", p.IndexDType)
	}
	return p, p.resolveOptions(implied)
}

// lossDTypes says what LossDType may be.
func (p *Plan) lossDTypes() string {
	if is16Bit(p.DType) {
		return fmt.Sprintf("use float32 or %v", p.DType)
	}
	return fmt.Sprintf("the loss is %v, too", p.DType)
}

func is16Bit(d tensor.DType) bool { return d == tensor.Float16 || d == tensor.BFloat16 }

func targetNames() string {
	var names []string
	for _, t := range builder.Targets() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// resolveOptions fills in defaults and checks every value.
func (p *Plan) resolveOptions(implied Values) error {
	name := p.loss.Declaration().Name
	given := p.Request.Options
	p.Loss, p.Options = name, Values{}
	own, common := p.loss.Options(), WrapperOptions(p.loss)
	known := append(slices.Clone(own), common...)
	for _, o := range known {
		value, ok := given[o.Name]
		if !ok {
			value, ok = implied[o.Name]
		}
		if !ok {
			value = o.Default
		}
		converted, err := o.Convert(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.Options[o.Name] = p.Catalog.bound(converted)
	}
	for _, option := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(known, func(o Option) bool { return o.Name == option }) {
			return unknownOption(name, option, known)
		}
	}
	fill(&p.wrap, common, p.Options)
	wrappers := takeWrappers(p.Options, common)
	var err error
	if p.Options, err = p.loss.complete(p.Options); err != nil {
		return err
	}
	p.Spec, err = p.loss.For(p.Options)
	if p.wrap.ClassAxis == classesLast {
		p.Spec, p.moved = p.Spec.classesLast()
	}
	maps.Copy(p.Options, wrappers)
	return err
}

func unknownOption(loss, option string, known []Option) error {
	var names []string
	for _, o := range known {
		names = append(names, o.Name)
	}
	return fmt.Errorf("%s has no option %q: it has %s", loss, option, strings.Join(names, ", "))
}

// Changed returns the options that differ from the loss's defaults.
func (p *Plan) Changed() Values { return changed(p.loss, p.Options) }

// Inputs are all inputs that the loss can have with its options, in order.
func (p *Plan) Inputs() []Input { return append(slices.Clone(p.Spec.Inputs), p.wrapperInputs()...) }

// resolveInputs decides which inputs exist and their shapes.
func (p *Plan) resolveInputs() error {
	var optional, present []string
	for _, in := range p.Inputs() {
		if in.Optional {
			optional = append(optional, in.Name)
		}
		if !in.Optional || slices.Contains(p.With, in.Name) {
			present = append(present, in.Name)
		}
	}
	for _, name := range p.With {
		if !slices.Contains(optional, name) && !slices.Contains(present, name) {
			return p.noOptional(name, optional)
		}
	}
	p.With = slices.DeleteFunc(slices.Clone(optional), func(name string) bool { return !slices.Contains(present, name) })
	own, given, err := p.givenShapes(present)
	if err != nil {
		return err
	}
	var shapes map[string]tensor.Shape
	if p.Spec.Tasks != nil {
		shapes, err = p.resolveParts(own)
	} else {
		shapes, err = resolveShapes(p.Spec, slices.DeleteFunc(slices.Clone(present), p.isWrapper), own)
		err = p.hint(err, own)
	}
	if err == nil && p.Spec.CheckShapes != nil {
		err = p.Spec.CheckShapes(shapes)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Loss, err)
	}
	for _, in := range p.Spec.Inputs {
		if shape, ok := shapes[in.Name]; ok {
			p.Ports = append(p.Ports, Port{Input: in, DType: p.dtypeOf(in), Shape: shape})
		}
	}
	if err := p.checkLeast(); err != nil {
		return err
	}
	p.warnBroadcast()
	p.warnUseless()
	return p.addWrapperPorts(present, given)
}

func (p *Plan) noOptional(name string, optional []string) error {
	if reason := p.inseparable(); slices.Contains(perLossInputs, name) && reason != "" {
		return fmt.Errorf("%s takes no %s: %s", p.Loss, name, reason)
	}
	return fmt.Errorf("%s has no optional input %q: it has %s", p.Loss, name, orNone(optional))
}

// maxRank bounds the axes of an input, as PyTorch does.
const maxRank = 64

// givenShapes reads the shapes that the request gives: own are those of the
// loss's own inputs, all those of wrappers, too.
func (p *Plan) givenShapes(present []string) (own, all map[string]tensor.Shape, err error) {
	own, all = map[string]tensor.Shape{}, map[string]tensor.Shape{}
	for _, name := range slices.Sorted(maps.Keys(p.Request.Shapes)) {
		if name == "grad_output" {
			continue // checked against the loss, once that is built
		}
		if !slices.Contains(present, name) {
			return nil, nil, fmt.Errorf("%s has no input %q to give a shape: it has %s", p.Loss, name, orNone(present))
		}
		shape, err := tensor.ParseShape(p.Request.Shapes[name])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(shape) > maxRank {
			return nil, nil, fmt.Errorf("%s has %d axes: PyTorch takes at most %d", name, len(shape), maxRank)
		}
		all[name] = shape
		if !p.isWrapper(name) {
			own[name] = shape
		}
	}
	return own, all, nil
}

// isWrapper tells the inputs of wrappers from the loss's own.
func (p *Plan) isWrapper(name string) bool {
	return !slices.ContainsFunc(p.Spec.Inputs, func(in Input) bool { return in.Name == name })
}

func (p *Plan) dtypeOf(in Input) tensor.DType {
	switch {
	case in.Domain.isBool():
		return tensor.Bool
	case in.Domain.IsIndex():
		return p.IndexDType
	case in.Wide:
		return p.wide()
	}
	return p.DType
}

// wide is the dtype of counts and sums, whose digits 16 bits do not hold.
func (p *Plan) wide() tensor.DType {
	if is16Bit(p.DType) {
		return tensor.Float32
	}
	return p.DType
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// warnBroadcast warns where a prediction and a target have different shapes.
func (p *Plan) warnBroadcast() {
	first := p.Ports[0]
	for _, port := range p.Ports[1:] {
		if slices.Contains(p.Spec.Broadcast, port.Name) && !port.Optional && !port.Shape.Equal(first.Shape) &&
			p.Spec.Shapes[0][port.Name] == p.Spec.Shapes[0][first.Name] {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s %v and %s %v are broadcast against each other, as PyTorch does; often this is a mistake",
				first.Name, first.Shape, port.Name, port.Shape))
		}
	}
}

// resolveGrad decides which gradients the model has.
func (p *Plan) resolveGrad() error {
	want := p.Grad
	none := len(want) == 1 && want[0] == "none"
	var possible, chosen []string
	for _, port := range p.Ports {
		if port.Grad == No {
			continue
		}
		possible = append(possible, port.Name)
		if !none && (want == nil && port.Grad == Default || slices.Contains(want, port.Name)) {
			chosen = append(chosen, port.Name)
		}
	}
	for _, name := range want {
		if !none && !slices.Contains(possible, name) {
			return fmt.Errorf("%s has no gradient for %q: it has them for %s", p.Loss, name, orNone(possible))
		}
	}
	p.Grad = chosen
	if len(chosen) == 0 {
		p.Grad = []string{"none"}
		if p.GradOutput {
			return fmt.Errorf("%s: a grad_output input needs a gradient: name one with grad", p.Loss)
		}
		return nil
	}
	p.GradOutput = p.GradOutput || p.reduction() == None
	return nil
}

// Differentiated returns the inputs that have gradients.
func (p *Plan) Differentiated() []string {
	if len(p.Grad) == 1 && p.Grad[0] == "none" {
		return nil
	}
	return p.Grad
}

func (p *Plan) reduction() Reduction {
	if r, ok := p.Options["reduction"].(string); ok {
		return Reduction(r)
	}
	return Mean
}

// Model resolves the request and builds the model.
func (r Request) Model() (*ir.Model, error) {
	p, err := r.Resolve()
	if err != nil {
		return nil, err
	}
	return p.Model()
}

// The keys of a model's metadata.
const (
	metaLoss        = "lossgen.loss"
	metaOptions     = "lossgen.options"
	metaReference   = "lossgen.reference"
	metaLabelPolicy = "lossgen.label_policy"
	metaFor         = "lossgen.for"
	metaMap         = "lossgen.map"
	metaLike        = "lossgen.like"
	metaVersion     = "lossgen.version"
)

// FromModel returns the request that a model was made from, read from its
// metadata and its inputs and outputs. Its loss is one of the catalogue.
func (c Catalog) FromModel(m *ir.Model) (Request, error) {
	loss, ok := m.Meta(metaLoss)
	if !ok {
		return Request{}, fmt.Errorf("the model has no %s metadata: it was not made by lossgen", metaLoss)
	}
	r := Request{Catalog: c, Loss: loss, Opset: m.Opset, Shapes: map[string]string{}, Grad: []string{"none"}}
	target, _ := m.Meta(metaFor)
	r.For = Target(target)
	options, _ := m.Meta(metaOptions)
	if err := json.Unmarshal([]byte(options), &r.Options); err != nil {
		return r, fmt.Errorf("the model's %s metadata is not JSON: %v", metaOptions, err)
	}
	if text, ok := m.Meta(metaMap); ok {
		if err := json.Unmarshal([]byte(text), &r.Map); err != nil || len(r.Map) == 0 {
			return r, fmt.Errorf("the model's %s metadata is no JSON object of steps", metaMap)
		}
	}
	r.Like, _ = m.Meta(metaLike)
	p, err := Request{Catalog: c, Loss: loss, Options: r.Options}.declare()
	if err != nil {
		return r, err
	}
	declared := map[string]Input{}
	for _, in := range p.Inputs() {
		declared[in.Name] = in
	}
	for _, port := range m.Graph.Inputs {
		switch {
		case port.Name == "grad_output":
			r.GradOutput = true
			continue
		case isVector(m, port.Name):
			r.HVP = true
			continue
		case declared[port.Name].Optional:
			r.With = append(r.With, port.Name)
		}
		form := func(d tensor.Dim) bool { return !d.Known() && !d.IsLetter() }
		if !slices.ContainsFunc(port.Shape, form) { // a form follows from the letters
			r.Shapes[port.Name] = port.Shape.List()
		}
		switch {
		case port.DType.IsFloat() && !declared[port.Name].Wide:
			r.DType = port.DType
		case port.DType.IsInt():
			r.IndexDType = port.DType
		}
	}
	var grads []string
	for _, port := range m.Graph.Outputs {
		if name, ok := strings.CutPrefix(port.Name, "grad_"); ok {
			grads = append(grads, name)
		}
		r.Normalizer = r.Normalizer || port.Name == "normalizer"
		if port.Name == "loss" {
			r.LossDType = port.DType
		}
	}
	if grads != nil {
		r.Grad = grads
	}
	return r, nil
}
