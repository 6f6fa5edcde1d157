// Command adapter_names is the lossgen command with losses whose names and texts
// are hard on generated sources: words of every language, names that become one
// in some style, and text that ends comments.
package main

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/cli"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

type options struct {
	Note      string           `opt:"note" doc:"nothing" choices:"plain,*/ \"\"\" ''' \\u000a ??/"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

const text = "x */ \"\"\" ''' \\u000a ??/ {x} %s $(x) `x` \u202e\u2028\n#error"

// declare makes a loss that sums the squares of its inputs.
func declare(name string, inputs ...string) *losses.Def[options] {
	spec := losses.Spec{Name: name, Family: "other", Title: text, Formula: text, LabelPolicy: text, Star: "N,D", Shapes: []losses.Shapes{{}}}
	sum := ""
	for i, in := range inputs {
		spec.Inputs = append(spec.Inputs, losses.Input{Name: in, Doc: text, Domain: losses.Real, Grad: losses.Default})
		spec.Shapes[0][in] = "*"
		if i > 0 {
			sum += " + "
		}
		sum += in + " ** 2"
	}
	return &losses.Def[options]{
		Spec:      spec,
		Defaults:  options{Note: "plain", Reduction: losses.Mean},
		Reference: func(_ *losses.Call, o options) string { return losses.Reduced("("+sum+")", o.Reduction) },
		Body: func(c *losses.Call, _ options) losses.Term {
			var parts []builder.Value
			for _, in := range inputs {
				parts = append(parts, c.In(in).Mul(c.In(in)))
			}
			each := parts[0]
			for _, p := range parts[1:] {
				each = each.Add(p)
			}
			return losses.Term{Each: each}
		},
	}
}

func main() {
	cli.Main(append(all.Losses(), declare("words", "class", "def", "None", "self", "lambda", "path", "group", "outputs", "dict", "zip", "type", "match",
		"in", "out", "err", "l", "c", "fn", "impl", "crate", "super", "func", "var", "chan", "range", "int", "new", "this", "null",
		"and", "xor", "errno", "EOF", "BUFSIZ", "stdin", "View", "template", "__proto__", "toString", "constructor", "hasOwnProperty",
		"data0", "scalar0", "call", "sizes", "T", "R", "N", "D", "x", "x_shape", "xShape", "a_b", "aB", "a__b", "_X", "__y", "_", "__"),
		declare("more_words", "Self", "none", "Class", "Inputs", "Outputs", "FILE", "NAMES", "VALUES", "GRADIENTS",
			"tf", "jax", "torch", "numpy", "_prepare", "valueOf", "length", "name", "prototype", "session", "String", "Map", "Error")))
}
