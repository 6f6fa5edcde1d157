package cost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/ir/infer"
	"github.com/lossgen/lossgen/export"
)

// Options say for which sizes and on what machine. The zero value is usual sizes
// on the machine that the kernels were measured on.
type Options struct {
	// Sizes are those of letters; letters without one are N=4096, C=1000, D=1000,
	// I=256, T=200, S=30, others 64. An integer that the graph computes from the
	// values of inputs, and that is a size, can be given by its name.
	Sizes     Sizes
	Bandwidth float64 // of memory, in gigabytes per second
}

// Report is the cost of a run.
type Report struct {
	Sizes      Sizes    `json:"sizes"`
	Assumed    []string `json:"assumed,omitempty"` // sizes that depend on the values of inputs, and are the largest possible
	Prediction string   `json:"prediction"`        // the largest input with a gradient: a full-size pass reads or writes as many elements
	Bandwidth  float64  `json:"bandwidth_gb_s"`
	Machine    string   `json:"machine"` // that the kernels were measured on

	Nodes []Node `json:"nodes"` // in the order of the file

	Passes       float64 `json:"passes"`
	BytesRead    int64   `json:"bytes_read"`
	BytesWritten int64   `json:"bytes_written"`
	LeastBytes   int64   `json:"least_bytes"` // inputs read once and outputs written once
	Nanoseconds  float64 `json:"nanoseconds"`

	InputBytes  int64   `json:"input_bytes"`
	OutputBytes int64   `json:"output_bytes"`
	PeakBytes   int64   `json:"peak_bytes"` // of intermediate results, beside inputs and outputs
	PeakRatio   float64 `json:"peak_ratio"` // of intermediate results and outputs to the prediction
}

// Node is the cost of a node. That of a Scan has its body in it, for all steps.
type Node struct {
	Op           string   `json:"op"`
	Results      []Result `json:"results"`
	Passes       float64  `json:"passes"`
	BytesRead    int64    `json:"bytes_read"`
	BytesWritten int64    `json:"bytes_written"`
	Nanoseconds  float64  `json:"nanoseconds"`
	InPlace      bool     `json:"in_place"` // in the memory of an input
	Steps        int64    `json:"steps,omitempty"`
}

// Result is what a node computes.
type Result struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Dims  []int64 `json:"dims"`
}

// Estimate returns the cost of a run of a model.
func Estimate(m *ir.Model, o Options) (*Report, error) {
	if err := export.CheckForeign(m); err != nil {
		return nil, err
	}
	sizes, err := o.Sizes.resolve(m.Graph)
	if err != nil {
		return nil, err
	}
	if o.Bandwidth == 0 {
		o.Bandwidth = bandwidth
	}
	types, err := infer.Graph(m.Graph, infer.Options{Sizes: sizes, Largest: true})
	var r *run
	if err == nil {
		r, err = newRun(m.Graph, types, nil)
	}
	if err != nil && len(sizes) > 0 {
		err = fmt.Errorf("sizes %v: %w", sizes, err)
	}
	if err != nil {
		return nil, err
	}
	report := &Report{Sizes: sizes, Assumed: types.Assumed, Bandwidth: o.Bandwidth, Machine: measuredOn, Nanoseconds: runNs}
	report.add(r)
	return report, nil
}

// add fills in what the nodes of a graph cost.
func (c *Report) add(r *run) {
	prediction := r.prediction()
	if prediction != "" {
		c.Prediction = prediction
	}
	full := 1.0
	var fullBytes int64
	if v := r.values[prediction]; v != nil {
		full, fullBytes = max(1, float64(v.count())), v.bytes()
	}
	plan := r.plan()
	c.PeakBytes = plan.peak()
	for _, p := range r.graph.Inputs {
		c.InputBytes = plus(c.InputBytes, r.values[p.Name].bytes())
	}
	for _, p := range r.graph.Outputs {
		c.OutputBytes = plus(c.OutputBytes, r.values[p.Name].bytes())
	}
	c.LeastBytes = plus(c.InputBytes, c.OutputBytes)
	gigabytes := c.Bandwidth
	if plus(c.LeastBytes, c.PeakBytes) <= cache {
		gigabytes = 0
	}
	for i := range r.steps {
		s := &r.steps[i]
		t := s.traffic(plan.inPlace[i])
		n := Node{Op: s.node.Op, InPlace: plan.inPlace[i], Steps: s.runs, Passes: float64(plus(t.read, t.written)) / full,
			BytesRead: t.bytesRead, BytesWritten: t.bytesWritten, Nanoseconds: s.nanoseconds(t, plan.inPlace[i], gigabytes)}
		for k, name := range s.node.Outputs {
			if name != "" {
				n.Results = append(n.Results, Result{name, s.out[k].dtype.String(), append([]int64{}, s.out[k].dims...)})
			}
		}
		c.Nodes = append(c.Nodes, n)
		c.Passes += n.Passes
		c.BytesRead = plus(c.BytesRead, n.BytesRead)
		c.BytesWritten = plus(c.BytesWritten, n.BytesWritten)
		c.Nanoseconds += n.Nanoseconds
	}
	if fullBytes > 0 {
		c.PeakRatio = float64(plus(c.PeakBytes, c.OutputBytes)) / float64(fullBytes)
	}
}

// prediction names the largest input that has a gradient, or the largest of
// floats where none has.
func (r *run) prediction() (name string) {
	var most int64 = -1
	for _, withGradient := range []bool{true, false} {
		for _, p := range r.graph.Inputs {
			has := slices.ContainsFunc(r.graph.Outputs, func(o ir.Port) bool { return strings.TrimPrefix(o.Name, "grad_") == p.Name })
			if n := r.values[p.Name].count(); p.DType.IsFloat() && (has || !withGradient) && n > most {
				name, most = p.Name, n
			}
		}
		if name != "" {
			return name
		}
	}
	return name
}
