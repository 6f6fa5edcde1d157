package cost

import (
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// traffic is what a node moves.
type traffic struct {
	read, written           int64 // elements
	bytesRead, bytesWritten int64
	copies                  bool // elements that it would not have to
}

// views are operators whose result is the memory of their first input, unless
// it is an output of the file.
var views = []string{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"}

func (s *step) isView() bool { return slices.Contains(views, s.node.Op) }

// looksAt are operators that read sizes only.
var looksAt = []string{"Shape", "Size", "ConstantOfShape"}

// traffic counts what a step moves. inPlace says that its result is the memory
// of an input.
func (s *step) traffic(inPlace bool) traffic {
	t := traffic{}
	switch {
	case s.isView() && inPlace:
		return t
	case s.body != nil:
		t = s.body.traffic().times(s.runs)
	}
	for i, v := range s.in {
		again := slices.Index(s.node.Inputs, s.node.Inputs[i]) < i // as in a square
		if v != nil && !again && !slices.Contains(looksAt, s.node.Op) {
			t.take(v, s.readsOf(i, v, inPlace))
		}
	}
	for _, v := range s.out {
		n := v.count()
		if s.node.Op == "ScatterElements" && inPlace {
			n = s.in[1].count()
		}
		t.written = plus(t.written, n)
		t.bytesWritten = plus(t.bytesWritten, times(n, int64(v.dtype.Size())))
	}
	t.copies = s.node.Op == "ScatterElements" && !inPlace || s.isView()
	return t
}

func (t *traffic) take(v *value, n int64) {
	t.read = plus(t.read, n)
	t.bytesRead = plus(t.bytesRead, times(n, int64(v.dtype.Size())))
}

func (t traffic) times(n int64) traffic {
	return traffic{read: times(t.read, n), written: times(t.written, n), bytesRead: times(t.bytesRead, n), bytesWritten: times(t.bytesWritten, n)}
}

// traffic is that of all nodes of the body of a Scan, where small results are
// reused often enough to count them all as in place.
func (r *run) traffic() (sum traffic) {
	for i := range r.steps {
		t := r.steps[i].traffic(r.steps[i].isView())
		sum.read = plus(sum.read, t.read)
		sum.written = plus(sum.written, t.written)
		sum.bytesRead = plus(sum.bytesRead, t.bytesRead)
		sum.bytesWritten = plus(sum.bytesWritten, t.bytesWritten)
	}
	return sum
}

// readsOf returns how many elements of its i-th input a node reads.
func (s *step) readsOf(i int, v *value, inPlace bool) int64 {
	switch s.node.Op {
	case "Gather", "GatherElements", "GatherND", "Slice":
		if i == 0 {
			return min(v.count(), s.out[0].count())
		}
	case "ScatterElements":
		if i == 0 && inPlace {
			return 0
		}
	case "Squeeze", "Unsqueeze", "Reshape", "Expand":
		if i > 0 {
			return 0
		}
	}
	return v.count()
}

// nanoseconds returns the time of a step: that of its kernel, or of memory where
// that is slower. No bandwidth means that all data of the run are in the cache.
func (s *step) nanoseconds(t traffic, inPlace bool, gigabytes float64) float64 {
	if s.body != nil {
		once := float64(stepNs)
		for i := range s.body.steps {
			b := &s.body.steps[i]
			once += b.nanoseconds(b.traffic(b.isView()), b.isView(), gigabytes)
		}
		return nodeNs + float64(s.runs)*once
	}
	ns := 0.0
	if gigabytes > 0 {
		ns = float64(plus(t.bytesRead, t.bytesWritten)) / gigabytes
	}
	if s.isView() && inPlace {
		return nodeNs
	}
	return nodeNs + max(ns, s.kernel(inPlace))
}

// kernel returns the nanoseconds of a node's kernel on data in the cache.
func (s *step) kernel(inPlace bool) float64 {
	most := s.out[0]
	for _, v := range s.in {
		if v != nil && v.count() > most.count() {
			most = v
		}
	}
	n := float64(most.count())
	switch op := s.node.Op; op {
	case "Shape", "Size":
		return 0
	case "MatMul", "Gemm":
		inner := s.in[0].dims[len(s.in[0].dims)-1]
		if op == "Gemm" && s.int("transA", 0) != 0 {
			inner = s.in[0].dims[0]
		}
		return float64(inner) * float64(s.out[0].count()) * s.perElement("MatMul", s.out[0].dtype)
	case "Cast":
		return n * s.perElement("Cast/"+short(s.in[0].dtype)+"-"+short(s.out[0].dtype), 0)
	case "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceLogSumExp":
		return n * s.reduction()
	case "Softmax", "LogSoftmax":
		if s.axis(-1, len(most.dims)) != len(most.dims)-1 {
			return n * s.perElement("Softmax/first", most.dtype)
		}
		return n * s.perElement(op+"/last", most.dtype)
	case "Gather":
		if axis := s.axis(0, len(s.in[0].dims)); count(s.in[0].dims[axis+1:]) == 1 {
			return float64(s.out[0].count()) * s.perElement("Gather/elements", most.dtype)
		}
		return float64(s.out[0].count()) * s.perElement("Gather/rows", most.dtype)
	case "GatherElements", "Slice", "Concat", "Expand", "GatherND":
		return float64(s.out[0].count()) * s.perElement(op, s.out[0].dtype)
	case "ScatterElements":
		ns := float64(s.in[1].count()) * s.perElement("ScatterElements/updates", most.dtype)
		if !inPlace {
			ns += n * s.perElement("ScatterElements", most.dtype)
		}
		return ns
	}
	return s.elementwise(n)
}

// elementwise is an operator that works element by element, some operands
// repeated.
func (s *step) elementwise(n float64) float64 {
	op, dtype := s.node.Op, s.in[0].dtype
	if op == "Where" {
		dtype = s.in[1].dtype
	}
	runs, repeated := runsOf(s.out[0].dims, s.in)
	name := op + suffix(dtype)
	if _, ok := kernelNs[name]; !ok {
		name = op
	}
	ns := s.perElement(op, dtype)
	if broadcast, ok := kernelNs[name+"/broadcast"]; ok && repeated && len(s.in) > 1 {
		ns = broadcast
	}
	each := kernelNs["Add/span"]
	if op == "Where" {
		each = kernelNs["Where/span"]
	}
	return n*ns + float64(runs)*max(0, each-4*ns)
}

// runsOf counts the runs of elements in which no operand changes between being
// repeated and advancing. repeated says that one is repeated at all.
func runsOf(dims []int64, in []*value) (runs int64, repeated bool) {
	run := int64(1)
	var mode []bool // which operands advance in this run
	for i := 1; i <= len(dims); i++ {
		if dims[len(dims)-i] == 1 {
			continue
		}
		var now []bool
		for _, v := range in {
			if v == nil {
				continue
			}
			advances := i <= len(v.dims) && v.dims[len(v.dims)-i] != 1
			now = append(now, advances)
			repeated = repeated || !advances
		}
		if mode == nil {
			mode = now
		}
		if !slices.Equal(mode, now) {
			break
		}
		run *= dims[len(dims)-i]
	}
	if !repeated || run == 0 {
		return 0, repeated
	}
	return count(dims) / run, true
}

// reduction returns the nanoseconds per element of a reduction.
func (s *step) reduction() float64 {
	x := s.in[0]
	axes := s.axes(len(x.dims))
	op := s.node.Op
	switch op {
	case "ReduceMax", "ReduceMin":
	default:
		op = "ReduceSum"
	}
	name := op + suffix(x.dtype)
	if _, ok := kernelNs[name+"/all"]; !ok {
		name = op
	}
	where := "/first"
	switch {
	case len(axes) == 0 || len(axes) == len(x.dims):
		where = "/all"
	case slices.Contains(axes, int64(len(x.dims)-1)):
		where = "/last"
	}
	return kernelNs[name+where]
}

// perElement looks a kernel up. What was not measured for a type takes as much
// longer than float32 as it has more bytes, and what was not measured at all is
// as fast as a copy.
func (s *step) perElement(name string, dtype tensor.DType) float64 {
	if ns, ok := kernelNs[name+suffix(dtype)]; ok {
		return ns
	}
	ns, ok := kernelNs[name]
	if !ok {
		ns = kernelNs["Identity"]
	}
	if dtype != 0 {
		ns *= float64(dtype.Size()) / 4
	}
	return ns
}

func short(d tensor.DType) string {
	switch d {
	case tensor.Float64:
		return "f64"
	case tensor.Int64:
		return "i64"
	case tensor.Bool:
		return "bool"
	}
	return "f32"
}

func suffix(d tensor.DType) string {
	if name := short(d); name != "f32" {
		return "/" + name
	}
	return ""
}
