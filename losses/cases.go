package losses

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Case is a request with the values of its inputs, for which PyTorch computes
// the golden outputs. Zero fields have their defaults.
type Case struct {
	Name       string
	Options    Values
	With       []string
	Grad       []string // nil: every input that has a gradient
	GradOutput bool
	Normalizer bool
	HVP        bool // vectors are normal
	LossDType  tensor.DType
	Spoiled    bool // what no loss may see is behind the mask, in every input
	Shapes     map[string]string
	Sizes      map[string]int64  // of letters
	Fill       map[string]string // how an input is filled: see testdata/README.md
	Set        map[string]Edge   // elements that are replaced afterwards
	Map        map[string]string
	Dtypes     []string // nil: float32 and float64
}

// Edge replaces elements of an input, by flat index.
type Edge map[int]float64

// GoldenCase is a case as the golden script reads it.
type GoldenCase struct {
	Loss    string           `json:"loss"`
	Case    string           `json:"case"`
	Request Request          `json:"request"`
	Outputs Expressions      `json:"outputs"` // PyTorch expressions, loss first
	Grad    []string         `json:"grad"`
	Inputs  []GoldenInput    `json:"inputs"`
	Dtypes  []string         `json:"dtypes"`
	Sizes   map[string]int64 `json:"sizes"`
}

// NamedText is an output and the PyTorch expression that computes it.
type NamedText struct{ Name, Expression string }

// Expressions are outputs in order; as JSON they are an object.
type Expressions []NamedText

// MarshalJSON writes an object whose keys keep their order.
func (e Expressions) MarshalJSON() ([]byte, error) {
	var s strings.Builder
	for i, x := range e {
		name, err := json.Marshal(x.Name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(x.Expression)
		if err != nil {
			return nil, err
		}
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		s.WriteByte(separator)
		s.Write(name)
		s.WriteByte(':')
		s.Write(text)
	}
	return []byte(s.String() + "}"), nil
}

// GoldenInput says how an input of a case is filled.
type GoldenInput struct {
	Name string            `json:"name"`
	Kind string            `json:"kind"` // "float", "index" or "bool"
	Dims []int64           `json:"dims"`
	Fill string            `json:"fill"`
	Set  map[string]string `json:"set,omitempty"` // flat index -> number
}

// Cases returns all golden cases of a loss: those that follow from its
// declaration (every accepted rank, option, optional input and reduction, empty
// and single-row batches, values that are not finite), and its own.
func (all Catalog) Cases(l Loss) ([]GoldenCase, error) {
	var out []GoldenCase
	seen := map[string]bool{}
	for _, c := range append(derivedCases(l), l.Cases()...) {
		if slices.Contains(l.Declaration().Undefined, c.Name) {
			continue
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("%s has two cases named %s", l.Declaration().Name, c.Name)
		}
		seen[c.Name] = true
		g, err := c.golden(all, l)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.Name, err)
		}
		out = append(out, g)
	}
	return out, nil
}

func derivedCases(l Loss) []Case {
	var all []Case
	if l.Declaration().OwnCases {
		return nil
	}
	for _, list := range [][]Case{rankCases(l), optionCases(l), optionalCases(l), batchCases(l), edgeCases(l), wrapperCases(l), classAxisCases(l), secondCases(l)} {
		all = append(all, list...)
	}
	return all
}

func reductionsOf(l Loss) []string {
	for _, o := range l.Options() {
		if o.Name == "reduction" {
			return o.Choices
		}
	}
	return []string{""}
}

func WithReduction(v Values, r string) Values {
	out := Values{}
	for name, value := range v {
		out[name] = value
	}
	if r != "" {
		out["reduction"] = r
	}
	return out
}

// starRanks are what "*" is tried as.
func starRanks(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	stars := []string{"", "A", "A,B", "A,B,E"}
	out := make([]string, len(stars))
	for i, star := range stars {
		var parts []string
		for _, part := range tokens(pattern) {
			if part != "*" {
				parts = append(parts, part)
			} else if star != "" {
				parts = append(parts, star)
			}
		}
		out[i] = strings.Join(parts, ",")
	}
	return out
}

func rankCases(l Loss) []Case {
	spec := l.Declaration()
	first := spec.Inputs[0].Name
	var out []Case
	for i, pattern := range spec.Shapes {
		for _, shape := range starRanks(pattern[first]) {
			for _, r := range reductionsOf(l) {
				out = append(out, Case{
					Name:    fmt.Sprintf("shape%d_%s_%s", i, strings.ReplaceAll(shape, ",", ""), r),
					Options: WithReduction(nil, r), Shapes: map[string]string{first: shape},
				})
			}
		}
	}
	return out
}

func optionCases(l Loss) []Case {
	var out []Case
	for _, o := range l.Options() {
		if o.Name == "reduction" {
			continue
		}
		for _, value := range o.Try {
			for _, r := range reductionsOf(l) {
				name := strings.NewReplacer(",", "_", "-", "m").Replace(Text(value))
				out = append(out, Case{
					Name:    fmt.Sprintf("%s_%s_%s", o.Name, name, r),
					Options: WithReduction(Values{o.Name: value}, r),
				})
			}
		}
	}
	return out
}

func optionalCases(l Loss) []Case {
	var names []string
	for _, in := range l.Declaration().Inputs {
		if in.Optional {
			names = append(names, in.Name)
		}
	}
	sets := [][]string{}
	for _, name := range names {
		sets = append(sets, []string{name})
	}
	if len(names) > 1 {
		sets = append(sets, names)
	}
	var out []Case
	for _, with := range sets {
		for _, r := range reductionsOf(l) {
			out = append(out, Case{Name: "with_" + strings.Join(with, "_") + "_" + r, With: with, Options: WithReduction(nil, r)})
		}
	}
	return out
}

