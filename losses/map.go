package losses

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder"
)

// This file defines steps that a request puts before a loss, on an input, and behind
// it, on the losses before reduction or on the result. Other libraries take
// probabilities where PyTorch takes their logarithms, clip them, or average an axis
// first; with steps the file takes what they take, and so do its gradients.

// MapLosses and MapResult are what a map calls the losses before reduction, and the
// reduced loss; other names are those of inputs.
const (
	MapLosses = "loss"
	MapResult = "result"
)

// maxSteps bounds the steps of one name.
const maxSteps = 8

// stepKind is a row of the table of steps.
type stepKind struct {
	name    string
	numbers []string // what it takes, behind colons
	places  string   // "i" for inputs, "l" for losses, "r" for the result
	axes    int      // how many axes there must be
	masked  bool     // harmless numbers stay finite: goes with a mask
	gathers bool     // it leaves one loss for each row
	// before is the domain of the input before the step, of that behind it; nil where
	// they are one.
	before func(Domain) Domain
	graph  func(x Value, axis int, a []float64) Value
	torch  string // of {x}, {axis} and the numbers {0} and {1}
}

var stepTable = []stepKind{
	{name: "clip", numbers: []string{"LOW", "HIGH"}, places: "i", masked: true, torch: "{x}.clamp({0}, {1})",
		graph: func(x Value, _ int, a []float64) Value { return x.Clip(a[0], a[1]) }},
	{name: "scale", numbers: []string{"FACTOR"}, places: "il", masked: true, torch: "({0} * {x})", before: unbounded,
		graph: func(x Value, _ int, a []float64) Value { return x.Scale(a[0]) }},
	{name: "shift", numbers: []string{"NUMBER"}, places: "il", masked: true, torch: "({x} + {0})", before: unbounded,
		graph: func(x Value, _ int, a []float64) Value { return x.Shift(a[0]) }},
	{name: "sign", places: "i", masked: true, torch: "(2 * {x} - 1)", before: always(Event),
		graph: func(x Value, _ int, _ []float64) Value { return x.Scale(2).Shift(-1) }},
	{name: "log", places: "i", torch: "{x}.log()", before: exponential,
		graph: func(x Value, _ int, _ []float64) Value { return x.Log() }},
	{name: "exp", places: "ir", torch: "{x}.exp()", before: always(Real),
		graph: func(x Value, _ int, _ []float64) Value { return x.Exp() }},
	{name: "square", places: "il", torch: "{x}.square()", before: always(Positive),
		graph: func(x Value, _ int, _ []float64) Value { return x.Square() }},
	{name: "sqrt", places: "ir", torch: "{x}.sqrt()", before: always(Positive),
		graph: func(x Value, _ int, _ []float64) Value { return x.Sqrt() }},
	{name: "sigmoid", places: "i", masked: true, torch: "{x}.sigmoid()", before: always(Real),
		graph: func(x Value, _ int, _ []float64) Value { return x.Sigmoid() }},
	{name: "softmax", axes: 1, places: "i", torch: "{x}.softmax({axis})", before: always(Real),
		graph: func(x Value, axis int, _ []float64) Value { return x.Softmax(axis) }},
	{name: "log_softmax", axes: 1, places: "i", torch: "{x}.log_softmax({axis})", before: always(Real),
		graph: func(x Value, axis int, _ []float64) Value { return x.LogSoftmax(axis) }},
	{name: "normalize", axes: 1, places: "i", torch: "(lambda p: p / p.sum({axis}, keepdim=True))({x})", before: always(Unit),
		graph: func(x Value, axis int, _ []float64) Value { return x.Div(x.SumKeep(axis)) }},
	{name: "smooth", numbers: []string{"SHARE"}, axes: 1, places: "i", torch: "((1 - {0}) * {x} + {0} / {x}.size({axis}))",
		graph: func(x Value, axis int, a []float64) Value {
			return x.Scale(1 - a[0]).Add(x.Like(a[0]).Div(x.B().Count(x.DType(), x.Shape()[axis:axis+1])))
		}},
	{name: "unit", numbers: []string{"LEAST"}, axes: 1, places: "i", torch: "F.normalize({x}, dim=-1, eps={0})",
		graph: func(x Value, _ int, a []float64) Value { return x.Normalize(2, a[0], x.Rank()-1) }},
	{name: "mean_last", axes: 1, places: "l", gathers: true, torch: "{x}.mean(-1)",
		graph: func(x Value, _ int, _ []float64) Value { return meanOver(x, x.Rank()-1) }},
	{name: "sum_last", axes: 1, places: "l", gathers: true, torch: "{x}.sum(-1)",
		graph: func(x Value, _ int, _ []float64) Value { return x.SumOver(x.Rank() - 1) }},
	{name: "mean_rest", axes: 2, places: "l", gathers: true, torch: "{x}.flatten(1).mean(1)",
		graph: func(x Value, _ int, _ []float64) Value { return meanOver(x, rest(x)...) }},
	{name: "sum_rest", axes: 2, places: "l", gathers: true, torch: "{x}.flatten(1).sum(1)",
		graph: func(x Value, _ int, _ []float64) Value { return x.SumOver(rest(x)...) }},
}

