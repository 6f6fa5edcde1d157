package explain

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	engine "github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// core is a form on the user's arrays: which array each input takes, and the losses
// before reduction.
type core struct {
	form
	names  map[string]string           // of the form's arrays: the user's
	exprs  map[string]conventions.Expr // of each input, over the user's arrays
	inputs map[string]*tensor.Tensor
	rest   []Array // arrays that no input takes
	cost   float64

	dims   []int64 // of the losses
	count  int
	sums   map[*Array]sums // with each of rest that fits as weights, and nil for none
	native float64         // what the loss's own mean divides by, 0 where that is the number of losses
	large  bool            // too large to be run unasked
}

// sums are those of a core's losses with weights: there are thousands of cores, whose
// losses are not kept.
type sums struct {
	losses  float64 // times the weights
	weights float64
	nonzero float64 // how many weights are not 0
}

// search is a question under work.
type search struct {
	ctx      context.Context
	question Question
	loss     losses.Loss // nil for any
	target   target
	cores    []*core
	tried    int
	values   []tried
	leftOut  []string // losses that are too large to be run unasked
}

// tried is a number that was computed, with how far the convention is from plain.
type tried struct{ value, cost float64 }

func newSearch(ctx context.Context, q Question) (*search, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	s := &search{ctx: ctx, question: q}
	var err error
	if s.target, err = readTarget(q.Value); err != nil {
		return nil, err
	}
	if q.Loss != "" {
		if s.loss, err = q.Catalog.Named(q.Loss); err != nil {
			return nil, err
		}
	}
	forms, err := s.forms()
	if err != nil {
		return nil, err
	}
	for _, f := range forms {
		s.cores = append(s.cores, s.assign(f)...)
	}
	if len(s.cores) == 0 {
		return nil, fmt.Errorf("no loss%s takes such arrays: %s", ofName(q.Loss), s.arrays())
	}
	slices.SortStableFunc(s.cores, func(a, b *core) int { return cmp.Compare(a.cost, b.cost) })
	return s, nil
}

func ofName(loss string) string {
	if loss == "" {
		return ""
	}
	return " of the name " + loss
}

func (s *search) arrays() string {
	var parts []string
	for _, a := range s.question.Arrays {
		parts = append(parts, fmt.Sprintf("%s %v", a.Name, a.Tensor))
	}
	return strings.Join(parts, ", ")
}

// array is one of the question.
func (s *search) array(name string) *tensor.Tensor {
	for _, a := range s.question.Arrays {
		if a.Name == name {
			return a.Tensor
		}
	}
	return nil
}

// assign finds all ways to give a form's arrays those of the question.
func (s *search) assign(f form) []*core {
	var wanted []string
	for _, in := range f.inputs {
		if name := in.Expr.Array(); !slices.Contains(wanted, name) {
			wanted = append(wanted, name)
		}
	}
	var list []*core
	s.permute(wanted, map[string]string{}, func(names map[string]string) {
		if c := s.fit(f, names); c != nil {
			list = append(list, c)
		}
	})
	return list
}

func (s *search) permute(wanted []string, names map[string]string, yield func(map[string]string)) {
	if len(wanted) == 0 {
		yield(maps.Clone(names))
		return
	}
	for _, a := range s.question.Arrays {
		used := false
		for _, name := range names {
			used = used || name == a.Name
		}
		if !used {
			names[wanted[0]] = a.Name
			s.permute(wanted[1:], names, yield)
			delete(names, wanted[0])
		}
	}
}

// fit is the form on arrays, nil where it does not take them.
func (s *search) fit(f form, names map[string]string) *core {
	c := &core{form: f, names: names, exprs: map[string]conventions.Expr{}, inputs: map[string]*tensor.Tensor{}, cost: f.cost}
	spec, err := f.loss.For(complete(f.loss, f.request.Options))
	if err != nil {
		return nil
	}
	taken := map[string]bool{}
	for _, b := range f.inputs {
		user := names[b.Expr.Array()]
		taken[user] = true
		expr := b.Expr.Of(user)
		i := slices.IndexFunc(spec.Inputs, func(in losses.Input) bool { return in.Name == b.Input })
		if i < 0 {
			return nil
		}
		t, err := expr.Eval(s.array)
		if err != nil {
			return nil
		}
		in := spec.Inputs[i]
		if t, expr = s.adapt(t, expr, in.Domain, spec); t == nil {
			return nil
		}
		c.inputs[b.Input], c.exprs[b.Input] = t, expr
		if in.Grad == losses.No && s.hasGradient(user) && string(expr) == user {
			return nil
		}
		c.cost += swapped(user, b.Input, in)
		if string(expr) != user && string(b.Expr) == b.Expr.Array() {
			c.cost += 0.25
		}
	}
	for _, g := range s.question.Gradients {
		if !taken[g.Name] {
			return nil
		}
	}
	for _, a := range s.question.Arrays {
		if !taken[a.Name] {
			c.rest = append(c.rest, a)
		}
	}
	if !c.shaped() {
		return nil
	}
	return c
}

