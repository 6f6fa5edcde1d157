package explain

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

// mostJudged bounds how many conventions that come near are run with their gradients.
const mostJudged = 60

// result judges the conventions that come near.
func (s *search) result() *Result {
	list, near := s.matches()
	r := &Result{Explained: false, Tried: s.tried, LeftOut: s.leftOut, Chance: 1, Answers: []Answer{}}
	seen := map[string]bool{}
	for i, m := range list {
		if i >= mostJudged || len(r.Answers) >= 3*maxAnswers {
			break
		}
		// The same words are the same convention, with inputs exchanged that mean the same.
		if a := s.judge(m); a != nil && !seen[a.Command] && !seen[a.Words] {
			seen[a.Command], seen[a.Words] = true, true
			r.Answers = append(r.Answers, *a)
		}
	}
	if len(s.question.Gradients) > 0 && !slices.ContainsFunc(r.Answers, func(a Answer) bool { return a.value && a.slopes }) {
		r.Answers = append(r.Answers, s.bySlope(seen)...)
	}
	given := len(s.question.Gradients) > 0
	slices.SortStableFunc(r.Answers, func(a, b Answer) int { return cmp.Compare(a.rank(given), b.rank(given)) })
	if len(r.Answers) > maxAnswers {
		r.Answers = r.Answers[:maxAnswers]
	}
	s.conclude(r, given)
	if r.Explained == false && near != nil {
		rep := near.reproduce(s)
		if plan, err := rep.request.Resolve(); err == nil {
			r.Nearest = &Nearest{s.words(*near), rep.command(plan), near.number, math.Abs(near.number-s.target.value) / math.Max(math.Abs(s.target.value), 1e-30)}
		}
	}
	s.pytorch(r, near)
	return r
}

// rank orders answers: those that agree in all that was given first.
func (a Answer) rank(given bool) float64 {
	switch {
	case a.value && (a.slopes || !given):
		return a.cost
	case a.value:
		return 1000 + a.cost
	}
	return 500 + a.cost
}

// conclude says what the answers explain, and drops what agrees by chance alone.
func (s *search) conclude(r *Result, given bool) {
	if len(r.Answers) == 0 {
		return
	}
	best := r.Answers[0]
	r.Chance = s.chance(best.cost)
	switch {
	case best.value && best.slopes:
		// Each element agrees to four digits or more: chance has no part in that.
		r.Chance *= math.Pow(1e-3, math.Min(float64(s.slopes()-1), 40))
		r.Explained = true
		r.Answers = slices.DeleteFunc(r.Answers, func(a Answer) bool { return !a.slopes || !a.value })
	case best.value && !given && r.Chance < mostChance:
		r.Explained = true
		r.Answers = slices.DeleteFunc(r.Answers, func(a Answer) bool { return s.chance(a.cost) >= mostChance })
	case best.slopes:
		r.Chance, r.Explained = math.Pow(1e-3, math.Min(float64(s.slopes()-1), 40)), "gradient"
	case best.value && given && r.Chance < mostChance:
		r.Explained = "value"
	default:
		r.Answers = []Answer{}
	}
}

// judge runs a convention as its file has it, and compares value and gradients.
func (s *search) judge(m match) *Answer {
	r := m.reproduce(s)
	wanted := s.wanted(m.core)
	if len(s.question.Gradients) > 0 && wanted == nil {
		return nil
	}
	usual := r.request
	r.request.Grad = wanted.inputs()
	plan, err := r.request.Resolve()
	if err != nil {
		return nil
	}
	out, err := compute(s.ctx, r.request, r.inputs)
	if err != nil {
		return nil
	}
	if p, err := usual.Resolve(); err == nil && (len(wanted) == 0 || slices.Equal(p.Differentiated(), plan.Differentiated()) || contains(p.Differentiated(), plan.Differentiated())) {
		r.request.Grad = nil
	}
	v := out["loss"].Float(0) + m.shift
	a := &Answer{Words: s.words(m), Calls: s.calls(m), Command: r.command(plan), Inputs: s.texts(r, plan), Value: r.value, number: v, cost: m.cost, Gradients: Texts{}}
	off := math.Abs(v-s.target.value) / math.Max(math.Abs(s.target.value), 1e-30)
	a.ValueError, a.value = &off, true
	a.of = plan.Loss
	if len(wanted) == 0 {
		if !m.tight {
			return nil
		}
		for _, name := range plan.Differentiated() {
			if e := m.core.exprs[name]; string(e) == e.Array() && e != "" {
				a.Gradients = append(a.Gradients, Text{e.Array(), "grad_" + name})
			}
		}
		return a
	}
	fits := s.compareSlopes(a, wanted, out, r)
	if slices.ContainsFunc(a.Gradients, func(t Text) bool { return strings.Contains(t.Expression, " * len(") }) {
		a.Calls = m.core.boosters()
	}
	if !fits && !m.tight {
		return nil
	}
	a.slopes = fits
	return a
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(all, name) })
}

