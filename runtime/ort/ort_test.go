//go:build cgo

package ort

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/runtime"
)

type tensors = map[string]*tensor.Tensor

var bg = context.Background()

var searched = sync.OnceValue(func() error {
	_, _, err := Find("")
	return err
})

// needLibrary skips where there is no ONNX Runtime to test with.
func needLibrary(t testing.TB) {
	t.Helper()
	err := searched()
	switch {
	case err == nil:
	case os.Getenv(LibraryVariable) != "":
		t.Fatal(err) // asked for, so not to be skipped
	default:
		t.Skip(err)
	}
}

func readModel(t testing.TB, name string) []byte {
	t.Helper()
	model, err := os.ReadFile(filepath.Join("testdata", name+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func openModel(t testing.TB, name string, o runtime.Options) runtime.Session {
	t.Helper()
	needLibrary(t)
	s, err := Backend{}.Open(readModel(t, name), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func floats(dtype tensor.DType, dims []int64, values ...float64) *tensor.Tensor {
	return tensor.FromFloats(dtype, dims, values)
}

func wantFloats(t *testing.T, got *tensor.Tensor, dtype tensor.DType, dims []int64, values ...float64) {
	t.Helper()
	want := floats(dtype, dims, values...)
	if got == nil || got.String() != want.String() || !reflect.DeepEqual(got.Floats(), want.Floats()) {
		t.Errorf("got %v %v, want %v %v", got, got.Floats(), want, values)
	}
}

// needHalfScalars skips where the library cannot deliver a rank-0 half result.
func needHalfScalars(t *testing.T, dtype tensor.DType) {
	t.Helper()
	needLibrary(t)
	info, err := Backend{}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if dtype.Size() == 2 && older(info.Version, scalarVersion) {
		t.Skipf("ONNX Runtime %s is older than %s", info.Version, scalarVersion)
	}
}

var squares = map[string]tensor.DType{
	"f32": tensor.Float32, "f64": tensor.Float64, "f16": tensor.Float16, "bf16": tensor.BFloat16,
}

func TestRun(t *testing.T) {
	for name, dtype := range squares {
		t.Run(name, func(t *testing.T) {
			needHalfScalars(t, dtype)
			s := openModel(t, "square_"+name, runtime.Options{})
			for _, scale := range []float64{3, 5} {
				out, err := s.Run(bg, tensors{
					"input":       floats(dtype, []int64{2, 3}, 1, 2, 3, 4, 5, 6),
					"grad_output": floats(dtype, nil, scale),
				})
				if err != nil {
					t.Fatal(err)
				}
				wantFloats(t, out["loss"], dtype, nil, 45.5)
				wantFloats(t, out["grad_input"], dtype, []int64{2, 3}, scale, 2*scale, 3*scale, 4*scale, 5*scale, 6*scale)
			}
		})
	}
}

func TestRunRankZero(t *testing.T) {
	dtypes := map[string]tensor.DType{"i64": tensor.Int64, "i32": tensor.Int32}
	for name, dtype := range squares {
		dtypes[name] = dtype
	}
	for name, dtype := range dtypes {
		t.Run(name, func(t *testing.T) {
			needHalfScalars(t, dtype)
			s := openModel(t, "negate_"+name, runtime.Options{})
			out, err := s.Run(bg, tensors{"input": floats(dtype, nil, 7)})
			if err != nil {
				t.Fatal(err)
			}
			wantFloats(t, out["output"], dtype, nil, -7)
		})
	}
}

func TestRunBool(t *testing.T) {
	s := openModel(t, "flag", runtime.Options{})
	out, err := s.Run(bg, tensors{"input": floats(tensor.Bool, nil, 0), "mask": floats(tensor.Bool, []int64{3}, 1, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	wantFloats(t, out["output"], tensor.Bool, nil, 1)
	wantFloats(t, out["inverse"], tensor.Bool, []int64{3}, 0, 1, 0)
}

func TestZeroRows(t *testing.T) {
	for name, dtype := range squares {
		t.Run(name, func(t *testing.T) {
			needHalfScalars(t, dtype)
			s := openModel(t, "square_"+name, runtime.Options{})
			in := tensors{"input": tensor.New(dtype, 0, 3), "grad_output": floats(dtype, nil, 1)}
			out, err := s.Run(bg, in)
			if err != nil {
				t.Fatal(err)
			}
			wantFloats(t, out["loss"], dtype, nil, 0)
			wantFloats(t, out["grad_input"], dtype, []int64{0, 3})

			bound := tensors{"loss": floats(dtype, nil, 9), "grad_input": tensor.New(dtype, 0, 3)}
			b, err := s.Bind(in, bound)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if err := b.Run(bg); err != nil {
				t.Fatal(err)
			}
			wantFloats(t, bound["loss"], dtype, nil, 0)
		})
	}
}

// An output whose letter is in no input is allocated by ONNX Runtime.
func TestRunUnresolvedSizes(t *testing.T) {
	s := openModel(t, "free_f32", runtime.Options{})
	for _, c := range []struct{ in, at, values []float64 }{
		{[]float64{1, 0, 2}, []float64{0, 2}, []float64{1, 2}},
		{[]float64{0}, nil, nil},
	} {
		out, err := s.Run(bg, tensors{"input": floats(tensor.Float32, []int64{int64(len(c.in))}, c.in...)})
		if err != nil {
			t.Fatal(err)
		}
		n := []int64{int64(len(c.at))}
		wantFloats(t, out["positive"], tensor.Int64, n, c.at...)
		wantFloats(t, out["values"], tensor.Float32, n, c.values...)
	}

	half := openModel(t, "free_f16", runtime.Options{})
	_, err := half.Run(bg, tensors{"input": floats(tensor.Float16, []int64{1}, 1)})
	wantError(t, err, `output "values" is float16[M], and the inputs do not tell the size of M, which a float16 output needs here: bind the output`)
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || err.Error() != text {
		t.Errorf("got  error %v\nwant error %s", err, text)
	}
}

func TestRunChecksInputs(t *testing.T) {
	s := openModel(t, "gather", runtime.Options{})
	x, labels := tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Int64, 2)
	for _, c := range []struct {
		in   tensors
		text string
	}{
		{tensors{"input": x}, `input "target" is missing: want int64[N]`},
		{tensors{"input": x, "target": nil}, `input "target" is missing: want int64[N]`},
		{tensors{"input": x, "tgt": labels}, `unknown input "tgt": the model has input, target`},
		{tensors{"input": x, "target": labels, "b": x, "a": x}, `unknown input "a": the model has input, target`},
		{tensors{"input": x, "target": tensor.New(tensor.Int32, 2)}, `input "target": int32[2], want int64[N]`},
		{tensors{"input": x, "target": tensor.New(tensor.Int64, 2, 1)}, `input "target": int64[2,1], want int64[N]`},
		{tensors{"input": x, "target": {DType: tensor.Int64, Dims: []int64{2}, Data: make([]byte, 3)}}, `input "target": int64[2] holds 3 bytes, want 16`},
		{tensors{"input": x, "target": {DType: tensor.Int64, Dims: []int64{-1}}}, `input "target": size -1 is negative`},
	} {
		_, err := s.Run(bg, c.in)
		wantError(t, err, c.text)
	}
}

// What the model refuses while it runs comes back as one line.
func TestRunErrors(t *testing.T) {
	x := tensor.New(tensor.Float32, 2, 3)
	for _, c := range []struct {
		model string
		in    tensors
		text  string
	}{
		{"gather", tensors{"input": x, "target": tensor.FromInts(tensor.Int64, []int64{2}, []int64{0, 5})},
			"run: GatherElements: GatherElements op: Out of range value in index tensor"},
		{"guard", tensors{"input": x, "target": tensor.New(tensor.Float32, 3, 2)},
			"run: Reshape: requested_shape[i] >= -1 was false. A dimension cannot be less than -1, got -2"},
		{"add", tensors{"input": tensor.New(tensor.Float32, 3), "other": tensor.New(tensor.Float32, 2)},
			"run: Add: axis == 1 || axis == largest was false. Attempting to broadcast an axis by a dimension other than 1. 2 by 3"},
	} {
		_, err := openModel(t, c.model, runtime.Options{}).Run(bg, c.in)
		wantError(t, err, c.text)
	}
}

func TestOpenErrors(t *testing.T) {
	needLibrary(t)
	saved := filepath.Join(t.TempDir(), "refused.onnx")
	t.Setenv(SaveVariable, saved)
	model := readModel(t, "unknown")
	_, err := Backend{}.Open(model, runtime.Options{})
	if err == nil || !strings.Contains(err.Error(), "NoSuchOperator") || !strings.HasSuffix(err.Error(), "(model saved to "+saved+")") {
		t.Errorf("got error %v", err)
	}
	if got, err := os.ReadFile(saved); err != nil || string(got) != string(model) {
		t.Errorf("the model was not saved: %v", err)
	}
	t.Setenv(SaveVariable, "")

	for _, bytes := range [][]byte{nil, []byte("garbage"), readModel(t, "add")[:50]} {
		if _, err := (Backend{}).Open(bytes, runtime.Options{}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%q): got error %v", bytes, err)
		}
	}
	for _, c := range []struct {
		o    runtime.Options
		text string
	}{
		{runtime.Options{Provider: "tpu"}, `unknown provider "tpu": use cpu or cuda`},
		{runtime.Options{Optimization: "fast"}, `unknown optimization "fast": use none, basic, extended or all`},
		{runtime.Options{Threads: -1}, `-1 threads: want a positive number, or 0 for one per core`},
	} {
		_, err := Backend{}.Open(readModel(t, "add"), c.o)
		wantError(t, err, c.text)
	}
}

func TestOptions(t *testing.T) {
	for _, level := range []string{"none", "basic", "extended", "all"} {
		s := openModel(t, "add", runtime.Options{Threads: 1, Optimization: level, Provider: "cpu"})
		one := floats(tensor.Float32, []int64{1}, 1)
		out, err := s.Run(bg, tensors{"input": one, "other": one})
		if err != nil {
			t.Fatal(err)
		}
		wantFloats(t, out["sum"], tensor.Float32, []int64{1}, 2)
	}
}

func TestPorts(t *testing.T) {
	s := openModel(t, "square_f64", runtime.Options{})
	var got []string
	for _, p := range append(s.Inputs(), s.Outputs()...) {
		got = append(got, p.Name+" "+portType(p))
	}
	want := "input float64[N,D], grad_output float64[], loss float64[], grad_input float64[N,D]"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestCancel(t *testing.T) {
	s := openModel(t, "slow", runtime.Options{})
	in := tensors{"input": tensor.New(tensor.Float32, 1024, 1024)}
	b, err := s.Bind(in, tensors{"output": tensor.New(tensor.Float32, 1024, 1024)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, run := range map[string]func(context.Context) error{
		"Run":  func(ctx context.Context) error { _, err := s.Run(ctx, in); return err },
		"Bind": b.Run,
	} {
		ctx, cancel := context.WithTimeout(bg, 30*time.Millisecond)
		start := time.Now()
		err := run(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got error %v after %v", name, err, time.Since(start))
		}
		if err := run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s with an ended context: got error %v", name, err)
		}
	}
}

// A context that could end but does not changes nothing.
func TestRunWithCancel(t *testing.T) {
	s := openModel(t, "square_f32", runtime.Options{})
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	in := tensors{"input": floats(tensor.Float32, []int64{1, 1}, 2), "grad_output": floats(tensor.Float32, nil, 1)}
	out, err := s.Run(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	wantFloats(t, out["loss"], tensor.Float32, nil, 2)
}

func TestConcurrentRuns(t *testing.T) {
	s := openModel(t, "square_f32", runtime.Options{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 300 {
				n := int64(1 + (g+i)%7)
				in := tensor.New(tensor.Float32, n, 2)
				for k := range in.Len() {
					in.SetFloat(k, float64(g+1))
				}
				out, err := s.Run(bg, tensors{"input": in, "grad_output": floats(tensor.Float32, nil, 1)})
				if err != nil {
					t.Error(err)
					return
				}
				if want := float64(n) * math.Pow(float64(g+1), 2); out["loss"].Float(0) != want {
					t.Errorf("got %v, want %v", out["loss"].Float(0), want)
				}
			}
		})
	}
	wg.Wait()
}

func TestClose(t *testing.T) {
	s := openModel(t, "add", runtime.Options{})
	x := floats(tensor.Float32, []int64{1}, 1)
	in, out := tensors{"input": x, "other": x}, tensors{"sum": tensor.New(tensor.Float32, 1)}
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Run(bg, in); err == nil {
		t.Error("Run works on a closed session")
	}
	if _, err := s.Bind(in, out); err == nil {
		t.Error("Bind works on a closed session")
	}
	if err := b.Run(bg); err != nil { // the binding keeps the session alive
		t.Error(err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Run(bg); err == nil {
		t.Error("Run works on a closed binding")
	}
}
