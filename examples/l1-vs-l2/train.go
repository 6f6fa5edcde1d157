package main

import (
	"context"
	"maps"
	"math"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

const (
	every = 10 // epochs between points of a curve
	rate  = 0.01
	decay = 2 // how fast Adam shrinks weights, in units of the rate
)

// outcome is what a loss's trainings on one kind of targets gave. Predictions
// are of held-out rows, each made by the training that has not seen it.
type outcome struct {
	Prediction []float64
	Lower      []float64 // the quantiles 0.1 and 0.9, where the loss predicts them
	Upper      []float64
	Loss       []float64 // of the training rows over the epochs, mean of the folds
	HeldOut    []float64 // mean absolute error over the epochs, mean of the folds
}

// trainer trains networks with one loss.
type trainer struct {
	contender
	session runtime.Session
	data    *dataset
	epochs  int // a multiple of every
}

// crossValidate trains a network for each fold.
func (t *trainer) crossValidate(ctx context.Context, corrupted bool) (*outcome, error) {
	rows, points := len(t.data.target), t.epochs/every+1
	o := &outcome{Prediction: make([]float64, rows), Loss: make([]float64, points), HeldOut: make([]float64, points)}
	if t.outputs == 3 {
		o.Lower, o.Upper = make([]float64, rows), make([]float64, rows)
	}
	for fold := range folds {
		train, test := t.data.split(fold, corrupted)
		if err := t.train(ctx, o, train, test); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (t *trainer) train(ctx context.Context, o *outcome, train, test batch) error {
	p, err := initial(t.outputs)
	if err != nil {
		return err
	}
	adam := newAdam(p)
	for epoch := 0; ; epoch++ {
		out, err := t.session.Run(ctx, t.inputs(p, train))
		if err != nil {
			return err
		}
		if epoch%every == 0 {
			o.Loss[epoch/every] += out["loss"].Float(0) / folds
			held, err := t.session.Run(ctx, t.inputs(p, test))
			if err != nil {
				return err
			}
			o.HeldOut[epoch/every] += t.predict(o, held["prediction"], test.rows) / folds
		}
		if epoch == t.epochs {
			return nil
		}
		adam.step(p, out)
	}
}

// predict keeps the predictions of held-out rows, in the target's own unit, and
// returns their mean absolute error. Later ones replace earlier ones.
func (t *trainer) predict(o *outcome, prediction *tensor.Tensor, rows []int) float64 {
	miss := 0.0
	for i, row := range rows {
		at := func(column int) float64 { return prediction.Float(i*t.outputs+column)*unit + center }
		o.Prediction[row] = at(t.point)
		miss += math.Abs(o.Prediction[row] - t.data.target[row])
		if o.Lower != nil {
			o.Lower[row], o.Upper[row] = at(0), at(2)
		}
	}
	return miss / float64(len(rows))
}

func (t *trainer) inputs(p map[string]*tensor.Tensor, b batch) map[string]*tensor.Tensor {
	target := tensor.New(tensor.Float32, t.targetDims(int64(len(b.target)))...)
	copy(tensor.View[float32](target), b.target)
	in := map[string]*tensor.Tensor{"features": b.features, "target": target}
	maps.Copy(in, p)
	return in
}

// adam is the optimizer AdamW (Loshchilov and Hutter, 2019), which shrinks
// weights apart from the gradient.
type adam struct {
	steps          float64
	first, second  map[string][]float32
	moving, square float32
}

func newAdam(p map[string]*tensor.Tensor) *adam {
	a := &adam{first: map[string][]float32{}, second: map[string][]float32{}, moving: 0.9, square: 0.999}
	for name, t := range p {
		a.first[name], a.second[name] = make([]float32, t.Len()), make([]float32, t.Len())
	}
	return a
}

func (a *adam) step(p, out map[string]*tensor.Tensor) {
	a.steps++
	unbiased1 := float32(1 - math.Pow(float64(a.moving), a.steps))
	unbiased2 := float32(1 - math.Pow(float64(a.square), a.steps))
	for _, name := range parameters {
		w, g := tensor.View[float32](p[name]), tensor.View[float32](out["grad_"+name])
		first, second := a.first[name], a.second[name]
		for i := range w {
			first[i] = a.moving*first[i] + (1-a.moving)*g[i]
			second[i] = a.square*second[i] + (1-a.square)*g[i]*g[i]
			if name == "w1" || name == "w2" { // a shrunken bias would pull predictions to the center
				w[i] *= 1 - rate*decay
			}
			w[i] -= rate * (first[i] / unbiased1) / (float32(math.Sqrt(float64(second[i]/unbiased2))) + 1e-8)
		}
	}
}
