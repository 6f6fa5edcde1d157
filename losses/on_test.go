package losses_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// TestOn builds a linear model with its loss as one graph.
func TestOn(t *testing.T) {
	g, err := builder.Build("linear", func(b *builder.B) {
		x := b.Input("x", tensor.Float64, tensor.Of("N", 2))
		w := b.Input("w", tensor.Float64, tensor.Of(2, int64(1)))
		target := b.Input("target", tensor.Float64, tensor.Of("N", 1))
		loss := regression.Huber.On(regression.HuberOptions{Reduction: losses.Sum},
			map[string]builder.Value{"input": x.MatMul(w), "target": target})
		b.Output("loss", loss)
		b.Output("grad_w", builder.Grad(loss, loss.Like(1), w)[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	version, err := ir.VersionFor(ir.DefaultOpset)
	if err != nil {
		t.Fatal(err)
	}
	data, err := export.Marshal(&ir.Model{IRVersion: version, Opset: ir.DefaultOpset, Graph: g.Lower(ir.DefaultOpset)})
	if err != nil {
		t.Fatal(err)
	}
	session, err := reference.Backend{}.Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	f := func(dims []int64, values ...float64) *tensor.Tensor {
		return tensor.FromFloats(tensor.Float64, dims, values)
	}
	out, err := session.Run(context.Background(), map[string]*tensor.Tensor{
		"x": f([]int64{2, 2}, 1, 2, 3, 4), "w": f([]int64{2, 1}, 0.5, 0.25), "target": f([]int64{2, 1}, 0.5, 5),
	})
	if err != nil {
		t.Fatal(err)
	}
	// Predictions 1 and 2.5: differences 0.5 and -2.5, slopes 0.5 and -1.
	if got := out["loss"].Float(0); got != 0.125+2 {
		t.Errorf("the loss is %v, want 2.125", got)
	}
	if got := out["grad_w"].Floats(); got[0] != 0.5-3 || got[1] != 1-4 {
		t.Errorf("the gradient is %v, want [-2.5 -3]", got)
	}
}

// TestOnRefuses: what does not fit is an error of Build that names it.
func TestOnRefuses(t *testing.T) {
	cases := map[string]struct {
		inputs func(x, y builder.Value) map[string]builder.Value
		want   string
	}{
		"missing": {func(x, y builder.Value) map[string]builder.Value {
			return map[string]builder.Value{"input": x}
		}, "input target is missing"},
		"unknown": {func(x, y builder.Value) map[string]builder.Value {
			return map[string]builder.Value{"input": x, "target": y, "other": y}
		}, "other"},
		"shape": {func(x, y builder.Value) map[string]builder.Value {
			return map[string]builder.Value{"input": x, "target": y.Transpose(1, 0)}
		}, "target cannot have shape"},
	}
	for name, c := range cases {
		_, err := builder.Build(name, func(b *builder.B) {
			x := b.Input("x", tensor.Float32, tensor.Of("N", "D"))
			y := b.Input("y", tensor.Float32, tensor.Of("N", "D"))
			b.Output("loss", regression.SmoothL1.On(regression.SmoothL1Options{}, c.inputs(x, y)))
		})
		var mistake *builder.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// TestOnForms puts a loss on values whose sizes are forms: both views of a batch, and
// the differences of neighbours.
func TestOnForms(t *testing.T) {
	const end = 1 << 40
	g, err := builder.Build("forms", func(b *builder.B) {
		x := b.Input("x", tensor.Float64, tensor.Of("N", "open0_"))
		views := builder.Concat(0, x, x.Exp())
		loss := regression.MSE.On(parts.ReductionOnly{Reduction: losses.Mean}, map[string]builder.Value{"input": views, "target": views.Like(1).BroadcastTo(views.Shape())})
		steps := x.Slice(0, 1, end).Sub(x.Slice(0, 0, -1))
		loss = loss.Add(regression.L1.On(parts.ReductionOnly{Reduction: losses.Sum}, map[string]builder.Value{"input": steps, "target": x.Slice(0, 1, end)}))
		b.Output("loss", loss)
		b.Output("grad_x", builder.Grad(loss, loss.Like(1), x)[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := export.Marshal(&ir.Model{IRVersion: 8, Opset: 17, Graph: g.Lower(17)})
	if err != nil {
		t.Fatal(err)
	}
	session, err := reference.Backend{}.Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(t.Context(), map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.Float64, []int64{3, 1}, []float64{0, 2, 1})})
	if err != nil {
		t.Fatal(err)
	}
	e, e2 := math.Exp(1), math.Exp(2) // views 0, 2, 1, 1, e², e; steps less targets 0 and -2
	if got, want := out["loss"].Float(0), (1+1+(e2-1)*(e2-1)+(e-1)*(e-1))/6+2; math.Abs(got-want) > 1e-12 {
		t.Errorf("the loss is %v, want %v", got, want)
	}
	slopes := []float64{-2, 2 + 2*(e2-1)*e2, 2 * (e - 1) * e}
	for i, step := range []float64{0, 1, 0} { // |-x[i-1]| of the second step alone
		if got, want := out["grad_x"].Float(i), slopes[i]/6+step; math.Abs(got-want) > 1e-12 {
			t.Errorf("the gradient of x[%d] is %v, want %v", i, got, want)
		}
	}
	_, err = builder.Build("forms", func(b *builder.B) {
		x := b.Input("x", tensor.Float64, tensor.Of("N", "D"))
		views := builder.Concat(0, x, x)
		b.Output("loss", regression.MSE.On(parts.ReductionOnly{Reduction: losses.Mean}, map[string]builder.Value{"input": views, "target": x.Transpose(1, 0)}))
	})
	if err == nil || !strings.Contains(err.Error(), "[2*N,D]") && !strings.Contains(err.Error(), "2*N conflicts") && !strings.Contains(err.Error(), "conflicts with 2*N") {
		t.Errorf("a wrong shape: %v, want an error that says 2*N", err)
	}
}
