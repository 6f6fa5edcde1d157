package losses_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/classification"
	"github.com/lossgen/lossgen/losses/composition"
	"github.com/lossgen/lossgen/losses/detection"
	"github.com/lossgen/lossgen/losses/regression"
)

// literal is the side of a Def that takes its options as a struct. The methods of
// a Def cannot be listed by an interface, as each has another type of options.
func literal(t *testing.T, l losses.Loss, change func(fields, defaults reflect.Value)) losses.Request {
	t.Helper()
	defaults := reflect.ValueOf(l).Elem().FieldByName("Defaults")
	o := reflect.New(defaults.Type()).Elem()
	change(o, defaults)
	return reflect.ValueOf(l).MethodByName("Request").Call([]reflect.Value{o})[0].Interface().(losses.Request)
}

// TestLiterals: what a literal leaves out is the default. Each field alone is as
// the one option of a request.
func TestLiterals(t *testing.T) {
	for _, l := range all.Losses() {
		name := l.Declaration().Name
		if err := l.Check(); err != nil {
			t.Error(err)
		}
		nothing := literal(t, l, func(fields, defaults reflect.Value) {})
		if len(nothing.Options) != 0 {
			t.Errorf("%s: a literal without a field sets %v", name, nothing.Options)
		}
		sameFile(t, nothing, losses.Request{Catalog: all.Losses(), Loss: name})
		sameFile(t, literal(t, l, func(fields, defaults reflect.Value) { fields.Set(defaults) }), losses.Request{Catalog: all.Losses(), Loss: name})
		for _, o := range l.Options() {
			for _, value := range o.Try {
				values := losses.Values{o.Name: value}
				sameFile(t, literal(t, l, func(fields, _ reflect.Value) { set(fieldOf(fields, o.Name), value) }), losses.Request{Catalog: all.Losses(), Loss: name, Options: values})
			}
		}
	}
}

// fieldOf is the field of an option, which may stand in an embedded struct.
func fieldOf(fields reflect.Value, option string) reflect.Value {
	for _, f := range reflect.VisibleFields(fields.Type()) {
		if f.Tag.Get("opt") == option {
			return fields.FieldByIndex(f.Index)
		}
	}
	panic("no field has the option " + option)
}

// set gives a field a value of an option.
func set(field reflect.Value, value any) {
	v := reflect.ValueOf(value)
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	field.Set(v.Convert(field.Type()))
}

func sameFile(t *testing.T, got, want losses.Request) {
	t.Helper()
	a, err := export.Encode(got.Model())
	b, err2 := export.Encode(want.Model())
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("%s with %v is not what %v asks for: %v, %v", got.Loss, got.Options, want.Options, err, err2)
	}
}

// TestLiteralKeepsDefaults reads the options that a file says it has.
func TestLiteralKeepsDefaults(t *testing.T) {
	cases := []struct {
		request losses.Request
		option  string
		want    any
	}{
		{classification.Focal.Request(classification.FocalOptions{Gamma: new(1.0)}), "ignore_index", int64(-100)},
		{classification.Focal.Request(classification.FocalOptions{Gamma: new(0.0)}), "gamma", 0.0},
		{classification.Focal.Request(classification.FocalOptions{IgnoreIndex: new(int64(0))}), "ignore_index", int64(0)},
		{classification.Focal.Request(classification.FocalOptions{IgnoreIndex: new(int64(0))}), "gamma", 2.0},
		{classification.Focal.Request(classification.FocalOptions{Alpha: new(0.25)}), "alpha", 0.25},
		{classification.Focal.Request(classification.FocalOptions{}), "alpha", nil},
		{classification.CrossEntropy.Request(classification.CrossEntropyOptions{LabelSmoothing: 0.1}), "ignore_index", int64(-100)},
		{regression.PoissonNLL.Request(regression.PoissonNLLOptions{LogInput: new(false)}), "log_input", false},
		{regression.PoissonNLL.Request(regression.PoissonNLLOptions{Full: true}), "log_input", true},
		{detection.SigmoidFocal.Request(detection.SigmoidFocalOptions{Gamma: new(1.0)}), "reduction", "none"},
		{composition.Combine("fixed", regression.Huber.Task("a", regression.HuberOptions{})), "reduction", "mean"},
	}
	for _, c := range cases {
		p, err := c.request.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Options[c.option]; got != c.want {
			t.Errorf("%s with %v: %s is %v, want %v", c.request.Loss, c.request.Options, c.option, got, c.want)
		}
	}
}

// TestTaskTakesTheReduction: a literal that does not say how a task is reduced
// leaves that to the composition.
func TestTaskTakesTheReduction(t *testing.T) {
	r := composition.Combine("fixed", regression.Huber.Task("a", regression.HuberOptions{}), detection.SigmoidFocal.Task("b", detection.SigmoidFocalOptions{}))
	r.Options["reduction"] = "sum"
	p, err := r.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range p.Spec.Tasks {
		if got := task.Options["reduction"]; got != "sum" {
			t.Errorf("task %s is reduced by %v, want sum", task.Name, got)
		}
	}
}

