package regression

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// QuantileOptions configures [Quantile].
type QuantileOptions struct {
	Quantiles []float64        `opt:"quantiles" doc:"the quantiles that the columns of input predict" bounds:"[0,1]" try:"0.5;0.05,0.95;0,1"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Quantile is the pinball loss (Koenker and Bassett, Regression Quantiles, 1978),
// averaged over several quantiles.
var Quantile = &losses.Def[QuantileOptions]{
	Spec: losses.Spec{
		Name: "quantile", Aliases: []string{"pinball", "quantile_loss"}, Family: "regression",
		Title:   "pinball loss of several quantiles",
		Formula: "e_i = target - input[:, i]; (sum_i max((q_i - 1)·e_i, q_i·e_i)) / Q",
		Traps: []string{
			"none gives one loss per row, the average over the quantiles; mean averages those.",
			"The gradient where a prediction equals the target is (1/2 - q)/Q, the middle of both slopes, as PyTorch's max splits it.",
			"In PyTorch a target of [N,1] silently makes an [N,N] loss; here it is refused.",
		},
	},
	Defaults: QuantileOptions{Quantiles: []float64{0.1, 0.5, 0.9}, Reduction: losses.Mean},
	Ports: func(o QuantileOptions) ([]losses.Input, []losses.Shapes) {
		return []losses.Input{
			{Name: "input", Doc: "a prediction of each quantile, one per column", Domain: losses.Real, Grad: losses.Default},
			{Name: "target", Doc: "true values", Domain: losses.Real, Grad: losses.OnDemand},
		}, []losses.Shapes{{"input": fmt.Sprintf("N,%d", len(o.Quantiles)), "target": "N"}}
	},
	Reference: func(c *losses.Call, o QuantileOptions) string {
		sum := fmt.Sprintf("sum(torch.max((q - 1) * (target - input[:, i]), q * (target - input[:, i])) for i, q in enumerate(%s)) / %d",
			losses.Python(o.Quantiles), len(o.Quantiles))
		return losses.Reduced(sum, o.Reduction)
	},
	Body: func(c *losses.Call, o QuantileOptions) losses.Term {
		x, count := c.In("input"), int64(len(o.Quantiles))
		constant := func(rows, columns int64, values []float64) losses.Value {
			return c.B.Constant(tensor.FromFloats(c.Compute, []int64{rows, columns}, values))
		}
		// Products with one inner index repeat a column and a row. ONNX Runtime
		// broadcasts along rows as short as these thirty times more slowly.
		target := c.In("target").Unsqueeze(1).MatMul(constant(1, count, slices.Repeat([]float64{1}, len(o.Quantiles))))
		ones := c.Const(1).BroadcastTo(tensor.Shape{x.Shape()[0], tensor.D(1)})
		q := ones.MatMul(constant(1, count, o.Quantiles))
		open := !slices.Contains(o.Quantiles, 0) && !slices.Contains(o.Quantiles, 1)
		return losses.Each(parts.Pinball(target.Sub(x), q, open).SumOver(1).Div(c.Const(float64(count))))
	},
}
