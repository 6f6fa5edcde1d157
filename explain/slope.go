package explain

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

// This file compares gradients.

func near(a, b, within float64) bool { return math.Abs(a-b) <= within }

// callValue is what a framework's call gives for the arrays of a match, with the mean of
// what it leaves unreduced, or its sum, whichever is nearer.
func (s *search) callValue(m match, l *conventions.Like) float64 {
	c, f := m.core, l.Form
	if m.weights != nil && f.Weight == "" {
		return math.NaN()
	}
	n := float64(c.count)
	rows := 1.0
	if len(c.dims) > 0 {
		rows = float64(c.dims[0])
	}
	per := n / rows
	sum := c.sums[m.weights].losses
	by := map[string]float64{"mean": n, "sum": 1}
	switch {
	case c.native != 0 && m.weights == nil:
		by["mean"] = c.native
	case f.ByWeights && m.weights != nil:
		by["mean"] = c.sums[m.weights].weights
	case f.ByNonzero && m.weights != nil:
		by["mean"] = c.sums[m.weights].nonzero
	}
	switch f.Gather() {
	case "mean_last", "mean_rest":
		by["sum"] = per
	case "sum_last", "sum_rest":
		by["mean"] /= per
	}
	if m.divisor == byGiven {
		by["mean"], by["sum"] = m.by, m.by
	}
	scale := 1.0
	if k, ok := f.Options["scale"].(float64); ok {
		scale = k
	}
	value := func(reduction string) float64 {
		shift := 0.0
		if f.Map[losses.MapLosses] == "shift:-1" {
			shift = -1
		}
		x := scale * (sum/by[reduction] + shift*n/by[reduction])
		switch f.Map[losses.MapResult] {
		case "sqrt":
			x = math.Sqrt(sum / by[reduction])
		}
		return x
	}
	switch f.Options["reduction"] {
	case "mean":
		return value("mean")
	case "sum":
		return value("sum")
	case "batchmean":
		return scale * sum / rows
	}
	a, b := value("mean"), value("sum")
	if math.Abs(a-s.target.value) <= math.Abs(b-s.target.value) {
		return a
	}
	return b
}

// agrees reports whether two gradients are one within float32, by element.
func agrees(got, want, scale, most float64, loose bool) bool {
	relative, absolute := 3e-5, 2e-6
	if loose {
		relative, absolute = 5e-4, 5e-6
	}
	return math.Abs(scale*got-want) <= relative*math.Abs(want)+absolute*most
}

// multiples are factors by which a gradient may differ from that of the value: those of a
// sum and a mean.
func (s *search) multiples(user string) (list []Text, by []float64) {
	t := s.array(user)
	add := func(text string, v float64) {
		if v != 1 && !slices.Contains(by, v) {
			list, by = append(list, Text{Expression: text}), append(by, v)
		}
	}
	if len(t.Dims) > 0 {
		add(fmt.Sprintf(" * len(%s)", user), float64(t.Dims[0]))
		add(fmt.Sprintf(" / len(%s)", user), 1/float64(t.Dims[0]))
		last := float64(t.Dims[len(t.Dims)-1])
		add(fmt.Sprintf(" * %s.shape[-1]", user), last)
		add(fmt.Sprintf(" / %s.shape[-1]", user), 1/last)
	}
	add(fmt.Sprintf(" * %s.size", user), float64(t.Len()))
	add(fmt.Sprintf(" / %s.size", user), 1/float64(t.Len()))
	add(" * 2", 2)
	add(" / 2", 0.5)
	return list, by
}

// compareSlopes compares the given gradients with those of a run, and reports whether
// all agree but at kinks.
func (s *search) compareSlopes(a *Answer, wanted wantedSlopes, out map[string]*tensor.Tensor, r reproduction) bool {
	worst, all := 0.0, true
	for _, w := range wanted {
		got, want := out["grad_"+w.input].Floats(), w.observed.Floats()
		scale, text := 1.0, ""
		bad := disagreeing(got, want, scale)
		if len(bad) > 0 {
			texts, by := s.multiples(w.user)
			for i, k := range by {
				if len(disagreeing(got, want, k)) == 0 {
					scale, text, bad = k, texts[i].Expression, nil
					a.cost++
					a.Words += "; its gradient is" + map[bool]string{true: " that of the sum", false: " multiplied, as if reduced otherwise"}[isSum(text, w.user)]
					break
				}
			}
		}
		a.Gradients = append(a.Gradients, Text{w.user, "grad_" + w.input + text})
		if len(bad) > 0 {
			if places := s.kinks(bad, w, r, len(want)); places != nil {
				if a.DiffersAt == nil {
					a.DiffersAt = map[string][][]int{}
				}
				a.DiffersAt[w.user] = places
				a.Words += fmt.Sprintf("; at %d places, which are at kinks, the gradient of %s is another one", len(places), w.user)
			} else {
				all = false
			}
		}
		worst = math.Max(worst, worstError(got, want, scale, bad))
	}
	a.GradientError = &worst
	return all
}

func isSum(text, user string) bool { return text == fmt.Sprintf(" * len(%s)", user) }

