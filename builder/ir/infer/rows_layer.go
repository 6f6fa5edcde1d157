package infer

import (
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has normalizations, dropout, losses and recurrent layers.

var layerRows = map[string]row{
	"BatchNormalization":    {dtypes: "T:float S:float S U:float U -> T U", infer: batchNormalization},
	"InstanceNormalization": {dtypes: "T:float T T -> T", infer: perChannel}, "GroupNormalization": {dtypes: "T:float T T -> T", infer: perChannel},
	"LRN": like("T:float -> T"), "LpNormalization": alongAxis("T:float -> T"), "MeanVarianceNormalization": like("T:float -> T"),
	"LayerNormalization": {dtypes: "T:float T T? -> T float", infer: layerNormalization},
	"RMSNormalization":   alongAxis("T:float V:float -> V"),
	"Dropout":            {dtypes: "T:float float? bool? -> T bool", infer: dropout},

	"Attention": {dtypes: "T:float T V:float any? T? V? index? -> T T V T", infer: attention},

	"SoftmaxCrossEntropyLoss": {dtypes: "T:float index T? -> T", infer: labelled}, "NegativeLogLikelihoodLoss": {dtypes: "T:float index T? -> T", infer: labelled},
}

// labelled is a loss with a class for each row of scores, whose classes are the second
// axis. A second result has the scores' sizes.
func labelled(c *call) ([]Type, error) {
	scores, labels := c.in[0].Shape, c.in[1].Shape
	if scores != nil && len(scores) < 2 {
		return nil, fmt.Errorf("its input is %v, want rank 2 or more", c.in[0])
	}
	if scores != nil && labels != nil && len(labels) != len(scores)-1 {
		return nil, fmt.Errorf("its labels are %v for scores %v", c.in[1], c.in[0])
	}
	if c.text("reduction", "mean") != "none" {
		return []Type{{Shape: tensor.Shape{}}, {Shape: scores}}, nil
	}
	if labels == nil && scores != nil {
		labels = scores.Without(1)
	}
	return []Type{{Shape: labels}, {Shape: scores}}, nil
}

// perChannel wants an input with channels, which are its second axis.
func perChannel(c *call) ([]Type, error) {
	if s := c.in[0].Shape; s != nil && len(s) < 2 {
		return nil, fmt.Errorf("its input is %v, want rank 2 or more", c.in[0])
	}
	return shaped(c.in[0].Shape), nil
}

func batchNormalization(c *call) ([]Type, error) {
	x := c.in[0].Shape
	channels := tensor.D(1) // of an input without that axis
	if len(x) > 1 {
		channels = x[1]
	}
	for i := 1; i < 5; i++ {
		if err := c.rank(i, 1); err != nil {
			return nil, err
		}
		if s := c.in[i].Shape; s != nil && x != nil && differ(s[0], channels) {
			return nil, fmt.Errorf("its input %d is %v for %v channels", i, c.in[i], channels)
		}
	}
	return []Type{{Shape: x}, {Shape: c.in[3].Shape}, {Shape: c.in[4].Shape}}, nil
}

func layerNormalization(c *call) ([]Type, error) {
	x := c.in[0].Shape
	out := []Type{{Shape: x}, {}, {}}
	for i := 1; i < 3; i++ {
		out[i].DType = tensor.DType(c.int("stash_type", int64(tensor.Float32)))
	}
	if x == nil {
		return out, nil
	}
	axis, err := c.axis(-1, len(x))
	if err != nil {
		return nil, err
	}
	single := slices.Clone(x)
	for i := range single[axis:] {
		single[axis+i] = tensor.D(1)
	}
	out[1].Shape, out[2].Shape = single, single
	return out, nil
}

func dropout(c *call) ([]Type, error) {
	return []Type{{Shape: c.in[0].Shape}, {Shape: c.in[0].Shape}}, nil
}

var recurrentRows = map[string]row{
	"RNN":  {dtypes: "T:float T T T? int32? T? -> T", infer: recurrent},
	"GRU":  {dtypes: "T:float T T T? int32? T? -> T", infer: recurrent},
	"LSTM": {dtypes: "T:float T T T? int32? T? T? T? -> T", infer: recurrent},
}

// recurrent has the results Y of every step, then the last states.
func recurrent(c *call) ([]Type, error) {
	for i := range 3 {
		if err := c.rank(i, 3); err != nil {
			return nil, err
		}
	}
	x, r := c.in[0].Shape, c.in[2].Shape
	if x == nil {
		x = unknowns(3)
	}
	steps, batch := x[0], x[1]
	if c.flag("layout") {
		steps, batch = batch, steps
	}
	directions := tensor.D(1)
	switch d := c.text("direction", "forward"); d {
	case "forward", "reverse":
	case "bidirectional":
		directions = tensor.D(2)
	default:
		return nil, fmt.Errorf("direction is %q", d)
	}
	hidden := Unknown
	if n := c.int("hidden_size", 0); n > 0 {
		hidden = tensor.D(n)
	} else if r != nil {
		hidden = r[2]
	}
	y, state := tensor.Shape{steps, directions, batch, hidden}, tensor.Shape{directions, batch, hidden}
	if c.flag("layout") {
		y, state = tensor.Shape{batch, steps, directions, hidden}, tensor.Shape{batch, directions, hidden}
	}
	return []Type{{Shape: y}, {Shape: state}, {Shape: state}}, nil
}
