package export

import (
	"bytes"
	"math"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
)

func TestTensorFile(t *testing.T) {
	for _, want := range []*tensor.Tensor{
		tensor.FromFloats(tensor.Float64, []int64{2, 1}, []float64{math.NaN(), math.Inf(-1)}),
		tensor.FromFloats(tensor.Float32, nil, []float64{1.5}),
		tensor.FromInts(tensor.Int64, []int64{2}, []int64{-100, 1 << 62}),
		tensor.FromFloats(tensor.BFloat16, []int64{0, 3}, nil),
		tensor.FromInts(tensor.Bool, []int64{2}, []int64{1, 0}),
	} {
		data, err := MarshalTensor("x", want)
		if err != nil {
			t.Fatal(err)
		}
		name, got, err := UnmarshalTensor(data)
		if err != nil || name != "x" || got.String() != want.String() || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%v: got %q, %v, %v", want, name, got, err)
		}
	}
	if _, err := MarshalTensor("x", nil); err == nil {
		t.Error("nothing can be written")
	}
}

// FuzzUnmarshalTensor: any bytes give a tensor that holds together, or an error.
func FuzzUnmarshalTensor(f *testing.F) {
	data, err := MarshalTensor("x", tensor.FromFloats(tensor.Float32, []int64{2, 3}, make([]float64, 6)))
	if err != nil {
		f.Fatal(err)
	}
	for i := range data {
		f.Add(data[:i])
		flipped := bytes.Clone(data)
		flipped[i] ^= 0xff
		f.Add(flipped)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, got, err := UnmarshalTensor(data)
		if err == nil && checkTensor(got) != nil {
			t.Errorf("%x gives %v", data, checkTensor(got))
		}
	})
}
