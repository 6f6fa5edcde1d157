package margin

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// MulticlassHingeOptions configures [MulticlassHinge].
type MulticlassHingeOptions struct {
	Margin    *float64         `opt:"margin" doc:"distance that is demanded" bounds:"(-inf,inf)" try:"0;0.5"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// MulticlassHinge is the hinge of Crammer and Singer (2001): of all violations the
// largest counts.
var MulticlassHinge = &losses.Def[MulticlassHingeOptions]{
	Spec: losses.Spec{
		Name: "multiclass_hinge", Aliases: []string{"crammer_singer"}, Family: "margin",
		Title:   "hinge between the true class and the largest other one",
		Formula: "max over c of (input[c] + margin·[c != target]) - input[target]",
		Witness: "optax 0.2.8",
		Inputs: []losses.Input{
			{Name: "input", Doc: "scores of classes", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "class of each row", Domain: losses.Class, Of: losses.Of{Axis: "C"}},
		},
		Shapes:      []losses.Shapes{{"input": "N,C", "target": "N"}},
		LabelPolicy: parts.RangePolicy,
		Traps: []string{
			"multi_margin sums all violations and divides by the number of classes; here the largest counts alone.",
			"Classes that are equally large share the gradient evenly.",
		},
	},
	Defaults: MulticlassHingeOptions{Margin: new(1.0), Reduction: losses.Mean},
	Reference: func(c *losses.Call, o MulticlassHingeOptions) string {
		row := fmt.Sprintf("(input + %s * (1 - F.one_hot({target}, input.size(1)))).amax(1) - input.gather(1, {target}.unsqueeze(1)).squeeze(1)", losses.Python(*o.Margin))
		return losses.Reduced(c.Expand(row, nil), o.Reduction)
	},
	Body: func(c *losses.Call, o MulticlassHingeOptions) losses.Term {
		x, y := c.In("input"), c.In("target")
		index := y.Within(x.Shape()[1]).Unsqueeze(1)
		own := x.Pick(1, index)
		return losses.Each(x.Shift(*o.Margin).Put(1, index, own).Amax(1).Sub(own).Squeeze(1))
	},
	Golden: []losses.Case{
		{Name: "nan_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"N": 2, "C": 3}, Set: map[string]losses.Edge{"input": {0: 1, 1: math.NaN(), 2: 0}, "target": {0: 0}}},
		{Name: "ties_none", Options: losses.Values{"reduction": "none"}, Sizes: map[string]int64{"C": 3}, Set: map[string]losses.Edge{"input": {0: 1, 1: 0, 2: 0, 3: 2, 4: 1, 5: 1, 6: 0, 7: 0, 8: 0}, "target": {0: 0, 1: 0, 2: 1}}},
	},
}
