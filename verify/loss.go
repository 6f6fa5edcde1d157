package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

// Loss runs every golden case of a loss, in each dtype that can hold the case, on
// every engine.
func Loss(ctx context.Context, l losses.Loss, engines []Engine, o Options) *Report {
	if o.Catalog == nil {
		o.Catalog = losses.Catalog{l}
	}
	spec := l.Declaration()
	r := &Report{Subject: spec.Name, Loss: spec.Name}
	cases, err := o.casesOf(spec.Name)
	if err == nil && len(cases) == 0 {
		err = errors.New("there are no golden cases")
	}
	if err != nil {
		c := Check{Name: "golden"}
		c.fail("%v", err)
		r.Checks = append(r.Checks, c.done())
		return r
	}
	jobs := goldenJobs(cases, o.Only)
	results := make([][]Check, len(jobs))
	parallel(len(jobs), o, func(i int) {
		defer jobs[i].file.close()
		for _, e := range engines {
			results[i] = append(results[i], jobs[i].run(ctx, e, spec, o))
		}
	})
	for _, dtype := range dtypes() {
		for k, e := range engines {
			c := Check{Name: "golden", Engine: e.Name(), DType: dtype.String()}
			for i, job := range jobs {
				if job.dtype == dtype {
					c.merge(results[i][k])
				}
			}
			if n := unfit(cases, dtype); n > 0 {
				c.Skipped += n
				c.note("%d cases have inputs that %v cannot hold", n, dtype)
			}
			r.Checks = append(r.Checks, c.done())
		}
	}
	return r
}

func (o Options) casesOf(loss string) ([]*Golden, error) {
	g, err := o.goldens()
	if err != nil {
		return nil, err
	}
	return g.Cases(loss)
}

// goldenJob is the golden cases that one file serves.
type goldenJob struct {
	dtype tensor.DType
	file  *file
	err   error // that the request could not be emitted
	cases []*Golden
}

// goldenJobs groups cases by their file, of which requests may share one.
func goldenJobs(cases []*Golden, only func(*Golden, tensor.DType) bool) []*goldenJob {
	var jobs []*goldenJob
	byRequest, byFile := map[string]*goldenJob{}, map[string]*goldenJob{}
	for _, c := range cases {
		for _, dtype := range dtypes() {
			if !c.isFor(dtype) || !c.fits(dtype) || only != nil && !only(c, dtype) {
				continue
			}
			request := c.Request.As(dtype)
			text := textOf(request)
			job := byRequest[text]
			if job == nil {
				data, err := export.Encode(request.Model())
				if job = byFile[string(data)]; job == nil || err != nil {
					job = &goldenJob{dtype: dtype, file: &file{data: data}, err: err}
					byFile[string(data)] = job
					jobs = append(jobs, job)
				}
				byRequest[text] = job
			}
			job.cases = append(job.cases, c)
		}
	}
	return jobs
}

// textOf tells requests of one catalog apart.
func textOf(r losses.Request) string {
	r.Catalog = nil
	return fmt.Sprintf("%#v", r)
}

// parallel calls f for 0 to n-1 on all cores.
func parallel(n int, o Options, f func(i int)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next, done := 0, 0
	for range min(n, goruntime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					return
				}
				f(i)
				mu.Lock()
				done++
				o.progress(done, n)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// run runs the cases on an engine. It is called in goroutines, where a panic would
// end the program: one becomes a failure.
func (j *goldenJob) run(ctx context.Context, e Engine, spec losses.Spec, o Options) (c Check) {
	defer func() {
		if r := recover(); r != nil {
			c.fail("internal error, please report it: %v", r)
		}
	}()
	err := j.err
	var s runtime.Session
	if err == nil {
		s, err = j.file.on(e)
	}
	if errors.Is(err, runtime.ErrUnavailable) || errors.Is(err, reference.ErrNoKernel) {
		c.Skipped = len(j.cases)
		c.note("%v", err)
		return c
	}
	for _, g := range j.cases {
		c.Cases++
		switch {
		case err != nil:
			c.fail("%s: %v", g.Case, err)
		default:
			runGolden(ctx, s, e, g, j.dtype, spec, o, &c)
		}
	}
	return c
}

// runGolden runs a case on an opened file that has its request, or a subset of
// its outputs.
func runGolden(ctx context.Context, s runtime.Session, e Engine, g *Golden, dtype tensor.DType, spec losses.Spec, o Options, c *Check) {
	inputs := map[string]*tensor.Tensor{}
	for _, p := range s.Inputs() {
		t := g.input(p.Name)
		if t == nil {
			c.fail("%s: the case has no input %s", g.Case, p.Name)
			return
		}
		inputs[p.Name] = t.Cast(p.DType)
	}
	outputs, err := s.Run(ctx, inputs)
	if err != nil {
		c.fail("%s: %v", g.Case, err)
		return
	}
	o.observe(Observation{"golden", g.Loss, g.Case, e.Name(), dtype, inputs, outputs})
	var wrong []string
	for _, p := range s.Outputs() {
		want, ok := g.want(p.Name, p.DType, e.Backend.Name())
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s is not among the case's outputs", p.Name))
			continue
		}
		d := compare(outputs[p.Name], want, g.tolerance(e.tolerance(p.DType), p.Name, p.DType).cancelling(spec.Cancels, p.Name, p.DType, want), excused(spec.NaNRows, p.Name, want, inputs))
		if !c.add(p.Name, g.Case, d) {
			wrong = append(wrong, fmt.Sprintf("%s: %v", p.Name, d))
		}
	}
	if wrong != nil {
		c.fail("%s: %s", g.Case, wrong[0])
	}
}

// excused returns the elements of a gradient that may be NaN where PyTorch has a
// number: in losses that declare it, those whose own input is NaN.
func excused(nanRows bool, output string, want *tensor.Tensor, inputs map[string]*tensor.Tensor) func(int) bool {
	if !nanRows || output == "loss" {
		return func(int) bool { return false }
	}
	allowed := map[int]bool{}
	for _, in := range inputs {
		if !in.DType.IsFloat() {
			continue
		}
		for i := range in.Len() {
			if !math.IsNaN(in.Float(i)) {
				continue
			}
			for k := range want.Len() {
				if related(in.Dims, indexOf(in.Dims, i), want.Dims, indexOf(want.Dims, k)) {
					allowed[k] = true
				}
			}
		}
	}
	return func(i int) bool { return allowed[i] }
}

// related reports whether the element at index i of a tensor of sizes a meets
// the element at k of one of sizes b: in tensors of one shape the same element,
// else one that it is broadcast with, or one of the same row.
func related(a, i, b, k []int64) bool {
	if slices.Equal(a, b) {
		return slices.Equal(i, k)
	}
	if len(a) > 0 && len(b) > 0 && a[0] == b[0] && i[0] == k[0] {
		return true
	}
	for n := 1; n <= min(len(a), len(b)); n++ {
		x, y := a[len(a)-n], b[len(b)-n]
		if x != y && x != 1 && y != 1 || x == y && i[len(i)-n] != k[len(k)-n] {
			return false
		}
	}
	return true
}
