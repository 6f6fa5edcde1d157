//go:build cgo

package ort

import (
	"os"
	"strconv"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime"
)

// bindTiny binds a loss of 64 rows of 10 classes, the size at which the way to
// ONNX Runtime counts. bench/capi names the file and the threads.
func bindTiny(t testing.TB) runtime.Binding {
	t.Helper()
	needLibrary(t)
	data, err := os.ReadFile(os.Getenv("LOSSGEN_BENCH_FILE"))
	if err != nil {
		data = emit(t, "cross_entropy")
	}
	threads, err := strconv.Atoi(os.Getenv("LOSSGEN_BENCH_THREADS"))
	if err != nil {
		threads = 1
	}
	s, err := Backend{}.Open(data, runtime.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	input, target := tensor.New(tensor.Float32, 64, 10), tensor.New(tensor.Int64, 64)
	for i := range input.Len() {
		input.SetFloat(i, float64(i%7-3))
	}
	for i := range target.Len() {
		target.SetInt(i, int64(i%10))
	}
	b, err := s.Bind(tensors{"input": input, "target": target},
		tensors{"loss": tensor.New(tensor.Float32), "grad_input": tensor.New(tensor.Float32, 64, 10)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func emit(t testing.TB, loss string) []byte {
	t.Helper()
	m, err := losses.Request{Catalog: all.Losses(), Loss: loss}.Model()
	if err != nil {
		t.Fatal(err)
	}
	data, err := export.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func BenchmarkTinyLoss(b *testing.B) {
	bound := bindTiny(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := bound.Run(bg); err != nil {
			b.Fatal(err)
		}
	}
}

// A bound run of a loss allocates nothing in Go, and nothing that stays: memory
// is the same after 10,000 runs.
func TestBoundLossMemory(t *testing.T) {
	b := bindTiny(t)
	run := func() {
		if err := b.Run(bg); err != nil {
			t.Fatal(err)
		}
	}
	if allocs := testing.AllocsPerRun(1000, run); allocs != 0 {
		t.Errorf("%v allocations per run", allocs)
	}
	before, err := residentPages()
	if err != nil {
		t.Skip(err) // not Linux
	}
	for range 10_000 {
		run()
	}
	after, _ := residentPages()
	// A leak of one gradient in each run would be 25 MB.
	if grown := (after - before) * os.Getpagesize(); grown > 4<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// The intermediate results of a bound run, which stay with the session, take as
// many predictions of memory as the cost model says: with the gradient, not
// more than three. At fewer elements ONNX Runtime's smallest piece would count.
func TestPeakMemory(t *testing.T) {
	needLibrary(t)
	for loss, want := range map[string]float64{"cross_entropy": 1, "focal": 1, "mse": 2} {
		t.Run(loss, func(t *testing.T) {
			s, err := Backend{}.Open(emit(t, loss), runtime.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			in := tensors{}
			for _, p := range s.Inputs() {
				in[p.Name] = tensor.New(p.DType, []int64{4096, 1000}[:len(p.Shape)]...)
			}
			gradient := tensor.New(tensor.Float32, 4096, 1000)
			for i := range gradient.Len() {
				in["input"].SetFloat(i, 1) // memory is there once it is written
				gradient.SetFloat(i, 1)
			}
			b, err := s.Bind(in, tensors{"loss": tensor.New(tensor.Float32), "grad_input": gradient})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			before, err := residentPages()
			if err != nil {
				t.Skip(err) // not Linux
			}
			for range 3 {
				if err := b.Run(bg); err != nil {
					t.Fatal(err)
				}
			}
			after, _ := residentPages()
			got := float64((after-before)*os.Getpagesize()) / float64(len(gradient.Data))
			if got > want+0.25 {
				t.Errorf("%.2f predictions, want %v", got, want)
			}
		})
	}
}