// batchCases are an upstream gradient, and batches and classes of unusual number.
func batchCases(l Loss) []Case {
	spec := l.Declaration()
	sizes := map[string]map[string]int64{}
	if letter := spec.batchLetter(); letter != "" {
		sizes["empty"], sizes["single"] = map[string]int64{letter: 0}, map[string]int64{letter: 1}
	}
	if letter := spec.classLetter(); letter != "" {
		sizes["one_class"] = map[string]int64{letter: 1}
	}
	var out []Case
	for _, r := range reductionsOf(l) {
		if r != string(None) {
			out = append(out, Case{Name: "upstream_" + r, Options: WithReduction(nil, r), GradOutput: true})
		}
		for name, fixed := range sizes {
			out = append(out, Case{Name: name + "_" + r, Options: WithReduction(nil, r), Sizes: fixed})
		}
	}
	slices.SortFunc(out, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// batchLetter is the letter of the first axis by default, "" where that is none.
func (s Spec) batchLetter() string {
	axes := tokens(strings.Replace(s.Shapes[0][s.Inputs[0].Name], "*", s.Star, 1))
	if len(axes) == 0 || !tensor.IsName(axes[0]) {
		return ""
	}
	return axes[0]
}

// classLetter is the letter of the axis of the classes by default, "" where there is
// none.
func (s Spec) classLetter() string {
	for _, in := range s.Inputs {
		if in.Domain.row().classes && usesLetter(s.Shapes[:1], in.Of.Axis) {
			return in.Of.Axis
		}
	}
	return ""
}

// golden completes a case.
func (c Case) golden(all Catalog, l Loss) (GoldenCase, error) {
	r := Request{Catalog: all, Loss: l.names()[0], Options: c.Options}
	declared, err := r.declare()
	if err != nil {
		return GoldenCase{}, err
	}
	r.With, r.GradOutput, r.Normalizer, r.Shapes, r.Grad = c.With, c.GradOutput, c.Normalizer, c.Shapes, c.Grad
	r.LossDType, r.Map, r.HVP = c.LossDType, c.Map, c.HVP
	if c.Grad == nil {
		for _, in := range declared.Inputs() {
			if in.Grad != No && (!in.Optional || slices.Contains(c.With, in.Name)) {
				r.Grad = append(r.Grad, in.Name)
			}
		}
	}
	p, err := r.Resolve()
	if err != nil {
		return GoldenCase{}, err
	}
	graph, extra, err := p.graph()
	if err != nil {
		return GoldenCase{}, err
	}
	c.Sizes = sizesOf(l.Declaration(), c.Sizes)
	g := GoldenCase{
		Loss: p.Loss, Case: c.Name, Request: r, Grad: p.Differentiated(), Sizes: map[string]int64{},
		Outputs: append(Expressions{{"loss", p.Expression()}}, extra...), Dtypes: c.Dtypes,
	}
	if g.Dtypes == nil {
		g.Dtypes = []string{"float32", "float64"}
	}
	g.Request.Options = p.Options
	for _, port := range p.Ports {
		u := p.use(port, func(d tensor.Dim) int64 { return sizeOf(d, map[string]int64{}, c.Sizes) })
		g.Inputs = append(g.Inputs, c.input(port.Name, port.Shape, port.Domain.row(), u, g.Sizes))
	}
	if p.GradOutput {
		g.Inputs = append(g.Inputs, c.input("grad_output", graph.Output("loss").Shape(), Real.row(), nil, g.Sizes))
	}
	for _, v := range p.Vectors() {
		g.Inputs = append(g.Inputs, c.input(v.Name, v.Shape, v.Domain.row(), nil, g.Sizes))
	}
	if c.Spoiled {
		g.spoil(p)
	}
	return g, nil
}

func (c Case) input(name string, shape tensor.Shape, row domainRow, u *use, sizes map[string]int64) GoldenInput {
	in := GoldenInput{Name: name, Kind: row.kind, Dims: []int64{}, Fill: row.fill(u)}
	for _, d := range shape {
		in.Dims = append(in.Dims, sizeOf(d, sizes, c.Sizes))
	}
	if fill, ok := c.Fill[name]; ok {
		in.Fill = fill
	}
	for i, v := range c.Set[name] {
		if in.Set == nil {
			in.Set = map[string]string{}
		}
		in.Set[fmt.Sprint(i)] = Text(v)
		if row.kind == kindIndex { // without an exponent
			in.Set[fmt.Sprint(i)] = fmt.Sprint(int64(v))
		}
	}
	return in
}

// sizesOf are the sizes of letters that are not the usual ones.
func sizesOf(s Spec, own map[string]int64) map[string]int64 {
	sizes := map[string]int64{}
	maps.Copy(sizes, s.Sizes)
	maps.Copy(sizes, own)
	return sizes
}

// sizeOf gives letters small, different sizes.
func sizeOf(d tensor.Dim, sizes, fixed map[string]int64) int64 {
	usual := map[string]int64{"N": 4, "C": 5, "D": 3, "A": 3, "B": 2, "E": 4, "T": 6, "S": 3}
	for _, letter := range d.Letters() {
		if n, ok := usual[letter[strings.LastIndexByte(letter, '_')+1:]]; ok { // seg_C is as large as C
			sizes[letter] = n
		} else {
			sizes[letter] = 2
		}
		if n, ok := fixed[letter]; ok {
			sizes[letter] = n
		}
	}
	n, _ := d.Eval(sizes) // small sizes, which do not overflow
	return n
}
