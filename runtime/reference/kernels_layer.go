package reference

import (
	"fmt"
	"math"
	"slices"
)

// Normalizations, and recurrent layers with their default activations.
var layerKernels = []row{
	{op: "BatchNormalization", min: 5, max: 5, attrs: "epsilon=f momentum=f training_mode=i", runMany: batchNormalization, results: 3},
	{op: "InstanceNormalization", min: 3, max: 3, attrs: "epsilon=f", run: instanceNormalization},
	{op: "LSTM", min: 3, max: 7, attrs: recurrentAttrs + " input_forget=i", runMany: lstm, results: 3},
	{op: "GRU", min: 3, max: 6, attrs: recurrentAttrs + " linear_before_reset=i", runMany: gru},
}

const recurrentAttrs = "direction=s hidden_size=i layout=i"

// perChannel checks that inputs from 1 on have a number for each channel of input 0.
func (c *call) perChannel() error {
	if err := c.floats(); err != nil {
		return err
	}
	x := c.in[0]
	if x.rank() < 2 {
		return fmt.Errorf("input 0 is %v, want rank 2 or more", x)
	}
	for k, a := range c.in[1:] {
		if a.rank() != 1 || a.dims[0] != x.dims[1] {
			return fmt.Errorf("input %d is %v for %d channels", k+1, a, x.dims[1])
		}
	}
	return nil
}

// moments returns the mean of some numbers, and the mean square of their distances
// from it.
func moments(values []float64) (mean, variance float64) {
	mean = sum(values) / float64(len(values))
	squares := make([]float64, len(values))
	for k, v := range values {
		squares[k] = (v - mean) * (v - mean)
	}
	return mean, sum(squares) / float64(len(values))
}

// batchNormalization uses the given moments or, in training, those of the batch,
// and then returns the running ones too.
func batchNormalization(c *call) ([]*array, error) {
	if err := c.perChannel(); err != nil {
		return nil, err
	}
	x, scale, bias, mean, variance := c.in[0], c.in[1].f, c.in[2].f, c.in[3], c.in[4]
	training, momentum, epsilon := c.intAttr("training_mode", 0) != 0, c.floatAttr("momentum", 0.9), c.floatAttr("epsilon", 1e-5)
	y, err := newArray(x.dtype, x.dims, c.limit)
	if err != nil {
		return nil, err
	}
	results := []*array{y}
	for _, old := range []*array{mean, variance} {
		running, err := newArray(old.dtype, old.dims, c.limit)
		if err != nil {
			return nil, err
		}
		copy(running.f, old.f)
		results = append(results, running)
	}
	plane := product(x.dims[2:])
	for channel := range x.dims[1] {
		var values []float64
		for n := range x.dims[0] {
			values = append(values, x.f[(n*x.dims[1]+channel)*plane:][:plane]...)
		}
		m, v := mean.f[channel], variance.f[channel]
		if training {
			m, v = moments(values)
			results[1].f[channel] = momentum*mean.f[channel] + (1-momentum)*m
			results[2].f[channel] = momentum*variance.f[channel] + (1-momentum)*v
		}
		for k, value := range values {
			at := (k/plane*x.dims[1]+channel)*plane + k%plane
			y.f[at] = scale[channel]*(value-m)/math.Sqrt(v+epsilon) + bias[channel]
		}
	}
	if !training {
		results = results[:1]
	}
	return results, nil
}

func instanceNormalization(c *call) (*array, error) {
	if err := c.perChannel(); err != nil {
		return nil, err
	}
	x, scale, bias, epsilon := c.in[0], c.in[1].f, c.in[2].f, c.floatAttr("epsilon", 1e-5)
	y, err := newArray(x.dtype, x.dims, c.limit)
	if err != nil {
		return nil, err
	}
	plane := product(x.dims[2:])
	for k := range x.dims[0] * x.dims[1] {
		values, channel := x.f[k*plane:][:plane], k%x.dims[1]
		m, v := moments(values)
		for j, value := range values {
			y.f[k*plane+j] = scale[channel]*(value-m)/math.Sqrt(v+epsilon) + bias[channel]
		}
	}
	return y, nil
}

// recurrence is what LSTM and GRU share: their sizes, and the order of their steps.
type recurrence struct {
	c                                       *call
	gates                                   int
	steps, batch, input, hidden, directions int
}

// recurrence checks the operands of a layer with so many gates.
func (c *call) recurrence(gates int) (*recurrence, error) {
	if c.arg(4) != nil {
		return nil, fmt.Errorf("input 4, lengths of sequences: %w", ErrNoKernel)
	}
	if c.intAttr("layout", 0) != 0 {
		return nil, fmt.Errorf("attribute \"layout\": %w", ErrNoKernel)
	}
	if err := c.floats(); err != nil {
		return nil, err
	}
	x, r := c.in[0], c.in[2]
	if x.rank() != 3 || r.rank() != 3 {
		return nil, fmt.Errorf("inputs are %v and %v, want rank 3", x, r)
	}
	l := &recurrence{c: c, gates: gates, steps: x.dims[0], batch: x.dims[1], input: x.dims[2], hidden: r.dims[2], directions: 1}
	direction, _ := c.attrs["direction"].(string)
	switch direction {
	case "", "forward", "reverse":
	case "bidirectional":
		l.directions = 2
	default:
		return nil, fmt.Errorf("attribute \"direction\" is %q", direction)
	}
	wanted := [][]int{1: {l.directions, gates * l.hidden, l.input}, 2: {l.directions, gates * l.hidden, l.hidden},
		3: {l.directions, 2 * gates * l.hidden}, 5: {l.directions, l.batch, l.hidden}, 6: {l.directions, l.batch, l.hidden}}
	for k, dims := range wanted {
		if a := c.arg(k); a != nil && dims != nil && !equalInts(a.dims, dims) {
			return nil, fmt.Errorf("input %d is %v, want %s", k, a, sizes(dims))
		}
	}
	if h := c.intAttr("hidden_size", int64(l.hidden)); h != int64(l.hidden) {
		return nil, fmt.Errorf("attribute \"hidden_size\" is %d for %v", h, r)
	}
	return l, nil
}

