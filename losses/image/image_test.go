package image

import (
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losstest"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

func Test(t *testing.T) { losstest.RunAll(t, Losses(), Losses()) }

// TestFiveScales: with its defaults ms_ssim has the numbers of PyTorch, on the smallest
// image that it takes and one column more.
func TestFiveScales(t *testing.T) {
	data, err := export.Encode(losses.Request{Catalog: Losses(), Loss: "ms_ssim", DType: tensor.Float64}.Model())
	if err != nil {
		t.Fatal(err)
	}
	x, y := tensor.New(tensor.Float64, 1, 1, 161, 162), tensor.New(tensor.Float64, 1, 1, 161, 162)
	for i := range x.Len() {
		x.SetFloat(i, float64(i*37%101)/128)
		y.SetFloat(i, float64((i*37+i*11%23)%101)/128)
	}
	for _, e := range append(losstest.Engines(t), reference.Backend{}) {
		s, err := e.Open(data, runtime.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"input": x, "target": y})
		s.Close()
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		near := func(what string, got, want float64) {
			if !(math.Abs(got-want) <= 1e-8*math.Abs(want)+1e-14) {
				t.Errorf("%s: %s is %v, want %v", e.Name(), what, got, want)
			}
		}
		near("the loss", out["loss"].Float(0), 0.798710886994937)
		for i, want := range map[int]float64{0: 1.2838137465535078e-08, 1: 1.2831635319927108e-08, 5000: -0.00023282871044238572, 13041: -1.334913870089846e-05, 26081: 2.444152222439734e-09} {
			near("a gradient", out["grad_input"].Float(i), want)
		}
	}
}

// TestWindows: an image must hold a window. A smaller one is refused where its size is
// known, and ends the run where it is not, at the last of several scales, too.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		loss    string
		options losses.Values
		least   int64
	}{
		{"ssim", nil, 11},
		{"ssim", losses.Values{"window": 5, "padding": "reflect"}, 3},
		{"ms_ssim", losses.Values{"window": 3, "weights": []float64{0.5, 0.25, 0.25}}, 9},
	} {
		r := losses.Request{Catalog: Losses(), Loss: c.loss, Options: c.options}
		for _, side := range []tensor.Dim{tensor.D(c.least - 1), tensor.D(c.least)} {
			r.Shapes = map[string]string{"input": tensor.Shape{tensor.D(1), tensor.D(1), side, tensor.S("W")}.List()}
			if _, err := r.Resolve(); (err == nil) != side.Is(c.least) {
				t.Errorf("%s %v of height %v: error %v", c.loss, c.options, side, err)
			}
		}
		r.Shapes = nil
		data, err := export.Encode(r.Model())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range append(losstest.Engines(t), reference.Backend{}) {
			s, err := e.Open(data, runtime.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			for side := int64(0); side <= c.least; side++ {
				x := tensor.New(tensor.Float32, 1, 1, c.least, side)
				_, err := s.Run(t.Context(), map[string]*tensor.Tensor{"input": x, "target": x})
				if (err == nil) != (side == c.least) {
					t.Errorf("%s: %s %v of width %d: error %v", e.Name(), c.loss, c.options, side, err)
				}
			}
			s.Close()
		}
	}
}
