package builder

import (
	"math"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file defines recurrent layers of one direction: ONNX's nodes forward, and
// backward a loop over what depends on the step behind, with products over all steps
// around it.

func recurrentOps() map[string]*op {
	return map[string]*op{
		"Gate": {doc: "1/(1+exp(-x)), in ONNX Runtime 0 below -17: what multiplies states", infer: sameFloat, elementwise: true, lower: direct("Sigmoid"),
			vjp: func(y, dy Value) []Value { return vs(y.Sub(y.Square()).Mul(dy)) }},
		"LSTM": {doc: "the states of a long short-term memory (keep: from the last step to the first)", infer: inferRecurrent(4), lower: lowerLSTM,
			vjp: func(y, dy Value) []Value { return y.lstmGrad(dy.BroadcastTo(y.shape), Value{}) }},
		"LSTMCell": {doc: "the last cell state of an LSTM, the first operand; the others are those of the LSTM",
			infer: func(c *call) (tensor.DType, tensor.Shape) { return c.args[0].dtype, c.args[0].shape[1:] },
			lower: func(e *emitter, _ Value, in []string) string { return e.made[resultName(in[0], 1)] },
			vjp: func(y, dy Value) []Value {
				return append(vs(Value{}), y.arg(0).lstmGrad(Value{}, dy.BroadcastTo(y.shape))...)
			}},
		"GRU": {doc: "the states of a gated recurrent unit (keep: from the last step to the first), reset behind the product (ints: 1) or before it", infer: inferRecurrent(3), lower: lowerGRU,
			vjp: func(y, dy Value) []Value {
				if y.attr.ints[0] == 1 {
					return y.gruGrad(dy.BroadcastTo(y.shape))
				}
				return y.gruResetGrad(dy.BroadcastTo(y.shape))
			}},
	}
}

// inferRecurrent checks x [T,N,I], w [g·H,I], r [g·H,H], b [2·g·H] and the states [N,H].
func inferRecurrent(gates int64) func(c *call) (tensor.DType, tensor.Shape) {
	return func(c *call) (tensor.DType, tensor.Shape) {
		x, w, r, b := c.args[0], c.args[1], c.args[2], c.args[3]
		if x.Rank() != 3 || w.Rank() != 2 || r.Rank() != 2 || b.Rank() != 1 || !r.shape[1].Known() {
			c.failf("%v, %v, %v and %v are no sequences, two matrices and a bias", x, w, r, b)
		}
		h := r.shape[1].Size
		state := tensor.Shape{x.shape[1], tensor.D(h)}
		ok := r.shape[0].Is(gates*h) && w.shape.Equal(tensor.Shape{r.shape[0], x.shape[2]}) && b.shape[0].Is(2*gates*h)
		for _, v := range c.args[4:] {
			ok = ok && v.shape.Equal(state)
		}
		for _, v := range c.args {
			ok = ok && v.dtype == x.dtype && x.dtype.IsFloat()
		}
		if !ok {
			c.failf("the operands do not fit: %v", c.args)
		}
		return x.dtype, tensor.Shape{x.shape[0], x.shape[1], r.shape[1]}
	}
}

// recurrent writes a layer's node, with more results after the first if asked.
func (e *emitter) recurrent(op string, v Value, in []string, results int, attrs ...ir.Attribute) []string {
	direction := "forward"
	if v.attr.keep {
		direction = "reverse"
	}
	all := []ir.Attribute{{Name: "direction", Value: direction}, {Name: "hidden_size", Value: v.shape[2].Size}}
	if e.opset >= 14 {
		attrs = append(attrs, ir.Attribute{Name: "layout", Value: int64(0)})
	}
	one := e.ints(0)
	args := []string{in[0]}
	for _, name := range in[1:] {
		args = append(args, e.node("Unsqueeze", []string{name, one})) // the axis of directions
	}
	args = append(args[:4], append([]string{""}, args[4:]...)...) // no lengths
	var out []string
	for range results {
		out = append(out, e.newName())
	}
	e.graph.Nodes = append(e.graph.Nodes, ir.Node{Op: op, Inputs: args, Outputs: out, Attributes: append(all, attrs...)})
	return out
}

func lowerLSTM(e *emitter, v Value, in []string) string {
	results := 1
	if e.results[v.node][1] {
		results = 3
	}
	out := e.recurrent("LSTM", v, in, results, ir.Attribute{Name: "input_forget", Value: int64(0)})
	y := e.node("Squeeze", []string{out[0], e.ints(1)})
	if results == 3 {
		e.made[resultName(y, 1)] = e.node("Squeeze", []string{out[2], e.ints(0)})
	}
	return y
}

func lowerGRU(e *emitter, v Value, in []string) string {
	out := e.recurrent("GRU", v, in, 1, ir.Attribute{Name: "linear_before_reset", Value: v.attr.ints[0]})
	return e.node("Squeeze", []string{out[0], e.ints(1)})
}

// gate returns the sigmoid of x, and its derivative with all digits also where the
// sigmoid is close to 1.
func (x Value) gate() (g, slope Value) {
	g = emit("Gate", attr{}, x)
	return g, g.Mul(emit("Gate", attr{}, x.Neg()))
}

// part returns one of the parts of size n along the last axis.
func (x Value) part(k, n int64) Value { return x.Slice(-1, k*n, (k+1)*n) }

// stepBefore returns what each step starts with: first, then the results of the others.
func (y Value) stepBefore(first Value, backward bool) Value {
	first = first.Unsqueeze(0)
	before := vs(first, y.Slice(0, 0, -1))
	if backward {
		before = vs(y.Slice(0, 1, math.MaxInt64), first)
	}
	if all := Concat(0, before...); all.shape.Equal(y.shape) {
		return all
	}
	return Concat(0, before...).Reshape(y.shape)
}

// lstmGrad returns the gradients of an LSTM's operands, given that of its states or that
// of its last cell state. With z the sums before the gates i, o, f and g of all steps:
// c = f·c' + i·g and h = o·tanh(c), so dc = dc' + dh·o·(1-tanh²(c)), and dz is dc or dh
// times what no step behind changes.
func (y Value) lstmGrad(dy, dc Value) []Value {
	x, w, r, b, h0, c0, back := y.arg(0), y.arg(1), y.arg(2), y.arg(3), y.arg(4), y.arg(5), y.attr.keep
	n := y.shape[2].Size
	before := y.stepBefore(h0, back)
	z := x.MatMulT(w).Add(before.MatMulT(r)).Add(b.part(0, 4*n).Add(b.part(1, 4*n)))
	gates, slopes := z.Slice(2, 0, 3*n).gate()
	g := z.part(3, n).Tanh()
	i, o, f := gates.part(0, n), gates.part(1, n), gates.part(2, n)
	_, cells := Scan(vs(c0), vs(f, i.Mul(g)), back, func(s, in []Value) (next, out []Value) {
		c := in[0].Mul(s[0]).Add(in[1])
		return vs(c), vs(c)
	})
	cellBefore, tanh := cells[0].stepBefore(c0, back), cells[0].Tanh()
	slope := o.Mul(tanh.Square().Neg().Shift(1))
	factors := Concat(2, g, tanh, cellBefore).Mul(slopes)
	factors = Concat(2, factors, i.Mul(g.Square().Neg().Shift(1)))

	sequences, starts := vs(slope, factors, f), vs(h0.zero(), c0.zero())
	if dy.IsZero() {
		starts[1] = dc
	} else {
		sequences = append(sequences, dy)
	}
	last, out := Scan(starts, sequences, !back, func(s, in []Value) (next, out []Value) {
		dh := s[0]
		if len(in) == 4 {
			dh = dh.Add(in[3])
		}
		dc := s[1].Add(dh.Mul(in[0]))
		dz := Concat(1, dc, dh, dc, dc).Mul(in[1])
		return vs(dz.MatMul(r), dc.Mul(in[2])), vs(dz)
	})
	dz := out[0]
	sum := dz.SumOver(0, 1)
	return vs(dz.MatMul(w), dz.timesRows(x), dz.timesRows(before), Concat(0, sum, sum), last[0], last[1])
}

// zero returns zeros of x's shape.
func (x Value) zero() Value { return x.Like(0).BroadcastTo(x.shape) }

// timesRows returns the product of dz, turned, with x over all steps and samples: one
// product of matrices.
func (dz Value) timesRows(x Value) Value { return dz.Flatten(2).matMul(x.Flatten(2), true, false) }

// gruParts are what the gradient of a GRU needs of its steps.
type gruParts struct {
	before, z, r, n, q Value // states before, gates, and what the reset multiplies
	slopes             Value // derivatives of both gates
	slope              Value // of the new state's sum, in the state
}

// gruSteps computes gates and new states of all steps again.
func (y Value) gruSteps() (s gruParts) {
	x, w, r, b, h0 := y.arg(0), y.arg(1), y.arg(2), y.arg(3), y.arg(4)
	n := y.shape[2].Size
	s.before = y.stepBefore(h0, y.attr.keep)
	in := x.MatMulT(w).Add(b.part(0, 3*n))
	rows, bias := r, b.part(1, 3*n)
	if y.attr.ints[0] == 0 {
		rows, bias = r.Slice(0, 0, 2*n), bias.Slice(0, 0, 2*n)
	}
	state := s.before.MatMulT(rows).Add(bias)
	gates, slopes := in.Slice(2, 0, 2*n).Add(state.Slice(2, 0, 2*n)).gate()
	s.z, s.r, s.slopes = gates.part(0, n), gates.part(1, n), slopes
	if y.attr.ints[0] == 1 {
		s.q = state.part(2, n)
		s.n = in.part(2, n).Add(s.r.Mul(s.q)).Tanh()
	} else {
		s.q = s.r.Mul(s.before)
		s.n = in.part(2, n).Add(s.q.MatMulT(r.Slice(0, 2*n, 3*n)).Add(b.part(5, n))).Tanh()
	}
	s.slope = s.z.Neg().Shift(1).Mul(s.n.Square().Neg().Shift(1))
	return s
}

// gruGrad returns the gradients of a GRU whose reset follows the product: n =
// tanh(Wx + r·q) with q = Rh + b, and h = (1-z)·n + z·h'.
func (y Value) gruGrad(dy Value) []Value {
	x, w, r, h0 := y.arg(0), y.arg(1), y.arg(2), y.arg(4)
	s := y.gruSteps()
	factors := Concat(2, s.before.Sub(s.n), s.slope.Mul(s.q)).Mul(s.slopes)
	factors = Concat(2, factors, s.slope.Mul(s.r))
	last, out := Scan(vs(h0.zero()), vs(dy, factors, s.z), !y.attr.keep, func(state, in []Value) (next, out []Value) {
		dh := state[0].Add(in[0])
		d := Concat(1, dh, dh, dh).Mul(in[1])
		return vs(dh.Mul(in[2]).Add(d.MatMul(r))), vs(d, dh)
	})
	d, n := out[0], y.shape[2].Size
	dz := Concat(2, d.Slice(2, 0, 2*n), out[1].Mul(s.slope))
	return vs(dz.MatMul(w), dz.timesRows(x), d.timesRows(s.before), Concat(0, dz.SumOver(0, 1), d.SumOver(0, 1)), last[0])
}

// gruResetGrad is that of a GRU whose reset precedes the product: n = tanh(Wx + R(r·h')).
func (y Value) gruResetGrad(dy Value) []Value {
	x, w, r, h0, n := y.arg(0), y.arg(1), y.arg(2), y.arg(4), y.shape[2].Size
	s := y.gruSteps()
	gates, rows := r.Slice(0, 0, 2*n), r.Slice(0, 2*n, 3*n)
	update, reset := s.before.Sub(s.n).Mul(s.slopes.part(0, n)), s.before.Mul(s.slopes.part(1, n))
	last, out := Scan(vs(h0.zero()), vs(dy, update, reset, s.slope, s.z, s.r), !y.attr.keep, func(state, in []Value) (next, out []Value) {
		dh := state[0].Add(in[0])
		dn := dh.Mul(in[3])
		dq := dn.MatMul(rows)
		d := Concat(1, dh.Mul(in[1]), dq.Mul(in[2]))
		return vs(dh.Mul(in[4]).Add(dq.Mul(in[5])).Add(d.MatMul(gates))), vs(d, dn)
	})
	dz := Concat(2, out...)
	dr := Concat(0, out[0].timesRows(s.before), out[1].timesRows(s.q))
	sum := dz.SumOver(0, 1)
	return vs(dz.MatMul(w), dz.timesRows(x), dr, Concat(0, sum, sum), last[0])
}

// Layer is a recurrent layer of one direction: weights of the input W [g·H,I] and of
// the state R [g·H,H], both biases B [2·g·H] and first states [N,H]; B and the states may
// be zero Values. The gates are in ONNX's order.
type Layer struct {
	W, R, B, Hidden, Cell Value
	Backward              bool // from the last step to the first
	ResetBehind           bool // GRU: the reset follows the product, as in PyTorch
}

// operands fills in zeros.
func (l Layer) operands(op string, x Value) []Value {
	if x.Rank() != 3 || l.R.IsZero() || l.R.Rank() != 2 {
		fail(op, []Value{x}, "needs sequences [T,N,I] and weights, got %v and %v", x, l.R)
	}
	zeros := func(v Value, shape tensor.Shape) Value {
		if v.IsZero() {
			return x.Like(0).BroadcastTo(shape)
		}
		return v
	}
	rows, err := l.R.shape[0].Add(l.R.shape[0])
	if err != nil {
		fail(op, []Value{x}, "%v", err)
	}
	state := tensor.Shape{x.shape[1], l.R.shape[1]}
	return vs(x, l.W, l.R, zeros(l.B, tensor.Shape{rows}), zeros(l.Hidden, state), zeros(l.Cell, state))
}

// LSTM returns the states of a layer after each step of x [T,N,I], and the last cell
// state.
func (x Value) LSTM(l Layer) (y, cell Value) {
	args := l.operands("LSTM", x)
	y = emit("LSTM", attr{keep: l.Backward}, args...)
	return y, emit("LSTMCell", attr{}, append(vs(y), args...)...)
}

// GRU returns the states of a layer after each step of x [T,N,I].
func (x Value) GRU(l Layer) Value {
	a := attr{keep: l.Backward}
	if l.ResetBehind {
		a.ints[0] = 1
	}
	return emit("GRU", a, l.operands("GRU", x)[:5]...)
}

// LastState returns the state that a layer ends with.
func (y Value) LastState(backward bool) Value {
	if backward {
		return y.Slice(0, 0, 1).Squeeze(0)
	}
	return y.Slice(0, -1, math.MaxInt64).Squeeze(0)
}