// state returns an initial state of a direction and batch element.
func (l *recurrence) state(k, d, n int) []float64 {
	if a := l.c.arg(k); a != nil {
		return slices.Clone(a.f[(d*l.batch+n)*l.hidden:][:l.hidden])
	}
	return make([]float64, l.hidden)
}

// product returns W·x of gate g, or with k = 2 R·h, and the bias that belongs to it.
func (l *recurrence) product(k, d, g int, v []float64) []float64 {
	out := make([]float64, l.hidden)
	a := l.c.in[k]
	for j := range out {
		line := (d*l.gates+g)*l.hidden + j
		if b := l.c.arg(3); b != nil {
			out[j] = b.f[((2*d+k-1)*l.gates+g)*l.hidden+j]
		}
		for i, x := range v {
			out[j] += a.f[line*len(v)+i] * x
		}
	}
	return out
}

// run goes through the steps of each direction and batch element. step turns the
// states before it, with x, into those after it. The result has all first states and
// the last ones of each state.
func (l *recurrence) run(states int, step func(d int, x []float64, s [][]float64)) ([]*array, error) {
	c, x := l.c, l.c.in[0]
	y, err := newArray(x.dtype, []int{l.steps, l.directions, l.batch, l.hidden}, c.limit)
	if err != nil {
		return nil, err
	}
	results := []*array{y}
	for range states {
		last, err := newArray(x.dtype, []int{l.directions, l.batch, l.hidden}, c.limit)
		if err != nil {
			return nil, err
		}
		results = append(results, last)
	}
	for d := range l.directions {
		backward := d == 1 || c.attrs["direction"] == "reverse"
		for n := range l.batch {
			if err := c.ctx.Err(); err != nil {
				return nil, err
			}
			s := [][]float64{l.state(5, d, n), l.state(6, d, n)}[:states]
			for k := range l.steps {
				t := k
				if backward {
					t = l.steps - 1 - k
				}
				step(d, x.f[(t*l.batch+n)*l.input:][:l.input], s)
				copy(y.f[((t*l.directions+d)*l.batch+n)*l.hidden:], s[0])
			}
			for k := range states {
				copy(results[1+k].f[(d*l.batch+n)*l.hidden:], s[k])
			}
		}
	}
	return results, nil
}

func lstm(c *call) ([]*array, error) {
	if c.intAttr("input_forget", 0) != 0 {
		return nil, fmt.Errorf("attribute \"input_forget\": %w", ErrNoKernel)
	}
	l, err := c.recurrence(4)
	if err != nil {
		return nil, err
	}
	return l.run(2, func(d int, x []float64, s [][]float64) {
		gate := func(g int) []float64 { return plus(l.product(1, d, g, x), l.product(2, d, g, s[0])) }
		i, o, f, g := gate(0), gate(1), gate(2), gate(3)
		for k := range s[1] {
			s[1][k] = sigmoid(f[k])*s[1][k] + sigmoid(i[k])*math.Tanh(g[k])
			s[0][k] = sigmoid(o[k]) * math.Tanh(s[1][k])
		}
	})
}

func gru(c *call) ([]*array, error) {
	l, err := c.recurrence(3)
	if err != nil {
		return nil, err
	}
	reset := c.intAttr("linear_before_reset", 0) == 0 // h is reset before the product with R
	return l.run(1, func(d int, x []float64, s [][]float64) {
		h := s[0]
		z, r := plus(l.product(1, d, 0, x), l.product(2, d, 0, h)), plus(l.product(1, d, 1, x), l.product(2, d, 1, h))
		for k := range r {
			r[k] = sigmoid(r[k])
		}
		q := times(r, l.product(2, d, 2, h))
		if reset {
			q = l.product(2, d, 2, times(r, h))
		}
		n := plus(l.product(1, d, 2, x), q)
		for k := range h {
			z := sigmoid(z[k])
			h[k] = (1-z)*math.Tanh(n[k]) + z*h[k]
		}
	})
}

func plus(a, b []float64) []float64 {
	return combine(a, b, func(x, y float64) float64 { return x + y })
}

func times(a, b []float64) []float64 {
	return combine(a, b, func(x, y float64) float64 { return x * y })
}

func combine(a, b []float64, f func(x, y float64) float64) []float64 {
	out := make([]float64, len(a))
	for k := range out {
		out[k] = f(a[k], b[k])
	}
	return out
}
