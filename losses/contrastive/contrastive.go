// Package contrastive declares losses of embeddings of two views, of texts and images,
// of queries and answers: what belongs together attracts, the rest of the batch repels.
package contrastive

import (
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		InfoNCE,
		NTXent,
		CLIP,
		SigLIP,
		SupCon,
		DCL,
		NPairs,
		Contrastive,
		CoSENT,
		MarginMSE,
		NegativeCosine,
		BarlowTwins,
		VICReg,
		AlignUniform,
		DINO,
		KoLeo,
	}
}

// family heads these losses in lists.
const family = "contrastive"

// Reasons why single losses cannot be weighted or masked.
const (
	inBatch = "the rows of a batch are compared with each other"
	ofBatch = "it is one number for the whole batch"
)

// inBatchMemory is what losses over all pairs of a batch hold.
const inBatchMemory = "It holds N x N similarities, a few times over for the gradient: 64 MiB each for 4096 rows in float32."

// embedding is an input of vectors, one a row.
func embedding(name, doc string) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: losses.Vector, Of: losses.Of{Axis: "D"}, Grad: losses.Default}
}

// views are two views of the same samples, row by row.
func views() []losses.Input {
	return []losses.Input{embedding("z1", "embeddings of the first view"), embedding("z2", "embeddings of the second view, row by row")}
}

// rowsOf gives inputs the shape [N,D].
func rowsOf(names ...string) []losses.Shapes {
	s := losses.Shapes{}
	for _, name := range names {
		s[name] = "N,D"
	}
	return []losses.Shapes{s}
}

// ownRow is the number of each row, or of each column along axis 0.
func ownRow(x losses.Value, axis int) losses.Value {
	return x.B().Iota(2, axis, x.Shape()[axis])
}

// diagonalNLL is the log-loss of a softmax over the columns of a square matrix, along
// axis 1, or over its rows, along axis 0: the diagonal is what is right.
func diagonalNLL(x losses.Value, axis int) losses.Value {
	return x.SteepNLL(axis, ownRow(x, 1-axis)).Squeeze(axis)
}

// firstNLL is the log-loss of a softmax over the columns, of which the first is right.
func firstNLL(x losses.Value) losses.Value {
	first := x.B().Const(tensor.Int64, 0).BroadcastTo(tensor.Shape{x.Shape()[0], tensor.D(1)})
	return x.SteepNLL(1, first).Squeeze(1)
}

// itself holds where a row meets itself in a matrix of all rows.
func itself(x losses.Value) losses.Value {
	return parts.Diagonal(x.B(), x.Shape()[0], x.Shape()[1])
}

// TemperatureOptions configures losses whose similarities are divided by a temperature.
type TemperatureOptions struct {
	Temperature *float64         `opt:"temperature" doc:"what similarities are divided by" bounds:"(0,inf)" try:"0.25;1"`
	Reduction   losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// rows is the reference of a loss whose rows an expression gives, with {temperature}
// for the option.
func rows(expression string) func(*losses.Call, TemperatureOptions) string {
	return func(c *losses.Call, o TemperatureOptions) string {
		return losses.Reduced(c.Expand(expression, losses.Values{"temperature": *o.Temperature}), o.Reduction)
	}
}