// disagreeing lists the elements that do not agree.
func disagreeing(got, want []float64, scale float64) (list []int) {
	most := 0.0
	for _, v := range want {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			most = math.Max(most, math.Abs(v))
		}
	}
	strict := 0
	for i := range want {
		same := math.IsNaN(got[i]) && math.IsNaN(want[i]) || scale*got[i] == want[i]
		if !same && !agrees(got[i], want[i], scale, most, false) {
			strict++
		}
		if !same && !agrees(got[i], want[i], scale, most, true) {
			list = append(list, i)
		}
	}
	// Few elements may have lost digits, as those that 1 - p leaves.
	if len(list) == 0 && 2*strict > len(want) {
		for i := range want {
			list = append(list, i)
		}
	}
	return list
}

func worstError(got, want []float64, scale float64, without []int) (worst float64) {
	most := 0.0
	for _, v := range want {
		most = math.Max(most, math.Abs(v))
	}
	for i := range want {
		if !slices.Contains(without, i) && !math.IsNaN(want[i]) {
			worst = math.Max(worst, math.Abs(scale*got[i]-want[i])/math.Max(math.Max(math.Abs(want[i]), 1e-3*most), 1e-30))
		}
	}
	return worst
}

// kinks returns the places of elements that do not agree, where each is at a kink and the
// given slope is one of its sides, or the middle. nil where that is not so.
func (s *search) kinks(bad []int, w wantedSlope, r reproduction, n int) [][]int {
	if 4*len(bad) > n {
		return nil
	}
	sides := [2][]float64{}
	for side, step := range []float64{-1e-3, 1e-3} {
		moved := maps.Clone(r.inputs)
		t := r.inputs[w.input].Cast(tensor.Float32)
		t = tensor.FromFloats(tensor.Float32, t.Dims, t.Floats())
		for _, i := range bad {
			t.SetFloat(i, t.Float(i)+step*math.Max(1, math.Abs(t.Float(i))))
		}
		moved[w.input] = t
		request := r.request
		request.Grad = []string{w.input}
		out, err := compute(s.ctx, request, moved)
		if err != nil {
			return nil
		}
		sides[side] = out["grad_"+w.input].Floats()
	}
	var places [][]int
	for _, i := range bad {
		low, high, seen := sides[0][i], sides[1][i], w.observed.Float(i)
		jump := math.Abs(high - low)
		if jump < 0.1*math.Max(math.Abs(low), math.Abs(high)) {
			return nil // it is smooth here
		}
		ok := false
		for _, side := range []float64{low, high, (low + high) / 2, 0} {
			ok = ok || math.Abs(side-seen) <= 0.02*jump
		}
		if !ok {
			return nil
		}
		places = append(places, indexOf(i, w.observed.Dims))
	}
	return places
}

func indexOf(flat int, dims []int64) []int {
	at := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		at[i], flat = flat%int(dims[i]), flat/int(dims[i])
	}
	return at
}

// mostSlopes bounds how many losses are differentiated for a gradient that no value
// explains.
const mostSlopes = 150

// bySlope finds conventions that have the given gradients and not the value.
func (s *search) bySlope(seen map[string]bool) (list []Answer) {
	for i, c := range s.cores {
		if i >= mostSlopes || len(list) >= 3 {
			break
		}
		m := match{core: c, functional: functional{divisor: byAll, by: float64(c.count), factor: 1}, cost: c.cost}
		if c.native != 0 {
			m.divisor, m.by = byNative, c.native
		}
		m.number = m.value(c.sums[nil].losses)
		m.tight = true
		a := s.judge(m)
		if a == nil || !a.slopes || seen[a.Command] {
			continue
		}
		a.value = false
		seen[a.Command] = true
		list = append(list, *a)
	}
	return list
}

// pytorch says what PyTorch's own loss gives, with its defaults.
func (s *search) pytorch(r *Result, near *match) {
	var c *core
	why := "no convention agrees"
	for _, x := range s.cores { // the plainest form of the loss of the best answer
		if len(r.Answers) > 0 {
			why = "the number is " + r.Answers[0].Words
		}
		if (len(r.Answers) == 0 && near != nil && x.request.Loss == near.core.request.Loss) || len(r.Answers) > 0 && x.request.Loss == r.Answers[0].of {
			c = x
			break
		}
	}
	if c == nil {
		return
	}
	request := losses.Request{Catalog: s.question.Catalog, Loss: c.request.Loss, Shapes: c.request.Shapes, Grad: []string{"none"}}
	if hasNone(c.loss) {
		request.Options = losses.Values{"reduction": "mean"}
	}
	plan, err := request.Resolve()
	if err != nil {
		return
	}
	p := &PyTorch{Expression: plan.Expression(), Why: why}
	inputs := map[string]*tensor.Tensor{}
	for _, port := range plan.Ports {
		inputs[port.Name] = c.inputs[port.Name]
	}
	if out, err := compute(s.ctx, request, inputs); err == nil {
		if v := out["loss"].Float(0); !math.IsNaN(v) && !math.IsInf(v, 0) {
			p.Value = &v
		}
	}
	r.PyTorch = p
}