func (s *search) hasGradient(name string) bool {
	return slices.ContainsFunc(s.question.Gradients, func(g Array) bool { return g.Name == name })
}

// adapt makes labels of one-hot rows, and numbers or one-hot rows of labels, where an
// input takes the other.
func (s *search) adapt(t *tensor.Tensor, expr conventions.Expr, d losses.Domain, spec losses.Spec) (*tensor.Tensor, conventions.Expr) {
	switch {
	case d.IsIndex() && t.DType.IsInt():
		return t.Cast(tensor.Int64), expr
	case d.IsIndex() && t.DType.IsFloat():
		if !isOneHot(t) {
			return nil, expr
		}
		expr = "argmax(" + expr + ")"
		t, err := expr.Eval(s.array)
		if err != nil {
			return nil, expr
		}
		return t, expr
	case d == losses.Mask || d == losses.Tokens:
		return nil, expr
	case t.DType.IsFloat():
		return t.Cast(tensor.Float32), expr
	}
	for _, a := range s.question.Arrays { // rows of classes, as the largest array has them
		if n := len(a.Dims); a.DType.IsFloat() && n == len(t.Dims)+1 && slices.Equal(a.Dims[:n-1], t.Dims) {
			expr = conventions.Expr(fmt.Sprintf("onehot_%d(%s)", a.Dims[n-1], expr))
			if hot, err := expr.Eval(s.array); err == nil {
				return hot, expr
			}
			return nil, expr
		}
	}
	if spec.Inputs[0].Domain.IsIndex() {
		return nil, expr
	}
	return t.Cast(tensor.Float32), "float(" + expr + ")"
}

func isOneHot(t *tensor.Tensor) bool {
	if len(t.Dims) < 2 || t.Dims[len(t.Dims)-1] < 2 {
		return false
	}
	n := int(t.Dims[len(t.Dims)-1])
	for row := 0; row < t.Len(); row += n {
		ones := 0
		for i := range n {
			switch t.Float(row + i) {
			case 0:
			case 1:
				ones++
			default:
				return false
			}
		}
		if ones != 1 {
			return false
		}
	}
	return true
}

// Words in the names of arrays that tell a prediction and a target; y alone is a target.
var (
	predictionWords = []string{"pred", "logit", "input", "score", "output", "prob", "margin", "mean", "hat", "raw", "log_p"}
	targetWords     = []string{"true", "target", "label", "truth", "gt", "^y$"}
)

func hasWord(name string, words []string) bool {
	name = "^" + strings.ToLower(name) + "$"
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
}

// swapped is the cost of a name that says the other role.
func swapped(user, input string, in losses.Input) float64 {
	predicted := in.Grad == losses.Default && input != "target"
	switch {
	case user == input:
		return 0
	case predicted && hasWord(user, targetWords), input == "target" && hasWord(user, predictionWords) && !hasWord(user, targetWords):
		return 1.5
	}
	return 0
}

// shaped gives the request the shapes of the arrays and reports whether it takes them.
func (c *core) shaped() bool {
	r := c.request
	r.Shapes = map[string]string{}
	for name, t := range c.inputs {
		r.Shapes[name] = t.Shape().List()
	}
	r.Grad = []string{"none"}
	if hasNone(c.loss) {
		r.Options = withOption(r.Options, "reduction", "none")
	}
	plan, err := r.Resolve()
	if err != nil {
		return false
	}
	c.request.Shapes = r.Shapes
	return len(plan.Warnings) == 0 // which are of broadcasting
}

func hasNone(l losses.Loss) bool { return reduces(l, "none") }

// reduces reports whether a loss has a reduction.
func reduces(l losses.Loss, reduction string) bool {
	return slices.ContainsFunc(l.Options(), func(o losses.Option) bool {
		return o.Name == "reduction" && slices.Contains(o.Choices, reduction)
	})
}

func withOption(o losses.Values, name string, value any) losses.Values {
	out := losses.Values{name: value}
	for n, v := range o {
		if n != name {
			out[n] = v
		}
	}
	return out
}

