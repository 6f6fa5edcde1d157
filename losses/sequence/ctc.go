package sequence

import (
	"fmt"
	"math"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// CTCOptions configures [CTC].
type CTCOptions struct {
	Blank        int64            `opt:"blank" doc:"class that stands for no label" bounds:"[0,inf)" try:"0;1"`
	Reduction    losses.Reduction `opt:"reduction" doc:"how the losses of the sequences are combined" choices:"none,mean,sum"`
	ZeroInfinity bool             `opt:"zero_infinity" doc:"loss and gradient of a sequence that has no path are 0"`
	TrueGradient bool             `opt:"true_gradient" doc:"the partial derivative for log_probs instead of PyTorch's gradient, which is that of the logits"`
}

// CTC is connectionist temporal classification (Graves et al., 2006): the
// negative log-likelihood of a label sequence, summed over all ways to spread it
// over time.
var CTC = &losses.Def[CTCOptions]{
	Spec: losses.Spec{
		Name: "ctc", Class: "CTCLoss", Family: "sequence",
		NoSecond: "PyTorch does not differentiate its gradient",
		Title:    "likelihood of label sequences without alignment",
		Formula:  "-log(sum over paths π that read targets of exp(sum over t of log_probs[t,π[t]]))",
		Inputs: []losses.Input{
			{Name: "log_probs", Doc: "log-probabilities of the classes at each step, as log_softmax gives them", Domain: losses.LogProb, Of: losses.Of{Axis: "C"}, Grad: losses.Default},
			{Name: "targets", Doc: "labels, padded to [N,S] or one sequence after the other; none is the blank", Domain: losses.Class, Of: losses.Of{Axis: "C", Except: "blank", Unchecked: true}},
			{Name: "input_lengths", Doc: "steps of each sequence that count, at most T", Domain: losses.Lengths, Of: losses.Of{Axis: "T"}},
			{Name: "target_lengths", Doc: "labels of each sequence, at most S", Domain: losses.Lengths, Of: losses.Of{Axis: "S", Sum: "L"}},
		},
		Shapes: []losses.Shapes{
			{"log_probs": "T,N,C", "targets": "N,S", "input_lengths": "N", "target_lengths": "N"},
			{"log_probs": "T,N,C", "targets": "L", "input_lengths": "N", "target_lengths": "N"},
			{"log_probs": "T,C", "targets": "S", "input_lengths": "", "target_lengths": ""},
			{"log_probs": "T,C", "targets": "S", "input_lengths": "1", "target_lengths": "1"},
			{"log_probs": "T,C", "targets": "1,S", "input_lengths": "1", "target_lengths": "1"},
		},
		LabelPolicy:   "a label outside [0, C) ends the run with an index error where it counts, while PyTorch reads other memory; so do lengths that PyTorch raises on; padding may hold anything",
		NaNRows:       true,
		OwnCases:      true, // lengths, labels and time must fit
		NotDerivative: "the gradient for log_probs is that of the logits behind a log_softmax, as PyTorch's",
		Inseparable:   "its mean divides each sequence's loss by its number of labels",
		Traps: []string{
			"The gradient for log_probs is not the partial derivative: as in PyTorch it is exp(log_probs) minus the posterior, the gradient of the logits behind a log_softmax. Its rows sum to 0, so log_softmax's own backward pass leaves it as it is. --true-gradient gives the partial derivative, minus the posterior.",
			"Mean divides each loss by its number of labels, at least 1, and then by the number of sequences.",
			"A sequence with too few steps for its labels and the blanks between equal ones has no path: loss inf and gradient NaN. --zero-infinity makes both 0.",
			"Where a log-probability is -inf the gradient is NaN, as in PyTorch; with --true-gradient it is 0.",
			"Targets of rank 1 are the labels of all sequences, one after the other without padding.",
			"A label equal to blank is undefined in PyTorch, which does not check for it.",
			"A NaN may make the gradient of its whole sequence NaN.",
		},
	},
	Defaults:  CTCOptions{Reduction: losses.Mean},
	Reference: ctcReference,
	Golden:    ctcCases(),
	Body: func(c *losses.Call, o CTCOptions) losses.Term {
		if classes := c.In("log_probs").Shape(); !isClass(o.Blank, classes[len(classes)-1]) {
			builder.Failf("ctc", "blank %d is none of %v classes", o.Blank, classes[len(classes)-1])
		}
		l := newLattice(c, o.Blank)
		loss := l.loss(o)
		if o.Reduction == losses.Mean {
			labels := l.labels.Max(l.labels.Like(1))
			loss = loss.Div(labels.Squeeze(1).Cast(c.Compute))
		}
		if c.In("log_probs").Rank() == 2 {
			loss = loss.Squeeze(0)
		}
		return losses.Each(loss)
	},
}

func isClass(label int64, classes tensor.Dim) bool { return !classes.Known() || label < classes.Size }

// loss returns the loss of each sequence, with its gradient.
func (l *lattice) loss(o CTCOptions) losses.Value {
	forward, likelihood := l.forward()
	nll := likelihood.Neg().Cast(l.logProbs.DType())
	value, counts := nll, l.live // counts: the steps that have a gradient
	if o.ZeroInfinity {
		infinite := nll.Equal(nll.Like(math.Inf(1)))
		value = builder.Where(infinite, nll.Like(0), nll)
		counts = counts.And(infinite.Not().Unsqueeze(1))
	}
	name := fmt.Sprintf("ctc true_gradient=%t", o.TrueGradient)
	return builder.WithGradient(name, value, []losses.Value{l.logProbs}, func(dy losses.Value) []losses.Value {
		if dy.Rank() == 1 {
			dy = dy.Unsqueeze(1)
		}
		dx, none := l.posterior(forward, likelihood).Neg(), dy.Like(0)
		if !o.TrueGradient {
			dx = l.logProbs.Exp().Add(dx)
			none = builder.Where(counts, dy.Like(math.NaN()), none) // of a class that is impossible
		}
		possible := l.logProbs.Greater(l.logProbs.Like(math.Inf(-1)))
		return []losses.Value{builder.Where(possible.And(counts), dx.Mul(dy), none)}
	})
}

// ctcReference subtracts, for the partial derivative, what PyTorch's gradient
// has beyond it: a term of value 0 whose gradient is exp(log_probs). Its own
// gradient at -inf, which is NaN, is detached.
func ctcReference(c *losses.Call, o CTCOptions) string {
	call := func(logProbs string, r losses.Reduction, zeroInfinity bool) string {
		return c.Expand(fmt.Sprintf("F.ctc_loss(%s, {targets}, {input_lengths}, {target_lengths}, blank=%d, reduction='%s', zero_infinity=%s)",
			logProbs, o.Blank, r, losses.Python(zeroInfinity)), nil)
	}
	if !o.TrueGradient {
		return call("log_probs", o.Reduction, o.ZeroInfinity)
	}
	step := "torch.arange(len(lp)).reshape(-1, *[1] * (lp.dim() - 2))"
	p := fmt.Sprintf("torch.where(%s < {input_lengths}, lp.exp().nan_to_num(0, 0, 0).sum(-1), 0).sum(0)", step)
	if o.ZeroInfinity {
		p = fmt.Sprintf("torch.where(%s < float('inf'), %s, 0)", call("lp", losses.None, false), p)
	}
	row := fmt.Sprintf("(lambda lp: %s - (lambda p: p - p.detach())(%s))(torch.where(log_probs > -float('inf'), log_probs, log_probs.detach()))",
		call("lp", losses.None, o.ZeroInfinity), c.Expand(p, nil))
	if o.Reduction == losses.Mean {
		row += " / target_lengths.clamp(min=1)"
	}
	return losses.Reduced(row, o.Reduction)
}
