package segmentation

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

// TestLargeImages: over a million pixels the sums of a batch hold what float32 holds.
// The classes are stripes, so that a small image has the same loss but for the smooth
// terms.
func TestLargeImages(t *testing.T) {
	engines := losstest.Engines(t)
	if len(engines) == 0 {
		t.Skip("needs an engine that computes in float32")
	}
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float16} {
		for _, l := range (losses.Catalog{Dice, Jaccard, Tversky, FocalTversky, GeneralizedDice}) {
			name := l.Declaration().Name
			r := losses.Request{Catalog: Losses(), Loss: name, Grad: []string{"none"}, DType: tensor.Float64,
				Options: losses.Values{"batch": true, "smooth_nr": 0, "smooth_dr": 0}}
			exact := image(t, reference.Backend{}, r, 4, 4)
			r = r.As(dtype)
			if dtype != tensor.Float32 {
				r.LossDType = tensor.Float32
			}
			for _, size := range [][2]int64{{1 << 10, 1 << 10}, {1 << 14, 1 << 6}, {1, 1 << 20}, {1 << 18, 4}} {
				got := image(t, engines[0], r, size[0], size[1])
				if off := math.Abs(got-exact) / exact; !(off <= 2e-6) {
					t.Errorf("%s %v %v: %v, want %v: off by %.1e of it", name, dtype, size, got, exact, off)
				}
			}
		}
	}
}

// image is the loss of two images in which the scores, numbers of 16 bits, and the
// classes repeat after 4 pixels.
func image(t *testing.T, b runtime.Backend, r losses.Request, height, width int64) float64 {
	t.Helper()
	data, err := export.Encode(r.Model())
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Open(data, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, y := tensor.New(r.DType, 2, 3, height, width), tensor.New(tensor.Int64, 2, height, width)
	for i := range x.Len() {
		pixel, plane := i%int(width)%4, i/int(width*height)
		x.SetFloat(i, float64((pixel*5+plane*3)%7)/4)
	}
	for i := range y.Len() {
		y.SetInt(i, int64(i%int(width)%4%3))
	}
	out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"input": x, "target": y})
	if err != nil {
		t.Fatal(err)
	}
	return out["loss"].Float(0)
}