func always(d Domain) func(Domain) Domain { return func(Domain) Domain { return d } }

// unbounded is the domain before a factor or a number that is added.
func unbounded(d Domain) Domain {
	if d == Signs {
		return Event
	}
	return d
}

// exponential is the domain of values whose logarithms have a domain.
func exponential(d Domain) Domain {
	if d == LogProb {
		return Simplex
	}
	return Positive
}

// rest are all axes but the first.
func rest(x Value) (axes []int) {
	for i := 1; i < x.Rank(); i++ {
		axes = append(axes, i)
	}
	return axes
}

func meanOver(x Value, axes ...int) Value {
	sum, n := x.SumOver(axes...), x.Like(1)
	for _, axis := range axes {
		n = n.Mul(x.B().Count(x.DType(), x.Shape()[axis:axis+1]))
	}
	return sum.Div(n)
}

// step is a step of a request.
type step struct {
	stepKind
	text string
	a    []float64
}

// parseSteps reads steps as "clip:1e-7:1,log".
func parseSteps(name, text string) (list []step, err error) {
	place, what := "i", "an input"
	switch name {
	case MapLosses:
		place, what = "l", "the losses"
	case MapResult:
		place, what = "r", "the result"
	}
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Split(strings.TrimSpace(part), ":")
		i := slices.IndexFunc(stepTable, func(k stepKind) bool { return k.name == words[0] && strings.Contains(k.places, place) })
		if i < 0 {
			return nil, fmt.Errorf("map of %s: %q is no step on %s: there are %s", name, words[0], what, strings.Join(Steps(place), ", "))
		}
		s := step{stepKind: stepTable[i], text: strings.Join(words, ":")}
		if len(words)-1 != len(s.numbers) {
			return nil, fmt.Errorf("map of %s: step %q, want %s", name, s.text, s.form())
		}
		for _, word := range words[1:] {
			f, err := strconv.ParseFloat(word, 64)
			if err != nil || math.IsNaN(f) {
				return nil, fmt.Errorf("map of %s: %q in step %q is no number, want %s", name, word, s.text, s.form())
			}
			s.a = append(s.a, f)
		}
		if list = append(list, s); len(list) > maxSteps {
			return nil, fmt.Errorf("map of %s has more than %d steps", name, maxSteps)
		}
	}
	return list, nil
}

// form is how the step is written.
func (k stepKind) form() string { return strings.Join(append([]string{k.name}, k.numbers...), ":") }

// Steps lists the steps on inputs ("i"), losses ("l") or the result ("r"), with what
// they take.
func Steps(place string) (list []string) {
	for _, k := range stepTable {
		if strings.Contains(k.places, place) {
			list = append(list, k.form())
		}
	}
	return list
}

// expression is the PyTorch expression of the step on x.
func (s step) expression(x string, axis int) string {
	pairs := []string{"{x}", x, "{axis}", strconv.Itoa(axis)}
	for i, a := range s.a {
		pairs = append(pairs, fmt.Sprintf("{%d}", i), Python(a))
	}
	return strings.NewReplacer(pairs...).Replace(s.torch)
}

