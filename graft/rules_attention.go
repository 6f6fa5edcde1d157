package graft

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has attention.

var attentionRules = map[string]rule{"Attention": attention}

// attention derives the gradient from softmax(scale·q·kᵀ + mask)·v, in heads.
func attention(c *call) []builder.Value {
	if c.has(4) || c.has(5) || c.has(6) {
		c.failf("there is no rule for its gradient with keys and values of before, or with their lengths")
	}
	queries := c.heads(0, c.int("q_num_heads", 0))
	n := queries.Shape()[1]
	keys, values := c.repeated(c.heads(1, c.int("kv_num_heads", 0)), n), c.repeated(c.heads(2, c.int("kv_num_heads", 0)), n)
	keys = c.inner(queries, keys, 3, 3)
	values = c.inner(keys, values, 2, 2)
	size := queries.Shape()[3]
	scale, ok := c.node.Attr("scale").(float32)
	if !ok && !size.Known() {
		c.failf("the size of its heads is not known before a run")
	} else if !ok {
		scale = float32(1 / math.Sqrt(float64(size.Size)))
	}
	in := c.alignedBut(2, queries, keys, values)
	scores := in[0].Product(in[1], false, true).Scale(float64(scale))
	if limit := c.float("softcap", 0); limit > 0 {
		scores = scores.Scale(1 / limit).Tanh().Scale(limit)
	}
	weights := c.masked(scores).Softmax(3)
	y := weights.MatMul(c.inner(weights, in[2], 3, 2)) // the mask may know how many there are
	return one(c.derive(c.asItIs()[0], c.joined(y)))
}

// heads returns an input with its heads as axis 1.
func (c *call) heads(i int, n int64) builder.Value {
	x := c.in[i]
	if x.Rank() == 4 {
		return x
	}
	s := x.Shape()
	if !s[2].Known() || n < 1 {
		c.failf("the size of its input %d is not known before a run", i)
	}
	return x.Reshape(tensor.Shape{s[0], s[1], tensor.D(n), tensor.D(s[2].Size / n)}).Transpose(0, 2, 1, 3)
}

// joined returns a result as the queries are, with the heads in the last axis or not.
func (c *call) joined(y builder.Value) builder.Value {
	if c.in[0].Rank() == 3 {
		y = y.Transpose(0, 2, 1, 3)
	}
	to := c.shape(0)
	if y.Rank() == len(to) {
		return y.Stated(to)
	}
	return y.Reshape(to)
}

// repeated returns keys or values for n heads of queries, each for several of them.
func (c *call) repeated(x builder.Value, n tensor.Dim) builder.Value {
	s := x.Shape()
	if s[1] == n || s[1].Is(1) {
		return x
	}
	if !s[1].Known() || !n.Known() || n.Size%max(s[1].Size, 1) != 0 {
		c.failf("%v heads of queries share no %v of keys", n, s[1])
	}
	each := tensor.D(n.Size / s[1].Size)
	wide := x.Unsqueeze(2).BroadcastTo(tensor.Shape{s[0], s[1], each, s[2], s[3]})
	return wide.Reshape(tensor.Shape{s[0], n, s[2], s[3]})
}

// masked adds the mask, or -inf where a truth value or the order of time forbids a key.
func (c *call) masked(scores builder.Value) builder.Value {
	lowest := func(allowed builder.Value) builder.Value {
		return builder.Where(allowed, scores.Like(0), scores.Like(math.Inf(-1)))
	}
	if c.has(3) {
		mask := c.in[3]
		if mask.DType() == tensor.Bool {
			mask = lowest(mask)
		}
		in := c.aligned(scores, mask)
		scores = in[0].Add(in[1])
	}
	if c.int("is_causal", 0) != 0 {
		s := scores.Shape()
		scores = scores.Add(lowest(c.b.Iota(2, 0, s[2]).GreaterOrEqual(c.b.Iota(2, 1, s[3]))))
	}
	return scores
}
