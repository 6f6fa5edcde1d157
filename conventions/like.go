package conventions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/lossgen/lossgen/losses"
)

// Like is a call that was read: the request for it, and which of the framework's
// arrays each input takes.
type Like struct {
	Call   *Call
	Text   string // the call in its canonical form
	Form   Form
	Inputs []Binding // of the inputs that are always there
	args   Args
}

// Read reads a call, such as "keras.losses.Huber(delta=0.5)".
func Read(text string) (*Like, error) {
	parsed, err := parseCall(text)
	if err != nil {
		return nil, err
	}
	call, err := find(&parsed)
	if err != nil {
		return nil, err
	}
	args, err := call.bind(parsed)
	if err != nil {
		return nil, err
	}
	return call.with(args)
}

func (c *Call) with(a Args) (*Like, error) {
	form, err := c.Form(a)
	if err != nil {
		return nil, err
	}
	return &Like{Call: c, Text: a.Text(), Form: form, Inputs: form.Inputs, args: a}, nil
}

// Request puts the call's options and steps below those that a request has already.
// Given ones must not contradict: the call says what the loss is.
func (l *Like) Request(r losses.Request) (losses.Request, error) {
	if r.Loss != "" {
		own, _, ok := r.Catalog.Find(r.Loss)
		if ok && own.Declaration().Name != l.Form.Loss {
			return r, fmt.Errorf("%s is %s, not %s", l.Text, l.Form.Loss, own.Declaration().Name)
		}
	}
	r.Loss = l.Form.Loss
	options := losses.Values{}
	for name, value := range l.Form.Options {
		options[name] = value
	}
	for name, value := range r.Options {
		options[name] = value
	}
	r.Options = options
	steps := map[string]string{}
	for name, text := range l.Form.Map {
		if text != "" {
			steps[name] = text
		}
	}
	if len(r.Map) > 0 {
		return r, fmt.Errorf("a call and steps of one's own do not go together: leave out --map")
	}
	if r.Map = steps; len(steps) == 0 {
		r.Map = nil
	}
	with := slices.Clone(l.Form.With)
	if slices.Contains(r.With, "sample_weight") {
		if err := l.weighted(&with); err != nil {
			return r, err
		}
	}
	for _, name := range with {
		if !slices.Contains(r.With, name) {
			r.With = append(slices.Clone(r.With), name)
		}
	}
	if r.Grad == nil {
		r.Grad = l.Form.Grad
	}
	if len(r.Shapes) == 0 {
		r.Shapes = l.Form.Shapes
	}
	return r, l.placeClasses(&r)
}

// weighted adds what the framework divides by beside weights of losses.
func (l *Like) weighted(with *[]string) error {
	f := l.Form
	switch {
	case f.Weight == "":
		return fmt.Errorf("%s takes no weights of losses", l.Text)
	case f.ByWeights:
		*with = append(*with, "normalizer")
		l.Inputs = append(slices.Clone(l.Inputs), Binding{"normalizer", Expr("sum(" + f.Weight + ")")})
	case f.ByNonzero:
		*with = append(*with, "mask")
		l.Inputs = append(slices.Clone(l.Inputs), Binding{"mask", Expr("nonzero(" + f.Weight + ")")})
	}
	l.Inputs = append(slices.Clone(l.Inputs), Binding{"sample_weight", Expr(f.Weight)})
	return nil
}

// placeClasses says that the classes are the last axis, where the loss can be told and
// the rank makes a difference.
func (l *Like) placeClasses(r *losses.Request) error {
	if !l.Form.ClassesLast {
		return nil
	}
	rank := 0
	for _, shape := range r.Shapes {
		rank = max(rank, strings.Count(shape, ",")+1)
	}
	if rank < 3 {
		return nil
	}
	own, _, _ := r.Catalog.Find(r.Loss)
	if !slices.ContainsFunc(losses.WrapperOptions(own), func(o losses.Option) bool { return o.Name == "class_axis" }) {
		return &Missing{l.Text, fmt.Sprintf("its classes are the last axis, and %s has them along axis 1 of more than two", r.Loss)}
	}
	r.Options["class_axis"] = "last"
	return nil
}

// Metadata is what a file says of the call: the call, and in the framework's order
// the input of the file that takes each argument.
func (l *Like) Metadata(plan *losses.Plan) (string, error) {
	var parts []string
	for _, b := range l.bindings(plan) {
		input, err := json.Marshal(b.Input)
		if err != nil {
			return "", err
		}
		expr, err := json.Marshal(b.Expr.NumPy(func(n string) string { return n }))
		if err != nil {
			return "", err
		}
		parts = append(parts, string(input)+":"+string(expr))
	}
	call, err := json.Marshal(l.Text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`{"call":%s,"inputs":{%s}}`, call, strings.Join(parts, ",")), nil
}

// bindings are those of the inputs that a plan has; one that the call does not name
// has its own name.
func (l *Like) bindings(plan *losses.Plan) []Binding {
	has := func(name string) bool {
		return slices.ContainsFunc(plan.Ports, func(p losses.Port) bool { return p.Name == name })
	}
	var list []Binding
	for _, b := range l.Inputs {
		if has(b.Input) {
			list = append(list, b)
		}
	}
	for _, p := range plan.Ports {
		if !slices.ContainsFunc(list, func(b Binding) bool { return b.Input == p.Name }) {
			list = append(list, Binding{p.Name, Expr(p.Name)})
		}
	}
	return list
}

// Bindings are the inputs of a plan with the framework's arrays that they take.
func (l *Like) Bindings(plan *losses.Plan) []Binding { return l.bindings(plan) }

// Describes reports whether a plan is one of the call: what the call fixes is so. What
// goes around a loss, and its reduction, is the user's.
func (l *Like) Describes(plan *losses.Plan) bool {
	if plan.Loss != l.Form.Loss {
		return false
	}
	for name, value := range l.Form.Options {
		if name != "reduction" && name != "scale" && losses.Text(plan.Options[name]) != losses.Text(value) {
			return false
		}
	}
	for name, text := range l.Form.Map {
		if plan.Map[name] != text {
			return false
		}
	}
	return true
}

// ReadMetadata reads the call of a file's metadata.
func ReadMetadata(text string) (*Like, error) {
	var said struct {
		Call string `json:"call"`
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return nil, fmt.Errorf("lossgen.like is no JSON: %v", err)
	}
	like, err := Read(said.Call)
	if err != nil {
		return nil, err
	}
	// All that weights may bring: what a file has is taken.
	with := []string{}
	if like.Form.Weight != "" {
		_ = like.weighted(&with)
	}
	return like, nil
}

// all prepares the declarations once.
var all = sync.OnceValue(func() []*Framework {
	list := declared()
	for _, f := range list {
		for _, c := range f.Calls {
			c.framework = f
			for _, name := range strings.Split(c.Arrays, ",") {
				c.arrays = append(c.arrays, strings.TrimSpace(name))
			}
			if c.Params == "" {
				continue
			}
			t, err := parseCall("f(" + c.Params + ")")
			if err != nil {
				panic("conventions: " + c.Name + ": " + err.Error())
			}
			for _, k := range t.keywords {
				c.params = append(c.params, param{k.name, k.value})
			}
		}
	}
	return list
})
