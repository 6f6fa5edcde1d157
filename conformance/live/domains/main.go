// Command domains is the lossgen command with one more loss, which has an input of
// each domain that no other loss has yet. Its test holds every domain to its row of
// the table, and live.py draws from it:
//
//	go build -o build/domains ./conformance/live/domains
//	conformance/.venv/bin/python conformance/live/live.py --lossgen build/domains --losses domains
package main

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/cli"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// Options are the loss's options.
type Options struct {
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// each is the loss of each row: squares of what counts, and the row's sum times what
// its other inputs say.
const each = "(lambda s: ((tokens & (torch.arange(input.shape[1]) < {lengths}.unsqueeze(1))) * (input - direction)**2).sum(1) * (1 + between)" +
	" + (event * time + grade / 8 + (group == other) / 16" +
	" + torch.arange(input.shape[1] + 1).gather(0, {level}) / 4 + shares * values.sum() / 32) * s)(input.sum(1))"

// Domains is a loss that means nothing.
var Domains = &losses.Def[Options]{
	Spec: losses.Spec{
		Name: "domains", Family: "test", Title: "an input of each domain that no other loss has",
		Formula: "sum over counted steps of (input - direction)^2·(1 + between) + (event·time + grade/8 + ...)·sum(input)",
		Inputs: []losses.Input{
			{Name: "input", Doc: "predictions", Domain: losses.Real, Grad: losses.Default},
			{Name: "direction", Doc: "what they should be", Domain: losses.Direction, Of: losses.Of{Axis: "D"}, Grad: losses.OnDemand},
			{Name: "between", Doc: "factor beyond 1", Domain: losses.Interval, Of: losses.Of{Low: -1, High: 1}, Grad: losses.OnDemand},
			{Name: "event", Doc: "whether the time counts", Domain: losses.Event},
			{Name: "time", Doc: "factor of the sum", Domain: losses.Time, Grad: losses.OnDemand},
			{Name: "grade", Doc: "factor of the sum", Domain: losses.Grade, Of: losses.Of{High: 4}},
			{Name: "group", Doc: "factor of the sum, where it is the other one", Domain: losses.Group},
			{Name: "other", Doc: "the other group", Domain: losses.Group},
			{Name: "level", Doc: "factor of the sum: one more than there are steps", Domain: losses.Class, Of: losses.Of{Axis: "D", More: 1}},
			{Name: "tokens", Doc: "steps that count", Domain: losses.Tokens, Of: losses.Of{Axis: "D"}},
			{Name: "lengths", Doc: "steps that count", Domain: losses.Lengths, Of: losses.Of{Axis: "D"}},
			{Name: "shares", Doc: "how many of the values each row has", Domain: losses.Lengths, Of: losses.Of{Sum: "L"}},
			{Name: "values", Doc: "of all rows, one after the other", Domain: losses.Real, Grad: losses.OnDemand},
		},
		Shapes: []losses.Shapes{{
			"input": "N,D", "direction": "N,D", "between": "N", "event": "N", "time": "N", "grade": "N",
			"group": "N", "other": "N", "level": "N", "tokens": "N,D", "lengths": "N", "shares": "N", "values": "L",
		}},
		LabelPolicy: "a level outside [0, D] ends the run with an index error, as PyTorch raises",
		Inseparable: "the values are those of all rows",
	},
	Defaults: Options{Reduction: losses.Mean},
	Reference: func(c *losses.Call, o Options) string {
		return losses.Reduced(c.Expand(each, nil), o.Reduction)
	},
	Body: func(c *losses.Call, _ Options) losses.Term {
		x, number := c.In("input"), func(name string) builder.Value { return c.In(name).Cast(c.Compute) }
		columns, lengths := x.Shape()[1], c.In("lengths")
		counts := c.In("tokens").And(c.B.Iota(2, 1, columns).Cast(lengths.DType()).Less(lengths.Unsqueeze(1)))
		squares := x.Sub(c.In("direction")).Square().Mul(counts.Cast(c.Compute)).SumOver(1)

		level := c.In("level")
		alike := c.In("group").Equal(c.In("other")).Cast(c.Compute)
		zero := c.B.Constant(tensor.FromInts(tensor.Int64, []int64{1}, []int64{0}))
		levels := builder.Concat(0, zero, c.B.Iota(1, 0, columns).Add(zero.Like(1))).Cast(c.Compute)
		level = builder.Where(level.Less(level.Like(0)), level.Like(math.MaxInt32), level) // a gather would count from the end

		factor := c.In("event").Mul(c.In("time")).Add(c.In("grade").Scale(1. / 8)).Add(alike.Scale(1. / 16))
		factor = factor.Add(levels.Gather(0, level).Scale(1. / 4)).Add(number("shares").Mul(c.In("values").Sum().Scale(1. / 32)))
		return losses.Term{Each: squares.Mul(c.In("between").Shift(1)).Add(factor.Mul(x.SumOver(1)))}
	},
}

func main() {
	cli.Main(append(all.Losses(), Domains))
}
