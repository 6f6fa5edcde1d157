package survival

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// CoxOptions configures [Cox].
type CoxOptions struct {
	Ties      string           `opt:"ties" doc:"events at one time. breslow: each is compared with all rows that are left; efron: with those less a share of the tied ones; none: with those before it in the order of falling times and rising places" choices:"breslow,efron,none" try:"efron;none"`
	Divisor   string           `opt:"divisor" doc:"what mean divides by: the events, the rows, or the different times of events" choices:"events,rows,times" try:"rows;times"`
	Reduction losses.Reduction `opt:"reduction" doc:"how the losses are combined" choices:"none,mean,sum"`
}

// Cox is the partial likelihood of proportional hazards (Cox, 1972).
var Cox = &losses.Def[CoxOptions]{
	Spec: losses.Spec{
		Name: "cox", Aliases: []string{"cox_ph", "partial_likelihood"}, Family: family, Witness: "torchsurv 0.2.0",
		Title:   "partial likelihood of proportional hazards",
		Formula: "sum over events i of log(sum over j with time[j] >= time[i] of exp(log_hazard[j])) - log_hazard[i]",
		Inputs:  []losses.Input{{Name: "log_hazard", Doc: "logarithm of each row's hazard, up to a constant", Domain: losses.Real, Grad: losses.Default}, times(), event()},
		Shapes:  []losses.Shapes{{"log_hazard": "N", "time": "N", "event": "N"}},
		Traps: []string{
			"torchsurv's mean divides by the events, and where there are ties by the different times of events (--divisor times). lifelines and R have the sum.",
			"pycox's cox_ph_loss is --ties none --divisor events, but for 1e-7 that it adds inside the logarithm: the order of the rows decides between equal times.",
			"Where no event was seen mean is NaN with gradient 0; pycox's gradient is NaN there, torchsurv's loss 0. With --divisor rows it is 0.",
			"Only the order of times counts, and a constant in log_hazard does not. A batch is its own population: small ones give other gradients than the whole data.",
			"All pairs of rows are compared, which takes N^2 numbers: 4096 rows take 67 MB for each of a few tensors.",
		},
		Inseparable: "the loss of a row is about all rows",
	},
	Defaults:  CoxOptions{Ties: "breslow", Divisor: "events", Reduction: losses.Mean},
	Reference: coxReference,
	Body: func(c *losses.Call, o CoxOptions) losses.Term {
		h, seen := c.In("log_hazard"), c.In("event")
		rows, columns := c.In("time").Unsqueeze(1), c.In("time").Unsqueeze(0)
		left := columns.Less(rows).Not() // [i,j]: j is not gone before i
		tied := rows.Equal(columns)
		both := seen.Unsqueeze(1).Mul(seen.Unsqueeze(0))
		same := builder.Where(tied, both, both.Like(0))
		risk := losses.Value{}
		switch o.Ties {
		case "efron":
			risk = efron(h, left, same, earlier(c, tied))
		case "none":
			left = left.And(tied.And(later(c, tied)).Not())
			fallthrough
		default:
			risk = h.Unsqueeze(0).BroadcastTo(left.Shape()).LogSumExpWhere(left, 1).Squeeze(1)
		}
		events := seen.Greater(c.Const(0))
		t := losses.Term{Each: builder.Where(events, risk.Sub(h), c.Const(0))}
		switch o.Divisor {
		case "events":
			t.Divisor = losses.Both{Value: seen}
		case "times":
			first := same.Mul(earlier(c, tied)).SumOver(1).Equal(c.Const(0))
			t.Divisor = losses.Both{Value: builder.Where(first, seen, c.Const(0))}
		}
		return t
	},
	Golden: coxCases(),
}

// earlier is 1 at [i,j] where j stands before i, later holds where it stands behind.
func earlier(c *losses.Call, pairs losses.Value) losses.Value {
	n := pairs.Shape()[0]
	return c.B.Iota(2, 1, n).Less(c.B.Iota(2, 0, n)).Cast(c.Compute)
}

func later(c *losses.Call, pairs losses.Value) losses.Value {
	n := pairs.Shape()[0]
	return c.B.Iota(2, 1, n).Greater(c.B.Iota(2, 0, n))
}