// clips reports whether probabilities are kept away from 0 and 1.
func (c *core) clips() bool {
	_, option := c.request.Options["clip"]
	return option || slices.ContainsFunc(slices.Collect(maps.Values(c.request.Map)), func(text string) bool { return strings.Contains(text, "clip") })
}

// evaluate computes the losses of all cores.
func (s *search) evaluate() error {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	next, done := 0, 0
	for range max(runtime.GOMAXPROCS(0), 1) {
		wait.Go(func() {
			for {
				mutex.Lock()
				i := next
				next++
				mutex.Unlock()
				if i >= len(s.cores) || s.ctx.Err() != nil {
					return
				}
				s.cores[i].run(s.ctx, s.most())
				mutex.Lock()
				done++
				if s.question.Progress != nil {
					s.question.Progress(done, len(s.cores))
				}
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	if err := s.ctx.Err(); err != nil {
		return err
	}
	for _, c := range s.cores {
		if c.large && !slices.Contains(s.leftOut, c.request.Loss) {
			s.leftOut = append(s.leftOut, c.request.Loss)
		}
	}
	slices.Sort(s.leftOut)
	s.cores = slices.DeleteFunc(s.cores, func(c *core) bool { return c.count == 0 })
	return nil
}

// mostUnasked is how many elements any value may have in a loss that was not named, and
// how many times those of the largest array: losses that compare all rows of a large
// batch take minutes and gigabytes.
const (
	mostUnasked      = 1 << 18
	mostUnaskedTimes = 8
)

// most is how many elements a value may have.
func (s *search) most() int64 {
	if s.loss != nil {
		return math.MaxInt64
	}
	most := int64(mostUnasked)
	for _, a := range s.question.Arrays {
		most = max(most, mostUnaskedTimes*int64(a.Len()))
	}
	return most
}

// larger reports whether a value of a graph has more elements.
func larger(g *ir.Graph, most int64) bool {
	types, err := infer.Graph(g, infer.Options{})
	if err != nil {
		return false // it fails as it runs
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			t, _ := types.Of(name)
			if sizes, known := t.Shape.Known(); known {
				if count, err := tensor.Count(sizes); err != nil || int64(count) > most {
					return true
				}
			}
		}
	}
	return false
}

// run computes the losses before reduction, none where they cannot be, or where they have
// values of more elements than most.
func (c *core) run(ctx context.Context, most int64) {
	r := c.request
	r.Grad = []string{"none"}
	if hasNone(c.loss) {
		r.Options = withOption(r.Options, "reduction", "none")
	}
	m, err := r.Model()
	if err != nil {
		return
	}
	if c.large = larger(m.Graph, most); c.large {
		return
	}
	out, err := execute(ctx, m, c.inputs)
	if err != nil || out["loss"] == nil {
		return
	}
	c.sum(out["loss"])
	labels := slices.ContainsFunc(c.loss.Declaration().Inputs, func(in losses.Input) bool { return in.Domain == losses.Class })
	if labels || len(r.With) > 0 || !hasNone(c.loss) {
		r.Options, r.Normalizer = withOption(r.Options, "reduction", "sum"), true
		if out, err := compute(ctx, r, c.inputs); err == nil && out["normalizer"] != nil {
			if n := out["normalizer"].Float(0); n != float64(c.count) && n > 0 && !math.IsInf(n, 0) {
				c.native = n
			}
		}
	}
}

// sum keeps the sums of losses.
func (c *core) sum(each *tensor.Tensor) {
	values := each.Floats()
	c.dims, c.count, c.sums = each.Dims, len(values), map[*Array]sums{}
	for i := range c.rest {
		if spread := c.spread(c.rest[i]); spread != nil {
			c.sums[&c.rest[i]] = weighted(values, spread)
		}
	}
	ones := make([]float64, len(values))
	for i := range ones {
		ones[i] = 1
	}
	c.sums[nil] = weighted(values, ones)
}

// weighted sums losses: what has no weight does not exist.
func weighted(values, weights []float64) (s sums) {
	for i, w := range weights {
		if w != 0 {
			s.losses += w * values[i]
			s.weights += w
			s.nonzero++
		}
	}
	return s
}

// compute emits a request and runs it.
func compute(ctx context.Context, r losses.Request, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	m, err := r.Model()
	if err != nil {
		return nil, err
	}
	return execute(ctx, m, inputs)
}

// execute runs a model.
func execute(ctx context.Context, m *ir.Model, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	data, err := export.Marshal(m) // without its checks, which every emitted file passes
	if err != nil {
		return nil, err
	}
	session, err := reference.Backend{}.Open(data, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Run(ctx, inputs)
}
