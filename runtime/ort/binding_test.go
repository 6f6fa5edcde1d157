//go:build cgo

package ort

import (
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

// A binding follows its inputs' Data, of rank 0 too, and fills its outputs'.
func TestBind(t *testing.T) {
	for name, dtype := range squares {
		t.Run(name, func(t *testing.T) {
			needHalfScalars(t, dtype)
			s := openModel(t, "square_"+name, runtime.Options{})
			in := tensors{"input": tensor.New(dtype, 1, 2), "grad_output": tensor.New(dtype)}
			out := tensors{"loss": tensor.New(dtype), "grad_input": tensor.New(dtype, 1, 2)}
			b, err := s.Bind(in, out)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			for i := range 4 {
				x, g := float64(i+1), float64(2*i+1)
				in["input"].SetFloat(0, x)
				in["input"].SetFloat(1, -x)
				in["grad_output"].SetFloat(0, g)
				goruntime.GC()
				if err := b.Run(bg); err != nil {
					t.Fatal(err)
				}
				wantFloats(t, out["loss"], dtype, nil, x*x)
				wantFloats(t, out["grad_input"], dtype, []int64{1, 2}, x*g, -x*g)
			}
		})
	}
}

func TestBindAllocatesNothing(t *testing.T) {
	b := bindSquare(t)
	var err error
	allocs := testing.AllocsPerRun(1000, func() { err = b.Run(bg) })
	if err != nil || allocs != 0 {
		t.Errorf("%v allocations per run, error %v", allocs, err)
	}
}

func TestBindErrors(t *testing.T) {
	s := openModel(t, "add", runtime.Options{})
	x := tensor.New(tensor.Float32, 3)
	in := tensors{"input": x, "other": x}
	for _, c := range []struct {
		in, out tensors
		text    string
	}{
		{tensors{"input": x}, tensors{"sum": x}, `input "other" is missing: want float32[N]`},
		{in, tensors{}, `output "sum" is missing: want float32[N]`},
		{in, tensors{"sum": tensor.New(tensor.Float64, 3)}, `output "sum": float64[3], want float32[N]`},
	} {
		_, err := s.Bind(c.in, c.out)
		wantError(t, err, c.text)
	}
	b, err := s.Bind(in, tensors{"sum": tensor.New(tensor.Float32, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(bg); err == nil {
		t.Error("a result of 3 elements went into an output of 2")
	}
}

// Bindings that nobody closed are freed, and pinned memory with them.
func TestForgottenBindings(t *testing.T) {
	s := openModel(t, "add", runtime.Options{}).(*session)
	for range 100 {
		x := tensor.New(tensor.Float32, 1000)
		if _, err := s.Bind(tensors{"input": x, "other": x}, tensors{"sum": tensor.New(tensor.Float32, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	users := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.users
	}
	for range 100 {
		if users() == 1 {
			return
		}
		goruntime.GC()
		goruntime.Gosched()
	}
	t.Errorf("%d users are left, want the session alone", users())
}

// Memory stays the same over many runs, sessions and bindings.
func TestMemory(t *testing.T) {
	s := openModel(t, "square_f32", runtime.Options{Threads: 1})
	in := tensors{"input": tensor.New(tensor.Float32, 64, 64), "grad_output": tensor.New(tensor.Float32)}
	out := tensors{"loss": tensor.New(tensor.Float32), "grad_input": tensor.New(tensor.Float32, 64, 64)}
	model := readModel(t, "square_f32")
	work := func(n int) {
		for i := range n {
			if _, err := s.Run(bg, in); err != nil {
				t.Fatal(err)
			}
			if i%10 > 0 {
				continue
			}
			b, err := s.Bind(in, out)
			if err != nil {
				t.Fatal(err)
			}
			b.Close()
			if i%100 > 0 {
				continue
			}
			other, err := Backend{}.Open(model, runtime.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			other.Close()
		}
	}
	work(2000)
	before, err := residentPages()
	if err != nil {
		t.Skip(err) // not Linux
	}
	work(10_000) // one gradient each: 160 MB
	after, _ := residentPages()
	if grown := (after - before) * os.Getpagesize(); grown > 40<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

func residentPages() (int, error) {
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int
	_, err = fmt.Sscan(string(data), &size, &resident)
	return resident, err
}

func bindSquare(t testing.TB) runtime.Binding {
	s := openModel(t, "square_f32", runtime.Options{Threads: 1})
	b, err := s.Bind(
		tensors{"input": tensor.New(tensor.Float32, 64, 10), "grad_output": tensor.New(tensor.Float32)},
		tensors{"loss": tensor.New(tensor.Float32), "grad_input": tensor.New(tensor.Float32, 64, 10)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func BenchmarkBindingRun(b *testing.B) {
	bound := bindSquare(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := bound.Run(bg); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	s := openModel(b, "square_f32", runtime.Options{Threads: 1})
	in := tensors{"input": tensor.New(tensor.Float32, 64, 10), "grad_output": tensor.New(tensor.Float32)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(bg, in); err != nil {
			b.Fatal(err)
		}
	}
}
