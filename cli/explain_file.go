package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/explain"
	"github.com/lossgen/lossgen/runtime"
)

// This file asks of an ONNX file of anybody's which loss it computes: it runs the file
// on arrays of several kinds, and explains what comes out.

// kindOfData is how the floating-point inputs of a file are drawn: predictions, and
// those behind the first.
type kindOfData struct{ name, first, others string }

var kindsOfData = []kindOfData{
	{"numbers of any size", "normal", "normal"},
	{"numbers, and labels of 0 and 1", "normal", "binary"},
	{"probabilities, and labels of 0 and 1", "unit", "binary"},
	{"numbers, and labels of -1 and 1", "normal", "sign"},
	{"numbers, and rows of probabilities", "normal", "simplex"},
	{"rows of probabilities", "simplex", "simplex"},
	{"logarithms of rows of probabilities, and rows of probabilities", "logprob", "simplex"},
	{"numbers, and positive ones", "normal", "positive"},
}

// explainFile explains a file.
func (a *app) explainFile(ctx context.Context, o *explainOptions, path, loss string) (*explain.Result, error) {
	m, data, err := readModel(path)
	if err != nil {
		return nil, err
	}
	output, err := lossOutput(m)
	if err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	engine, err := (&engineFlags{}).one()
	if err != nil {
		return nil, err
	}
	session, err := engine.Backend.Open(data, engine.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer session.Close()
	var last *explain.Result
	var failed error
	for _, kind := range kindsOfData {
		q, err := a.fileQuestion(ctx, m, session, output, kind, 1)
		if err != nil {
			failed = err
			continue
		}
		q.Loss, q.Framework = loss, o.framework
		r, err := a.askTwice(ctx, q, func(seed uint64) (explain.Question, error) {
			return a.fileQuestion(ctx, m, session, output, kind, seed)
		})
		if err != nil {
			failed = err
			continue
		}
		if r.Explained == true {
			a.say("%s was run on %s", path, kind.name)
			return r, nil
		}
		if last == nil || r.Explained != false || last.Explained == false && r.Nearest != nil && last.Nearest != nil && r.Nearest.Error < last.Nearest.Error {
			last = r
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%s: %w", path, failed)
	}
	return last, nil
}

// askTwice explains two draws, and keeps what explains both.
func (a *app) askTwice(ctx context.Context, q explain.Question, draw func(seed uint64) (explain.Question, error)) (*explain.Result, error) {
	done := a.showProgress(&q)
	defer done()
	r, err := explain.Ask(ctx, q)
	if err != nil || r.Explained != true {
		return r, err
	}
	again, err := draw(2)
	if err != nil {
		return r, nil
	}
	again.Framework, again.Loss = q.Framework, q.Loss
	second, err := explain.Ask(ctx, again)
	if err != nil {
		return r, err
	}
	if second.Explained != true {
		return second, nil
	}
	both := slices.DeleteFunc(slices.Clone(r.Answers), func(x explain.Answer) bool {
		return !slices.ContainsFunc(second.Answers, func(y explain.Answer) bool { return x.Command == y.Command })
	})
	if len(both) == 0 {
		second.Explained, second.Answers = false, []explain.Answer{}
		return second, nil
	}
	r.Answers, r.Chance = both, r.Chance*second.Chance
	return r, nil
}

// lossOutput is the only output that is a number, or the one called loss.
func lossOutput(m *ir.Model) (string, error) {
	var numbers []string
	for _, p := range m.Graph.Outputs {
		if p.DType.IsFloat() && p.Shape != nil && len(p.Shape) == 0 {
			numbers = append(numbers, p.Name)
		}
	}
	switch {
	case slices.Contains(numbers, "loss"):
		return "loss", nil
	case len(numbers) == 1:
		return numbers[0], nil
	case len(numbers) == 0:
		return "", errors.New("no output is a single floating-point number: a loss that is reduced can be explained")
	}
	return "", fmt.Errorf("the outputs %s are single numbers, and none is called loss", strings.Join(numbers, ", "))
}

// fileQuestion runs the file on a draw.
func (a *app) fileQuestion(ctx context.Context, m *ir.Model, session runtime.Session, output string, kind kindOfData, seed uint64) (explain.Question, error) {
	q := explain.Question{Catalog: a.losses}
	random := rand.New(rand.NewPCG(seed, 17))
	inputs := map[string]*tensor.Tensor{}
	sizes, floats := map[string]int64{}, 0
	for _, p := range m.Graph.Inputs {
		how := kind.others
		if p.DType.IsFloat() {
			if floats == 0 {
				how = kind.first
			}
			floats++
		}
		t, err := drawn(p, how, sizes, classesOf(m, sizes), random)
		if err != nil {
			return q, err
		}
		inputs[p.Name] = t
		name := p.Name
		if !isIdentifier(name) {
			name = fmt.Sprintf("x%d", len(q.Arrays))
		}
		q.Arrays = append(q.Arrays, explain.Array{Name: name, Tensor: t})
	}
	out, err := session.Run(ctx, inputs)
	if err != nil {
		return q, err
	}
	v := out[output].Float(0)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return q, fmt.Errorf("its loss of %s is %v", kind.name, v)
	}
	q.Value = strconv.FormatFloat(v, 'g', 9, 64)
	for i, p := range m.Graph.Inputs {
		if g := out["grad_"+p.Name]; g != nil && slices.Equal(g.Dims, inputs[p.Name].Dims) {
			q.Gradients = append(q.Gradients, explain.Array{Name: q.Arrays[i].Name, Tensor: g})
		}
	}
	return q, nil
}

// classesOf is the number of classes: the size of axis 1 of the first input.
func classesOf(m *ir.Model, sizes map[string]int64) int64 {
	if s := m.Graph.Inputs[0].Shape; len(s) > 1 {
		return sizeOfDim(s[1], sizes)
	}
	return 2
}

// sizeOfDim gives a letter a small size of its own.
func sizeOfDim(d tensor.Dim, sizes map[string]int64) int64 {
	if d.Known() {
		return d.Size
	}
	if _, ok := sizes[d.Sym]; !ok {
		sizes[d.Sym] = []int64{6, 4, 3, 5, 2}[min(len(sizes), 4)]
	}
	return sizes[d.Sym]
}

// mostDrawn bounds the elements of an input that a file asks for.
const mostDrawn = 1 << 16

func drawn(p ir.Port, how string, sizes map[string]int64, classes int64, random *rand.Rand) (*tensor.Tensor, error) {
	if p.Shape == nil {
		return nil, fmt.Errorf("input %s has no shape", ir.Plain(p.Name))
	}
	n, dims := int64(1), []int64{}
	for _, d := range p.Shape {
		size := sizeOfDim(d, sizes)
		if dims = append(dims, size); size > mostDrawn || n*size > mostDrawn {
			return nil, fmt.Errorf("input %s has more than %d elements", ir.Plain(p.Name), mostDrawn)
		}
		n *= size
	}
	t := tensor.New(p.DType, dims...)
	for i := range t.Len() {
		switch {
		case p.DType.IsInt():
			t.SetInt(i, random.Int64N(max(classes, 1)))
		case !p.DType.IsFloat():
			t.SetInt(i, 1)
		default:
			t.SetFloat(i, someNumber(how, random))
		}
	}
	if row := int(classesOrOne(dims)); (how == "simplex" || how == "logprob") && p.DType.IsFloat() {
		normalizeRows(t, row, how == "logprob")
	}
	return t, nil
}

func classesOrOne(dims []int64) int64 {
	if len(dims) == 0 {
		return 1
	}
	return dims[len(dims)-1]
}

// someNumber draws a number, to three digits.
func someNumber(how string, random *rand.Rand) float64 {
	v := random.NormFloat64()
	switch how {
	case "unit":
		v = 0.02 + 0.96*random.Float64()
	case "binary":
		return float64(random.IntN(2))
	case "sign":
		return float64(2*random.IntN(2) - 1)
	case "positive", "simplex", "logprob":
		v = 0.05 + random.Float64()
	}
	return math.Round(v*1000) / 1000
}

func normalizeRows(t *tensor.Tensor, n int, logs bool) {
	for row := 0; row+n <= t.Len(); row += n {
		sum := 0.0
		for i := range n {
			sum += t.Float(row + i)
		}
		for i := range n {
			v := t.Float(row+i) / sum
			if logs {
				v = math.Log(v)
			}
			t.SetFloat(row+i, v)
		}
	}
}
