package losses

import (
	"maps"
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Version is the released version of lossgen. It is written into every model,
// so it changes only when a release does.
const Version = "0.1.0"

// Reduction says how the unreduced losses become the result.
type Reduction string

// The reductions, named as in PyTorch.
const (
	None      Reduction = "none"
	Mean      Reduction = "mean"
	Sum       Reduction = "sum"
	BatchMean Reduction = "batchmean"
)

// Differentiation says whether an input has a gradient.
type Differentiation int

// No: PyTorch has none. OnDemand: when asked for. Default: unless something
// else is asked for.
const (
	No Differentiation = iota
	OnDemand
	Default
)

// Input declares a tensor input.
type Input struct {
	Name     string
	Doc      string
	Domain   Domain // which values it may have
	Of       Of     // what the domain leaves open
	Optional bool   // exists only when asked for by name
	Wide     bool   // a count or a sum: float32 in 16-bit files
	Grad     Differentiation
}

// Shapes gives the shape of each input, as a list of letters and sizes in which
// "*" stands for any number of axes: {"input": "N,C,*", "target": "N,*"}.
type Shapes map[string]string

// Spec is the part of a declaration that does not depend on the options' type.
type Spec struct {
	Name    string   // as in torch.nn.functional, without "_loss"
	Class   string   // the class in torch.nn, or ""
	Aliases []string // further names
	// Presets are further names that stand for the loss with options.
	Presets map[string]Values
	Family  string // heading in lists: "classification", "regression", ...
	Title   string // one line, lower case, no period
	Formula string // one line
	// Torch is the PyTorch expression. {option} is the option's value, {name} of
	// an optional input is its name or None, and {target} of integer labels adds
	// .long() where they are int32.
	Torch string
	// Witness is the library whose users know the loss, with the version that it was
	// compared with, as "torchvision 0.30.0". Without one it is PyTorch itself.
	Witness string
	// Inputs, in PyTorch's argument order.
	Inputs []Input
	// Shapes lists the accepted shapes; the first is the default.
	Shapes []Shapes
	// Star is what "*" stands for by default.
	Star string
	// Broadcast names the inputs that may have a shape of their own that
	// broadcasts with the first input's, as in PyTorch.
	Broadcast []string
	// CheckShapes finds shapes that broadcast but that PyTorch refuses.
	CheckShapes func(map[string]tensor.Shape) error
	// LabelPolicy says what a label does that PyTorch raises on.
	LabelPolicy string
	// Traps are what people get wrong, a sentence each.
	Traps []string
	// NaNRows: where an input is NaN, the gradient of its element or row may be
	// NaN where PyTorch's is a number.
	NaNRows bool
	// Cancels: gradients are small differences of large numbers, as where embeddings are
	// normalized and logits are many times a cosine. In float32 their error is measured
	// by the largest of them.
	Cancels bool
	// NotDerivative gives the reason where the declared gradient is meant to differ
	// from the derivative of the value, as PyTorch's does.
	NotDerivative string
	// NoSecond gives the reason why there are no products with the Hessian; empty where
	// there are.
	NoSecond string
	// EmptyOpset is the first opset at which every axis may be empty, where that is not
	// the first of all.
	EmptyOpset int64
	// Sizes are those of letters in golden cases, where the usual ones make large arrays.
	Sizes map[string]int64
	// OwnCases: no golden case is derived from the declaration, the loss lists all.
	OwnCases bool
	// Least are the least sizes of letters with which a run means something, as far as they
	// are more than 1: those of windows. A request for smaller ones is refused, and a run
	// of a file where letters stand for them ends.
	Least map[string]int64
	// Small are options of a loss whose defaults need large arrays, with which small ones
	// do: tests run many files, and few of the defaults.
	Small Values
	// Scales is how often the loss does the same at sizes of their own, all written out:
	// so much larger may its file be.
	Scales int
	// Undefined names derived golden cases for which PyTorch returns uninitialized
	// memory or nothing but the rounding errors of what cancels, raises where a file
	// cannot, or lets a NaN behind the mask through; there are no goldens for them.
	Undefined []string
	// Logits names the input of unnormalized scores, which temperature and softcap
	// apply to. ZLoss: they are scores of classes, whose partition function z_loss
	// keeps small.
	Logits string
	ZLoss  bool
	// Classes is the letter of the classes in the shapes of a loss that has them along
	// axis 1, as PyTorch. Option class_axis moves them to the last axis then: the shapes
	// and PyTorch's expression by themselves, and the body asks [Call.ClassAxis] where
	// they are.
	Classes string
	// Inseparable gives the reason why the unreduced losses cannot be weighted or
	// masked from outside, where they cannot.
	Inseparable string
	// Tasks are the losses that this one is composed of. Their inputs have the
	// task's name and an underscore in front; as many of the last inputs as there are
	// Parameters are not of a task.
	Tasks      []Task
	Parameters int
}

// Loss is a declared loss, whatever the type of its options.
type Loss interface {
	// Declaration returns the loss's declaration for its default options.
	Declaration() Spec
	// names lists all names and presets those that imply options, without the work of
	// a declaration.
	names() []string
	presets() map[string]Values
	// Options lists the options with their defaults and bounds.
	Options() []Option
	// Check finds a mistake in the declaration. Requests for the loss have it as
	// their error.
	Check() error
	// Cases returns golden cases that the declaration adds to the derived ones.
	Cases() []Case
	// For returns the declaration for the given options, which may decide the
	// inputs and shapes.
	For(Values) (Spec, error)
	// complete fills in what options leave open and brings them into one form.
	complete(Values) (Values, error)
	// build adds the loss's nodes to the graph of a call.
	build(c *Call, v Values) Term
	// reference returns the PyTorch expression.
	reference(c *Call, v Values) string
}

// names lists all names of a loss, the canonical one first.
func (s Spec) names() []string {
	list := []string{s.Name, s.Name + "_loss"}
	if s.Class != "" {
		list = append(list, s.Class)
	}
	list = append(list, s.Aliases...)
	return append(list, slices.Sorted(maps.Keys(s.Presets))...)
}

func (s Spec) presets() map[string]Values { return s.Presets }

// requestFor asks for a loss with its defaults.
func requestFor(l Loss) Request { return Request{Catalog: Catalog{l}, Loss: l.names()[0]} }

// Value is a tensor in a graph under construction.
type Value = builder.Value

// Call is a loss being built: its inputs as values of the type that it computes
// in (float32 for 16-bit inputs).
type Call struct {
	B       *builder.B
	Compute tensor.DType
	inputs  map[string]builder.Value
	plan    *Plan
}

// In returns an input's value; the zero Value for an optional one that was not
// asked for.
func (c *Call) In(name string) builder.Value { return c.inputs[name] }

// Has reports whether an optional input was asked for.
func (c *Call) Has(name string) bool { _, ok := c.inputs[name]; return ok }

// Shape is an input's shape in the file, which the value may not have: inputs that
// broadcast become larger behind a mask.
func (c *Call) Shape(name string) tensor.Shape { return c.plan.port(name).Shape }

// Parts returns the tasks of a composition.
func (c *Call) Parts() []Part { return c.plan.parts }

// Const returns a constant of the type that the loss computes in.
func (c *Call) Const(v float64) builder.Value { return c.B.Const(c.Compute, v) }