// outside is a loss of another module with options of any type.
func outside[O any](defaults O) *losses.Def[O] {
	return &losses.Def[O]{
		Spec: losses.Spec{
			Name: "outside", Family: "regression", Title: "difference", Formula: "input", Torch: "input.mean()",
			Inputs: []losses.Input{{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default}},
			Shapes: []losses.Shapes{{"input": "*"}}, Star: "N",
		},
		Defaults: defaults,
		Body:     func(c *losses.Call, _ O) losses.Term { return losses.Term{Each: c.In("input")} },
	}
}

// Shared is options that several losses have.
type Shared struct {
	Width float64 `opt:"width" doc:"width"`
}

// TestWrongDeclarations: a mistake in the declaration of an option is the error of
// each request for the loss, in one line that names the option.
func TestWrongDeclarations(t *testing.T) {
	type reduction = losses.Reduction
	cases := map[string]struct {
		loss losses.Loss
		want []string
	}{
		"plain number": {outside(struct {
			Width float64 `opt:"width" doc:"width"`
		}{1}), []string{`"width"`, "field Width", "default is 1", "*float64"}},
		"plain whole number": {outside(struct {
			Index int64 `opt:"index" doc:"index"`
		}{-100}), []string{`"index"`, "default is -100", "*int64"}},
		"plain truth": {outside(struct {
			Log bool `opt:"log" doc:"log"`
		}{true}), []string{`"log"`, "default is true", "*bool"}},
		"no default of a choice": {outside(struct {
			R reduction `opt:"reduction" doc:"reduction" choices:"mean,sum"`
		}{}), []string{`"reduction"`, `default is ""`, "mean, sum"}},
		"no default of a list": {outside(struct {
			L []float64 `opt:"list" doc:"list"`
		}{}), []string{`"list"`, "default is"}},
		"default out of bounds": {outside(struct {
			Width *float64 `opt:"width" doc:"width" bounds:"(0,1)"`
		}{new(1.0)}), []string{`"width"`, `default is "1"`, "(0,1)"}},
		"bounds": {outside(struct {
			Width float64 `opt:"width" doc:"width" bounds:"["`
		}{}), []string{`"width"`, `bounds "["`}},
		"bounds in words": {outside(struct {
			Width float64 `opt:"width" doc:"width" bounds:"[zero,inf)"`
		}{}), []string{`"width"`, "[zero,inf)"}},
		"bounds the wrong way": {outside(struct {
			Width float64 `opt:"width" doc:"width" bounds:"[1,-1]"`
		}{}), []string{`"width"`, "[1,-1]"}},
		"try": {outside(struct {
			Width float64 `opt:"width" doc:"width" bounds:"[0,1]" try:"0.5;wide"`
		}{}), []string{`"width"`, `try "wide"`}},
		"type": {outside(struct {
			Width float32 `opt:"width" doc:"width"`
		}{}), []string{`"width"`, "float32"}},
		"pointer to a choice": {outside(struct {
			R *reduction `opt:"reduction" doc:"reduction" choices:"mean,sum"`
		}{new(losses.Mean)}), []string{`"reduction"`, "*losses.Reduction"}},
		"not exported": {outside(struct {
			width float64 `opt:"width" doc:"width"`
		}{}), []string{`"width"`, "not exported"}},
		"no name": {outside(struct {
			Width float64 `doc:"width"`
		}{}), []string{"field Width", "must name it"}},
		"no flag's name": {outside(struct {
			Width float64 `opt:"the width" doc:"width"`
		}{}), []string{`"the width"`, "must name it"}},
		"twice": {outside(struct {
			A float64 `opt:"width" doc:"width"`
			B float64 `opt:"width" doc:"width"`
		}{}), []string{`"width"`, "field B", "two"}},
		"twice in a part": {outside(struct {
			Shared
			B float64 `opt:"width" doc:"width"`
		}{}), []string{`"width"`, "field B", "two"}},
		"pointer to a part": {outside(struct{ *Shared }{}), []string{"field Shared", "must name it"}},
		"no struct":         {outside(3.0), []string{"float64", "struct"}},
	}
	for name, c := range cases {
		own := losses.Catalog{c.loss}
		_, err := losses.Request{Catalog: own, Loss: "outside"}.Model()
		_, err2 := losses.Describe(c.loss)
		_, err3 := own.Cases(c.loss)
		for _, err := range []error{c.loss.Check(), err, err2, err3} {
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want an error of one line", name, err)
				continue
			}
			for _, text := range append(c.want, "outside") {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%s: %q, want %q in it", name, err, text)
				}
			}
		}
	}
}

// TestOwnScale: a loss may have an option of its own that is named as one of those
// that lossgen puts around every loss.
func TestOwnScale(t *testing.T) {
	l := outside(struct {
		Scale *float64 `opt:"scale" doc:"scale"`
	}{new(2.0)})
	p, err := losses.Request{Catalog: losses.Catalog{l}, Loss: "outside", DType: tensor.Float64}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Expression(); got != "input.mean()" {
		t.Errorf("the loss is %s: its own option is taken for a factor", got)
	}
}
