// Command adapter_names is the lossgen command with losses whose names and texts
// are hard on generated sources: words of every language, names that become one
// in some style, and text that ends comments; and with one whose sizes are forms over
// letters.
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

type formOptions struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// forms has inputs and a loss with sizes that follow from letters.
var forms = &losses.Def[formOptions]{
	Spec: losses.Spec{
		Name: "forms", Family: "other", Title: "squares of the steps between rows", Formula: "sum over D of (input[1:] - input[:-1])^2 times sum(twice)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "rows", Domain: losses.Real, Grad: losses.Default},
			{Name: "twice", Doc: "two for each row", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: []losses.Shapes{{"input": "T,D", "twice": "2*T"}},
	},
	Defaults: formOptions{losses.Mean},
	Reference: func(_ *losses.Call, o formOptions) string {
		return losses.Reduced("((input[1:] - input[:-1]) ** 2).sum(1) * twice.sum()", o.Reduction)
	},
	Body: func(c *losses.Call, _ formOptions) losses.Term {
		x := c.In("input")
		step := x.Slice(0, 1, 1<<40).Sub(x.Slice(0, 0, -1))
		return losses.Term{Each: step.Mul(step).SumOver(1).Mul(c.In("twice").Sum())}
	},
}

func main() {
	cli.Main(append(all.Losses(), forms, declare("words", "class", "def", "None", "self", "lambda", "path", "group", "outputs", "dict", "zip", "type", "match",
		"in", "out", "err", "l", "c", "fn", "impl", "crate", "super", "func", "var", "chan", "range", "int", "new", "this", "null",
		"and", "xor", "errno", "EOF", "BUFSIZ", "stdin", "View", "template", "__proto__", "toString", "constructor", "hasOwnProperty",
		"data0", "scalar0", "call", "sizes", "T", "R", "N", "D", "x", "x_shape", "xShape", "a_b", "aB", "a__b", "_X", "__y", "_", "__"),
		declare("more_words", "Self", "none", "Class", "Inputs", "Outputs", "FILE", "NAMES", "VALUES", "GRADIENTS",
			"tf", "jax", "torch", "numpy", "_prepare", "valueOf", "length", "name", "prototype", "session", "String", "Map", "Error")))
}
