package adapters

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// Data is what a template sees of a loss file.
type Data struct {
	Stem Text   // of the .onnx file: its name is Stem + ".onnx"
	Hash string // of the .onnx file: SHA-256 in hexadecimal

	// How the stack calls the source, set by [Stack.fit]: Name is Stem as an
	// identifier, "cross_entropy", Type as the name of a type, "CrossEntropy".
	Name, Type string
	Source     Text // the name of the source file
	Command    Text // the command line that writes both files

	Loss        Text   // lossgen's name of the loss
	Title       Text   // one line, lower case
	Formula     Text   // one line
	Options     Text   // JSON, every option with its value, as the file has it
	Reference   Text   // PyTorch expression over the input names
	LabelPolicy Text   // what a bad label does, or ""
	Version     Text   // of lossgen
	Reduction   string // "mean", "sum", "none" or "batchmean"
	DType       string // of the floating inputs and gradients; the loss and counts may be wider

	// Inputs are the file's inputs in order, without grad_output.
	Inputs []Input
	// GradOutput is the input for the upstream gradient, or nil.
	GradOutput *Port
	// Outputs are the file's outputs in order: the loss, Extra, then gradients.
	Outputs []Port
	// Loss value, further values, and gradients, all among Outputs.
	Value Port
	Extra []Port
	Grads []Port

	// Forms are the sizes that follow from those of letters.
	Forms []Form
	// Ranks says how inputs of other ranks are brought to the file's.
	Ranks Ranks

	*Trainer // of a training file

	command []string // the command line, less the stack
}

// File is the name of the .onnx file.
func (d *Data) File() Text { return d.Stem + ".onnx" }

// Refusal is what the source says of another file, behind its name.
func (d *Data) Refusal() Text {
	return " is not the file that " + d.Source + " was written for: make both anew with `" + d.Command + "`"
}

// Port is a named tensor of a fixed type and rank.
type Port struct {
	Name  string
	DType string // as PyTorch spells it: "float32", "int64"
	Dims  []Dim
}

// Dim is the size of one axis: a letter, a form over letters, or a number.
type Dim struct {
	Text  string // "N", "2*N" or "4"
	Known bool   // whether it is a number
}

// Input is an input of the file. All inputs of a file must be given.
type Input struct {
	Port
	Doc      Text
	Optional bool   // the loss exists without it, but this file has it
	Grad     string // name of the output that is its gradient, or ""
	Label    bool   // integers that name classes or count
	Axes     []string
}

// Rank returns the number of axes.
func (p Port) Rank() int { return len(p.Dims) }

// Float reports whether the elements are floating-point numbers.
func (p Port) Float() bool { return strings.Contains(p.DType, "float") }

// Shape returns "N, C" for messages and comments.
func (p Port) Shape() string {
	var parts []string
	for _, d := range p.Dims {
		parts = append(parts, d.Text)
	}
	return strings.Join(parts, ", ")
}

// GlobalMean reports whether the file gives a sum and what the mean would divide
// it by, which makes an exact mean over several processes.
func (d *Data) GlobalMean() bool {
	normalizer := slices.ContainsFunc(d.Extra, func(p Port) bool { return p.Name == "normalizer" })
	return normalizer && d.Reduction == "sum"
}

// Widens reports whether a 16-bit sum becomes a global mean: what arrives from there
// is as small as the number of all losses is large.
func (d *Data) Widens() bool { return d.GlobalMean() && explicit(d.Value.DType) }

// KerasOrder reports whether the loss has a target and an input, which Keras
// passes in this order.
func (d *Data) KerasOrder() bool { return d.Input("target") != nil && d.Input("input") != nil }

// KerasInputs returns the inputs in the order of Keras, where it has one.
func (d *Data) KerasInputs() []Input {
	if !d.KerasOrder() {
		return d.Inputs
	}
	ordered := []Input{*d.Input("target"), *d.Input("input")}
	for _, in := range d.Inputs {
		if in.Name != "target" && in.Name != "input" {
			ordered = append(ordered, in)
		}
	}
	return ordered
}

// UsesTorchvision reports whether the reference does.
func (d *Data) UsesTorchvision() bool { return strings.Contains(string(d.Reference), "tv.") }

// Input returns the input with a name, or nil.
func (d *Data) Input(name string) *Input {
	for i := range d.Inputs {
		if d.Inputs[i].Name == name {
			return &d.Inputs[i]
		}
	}
	return nil
}

// Describe reads the data for templates from the file of a plan.
func Describe(plan *losses.Plan, file []byte, stem string) (*Data, error) {
	if !utf8.ValidString(stem) {
		return nil, fmt.Errorf("the file's name %q is not UTF-8, and the source could not name it: choose another", stem)
	}
	m, err := export.Unmarshal(file)
	if err != nil {
		return nil, err
	}
	if err := export.Check(m); err != nil {
		return nil, err
	}
	d := &Data{
		Stem: Text(stem), Hash: fmt.Sprintf("%x", sha256.Sum256(file)),
		Loss: Text(plan.Loss), Title: Text(plan.Spec.Title), Formula: Text(m.Graph.Doc), Reduction: "mean", DType: plan.DType.String(),
	}
	for key, to := range map[string]*Text{
		"lossgen.options": &d.Options, "lossgen.reference": &d.Reference,
		"lossgen.label_policy": &d.LabelPolicy, "lossgen.version": &d.Version,
	} {
		value, _ := m.Meta(key)
		*to = Text(value)
	}
	if r, ok := plan.Options["reduction"].(string); ok {
		d.Reduction = r
	}
	d.readPorts(m.Graph, plan)
	if err := d.readForms(m.Graph); err != nil {
		return nil, err
	}
	d.Ranks = ranks(d, m.Graph, plan)
	d.command = commandLine(plan)
	return d, nil
}

func (d *Data) readPorts(g *ir.Graph, plan *losses.Plan) {
	for _, p := range g.Inputs {
		if p.Name == "grad_output" {
			up := port(p)
			d.GradOutput = &up
			continue
		}
		in := Input{Port: port(p), Label: p.DType.IsInt()}
		for _, declared := range plan.Ports {
			if declared.Name == p.Name {
				in.Doc, in.Optional = Text(declared.Doc), declared.Optional
			}
		}
		d.Inputs = append(d.Inputs, in)
	}
	for _, p := range g.Outputs {
		out := port(p)
		d.Outputs = append(d.Outputs, out)
		name, _ := strings.CutPrefix(p.Name, "grad_")
		switch in := d.Input(name); {
		case p.Name == "loss":
			d.Value = out
		case name != p.Name && in != nil:
			in.Grad = p.Name
			d.Grads = append(d.Grads, out)
		default:
			d.Extra = append(d.Extra, out)
		}
	}
}

func port(p ir.Port) Port {
	out := Port{Name: p.Name, DType: p.DType.String()}
	for _, dim := range p.Shape {
		out.Dims = append(out.Dims, Dim{dim.String(), dim.Known()})
	}
	return out
}

// tokens splits a pattern such as "N,C,*".
func tokens(pattern string) []string {
	if pattern == "" {
		return nil
	}
	return strings.Split(pattern, ",")
}

func shapeOf(ports []ir.Port, name string) (tensor.Shape, bool) {
	for _, p := range ports {
		if p.Name == name {
			return p.Shape, true
		}
	}
	return nil, false
}
