package sequence

import (
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file computes CTC's sums over paths. A path goes through states:
//
//	0: no path is here    1: blank    2: first label    3: blank    4: second label    ...
//
// Every state has three states from which a path comes to it; where there are
// fewer, state 0 fills up. A sequence of n labels ends in state 2n or 2n+1.

// lattice is the states of a batch of sequences over time.
type lattice struct {
	logProbs  losses.Value // [T,N,C]
	steps     losses.Value // [N,1], how many count
	labels    losses.Value // [N,1], how many count
	class     losses.Value // [N,states], the class that a state emits
	state     losses.Value // [states], 0, 1, 2, ...
	last      losses.Value // [N,1], the last state
	live      losses.Value // [T,N,1], whether the step counts
	emissions losses.Value // [T,N,states], log-probabilities in float64: sums over long sequences cancel
}

func newLattice(c *losses.Call, blank int64) *lattice {
	column := func(lengths losses.Value) losses.Value { // as [N,1]
		if lengths.Rank() == 0 {
			lengths = lengths.Unsqueeze(0)
		}
		return lengths.Cast(tensor.Int64).Unsqueeze(1)
	}
	l := &lattice{logProbs: c.In("log_probs"), steps: column(c.In("input_lengths")), labels: column(c.In("target_lengths"))}
	if l.logProbs.Rank() == 2 {
		l.logProbs = l.logProbs.Unsqueeze(1)
	}
	targets := c.In("targets").Cast(tensor.Int64)
	refuse := l.steps.Less(l.steps.Like(0)).Or(l.labels.Less(l.labels.Like(0)))
	var padded losses.Value
	if targets.Rank() == 2 {
		padded = l.padded(targets, blank)
	} else {
		total := l.labels.Sum()
		refuse = refuse.Or(total.Equal(c.B.Count(tensor.Int64, targets.Shape())).Not())
		padded = l.split(targets, blank)
	}
	l.interleave(padded, blank)
	// A state that does not exist ends the run, as PyTorch raises.
	l.last = builder.Where(refuse, l.labels.Like(-1), l.labels.Scale(2).Shift(1)).Within(l.state.Shape()[0])
	l.emit()
	return l
}

// padded returns padded labels as [N,S+1], behind a blank in column 0. What does
// not count is blank.
func (l *lattice) padded(targets losses.Value, blank int64) losses.Value {
	empty := l.labels.Like(float64(blank)).BroadcastTo(l.labels.Shape())
	rows := builder.Concat(1, empty, targets)
	number := targets.B().Iota(1, 0, rows.Shape()[1])
	return builder.Where(number.Greater(l.labels), rows.Like(float64(blank)), rows)
}

// split returns labels that stand one sequence after the other in the same form.
func (l *lattice) split(targets losses.Value, blank int64) losses.Value {
	empty := targets.Like(float64(blank)).Unsqueeze(0)
	all := builder.Concat(0, empty, targets)
	longest := l.labels.Squeeze(1).MaxKeep(0)
	number := targets.B().Iota(1, 0, all.Prefix(0, longest.Shift(1)).Shape()[0])
	before := l.labels.CumSum(0).Sub(l.labels) // labels of the sequences before
	counts := number.Greater(number.Like(0)).And(number.Greater(l.labels).Not())
	return all.Gather(0, builder.Where(counts, before.Add(number), number.Like(0)))
}

// interleave sets the class of each state: labels[0], blank, labels[1], blank, ...
func (l *lattice) interleave(labels losses.Value, blank int64) {
	states := builder.Concat(1, labels, labels).Shape()[1]
	l.state = labels.B().Iota(1, 0, states)
	half := l.state.Div(l.state.Like(2))
	odd := l.state.Greater(half.Scale(2))
	class := builder.Where(odd, labels.Like(float64(blank)), labels.Gather(1, half))
	l.class = class.Within(l.logProbs.Shape()[2]) // a gather reads -1 as the last class
}

// emit sets the emissions: those of each state's class while steps count, and
// then 0 in the last state and -inf elsewhere, so that paths go backward from
// their sequence's own end. State 0 emits nothing. At step 0 paths are in states
// 1 and 2 only; a NaN of another state must not reach them.
func (l *lattice) emit() {
	b, n := l.state.B(), l.class.Shape()
	shape := n.Insert(0, l.logProbs.Shape()[0])
	step := b.Iota(3, 0, shape[0])
	l.live = step.Less(l.steps)
	begun := step.Greater(step.Like(0)).Or(l.state.Less(l.state.Like(3)))
	emits := l.live.And(begun.And(l.state.Greater(l.state.Like(0))))
	own := l.logProbs.Pick(2, l.class.Unsqueeze(0).BroadcastTo(shape)).Cast(tensor.Float64)
	l.emissions = builder.Where(emits, own, l.only(l.last))
}

// only returns log-probabilities of states of which one is certain.
func (l *lattice) only(state losses.Value) losses.Value {
	zero := l.state.B().Const(tensor.Float64, 0)
	return builder.Where(l.state.Equal(state), zero, zero.Like(math.Inf(-1)))
}

// walk sums over the paths to each state, from those to three states before it:
// links holds their numbers as [N,3·states]. It returns the sums at each step,
// without the step's own emission.
func (l *lattice) walk(start, links losses.Value, backward bool) losses.Value {
	three := l.class.Shape().Insert(1, tensor.D(3))
	_, sums := builder.Scan([]losses.Value{start}, []losses.Value{l.emissions}, backward, func(before, emission []losses.Value) (next, outputs []losses.Value) {
		sum := l.logSumExp(before[0].Pick(1, links).Reshape(three), 1)
		return []losses.Value{sum.Add(emission[0])}, []losses.Value{sum}
	})
	return sums[0]
}

// links says from where a path comes to each state: from itself, the next state
// and the one behind it, unless that one emits the same class.
func (l *lattice) links(next, second losses.Value) losses.Value {
	shape := l.class.Shape()
	same := l.class.Equal(l.class.Gather(1, second))
	second = builder.Where(same, second.Like(0), second)
	return builder.Concat(1, l.state.BroadcastTo(shape), next.BroadcastTo(shape), second)
}

// forward returns the sums over the paths from the start to each state, [T,N,states],
// and the log-likelihood of each sequence.
func (l *lattice) forward() (sums, likelihood losses.Value) {
	zero := l.state.Like(0)
	start := l.only(l.state.Like(1)).BroadcastTo(l.class.Shape())
	sums = l.walk(start, l.links(l.state.Shift(-1).Max(zero), l.state.Shift(-2).Max(zero)), false).Add(l.emissions)
	at := l.steps.Shift(-1).Max(zero).BroadcastTo(l.class.Shape())
	last := builder.Where(l.steps.Equal(zero), start, sums.Pick(0, at.Unsqueeze(0)).Squeeze(0))
	ends := builder.Concat(1, last.Pick(1, l.last), last.Pick(1, l.last.Shift(-1)))
	return sums, l.logSumExp(ends, 1)
}

// backward returns the sums over the paths from the end back to each state, before
// its emission.
func (l *lattice) backward() losses.Value {
	count := l.state.B().Count(tensor.Int64, l.state.Shape())
	inside := func(s losses.Value) losses.Value { return builder.Where(s.Less(count), s, s.Like(0)) }
	return l.walk(l.only(l.last), l.links(inside(l.state.Shift(1)), inside(l.state.Shift(2))), true)
}

// posterior returns the probability of each class at each step, [T,N,C], given
// the labels.
func (l *lattice) posterior(forward, likelihood losses.Value) losses.Value {
	b, classes := l.state.B(), l.logProbs.Shape()[2]
	paths := l.ended(forward.Add(l.backward())).Sub(likelihood.Unsqueeze(1)).Cast(l.logProbs.DType()).Exp()
	emits := l.class.Unsqueeze(2).Equal(b.Iota(1, 0, classes)).Cast(paths.DType())
	return paths.Transpose(1, 0, 2).MatMul(emits).Transpose(1, 0, 2)
}

// ended leaves only the last two states in the last step of each sequence: a NaN
// of another state counts in earlier steps, but not there.
func (l *lattice) ended(sums losses.Value) losses.Value {
	step := l.state.B().Iota(3, 0, sums.Shape()[0])
	final := l.state.Equal(l.last).Or(l.state.Equal(l.last.Shift(-1)))
	return builder.Where(step.Equal(l.steps.Shift(-1)).And(final.Not()), sums.Like(math.Inf(-1)), sums)
}

// logSumExp returns log(sum(exp(x))) along an axis, -inf where all are. Only what
// the largest term leaves is rounded to the type of the log-probabilities.
func (l *lattice) logSumExp(x losses.Value, axis int) losses.Value {
	m := x.MaxKeep(axis).Max(x.Like(-math.MaxFloat64)) // -inf minus -inf is NaN
	rest := x.Sub(m).Cast(l.logProbs.DType()).Exp().SumKeep(axis).Log()
	return rest.Cast(tensor.Float64).Add(m).Squeeze(axis)
}
