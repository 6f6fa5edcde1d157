package explain

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

// This file turns a convention into a request, and a request into a command.

// reproduction is a request with its inputs.
type reproduction struct {
	request losses.Request
	inputs  map[string]*tensor.Tensor
	np      map[string]string
	value   string // over the outputs
}

func own(name string) string { return name }

// reproduce is the request for a match.
func (m match) reproduce(s *search) reproduction {
	c := m.core
	r := reproduction{request: c.request, inputs: maps.Clone(c.inputs), np: map[string]string{}, value: "loss"}
	r.request.Options, r.request.Map = maps.Clone(c.request.Options), maps.Clone(c.request.Map)
	r.request.With = slices.Clone(c.request.With)
	if r.request.Map == nil {
		r.request.Map = map[string]string{}
	}
	for name, e := range c.exprs {
		r.np[name] = e.NumPy(own)
	}
	reduction := "mean"
	if m.weights != nil {
		reduction = m.weighted(&r, s)
	} else {
		reduction = m.plain(&r)
	}
	if hasNone(c.loss) {
		r.request.Options = withOption(r.request.Options, "reduction", reduction)
	}
	if m.factor != 1 {
		r.request.Options = withOption(r.request.Options, "scale", m.factor)
	}
	if m.shift != 0 {
		r.value = fmt.Sprintf("loss %s %g", sign(m.shift), math.Abs(m.shift))
	}
	if m.root != "" {
		r.request.Map[losses.MapResult] = m.root
	}
	return r
}

func sign(v float64) string {
	if v < 0 {
		return "-"
	}
	return "+"
}

// with adds an optional input.
func (r *reproduction) with(name, np string, t *tensor.Tensor) {
	r.request.With = append(r.request.With, name)
	r.np[name], r.inputs[name] = np, t
	shapes := maps.Clone(r.request.Shapes)
	if name != "normalizer" {
		shapes[name] = t.Shape().List()
	}
	r.request.Shapes = shapes
}

// gather takes a step that leaves a loss for each row.
func (r *reproduction) gather(what string, rank int) {
	place := "_last"
	if rank > 2 {
		place = "_rest"
	}
	step := what + place
	if before := r.request.Map[losses.MapLosses]; before != "" {
		step = before + "," + step
	}
	r.request.Map[losses.MapLosses] = step
}

// plain is a reduction without weights.
func (m match) plain(r *reproduction) string {
	rank := len(m.core.dims)
	switch m.divisor {
	case byNothing:
		return "sum"
	case byRows:
		if reduces(m.core.loss, "batchmean") {
			return "batchmean"
		}
		r.gather("sum", rank)
	case byColumns:
		r.gather("mean", rank)
		return "sum"
	case byGiven:
		r.with("normalizer", conventions.Expr("number("+m.given.Name+")").NumPy(own), scalar(m.by))
	case byAll:
		if m.core.native != 0 {
			r.with("normalizer", number(m.by), scalar(m.by))
		}
	}
	return "mean"
}

// weighted is a reduction with weights.
func (m match) weighted(r *reproduction, s *search) string {
	w, rank := m.weights, len(m.core.dims)
	per := float64(m.core.count) / float64(m.core.dims[0])
	rows := len(w.Dims) == 1 && rank > 1
	as := w.Tensor.Cast(tensor.Float32)
	if rows {
		what := "mean"
		if m.divisor == byNothing || m.divisor == byRows {
			what = "sum"
		}
		r.gather(what, rank)
	} else {
		per = 1
	}
	r.with("sample_weight", w.Name, as)
	normalize := func(np string, v float64) { r.with("normalizer", np, scalar(v)) }
	switch m.divisor {
	case byNothing:
		return "sum"
	case byColumns:
		if rows {
			return "sum"
		}
		normalize(number(m.by), m.by)
	case byWeights:
		all := 0.0
		for _, v := range as.Floats() {
			all += v
		}
		if m.by/per == all {
			normalize("np.sum("+w.Name+")", m.by/per)
		} else {
			normalize(fmt.Sprintf("np.sum(%s) * %g", w.Name, m.by/all), m.by)
		}
	case byNonzero:
		if rows {
			normalize("np.float32(np.count_nonzero("+w.Name+"))", m.by/per)
			break
		}
		mask, _ := conventions.Expr("nonzero(" + w.Name + ")").Eval(s.array)
		r.with("mask", w.Name+" != 0", mask)
	case byRows:
		if !rows && rank > 1 {
			normalize(number(m.by), m.by)
		}
	case byGiven:
		normalize(conventions.Expr("number("+m.given.Name+")").NumPy(own), m.by/per)
	case byAll:
		if m.core.native != 0 {
			normalize(number(m.by), m.by)
		}
	}
	return "mean"
}

// command is the whole line that emits the request.
func (r reproduction) command(plan *losses.Plan) string {
	words := []string{"lossgen emit", plan.Loss}
	changed := plan.Changed()
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		words = append(words, flag(name, changed[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(plan.Map)) {
		words = append(words, "--map "+name+"="+plan.Map[name])
	}
	if len(plan.With) > 0 {
		words = append(words, "--with "+strings.Join(plan.With, ","))
	}
	if r.request.Grad != nil {
		words = append(words, "--grad "+strings.Join(r.request.Grad, ","))
	}
	return strings.Join(append(words, r.shapes(plan)...), " ")
}

func flag(name string, value any) string {
	text := losses.Text(value)
	if strings.HasPrefix(text, "-") || text == "true" || text == "false" {
		return "--" + name + "=" + text
	}
	return "--" + name + " " + text
}

// letters name axes in commands.
var letters = []string{"N", "C", "H", "W", "K"}

// shapes are the flags for shapes that are not the defaults.
func (r reproduction) shapes(plan *losses.Plan) []string {
	bare := r.request
	bare.Shapes = nil
	usual, err := bare.Resolve()
	same := err == nil && len(usual.Ports) == len(plan.Ports)
	if same {
		for i, p := range usual.Ports {
			if len(p.Shape) != len(plan.Ports[i].Shape) || broadcasts(plan.Ports[i], r.inputs) {
				same = false
			}
		}
	}
	if same {
		return nil
	}
	first := plan.Ports[0]
	names := letters
	if !strings.HasPrefix(plan.Spec.Shapes[0][first.Name], "N,C") && !strings.HasPrefix(plan.Spec.Shapes[0][first.Name], "C") {
		names = []string{"N", "D", "H", "W", "K"}
	}
	if len(first.Shape) > len(names) {
		return []string{"--shape " + first.Name + "=" + first.Shape.List()}
	}
	flags := []string{"--shape " + first.Name + "=" + strings.Join(names[:len(first.Shape)], ",")}
	for _, name := range []string{"sample_weight", "mask"} {
		t := r.inputs[name]
		if t == nil || !slices.Contains(t.Dims, 1) {
			continue
		}
		var dims []string
		for i, n := range t.Dims {
			if n == 1 {
				dims = append(dims, "1")
			} else {
				dims = append(dims, names[i])
			}
		}
		flags = append(flags, "--shape "+name+"="+strings.Join(dims, ","))
	}
	return flags
}

// broadcasts reports whether a weight or mask has an axis of size 1 for many.
func broadcasts(p losses.Port, inputs map[string]*tensor.Tensor) bool {
	return (p.Name == "sample_weight" || p.Name == "mask") && inputs[p.Name] != nil && len(p.Shape) > 1 && slices.Contains(inputs[p.Name].Dims, 1)
}
