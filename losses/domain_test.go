package losses_test

import (
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
)

// TestWrongDomains: a domain that says too little, or that is about what the loss does
// not have, is the error of each request, in one line that names the input.
func TestWrongDomains(t *testing.T) {
	type options struct {
		Ignore *int64  `opt:"ignore" doc:"label that does not count"`
		Width  float64 `opt:"width" doc:"width"`
	}
	for name, c := range map[string]struct {
		domain losses.Domain
		of     losses.Of
		want   string // "" where it is right
	}{
		"unknown":             {"numbers", losses.Of{}, `no domain "numbers"`},
		"class of nothing":    {losses.Class, losses.Of{}, "names the axis, or the option"},
		"class of no axis":    {losses.Class, losses.Of{Axis: "K"}, `the axis "K"`},
		"class of no option":  {losses.Class, losses.Of{Option: "classes"}, `no option "classes"`},
		"class of a width":    {losses.Class, losses.Of{Axis: "D", Ignored: "width"}, `no option "width" of a whole number`},
		"class":               {losses.Class, losses.Of{Axis: "D", Ignored: "ignore"}, ""},
		"lengths of nothing":  {losses.Lengths, losses.Of{}, "names the axis, or the option"},
		"lengths of no parts": {losses.Lengths, losses.Of{Axis: "D", Sum: "L"}, `the axis "L"`},
		"lengths":             {losses.Lengths, losses.Of{Axis: "D", Sum: "N"}, ""},
		"empty interval":      {losses.Interval, losses.Of{Low: 1, High: 1}, "lower bound below its upper one"},
		"interval":            {losses.Interval, losses.Of{Low: -1, High: 1}, ""},
		"grades up to 0":      {losses.Grade, losses.Of{}, "lower bound below its upper one"},
		"tokens of nothing":   {losses.Tokens, losses.Of{}, "names its axis"},
		"vector of nothing":   {losses.Vector, losses.Of{}, "names its axis"},
		"group":               {losses.Group, losses.Of{}, ""},
		"simplex":             {losses.Simplex, losses.Of{}, ""},
	} {
		loss := &losses.Def[options]{
			Spec: losses.Spec{
				Name: "outside", Family: "own", Title: "own", Formula: "own", Torch: "input.sum()",
				Inputs: []losses.Input{
					{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default},
					{Name: "other", Doc: "of the domain", Domain: c.domain, Of: c.of},
				},
				Shapes: []losses.Shapes{{"input": "N,D", "other": "N"}},
			},
			Defaults: options{Ignore: new(int64(-100))},
			Body:     func(c *losses.Call, _ options) losses.Term { return losses.Term{Each: c.In("input")} },
		}
		err := loss.Check()
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "input other") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
