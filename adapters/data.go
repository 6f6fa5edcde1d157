package adapters

import (
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// Data is what a template sees of a loss file.
type Data struct {
	Stem string // of the .onnx file: its name is Stem + ".onnx"
	Name string // Stem as an identifier, in snake case: "cross_entropy"
	Type string // Stem as the name of a type: "CrossEntropy"

	Loss        string // lossgen's name of the loss
	Title       string // one line, lower case
	Formula     string // one line
	Options     string // JSON, every option with its value, as the file has it
	Reference   string // PyTorch expression over the input names
	LabelPolicy string // what a bad label does, or ""
	Version     string // of lossgen
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

	// Ranks says how inputs of other ranks are brought to the file's.
	Ranks Ranks
}

// Port is a named tensor of a fixed type and rank.
type Port struct {
	Name  string
	DType string // as PyTorch spells it: "float32", "int64"
	Dims  []Dim
}

// Dim is the size of one axis: a letter, or a number.
type Dim struct {
	Text  string // "N" or "4"
	Known bool   // whether it is a number
}

// Input is an input of the file. All inputs of a file must be given.
type Input struct {
	Port
	Doc      string
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
func (d *Data) UsesTorchvision() bool { return strings.Contains(d.Reference, "tv.") }

// Input returns the input with a name, or nil.
func (d *Data) Input(name string) *Input {
	for i := range d.Inputs {
		if d.Inputs[i].Name == name {
			return &d.Inputs[i]
		}
	}
	return nil
}

// Describe reads the data for templates from a model that lossgen made.
func Describe(m *ir.Model, stem string) (*Data, error) {
	request, err := losses.FromModel(m)
	if err != nil {
		return nil, err
	}
	plan, err := request.Resolve()
	if err != nil {
		return nil, err
	}
	name := identifier(stem)
	d := &Data{
		Stem: stem, Name: name, Type: typeName(name),
		Loss: plan.Loss, Title: plan.Spec.Title, Formula: m.Graph.Doc, DType: plan.DType.String(),
	}
	for key, to := range map[string]*string{
		"lossgen.options": &d.Options, "lossgen.reference": &d.Reference,
		"lossgen.label_policy": &d.LabelPolicy, "lossgen.version": &d.Version,
	} {
		*to, _ = m.Meta(key)
	}
	d.Reduction = "mean"
	if r, ok := plan.Options["reduction"].(string); ok {
		d.Reduction = r
	}
	d.readPorts(m.Graph, plan)
	d.Ranks = ranks(d, m.Graph, plan.Spec)
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
				in.Doc, in.Optional = declared.Doc, declared.Optional
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

// identifier turns a file's stem into a name that every language accepts.
func identifier(stem string) string {
	name := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, stem)
	name = strings.TrimLeft(name, "_")
	if name == "" || unicode.IsDigit(rune(name[0])) {
		name = "loss_" + name
	}
	return name
}

// typeName turns "cross_entropy" into "CrossEntropy".
func typeName(name string) string {
	var b strings.Builder
	for _, word := range strings.Split(name, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// functions are those that templates may call.
var functions = template.FuncMap{
	"join":   strings.Join,
	"single": singleQuoted,
	"tuple":  tuple,
	"quote":  func(s string) string { return fmt.Sprintf("%q", s) },
	"wrap":   wrap,
	"minus":  func(a, b int) int { return a - b },

	"element": element,
	"camel":   camelName,
	"pascal":  typeName,

	"buffer":   buffer,
	"asBuffer": asBuffer,
	"size":     size,
	"explicit": explicit,
}

// wrap breaks text into lines of at most width columns; lines after the first
// start with prefix.
func wrap(width int, prefix, text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n"+prefix)
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

// singleQuoted writes text as a string of Python or JavaScript, so that JSON stays
// readable.
func singleQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// tuple writes names as a tuple of Python.
func tuple(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	if len(quoted) == 1 {
		return "(" + quoted[0] + ",)"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}
