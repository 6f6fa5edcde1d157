package verify

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime"
)

// differencesTolerance is how exact central differences in float64 are.
var differencesTolerance = Tolerance{Rel: 1e-6, Abs: 1e-8}

// maxProbed bounds the elements of one input whose gradient is checked, and fewProbed
// those of an input that cannot be small, as one that has to hold windows.
const maxProbed, fewProbed = 16, 3

// differences compares the file's loss with that of its request in float64 on
// the reference engine, or another that can run it, and its gradients with
// central differences of it.
func (f *file) differences(ctx context.Context, engines []Engine) []Check {
	judges := f.judges(engines)
	if len(judges) == 0 {
		c := Check{Name: "differences"}
		c.note("no engine can run the file")
		return []Check{c.done()}
	}
	right, skipped, err := f.rightOutputs(ctx, judges[0])
	var list []Check
	for _, e := range engines {
		if e.Backend.Name() == "reference" && judges[0].Backend.Name() != "reference" {
			continue // it cannot run the file
		}
		c := Check{Name: "differences", Engine: e.Name(), DType: f.plan.DType.String(), Cases: len(right), Skipped: skipped}
		if err != nil {
			c.fail("%v", err)
		}
		for i, want := range right {
			f.compareDerivatives(ctx, e, i, want, &c)
		}
		if skipped > 0 {
			c.note("%d elements lie next to a kink", skipped)
		}
		if reason := f.plan.Spec.NotDerivative; reason != "" && len(f.plan.Differentiated()) > 0 {
			c.note("gradients are compared with the request in float64, not with differences: %s", reason)
		}
		list = append(list, c.done())
	}
	return list
}

// rightOutputs returns what the file's outputs must be for some draws of inputs, by
// seed. Differences take many runs, and are made on the last one alone; errors of a
// mean may cancel each other on one.
func (f *file) rightOutputs(ctx context.Context, judge Engine) (list []map[string]*tensor.Tensor, skipped int, err error) {
	w, err := f.wide(judge)
	if err != nil {
		return nil, 0, err
	}
	defer w.close()
	for seed := range draws {
		want, err := w.outputs(ctx, f.draw(seed))
		if err != nil {
			return nil, 0, err
		}
		list = append(list, want)
	}
	want, skipped, err := f.derivatives(ctx, w, f.draw(draws))
	return append(list, want), skipped, err
}

// compareDerivatives compares the outputs of a run on a draw with what they must be.
// NaN stands for "not known".
func (f *file) compareDerivatives(ctx context.Context, e Engine, seed int, want map[string]*tensor.Tensor, c *Check) {
	where := fmt.Sprintf("draw %d", seed)
	got, err := f.run(ctx, e, c.Name, where, f.draw(seed))
	if err != nil {
		c.fail("%s: %v", where, err)
		return
	}
	for _, p := range f.model.Graph.Outputs {
		tol := e.tolerance(p.DType)
		right, t := want[p.Name], tol
		if right == nil || got[p.Name] == nil || right.Len() != got[p.Name].Len() {
			c.fail("%s: %s: got %v, want %v", where, p.Name, got[p.Name], right)
			continue
		}
		if p.Name != "loss" {
			t = Tolerance{Rel: max(tol.Rel, differencesTolerance.Rel), Abs: max(tol.Abs, differencesTolerance.Abs)}
		}
		filled := tensor.FromFloats(tensor.Float64, right.Dims, right.Floats())
		for i := range filled.Len() {
			if math.IsNaN(filled.Float(i)) {
				filled.SetFloat(i, got[p.Name].Float(i))
			}
		}
		if d := Compare(got[p.Name], filled, t); !c.add(p.Name, where, d) {
			c.fail("%s: %s: %v", where, p.Name, d)
		}
	}
}

// wide is the file's request in float64, opened on an engine that judges by it.
type wide struct {
	judge   Engine
	request losses.Request
	exact   runtime.Session
	shared  bool // exact is the session of the file itself
}

func (f *file) wide(judge Engine) (w wide, err error) {
	w.judge, w.request = judge, f.plan.Request.As(tensor.Float64)
	w.request.For = "" // the numbers are the same, but not every consumer has float64
	w.shared = f.plan.DType == tensor.Float64 && f.plan.For == "" && bytes.Equal(f.data, f.rebuilt)
	if w.shared {
		w.exact, err = f.on(judge)
	} else {
		w.exact, err = judge.open(w.request)
	}
	return w, err
}

func (w wide) close() {
	if !w.shared {
		w.exact.Close()
	}
}

// outputs returns what the file's outputs must be for float inputs.
func (w wide) outputs(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	return w.exact.Run(ctx, widened(inputs))
}

// widened returns inputs with floats in float64.
func widened(inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for name, t := range inputs {
		out[name] = t
		if t.DType.IsFloat() {
			out[name] = t.Cast(tensor.Float64)
		}
	}
	return out
}

