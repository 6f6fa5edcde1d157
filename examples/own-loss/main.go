// Command own-loss is the lossgen command with one more loss, declared here. Its
// flags, help, metadata, golden cases and checks come from the declaration:
//
//	go run ./examples/own-loss emit wide_log_cosh.onnx --width 0.5 --verify
package main

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/cli"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// WideLogCoshOptions are the loss's options: their tags become flags. Width is a pointer
// because its default is not 0: where a literal leaves it out, it is 1.
type WideLogCoshOptions struct {
	Width     *float64         `opt:"width" doc:"difference at which the loss turns linear" bounds:"(0,inf)" try:"0.5;2"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// WideLogCosh is quadratic near the target and linear far from it, without a kink.
var WideLogCosh = &losses.Def[WideLogCoshOptions]{
	Spec: losses.Spec{
		Name: "wide_log_cosh", Family: "regression",
		Title:   "logarithm of the hyperbolic cosine of the difference",
		Formula: "log(cosh((input - target) / width))",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "true values", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "*", "target": "*"}}, Star: "N,D",
	},
	Defaults: WideLogCoshOptions{Width: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o WideLogCoshOptions) string {
		each := "(lambda d: torch.logaddexp(d, -d) - 0.6931471805599453)((input - target) / {width})"
		return losses.Reduced(c.Expand(each, losses.Values{"width": *o.Width}), o.Reduction)
	},
	Body: func(c *losses.Call, o WideLogCoshOptions) losses.Term {
		d := c.In("input").Sub(c.In("target")).Div(c.Const(*o.Width))
		// |d| + log(1 + exp(-2|d|)) - log(2) does not overflow; its slope is tanh(d).
		value := d.Abs().Add(d.Abs().Scale(-2).Exp().Log1p()).Shift(-math.Ln2)
		return losses.Term{Each: builder.WithGradient("wide_log_cosh", value, []builder.Value{d},
			func(dy builder.Value) []builder.Value { return []builder.Value{d.Tanh().Mul(dy)} })}
	},
}

func main() {
	cli.Main(append(all.Losses(), WideLogCosh))
}
