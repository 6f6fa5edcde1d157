package infer

import (
	"fmt"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has attention.

// attention has heads as an axis, [N,heads,T,size], or joined in the last, [N,T,heads·size].
func attention(c *call) ([]Type, error) {
	var heads [3]tensor.Shape // of queries, keys and values, with the heads as an axis
	for i := range heads {
		s := c.in[i].Shape
		if s == nil {
			return []Type{{}, {}, {}, {}}, nil
		}
		n := c.int("kv_num_heads", 0)
		if i == 0 {
			n = c.int("q_num_heads", 0)
		}
		switch {
		case len(s) == 4:
			heads[i] = s
		case len(s) == 3 && n > 0:
			heads[i] = tensor.Shape{s[0], tensor.D(n), s[1], over(s[2], tensor.D(n))}
		default:
			return nil, fmt.Errorf("its input %d is %v: want [N,heads,T,size], or [N,T,heads*size] and the number of heads", i, c.in[i])
		}
	}
	q, k, v := heads[0], heads[1], heads[2]
	if differ(q[3], k[3]) {
		return nil, fmt.Errorf("queries of size %v and keys of %v", q[3], k[3])
	}
	all := k[2] // keys of before included
	if c.has(4) {
		all = Unknown
		if past := c.in[4].Shape; len(past) == 4 {
			all = plus(past[2], k[2])
		}
	}
	y := tensor.Shape{q[0], q[1], q[2], v[3]}
	if len(c.in[0].Shape) == 3 {
		y = tensor.Shape{q[0], q[2], times(q[1], v[3])}
	}
	present := func(s tensor.Shape) Type { return Type{Shape: tensor.Shape{s[0], s[1], all, s[3]}} }
	return []Type{{Shape: y}, present(k), present(v), {Shape: tensor.Shape{q[0], q[1], q[2], all}}}, nil
}