// resolveMap reads the steps, and gives the inputs the domains that they have before
// them.
func (p *Plan) resolveMap() error {
	if len(p.Map) == 0 {
		p.Map = nil
		return nil
	}
	if p.Spec.Tasks != nil {
		return fmt.Errorf("%s takes no map: it is composed of losses", p.Loss)
	}
	p.Map, p.Spec.Inputs, p.steps = maps.Clone(p.Map), slices.Clone(p.Spec.Inputs), map[string][]step{}
	for _, name := range slices.Sorted(maps.Keys(p.Map)) {
		list, err := parseSteps(name, p.Map[name])
		if err != nil {
			return fmt.Errorf("%s: %w", p.Loss, err)
		}
		var texts []string
		for _, s := range list {
			texts = append(texts, s.text)
		}
		p.Map[name], p.steps[name] = strings.Join(texts, ","), list
		if name == MapLosses || name == MapResult {
			continue
		}
		i := slices.IndexFunc(p.Spec.Inputs, func(in Input) bool { return in.Name == name })
		if i < 0 || p.Spec.Inputs[i].Domain.row().kind != kindFloat {
			return fmt.Errorf("%s: map of %q: steps are for its inputs of floating-point numbers, %s and %s", p.Loss, name, MapLosses, MapResult)
		}
		for _, s := range slices.Backward(list) {
			if s.before != nil {
				p.Spec.Inputs[i].Domain = s.before(p.Spec.Inputs[i].Domain)
			}
		}
	}
	return p.checkMap()
}

// checkMap finds steps that do not go with the rest of the request.
func (p *Plan) checkMap() error {
	err := func() error {
		for _, name := range slices.Sorted(maps.Keys(p.steps)) {
			for _, s := range p.steps[name] {
				switch {
				case slices.Contains(p.Request.With, "mask") && (!s.masked || s.gathers):
					return fmt.Errorf("step %s does not go with a mask", s.name)
				case name == MapLosses && p.inseparable() != "":
					return errors.New("there are no single losses for steps: " + p.inseparable())
				case name == MapResult && p.reduction() == None:
					return errors.New("steps on the result go with a reduction, not with none")
				case s.gathers && p.reduction() == BatchMean:
					return fmt.Errorf("step %s does not go with reduction batchmean", s.name)
				}
			}
		}
		return nil
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", p.Loss, err)
	}
	return nil
}

// mapAxis is the axis of classes of an input: PyTorch's where the loss has one of
// classes, and else the last one.
func (p *Plan) mapAxis(name string, rank int) int {
	if rank > 1 && strings.HasPrefix(p.Spec.Shapes[0][name], "N,C") {
		return 1
	}
	return max(rank-1, 0)
}

// mapped is the call with steps taken on its inputs.
func (p *Plan) mapped(c *Call) *Call {
	inner := *c
	inner.inputs = maps.Clone(c.inputs)
	for _, name := range slices.Sorted(maps.Keys(p.steps)) { // in one order, for equal bytes
		if v, ok := inner.inputs[name]; ok {
			inner.inputs[name] = p.take(p.steps[name], v, p.mapAxis(name, v.Rank()))
		}
	}
	return &inner
}

func (p *Plan) take(list []step, v Value, axis int) Value {
	for _, s := range list {
		if v.Rank() < s.axes {
			builder.Failf("map", "step %s needs %d axes, and there are %d", s.name, s.axes, v.Rank())
		}
		v = s.graph(v, axis, s.a)
	}
	return v
}

// mapLosses takes the steps on losses.
func (p *Plan) mapLosses(t Term) Term {
	list := p.steps[MapLosses]
	if i := slices.IndexFunc(list, func(s step) bool { return s.gathers }); i >= 0 {
		if !t.Kept.IsZero() || !t.Divisor.IsZero() || !t.Count.IsZero() || t.Reduced {
			builder.Failf("map", "step %s is for losses of elements, and these are of rows", list[i].name)
		}
		if !t.Refuse.IsZero() {
			t.Refuse = p.take(list[i:i+1], t.Refuse, 0)
		}
	}
	t.Each = p.take(list, t.Each, 0)
	return t
}

// mapTorch takes the steps of a name in an expression.
func (p *Plan) mapTorch(name, text string) string {
	rank := 0
	if i := slices.IndexFunc(p.Ports, func(port Port) bool { return port.Name == name }); i >= 0 {
		rank = len(p.Ports[i].Shape)
	}
	for i, s := range p.steps[name] {
		if i == 0 {
			text = Operand(text)
		}
		text = s.expression(text, p.mapAxis(name, rank))
	}
	return text
}

// withMapped puts the inputs behind their steps into an expression.
func (p *Plan) withMapped(text string) string {
	to := map[string]string{}
	for name := range p.steps {
		if name != MapLosses && name != MapResult {
			to[name] = p.mapTorch(name, name)
		}
	}
	return rename(text, to)
}