// wantedSlopes are the inputs whose gradients are given.
type wantedSlopes []wantedSlope

type wantedSlope struct {
	input, user string
	observed    *tensor.Tensor
}

func (w wantedSlopes) inputs() (names []string) {
	for _, x := range w {
		names = append(names, x.input)
	}
	if names == nil {
		return []string{"none"}
	}
	return names
}

// wanted finds the inputs that the given gradients are of.
func (s *search) wanted(c *core) (list wantedSlopes) {
	for _, g := range s.question.Gradients {
		for _, in := range slices.Sorted(maps.Keys(c.exprs)) {
			if string(c.exprs[in]) == g.Name {
				list = append(list, wantedSlope{in, g.Name, g.Tensor})
			}
		}
	}
	if len(list) != len(s.question.Gradients) {
		return nil
	}
	return list
}

// texts are the inputs of a plan as NumPy expressions.
func (s *search) texts(r reproduction, plan *losses.Plan) (list Texts) {
	for _, p := range plan.Ports {
		list = append(list, Text{p.Name, r.np[p.Name]})
	}
	return list
}

// words says what a convention is.
func (s *search) words(m match) string {
	c := m.core
	spec := c.loss.Declaration()
	parts := []string{spec.Name + " (" + spec.Title + ")"}
	for _, name := range slices.Sorted(maps.Keys(c.request.Options)) {
		if name != "reduction" {
			parts = append(parts, name+" "+losses.Text(c.request.Options[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.request.Map)) {
		if name == losses.MapLosses {
			parts = append(parts, "each loss squared")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s through %s first", name, strings.ReplaceAll(c.request.Map[name], ",", ", then ")))
	}
	for _, in := range slices.Sorted(maps.Keys(c.exprs)) {
		if e := c.exprs[in]; string(e) != e.Array() {
			parts = append(parts, in+" is "+e.NumPy(own))
		}
	}
	if m.weights != nil {
		parts = append(parts, "each loss times "+m.weights.Name)
	}
	parts = append(parts, m.divisorWords())
	switch {
	case math.Abs(m.factor-1/math.Ln2) < 1e-12:
		parts = append(parts, "logarithms of base 2")
	case math.Abs(m.factor-1/math.Ln10) < 1e-12:
		parts = append(parts, "logarithms of base 10")
	case m.factor != 1:
		parts = append(parts, fmt.Sprintf("times %g", m.factor))
	}
	if m.shift != 0 {
		parts = append(parts, fmt.Sprintf("%s %g", map[bool]string{true: "less", false: "plus"}[m.shift < 0], math.Abs(m.shift)))
	}
	switch m.root {
	case "sqrt":
		parts = append(parts, "the square root of that")
	case "exp":
		parts = append(parts, "the exponential of that (perplexity)")
	}
	return strings.Join(parts, "; ")
}

func (m match) divisorWords() string {
	switch m.divisor {
	case byNative:
		return fmt.Sprintf("the sum divided by what counts (%g)", m.by)
	case byNothing:
		return "summed"
	case byRows:
		return fmt.Sprintf("summed over all but the first axis, and averaged over %g rows", m.by)
	case byColumns:
		return "averaged over all but the first axis, and summed over rows"
	case byWeights:
		return fmt.Sprintf("the sum divided by the sum of the weights (%g)", m.by)
	case byNonzero:
		return fmt.Sprintf("the sum divided by how many weights are not 0 (%g)", m.by)
	case byGiven:
		return "the sum divided by " + m.given.Name
	}
	if m.weights != nil || m.core.native != 0 {
		return fmt.Sprintf("the sum divided by the number of all (%g)", m.by)
	}
	return "averaged"
}

// mostCalls bounds the calls of an answer.
const mostCalls = 6

// calls are the frameworks' calls that give the number: those with their own reduction,
// and else those that are told another.
func (s *search) calls(m match) (list []string) {
	variants := slices.Clone(m.core.calls)
	slices.SortStableFunc(variants, func(a, b conventions.Variant) int { return a.Changed - b.Changed })
	list, named := []string{}, map[string]bool{}
	add := func(l *conventions.Like) bool {
		name := l.Call.Name + l.Call.First
		if named[name] || !near(s.callValue(m, l), s.target.value, s.target.loose(m.core.clips())) {
			return named[name]
		}
		named[name] = true
		list = append(list, l.Text)
		return true
	}
	for _, v := range variants {
		if !add(v.Like) {
			for _, other := range v.Reduced() {
				if add(other) {
					break
				}
			}
		}
	}
	return list[:min(len(list), mostCalls)]
}

// boosters are the calls whose gradient is that of a sum.
func (c *core) boosters() (list []string) {
	for _, v := range c.calls {
		if v.Call.First != "" {
			list = append(list, v.Text)
		}
	}
	return list
}
