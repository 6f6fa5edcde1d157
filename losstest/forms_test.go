package losstest_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/verify"
)

// reduced is the options of the losses here.
type reduced struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// smoothness compares the steps from row to row. It has one loss less than there are
// rows, a size that no input has.
var smoothness = &losses.Def[reduced]{
	Spec: losses.Spec{
		Name: "smoothness", Family: "regression", Title: "squared difference of steps", Formula: "(steps of input - steps of target)^2",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "true values", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{"input": "T,*", "target": "T,*"}}, Star: "D",
	},
	Defaults: reduced{losses.Mean},
	Reference: func(c *losses.Call, o reduced) string {
		return losses.Reduced("(input - target).diff(dim=0).square()", o.Reduction)
	},
	Body: func(c *losses.Call, o reduced) losses.Term {
		x := c.In("input").Sub(c.In("target"))
		return losses.Term{Each: x.Slice(0, 1, math.MaxInt64).Sub(x.Slice(0, 0, -1)).Square()}
	},
}

// contrast compares each row of two views with all rows of both: twice as many losses
// as rows.
var contrast = &losses.Def[reduced]{
	Spec: losses.Spec{
		Name: "contrast", Family: "regression", Title: "entropy over both views", Formula: "entropy(softmax(z z^T)), z = [input; target]",
		Inputs: []losses.Input{
			{Name: "input", Doc: "one view", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "the other view", Domain: losses.Real, Grad: losses.Default},
		},
		Shapes: []losses.Shapes{{"input": "N,D", "target": "N,D"}},
	},
	Defaults: reduced{losses.Mean},
	Reference: func(c *losses.Call, o reduced) string {
		return losses.Reduced("(lambda s: -(s.softmax(1) * s.log_softmax(1)).sum(1))((lambda z: z @ z.T)(torch.cat([input, target])))", o.Reduction)
	},
	Body: func(c *losses.Call, o reduced) losses.Term {
		z := builder.Concat(0, c.In("input"), c.In("target"))
		s := z.MatMulT(z)
		return losses.Term{Each: s.Softmax(1).Mul(s.LogSoftmax(1)).SumOver(1).Neg()}
	},
}

// TestForms verifies files of losses whose own sizes are forms of their inputs': with
// upstream gradients, weights and masks of those sizes.
func TestForms(t *testing.T) {
	engines := []verify.Engine{{Backend: reference.Backend{}}}
	if _, err := (ort.Backend{}).Load(); err == nil {
		engines = append(engines, verify.Engine{Backend: ort.Backend{}, Options: runtime.Options{Threads: 1}})
	}
	forms := losses.Catalog{smoothness, contrast}
	for _, l := range forms {
		for _, reduction := range []string{"none", "mean", "sum"} {
			for _, with := range [][]string{nil, {"mask", "sample_weight"}} {
				r := losses.Request{Catalog: forms, Loss: l.Declaration().Name, Options: losses.Values{"reduction": reduction}, With: with,
					Grad: []string{"input", "target"}, DType: tensor.Float64}
				t.Run(fmt.Sprint(r.Loss, reduction, with), func(t *testing.T) {
					data, err := export.Encode(r.Model())
					if err != nil {
						t.Fatal(err)
					}
					report := verify.File(t.Context(), data, engines, verify.Options{Catalog: forms})
					for _, c := range report.Checks {
						for _, text := range c.Failures {
							t.Errorf("%s %s: %s", c.Name, c.Engine, text)
						}
					}
				})
			}
		}
	}
}
