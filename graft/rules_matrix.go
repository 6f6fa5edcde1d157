package graft

import (
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has products of matrices, and the softmax family.

var matrixRules = map[string]rule{
	"MatMul": matMul, "Gemm": gemm, "Softmax": softmax, "LogSoftmax": logSoftmax,
}

// matMul multiplies a stack of matrices with one matrix as a single larger matrix in the
// gradient of the latter.
func matMul(c *call) []builder.Value {
	a, b := c.in[0], c.in[1]
	if a.Rank() < 2 || b.Rank() < 2 {
		return one(c.vectors(a, b))
	}
	b = c.inner(a, b, a.Rank()-1, b.Rank()-2)
	in := c.alignedBut(2, a, b)
	if a, b = in[0], in[1]; a.Rank() < 3 || b.Rank() != 2 {
		return one(a.MatMul(b))
	}
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		rows, grads := a.Flatten(a.Rank()-1), full.Flatten(y.Rank()-1)
		grads = grads.Stated(tensor.Shape{rows.Shape()[0], grads.Shape()[1]})
		return []builder.Value{full.Product(b, false, true), rows.Product(grads, true, false)}
	}))
}

// vectors multiplies where an operand is a vector.
func (c *call) vectors(a, b builder.Value) builder.Value {
	axis := max(b.Rank()-2, 0)
	return a.MatMul(c.inner(a, b, a.Rank()-1, axis))
}

// inner returns b with the size of one of its axes that a has along one of its own.
func (c *call) inner(a, b builder.Value, of, axis int) builder.Value {
	shape := slices.Clone(b.Shape())
	shape[axis] = a.Shape()[of]
	return c.sized(b, shape)
}

// gemm is alpha·a·b + beta·c, with a or b transposed.
func gemm(c *call) []builder.Value {
	a, b := c.in[0], c.in[1]
	left, right := c.int("transA", 0) != 0, c.int("transB", 0) != 0
	of, axis := 1, 0
	if left {
		of = 0
	}
	if right {
		axis = 1
	}
	b = c.inner(a, b, of, axis)
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		scaled := full.Scale(c.float("alpha", 1))
		grads := builder.Grad(a.Product(b, left, right).Stated(y.Shape()), scaled, a, b)
		if c.has(2) {
			grads = append(grads, full.Scale(c.float("beta", 1)).SumTo(c.in[2]))
		}
		return grads
	}))
}

// softmax is p·(dp - sum(p·dp)).
func softmax(c *call) []builder.Value {
	axis := c.axis(-1, c.in[0].Rank())
	p := c.asItIs()[0]
	return one(c.declare(p, func(dp builder.Value) []builder.Value {
		t := p.Mul(dp)
		return one(t.Sub(p.Mul(t.SumKeep(axis))))
	}))
}

// logSoftmax is dy - exp(y)·sum(dy).
func logSoftmax(c *call) []builder.Value {
	axis := c.axis(-1, c.in[0].Rank())
	y := c.asItIs()[0]
	return one(c.declare(y, func(dy builder.Value) []builder.Value {
		full := dy.BroadcastTo(y.Shape())
		return one(full.Sub(y.Exp().Mul(full.SumKeep(axis))))
	}))
}
