package losstest

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// ports checks the declared inputs and outputs of each variant's model.
func ports(t *testing.T, h *harness) {
	for _, v := range h.variants() {
		p := plan(t, v.request)
		m, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		inputs := map[string]ir.Port{}
		for _, port := range m.Graph.Inputs {
			inputs[port.Name] = port
		}
		if m.Graph.Outputs[0].Name != "loss" {
			t.Errorf("%s: the first output is %s, want loss", v.name, m.Graph.Outputs[0].Name)
		}
		var gradients []string
		for _, out := range m.Graph.Outputs {
			name, ok := strings.CutPrefix(out.Name, "grad_")
			if !ok {
				continue
			}
			gradients = append(gradients, name)
			if in := inputs[name]; in.DType != out.DType || !in.Shape.Equal(out.Shape) {
				t.Errorf("%s: %s is %v%v, want its input's %v%v", v.name, out.Name, out.DType, out.Shape, in.DType, in.Shape)
			}
		}
		if want := p.Differentiated(); fmt.Sprint(gradients) != fmt.Sprint(want) {
			t.Errorf("%s: gradients %v, want %v", v.name, gradients, want)
		}
		if up, ok := inputs["grad_output"]; ok && !up.Shape.Equal(m.Graph.Outputs[0].Shape) {
			t.Errorf("%s: grad_output is %v, want the loss's shape %v", v.name, up.Shape, m.Graph.Outputs[0].Shape)
		}
	}
	letters := 0
	for _, port := range plan(t, h.asked(nil)).Ports {
		for _, d := range port.Shape {
			if !d.Known() {
				letters++
			}
		}
	}
	if letters == 0 {
		t.Error("no size of the default request is a letter")
	}
}

// wrongTensors runs the default file with tensors of a wrong dtype or rank, and
// without one: the error has to name it.
func wrongTensors(t *testing.T, h *harness) {
	f := h.file(t, h.asked(nil))
	good := f.small(1)
	for _, e := range h.engines {
		s := open(t, e, f.data)
		for name, x := range good {
			other := tensor.Float64
			if !x.DType.IsFloat() {
				other = tensor.Float32
			}
			for what, bad := range map[string]*tensor.Tensor{
				"dtype":   x.Cast(other),
				"rank":    tensor.New(x.DType, append([]int64{1}, x.Dims...)...),
				"missing": nil,
			} {
				inputs := maps.Clone(good)
				inputs[name] = bad
				if bad == nil {
					delete(inputs, name)
				}
				_, err := s.Run(t.Context(), inputs)
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: %s of %s: got error %v, want one that names it", e.Name(), what, name, err)
				}
			}
		}
	}
}

// contradictedSizes runs files with sizes that contradict their letters: the run
// has to fail instead of broadcasting or reading other elements.
func contradictedSizes(t *testing.T, h *harness) {
	for _, v := range h.shapeVariants() {
		f := h.file(t, v.request)
		p, sizes := f.plan, verify.Sizes{}
		for _, port := range p.Ports {
			for _, d := range port.Shape {
				if _, ok := sizes[d.Sym]; !ok && !d.Known() {
					sizes[d.Sym] = 3 + int64(len(sizes))
				}
			}
		}
		for letter, n := range p.LeastSizes() {
			sizes[letter] = max(sizes[letter], n+2)
		}
		good := f.draw(sizes, 1)
		for _, e := range h.engines {
			s := open(t, e, f.data)
			if _, err := s.Run(t.Context(), good); err != nil {
				t.Errorf("%s: %s: sizes %v: %v", v.name, e.Name(), sizes, err)
			}
			for _, bad := range contradictions(p, sizes) {
				inputs := maps.Clone(good)
				x := tensor.New(bad.port.DType, bad.dims...)
				for i := range x.Len() {
					if x.DType.IsFloat() {
						x.SetFloat(i, 0.25)
					}
				}
				inputs[bad.port.Name] = x
				if _, err := s.Run(t.Context(), inputs); err == nil {
					t.Errorf("%s: %s: %s of sizes %v runs where %v are promised (%v)", v.name, e.Name(), bad.port.Name, bad.dims, bad.port.Shape, sizes)
				}
			}
		}
	}
}

// contradiction is a port with sizes that the other ports contradict.
type contradiction struct {
	port losses.Port
	dims []int64
}

// contradictions lists, for each letter that stands in several places, sizes of
// 1, one less and one more in one of them, and a port with two sizes exchanged.
func contradictions(p *losses.Plan, sizes verify.Sizes) []contradiction {
	uses := map[string]int{}
	for _, port := range p.Ports {
		for _, d := range port.Shape {
			uses[d.Sym]++
		}
	}
	var list []contradiction
	for _, port := range p.Ports {
		right := sizes.Of(port.Shape)
		for axis, d := range port.Shape {
			if d.Known() || uses[d.Sym] < 2 {
				continue
			}
			for _, n := range []int64{1, right[axis] - 1, right[axis] + 1} {
				dims := append([]int64{}, right...)
				dims[axis] = n
				list = append(list, contradiction{port, dims})
			}
			if axis > 0 && !port.Shape[axis-1].Known() && right[axis] != right[axis-1] {
				dims := append([]int64{}, right...)
				dims[axis], dims[axis-1] = dims[axis-1], dims[axis]
				list = append(list, contradiction{port, dims})
			}
		}
	}
	return list
}

// labelsOutOfRange runs files with labels that PyTorch refuses.
func labelsOutOfRange(t *testing.T, h *harness) {
	for _, v := range h.shapeVariants() {
		for _, index := range []tensor.DType{tensor.Int64, tensor.Int32} {
			r := v.request
			r.IndexDType = index
			f := h.file(t, r)
			for _, port := range f.plan.Ports {
				if port.NamesClasses() {
					h.refuseLabels(t, v.name, f, port)
				}
			}
		}
	}
}

func (h *harness) refuseLabels(t *testing.T, name string, f *file, port losses.Port) {
	p, good := f.plan, f.small(1)
	classes := verify.SmallSizes(p, 1).Classes(p, port)
	for _, e := range h.engines {
		s := open(t, e, f.data)
		for _, label := range []int64{-1, -classes, -classes - 1, classes, classes + 1, math.MinInt32, math.MaxInt32} {
			if ignored, ok := p.Ignored(port); ok && label == ignored || port.Domain == losses.Labels && label == -1 {
				continue
			}
			x := tensor.FromInts(port.DType, good[port.Name].Dims, good[port.Name].Ints())
			x.SetInt(0, label)
			x.SetInt(x.Len()-1, label) // of a sequence the first may count nowhere, or the last
			inputs := maps.Clone(good)
			inputs[port.Name] = x
			if _, err := s.Run(t.Context(), inputs); err == nil {
				t.Errorf("%s: %s: label %d of %d classes runs", name, e.Name(), label, classes)
			}
		}
	}
}
