package graft

import (
	"github.com/lossgen/lossgen/builder"
)

// This file has the losses that are operators.

var lossRules = map[string]rule{"SoftmaxCrossEntropyLoss": crossEntropy, "NegativeLogLikelihoodLoss": negativeLogLikelihood}

// crossEntropy is the negative log-likelihood of the logarithm of the softmax.
func crossEntropy(c *call) []builder.Value { return c.likelihood(c.in[0].LogSoftmax(1)) }

func negativeLogLikelihood(c *call) []builder.Value { return c.likelihood(c.in[0]) }

// likelihood derives the gradient from log-probabilities, whose classes are axis 1. A row
// with the ignored label has the weight 0.
func (c *call) likelihood(x builder.Value) []builder.Value {
	labels := c.in[1]
	var kept builder.Value
	if ignored, ok := c.node.Attr("ignore_index").(int64); ok {
		kept = labels.Equal(labels.Like(float64(ignored))).Not()
		labels = builder.Where(kept, labels, labels.Like(0))
	}
	weight := x.Like(1).BroadcastTo(labels.Shape())
	if c.has(2) {
		weight = c.in[2].Gather(0, labels)
	}
	if !kept.IsZero() {
		weight = weight.Mul(kept.Cast(x.DType()))
	}
	rows := x.Pick(1, labels.Unsqueeze(1)).Squeeze(1).Neg().Mul(weight)
	switch how := c.text("reduction", "mean"); how {
	case "none":
		return c.derived(rows)
	case "sum":
		return c.derived(rows.Sum())
	default:
		total := weight.Sum()
		total = total.Add(total.Equal(total.Like(0)).Cast(total.DType())) // of ignored rows alone the gradient is 0
		return c.derived(rows.Sum().Div(total))
	}
}