// efron is the logarithm of the hazards that are left, less those of the same events
// times the share of them that stands before the row.
func efron(h, left, same, before losses.Value) losses.Value {
	row := h.Unsqueeze(0).BroadcastTo(left.Shape())
	among := builder.Where(left, row, row.Like(math.Inf(-1)))
	most := among.MaxKeep(1).StopGradient()
	number := same.SumOver(1)
	share := same.Mul(before).SumOver(1).Div(number.Max(number.Like(1)))
	weights := left.Cast(h.DType()).Sub(same.Mul(share.Unsqueeze(1)))
	return among.Sub(most).Exp().Mul(weights).SumOver(1).Log().Add(most.Squeeze(1))
}

// coxReference compares all pairs, too; its tensors are of rows i and columns j.
func coxReference(c *losses.Call, o CoxOptions) string {
	left := "~(time[None, :] < time[:, None])"
	place := "torch.arange(len(time), device=time.device)"
	if o.Ties == "none" {
		left += " & ~((time[None, :] == time[:, None]) & (" + place + "[None, :] > " + place + "[:, None]))"
	}
	risk := "log_hazard[None, :].expand(len(time), -1).masked_fill(~(left), -math.inf).logsumexp(1)"
	if o.Ties == "efron" {
		risk = "(lambda m: ((torch.where(left, log_hazard[None, :] - m, -math.inf).exp() * (left.to(m) - same * same.tril(-1).sum(1, keepdim=True) / same.sum(1, keepdim=True).clamp(min=1))).sum(1)).log() + m.squeeze(1))(log_hazard.detach()[None, :].expand(len(time), -1).masked_fill(~left, -math.inf).amax(1, keepdim=True))"
	}
	rows := fmt.Sprintf("(lambda left, same: torch.where(event > 0, %s - log_hazard, 0))", risk)
	pairs := fmt.Sprintf("(%s, (time[:, None] == time[None, :]) * event[:, None] * event[None, :])", left)
	text := rows + pairs
	switch {
	case o.Reduction != losses.Mean || o.Divisor == "rows":
		return losses.Reduced(text, o.Reduction)
	case o.Divisor == "times":
		return text + ".sum() / (event * (((time[:, None] == time[None, :]) * event[:, None] * event[None, :]).tril(-1).sum(1) == 0)).sum()"
	}
	return text + ".sum() / event.sum()"
}

// coxCases have ties, no events, one row, and hazards far apart, for each treatment
// of ties.
func coxCases() []losses.Case {
	var list []losses.Case
	for _, ties := range []string{"breslow", "efron", "none"} {
		add := func(name string, c losses.Case) {
			c.Name = ties + "_" + name
			if c.Options == nil {
				c.Options = losses.Values{}
			}
			c.Options["ties"] = ties
			list = append(list, c)
		}
		many := map[string]int64{"N": 7}
		tied := losses.Edge{0: 1, 1: 2, 2: 1, 3: 1, 4: 2, 5: 0.5, 6: 2}
		seen := losses.Edge{0: 1, 1: 1, 2: 0, 3: 1, 4: 1, 5: 1, 6: 1}
		add("ties_none", losses.Case{Options: losses.Values{"reduction": "none"}, Sizes: many, Set: map[string]losses.Edge{"time": tied, "event": seen}})
		add("ties_by_times", losses.Case{Options: losses.Values{"divisor": "times"}, Sizes: many, Set: map[string]losses.Edge{"time": tied, "event": seen}})
		add("one_time", losses.Case{Fill: map[string]string{"time": "constant:1", "event": "constant:1"}})
		add("all_censored", losses.Case{Fill: map[string]string{"event": "constant:0"}})
		add("all_censored_by_rows", losses.Case{Options: losses.Values{"divisor": "rows"}, Fill: map[string]string{"event": "constant:0"}})
		add("one_row", losses.Case{Sizes: map[string]int64{"N": 1}, Fill: map[string]string{"event": "constant:1"}})
		add("far_apart_none", losses.Case{Options: losses.Values{"reduction": "none"}, Fill: map[string]string{"event": "constant:1"}, Set: map[string]losses.Edge{"log_hazard": {0: 1e4, 1: -1e4, 2: 300, 3: -300}, "time": {0: 1, 1: 2, 2: 2, 3: 3}}})
	}
	return list
}