// derivatives returns what the file's outputs must be, too, with gradients by
// differences, in which NaN marks what is not known. skipped counts kinks.
func (f *file) derivatives(ctx context.Context, w wide, inputs map[string]*tensor.Tensor) (want map[string]*tensor.Tensor, skipped int, err error) {
	if want, err = w.outputs(ctx, inputs); err != nil || f.plan.Spec.NotDerivative != "" {
		return want, 0, err
	}
	request := w.request
	request.Grad, request.GradOutput, request.HVP = []string{"none"}, false, false
	forward, err := w.judge.open(request)
	if err != nil {
		return nil, 0, err
	}
	defer forward.Close()
	inputs = widened(inputs)
	p := prober{ctx: ctx, session: forward, inputs: inputs, upstream: inputs["grad_output"]}
	if p.upstream == nil {
		p.upstream = tensor.FromFloats(tensor.Float64, nil, []float64{1})
	}
	p.objective = p.upstreamTimesLoss
	for _, name := range f.plan.Differentiated() {
		want["grad_"+name] = p.gradient(name)
	}
	if f.plan.HVP && p.err == nil {
		request := w.request
		request.HVP = false
		if p.session, err = w.judge.open(request); err != nil {
			return nil, 0, err
		}
		defer p.session.Close()
		p.objective = p.vectorsTimesGradients
		for _, name := range f.plan.Differentiated() {
			want["hvp_"+name] = p.gradient(name)
		}
	}
	return want, p.kinks, p.err
}

// open opens the file of a request.
func (e Engine) open(r losses.Request) (runtime.Session, error) {
	data, err := export.Encode(r.Model())
	if err != nil {
		return nil, err
	}
	return e.Backend.Open(data, e.Options)
}

// prober evaluates an objective near inputs.
type prober struct {
	ctx       context.Context
	session   runtime.Session
	inputs    map[string]*tensor.Tensor
	upstream  *tensor.Tensor
	objective func(outputs map[string]*tensor.Tensor) float64
	kinks     int
	err       error
}

// upstreamTimesLoss is what gradients are derivatives of.
func (p *prober) upstreamTimesLoss(outputs map[string]*tensor.Tensor) float64 {
	return dot(outputs["loss"], p.upstream)
}

// vectorsTimesGradients is what products with the Hessian are derivatives of.
func (p *prober) vectorsTimesGradients(outputs map[string]*tensor.Tensor) float64 {
	sum := 0.0
	for name, x := range outputs {
		if input, ok := strings.CutPrefix(name, "grad_"); ok {
			sum += dot(x, p.inputs["vector_"+input])
		}
	}
	return sum
}

// dot is the product of two tensors of one shape, of which the second may be a number.
func dot(x, y *tensor.Tensor) float64 {
	sum := 0.0
	for k := range x.Len() {
		sum += y.Float(min(k, y.Len()-1)) * x.Float(k)
	}
	return sum
}

// gradient returns the derivatives by the elements of an input; NaN for those
// that are not probed or next to a kink.
func (p *prober) gradient(name string) *tensor.Tensor {
	x := p.inputs[name]
	g := tensor.New(tensor.Float64, x.Dims...)
	probed := maxProbed
	if x.Len() > wholeElements {
		probed = fewProbed
	}
	stride := (x.Len() + probed - 1) / probed
	for i := range x.Len() {
		g.SetFloat(i, math.NaN())
		if i%stride == 0 {
			g.SetFloat(i, p.derivative(name, i))
		}
	}
	return g
}

// derivative extrapolates central differences of two steps. Where the loss has a
// kink within a step, or at the point, the result is NaN.
func (p *prober) derivative(name string, i int) float64 {
	x := p.inputs[name].Float(i)
	h := 1e-3 * max(1, math.Abs(x)/4)
	f := func(d float64) float64 { return p.at(name, i, x+d) }
	middle := f(0)
	a, b, c, d := f(h), f(-h), f(h/2), f(-h/2)
	wide, narrow := (a-b)/(2*h), (c-d)/h
	bendWide, bendNarrow := math.Abs(a-2*middle+b)/h, math.Abs(c-2*middle+d)/(h/2)
	scale := max(1, math.Abs(narrow))
	// Halving the step quarters the error of a smooth function's difference and
	// halves the difference of its one-sided slopes.
	kink := math.Abs(wide-narrow) > 1e-4*scale || bendWide > 1e-6*scale && bendNarrow > 0.75*bendWide
	if kink {
		p.kinks++
		return math.NaN()
	}
	return narrow + (narrow-wide)/3
}

// at returns the objective with one element of an input replaced.
func (p *prober) at(name string, i int, v float64) float64 {
	inputs := map[string]*tensor.Tensor{}
	for _, port := range p.session.Inputs() {
		inputs[port.Name] = p.inputs[port.Name]
	}
	x := tensor.FromFloats(tensor.Float64, p.inputs[name].Dims, p.inputs[name].Floats())
	x.SetFloat(i, v)
	inputs[name] = x
	out, err := p.session.Run(p.ctx, inputs)
	if err != nil {
		p.err = fmt.Errorf("differences of %s: %w", name, err)
		return 0
	}
	return p.objective(out)
}
